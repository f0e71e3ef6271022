package awsjson

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/staunchmq/staunch/internal/api"
)

func decode(t *testing.T, action, body string) (any, *api.Error) {
	t.Helper()
	in, err := Decode(api.ActionNamed(action), []byte(body))
	if err == nil {
		return in, nil
	}
	e, ok := err.(*api.Error)
	if !ok || in != nil {
		t.Fatalf("got %v and %T %v", in, err, err)
	}
	return nil, e
}

func TestDecode(t *testing.T) {
	text := func(s string) *string { return &s }
	number := func(n int64) *int64 { return &n }
	for _, tc := range []struct {
		name, action, body string
		want               any
	}{
		{"empty body", "ListQueues", "", &api.ListQueuesInput{}},
		{"white space", "ListQueues", " \r\n", &api.ListQueuesInput{}},
		{"empty object", "ListQueues", "{}", &api.ListQueuesInput{}},
		{"white space around", "ListQueues", "\n { } \t", &api.ListQueuesInput{}},
		{
			"every member of SendMessage", "SendMessage",
			`{"QueueUrl":"u","MessageBody":"b","DelaySeconds":0,"MessageDeduplicationId":"d","MessageGroupId":"g",
			"MessageAttributes":{"n":{"DataType":"Number","StringValue":"1"},"b":{"DataType":"Binary","BinaryValue":"AQID","StringListValues":["x"],"BinaryListValues":["AA=="]}},
			"MessageSystemAttributes":{"AWSTraceHeader":{"DataType":"String","StringValue":"Root=1"}}}`,
			&api.SendMessageInput{
				QueueUrl: "u", MessageBody: text("b"), DelaySeconds: number(0), MessageDeduplicationId: text("d"), MessageGroupId: text("g"),
				MessageAttributes: map[string]api.MessageAttributeValue{
					"n": {DataType: text("Number"), StringValue: text("1")},
					"b": {DataType: text("Binary"), BinaryValue: []byte{1, 2, 3}, StringListValues: []string{"x"}, BinaryListValues: [][]byte{{0}}},
				},
				MessageSystemAttributes: map[string]api.MessageAttributeValue{"AWSTraceHeader": {DataType: text("String"), StringValue: text("Root=1")}},
			},
		},
		{"absent, null and empty differ only where they must", "SendMessage", `{"QueueUrl":null,"MessageBody":"","MessageGroupId":null,"MessageAttributes":{}}`,
			&api.SendMessageInput{MessageBody: text(""), MessageAttributes: map[string]api.MessageAttributeValue{}}},
		{"empty blob", "SendMessage", `{"MessageAttributes":{"b":{"BinaryValue":""}}}`,
			&api.SendMessageInput{MessageAttributes: map[string]api.MessageAttributeValue{"b": {BinaryValue: []byte{}}}}},
		{"null in a map", "SendMessage", `{"MessageAttributes":{"a":null}}`, &api.SendMessageInput{MessageAttributes: map[string]api.MessageAttributeValue{}}},
		{"escapes", "SendMessage", `{"MessageBody":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\u0000"}`, &api.SendMessageInput{MessageBody: text("\"\\/\b\f\n\r\té😀\x00")}},
		{"escapes in base64", "SendMessage", `{"MessageAttributes":{"b":{"BinaryValue":"\/\/\/\/"}}}`,
			&api.SendMessageInput{MessageAttributes: map[string]api.MessageAttributeValue{"b": {BinaryValue: []byte{255, 255, 255}}}}},
		{"escapes in a name", "SendMessage", `{"Message\u0042ody":"b"}`, &api.SendMessageInput{MessageBody: text("b")}},
		{"unknown members", "SendMessage", `{"x":{"MessageBody":[1,{"a":"b"}]},"MessageBody":"b","y":1e999,"x":[]}`, &api.SendMessageInput{MessageBody: text("b")}},
		{"names are case-sensitive", "SendMessage", `{"messageBody":"b","queueurl":"u"}`, &api.SendMessageInput{}},
		{"broken UTF-8 in an unknown member", "SendMessage", "{\"x\":\"\xff\",\"MessageBody\":\"b\"}", &api.SendMessageInput{MessageBody: text("b")}},
		{"whole numbers in other words", "SendMessage", `{"DelaySeconds":1e1}`, &api.SendMessageInput{DelaySeconds: number(10)}},
		{"whole number with a fraction of nothing", "SendMessage", `{"DelaySeconds":-5.0}`, &api.SendMessageInput{DelaySeconds: number(-5)}},
		{"large number", "SendMessage", `{"DelaySeconds":9223372036854775807}`, &api.SendMessageInput{DelaySeconds: number(1<<63 - 1)}},
		{"entries absent", "SendMessageBatch", `{}`, &api.SendMessageBatchInput{}},
		{"entries null", "SendMessageBatch", `{"Entries":null}`, &api.SendMessageBatchInput{}},
		{"entries empty", "SendMessageBatch", `{"Entries":[]}`, &api.SendMessageBatchInput{Entries: []api.SendMessageBatchRequestEntry{}}},
		{"entries", "SendMessageBatch", `{"Entries":[{"Id":"1","MessageBody":"a"},null,{"Id":"","DelaySeconds":3}]}`,
			&api.SendMessageBatchInput{Entries: []api.SendMessageBatchRequestEntry{{Id: text("1"), MessageBody: text("a")}, {Id: text(""), DelaySeconds: number(3)}}}},
		{"lists", "ReceiveMessage", `{"AttributeNames":[],"MessageSystemAttributeNames":["All",null,""],"MessageAttributeNames":null}`,
			&api.ReceiveMessageInput{AttributeNames: []string{}, MessageSystemAttributeNames: []string{"All", ""}}},
		{"tags of CreateQueue are lower-case", "CreateQueue", `{"QueueName":"q","tags":{"a":""},"Tags":{"b":"c"}}`,
			&api.CreateQueueInput{QueueName: text("q"), Tags: map[string]string{"a": ""}}},
		{"numbers as queue attributes", "CreateQueue", `{"Attributes":{"DelaySeconds":30,"VisibilityTimeout":"45","MaximumMessageSize":1.5}}`,
			&api.CreateQueueInput{Attributes: map[string]string{"DelaySeconds": "30", "VisibilityTimeout": "45", "MaximumMessageSize": "1.5"}}},
		{"queue attribute null", "SetQueueAttributes", `{"Attributes":{"Policy":null,"RedrivePolicy":""}}`,
			&api.SetQueueAttributesInput{Attributes: map[string]string{"RedrivePolicy": ""}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := decode(t, tc.action, tc.body)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	const notJSON = "The request body is not valid JSON"
	for _, tc := range []struct {
		name, action, body string
		kind               *api.ErrorKind
		text               string // how the message begins
	}{
		{"array at the top", "SendMessage", `[]`, api.MalformedInput, "The request body must be a JSON object."},
		{"string at the top", "SendMessage", `"a"`, api.MalformedInput, "The request body must be a JSON object."},
		{"number at the top", "SendMessage", `1`, api.MalformedInput, "The request body must be a JSON object."},
		{"null at the top", "SendMessage", `null`, api.MalformedInput, "The request body must be a JSON object."},
		{"no JSON", "SendMessage", `Action=SendMessage`, api.MalformedInput, notJSON},
		{"cut short", "SendMessage", `{"MessageBody":"a"`, api.MalformedInput, notJSON},
		{"cut short in a string", "SendMessage", `{"MessageBody":"a`, api.MalformedInput, notJSON},
		{"cut short in null", "SendMessage", `{"MessageBody":nul`, api.MalformedInput, notJSON},
		{"something after the object", "SendMessage", `{"MessageBody":"a"}{`, api.MalformedInput, notJSON},
		{"two objects", "SendMessage", `{} {}`, api.MalformedInput, notJSON},
		{"trailing comma", "SendMessage", `{"MessageBody":"a",}`, api.MalformedInput, notJSON},
		{"name without quotes", "SendMessage", `{MessageBody:"a"}`, api.MalformedInput, notJSON},
		{"number for a name", "SendMessage", `{1:"a"}`, api.MalformedInput, notJSON},
		{"raw control character", "SendMessage", "{\"MessageBody\":\"a\x01\"}", api.MalformedInput, notJSON},
		{"bad escape", "SendMessage", `{"MessageBody":"\x"}`, api.MalformedInput, notJSON},
		{"bad number", "SendMessage", `{"DelaySeconds":01}`, api.MalformedInput, notJSON},
		{"not a number", "SendMessage", `{"DelaySeconds":NaN}`, api.MalformedInput, notJSON},
		{"bad unknown member", "SendMessage", `{"x":[}`, api.MalformedInput, notJSON},
		{"deep unknown member", "SendMessage", `{"x":` + strings.Repeat("[", 1_000_000), api.MalformedInput, notJSON},

		{"member twice", "SendMessage", `{"MessageBody":"a","MessageBody":"a"}`, api.MalformedInput, `The request body has the member "MessageBody" twice.`},
		{"member twice, null", "SendMessage", `{"MessageBody":null,"MessageBody":"a"}`, api.MalformedInput, `The request body has the member "MessageBody" twice.`},
		{"member twice, escaped", "SendMessage", `{"MessageBody":"a","Message\u0042ody":"a"}`, api.MalformedInput, `The request body has the member "MessageBody" twice.`},
		{"name twice in a map", "TagQueue", `{"Tags":{"a":"1","a":"2"}}`, api.MalformedInput, `The request body has the member "a" twice.`},

		// reference/sqs.md 1.2
		{"object for a string", "SendMessage", `{"MessageBody":{}}`, api.MalformedInput, "Start of structure or map found where not expected."},
		{"object for an integer", "SendMessage", `{"DelaySeconds":{}}`, api.MalformedInput, "Start of structure or map found where not expected."},
		{"object for a list", "SendMessageBatch", `{"Entries":{}}`, api.MalformedInput, "Start of structure or map found where not expected."},
		{"list for a string", "SendMessage", `{"MessageBody":[]}`, api.MalformedInput, "Start of list found where not expected"},
		{"list for an integer", "SendMessage", `{"DelaySeconds":[]}`, api.MalformedInput, "Start of list found where not expected"},
		{"list for a map", "CreateQueue", `{"Attributes":[]}`, api.MalformedInput, "Start of list found where not expected"},
		{"list for a structure", "SendMessage", `{"MessageAttributes":{"a":[]}}`, api.MalformedInput, "Start of list found where not expected"},
		{"list in a map of strings", "CreateQueue", `{"Attributes":{"Policy":[]}}`, api.MalformedInput, "Unrecognized collection type class java.lang.String"},
		{"string for an integer", "SendMessage", `{"DelaySeconds":"5"}`, api.MalformedInput, "STRING_VALUE can not be converted to an Integer"},
		{"true for an integer", "SendMessage", `{"DelaySeconds":true}`, api.MalformedInput, "TRUE_VALUE can not be converted to an Integer"},
		{"false for an integer", "SendMessage", `{"DelaySeconds":false}`, api.MalformedInput, "FALSE_VALUE can not be converted to an Integer"},
		{"number for a string", "SendMessage", `{"MessageBody":1}`, api.MalformedInput, "NUMBER_VALUE can not be converted to a String"},
		{"true for a string", "SendMessage", `{"MessageBody":true}`, api.MalformedInput, "TRUE_VALUE can not be converted to a String"},
		{"number for a tag", "TagQueue", `{"Tags":{"a":1}}`, api.MalformedInput, "NUMBER_VALUE can not be converted to a String"},
		{"boolean for a queue attribute", "CreateQueue", `{"Attributes":{"FifoQueue":true}}`, api.MalformedInput, "TRUE_VALUE can not be converted to a String"},
		{"string for a list", "GetQueueAttributes", `{"AttributeNames":"All"}`, api.MalformedInput, "Expected list or null"},
		{"number in a list", "GetQueueAttributes", `{"AttributeNames":[1]}`, api.MalformedInput, "NUMBER_VALUE can not be converted to a String"},
		{"string for a map", "CreateQueue", `{"Attributes":"a"}`, api.MalformedInput, "Expected null"},
		{"string for a structure", "SendMessage", `{"MessageAttributes":{"a":"b"}}`, api.MalformedInput, "Expected null"},
		{"string for an entry", "SendMessageBatch", `{"Entries":["a"]}`, api.MalformedInput, "Expected null"},

		{"fraction", "SendMessage", `{"DelaySeconds":1.5}`, api.MalformedInput, "NUMBER_VALUE can not be converted to an Integer"},
		{"2^70", "SendMessage", `{"DelaySeconds":1180591620717411303424}`, api.MalformedInput, "NUMBER_VALUE can not be converted to an Integer"},
		{"2^63", "SendMessage", `{"DelaySeconds":9223372036854775808}`, api.MalformedInput, "NUMBER_VALUE can not be converted to an Integer"},
		{"1e999", "SendMessage", `{"DelaySeconds":1e999}`, api.MalformedInput, "NUMBER_VALUE can not be converted to an Integer"},
		{"bad base64", "SendMessage", `{"MessageAttributes":{"b":{"BinaryValue":"A"}}}`, api.MalformedInput, "The value of BinaryValue is not valid base64."},
		{"URL-safe base64", "SendMessage", `{"MessageAttributes":{"b":{"BinaryValue":"__8="}}}`, api.MalformedInput, "The value of BinaryValue is not valid base64."},

		{"broken UTF-8 in a message", "SendMessage", "{\"MessageBody\":\"\xff\"}", api.InvalidMessageContents, "Invalid characters found."},
		{"broken UTF-8 beside an escape", "SendMessage", "{\"MessageBody\":\"\\n\xff\"}", api.InvalidMessageContents, "Invalid characters found."},
		{"encoded surrogate in a message", "SendMessage", "{\"MessageBody\":\"\xed\xa0\x80\"}", api.InvalidMessageContents, "Invalid characters found."},
		{"lone high surrogate", "SendMessage", `{"MessageBody":"\ud800"}`, api.InvalidMessageContents, "Invalid characters found."},
		{"lone low surrogate", "SendMessageBatch", `{"Entries":[{"MessageBody":"\udc00x"}]}`, api.InvalidMessageContents, "Invalid characters found."},
		{"broken UTF-8 in a name", "SendMessage", "{\"MessageAttributes\":{\"\xff\":{}}}", api.InvalidMessageContents, "Invalid characters found."},
		{"broken UTF-8 elsewhere", "CreateQueue", "{\"QueueName\":\"\xff\"}", api.MalformedInput, "The request has text that is not valid Unicode."},
		{"lone surrogate elsewhere", "TagQueue", `{"Tags":{"\udc00":"a"}}`, api.MalformedInput, "The request has text that is not valid Unicode."},

		{"too many entries", "SendMessageBatch", `{"Entries":[` + strings.Repeat("{},", 1500) + `{}]}`,
			api.TooManyEntriesInBatchRequest, "Maximum number of entries per request are 10. You have sent 1501."},
		{"too many entries, cut short", "SendMessageBatch", `{"Entries":[` + strings.Repeat("{},", 1500), api.MalformedInput, notJSON},
		{"list for a blob", "SendMessage", `{"MessageAttributes":{"b":{"BinaryValue":[]}}}`, api.MalformedInput, "Start of list found where not expected"},
		{"cut short in a number", "SendMessage", `{"DelaySeconds":-`, api.MalformedInput, notJSON},
		{"cut short in a list", "GetQueueAttributes", `{"AttributeNames":["a"`, api.MalformedInput, notJSON},
		{"bad null in a list", "GetQueueAttributes", `{"AttributeNames":[nil]}`, api.MalformedInput, notJSON},
		{"bad null in a map", "TagQueue", `{"Tags":{"a":nil}}`, api.MalformedInput, notJSON},
		{"bad number for a queue attribute", "CreateQueue", `{"Attributes":{"a":-}}`, api.MalformedInput, notJSON},
		{"long name twice", "TagQueue", `{"Tags":{"` + strings.Repeat("a", 500) + `":"","` + strings.Repeat("a", 500) + `":""}}`,
			api.MalformedInput, `The request body has the member "` + strings.Repeat("a", 256) + `…" twice.`},
		{"too many names", "UntagQueue", `{"TagKeys":[` + strings.Repeat(`"",`, 1000) + `""]}`,
			api.MalformedInput, "TagKeys has 1001 items, more than the 1000 that a request may have."},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := decode(t, tc.action, tc.body)
			if err == nil {
				t.Fatalf("accepted as %+v", got)
			}
			if err.Kind != tc.kind || !strings.HasPrefix(err.Message, tc.text) {
				t.Errorf("got %v, want %s: %s", err, tc.kind.QueryCode, tc.text)
			}
		})
	}
}

func TestDecodeBoundsMaps(t *testing.T) {
	var body strings.Builder
	body.WriteString(`{"Tags":{"x":""`)
	for i := range api.MaxItems {
		body.WriteString(`,"` + strings.Repeat("k", i+1) + `":""`)
	}
	body.WriteString(`}}`)
	if _, err := decode(t, "TagQueue", body.String()); err == nil || err.Kind != api.MalformedInput {
		t.Errorf("got %v", err)
	}
}

func TestDecodedInputDoesNotReferToBody(t *testing.T) {
	body := []byte(`{"QueueUrl":"u","MessageBody":"first","MessageAttributes":{"name":{"StringValue":"value","BinaryValue":"AQID"}}}`)
	in, err := Decode(api.ActionNamed("SendMessage"), body)
	if err != nil {
		t.Fatal(err)
	}
	before, _ := json.Marshal(in)
	for i := range body {
		body[i] = 'x'
	}
	if after, _ := json.Marshal(in); string(after) != string(before) {
		t.Errorf("became %s", after)
	}
}

// addBodies makes bodies of all kinds the first inputs of a fuzz test.
func addBodies(f *testing.F) {
	for _, body := range []string{
		``, `{}`, `[]`, `{"QueueUrl":"u","MessageBody":"b","DelaySeconds":1,"MessageAttributes":{"a":{"DataType":"Binary","BinaryValue":"AQ=="}}}`,
		`{"Entries":[{"Id":"1","MessageBody":"\ud83d\ude00"},null]}`, `{"Attributes":{"DelaySeconds":30}}`, `{"tags":{"a":"b"}}`, `{"MessageBody":"\ud800"}`,
		`{"DelaySeconds":1e999}`, `{"a":[[[[`, "{\"MessageBody\":\"\xff\"}", `{"MessageBody":"a","MessageBody":"b"}`, `{"AttributeNames":["All"]}`,
	} {
		for i := range api.Actions {
			f.Add(i, []byte(body))
		}
	}
}

func FuzzDecode(f *testing.F) {
	addBodies(f)
	f.Fuzz(func(t *testing.T, action int, body []byte) {
		if action < 0 || action >= len(api.Actions) {
			return
		}
		a := api.Actions[action]
		in, err := Decode(a, body)
		if err != nil {
			if api.AsError(err) == nil {
				t.Errorf("an internal error: %v", err)
			}
			return
		}
		// What was read can be written as JSON, and reads back as what was written.
		again, err := Decode(a, appendStructure(nil, a.Input, in))
		if err != nil {
			t.Fatalf("does not read back: %v", err)
		}
		first, second := appendStructure(nil, a.Input, in), appendStructure(nil, a.Input, again)
		if string(first) != string(second) {
			t.Errorf("reads back as %s, was %s", second, first)
		}
	})
}

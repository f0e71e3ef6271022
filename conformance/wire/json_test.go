package wire

import (
	"encoding/json"
	"strings"
	"testing"
)

// checkJSON checks status, body and the headers that every JSON answer has.
func checkJSON(t *testing.T, got answer, status int, body string) {
	t.Helper()
	if got.status != status || got.body != body {
		t.Errorf("got %d %q, want %d %q", got.status, got.body, status, body)
	}
	if kind := got.header.Get("Content-Type"); kind != jsonType {
		t.Errorf("Content-Type %q, want %q", kind, jsonType)
	}
	if id := got.header.Get("x-amzn-RequestId"); !uuid.MatchString(id) {
		t.Errorf("x-amzn-RequestId %q is no UUID", id)
	}
}

func TestJSONActionsWithoutOutputAnswerAnEmptyBody(t *testing.T) {
	t.Parallel()
	queue := newQueue(t, "empty", "")
	sendOne(t, queue, "m")
	handle, _ := receiveOne(t, queue)
	for _, c := range []struct{ action, body string }{
		{"SetQueueAttributes", `{"QueueUrl":"{queue}","Attributes":{"DelaySeconds":"1"}}`},
		{"TagQueue", `{"QueueUrl":"{queue}","Tags":{"a":"b"}}`},
		{"UntagQueue", `{"QueueUrl":"{queue}","TagKeys":["a"]}`},
		{"AddPermission", `{"QueueUrl":"{queue}","Label":"l","AWSAccountIds":["111122223333"],"Actions":["SendMessage"]}`},
		{"RemovePermission", `{"QueueUrl":"{queue}","Label":"l"}`},
		{"ChangeMessageVisibility", `{"QueueUrl":"{queue}","ReceiptHandle":"` + handle + `","VisibilityTimeout":60}`},
		{"DeleteMessage", `{"QueueUrl":"{queue}","ReceiptHandle":"` + handle + `"}`},
		{"PurgeQueue", `{"QueueUrl":"{queue}"}`},
		{"DeleteQueue", `{"QueueUrl":"{queue}"}`},
	} {
		t.Run(c.action, func(t *testing.T) {
			checkJSON(t, viaJSON(t, c.action, fill(c.body, queue)), 200, "")
		})
	}
}

func TestJSONAnswersWithNothingToSayAreEmptyObjects(t *testing.T) {
	t.Parallel()
	queue := newQueue(t, "nothing", "")
	for _, c := range []struct{ action, body string }{
		{"ReceiveMessage", `{"QueueUrl":"{queue}"}`},
		{"ListQueues", `{"QueueNamePrefix":"{name}-none"}`},
		{"ListQueueTags", `{"QueueUrl":"{queue}"}`},
		{"ListDeadLetterSourceQueues", `{"QueueUrl":"{queue}"}`},
		{"GetQueueAttributes", `{"QueueUrl":"{queue}"}`},
		{"GetQueueAttributes", `{"QueueUrl":"{queue}","AttributeNames":["Policy","RedrivePolicy","FifoQueue"]}`},
	} {
		t.Run(c.action, func(t *testing.T) {
			checkJSON(t, viaJSON(t, c.action, fill(c.body, queue)), 200, "{}")
		})
	}
}

func TestJSONBatchAnswersLeaveEmptyListsOut(t *testing.T) {
	t.Parallel()
	queue := newQueue(t, "lists", "")
	sent := viaJSON(t, "SendMessageBatch", fill(`{"QueueUrl":"{queue}","Entries":[{"Id":"a","MessageBody":"m"}]}`, queue))
	if sent.status != 200 || !strings.Contains(sent.body, `"Successful"`) || strings.Contains(sent.body, `"Failed"`) {
		t.Errorf("all succeed: %d %s", sent.status, sent.body)
	}
	failed := viaJSON(t, "DeleteMessageBatch", fill(`{"QueueUrl":"{queue}","Entries":[{"Id":"a","ReceiptHandle":"x"}]}`, queue))
	if failed.status != 200 || strings.Contains(failed.body, `"Successful"`) || !strings.Contains(failed.body, `"Failed"`) {
		t.Errorf("all fail: %d %s", failed.status, failed.body)
	}
}

func TestJSONRequestForms(t *testing.T) {
	t.Parallel()
	queue := newQueue(t, "forms", "")
	for _, c := range []struct{ name, path, url, rest string }{
		{"root path", "/", queue, ""},
		{"the queue's path", pathOf(t, queue), queue, ""},
		{"name for URL", "/", nameOf(queue), ""},
		{"another host", "/", "https://sqs.us-east-1.amazonaws.com" + pathOf(t, queue), ""},
		{"unknown and null members", "/", queue, `,"Whatever":{"x":[1]},"DelaySeconds":null`},
	} {
		t.Run(c.name, func(t *testing.T) {
			body := `{"QueueUrl":"` + c.url + `","MessageBody":"` + c.name + `"` + c.rest + `}`
			got := do(t, request(t, "POST", c.path, body, "Content-Type", jsonType, "X-Amz-Target", "AmazonSQS.SendMessage"))
			if got.status != 200 {
				t.Fatalf("%+v", got)
			}
			if _, received := receiveOne(t, queue); received != c.name {
				t.Errorf("received %q", received)
			}
		})
	}
	t.Run("no body", func(t *testing.T) {
		if got := viaJSON(t, "ListQueues", ""); got.status != 200 {
			t.Errorf("%+v", got)
		}
	})
}

func TestJSONQueueURLIsTheSameEverywhere(t *testing.T) {
	t.Parallel()
	queue := newQueue(t, "url", "")
	quoted, _ := json.Marshal(queue)
	for action, want := range map[string]string{
		"CreateQueue": `{"QueueUrl":` + string(quoted) + `}`,
		"GetQueueUrl": `{"QueueUrl":` + string(quoted) + `}`,
		"ListQueues":  `{"QueueUrls":[` + string(quoted) + `]}`,
	} {
		got := viaJSON(t, action, fill(`{"QueueName":"{name}","QueueNamePrefix":"{name}"}`, queue))
		checkJSON(t, got, 200, want)
	}
}

func TestJSONMalformedRequests(t *testing.T) {
	t.Parallel()
	queue := newQueue(t, "malformed", "")
	for _, c := range []struct{ name, body string }{
		{"no JSON", `{"QueueUrl"`},
		{"array", `[]`},
		{"string", `"x"`},
		{"number", `1`},
		{"string for an integer", `{"QueueUrl":"{queue}","MaxNumberOfMessages":"x"}`},
		{"object for a string", `{"QueueUrl":{}}`},
		{"list for a string", `{"QueueUrl":[]}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := viaJSON(t, "ReceiveMessage", fill(c.body, queue))
			checkJSONError(t, got, 400, "com.amazon.coral.service#SerializationException", "MalformedInput", nil)
		})
	}
	t.Run("unknown action", func(t *testing.T) {
		got := viaJSON(t, "Nonsense", `{}`)
		checkJSONError(t, got, 400, "com.amazon.coral.service#UnknownOperationException", "InvalidAction", nil)
	})
}

// checkJSONError checks an error answer. A nil message means any.
func checkJSONError(t *testing.T, got answer, status int, kind, queryCode string, message *string) {
	t.Helper()
	var body map[string]any
	if err := json.Unmarshal([]byte(got.body), &body); err != nil {
		t.Fatalf("no JSON: %+v", got)
	}
	if got.status != status || body["__type"] != kind {
		t.Errorf("got %d %v, want %d %s", got.status, body["__type"], status, kind)
	}
	text, lowerCase := body["message"].(string)
	if !lowerCase || message != nil && text != *message {
		want := "any"
		if message != nil {
			want = *message
		}
		t.Errorf("message %q in %s, want %q", text, got.body, want)
	}
	fault := ";Sender"
	if status >= 500 {
		fault = ";Receiver"
	}
	if header := got.header.Get("x-amzn-query-error"); header != queryCode+fault {
		t.Errorf("x-amzn-query-error %q, want %q", header, queryCode+fault)
	}
	if contentType := got.header.Get("Content-Type"); contentType != jsonType {
		t.Errorf("Content-Type %q", contentType)
	}
	if !uuid.MatchString(got.header.Get("x-amzn-RequestId")) {
		t.Errorf("x-amzn-RequestId %q is no UUID", got.header.Get("x-amzn-RequestId"))
	}
}

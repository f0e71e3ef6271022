package awsjson

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/staunchmq/staunch/internal/api"
)

// requests are bodies as SDKs write them, of the actions that are called most.
var requests = []struct{ action, body string }{
	{"SendMessage", `{"QueueUrl":"http://localhost:9324/000000000000/orders","MessageBody":"a body","DelaySeconds":5,` +
		`"MessageAttributes":{"kind":{"DataType":"String","StringValue":"order"},"blob":{"DataType":"Binary","BinaryValue":"AQID"}}}`},
	{"SendMessage", `{"QueueUrl": "http://localhost:9324/000000000000/orders", "MessageBody": "{\"order\":12345,\"who\":\"J\u00f6rg\"}"}`},
	{"SendMessageBatch", `{"QueueUrl":"u","Entries":[{"Id":"0","MessageBody":"b"},{"Id":"1","MessageBody":"ü","MessageGroupId":"g","MessageDeduplicationId":"d"}]}`},
	{"ReceiveMessage", `{"QueueUrl":"u","MaxNumberOfMessages":10,"WaitTimeSeconds":20,"VisibilityTimeout":0,"MessageSystemAttributeNames":["All"],"MessageAttributeNames":[]}`},
	{"DeleteMessage", `{"QueueUrl":"u","ReceiptHandle":"AQIDBAUGBwg"}`},
	{"DeleteMessageBatch", "{\n\t\"QueueUrl\" : \"u\", \"Entries\" : [ { \"Id\":\"0\" , \"ReceiptHandle\":\"h\"} ]\r\n} "},
	{"ChangeMessageVisibilityBatch", `{"QueueUrl":"u","Entries":[{"Id":"0","ReceiptHandle":"h","VisibilityTimeout":30}]}`},
	{"CreateQueue", `{"QueueName":"q","Attributes":{"DelaySeconds":"5"},"tags":{"a":"b"}}`},
}

func TestQuickTakesWhatClientsWrite(t *testing.T) {
	for _, r := range requests {
		a := api.ActionNamed(r.action)
		in := a.NewInput()
		if !decodeQuick(a, in, []byte(r.body)) {
			t.Errorf("%s %s is left to the general decoder", r.action, r.body)
		}
	}
}

// TestQuickLeavesOthersAlone has what the general decoder has words, or rules, for.
func TestQuickLeavesOthersAlone(t *testing.T) {
	for _, body := range []string{
		``, ` `, `{`, `{}x`, `{},`, `[]`, `null`, `{"MessageBody":null}`, `{"MessageBody":"a","MessageBody":"a"}`, `{"Unknown":1}`, `{"MessageBody":1}`,
		`{"MessageBody":"a",}`, `{,"MessageBody":"a"}`, `{"MessageBody" "a"}`, `{"MessageBody":"a" "QueueUrl":"u"}`, `{"MessageBody":"a`, `{"MessageBody":"a\`,
		"{\"MessageBody\":\"\xff\"}", "{\"MessageBody\":\"\x01\"}", `{"MessageBody":"\ud800"}`, `{"MessageBody":"\x"}`, `{"Message\u0042ody":"a"}`,
		`{"DelaySeconds":1.0}`, `{"DelaySeconds":1e1}`, `{"DelaySeconds":01}`, `{"DelaySeconds":-1}`, `{"DelaySeconds":}`, `{"DelaySeconds":99999999999999999999}`,
		`{"MessageAttributes":{"a":{"BinaryValue":"?"}}}`, `{"MessageAttributes":{"a":{},"a":{}}}`, `{"MessageAttributes":[]}`,
		`{"MessageAttributes":{"a":{"StringListValues":"a"}}}`, `{"MessageAttributes":{"a":{"StringListValues":["a",]}}}`,
	} {
		a := api.ActionNamed("SendMessage")
		if decodeQuick(a, a.NewInput(), []byte(body)) {
			t.Errorf("takes %q", body)
		}
	}
}

// FuzzQuick compares the decoders: what the quick one takes, the general one reads as the same input.
func FuzzQuick(f *testing.F) {
	addBodies(f)
	for _, r := range requests {
		for i, a := range api.Actions {
			if a.Name == r.action {
				f.Add(i, []byte(r.body))
			}
		}
	}
	f.Fuzz(func(t *testing.T, action int, body []byte) {
		if action < 0 || action >= len(api.Actions) {
			return
		}
		a := api.Actions[action]
		got := a.NewInput()
		if !decodeQuick(a, got, body) {
			return
		}
		want, err := decodeGeneral(a, body)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("quick reads %+v, the general decoder %+v, %v", got, want, err)
		}
	})
}

// FuzzAppendText holds the short way of writing text to the long one.
func FuzzAppendText(f *testing.F) {
	for _, s := range []string{"", "plain", "a \"quote\" and a backslash \\ somewhere", "\x00\x1f\x7f", "ü\u2028\xff<>&"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		want, _ := jsontext.AppendQuote([]byte("x"), s)
		if got := appendText([]byte("x"), s); string(got) != string(want) {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

// TestAllocationBudgets bounds what decoding costs. What is allocated is the input, its texts, and room for pointers to them.
func TestAllocationBudgets(t *testing.T) {
	for i, budget := range []float64{17, 5, 6, 6, 3, 4, 5, 8} {
		r := requests[i]
		a, body := api.ActionNamed(r.action), []byte(r.body)
		if n := testing.AllocsPerRun(100, func() {
			if _, err := Decode(a, body); err != nil {
				t.Error(err)
			}
		}); n > budget {
			t.Errorf("%s allocates %v times, more than %v: %s", r.action, n, budget, r.body)
		}
	}
}

// BenchmarkDecode compares the decoders, with bodies of 1 KiB.
func BenchmarkDecode(b *testing.B) {
	text := strings.Repeat("a", 1024)
	entries := make([]string, 10)
	for i := range entries {
		entries[i] = fmt.Sprintf(`{"Id":"%d","MessageBody":"%s"}`, i, text)
	}
	for _, r := range []struct{ action, body string }{
		{"SendMessage", `{"QueueUrl":"http://localhost:9324/000000000000/orders","MessageBody":"` + text + `"}`},
		{"SendMessageBatch", `{"QueueUrl":"http://localhost:9324/000000000000/orders","Entries":[` + strings.Join(entries, ",") + `]}`},
	} {
		a, body := api.ActionNamed(r.action), []byte(r.body)
		for name, decode := range map[string]func(*api.Action, []byte) (any, error){"quick": Decode, "general": decodeGeneral} {
			b.Run(r.action+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if _, err := decode(a, body); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

package loadgen

import (
	"encoding/json"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// answers has the same two messages in both protocols, in the forms in which servers write them.
var answers = map[string]struct {
	wire wire
	text string
}{
	"json compact": {&jsonWire{}, `{"Messages":[{"MessageId":"1","ReceiptHandle":"a\/b\"","MD5OfBody":"x","Body":"one"},{"Body":"two","ReceiptHandle":"c","Attributes":{"SentTimestamp":"5"}}]}`},
	"json spaced":  {&jsonWire{}, "{\"Messages\": [{\"MessageId\": \"Body\", \"ReceiptHandle\" : \"a\\/b\\\"\", \"Body\": \"one\"},\n {\"ReceiptHandle\": \"c\", \"Body\": \"two\"}]}"},
	"query": {&queryWire{}, `<ReceiveMessageResponse><ReceiveMessageResult><Message><MessageId>1</MessageId><ReceiptHandle>a/b&quot;</ReceiptHandle><Body>one</Body></Message>` +
		`<Message><Body>two</Body><ReceiptHandle>c</ReceiptHandle></Message></ReceiveMessageResult></ReceiveMessageResponse>`},
}

func TestReadsReceivedMessages(t *testing.T) {
	for name, a := range answers {
		t.Run(name, func(t *testing.T) {
			if err := a.wire.use("http://h/000000000000/q"); err != nil {
				t.Fatal(err)
			}
			list, err := a.wire.received([]byte(a.text), nil)
			if err != nil {
				t.Fatal(err)
			}
			if len(list) != 2 || string(list[0].body) != "one" || string(list[1].body) != "two" {
				t.Fatalf("received %q", list)
			}
			// What is deleted are the handles that the server meant.
			var handles []string
			request := a.wire.appendDeleteBatch(nil, list)
			if _, ok := a.wire.(*jsonWire); ok {
				var in struct {
					Entries []struct{ ReceiptHandle string }
				}
				if err := json.Unmarshal(request, &in); err != nil {
					t.Fatalf("%v in %s", err, request)
				}
				for _, e := range in.Entries {
					handles = append(handles, e.ReceiptHandle)
				}
			} else {
				form, err := url.ParseQuery(string(request))
				if err != nil {
					t.Fatal(err)
				}
				handles = []string{form.Get("DeleteMessageBatchRequestEntry.1.ReceiptHandle"), form.Get("DeleteMessageBatchRequestEntry.2.ReceiptHandle")}
			}
			if diff := cmp.Diff([]string{`a/b"`, "c"}, handles); diff != "" {
				t.Errorf("handles (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRefusesBrokenAnswers(t *testing.T) {
	for _, text := range []string{`{"Messages":[{"Body":"x"}]}`, `{"Messages":[{"Body":`, `{"Messages":[{"Body":"x`, `{"Messages":[{"Body":"x\"}]}`} {
		if list, err := (&jsonWire{}).received([]byte(text), nil); err == nil {
			t.Errorf("%s: %q, no error", text, list)
		}
	}
	if list, err := (&queryWire{}).received([]byte(`<Message><Body>x</Body></Message>`), nil); err == nil {
		t.Errorf("%q, no error", list)
	}
}

func TestSeesFailedEntries(t *testing.T) {
	for text, want := range map[string]bool{
		`{"Successful":[{"Id":"0"}]}`:                                     false,
		`{"Successful":[],"Failed":[]}`:                                   false,
		`{"Successful": [], "Failed": [{"Id": "0", "Code": "X"}]}`:        true,
		`{"Failed":[{"Id":"0"}],"Successful":[]}`:                         true,
		`{"Successful":[{"Id":"0","MessageId":"not \"Failed\" at all"}]}`: false,
	} {
		if got := (&jsonWire{}).refused([]byte(text)); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
	if !(&queryWire{}).refused([]byte(`<BatchResultErrorEntry><Id>0</Id></BatchResultErrorEntry>`)) {
		t.Error("query: not seen")
	}
}

func FuzzReceived(f *testing.F) {
	for _, a := range answers {
		f.Add([]byte(a.text))
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		for _, w := range []wire{&jsonWire{}, &queryWire{}} {
			list, err := w.received(answer, nil)
			if err == nil && len(list) > 0 {
				_ = w.appendDeleteBatch(nil, list)
			}
			_ = w.refused(answer)
		}
	})
}

// FuzzReceivedIsWhatJSONSays compares the reader of JSON answers with encoding/json, for answers of its making.
func FuzzReceivedIsWhatJSONSays(f *testing.F) {
	f.Add("one", "handle", "two\"\\", "h/ü", false)
	f.Fuzz(func(t *testing.T, body1, handle1, body2, handle2 string, indent bool) {
		type message struct{ MessageId, Body, ReceiptHandle string }
		in := struct{ Messages []message }{[]message{{"Body", body1, handle1}, {"ReceiptHandle", body2, handle2}}}
		text, err := json.Marshal(in)
		if indent {
			text, err = json.MarshalIndent(in, "", "\t")
		}
		if err != nil {
			t.Fatal(err)
		}
		list, err := (&jsonWire{}).received(text, nil)
		if err != nil || len(list) != 2 {
			t.Fatalf("%s: %d messages, %v", text, len(list), err)
		}
		var want struct{ Messages []message }
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		for i, m := range want.Messages {
			for _, pair := range [][2]string{{m.Body, string(list[i].body)}, {m.ReceiptHandle, string(list[i].handle)}} {
				var got string
				if err := json.Unmarshal([]byte(`"`+pair[1]+`"`), &got); err != nil || got != pair[0] {
					t.Errorf("%q, want %q (%v)", got, pair[0], err)
				}
			}
		}
	})
}

package main

import (
	"encoding/json"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/staunchmq/staunch/internal/loadgen"
)

// TestFloorKeepsItsMessages runs the scenarios that it knows; the generator checks.
func TestFloorKeepsItsMessages(t *testing.T) {
	for _, sync := range []string{growing, preallocated, none} {
		t.Run(sync, func(t *testing.T) {
			j, err := openJournal(filepath.Join(t.TempDir(), "j"), sync, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			defer j.close()
			server := httptest.NewServer(newHandler(j, &verifier{accessKey: "test", secretKey: "secret"}))
			defer server.Close()
			o := loadgen.Options{
				Endpoint: server.URL, Keys: loadgen.Keys{AccessKey: "test", SecretKey: "secret"}, Connections: 4, DrainTimeout: time.Minute,
			}
			for _, o.Scenario = range []string{loadgen.Send, loadgen.SendBatch, loadgen.ReceiveDelete, loadgen.RoundTrip, loadgen.LongPoll, loadgen.Backlog} {
				o.Messages, o.Duration = 0, 30*time.Millisecond
				if o.Scenario == loadgen.ReceiveDelete || o.Scenario == loadgen.Backlog {
					o.Messages = 305
				}
				if o.Scenario == loadgen.Backlog {
					o.Duration = 0
				}
				r, err := loadgen.Run(t.Context(), o, nil)
				if err != nil {
					t.Fatalf("%s: %v", o.Scenario, err)
				}
				if c := r.Checks; c != (loadgen.Checks{Sent: c.Sent, Received: c.Sent, Deleted: c.Sent}) || c.Sent == 0 {
					t.Errorf("%s: %+v", o.Scenario, c)
				}
			}
			o.Keys.SecretKey = "wrong"
			if _, err := loadgen.Run(t.Context(), o, nil); err == nil || !strings.Contains(err.Error(), "SignatureDoesNotMatch") {
				t.Errorf("with a wrong key: %v", err)
			}
		})
	}
	if _, err := openJournal("x", "sometimes", 1); err == nil {
		t.Error("an unknown mode is accepted")
	}
}

// FuzzDecode holds the decoder to encoding/json.
func FuzzDecode(f *testing.F) {
	f.Add("http://h/1/q", "a \"body\" \\ \n ü", 7, 20, true)
	f.Add("", "", 0, 0, false)
	f.Fuzz(func(t *testing.T, queue, body string, most, wait int, indent bool) {
		type wanted struct {
			QueueUrl                             string
			Ignored                              []any
			MaxNumberOfMessages, WaitTimeSeconds int
			Entries                              []struct{ Id, MessageBody, ReceiptHandle string }
		}
		want := wanted{QueueUrl: queue, Ignored: []any{1, map[string]any{"x": "]}"}}, MaxNumberOfMessages: most, WaitTimeSeconds: wait}
		want.Entries = append(want.Entries, struct{ Id, MessageBody, ReceiptHandle string }{"1", body, queue})
		text, err := json.Marshal(want)
		if indent {
			text, err = json.MarshalIndent(want, " ", "\t")
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &want); err != nil { // what is not UTF-8 has changed
			t.Fatal(err)
		}
		got, err := decode(text)
		if err != nil || len(got.entries) != 1 {
			t.Fatalf("%s: %+v %v", text, got, err)
		}
		e := want.Entries[0]
		if got.queue != want.QueueUrl || got.max != most || got.wait != wait || string(got.entries[0].id) != e.Id ||
			string(got.entries[0].body) != e.MessageBody || string(got.entries[0].handle) != e.ReceiptHandle {
			t.Errorf("%s: %+v", text, got)
		}
	})
}

func FuzzDecodeAnything(f *testing.F) {
	f.Add([]byte(`{"Entries":[{"Id":"x"`))
	f.Fuzz(func(_ *testing.T, text []byte) { _, _ = decode(text) })
}

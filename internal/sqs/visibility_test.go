package sqs

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/staunchmq/staunch/internal/api"
)

func sorted(names []string) []string {
	slices.Sort(names)
	return names
}

const unavailableText = "Value %s for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change."
const expiredText = "Value %s for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired."
const badHandleText = `The input receipt handle "%s" is not a valid receipt handle.`

func TestReceiptHandleErrors(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		q, other := h.create("q"), h.create("other")
		h.send(q, "a")
		handle := h.receive(q)[0].ReceiptHandle
		del := func(url string, handle *string) func(*harness) error {
			return func(h *harness) error {
				return h.DeleteMessage(t.Context(), h.caller, &api.DeleteMessageInput{QueueUrl: url, ReceiptHandle: handle})
			}
		}
		change := func(url string, handle *string, timeout *int64) func(*harness) error {
			return func(h *harness) error {
				return h.ChangeMessageVisibility(t.Context(), h.caller, &api.ChangeMessageVisibilityInput{QueueUrl: url, ReceiptHandle: handle, VisibilityTimeout: timeout})
			}
		}
		const rangeText = "Value %d for parameter VisibilityTimeout is invalid. Reason: Must be between 0 and 43200."
		checkErrors(t, h, []errorCase{
			{"delete: unknown queue", del("nowhere", &handle), api.QueueDoesNotExist, ""},
			{"delete: no handle", del(q, nil), api.MissingParameter, "The request must contain the parameter ReceiptHandle."},
			{"delete: garbage", del(q, new("garbage")), api.ReceiptHandleIsInvalid, fmt.Sprintf(badHandleText, "garbage")},
			{"delete: empty", del(q, new("")), api.ReceiptHandleIsInvalid, fmt.Sprintf(badHandleText, "")},
			{"delete: handle of another queue", del(other, &handle), api.ReceiptHandleIsInvalid, fmt.Sprintf(badHandleText, handle)},
			{"change: unknown queue", change("nowhere", &handle, new(int64(1))), api.QueueDoesNotExist, ""},
			{"change: no handle", change(q, nil, new(int64(1))), api.MissingParameter, "The request must contain the parameter ReceiptHandle."},
			{"change: no timeout", change(q, &handle, nil), api.MissingParameter, "The request must contain the parameter VisibilityTimeout."},
			{"change: garbage", change(q, new("garbage"), new(int64(1))), api.ReceiptHandleIsInvalid, fmt.Sprintf(badHandleText, "garbage")},
			{"change: handle of another queue", change(other, &handle, new(int64(1))), api.ReceiptHandleIsInvalid, fmt.Sprintf(badHandleText, handle)},
			{"change: -1", change(q, &handle, new(int64(-1))), api.InvalidParameterValue, fmt.Sprintf(rangeText, -1)},
			{"change: 43201", change(q, &handle, new(int64(43201))), api.InvalidParameterValue, fmt.Sprintf(rangeText, 43201)},
		})
		if err := change(q, &handle, new(int64(43200)))(h); err != nil {
			t.Errorf("43200 right after the receive: %v", err)
		}
		time.Sleep(time.Second)
		checkErrors(t, h, []errorCase{
			{"change: beyond 12 hours", change(q, &handle, new(int64(43200))), api.InvalidParameterValue,
				"Value 43200 for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout for the message is beyond the limit [43200 seconds]."},
		})
		h.deleteQueue(q)
		time.Sleep(time.Minute)
		h.create("q")
		checkError(t, "a handle of the deleted queue", del(q, &handle)(h), api.ReceiptHandleIsInvalid, fmt.Sprintf(badHandleText, handle))
	})
}

// The state tables of reference/sqs.md 7.2.
func TestHandlesOfStandardQueues(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		q := h.create("q")
		handle := func() string { return h.receive(q)[0].ReceiptHandle }
		h.send(q, "deleted twice")
		current := handle()
		for range 2 {
			if err := h.delete(q, current); err != nil {
				t.Errorf("delete: %v", err)
			}
		}
		checkError(t, "change after delete", h.change(q, current, 5), api.InvalidParameterValue, fmt.Sprintf(unavailableText, current))

		h.send(q, "visible again")
		current = handle()
		time.Sleep(31 * time.Second)
		if err := h.change(q, current, 5); err != nil || h.counts(q) != [3]string{"0", "1", "0"} {
			t.Errorf("change when visible again: %v, counts %v", err, h.counts(q))
		}
		time.Sleep(5 * time.Second)
		if err := h.delete(q, current); err != nil || h.counts(q) != [3]string{"0", "0", "0"} {
			t.Errorf("delete when visible again: %v, counts %v", err, h.counts(q))
		}

		h.send(q, "received again")
		stale := handle()
		time.Sleep(31 * time.Second)
		handle()
		if err := h.change(q, stale, 0); err != nil || h.counts(q) != [3]string{"1", "0", "0"} {
			t.Errorf("change with a stale handle: %v, counts %v", err, h.counts(q))
		}
		handle()
		if err := h.delete(q, stale); err != nil || h.counts(q) != [3]string{"0", "0", "0"} {
			t.Errorf("delete with a stale handle: %v, counts %v", err, h.counts(q))
		}

		h.set(q, "MessageRetentionPeriod", "60", "VisibilityTimeout", "120")
		h.send(q, "expired")
		current = handle()
		time.Sleep(61 * time.Second)
		if err := h.delete(q, current); err != nil {
			t.Errorf("delete of an expired message: %v", err)
		}
		checkError(t, "change of an expired message", h.change(q, current, 5), api.InvalidParameterValue, fmt.Sprintf(unavailableText, current))
	})
}

func TestHandlesOfFIFOQueues(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		q := h.createFIFO("q")
		h.send(q, "a", inGroup("g"))
		expired := h.receive(q)[0].ReceiptHandle
		if err := h.change(q, expired, 40); err != nil {
			t.Errorf("change: %v", err)
		}
		time.Sleep(41 * time.Second)
		checkError(t, "delete after expiry", h.delete(q, expired), api.InvalidParameterValue, fmt.Sprintf(expiredText, expired))
		checkError(t, "change after expiry", h.change(q, expired, 5), api.InvalidParameterValue, fmt.Sprintf(unavailableText, expired))
		current := h.receive(q)[0].ReceiptHandle
		checkError(t, "delete with a stale handle", h.delete(q, expired), api.InvalidParameterValue, fmt.Sprintf(expiredText, expired))
		if err := h.change(q, current, 40); err != nil {
			t.Errorf("change: %v", err)
		}
		time.Sleep(39 * time.Second)
		for range 2 {
			if err := h.delete(q, current); err != nil {
				t.Errorf("delete within the extension: %v", err)
			}
		}
		checkError(t, "change after delete", h.change(q, current, 5), api.InvalidParameterValue, fmt.Sprintf(unavailableText, current))
	})
}

// Handles and what they can do survive a crash.
func TestHandlesSurviveACrash(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		q := h.create("q")
		h.send(q, "a")
		h.send(q, "b")
		got := h.receive(q)
		h.crash()
		if h.counts(q) != [3]string{"0", "2", "0"} {
			t.Errorf("counts %v", h.counts(q))
		}
		if err := h.delete(q, got[0].ReceiptHandle); err != nil {
			t.Error(err)
		}
		if err := h.change(q, got[1].ReceiptHandle, 0); err != nil {
			t.Error(err)
		}
		if again := h.receive(q); len(again) != 1 || again[0].Body != got[1].Body || again[0].Attributes["ApproximateReceiveCount"] != "2" {
			t.Errorf("received %+v", again)
		}
	})
}

func TestDeleteMessageBatch(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		q, fifo := h.create("q"), h.createFIFO("q")
		batch := func(url string, entries []api.DeleteMessageBatchRequestEntry) (*api.DeleteMessageBatchOutput, error) {
			return h.DeleteMessageBatch(t.Context(), h.caller, &api.DeleteMessageBatchInput{QueueUrl: url, Entries: entries})
		}
		checkErrors(t, h, append(idCases("DeleteMessageBatchRequestEntry", func(present bool, ids ...*string) func(*harness) error {
			var entries []api.DeleteMessageBatchRequestEntry
			if present {
				entries = []api.DeleteMessageBatchRequestEntry{}
			}
			for _, id := range ids {
				entries = append(entries, api.DeleteMessageBatchRequestEntry{Id: id, ReceiptHandle: new("x")})
			}
			return func(*harness) error { _, err := batch(q, entries); return err }
		}), errorCase{"unknown queue", func(*harness) error { _, err := batch("nowhere", nil); return err }, api.QueueDoesNotExist, ""}))

		h.send(q, "a")
		h.send(q, "b")
		h.send(fifo, "expired", inGroup("g"))
		got := h.receive(q)
		expired := h.receive(fifo)[0].ReceiptHandle
		out, err := batch(q, []api.DeleteMessageBatchRequestEntry{
			{Id: new("a"), ReceiptHandle: &got[0].ReceiptHandle}, {Id: new("bad"), ReceiptHandle: new("garbage")}, {Id: new("none")},
			{Id: new("b"), ReceiptHandle: &got[1].ReceiptHandle}, {Id: new("again"), ReceiptHandle: &got[0].ReceiptHandle},
		})
		want := &api.DeleteMessageBatchOutput{
			Successful: []api.DeleteMessageBatchResultEntry{{Id: "a"}, {Id: "b"}, {Id: "again"}},
			Failed: []api.BatchResultErrorEntry{
				{Id: "bad", SenderFault: true, Code: "ReceiptHandleIsInvalid", Message: fmt.Sprintf(badHandleText, "garbage")},
				{Id: "none", SenderFault: true, Code: "MissingParameter", Message: "The request must contain the parameter DeleteMessageBatchRequestEntry.3.ReceiptHandle."},
			},
		}
		if diff := cmp.Diff(want, out); diff != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
		if h.counts(q) != [3]string{"0", "0", "0"} {
			t.Errorf("counts %v", h.counts(q))
		}
		time.Sleep(31 * time.Second)
		out, err = batch(fifo, []api.DeleteMessageBatchRequestEntry{{Id: new("a"), ReceiptHandle: &expired}})
		want = &api.DeleteMessageBatchOutput{Failed: []api.BatchResultErrorEntry{{Id: "a", SenderFault: true, Code: "InvalidParameterValue", Message: fmt.Sprintf(expiredText, expired)}}}
		if diff := cmp.Diff(want, out); diff != "" || err != nil {
			t.Errorf("FIFO: %v (-want +got):\n%s", err, diff)
		}
	})
}

func TestChangeMessageVisibilityBatch(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		q := h.create("q")
		type entry = api.ChangeMessageVisibilityBatchRequestEntry
		batch := func(url string, entries []entry) (*api.ChangeMessageVisibilityBatchOutput, error) {
			return h.ChangeMessageVisibilityBatch(t.Context(), h.caller, &api.ChangeMessageVisibilityBatchInput{QueueUrl: url, Entries: entries})
		}
		checkErrors(t, h, append(idCases("ChangeMessageVisibilityBatchRequestEntry", func(present bool, ids ...*string) func(*harness) error {
			var entries []entry
			if present {
				entries = []entry{}
			}
			for _, id := range ids {
				entries = append(entries, entry{Id: id, ReceiptHandle: new("x"), VisibilityTimeout: new(int64(1))})
			}
			return func(*harness) error { _, err := batch(q, entries); return err }
		}), errorCase{"unknown queue", func(*harness) error { _, err := batch("nowhere", nil); return err }, api.QueueDoesNotExist, ""}))

		h.send(q, "a")
		h.send(q, "b")
		h.send(q, "gone")
		got := h.receive(q)
		gone := got[2].ReceiptHandle
		if err := h.delete(q, gone); err != nil {
			t.Fatal(err)
		}
		out, err := batch(q, []entry{
			{Id: new("a"), ReceiptHandle: &got[0].ReceiptHandle, VisibilityTimeout: new(int64(0))},
			{Id: new("high"), ReceiptHandle: &got[1].ReceiptHandle, VisibilityTimeout: new(int64(43201))},
			{Id: new("bad"), ReceiptHandle: new("garbage"), VisibilityTimeout: new(int64(1))},
			{Id: new("gone"), ReceiptHandle: &gone, VisibilityTimeout: new(int64(1))},
			{Id: new("no-timeout"), ReceiptHandle: &got[1].ReceiptHandle},
			{Id: new("no-handle"), VisibilityTimeout: new(int64(1))},
			{Id: new("b"), ReceiptHandle: &got[1].ReceiptHandle, VisibilityTimeout: new(int64(100))},
		})
		failed := func(id, code, message string) api.BatchResultErrorEntry {
			return api.BatchResultErrorEntry{Id: id, SenderFault: true, Code: code, Message: message}
		}
		want := &api.ChangeMessageVisibilityBatchOutput{
			Successful: []api.ChangeMessageVisibilityBatchResultEntry{{Id: "a"}, {Id: "b"}},
			Failed: []api.BatchResultErrorEntry{
				failed("high", "InvalidParameterValue", "Value 43201 for parameter VisibilityTimeout is invalid. Reason: VisibilityTimeout must be an integer between 0 and 43200."),
				failed("bad", "ReceiptHandleIsInvalid", fmt.Sprintf(badHandleText, "garbage")),
				failed("gone", "InvalidParameterValue", fmt.Sprintf(unavailableText, gone)),
				failed("no-timeout", "MissingParameter", "The request must contain the parameter ChangeMessageVisibilityBatchRequestEntry.5.VisibilityTimeout."),
				failed("no-handle", "MissingParameter", "The request must contain the parameter ChangeMessageVisibilityBatchRequestEntry.6.ReceiptHandle."),
			},
		}
		if diff := cmp.Diff(want, out); diff != "" || err != nil {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
		if h.counts(q) != [3]string{"1", "1", "0"} {
			t.Errorf("counts %v", h.counts(q))
		}
	})
}

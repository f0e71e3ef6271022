package sqs

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/staunchmq/staunch/internal/api"
)

type sendEntry = api.SendMessageBatchRequestEntry

// batchOf makes entries with the Ids 1, 2, ... and a body, each changed by the edit of the same index.
func batchOf(edits ...func(*sendEntry)) []sendEntry {
	entries := make([]sendEntry, len(edits))
	for i, edit := range edits {
		entries[i] = sendEntry{Id: new(fmt.Sprint(i + 1)), MessageBody: new("body")}
		edit(&entries[i])
	}
	return entries
}

func plain(*sendEntry) {}

func bodyOf(text string) func(*sendEntry) { return func(e *sendEntry) { e.MessageBody = &text } }

func fifoEntry(group, dedup string) func(*sendEntry) {
	return func(e *sendEntry) { e.MessageGroupId, e.MessageDeduplicationId = &group, &dedup }
}

// idCases are the errors that all batches share. batch sends entries with these Ids.
func idCases(entry string, batch func(present bool, ids ...*string) func(*harness) error) []errorCase {
	ids := func(ids ...string) func(*harness) error {
		list := make([]*string, len(ids))
		for i := range ids {
			list[i] = &ids[i]
		}
		return batch(true, list...)
	}
	twenty := make([]string, 20)
	for i := range twenty {
		twenty[i] = fmt.Sprint(i)
	}
	return []errorCase{
		{"no entries", batch(false), api.MissingParameter, "The request must contain the parameter Entries."},
		{"empty", batch(true), api.EmptyBatchRequest, "There should be at least one " + entry + " in the request."},
		{"no Id", batch(true, new("a"), nil), api.MissingParameter, "The request must contain the parameter " + entry + ".2.Id."},
		{"empty Id", ids(""), api.InvalidBatchEntryId, ""},
		{"bad Id", ids("a b"), api.InvalidBatchEntryId, ""},
		{"Id of 81", ids(strings.Repeat("a", 81)), api.InvalidBatchEntryId, "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long."},
		{"repeated Id", ids("a", "b", "b", "a"), api.BatchEntryIdsNotDistinct, "Id b repeated."},
		{"twenty", ids(twenty...), api.TooManyEntriesInBatchRequest, "Maximum number of entries per request are 10. You have sent 20."},
		{"bad Id before repeated ones", ids("a", "a", "!"), api.InvalidBatchEntryId, ""},
		{"repeated Id before too many", ids(append(twenty, "0")...), api.BatchEntryIdsNotDistinct, "Id 0 repeated."},
	}
}

func TestSendMessageBatchErrors(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		q, fifo := h.create("q"), h.createFIFO("q")
		batch := func(url string, entries []sendEntry) func(*harness) error {
			return func(h *harness) error {
				_, err := h.SendMessageBatch(t.Context(), h.caller, &api.SendMessageBatchInput{QueueUrl: url, Entries: entries})
				return err
			}
		}
		checkErrors(t, h, idCases("SendMessageBatchRequestEntry", func(present bool, ids ...*string) func(*harness) error {
			var entries []sendEntry
			if present {
				entries = []sendEntry{}
			}
			for _, id := range ids {
				entries = append(entries, sendEntry{Id: id, MessageBody: new("body")})
			}
			return batch(q, entries)
		}))
		noDedup := "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"
		checkErrors(t, h, []errorCase{
			{"unknown queue before an empty batch", batch("nowhere", nil), api.QueueDoesNotExist, ""},
			{"too long in all", batch(q, batchOf(bodyOf(strings.Repeat("a", 1<<19)), bodyOf(strings.Repeat("a", 1<<19+1)))), api.BatchRequestTooLong,
				"Batch requests cannot be longer than 1048576 bytes. You have sent 1048577 bytes."},
			{"FIFO without group", batch(fifo, batchOf(fifoEntry("g", "d"), plain)), api.InvalidParameterValue, "The request must contain the parameter MessageGroupId."},
			{"FIFO without dedup id", batch(fifo, batchOf(fifoEntry("g", "d"), func(e *sendEntry) { e.MessageGroupId = new("g") })), api.InvalidParameterValue, noDedup},
		})
		if got, want := h.counts(fifo), [3]string{"0", "0", "0"}; got != want {
			t.Errorf("an incomplete FIFO batch left messages: %v", got)
		}
		if err := batch(q, batchOf(bodyOf(strings.Repeat("a", 1<<19)), bodyOf(strings.Repeat("a", 1<<19))))(h); err != nil {
			t.Errorf("exactly 1 MiB: %v", err)
		}
	})
}

func TestSendMessageBatchFailsEntriesSingly(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		q, fifo := h.create("q", "MaximumMessageSize", "1024"), h.createFIFO("q")
		send := func(url string, entries []sendEntry) *api.SendMessageBatchOutput {
			t.Helper()
			out, err := h.SendMessageBatch(t.Context(), h.caller, &api.SendMessageBatchInput{QueueUrl: url, Entries: entries})
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
		failed := func(id, code, message string) api.BatchResultErrorEntry {
			return api.BatchResultErrorEntry{Id: id, SenderFault: true, Code: code, Message: message}
		}
		long := strings.Repeat("a", 129)
		out := send(q, batchOf(
			plain,
			bodyOf(strings.Repeat("a", 1025)),
			bodyOf("\x00"),
			bodyOf(""),
			func(e *sendEntry) { e.DelaySeconds = new(int64(901)) },
			func(e *sendEntry) { e.MessageGroupId = &long },
			func(e *sendEntry) { e.MessageDeduplicationId = new("d") },
			func(e *sendEntry) {
				e.MessageAttributes = map[string]api.MessageAttributeValue{"N": stringValue("Number", "x")}
			},
			func(e *sendEntry) {
				e.MessageAttributes = map[string]api.MessageAttributeValue{"N": {DataType: new("String"), StringListValues: []string{"a"}}}
			},
			func(e *sendEntry) { e.MessageGroupId = new("tenant") },
		))
		want := []api.BatchResultErrorEntry{
			failed("2", "InvalidParameterValue", "One or more parameters cannot be validated. Reason: Message must be shorter than 1024 bytes."),
			failed("3", "InvalidMessageContents", invalidCharacters),
			failed("4", "MissingParameter", "The request must contain the parameter SendMessageBatchRequestEntry.4.MessageBody."),
			failed("5", "InvalidParameterValue", "Value 901 for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900."),
			failed("6", "InvalidParameterValue", "MessageGroupId can only include alphanumeric and punctuation characters. 1 to 128 in length"),
			failed("7", "InvalidParameterValue", "The request include parameter that is not valid for this queue type"),
			failed("8", "InvalidParameterValue", "Can't cast the value of message (user) attribute 'N' to a number."),
			failed("9", "AWS.SimpleQueueService.UnsupportedOperation", "Message attribute list values in SendMessage operation are not supported."),
		}
		if diff := cmp.Diff(want, out.Failed); diff != "" {
			t.Errorf("failed (-want +got):\n%s", diff)
		}
		if len(out.Successful) != 2 || out.Successful[0].Id != "1" || out.Successful[1].Id != "10" || out.Successful[0].MD5OfMessageBody != "841a2d689ad86bd1611447453c22c6fc" {
			t.Errorf("successful %+v", out.Successful)
		}
		if got, want := h.counts(q), [3]string{"2", "0", "0"}; got != want {
			t.Errorf("counts %v", got)
		}
		out = send(fifo, batchOf(
			fifoEntry("g", "a"),
			func(e *sendEntry) { fifoEntry("g", "b")(e); e.DelaySeconds = new(int64(1)) },
			fifoEntry("g", ""),
			func(e *sendEntry) { fifoEntry("g", "c")(e); e.DelaySeconds = new(int64(0)) },
			fifoEntry("h", "a"),
		))
		want = []api.BatchResultErrorEntry{
			failed("2", "InvalidParameterValue", "The request include parameter that is not valid for this queue type"),
			failed("3", "InvalidParameterValue", "MessageDeduplicationId can only include alphanumeric and punctuation characters. 1 to 128 in length"),
		}
		if diff := cmp.Diff(want, out.Failed); diff != "" {
			t.Errorf("failed on FIFO (-want +got):\n%s", diff)
		}
		// Within a batch too, the second of two equal ids is the first.
		if s := out.Successful; len(s) != 3 || s[2].MessageId != s[0].MessageId || s[2].SequenceNumber != s[0].SequenceNumber || s[1].SequenceNumber <= s[0].SequenceNumber {
			t.Errorf("successful on FIFO %+v", s)
		}
		if out := send(q, batchOf(bodyOf(""), bodyOf("\x00"))); out.Successful != nil || len(out.Failed) != 2 {
			t.Errorf("all failed: %+v", out)
		}
	})
}

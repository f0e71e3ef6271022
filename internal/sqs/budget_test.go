//go:build !race

package sqs

import (
	"context"
	"strings"
	"testing"

	"github.com/staunchmq/staunch/internal/api"
)

// TestAllocationBudgets bounds what messages cost in this package and the shard. Some of it is not always the same: what the shard
// puts together depends on the time.
// Not with the race detector: it lets pools forget a part of what they hold, at random.
func TestAllocationBudgets(t *testing.T) {
	h, url := benchmarkHarness(t)
	ctx := context.Background()
	body := strings.Repeat("a", 1024)
	entries := batchOf(plain, plain, plain, plain, plain, plain, plain, plain, plain, plain)
	for i := range entries {
		entries[i].MessageBody = &body
	}
	within := func(name string, budget float64, run func()) {
		t.Helper()
		n := testing.AllocsPerRun(50, run)
		if n > budget {
			t.Errorf("%s allocates %v times, more than %v", name, n, budget)
		}
		t.Logf("%s: %v allocations", name, n)
	}
	within("SendMessage", 18, func() {
		if _, err := h.SendMessage(ctx, h.caller, &api.SendMessageInput{QueueUrl: url, MessageBody: &body}); err != nil {
			t.Error(err)
		}
	})
	within("SendMessageBatch of 10", 45, func() {
		if _, err := h.SendMessageBatch(ctx, h.caller, &api.SendMessageBatchInput{QueueUrl: url, Entries: entries}); err != nil {
			t.Error(err)
		}
	})
	within("ReceiveMessage of 10 and DeleteMessageBatch", 190, func() {
		out, err := h.ReceiveMessage(ctx, h.caller, &api.ReceiveMessageInput{QueueUrl: url, MaxNumberOfMessages: new(int64(10))})
		if err != nil || len(out.Messages) != 10 {
			t.Fatal(len(out.Messages), err)
		}
		deletes := make([]api.DeleteMessageBatchRequestEntry, 10)
		for i := range deletes {
			deletes[i] = api.DeleteMessageBatchRequestEntry{Id: entries[i].Id, ReceiptHandle: &out.Messages[i].ReceiptHandle}
		}
		if _, err := h.DeleteMessageBatch(ctx, h.caller, &api.DeleteMessageBatchInput{QueueUrl: url, Entries: deletes}); err != nil {
			t.Error(err)
		}
	})
}

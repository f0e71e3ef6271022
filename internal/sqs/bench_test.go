package sqs

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/journal/memjournal"
)

// benchmarkHarness is a service outside of a bubble, over journals in memory: what is measured is this package and the shard.
func benchmarkHarness(b testing.TB) (*harness, string) {
	h := &harness{
		caller:  &api.Caller{Account: testAccount, Region: testRegion, SenderID: "AIDATEST", BaseURL: testBase},
		options: Options{Logger: slog.New(slog.DiscardHandler)},
	}
	h.t = b
	h.journals = []*memjournal.Journal{memjournal.New(0)}
	h.start()
	b.Cleanup(h.stop)
	return h, h.create("q")
}

func BenchmarkSendMessage(b *testing.B) {
	h, url := benchmarkHarness(b)
	body := strings.Repeat("a", 1024)
	b.ReportAllocs()
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := h.SendMessage(context.Background(), h.caller, &api.SendMessageInput{QueueUrl: url, MessageBody: &body}); err != nil {
				b.Error(err)
			}
		}
	})
}

// One operation is a batch of ten messages sent, received and deleted.
func BenchmarkBatchCycle(b *testing.B) {
	h, url := benchmarkHarness(b)
	body := strings.Repeat("a", 1024)
	entries := batchOf(plain, plain, plain, plain, plain, plain, plain, plain, plain, plain)
	for i := range entries {
		entries[i].MessageBody = &body
	}
	b.ReportAllocs()
	b.SetParallelism(16)
	b.RunParallel(func(pb *testing.PB) {
		ctx := context.Background()
		for pb.Next() {
			if _, err := h.SendMessageBatch(ctx, h.caller, &api.SendMessageBatchInput{QueueUrl: url, Entries: entries}); err != nil {
				b.Error(err)
			}
			out, err := h.ReceiveMessage(ctx, h.caller, &api.ReceiveMessageInput{QueueUrl: url, MaxNumberOfMessages: new(int64(10)), MessageSystemAttributeNames: []string{"All"}})
			if err != nil {
				b.Error(err)
			}
			var deletes []api.DeleteMessageBatchRequestEntry
			for i, m := range out.Messages {
				deletes = append(deletes, api.DeleteMessageBatchRequestEntry{Id: entries[i].Id, ReceiptHandle: &m.ReceiptHandle})
			}
			if len(deletes) == 0 {
				continue
			}
			if _, err := h.DeleteMessageBatch(ctx, h.caller, &api.DeleteMessageBatchInput{QueueUrl: url, Entries: deletes}); err != nil {
				b.Error(err)
			}
		}
	})
}

package sqs

import (
	"context"
	"crypto/md5"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/staunchmq/staunch/internal/api"
)

// TestContentsOfGivenUpSendsStay sends from many sides, with clients that do not wait for the answer among them: the shard may still take
// in such a message, so its memory must not be another's yet. Every message that comes is one that was sent.
func TestContentsOfGivenUpSendsStay(t *testing.T) {
	for _, encrypted := range []string{"true", "false"} {
		h, _ := benchmarkHarness(t)
		url := h.create("contents", "SqsManagedSseEnabled", encrypted, "VisibilityTimeout", "43200")
		var senders sync.WaitGroup
		for sender := range 8 {
			senders.Go(func() {
				for i := range 100 {
					ctx, cancel := context.WithCancel(context.Background())
					if i%2 == 0 {
						go cancel()
					}
					body := strings.Repeat(fmt.Sprintf("%d-%d ", sender, i), 100)
					_, err := h.SendMessage(ctx, h.caller, &api.SendMessageInput{QueueUrl: url, MessageBody: &body})
					if err != nil && ctx.Err() == nil {
						t.Error(err)
					}
					cancel()
				}
			})
		}
		senders.Wait()
		seen := make(map[string]bool)
		for {
			out, err := h.ReceiveMessage(t.Context(), h.caller, &api.ReceiveMessageInput{QueueUrl: url, MaxNumberOfMessages: new(int64(10))})
			if err != nil {
				t.Fatal(err)
			}
			if len(out.Messages) == 0 {
				break
			}
			for _, m := range out.Messages {
				first, _, _ := strings.Cut(m.Body, " ")
				if m.Body != strings.Repeat(first+" ", 100) || seen[first] || m.MD5OfBody != digestText(md5.Sum([]byte(m.Body))) {
					t.Errorf("a message came twice or damaged: %s", m.Body)
				}
				seen[first] = true
			}
		}
		if len(seen) < 8*50 {
			t.Errorf("%d messages, less than those that nobody gave up", len(seen))
		}
	}
}

package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

const (
	killVisibility = 2 * time.Second
	killWriters    = 16
	killConsumers  = 8
	killGroups     = 8
)

// TestKill kills the server again and again while many clients write and consume, and checks the history of all of it. Each
// kill comes after a random number of acknowledged sends, so it falls into any stage of a commit. STAUNCH_CHAOS_KILLS sets how
// many kills there are; the seed is printed.
func TestKill(t *testing.T) {
	kills := 8
	if v := os.Getenv("STAUNCH_CHAOS_KILLS"); v != "" {
		var err error
		if kills, err = strconv.Atoi(v); err != nil {
			t.Fatal(err)
		}
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))

	bin, data := binary(t), t.TempDir()
	// Small checkpoints, so that restarts come from checkpoint, trimmed journal and tail.
	flags := []string{"--checkpoint-bytes", "1MiB"}
	server := start(t, bin, data, "127.0.0.1:0", flags...)
	defer func() { server.kill() }()
	listen := server.endpoint[len("http://"):]

	r := &killRun{client: client(server.endpoint)}
	visibility := strconv.Itoa(int(killVisibility.Seconds()))
	r.standardURL = createQueue(t.Context(), t, r.client, "standard", map[string]string{"VisibilityTimeout": visibility})
	r.fifoURL = createQueue(t.Context(), t, r.client, "ordered.fifo", map[string]string{"VisibilityTimeout": visibility, "FifoQueue": "true"})
	r.standard, r.fifo = newHistory(killVisibility), newHistory(killVisibility)
	r.acked = make(chan struct{}, 1024)

	ctx, cancel := context.WithCancel(t.Context())
	var clients sync.WaitGroup
	for w := range killWriters {
		clients.Go(func() { r.write(ctx, w) })
	}
	for range killConsumers {
		clients.Go(func() { r.consume(ctx, r.standardURL, r.standard) })
		clients.Go(func() { r.consume(ctx, r.fifoURL, r.fifo) })
	}
	for kill := range kills {
		for range 200 + random.IntN(1500) {
			<-r.acked
		}
		server.kill()
		server = start(t, bin, data, listen, flags...)
		sent, _ := r.standard.counts()
		sentFIFO, _ := r.fifo.counts()
		t.Logf("kill %d of %d: %d + %d sends acknowledged so far", kill+1, kills, sent, sentFIFO)
	}
	cancel()
	clients.Wait()
	r.drain(t, r.standardURL, r.standard)
	r.drain(t, r.fifoURL, r.fifo)
	for name, h := range map[string]*history{"standard": r.standard, "fifo": r.fifo} {
		sent, deleted := h.counts()
		t.Logf("%s: %d sends and %d deletes acknowledged", name, sent, deleted)
		if sent == 0 || deleted == 0 {
			t.Errorf("%s: nothing happened", name)
		}
		for _, fault := range h.finish() {
			t.Errorf("%s: %s", name, fault)
		}
	}
	if err := server.stop(); err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
}

type killRun struct {
	client               *sqs.Client
	standardURL, fifoURL string
	standard, fifo       *history
	acked                chan struct{} // one for each acknowledged send
}

// write sends to the standard queue, and as the only writer of one FIFO group, in turn. A FIFO send whose answer is lost is sent
// again until it is acknowledged: deduplication has to make that one message.
func (r *killRun) write(ctx context.Context, w int) {
	for n := 0; ctx.Err() == nil; n++ {
		body := fmt.Sprintf("w%d-%d", w, n)
		r.standard.sending(body, "")
		if _, err := r.client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &r.standardURL, MessageBody: &body}); err == nil {
			r.standard.sent(body)
			r.acked <- struct{}{}
		}
		if w >= killGroups {
			continue
		}
		group := fmt.Sprintf("g%d", w)
		r.fifo.sending(body, group)
		for ctx.Err() == nil {
			_, err := r.client.SendMessage(ctx, &sqs.SendMessageInput{
				QueueUrl: &r.fifoURL, MessageBody: &body, MessageGroupId: &group, MessageDeduplicationId: &body,
			})
			if err == nil {
				r.fifo.sent(body)
				r.acked <- struct{}{}
				break
			}
		}
	}
}

// consume receives and deletes until ctx ends. One message in eight is left alone, to come again.
func (r *killRun) consume(ctx context.Context, url string, h *history) {
	for ctx.Err() == nil {
		r.receive(ctx, url, h, func() bool { return rand.IntN(8) > 0 })
	}
}

// receive asks once and returns how many messages came.
func (r *killRun) receive(ctx context.Context, url string, h *history, remove func() bool) int {
	asked := time.Now()
	out, err := r.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: &url, MaxNumberOfMessages: 10, WaitTimeSeconds: 1,
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameApproximateReceiveCount},
	})
	if err != nil {
		return 0
	}
	answered := time.Now()
	for _, m := range out.Messages {
		count, _ := strconv.Atoi(m.Attributes["ApproximateReceiveCount"])
		h.received(*m.Body, *m.MessageId, count, asked, answered)
	}
	for _, m := range out.Messages {
		if !remove() {
			continue
		}
		h.deleting(*m.Body)
		if _, err := r.client.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: m.ReceiptHandle}); err == nil {
			h.deleteDone(*m.Body, time.Now())
		}
	}
	return len(out.Messages)
}

// drain consumes all that is left, and checks that the server's counts agree that nothing is.
func (r *killRun) drain(t *testing.T, url string, h *history) {
	deadline := time.Now().Add(2 * time.Minute)
	for time.Now().Before(deadline) {
		for r.receive(t.Context(), url, h, func() bool { return true }) > 0 {
		}
		out, err := r.client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{
			QueueUrl: &url, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll},
		})
		if err != nil {
			t.Fatal(err)
		}
		if out.Attributes["ApproximateNumberOfMessages"] == "0" && out.Attributes["ApproximateNumberOfMessagesNotVisible"] == "0" {
			return
		}
	}
	t.Errorf("queue %s is not empty after two minutes of draining", aws.ToString(&url))
}

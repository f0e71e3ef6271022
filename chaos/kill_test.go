package chaos

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
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

// disturbance is what happens to a server.
type disturbance string

const (
	killed    disturbance = "kill -9"
	restarted disturbance = "SIGTERM and start"
	paused    disturbance = "SIGSTOP and SIGCONT"
)

// disturbances returns so many in random order: half of them kills, the rest restarts and pauses.
func disturbances(random *rand.Rand, n int) []disturbance {
	list := make([]disturbance, n)
	for i := range list {
		list[i] = []disturbance{killed, restarted, killed, paused}[i%4]
	}
	random.Shuffle(n, func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}

// disturbanceCount returns how many disturbances STAUNCH_CHAOS_KILLS asks for.
func disturbanceCount(t *testing.T, otherwise int) int {
	t.Helper()
	v := os.Getenv("STAUNCH_CHAOS_KILLS")
	if v == "" {
		return otherwise
	}
	n, err := strconv.Atoi(v)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestKill kills, restarts and pauses the server again and again while many clients write and consume, and checks the history of
// all of it. Each disturbance comes after a random number of acknowledged sends, so it falls into any stage of a commit.
// STAUNCH_CHAOS_KILLS sets how many there are; the seed is printed.
func TestKill(t *testing.T) {
	t.Parallel()
	kills := disturbanceCount(t, 8)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))

	bin, data := binary(t), t.TempDir()
	// Small checkpoints, so that restarts come from checkpoint, trimmed journal and tail.
	flags := []string{"--checkpoint-bytes", "1MiB"}
	server := start(t, bin, data, flags...)
	defer func() { server.kill() }()
	// Each server has a port of its own: that of one that has ended may be somebody else's.
	var address atomic.Pointer[string]
	address.Store(&server.address)
	r := newKillRun(t, client(func() string { return *address.Load() }))
	startAgain := func() {
		server = start(t, bin, data, flags...)
		address.Store(&server.address)
	}

	ctx, cancel := context.WithCancel(t.Context())
	var clients sync.WaitGroup
	r.run(ctx, &clients, killWriters, killConsumers)
	for i, what := range disturbances(random, kills) {
		for range 200 + random.IntN(1500) {
			<-r.acked
		}
		switch what {
		case killed:
			server.kill()
			startAgain()
		case restarted:
			if err := server.stop(); err != nil {
				t.Errorf("after SIGTERM: %v", err)
			}
			startAgain()
		case paused:
			server.pause(t, killVisibility+time.Duration(random.Int64N(int64(time.Second))))
		}
		sent, _ := r.standard.counts()
		sentFIFO, _ := r.fifo.counts()
		sentWork, _ := r.work.counts()
		t.Logf("%d of %d, %s: %d + %d + %d sends acknowledged so far", i+1, kills, what, sent, sentFIFO, sentWork)
	}
	cancel()
	clients.Wait()
	r.finish(t)
	if err := server.stop(); err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
}

// finish empties the queues when the clients have ended, and checks all histories.
func (r *killRun) finish(t *testing.T) {
	r.drain(t, r.standardURL, r.standard)
	r.drain(t, r.fifoURL, r.fifo)
	r.endMoves(t)
	r.drain(t, r.workURL, r.work)
	r.drain(t, r.deadURL, r.work)
	for name, h := range map[string]*history{"standard": r.standard, "fifo": r.fifo, "with dead letters": r.work} {
		sent, deleted := h.counts()
		t.Logf("%s: %d sends and %d deletes acknowledged", name, sent, deleted)
		if sent == 0 || deleted == 0 {
			t.Errorf("%s: nothing happened", name)
		}
		for _, fault := range h.finish() {
			t.Errorf("%s: %s", name, fault)
		}
	}
	t.Logf("%d dead letters came, %d move tasks were started", r.deadLetters.Load(), r.tasks.Load())
	if r.deadLetters.Load() == 0 || r.tasks.Load() == 0 {
		t.Error("no dead letters, or no move task")
	}
}

// killRun is the clients: a standard queue, a FIFO queue, and a queue with a dead-letter queue from which messages are moved back.
type killRun struct {
	client                                 *sqs.Client
	standardURL, fifoURL, workURL, deadURL string
	deadARN                                string
	standard, fifo, work                   *history
	acked                                  chan struct{} // one for each acknowledged send
	deadLetters, tasks                     atomic.Int64
	draining                               bool // the clients have ended, and what is received is what was left
}

func newKillRun(t *testing.T, client *sqs.Client) *killRun {
	r := &killRun{client: client, acked: make(chan struct{}, 1024)}
	create := func(name string, more map[string]string) string {
		attributes := map[string]string{"VisibilityTimeout": strconv.Itoa(int(killVisibility.Seconds()))}
		maps.Copy(attributes, more)
		return createQueue(t.Context(), t, r.client, name, attributes)
	}
	r.standardURL = create("standard", nil)
	r.fifoURL = create("ordered.fifo", map[string]string{"FifoQueue": "true"})
	r.deadURL = create("dead", nil)
	r.deadARN = "arn:aws:sqs:us-east-1:000000000000:dead"
	r.workURL = create("work", map[string]string{
		"RedrivePolicy": fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":1}`, r.deadARN),
	})
	r.standard, r.fifo, r.work = newHistory(killVisibility), newHistory(killVisibility), newHistory(killVisibility)
	r.work.moves = true
	return r
}

// run starts the clients. They end with ctx.
func (r *killRun) run(ctx context.Context, clients *sync.WaitGroup, writers, consumers int) {
	for w := range writers {
		clients.Go(func() { r.write(ctx, w) })
	}
	for range consumers {
		clients.Go(func() { r.consume(ctx, r.standardURL, r.standard) })
		clients.Go(func() { r.consume(ctx, r.fifoURL, r.fifo) })
		clients.Go(func() { r.consume(ctx, r.workURL, r.work) })
	}
	clients.Go(func() { r.consume(ctx, r.deadURL, r.work) })
	clients.Go(func() { r.redrive(ctx) })
}

// redrive moves dead letters back to their queue, again and again.
func (r *killRun) redrive(ctx context.Context) {
	for ctx.Err() == nil {
		if _, err := r.client.StartMessageMoveTask(ctx, &sqs.StartMessageMoveTaskInput{SourceArn: &r.deadARN}); err == nil {
			r.tasks.Add(1)
		}
		select {
		case <-ctx.Done():
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// endMoves waits until no task moves messages any more.
func (r *killRun) endMoves(t *testing.T) {
	for deadline := time.Now().Add(patience); ; time.Sleep(50 * time.Millisecond) {
		out, err := r.client.ListMessageMoveTasks(t.Context(), &sqs.ListMessageMoveTasksInput{SourceArn: &r.deadARN})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(out.Results, func(e types.ListMessageMoveTasksResultEntry) bool {
			return aws.ToString(e.Status) == "RUNNING" || aws.ToString(e.Status) == "CANCELLING"
		}) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("a move task does not end")
		}
	}
}

// write sends to the standard queue, and as the only writer of one FIFO group, in turn. A FIFO send whose answer is lost is sent
// again until it is acknowledged: deduplication has to make that one message.
func (r *killRun) write(ctx context.Context, w int) {
	for n := 0; ctx.Err() == nil; n++ {
		body := fmt.Sprintf("w%d-%d", w, n)
		r.standard.sending(body, "")
		_, err := r.client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &r.standardURL, MessageBody: &body})
		if err == nil {
			r.standard.sent(body)
			r.count(ctx)
		}
		rest(err)
		if n%4 == 0 {
			r.work.sending(body, "")
			if _, err := r.client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &r.workURL, MessageBody: &body}); err == nil {
				r.work.sent(body)
				r.count(ctx)
			}
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
				r.count(ctx)
				break
			}
			rest(err)
		}
	}
}

// count notes an acknowledged send. Nobody takes the notes any more when ctx has ended.
func (r *killRun) count(ctx context.Context) {
	select {
	case r.acked <- struct{}{}:
	case <-ctx.Done():
	}
}

// consume receives and deletes until ctx ends. One message in eight is left alone, to come again.
func (r *killRun) consume(ctx context.Context, url string, h *history) {
	for ctx.Err() == nil {
		_, err := r.receive(ctx, url, h, func() bool { return rand.IntN(8) > 0 })
		rest(err)
	}
}

// rest lets a client that was refused, or did not find the server, wait a moment.
func rest(err error) {
	if err != nil {
		time.Sleep(5 * time.Millisecond)
	}
}

// receive asks once, deletes what remove says, and returns how many messages came.
func (r *killRun) receive(ctx context.Context, url string, h *history, remove func() bool) (n int, err error) {
	asked := time.Now()
	out, err := r.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: &url, MaxNumberOfMessages: 10, WaitTimeSeconds: 1,
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameApproximateReceiveCount},
	})
	if err != nil {
		h.receiveLost()
		return 0, err
	}
	answered := time.Now()
	if url == r.deadURL {
		r.deadLetters.Add(int64(len(out.Messages)))
	}
	for _, m := range out.Messages {
		count, _ := strconv.Atoi(m.Attributes["ApproximateReceiveCount"])
		h.received(*m.Body, *m.MessageId, count, asked, answered)
	}
	for _, m := range out.Messages {
		if !remove() {
			continue
		}
		if r.draining {
			h.remains(*m.Body, url, *m.MessageId)
		}
		h.deleting(*m.Body)
		if _, err := r.client.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: m.ReceiptHandle}); err == nil {
			h.deleteDone(*m.Body, asked, time.Now())
		}
	}
	return len(out.Messages), nil
}

// drain consumes all that is left, and checks that the server's counts agree that nothing is. It goes on for as long as anything moves: what
// is in flight comes back by itself, and then one of the next receives, which wait for a second each, has it.
func (r *killRun) drain(t *testing.T, url string, h *history) {
	r.draining = true
	const still = 10 * int(killVisibility/time.Second)
	var last [2]string
	for idle := 0; idle < still; idle++ {
		n, refused := r.receive(t.Context(), url, h, func() bool { return true })
		if refused != nil { // such as by a full disk, while the store's own work needs the room
			time.Sleep(time.Second)
		}
		out, err := r.client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{
			QueueUrl: &url, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll},
		})
		if err != nil {
			t.Fatal(err)
		}
		counts := [2]string{out.Attributes["ApproximateNumberOfMessages"], out.Attributes["ApproximateNumberOfMessagesNotVisible"]}
		if refused == nil && n == 0 && counts == [2]string{"0", "0"} {
			return
		}
		if n > 0 || counts != last {
			idle, last = 0, counts
		}
	}
	t.Errorf("queue %s has %s messages and %s in flight, and %d receives of a second got none", url, last[0], last[1], still)
}

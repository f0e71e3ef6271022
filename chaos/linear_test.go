package chaos

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// Small histories of small queues, for porcupine, which searches for an order of all operations, each at some moment between its beginning
// and its answer, that one queue in one thread would have given the same answers in. Messages are received for half a day, so time does
// nothing to them, and an empty receive or a count says what was there: the rules of history.go do not look at these.
//
// Empty receives and counts do not wait for the disk: what they see of an operation that has no answer may be lost in a crash. So one of
// them that was under way together with such an operation is not looked at.

const (
	linearRounds     = 4
	linearQueues     = 16     // half of them FIFO
	linearClients    = 3      // of each queue
	linearOperations = 15     // of each client
	linearVisibility = 43_200 // s

	linearRoundOperations = linearQueues * linearClients * linearOperations
)

// linearAction is what a client does.
type linearAction string

const (
	linearSend    linearAction = "send"
	linearReceive linearAction = "receive"
	linearDelete  linearAction = "delete"
	linearRelease linearAction = "release" // visibility timeout 0
	linearCount   linearAction = "count"
)

// linearInput is what was asked, of a message if it was of one.
type linearInput struct {
	fifo   bool
	action linearAction
	body   string
}

// linearOutput is what was answered.
type linearOutput struct {
	unknown         bool   // there was no answer
	body            string // received; empty for none
	visible, flying int    // counted
}

// linearMessage is a message in the state of a queue.
type linearMessage struct {
	body   string
	flying bool
}

// linearState is a queue: of a FIFO queue in order, else in that of the bodies. It is never changed.
type linearState []linearMessage

// without returns the state without a message, with returns it with another one, and flying with one that is, or is not, in flight.
func (s linearState) without(body string) linearState {
	return slices.DeleteFunc(slices.Clone(s), func(m linearMessage) bool { return m.body == body })
}

func (s linearState) with(fifo bool, body string) linearState {
	s = append(slices.Clone(s), linearMessage{body: body})
	if !fifo {
		slices.SortFunc(s, func(a, b linearMessage) int { return strings.Compare(a.body, b.body) })
	}
	return s
}

func (s linearState) flying(body string, flying bool) linearState {
	s = slices.Clone(s)
	for i := range s {
		if s[i].body == body {
			s[i].flying = flying
		}
	}
	return s
}

// receivable are the messages that a receive may get: all that are visible, or of a FIFO queue, whose messages are of one group here,
// the first if none is in flight.
func (s linearState) receivable(fifo bool) (bodies []string) {
	for _, m := range s {
		switch {
		case fifo && m.flying:
			return nil
		case !m.flying:
			bodies = append(bodies, m.body)
		}
	}
	if fifo && len(bodies) > 1 {
		bodies = bodies[:1]
	}
	return bodies
}

// step returns the states that an operation with this answer can lead to; none if it cannot have had that answer.
func (s linearState) step(in linearInput, out linearOutput) (next []linearState) {
	switch in.action {
	case linearSend:
		next = append(next, s.with(in.fifo, in.body))
	case linearDelete:
		next = append(next, s.without(in.body))
	case linearRelease:
		next = append(next, s.flying(in.body, false))
	case linearReceive:
		bodies := s.receivable(in.fifo)
		for _, body := range bodies {
			if out.unknown || body == out.body {
				next = append(next, s.flying(body, true))
			}
		}
		if out.body == "" && len(bodies) == 0 {
			next = append(next, s)
		}
	case linearCount:
		flying := 0
		for _, m := range s {
			if m.flying {
				flying++
			}
		}
		if out.flying == flying && out.visible == len(s)-flying {
			next = append(next, s)
		}
	}
	if out.unknown {
		next = append(next, s) // it never took place
	}
	return next
}

var linearModel = (&porcupine.NondeterministicModel{
	Init: func() []any { return []any{linearState(nil)} },
	Step: func(state, in, out any) (next []any) {
		for _, s := range state.(linearState).step(in.(linearInput), out.(linearOutput)) {
			next = append(next, s)
		}
		return next
	},
	Equal: func(a, b any) bool { return slices.Equal(a.(linearState), b.(linearState)) },
}).ToModel

// looked returns a history without the empty receives and counts that were under way together with an operation without an answer.
func looked(history []porcupine.Operation) []porcupine.Operation {
	return slices.DeleteFunc(slices.Clone(history), func(o porcupine.Operation) bool {
		in, out := o.Input.(linearInput), o.Output.(linearOutput)
		sees := !out.unknown && (in.action == linearCount || in.action == linearReceive && out.body == "")
		return sees && slices.ContainsFunc(history, func(other porcupine.Operation) bool {
			return other.Output.(linearOutput).unknown && other.Call < o.Return && o.Call < other.Return
		})
	})
}

// ended returns a history in which operations without an answer ended with the first of the kills after their beginning, if they took
// place at all. Counts change nothing. What began later never came to a server: they met a connection to one that was gone.
func ended(history []porcupine.Operation, kills []int64) []porcupine.Operation {
	var all []porcupine.Operation
	for _, o := range history {
		if o.Output.(linearOutput).unknown {
			next := slices.IndexFunc(kills, func(at int64) bool { return at > o.Call })
			if next < 0 || o.Input.(linearInput).action == linearCount {
				continue
			}
			o.Return = kills[next]
		}
		all = append(all, o)
	}
	return all
}

// TestPorcupineFindsFaults: the model refuses what a queue must not do.
func TestPorcupineFindsFaults(t *testing.T) {
	op := func(call, end int64, action linearAction, body string, out linearOutput) porcupine.Operation {
		return porcupine.Operation{Input: linearInput{true, action, body}, Output: out, Call: call, Return: end}
	}
	answered := linearOutput{}
	a, b := op(0, 1, linearSend, "a", answered), op(2, 3, linearSend, "b", answered)
	got := func(call int64, body string) porcupine.Operation {
		return op(call, call+1, linearReceive, "", linearOutput{body: body})
	}
	lost := linearOutput{unknown: true}
	for name, tt := range map[string]struct {
		history []porcupine.Operation
		want    bool
	}{
		"in order":               {[]porcupine.Operation{a, b, got(4, "a"), op(6, 7, linearDelete, "a", answered), got(8, "b")}, true},
		"out of order":           {[]porcupine.Operation{a, b, got(4, "b")}, false},
		"two holders":            {[]porcupine.Operation{a, b, got(4, "a"), got(6, "b")}, false},
		"overlapping":            {[]porcupine.Operation{a, got(2, "a"), got(4, "a")}, false},
		"released":               {[]porcupine.Operation{a, got(2, "a"), op(4, 5, linearRelease, "a", answered), got(6, "a")}, true},
		"back after its delete":  {[]porcupine.Operation{a, got(2, "a"), op(4, 5, linearDelete, "a", answered), got(6, "a")}, false},
		"lost":                   {[]porcupine.Operation{a, got(2, "")}, false},
		"a send without answer":  {[]porcupine.Operation{op(0, 9, linearSend, "a", lost), op(1, 2, linearSend, "b", answered), got(20, "b")}, true},
		"counted before":         {[]porcupine.Operation{a, op(2, 3, linearCount, "", linearOutput{visible: 1}), got(4, "a")}, true},
		"counted twice":          {[]porcupine.Operation{a, op(2, 3, linearCount, "", linearOutput{visible: 2})}, false},
		"empty while it is sent": {[]porcupine.Operation{op(0, 9, linearSend, "a", answered), got(2, ""), got(20, "a")}, true},
		"a receive without answer": {[]porcupine.Operation{a, b, op(4, 9, linearReceive, "", lost), got(20, ""),
			op(30, 31, linearCount, "", linearOutput{visible: 1, flying: 1})}, true},
	} {
		if got := porcupine.CheckOperations(linearModel(), looked(tt.history)); got != tt.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// linearQueue is a queue with its clients and what they did and saw.
type linearQueue struct {
	client  *sqs.Client
	fifo    bool
	url     string
	began   time.Time
	done    chan<- struct{} // one for each answer
	mu      sync.Mutex
	history []porcupine.Operation // guarded by mu
}

// work is one client: it does one thing after the other. What it has received is its own until it has deleted or released it.
func (q *linearQueue) work(ctx context.Context, id int, random *rand.Rand) {
	type message struct{ body, handle string }
	var held []message
	for n := range linearOperations {
		in := linearInput{fifo: q.fifo}
		var m message
		switch r := random.IntN(100); {
		case r < 35:
			in.action, in.body = linearSend, fmt.Sprintf("c%d-%d", id, n)
		case r < 65:
			in.action = linearReceive
		case r < 80:
			in.action = linearCount
		case len(held) == 0:
			in.action = linearReceive
		default:
			in.action = []linearAction{linearDelete, linearDelete, linearRelease}[r%3]
			m, held = held[0], held[1:]
			in.body = m.body
		}
		call := time.Since(q.began)
		out, handle, err := q.do(ctx, in, m.handle)
		o := porcupine.Operation{ClientId: id, Input: in, Output: out, Call: call.Nanoseconds(), Return: time.Since(q.began).Nanoseconds()}
		if err != nil {
			o.Output, o.Return = linearOutput{unknown: true}, math.MaxInt64
		}
		q.mu.Lock()
		q.history = append(q.history, o)
		q.mu.Unlock()
		if out.body != "" {
			held = append(held, message{out.body, handle})
		}
		q.done <- struct{}{}
		for err != nil && ctx.Err() == nil { // one operation without an answer is enough: the next when the server is up again
			time.Sleep(10 * time.Millisecond)
			_, err = q.client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &q.url})
		}
	}
}

func (q *linearQueue) do(ctx context.Context, in linearInput, handle string) (out linearOutput, received string, err error) {
	switch in.action {
	case linearSend:
		send := &sqs.SendMessageInput{QueueUrl: &q.url, MessageBody: &in.body}
		if q.fifo {
			send.MessageGroupId, send.MessageDeduplicationId = aws.String("g"), &in.body
		}
		_, err = q.client.SendMessage(ctx, send)
	case linearReceive:
		var got *sqs.ReceiveMessageOutput
		got, err = q.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &q.url, MaxNumberOfMessages: 1, VisibilityTimeout: linearVisibility})
		if err == nil && len(got.Messages) > 0 {
			out.body, received = *got.Messages[0].Body, *got.Messages[0].ReceiptHandle
		}
	case linearDelete:
		_, err = q.client.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &q.url, ReceiptHandle: &handle})
	case linearRelease:
		_, err = q.client.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{QueueUrl: &q.url, ReceiptHandle: &handle, VisibilityTimeout: 0})
	case linearCount:
		var got *sqs.GetQueueAttributesOutput
		got, err = q.client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &q.url, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll}})
		if err == nil {
			out.visible, _ = strconv.Atoi(got.Attributes["ApproximateNumberOfMessages"])
			out.flying, _ = strconv.Atoi(got.Attributes["ApproximateNumberOfMessagesNotVisible"])
		}
	}
	return out, received, err
}

// TestLinearizable kills and pauses a server while clients work, and looks whether each queue is one, as porcupine sees it.
func TestLinearizable(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := &linearRun{bin: binary(t), data: memoryDir(t), began: time.Now(), random: rand.New(rand.NewPCG(seed, 0))}
	r.start(t)
	defer func() { r.server.kill() }()
	r.client = client(func() string { return *r.address.Load() })
	for round := range linearRounds {
		r.round(t, round)
	}
	t.Logf("%d operations on %d queues; %d have no answer, and %d more were not looked at",
		linearRounds*linearRoundOperations, linearRounds*linearQueues, r.unanswered, r.unseen)
}

// linearRun is a server and its clients.
type linearRun struct {
	bin, data string
	server    *process
	address   atomic.Pointer[string]
	client    *sqs.Client
	began     time.Time
	random    *rand.Rand

	unanswered, unseen int // operations
}

func (r *linearRun) start(t *testing.T) {
	r.server = start(t, r.bin, r.data, "--checkpoint-bytes", "64KiB")
	r.address.Store(&r.server.address)
}

// round lets clients of new queues work, with a kill and a pause meanwhile.
func (r *linearRun) round(t *testing.T, round int) {
	done := make(chan struct{}, linearRoundOperations)
	queues := make([]*linearQueue, linearQueues)
	var clients sync.WaitGroup
	for i := range queues {
		q := &linearQueue{client: r.client, fifo: i%2 == 0, began: r.began, done: done}
		name, attributes := fmt.Sprintf("q%d-%d", round, i), map[string]string{}
		if q.fifo {
			name += ".fifo"
			attributes["FifoQueue"] = "true"
		}
		q.url = createQueue(t.Context(), t, r.client, name, attributes)
		queues[i] = q
	}
	for _, q := range queues {
		for id := range linearClients {
			random := rand.New(rand.NewPCG(r.random.Uint64(), 0))
			clients.Go(func() { q.work(t.Context(), id, random) })
		}
	}
	var kills []int64
	kill, pause := r.random.IntN(linearRoundOperations), r.random.IntN(linearRoundOperations)
	for i := range linearRoundOperations {
		<-done
		if i == kill {
			r.server.kill()
			kills = append(kills, time.Since(r.began).Nanoseconds())
			r.start(t)
		}
		if i == pause {
			r.server.pause(t, 100*time.Millisecond)
		}
	}
	clients.Wait()
	for i, q := range queues {
		r.check(t, fmt.Sprintf("round %d, queue %d", round, i), ended(q.history, kills))
	}
}

// check looks whether the history of a queue is that of one.
func (r *linearRun) check(t *testing.T, name string, all []porcupine.Operation) {
	history := looked(all)
	r.unseen += len(all) - len(history)
	for _, o := range history {
		if o.Output.(linearOutput).unknown {
			r.unanswered++
		}
	}
	if porcupine.CheckOperations(linearModel(), history) {
		return
	}
	var text strings.Builder
	slices.SortFunc(history, func(a, b porcupine.Operation) int { return cmp.Compare(a.Call, b.Call) })
	for _, o := range history {
		fmt.Fprintf(&text, "%d to %d, client %d: %+v: %+v\n", o.Call, o.Return, o.ClientId, o.Input, o.Output)
	}
	t.Errorf("%s is not linearizable:\n%s", name, &text)
}

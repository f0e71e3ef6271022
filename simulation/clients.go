package simulation

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/staunchmq/staunch/internal/api"
)

// The queues of the world.
const (
	orders     = iota // standard, with dead as its dead-letter queue
	other             // standard
	dead              // standard
	line              // FIFO, with deadFIFO as its dead-letter queue
	deadFIFO          // FIFO
	queueCount = iota
)

var queueNames = [queueCount]string{"orders", "other", "dead", "line.fifo", "dead.fifo"}

func isFIFO(q int) bool { return strings.HasSuffix(queueNames[q], ".fifo") }

const (
	account = "000000000000"
	region  = "us-east-1"
	baseURL = "http://localhost:9324"
)

func urlOf(q int) string { return baseURL + "/" + account + "/" + queueNames[q] }
func arnOf(q int) string { return "arn:aws:sqs:" + region + ":" + account + ":" + queueNames[q] }

// client is something that clients do, and how often.
type client struct {
	weight int
	begin  func(w *world)
	allows func(s *settings) bool // nil for always
}

func withTasks(s *settings) bool     { return s.tasks }
func withDeletions(s *settings) bool { return s.deletions }

var clients = []client{
	{weight: 24, begin: (*world).send},
	{weight: 7, begin: (*world).sendBatch},
	{weight: 30, begin: (*world).receive},
	{weight: 12, begin: (*world).delete},
	{weight: 4, begin: (*world).deleteBatch},
	{weight: 7, begin: (*world).changeVisibility},
	{weight: 3, begin: (*world).changeVisibilityBatch},
	{weight: 4, begin: (*world).setAttributes},
	{weight: 2, begin: (*world).getAttributes},
	{weight: 2, begin: (*world).lookAround},
	{weight: 2, begin: (*world).tags},
	{weight: 1, begin: (*world).permissions},
	{weight: 2, begin: (*world).createAny},
	{weight: 1, begin: (*world).purge, allows: withDeletions},
	{weight: 1, begin: (*world).deleteQueue, allows: withDeletions},
	{weight: 3, begin: (*world).startTask, allows: withTasks},
	{weight: 3, begin: (*world).cancelTask, allows: withTasks},
	{weight: 1, begin: (*world).listTasks, allows: withTasks},
}

// begin lets a client begin an operation.
func (w *world) begin() {
	total := 0
	for _, c := range clients {
		total += c.weight
	}
	for {
		n := w.rng.IntN(total)
		for _, c := range clients {
			if n -= c.weight; n >= 0 {
				continue
			}
			if c.allows == nil || c.allows(&w.settings) {
				c.begin(w)
				return
			}
			break
		}
	}
}

func (w *world) anyQueue() int {
	return pick(w.rng, orders, orders, orders, line, line, line, other, dead, deadFIFO)
}

// newSend makes a message; the world knows of it before it is sent.
func (w *world) newSend(o *operation, q int) *send {
	s := &send{operation: o, queue: q, body: fmt.Sprintf("m%d", len(w.sends)+1)}
	if w.rng.IntN(8) == 0 {
		s.body += " " + strings.Repeat("x", w.rng.IntN(1000)) // records of different sizes
	}
	if isFIFO(q) {
		s.group = pick(w.rng, "A", "A", "B", "C")
		s.dedup = fmt.Sprintf("d%d", len(w.sends)+1)
		if w.rng.IntN(3) == 0 {
			s.dedup = fmt.Sprintf("again%d", w.rng.IntN(4))
		}
	} else if w.rng.IntN(6) == 0 {
		s.group = pick(w.rng, "A", "B")
	}
	w.sends = append(w.sends, s)
	w.bySendBody[s.body] = s
	return s
}

func (w *world) delayFor(q int) *int64 {
	if !isFIFO(q) && w.rng.IntN(6) == 0 {
		return new(int64(w.rng.IntN(20)))
	}
	return nil
}

func (w *world) send() {
	q := w.anyQueue()
	o := &operation{action: "SendMessage"}
	s := w.newSend(o, q)
	in := &api.SendMessageInput{
		QueueUrl: urlOf(q), MessageBody: &s.body, DelaySeconds: w.delayFor(q),
		MessageGroupId: optional(s.group), MessageDeduplicationId: optional(s.dedup),
	}
	o.about = fmt.Sprintf("%s %.9s group=%s dedup=%s", queueNames[q], s.body, s.group, s.dedup)
	var out *api.SendMessageOutput
	o.heard = func() string {
		s.result = o.outcome
		if o.outcome == done {
			s.id, s.sequence = out.MessageId, out.SequenceNumber
		}
		return ""
	}
	w.launch(o, func(ctx context.Context, service api.SQS) (err error) {
		out, err = service.SendMessage(ctx, w.caller, in)
		return err
	})
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func (w *world) sendBatch() {
	q := w.anyQueue()
	o := &operation{action: "SendMessageBatch", about: queueNames[q]}
	in := &api.SendMessageBatchInput{QueueUrl: urlOf(q)}
	entries := make(map[string]*send)
	for i := range 1 + w.rng.IntN(5) {
		s := w.newSend(o, q)
		id := strconv.Itoa(i)
		entries[id] = s
		o.about += fmt.Sprintf(" %.9s group=%s dedup=%s", s.body, s.group, s.dedup)
		in.Entries = append(in.Entries, api.SendMessageBatchRequestEntry{
			Id: &id, MessageBody: &s.body, DelaySeconds: w.delayFor(q),
			MessageGroupId: optional(s.group), MessageDeduplicationId: optional(s.dedup),
		})
	}
	var out *api.SendMessageBatchOutput
	o.heard = func() string {
		if o.outcome != done {
			for _, s := range entries {
				s.result = o.outcome
			}
			return ""
		}
		for _, e := range out.Successful {
			s := entries[e.Id]
			s.result, s.id, s.sequence = done, e.MessageId, e.SequenceNumber
		}
		for _, e := range out.Failed {
			entries[e.Id].result = failedEntry(e)
		}
		return fmt.Sprint(len(out.Successful), " sent")
	}
	w.launch(o, func(ctx context.Context, service api.SQS) (err error) {
		out, err = service.SendMessageBatch(ctx, w.caller, in)
		return err
	})
}

func failedEntry(e api.BatchResultErrorEntry) outcome {
	if e.SenderFault {
		return refused
	}
	return unknown
}

func (w *world) receive() {
	q := w.anyQueue()
	o := &operation{action: "ReceiveMessage"}
	r := &receive{operation: o, queue: q, visibility: w.visibilityMS[q]}
	in := &api.ReceiveMessageInput{
		QueueUrl: urlOf(q), MaxNumberOfMessages: new(int64(1 + w.rng.IntN(10))), WaitTimeSeconds: new(int64(0)),
		MessageSystemAttributeNames: []string{"All"},
	}
	if w.rng.IntN(4) == 0 {
		*in.WaitTimeSeconds = int64(1 + w.rng.IntN(20))
	}
	if w.rng.IntN(2) == 0 {
		in.VisibilityTimeout = new(int64(w.rng.IntN(15)))
		r.visibility, r.ownVisibility = *in.VisibilityTimeout*1000, true
	}
	if isFIFO(q) && w.rng.IntN(4) == 0 {
		r.attempt = fmt.Sprintf("attempt%d", w.rng.IntN(5))
		in.ReceiveRequestAttemptId = &r.attempt
	}
	w.receives = append(w.receives, r)
	o.about = fmt.Sprintf("%s max=%d wait=%ds visibility=%dms attempt=%s", queueNames[q], *in.MaxNumberOfMessages, *in.WaitTimeSeconds, r.visibility, r.attempt)
	var out *api.ReceiveMessageOutput
	o.heard = func() string {
		if o.outcome != done {
			return ""
		}
		return w.delivered(r, out.Messages)
	}
	w.launch(o, func(ctx context.Context, service api.SQS) (err error) {
		out, err = service.ReceiveMessage(ctx, w.caller, in)
		return err
	})
}

// delivered books what a receive was answered.
func (w *world) delivered(r *receive, messages []api.Message) string {
	if !r.ownVisibility {
		r.visibility = w.visibilityMS[r.queue]
	}
	var text strings.Builder
	for i, m := range messages {
		count, err := strconv.Atoi(m.Attributes["ApproximateReceiveCount"])
		if err != nil {
			w.violate("counts", "message %s has no receive count", m.MessageId)
		}
		d := &delivery{
			receive: r, at: i, id: m.MessageId, body: m.Body, handle: m.ReceiptHandle, count: count,
			group: m.Attributes["MessageGroupId"], sequence: m.Attributes["SequenceNumber"],
		}
		w.deliveries = append(w.deliveries, d)
		w.byID[d.id] = append(w.byID[d.id], d)
		fmt.Fprintf(&text, "%.9s receives=%d; ", d.body, d.count)
	}
	return text.String()
}

// anyDelivery picks one of the latest deliveries; nil if there is none.
func (w *world) anyDelivery() *delivery {
	if len(w.deliveries) == 0 {
		return nil
	}
	latest := w.deliveries[max(0, len(w.deliveries)-12):]
	return latest[w.rng.IntN(len(latest))]
}

func (w *world) delete() {
	d := w.anyDelivery()
	if d == nil {
		return
	}
	o := &operation{action: "DeleteMessage", about: fmt.Sprintf("%s %.9s receives=%d", queueNames[d.queue], d.body, d.count)}
	x := &deletion{operation: o, of: d}
	w.deletions = append(w.deletions, x)
	o.heard = func() string { x.result = o.outcome; return "" }
	in := &api.DeleteMessageInput{QueueUrl: urlOf(d.queue), ReceiptHandle: &d.handle}
	w.launch(o, func(ctx context.Context, service api.SQS) error { return service.DeleteMessage(ctx, w.caller, in) })
}

// deliveriesOfOneQueue picks some, for a batch.
func (w *world) deliveriesOfOneQueue() []*delivery {
	first := w.anyDelivery()
	if first == nil {
		return nil
	}
	var some []*delivery
	for _, d := range w.deliveries[max(0, len(w.deliveries)-20):] {
		if d.queue == first.queue && len(some) < 10 && w.rng.IntN(2) == 0 {
			some = append(some, d)
		}
	}
	return some
}

func (w *world) deleteBatch() {
	some := w.deliveriesOfOneQueue()
	if len(some) == 0 {
		return
	}
	q := some[0].queue
	o := &operation{action: "DeleteMessageBatch", about: queueNames[q]}
	in := &api.DeleteMessageBatchInput{QueueUrl: urlOf(q)}
	entries := make(map[string]*deletion)
	for i, d := range some {
		id := strconv.Itoa(i)
		entries[id] = &deletion{operation: o, of: d}
		w.deletions = append(w.deletions, entries[id])
		o.about += fmt.Sprintf(" %.9s receives=%d", d.body, d.count)
		in.Entries = append(in.Entries, api.DeleteMessageBatchRequestEntry{Id: &id, ReceiptHandle: &d.handle})
	}
	var out *api.DeleteMessageBatchOutput
	o.heard = func() string {
		if o.outcome != done {
			for _, x := range entries {
				x.result = o.outcome
			}
			return ""
		}
		for _, e := range out.Successful {
			entries[e.Id].result = done
		}
		for _, e := range out.Failed {
			entries[e.Id].result = failedEntry(e)
		}
		return fmt.Sprint(len(out.Successful), " deleted")
	}
	w.launch(o, func(ctx context.Context, service api.SQS) (err error) {
		out, err = service.DeleteMessageBatch(ctx, w.caller, in)
		return err
	})
}

func (w *world) changeVisibility() {
	d := w.anyDelivery()
	if d == nil {
		return
	}
	seconds := pick(w.rng, int64(0), int64(w.rng.IntN(25)))
	o := &operation{action: "ChangeMessageVisibility", about: fmt.Sprintf("%s %.9s receives=%d to %ds", queueNames[d.queue], d.body, d.count, seconds)}
	c := &change{operation: o, of: d, timeout: seconds * 1000}
	w.changes = append(w.changes, c)
	o.heard = func() string { c.result = o.outcome; return "" }
	in := &api.ChangeMessageVisibilityInput{QueueUrl: urlOf(d.queue), ReceiptHandle: &d.handle, VisibilityTimeout: &seconds}
	w.launch(o, func(ctx context.Context, service api.SQS) error {
		return service.ChangeMessageVisibility(ctx, w.caller, in)
	})
}

func (w *world) changeVisibilityBatch() {
	some := w.deliveriesOfOneQueue()
	if len(some) == 0 {
		return
	}
	q := some[0].queue
	o := &operation{action: "ChangeMessageVisibilityBatch", about: queueNames[q]}
	in := &api.ChangeMessageVisibilityBatchInput{QueueUrl: urlOf(q)}
	entries := make(map[string]*change)
	for i, d := range some {
		id, seconds := strconv.Itoa(i), int64(w.rng.IntN(10))
		entries[id] = &change{operation: o, of: d, timeout: seconds * 1000}
		w.changes = append(w.changes, entries[id])
		o.about += fmt.Sprintf(" %.9s receives=%d to %ds", d.body, d.count, seconds)
		in.Entries = append(in.Entries, api.ChangeMessageVisibilityBatchRequestEntry{Id: &id, ReceiptHandle: &d.handle, VisibilityTimeout: &seconds})
	}
	var out *api.ChangeMessageVisibilityBatchOutput
	o.heard = func() string {
		if o.outcome != done {
			for _, c := range entries {
				c.result = o.outcome
			}
			return ""
		}
		for _, e := range out.Successful {
			entries[e.Id].result = done
		}
		for _, e := range out.Failed {
			entries[e.Id].result = failedEntry(e)
		}
		return fmt.Sprint(len(out.Successful), " changed")
	}
	w.launch(o, func(ctx context.Context, service api.SQS) (err error) {
		out, err = service.ChangeMessageVisibilityBatch(ctx, w.caller, in)
		return err
	})
}

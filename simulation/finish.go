package simulation

import (
	"context"
	"strconv"
	"time"

	"github.com/staunchmq/staunch/internal/api"
)

// comeToRest lets everything that is on its way arrive, without new faults.
func (w *world) comeToRest() {
	for {
		if w.node.failed.Load() {
			w.crash("a shard has ended")
		}
		held := w.node.schedule.waiting()
		if len(held) == 0 {
			return
		}
		w.step++
		w.let(held[w.rng.IntN(len(held))])
	}
}

// idle lets time pass, step by step, with everything that is due on the way.
func (w *world) idle(d time.Duration) {
	for end := w.clock.Now().Add(d); w.clock.Now().Before(end) && len(w.violations) == 0; {
		w.comeToRest()
		next := end
		if due, ok := w.clock.Next(); ok && due.Before(end) {
			next = due
		}
		w.step++
		w.turn(next)
		w.settle()
	}
	w.comeToRest()
}

// quiet is longer than any delay, visibility timeout, wait and pause between attempts.
const quiet = 70 * time.Second

// finish heals the disks and the clock, lets everything end that is on its way, and then counts and empties the queues.
func (w *world) finish() {
	if len(w.violations) > 0 {
		return
	}
	w.tracef("the end begins")
	for _, d := range w.disks {
		d.set(func(f *faults) { *f = faults{late: f.late} })
	}
	w.turn(w.latest)
	w.settle()
	w.idle(quiet)
	if w.rng.IntN(2) == 0 {
		w.crash("once more")
		w.idle(quiet)
	}
	for range 20 {
		if !w.tasksRun() {
			break
		}
		w.idle(30 * time.Second)
	}
	if w.tasksRun() {
		w.violate("tasks", "a move task does not end")
	}
	if len(w.running) > 0 && len(w.violations) == 0 {
		w.violate("answers", "operation %d (%s) has no answer", w.running[0].number, w.running[0].action)
	}
	w.finished = true
	for q := range queueCount {
		w.finished = w.finished && w.empty(q)
	}
	for _, d := range w.disks {
		w.compareStates(d.afterCrash())
	}
}

// ask makes a call at rest, and returns when it is answered.
func (w *world) ask(action string, call func(ctx context.Context, s api.SQS) error) error {
	o := &operation{action: action, about: "(the end)"}
	w.launch(o, call)
	w.comeToRest()
	if len(w.running) > 0 {
		w.idle(time.Minute)
	}
	return o.err
}

func (w *world) tasksRun() bool {
	for _, q := range []int{dead, deadFIFO} {
		var out *api.ListMessageMoveTasksOutput
		err := w.ask("ListMessageMoveTasks", func(ctx context.Context, s api.SQS) (err error) {
			out, err = s.ListMessageMoveTasks(ctx, w.caller, &api.ListMessageMoveTasksInput{SourceArn: new(arnOf(q))})
			return err
		})
		if err == nil && len(out.Results) > 0 && (out.Results[0].Status == "RUNNING" || out.Results[0].Status == "CANCELLING") {
			return true
		}
	}
	return false
}

// empty takes all messages out of a queue and compares them with its counts. It returns false if it could not.
func (w *world) empty(q int) bool {
	if !w.exists(q) {
		return true
	}
	if err := w.ask("SetQueueAttributes", func(ctx context.Context, s api.SQS) error {
		return s.SetQueueAttributes(ctx, w.caller, &api.SetQueueAttributesInput{
			QueueUrl: urlOf(q), Attributes: map[string]string{"RedrivePolicy": "", "DelaySeconds": "0"},
		})
	}); err != nil {
		w.violate("end", "%s: take its redrive policy away: %v", queueNames[q], err)
		return false
	}
	visible, rest := w.count(q)
	if rest != 0 {
		w.violate("counts", "%s has %d messages in flight or delayed when all timeouts are over", queueNames[q], rest)
	}
	n := 0
	for {
		var out *api.ReceiveMessageOutput
		err := w.ask("ReceiveMessage", func(ctx context.Context, s api.SQS) (err error) {
			out, err = s.ReceiveMessage(ctx, w.caller, &api.ReceiveMessageInput{
				QueueUrl: urlOf(q), MaxNumberOfMessages: new(int64(10)), WaitTimeSeconds: new(int64(0)), VisibilityTimeout: new(int64(30)),
			})
			return err
		})
		if err != nil {
			w.violate("end", "%s: receive: %v", queueNames[q], err)
			return false
		}
		if len(out.Messages) == 0 {
			break
		}
		n += len(out.Messages)
		in := &api.DeleteMessageBatchInput{QueueUrl: urlOf(q)}
		for i, m := range out.Messages {
			w.found = append(w.found, found{q, m.MessageId, m.Body})
			in.Entries = append(in.Entries, api.DeleteMessageBatchRequestEntry{Id: new(strconv.Itoa(i)), ReceiptHandle: &m.ReceiptHandle})
		}
		var deleted *api.DeleteMessageBatchOutput
		err = w.ask("DeleteMessageBatch", func(ctx context.Context, s api.SQS) (err error) {
			deleted, err = s.DeleteMessageBatch(ctx, w.caller, in)
			return err
		})
		if err != nil || len(deleted.Failed) > 0 {
			w.violate("end", "%s: delete: %v", queueNames[q], err)
			return false
		}
	}
	if n != visible {
		w.violate("counts", "%s said that it had %d messages, and had %d", queueNames[q], visible, n)
	}
	if visible, rest := w.count(q); visible+rest != 0 {
		w.violate("counts", "%s is empty, and says that it has %d messages", queueNames[q], visible+rest)
	}
	return true
}

func (w *world) exists(q int) bool {
	return w.ask("GetQueueUrl", func(ctx context.Context, s api.SQS) error {
		_, err := s.GetQueueUrl(ctx, w.caller, &api.GetQueueUrlInput{QueueName: &queueNames[q]})
		return err
	}) == nil
}

// count returns how many messages of a queue can be received, and how many cannot for the moment.
func (w *world) count(q int) (visible, rest int) {
	var out *api.GetQueueAttributesOutput
	err := w.ask("GetQueueAttributes", func(ctx context.Context, s api.SQS) (err error) {
		out, err = s.GetQueueAttributes(ctx, w.caller, &api.GetQueueAttributesInput{QueueUrl: urlOf(q), AttributeNames: []string{"All"}})
		return err
	})
	if err != nil {
		w.violate("end", "%s: read its counts: %v", queueNames[q], err)
		return 0, 0
	}
	number := func(name string) int {
		n, err := strconv.Atoi(out.Attributes[name])
		if err != nil {
			w.violate("counts", "%s: %s is %q", queueNames[q], name, out.Attributes[name])
		}
		return n
	}
	return number("ApproximateNumberOfMessages"), number("ApproximateNumberOfMessagesNotVisible") + number("ApproximateNumberOfMessagesDelayed")
}

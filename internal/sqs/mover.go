package sqs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/staunchmq/staunch/internal/arn"
	"github.com/staunchmq/staunch/internal/catalog"
	"github.com/staunchmq/staunch/internal/queue"
	"github.com/staunchmq/staunch/internal/shard"
)

// A message move task takes messages out of a dead-letter queue in batches: BeginMove hides them, Arrive puts them as new messages
// into their targets, EndMove takes them out of the source, Settle lets the targets forget about it. Which queue a message goes
// to is known only when its source ARN has been read, so BeginMove names the target 0: that also tells the moves of tasks from
// dead letters.
//
// One goroutine runs a task, and it leaves a batch only when every message of it has arrived or is visible again. If the server
// stops in between, the next start finds the messages moving: what a target knows has arrived, the rest is put back
// (reconcile.go). Either way no message is lost or doubled.
//
// A task is over when it has moved as many messages as were there when it started, or when none is visible. So it ends even if
// messages come back as fast as it moves them.

// Reasons why a task fails (reference/sqs.md 9.5), beside the codes of the Kms errors; the last two are ours.
const (
	reasonNoQueue    = "AWS.SimpleQueueService.NonExistentQueue"
	reasonNoSource   = "CouldNotDetermineMessageSource"
	reasonTimeout    = "TaskTimedOut"
	reasonUnreadable = "CouldNotReadMessage"
)

const (
	// moveBatchMax is how many messages a task takes at once.
	moveBatchMax = 100
	// movesPerSecondBatches is how many batches a second a task with a given rate makes at the most.
	movesPerSecondBatches = 10
	// saveInterval is how often the progress of a task is committed while it runs.
	saveInterval = time.Second
)

// mover does the work of one task.
type mover struct {
	*Service
	source  catalog.QueueID
	taskID  string
	running *runningTask

	// next is when the rate allows the next batch.
	next time.Time
	// saved is when progress was last committed.
	saved time.Time
	// uncertain is true if messages may be hidden without the mover knowing them.
	uncertain bool
}

// outcome is how a task ended.
type outcome struct {
	status catalog.TaskStatus
	reason string // of TaskFailed
}

func failed(reason string) *outcome { return &outcome{status: catalog.TaskFailed, reason: reason} }

// run moves messages until the task is over or ctx ends.
func (m *mover) run(ctx context.Context) {
	retry := backoff{first: 100 * time.Millisecond, max: 10 * time.Second}
	m.saved = m.clock.Now()
	for {
		view := m.catalog.View()
		task, q := view.Task(m.source, m.taskID), view.Queue(m.source)
		if task == nil || q == nil {
			return // the queue is gone, and the task with it
		}
		end := m.verdict(task)
		var err error
		if end == nil && m.waitForRate(ctx) {
			end, err = m.moveBatch(ctx, q, task)
		}
		switch {
		case ctx.Err() != nil:
			m.save(context.WithoutCancel(ctx), nil)
			return
		case err != nil:
			m.log.Warn("a message move task is held up", "queue", q.Name, "error", err)
			if !retry.sleep(ctx, m.clock) {
				return
			}
			continue
		case end != nil && !m.uncertain:
			m.save(ctx, end)
			return
		}
		retry.next = 0
		if now := m.clock.Now(); now.Sub(m.saved) >= saveInterval {
			m.saved = now
			m.save(ctx, nil)
		}
	}
}

// verdict says whether the task is over before another batch.
func (m *mover) verdict(task *catalog.MoveTask) *outcome {
	switch {
	case m.uncertain:
		return nil // a batch is to be cleared up first
	case task.Status == catalog.TaskCancelling:
		return &outcome{status: catalog.TaskCancelled}
	case m.now()-task.Started >= moveTaskMax.Milliseconds():
		return failed(reasonTimeout)
	case m.running.moved.Load() >= task.ToMove:
		return &outcome{status: catalog.TaskCompleted}
	}
	return nil
}

// waitForRate waits until the rate allows the next batch. It returns false if the task was cancelled or ctx ended before.
func (m *mover) waitForRate(ctx context.Context) bool {
	wait := m.next.Sub(m.clock.Now())
	if wait <= 0 {
		return true
	}
	timer := m.clock.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C():
		return true
	case <-m.running.cancelled:
		return false
	case <-ctx.Done():
		return false
	}
}

// batchSize is how many messages to take now.
func (m *mover) batchSize(task *catalog.MoveTask) int {
	size := int64(moveBatchMax)
	if task.PerSecondMax > 0 {
		size = min(size, max(1, task.PerSecondMax/movesPerSecondBatches))
	}
	return int(min(size, task.ToMove-m.running.moved.Load()))
}

// pace notes that n messages were taken.
func (m *mover) pace(task *catalog.MoveTask, n int) {
	if task.PerSecondMax == 0 {
		return
	}
	if now := m.clock.Now(); m.next.Before(now) {
		m.next = now
	}
	m.next = m.next.Add(time.Duration(n) * time.Second / time.Duration(task.PerSecondMax))
}

// moveBatch moves one batch. A non-nil outcome ends the task; after an error the batch is to be tried again.
func (m *mover) moveBatch(ctx context.Context, q *catalog.Queue, task *catalog.MoveTask) (*outcome, error) {
	from, source := m.home(q)
	if m.uncertain {
		if err := m.putAllBack(ctx, from, source); err != nil {
			return nil, err
		}
		m.uncertain = false
		return nil, nil
	}
	if task.DestinationARN != "" && m.lookupARN(task.DestinationARN) == nil {
		return failed(reasonNoQueue), nil
	}
	moves, err := from.BeginMove(ctx, source, m.batchSize(task), 0)
	if err != nil {
		m.uncertain = true
		return nil, err
	}
	if len(moves) == 0 {
		return &outcome{status: catalog.TaskCompleted}, nil
	}
	m.pace(task, len(moves))
	var end *outcome
	for len(moves) > 0 && end == nil && !m.isCancelled() {
		var messages []shard.MovingMessage
		if messages, moves, err = from.ReadMoving(ctx, source, moves); err != nil {
			m.uncertain = true
			return nil, err
		}
		if end, err = m.movePage(ctx, q, task, messages); err != nil {
			return nil, err
		}
	}
	return end, m.endMove(ctx, from, source, refsOfMoves(moves), false)
}

// movePage moves messages of a batch, or puts them back. A non-nil outcome ends the task.
func (m *mover) movePage(ctx context.Context, q *catalog.Queue, task *catalog.MoveTask, moving []shard.MovingMessage) (*outcome, error) {
	from, source := m.home(q)
	parcels, back, end := m.sort(task, moving)
	for _, p := range parcels {
		contents, err := m.openMoving(q, p.messages)
		delivered := false
		if err == nil {
			delivered, err = m.deliver(ctx, from, source, p, func() ([]shard.Arrival, error) { return m.newMessages(q, p, contents) })
		}
		switch {
		case err != nil && ctx.Err() != nil:
			return nil, err
		case err != nil:
			m.log.Warn("a message move task cannot read or encrypt messages", "queue", q.Name, "error", err)
			back = append(back, p.messages...)
			if end == nil {
				end = failed(contentReason(p.target, err))
			}
		case !delivered:
			back = append(back, p.messages...)
			if end == nil && !m.isCancelled() {
				end = failed(reasonNoQueue)
			}
		}
	}
	return end, m.endMove(ctx, from, source, refsOf(back), false)
}

// parcel is messages of one batch that go to the same queue.
type parcel struct {
	target   *catalog.Queue
	messages []shard.MovingMessage
}

// sort finds out where the messages go. The first one that can go nowhere ends the task; it and all after it are to be put back.
func (m *mover) sort(task *catalog.MoveTask, moving []shard.MovingMessage) (parcels []parcel, back []shard.MovingMessage, end *outcome) {
	for i, message := range moving {
		destination := task.DestinationARN
		if destination == "" {
			destination = message.Source
		}
		if destination == "" {
			return parcels, moving[i:], failed(reasonNoSource)
		}
		target := m.lookupARN(destination)
		if target == nil {
			return parcels, moving[i:], failed(reasonNoQueue)
		}
		at := slices.IndexFunc(parcels, func(p parcel) bool { return p.target.ID == target.ID })
		if at < 0 {
			at = len(parcels)
			parcels = append(parcels, parcel{target: target})
		}
		parcels[at].messages = append(parcels[at].messages, message)
	}
	return parcels, nil, nil
}

// lookupARN returns the queue that an ARN names, or nil.
func (s *Service) lookupARN(text string) *catalog.Queue {
	a, err := arn.Parse(text)
	if err != nil {
		return nil
	}
	return s.catalog.View().Lookup(keyOf(a))
}

// deliver puts messages into their target and takes them out of the source. It returns false, with the messages still hidden, if
// the target is gone, or if the task was cancelled while the target refused them. An error means that ctx ended, or is that of seal, and the
// messages are still hidden.
//
// seal makes the messages that arrive, anew for each attempt: while the target refuses them, the version of the key that has encrypted them may be
// forgotten. What has arrived already is known there by its origin, whatever its new ID.
func (m *mover) deliver(ctx context.Context, from shard.Client, source queue.ID, p parcel, seal func() ([]shard.Arrival, error)) (delivered bool, err error) {
	to, target := m.home(p.target)
	// unknown is true after an attempt that may have taken place, if only in part.
	unknown := false
	var unsealed error
	err = m.insist(ctx, func() error {
		began := m.sealer.underWay.begin()
		defer m.sealer.underWay.end(began)
		arrivals, err := seal()
		if err != nil && !unknown {
			unsealed = err
			return nil
		}
		if err == nil {
			err = to.Arrive(ctx, target, arrivals)
		}
		refused := (errors.Is(err, shard.ErrOverloaded) || errors.Is(err, shard.ErrDiskFull)) && !errors.Is(err, shard.ErrPartly)
		switch {
		case errors.Is(err, shard.ErrNoPartition) && m.catalog.View().Queue(p.target.ID) != nil:
			return errors.New("the partition is still to be set up")
		case refused && !unknown && m.isCancelled():
			return shard.ErrNoPartition
		case err != nil && !refused:
			unknown = true
		}
		return err
	})
	if errors.Is(err, shard.ErrNoPartition) {
		return false, nil
	}
	if err = cmp.Or(err, unsealed); err != nil {
		return false, err
	}
	refs := refsOf(p.messages)
	if err := m.endMove(ctx, from, source, refs, true); err != nil {
		return false, err
	}
	m.running.moved.Add(int64(len(refs)))
	_ = m.settle(ctx, target, origins(source, refs))
	return true, nil
}

// openMoving reads the contents of messages of q.
func (m *mover) openMoving(q *catalog.Queue, moving []shard.MovingMessage) ([]content, error) {
	contents := make([]content, len(moving))
	for i := range moving {
		c, err := m.sealer.open(q, &moving[i].Message)
		if err != nil {
			return nil, fmt.Errorf("message %s: %w", messageIDText(moving[i].ID), err)
		}
		c.DeduplicationID = ""
		contents[i] = c
	}
	return contents, nil
}

// newMessages are messages of q with these contents as they arrive in their target: with a new ID, sent now, never received, and encrypted
// as the target says. In a FIFO queue they keep their group; the new message ID is their deduplication ID too, so that no two collapse.
func (m *mover) newMessages(q *catalog.Queue, p parcel, contents []content) ([]shard.Arrival, error) {
	key, err := m.sealer.dataKey(p.target)
	if err != nil {
		return nil, err
	}
	arrivals := make([]shard.Arrival, len(p.messages))
	for i, moving := range p.messages {
		message := queue.Message{ID: m.newMessageID(), Group: moving.Group}
		if message.Content, err = key.seal(message.ID, &contents[i]); err != nil {
			return nil, err
		}
		if p.target.Attributes.FIFO {
			message.DeduplicationID = uuid.UUID(message.ID).String()
		}
		arrivals[i] = shard.Arrival{Origin: queue.Origin{Partition: partitionOf(q), Ref: moving.Ref}, Message: message}
	}
	return arrivals, nil
}

// contentReason is why a task fails that cannot read messages, or cannot encrypt them for target.
func contentReason(target *catalog.Queue, err error) string {
	if known := keyFailure(target, err); known != nil {
		return known.Kind.QueryCode
	}
	return reasonUnreadable
}

// putAllBack makes everything visible again that a BeginMove of this task has hidden.
func (m *mover) putAllBack(ctx context.Context, from shard.Client, source queue.ID) error {
	return eachMove(ctx, from, source, func(moves []queue.Move) error {
		own := slices.DeleteFunc(moves, func(move queue.Move) bool { return move.Target != 0 })
		return from.EndMove(ctx, source, refsOfMoves(own), false)
	})
}

// endMove ends moves at the source, however long it takes. An error means that ctx ended.
func (m *mover) endMove(ctx context.Context, from shard.Client, source queue.ID, refs []queue.Ref, moved bool) error {
	if len(refs) == 0 {
		return nil
	}
	err := m.insist(ctx, func() error { return from.EndMove(ctx, source, refs, moved) })
	if errors.Is(err, shard.ErrNoPartition) {
		return nil // the source is gone, and nothing there can be visible again
	}
	return err
}

// insist repeats fn until it succeeds, the partition is gone (shard.ErrNoPartition), or ctx ends.
func (m *mover) insist(ctx context.Context, fn func() error) error {
	retry := backoff{first: 100 * time.Millisecond, max: 5 * time.Second}
	for {
		err := fn()
		if err == nil || errors.Is(err, shard.ErrNoPartition) {
			return err
		}
		if ctx.Err() == nil {
			m.log.Warn("a message move task repeats a step", "task", m.taskID, "error", err)
		}
		if !retry.sleep(ctx, m.clock) {
			return ctx.Err()
		}
	}
}

func (m *mover) isCancelled() bool {
	select {
	case <-m.running.cancelled:
		return true
	default:
		return false
	}
}

// save commits the progress of the task and, with an end, how it ended: that is tried until it succeeds or ctx ends.
func (m *mover) save(ctx context.Context, end *outcome) {
	update := func() error {
		return m.catalog.Update(ctx, func(v *catalog.View) (catalog.Change, error) {
			current := v.Task(m.source, m.taskID)
			if current == nil {
				return nil, nil // the queue is gone, and the task with it
			}
			task := *current
			task.Moved = m.running.moved.Load()
			if end != nil {
				task.Status, task.FailureReason = end.status, end.reason
			}
			if current.Status == catalog.TaskCancelling && task.Status == catalog.TaskCompleted {
				task.Status = catalog.TaskCancelled
			}
			if task == *current {
				return nil, nil
			}
			return catalog.SetTask{Task: task}, nil
		})
	}
	if end != nil {
		_ = m.insist(ctx, update)
		return
	}
	if err := update(); err != nil {
		m.log.Warn("the progress of a message move task was not saved", "task", m.taskID, "error", err)
	}
}

func refsOf(messages []shard.MovingMessage) []queue.Ref {
	refs := make([]queue.Ref, len(messages))
	for i, m := range messages {
		refs[i] = m.Ref
	}
	return refs
}

func refsOfMoves(moves []queue.Move) []queue.Ref {
	refs := make([]queue.Ref, len(moves))
	for i, m := range moves {
		refs[i] = m.Handle.Ref
	}
	return refs
}

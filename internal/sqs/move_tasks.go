package sqs

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"

	"github.com/staunchmq/staunch/internal/arn"
	"github.com/staunchmq/staunch/internal/catalog"
	"github.com/staunchmq/staunch/internal/lifecycle"
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

// Reasons why a task fails (reference/sqs.md 9.5); the last one is ours.
const (
	reasonNoQueue  = "AWS.SimpleQueueService.NonExistentQueue"
	reasonNoSource = "CouldNotDetermineMessageSource"
	reasonTimeout  = "TaskTimedOut"
)

const (
	// moveBatchMax is how many messages a task takes at once.
	moveBatchMax = 100
	// movesPerSecondBatches is how many batches a second a task with a given rate makes at the most.
	movesPerSecondBatches = 10
	// saveInterval is how often the progress of a task is committed while it runs.
	saveInterval = time.Second
)

// taskRunner knows the tasks that run.
type taskRunner struct {
	mu      sync.Mutex
	group   *lifecycle.Group        // where tasks run; nil unless the service runs. Guarded by mu.
	running map[string]*runningTask // by task ID. Guarded by mu.
}

// runningTask is what others may know of a task that runs.
type runningTask struct {
	moved     atomic.Int64
	cancelled chan struct{}
	cancel    sync.Once
}

func newTaskRunner() taskRunner { return taskRunner{running: make(map[string]*runningTask)} }

func (r *taskRunner) attach(g *lifecycle.Group) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.group = g
}

func (r *taskRunner) detach() { r.attach(nil) }

// find returns a task that runs, or nil.
func (r *taskRunner) find(id string) *runningTask {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.running[id]
}

func (r *taskRunner) remove(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.running, id)
}

// runTask starts the work of a task, unless it is under way or the service does not run: then the next start does it.
func (s *Service) runTask(task *catalog.MoveTask) {
	r := &s.tasks
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.group == nil || r.running[task.ID] != nil {
		return
	}
	running := &runningTask{cancelled: make(chan struct{})}
	running.moved.Store(task.Moved)
	r.running[task.ID] = running
	m := &mover{Service: s, source: task.Source, taskID: task.ID, running: running}
	r.group.Go("sqs: move task "+task.ID, func(ctx context.Context) error {
		defer r.remove(task.ID)
		m.run(ctx)
		return nil
	})
}

// cancelTask tells the goroutine of a task, if there is one, that the task is to be cancelled.
func (s *Service) cancelTask(id string) {
	if t := s.tasks.find(id); t != nil {
		t.cancel.Do(func() { close(t.cancelled) })
	}
}

// moved is how many messages a task has moved, up to the latest.
func (s *Service) moved(task *catalog.MoveTask) int64 {
	if t := s.tasks.find(task.ID); t != nil {
		return t.moved.Load()
	}
	return task.Moved
}

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
	moving, err := from.BeginMove(ctx, source, m.batchSize(task), 0)
	if err != nil {
		m.uncertain = true
		return nil, err
	}
	if len(moving) == 0 {
		return &outcome{status: catalog.TaskCompleted}, nil
	}
	m.pace(task, len(moving))
	parcels, back, end := m.sort(task, moving)
	for _, p := range parcels {
		delivered, err := m.deliver(ctx, from, source, p)
		if err != nil {
			return nil, err
		}
		if !delivered {
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
// the target is gone, or if the task was cancelled while the target refused them. An error means that ctx ended.
func (m *mover) deliver(ctx context.Context, from shard.Client, source queue.ID, p parcel) (delivered bool, err error) {
	arrivals := m.newMessages(source, p)
	to, target := m.home(p.target)
	// unknown is true after an attempt that may have taken place.
	unknown := false
	err = m.insist(ctx, func() error {
		err := to.Arrive(ctx, target, arrivals)
		refused := errors.Is(err, shard.ErrOverloaded) || errors.Is(err, shard.ErrDiskFull)
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
	if err != nil {
		return false, err
	}
	refs := refsOf(p.messages)
	if err := m.endMove(ctx, from, source, refs, true); err != nil {
		return false, err
	}
	m.running.moved.Add(int64(len(refs)))
	m.settle(ctx, target, origins(source, refs))
	return true, nil
}

// newMessages are the messages as they arrive in their target: with a new ID, sent now, and never received. In a FIFO queue they
// keep their group; the new message ID is their deduplication ID too, so that no two collapse.
func (m *mover) newMessages(source queue.ID, p parcel) []shard.Arrival {
	arrivals := make([]shard.Arrival, len(p.messages))
	for i, moving := range p.messages {
		message := queue.Message{ID: m.newMessageID(), Group: moving.Group, Content: moving.Content}
		if p.target.Attributes.FIFO {
			message.DeduplicationID = uuid.UUID(message.ID).String()
		}
		arrivals[i] = shard.Arrival{Origin: origin(source, moving), Message: message}
	}
	return arrivals
}

// putAllBack makes everything visible again that a BeginMove of this task has hidden.
func (m *mover) putAllBack(ctx context.Context, from shard.Client, source queue.ID) error {
	moving, err := from.Moving(ctx, source)
	if err != nil {
		return err
	}
	own := slices.DeleteFunc(moving, func(message shard.MovingMessage) bool { return message.Target != 0 })
	return from.EndMove(ctx, source, refsOf(own), false)
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

// taskHandle is what a TaskHandle holds, as base64 of its JSON (reference/sqs.md 3.4).
type taskHandle struct {
	TaskID    string `json:"taskId"`
	SourceARN string `json:"sourceArn"`
}

func (h taskHandle) encode() string {
	text, err := json.Marshal(h)
	if err != nil {
		return "" // cannot be: both are plain ASCII
	}
	return base64.StdEncoding.EncodeToString(text)
}

func decodeTaskHandle(text string) (h taskHandle, ok bool) {
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil || json.Unmarshal(data, &h) != nil {
		return h, false
	}
	return h, h.TaskID != "" && h.SourceARN != ""
}

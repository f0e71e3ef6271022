package sqs

import (
	"context"
	"encoding/base64"
	"sync"
	"sync/atomic"

	"github.com/go-json-experiment/json"

	"github.com/staunchmq/staunch/internal/catalog"
	"github.com/staunchmq/staunch/internal/lifecycle"
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
		if err := guarded(func() error { m.run(ctx); return nil }); err != nil {
			// Where its messages are is not known now; the next start finds out.
			s.log.Error("a message move task broke off and goes on when the server starts again", "task", task.ID, "error", err)
		}
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

// TaskSource returns the ARN of the source queue that a TaskHandle names, and false if it names none.
func TaskSource(handle string) (sourceARN string, ok bool) {
	h, ok := decodeTaskHandle(handle)
	return h.SourceARN, ok
}

func decodeTaskHandle(text string) (h taskHandle, ok bool) {
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil || json.Unmarshal(data, &h) != nil {
		return h, false
	}
	return h, h.TaskID != "" && h.SourceARN != ""
}

package catalog

import "slices"

// TaskStatus is the state of a message move task, in the words of the API.
type TaskStatus string

// The states of a message move task (reference/sqs.md 9.5):
//
//	RUNNING ──► COMPLETED or FAILED
//	   └──────► CANCELLING ──► CANCELLED or FAILED
const (
	TaskRunning    TaskStatus = "RUNNING"
	TaskCancelling TaskStatus = "CANCELLING"
	TaskCompleted  TaskStatus = "COMPLETED"
	TaskCancelled  TaskStatus = "CANCELLED"
	TaskFailed     TaskStatus = "FAILED"
)

// Active is true while the task may still move messages.
func (s TaskStatus) Active() bool { return s == TaskRunning || s == TaskCancelling }

// FinishedTasksMax is how many tasks that are over are kept for each source queue (reference/sqs.md 9.5).
const FinishedTasksMax = 10

// MoveTask is a message move task. Tasks in a View are shared and must not be changed.
type MoveTask struct {
	// ID is a UUID.
	ID string `json:"id"`
	// Source is the queue that messages are taken from. A task goes away with it.
	Source    QueueID `json:"source"`
	SourceARN string  `json:"source_arn"`
	// DestinationARN is empty when each message goes back to the queue it came from.
	DestinationARN string `json:"destination_arn,omitempty"`
	// PerSecondMax bounds the rate; 0 leaves it to the server.
	PerSecondMax  int64      `json:"per_second_max,omitempty"`
	Status        TaskStatus `json:"status"`
	Moved         int64      `json:"moved"`
	ToMove        int64      `json:"to_move"`
	FailureReason string     `json:"failure_reason,omitempty"`
	Started       int64      `json:"started"` // Unix ms
}

// withTask returns the tasks with t put in or replaced, newest first, and without those that are over beyond the newest
// FinishedTasksMax. It does not change tasks.
func withTask(tasks []*MoveTask, t *MoveTask) []*MoveTask {
	tasks = slices.Clone(tasks)
	if i := slices.IndexFunc(tasks, func(other *MoveTask) bool { return other.ID == t.ID }); i >= 0 {
		tasks[i] = t
	} else {
		tasks = slices.Insert(tasks, 0, t)
	}
	finished := 0
	return slices.DeleteFunc(tasks, func(other *MoveTask) bool {
		if other.Status.Active() {
			return false
		}
		finished++
		return finished > FinishedTasksMax
	})
}

package sqs

import (
	"context"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/catalog"
)

// ListMessageMoveTasks lists the move tasks of a source queue, the newest first (reference/sqs.md 4.23).
func (s *Service) ListMessageMoveTasks(_ context.Context, c *api.Caller, in *api.ListMessageMoveTasksInput) (*api.ListMessageMoveTasksOutput, error) {
	if err := s.ready(); err != nil {
		return nil, err
	}
	switch {
	case in.SourceArn == nil:
		return nil, api.Missing("SourceArn")
	case !inRange(in.MaxResults, 1, listTasksMax):
		return nil, api.InvalidParameterValue.Newf("Value for parameter MaxResults is invalid. Reason: You must enter a number that's between 1 and %d.", listTasksMax)
	}
	v := s.catalog.View()
	source, err := lookupTaskQueue(v, c, "SourceArn", *in.SourceArn)
	if err != nil {
		return nil, err
	}
	n := 1
	if in.MaxResults != nil {
		n = int(*in.MaxResults)
	}
	tasks := v.Tasks(source.ID)
	out := &api.ListMessageMoveTasksOutput{}
	for _, task := range tasks[:min(n, len(tasks))] {
		out.Results = append(out.Results, s.taskEntry(task))
	}
	return out, nil
}

// taskEntry is a task as the API shows it.
func (s *Service) taskEntry(task *catalog.MoveTask) api.ListMessageMoveTasksResultEntry {
	entry := api.ListMessageMoveTasksResultEntry{
		Status:                            string(task.Status),
		SourceArn:                         task.SourceARN,
		DestinationArn:                    task.DestinationARN,
		ApproximateNumberOfMessagesMoved:  s.moved(task),
		ApproximateNumberOfMessagesToMove: &task.ToMove,
		FailureReason:                     task.FailureReason,
		StartedTimestamp:                  task.Started,
	}
	if task.PerSecondMax > 0 {
		entry.MaxNumberOfMessagesPerSecond = &task.PerSecondMax
	}
	if task.Status == catalog.TaskRunning {
		entry.TaskHandle = taskHandle{task.ID, task.SourceARN}.encode()
	}
	return entry
}

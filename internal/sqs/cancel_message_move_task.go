package sqs

import (
	"context"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/catalog"
)

// CancelMessageMoveTask stops a move task (reference/sqs.md 4.22). Messages that have moved stay where they are, and the batch
// under way still ends.
func (s *Service) CancelMessageMoveTask(ctx context.Context, c *api.Caller, in *api.CancelMessageMoveTaskInput) (*api.CancelMessageMoveTaskOutput, error) {
	if err := s.ready(); err != nil {
		return nil, err
	}
	if in.TaskHandle == nil {
		return nil, api.Missing("TaskHandle")
	}
	handle, ok := decodeTaskHandle(*in.TaskHandle)
	if !ok {
		return nil, api.InvalidParameterValue.Newf("Value for parameter TaskHandle is invalid.")
	}
	out := &api.CancelMessageMoveTaskOutput{}
	err := s.catalog.Update(ctx, func(v *catalog.View) (catalog.Change, error) {
		source, err := lookupTaskQueue(v, c, "SourceArn", handle.SourceARN)
		if err != nil {
			return nil, err
		}
		current := v.Task(source.ID, handle.TaskID)
		switch {
		case current == nil:
			return nil, api.ResourceNotFound.Newf("Task does not exist.")
		case current.Status != catalog.TaskRunning:
			return nil, api.InvalidParameterValue.Newf("Only active tasks can be cancelled.")
		}
		task := *current
		task.Status = catalog.TaskCancelling
		task.Moved = s.moved(current)
		out.ApproximateNumberOfMessagesMoved = task.Moved
		return catalog.SetTask{Task: task}, nil
	})
	if err != nil {
		return nil, s.failure(nil, err)
	}
	s.cancelTask(handle.TaskID)
	return out, nil
}

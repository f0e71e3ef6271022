package sqs

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/arn"
	"github.com/staunchmq/staunch/internal/catalog"
)

// StartMessageMoveTask starts to move messages out of a dead-letter queue (reference/sqs.md 4.21, 9.5). The work goes on in the
// background, over restarts of the server too.
func (s *Service) StartMessageMoveTask(ctx context.Context, c *api.Caller, in *api.StartMessageMoveTaskInput) (*api.StartMessageMoveTaskOutput, error) {
	if err := s.ready(); err != nil {
		return nil, err
	}
	if err := checkTaskParameters(in); err != nil {
		return nil, err
	}
	source, err := s.checkTask(s.catalog.View(), c, in)
	if err != nil {
		return nil, err
	}
	client, p := s.home(source)
	stats, err := client.Stats(ctx, p)
	if err != nil {
		return nil, s.failure(source, err)
	}
	task := catalog.MoveTask{
		ID:             uuid.UUID(s.newMessageID()).String(),
		SourceARN:      queueARN(source.Key),
		DestinationARN: text(in.DestinationArn),
		Status:         catalog.TaskRunning,
		ToMove:         stats.Visible,
		Started:        s.now(),
	}
	if in.MaxNumberOfMessagesPerSecond != nil {
		task.PerSecondMax = *in.MaxNumberOfMessagesPerSecond
	}
	err = s.catalog.Update(ctx, func(v *catalog.View) (catalog.Change, error) {
		source, err := s.checkTask(v, c, in)
		if err != nil {
			return nil, err
		}
		task.Source = source.ID
		return catalog.SetTask{Task: task}, nil
	})
	if err != nil {
		return nil, s.failure(source, err)
	}
	s.runTask(&task)
	return &api.StartMessageMoveTaskOutput{TaskHandle: taskHandle{task.ID, task.SourceARN}.encode()}, nil
}

// checkTaskParameters checks what can be checked without looking at queues.
func checkTaskParameters(in *api.StartMessageMoveTaskInput) error {
	switch {
	case in.SourceArn == nil:
		return api.Missing("SourceArn")
	case !isARN(*in.SourceArn):
		return badTaskARN("SourceArn")
	case in.DestinationArn != nil && !isARN(*in.DestinationArn):
		return badTaskARN("DestinationArn")
	case !inRange(in.MaxNumberOfMessagesPerSecond, 1, movesPerSecondMax):
		return api.InvalidParameterValue.Newf("Value for parameter MaxNumberOfMessagesPerSecond is invalid. Reason: You must enter a number that's between 1 and %d.", movesPerSecondMax)
	}
	return nil
}

// checkTask checks a new task against the queues and tasks that there are, and returns its source queue.
func (s *Service) checkTask(v *catalog.View, c *api.Caller, in *api.StartMessageMoveTaskInput) (*catalog.Queue, error) {
	source, err := lookupTaskQueue(v, c, "SourceArn", *in.SourceArn)
	if err != nil {
		return nil, err
	}
	if !v.HasSources(source.Key) {
		return nil, api.InvalidParameterValue.Newf("Source queue must be configured as a Dead Letter Queue.")
	}
	if in.DestinationArn != nil {
		destination, err := lookupTaskQueue(v, c, "DestinationArn", *in.DestinationArn)
		switch {
		case err != nil:
			return nil, err
		case destination.ID == source.ID:
			return nil, api.InvalidParameterValue.Newf("Source queue arn and destination queue arn cannot be the same.")
		case destination.Attributes.FIFO != source.Attributes.FIFO:
			return nil, api.InvalidParameterValue.Newf("The source queue and destination queue must be of the same queue type.")
		}
	}
	active := 0
	for task := range v.ActiveTasks() {
		if task.Source == source.ID {
			return nil, api.InvalidParameterValue.Newf("There is already a task running. Only one active task is allowed for a source queue arn at a given time.")
		}
		if v.Queue(task.Source).Account == source.Account {
			active++
		}
	}
	if active >= activeTasksMax {
		return nil, api.UnsupportedOperation.Newf("There are already %d active message move tasks, which is the most that an account can have.", active)
	}
	return source, nil
}

// lookupTaskQueue finds the queue that an ARN parameter of a move task names. It must be in the caller's region.
func lookupTaskQueue(v *catalog.View, c *api.Caller, parameter, text string) (*catalog.Queue, error) {
	a, err := arn.Parse(text)
	if err == nil && a.Region == c.Region {
		if q := v.Lookup(keyOf(a)); q != nil {
			return q, nil
		}
	}
	return nil, api.ResourceNotFound.Newf("The resource that you specified for the %s parameter doesn't exist.", parameter)
}

// isARN tells whether s has the form of an ARN, of whatever service.
func isARN(s string) bool {
	_, err := arn.Parse(s)
	return err == nil || errors.Is(err, arn.ErrNameTooLong) || namesOtherService(s)
}

func badTaskARN(parameter string) error {
	return api.InvalidParameterValue.Newf("You must use this format to specify the %s: arn:<partition>:<service>:<region>:<account-id>:<resource-id>", parameter)
}

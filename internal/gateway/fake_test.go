package gateway

import (
	"context"

	"github.com/staunchmq/staunch/internal/api"
)

// fake is an api.SQS whose every method is one function. A nil output stands for the zero one.
type fake func(ctx context.Context, action string, c *api.Caller, in any) (out any, err error)

// output turns what a fake returned into the output of a method.
func output[O any](out any, err error) (*O, error) {
	if err != nil {
		return nil, err
	}
	if out == nil {
		return new(O), nil
	}
	return out.(*O), nil
}

func (f fake) AddPermission(ctx context.Context, c *api.Caller, in *api.AddPermissionInput) error {
	_, err := f(ctx, "AddPermission", c, in)
	return err
}

func (f fake) CancelMessageMoveTask(ctx context.Context, c *api.Caller, in *api.CancelMessageMoveTaskInput) (*api.CancelMessageMoveTaskOutput, error) {
	return output[api.CancelMessageMoveTaskOutput](f(ctx, "CancelMessageMoveTask", c, in))
}

func (f fake) ChangeMessageVisibility(ctx context.Context, c *api.Caller, in *api.ChangeMessageVisibilityInput) error {
	_, err := f(ctx, "ChangeMessageVisibility", c, in)
	return err
}

func (f fake) ChangeMessageVisibilityBatch(ctx context.Context, c *api.Caller, in *api.ChangeMessageVisibilityBatchInput) (*api.ChangeMessageVisibilityBatchOutput, error) {
	return output[api.ChangeMessageVisibilityBatchOutput](f(ctx, "ChangeMessageVisibilityBatch", c, in))
}

func (f fake) CreateQueue(ctx context.Context, c *api.Caller, in *api.CreateQueueInput) (*api.CreateQueueOutput, error) {
	return output[api.CreateQueueOutput](f(ctx, "CreateQueue", c, in))
}

func (f fake) DeleteMessage(ctx context.Context, c *api.Caller, in *api.DeleteMessageInput) error {
	_, err := f(ctx, "DeleteMessage", c, in)
	return err
}

func (f fake) DeleteMessageBatch(ctx context.Context, c *api.Caller, in *api.DeleteMessageBatchInput) (*api.DeleteMessageBatchOutput, error) {
	return output[api.DeleteMessageBatchOutput](f(ctx, "DeleteMessageBatch", c, in))
}

func (f fake) DeleteQueue(ctx context.Context, c *api.Caller, in *api.DeleteQueueInput) error {
	_, err := f(ctx, "DeleteQueue", c, in)
	return err
}

func (f fake) GetQueueAttributes(ctx context.Context, c *api.Caller, in *api.GetQueueAttributesInput) (*api.GetQueueAttributesOutput, error) {
	return output[api.GetQueueAttributesOutput](f(ctx, "GetQueueAttributes", c, in))
}

func (f fake) GetQueueUrl(ctx context.Context, c *api.Caller, in *api.GetQueueUrlInput) (*api.GetQueueUrlOutput, error) {
	return output[api.GetQueueUrlOutput](f(ctx, "GetQueueUrl", c, in))
}

func (f fake) ListDeadLetterSourceQueues(ctx context.Context, c *api.Caller, in *api.ListDeadLetterSourceQueuesInput) (*api.ListDeadLetterSourceQueuesOutput, error) {
	return output[api.ListDeadLetterSourceQueuesOutput](f(ctx, "ListDeadLetterSourceQueues", c, in))
}

func (f fake) ListMessageMoveTasks(ctx context.Context, c *api.Caller, in *api.ListMessageMoveTasksInput) (*api.ListMessageMoveTasksOutput, error) {
	return output[api.ListMessageMoveTasksOutput](f(ctx, "ListMessageMoveTasks", c, in))
}

func (f fake) ListQueueTags(ctx context.Context, c *api.Caller, in *api.ListQueueTagsInput) (*api.ListQueueTagsOutput, error) {
	return output[api.ListQueueTagsOutput](f(ctx, "ListQueueTags", c, in))
}

func (f fake) ListQueues(ctx context.Context, c *api.Caller, in *api.ListQueuesInput) (*api.ListQueuesOutput, error) {
	return output[api.ListQueuesOutput](f(ctx, "ListQueues", c, in))
}

func (f fake) PurgeQueue(ctx context.Context, c *api.Caller, in *api.PurgeQueueInput) error {
	_, err := f(ctx, "PurgeQueue", c, in)
	return err
}

func (f fake) ReceiveMessage(ctx context.Context, c *api.Caller, in *api.ReceiveMessageInput) (*api.ReceiveMessageOutput, error) {
	return output[api.ReceiveMessageOutput](f(ctx, "ReceiveMessage", c, in))
}

func (f fake) RemovePermission(ctx context.Context, c *api.Caller, in *api.RemovePermissionInput) error {
	_, err := f(ctx, "RemovePermission", c, in)
	return err
}

func (f fake) SendMessage(ctx context.Context, c *api.Caller, in *api.SendMessageInput) (*api.SendMessageOutput, error) {
	return output[api.SendMessageOutput](f(ctx, "SendMessage", c, in))
}

func (f fake) SendMessageBatch(ctx context.Context, c *api.Caller, in *api.SendMessageBatchInput) (*api.SendMessageBatchOutput, error) {
	return output[api.SendMessageBatchOutput](f(ctx, "SendMessageBatch", c, in))
}

func (f fake) SetQueueAttributes(ctx context.Context, c *api.Caller, in *api.SetQueueAttributesInput) error {
	_, err := f(ctx, "SetQueueAttributes", c, in)
	return err
}

func (f fake) StartMessageMoveTask(ctx context.Context, c *api.Caller, in *api.StartMessageMoveTaskInput) (*api.StartMessageMoveTaskOutput, error) {
	return output[api.StartMessageMoveTaskOutput](f(ctx, "StartMessageMoveTask", c, in))
}

func (f fake) TagQueue(ctx context.Context, c *api.Caller, in *api.TagQueueInput) error {
	_, err := f(ctx, "TagQueue", c, in)
	return err
}

func (f fake) UntagQueue(ctx context.Context, c *api.Caller, in *api.UntagQueueInput) error {
	_, err := f(ctx, "UntagQueue", c, in)
	return err
}

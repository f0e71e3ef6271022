package api

import "context"

// recorder is an SQS that notes which method was called.
type recorder struct {
	called   string
	caller   *Caller
	in       any
	err      error
	noOutput bool
}

func (r *recorder) note(name string, c *Caller, in any) error {
	r.called, r.caller, r.in = name, c, in
	return r.err
}

// answer returns a zero output, or none if the recorder is told to break the contract.
func answer[O any](r *recorder, err error) (*O, error) {
	if r.noOutput {
		return nil, err
	}
	return new(O), err
}

func (r *recorder) AddPermission(_ context.Context, c *Caller, in *AddPermissionInput) error {
	return r.note("AddPermission", c, in)
}

func (r *recorder) CancelMessageMoveTask(_ context.Context, c *Caller, in *CancelMessageMoveTaskInput) (*CancelMessageMoveTaskOutput, error) {
	return answer[CancelMessageMoveTaskOutput](r, r.note("CancelMessageMoveTask", c, in))
}

func (r *recorder) ChangeMessageVisibility(_ context.Context, c *Caller, in *ChangeMessageVisibilityInput) error {
	return r.note("ChangeMessageVisibility", c, in)
}

func (r *recorder) ChangeMessageVisibilityBatch(_ context.Context, c *Caller, in *ChangeMessageVisibilityBatchInput) (*ChangeMessageVisibilityBatchOutput, error) {
	return answer[ChangeMessageVisibilityBatchOutput](r, r.note("ChangeMessageVisibilityBatch", c, in))
}

func (r *recorder) CreateQueue(_ context.Context, c *Caller, in *CreateQueueInput) (*CreateQueueOutput, error) {
	return answer[CreateQueueOutput](r, r.note("CreateQueue", c, in))
}

func (r *recorder) DeleteMessage(_ context.Context, c *Caller, in *DeleteMessageInput) error {
	return r.note("DeleteMessage", c, in)
}

func (r *recorder) DeleteMessageBatch(_ context.Context, c *Caller, in *DeleteMessageBatchInput) (*DeleteMessageBatchOutput, error) {
	return answer[DeleteMessageBatchOutput](r, r.note("DeleteMessageBatch", c, in))
}

func (r *recorder) DeleteQueue(_ context.Context, c *Caller, in *DeleteQueueInput) error {
	return r.note("DeleteQueue", c, in)
}

func (r *recorder) GetQueueAttributes(_ context.Context, c *Caller, in *GetQueueAttributesInput) (*GetQueueAttributesOutput, error) {
	return answer[GetQueueAttributesOutput](r, r.note("GetQueueAttributes", c, in))
}

func (r *recorder) GetQueueUrl(_ context.Context, c *Caller, in *GetQueueUrlInput) (*GetQueueUrlOutput, error) {
	return answer[GetQueueUrlOutput](r, r.note("GetQueueUrl", c, in))
}

func (r *recorder) ListDeadLetterSourceQueues(_ context.Context, c *Caller, in *ListDeadLetterSourceQueuesInput) (*ListDeadLetterSourceQueuesOutput, error) {
	return answer[ListDeadLetterSourceQueuesOutput](r, r.note("ListDeadLetterSourceQueues", c, in))
}

func (r *recorder) ListMessageMoveTasks(_ context.Context, c *Caller, in *ListMessageMoveTasksInput) (*ListMessageMoveTasksOutput, error) {
	return answer[ListMessageMoveTasksOutput](r, r.note("ListMessageMoveTasks", c, in))
}

func (r *recorder) ListQueueTags(_ context.Context, c *Caller, in *ListQueueTagsInput) (*ListQueueTagsOutput, error) {
	return answer[ListQueueTagsOutput](r, r.note("ListQueueTags", c, in))
}

func (r *recorder) ListQueues(_ context.Context, c *Caller, in *ListQueuesInput) (*ListQueuesOutput, error) {
	return answer[ListQueuesOutput](r, r.note("ListQueues", c, in))
}

func (r *recorder) PurgeQueue(_ context.Context, c *Caller, in *PurgeQueueInput) error {
	return r.note("PurgeQueue", c, in)
}

func (r *recorder) ReceiveMessage(_ context.Context, c *Caller, in *ReceiveMessageInput) (*ReceiveMessageOutput, error) {
	return answer[ReceiveMessageOutput](r, r.note("ReceiveMessage", c, in))
}

func (r *recorder) RemovePermission(_ context.Context, c *Caller, in *RemovePermissionInput) error {
	return r.note("RemovePermission", c, in)
}

func (r *recorder) SendMessage(_ context.Context, c *Caller, in *SendMessageInput) (*SendMessageOutput, error) {
	return answer[SendMessageOutput](r, r.note("SendMessage", c, in))
}

func (r *recorder) SendMessageBatch(_ context.Context, c *Caller, in *SendMessageBatchInput) (*SendMessageBatchOutput, error) {
	return answer[SendMessageBatchOutput](r, r.note("SendMessageBatch", c, in))
}

func (r *recorder) SetQueueAttributes(_ context.Context, c *Caller, in *SetQueueAttributesInput) error {
	return r.note("SetQueueAttributes", c, in)
}

func (r *recorder) StartMessageMoveTask(_ context.Context, c *Caller, in *StartMessageMoveTaskInput) (*StartMessageMoveTaskOutput, error) {
	return answer[StartMessageMoveTaskOutput](r, r.note("StartMessageMoveTask", c, in))
}

func (r *recorder) TagQueue(_ context.Context, c *Caller, in *TagQueueInput) error {
	return r.note("TagQueue", c, in)
}

func (r *recorder) UntagQueue(_ context.Context, c *Caller, in *UntagQueueInput) error {
	return r.note("UntagQueue", c, in)
}

package api

import "context"

// Caller says who sent a request and how, as far as the gateway knows. It is made once per request
// and must not be changed after that.
type Caller struct {
	// Principal is who signed the request. Where signatures are not verified it is the root of Account.
	Principal Principal
	// Account is the 12-digit account the caller acts for. Queue names without an account mean this one.
	Account string
	// Region is where the caller believes to be: the region of the credential scope, else the server's own.
	Region string
	// AccessKeyID is the key that signed the request; "" for an anonymous request.
	AccessKeyID string
	// SenderID is the value of the SenderId message attribute (reference/sqs.md 3.4).
	SenderID string
	// BaseURL is what queue URLs start with: scheme and host, without a slash at the end.
	// A queue's URL is BaseURL + "/" + account + "/" + name.
	BaseURL string
	// SourceIP is the address that the request came from, without a port.
	SourceIP string
	// SecureTransport tells whether the request came over TLS, to this server or to a trusted proxy.
	SecureTransport bool
	// UserAgent and Referer are the headers of these names, as the client wrote them.
	UserAgent, Referer string
	// TraceHeader is the X-Amzn-Trace-Id header; SendMessage stores it as AWSTraceHeader
	// unless the request has that attribute itself.
	TraceHeader string
	// RequestID is in the answer's x-amzn-RequestId header and belongs in every log line about the request.
	RequestID string
	// Query is true if the request used the Query protocol, false for JSON. Only
	// [ReceiveMessageInput.WantedSystemAttributes] depends on it; texts that differ between
	// the protocols are chosen by the codecs.
	Query bool
	// Room is the memory for the messages of the answer to ReceiveMessage; nil if there is enough for any. The answer's end gives it back.
	Room Room
}

// Room is the memory that the messages of one answer may take. Its methods are those of shard.Room.
type Room interface {
	Free() int
	Fits(n int) int
	Take(ctx context.Context, n int) bool
	Keep(bytes int)
}

// SQS is Amazon SQS. A method gets a decoded input, whose required members may still be missing and
// whose values were not checked beyond their types, and answers as AWS does.
//
// An error that the client shall see is (or wraps) an [*Error]; any other error is an internal failure,
// logged by the gateway and answered as InternalFailure. An output is non-nil if the error is nil.
// Implementations are safe for concurrent use, do not keep or change c, and may keep what in refers to.
// ctx ends when the client is gone; it bounds waiting, but what was begun durably is not undone.
type SQS interface {
	AddPermission(ctx context.Context, c *Caller, in *AddPermissionInput) error
	CancelMessageMoveTask(ctx context.Context, c *Caller, in *CancelMessageMoveTaskInput) (*CancelMessageMoveTaskOutput, error)
	ChangeMessageVisibility(ctx context.Context, c *Caller, in *ChangeMessageVisibilityInput) error
	ChangeMessageVisibilityBatch(ctx context.Context, c *Caller, in *ChangeMessageVisibilityBatchInput) (*ChangeMessageVisibilityBatchOutput, error)
	CreateQueue(ctx context.Context, c *Caller, in *CreateQueueInput) (*CreateQueueOutput, error)
	DeleteMessage(ctx context.Context, c *Caller, in *DeleteMessageInput) error
	DeleteMessageBatch(ctx context.Context, c *Caller, in *DeleteMessageBatchInput) (*DeleteMessageBatchOutput, error)
	DeleteQueue(ctx context.Context, c *Caller, in *DeleteQueueInput) error
	GetQueueAttributes(ctx context.Context, c *Caller, in *GetQueueAttributesInput) (*GetQueueAttributesOutput, error)
	GetQueueUrl(ctx context.Context, c *Caller, in *GetQueueUrlInput) (*GetQueueUrlOutput, error)
	ListDeadLetterSourceQueues(ctx context.Context, c *Caller, in *ListDeadLetterSourceQueuesInput) (*ListDeadLetterSourceQueuesOutput, error)
	ListMessageMoveTasks(ctx context.Context, c *Caller, in *ListMessageMoveTasksInput) (*ListMessageMoveTasksOutput, error)
	ListQueueTags(ctx context.Context, c *Caller, in *ListQueueTagsInput) (*ListQueueTagsOutput, error)
	ListQueues(ctx context.Context, c *Caller, in *ListQueuesInput) (*ListQueuesOutput, error)
	PurgeQueue(ctx context.Context, c *Caller, in *PurgeQueueInput) error
	ReceiveMessage(ctx context.Context, c *Caller, in *ReceiveMessageInput) (*ReceiveMessageOutput, error)
	RemovePermission(ctx context.Context, c *Caller, in *RemovePermissionInput) error
	SendMessage(ctx context.Context, c *Caller, in *SendMessageInput) (*SendMessageOutput, error)
	SendMessageBatch(ctx context.Context, c *Caller, in *SendMessageBatchInput) (*SendMessageBatchOutput, error)
	SetQueueAttributes(ctx context.Context, c *Caller, in *SetQueueAttributesInput) error
	StartMessageMoveTask(ctx context.Context, c *Caller, in *StartMessageMoveTaskInput) (*StartMessageMoveTaskOutput, error)
	TagQueue(ctx context.Context, c *Caller, in *TagQueueInput) error
	UntagQueue(ctx context.Context, c *Caller, in *UntagQueueInput) error
}

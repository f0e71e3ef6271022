package queue

// Settings are the attributes of a queue that its partitions act on. All times are milliseconds. The caller has checked the
// ranges of reference/sqs.md 5.1.
type Settings struct {
	FIFO bool
	// VisibilityTimeout applies to receives that bring none of their own.
	VisibilityTimeout int64
	// Delay hides new messages. On a standard queue it is fixed for a message when it is sent; on a FIFO queue a change of it
	// acts on stored messages too.
	Delay int64
	// Retention counts from Message.Sent, whatever the state of the message.
	Retention int64
	// DeduplicateByGroup is DeduplicationScope=messageGroup. FIFO only.
	DeduplicateByGroup bool
	// MaxReceives is the redrive policy's maxReceiveCount; 0 when there is no redrive policy, or its target does not exist: then
	// messages stay and go on being delivered.
	MaxReceives uint32
	// DeadLetter is the partition that messages move to after MaxReceives receives.
	DeadLetter ID
}

// Limits and windows that AWS fixes (reference/sqs.md 13).
const (
	// InFlightMax is the number of messages of one queue that can be in flight at once.
	InFlightMax = 120_000
	// DeduplicationWindow is how long an accepted deduplication ID is remembered, in ms.
	DeduplicationWindow = 5 * 60 * 1000
	// AttemptWindow is how long a receive request attempt ID is remembered, in ms.
	AttemptWindow = 5 * 60 * 1000
	// VisibilityTotalMax bounds the visibility timeout of one receive with all its extensions, in ms.
	VisibilityTotalMax = 43_200 * 1000
)

package queue

import "errors"

// Errors that operations answer. With any of them nothing has changed.
var (
	// ErrHandleExpired: the receipt handle's visibility timeout is over, or the message was received again. FIFO only.
	ErrHandleExpired = errors.New("the receipt handle has expired")
	// ErrNotAvailable: there is no such message, or it is not in a state in which its visibility can be changed.
	ErrNotAvailable = errors.New("message does not exist or is not available for visibility timeout change")
	// ErrVisibilityTotal: the visibility timeout would end more than VisibilityTotalMax after the receive.
	ErrVisibilityTotal = errors.New("total visibility timeout is beyond the limit")
	// ErrInFlightLimit: InFlightMax messages are in flight. Standard queues only; FIFO queues just return nothing more.
	ErrInFlightLimit = errors.New("too many messages are in flight")
	// ErrPurgeInProgress: the queue was purged less than the interval ago.
	ErrPurgeInProgress = errors.New("the queue was purged a moment ago")
)

// SendResult says what became of a message that was sent. For a duplicate it names the original: its Ref and ID.
type SendResult struct {
	Ref       Ref
	ID        MessageID
	Duplicate bool
}

// VisibilityChange asks that the message's visibility timeout ends Timeout ms from now; 0 makes it visible at once.
type VisibilityChange struct {
	Handle  Handle
	Timeout int64
	// Until, if it is not 0: only if the message is as the receive with that handle and that ReceiveResult.Until has left it.
	Until int64
}

// Stats are exact counts of a partition.
type Stats struct {
	Visible, InFlight, Delayed int64
	// OldestSent is the smallest Message.Sent in Unix ms of all messages; 0 without messages.
	OldestSent int64
	// GroupsInFlight is the number of message groups with messages in flight (FIFO).
	GroupsInFlight int64
}

// MessageCount returns the number of messages of the partition, in all states.
func (s Stats) MessageCount() int64 { return s.Visible + s.InFlight + s.Delayed }

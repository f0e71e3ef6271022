package shard

import (
	"context"
	"errors"
	"time"

	"github.com/staunchmq/staunch/internal/queue"
)

// Errors that callers decide by. Errors of the queue package (queue.ErrHandleExpired and so on) come through unchanged.
var (
	// ErrNoPartition: the shard has no such partition: the queue was deleted, or was never configured here.
	ErrNoPartition = errors.New("no such partition on this shard")
	// ErrOverloaded: too much is waiting already; the request was not taken in. Trying again later is right.
	ErrOverloaded = errors.New("shard is overloaded")
	// ErrDiskFull: the journal has no room; nothing was changed.
	ErrDiskFull = errors.New("disk is full")
	// ErrPartly, beside another error of Arrive, EndMove or Settle: it was done for the first of the messages, and the rest has met the other
	// error.
	ErrPartly = errors.New("a part was done")
	// ErrUnavailable: the shard is stopping or has failed. Whether a change that was under way took place is not known.
	ErrUnavailable = errors.New("shard is unavailable")
)

// Client is how everything above reaches a shard, wherever the shard is. Each method that changes something returns nil only
// after the record of that change is durable; with an error other than ErrUnavailable, ErrPartly and that of ctx nothing was changed (but see Receive).
// ctx bounds the waiting of the caller; what the shard has taken in is not undone by cancelling, so slices that were passed in must not
// be changed afterwards. All methods may be called from any goroutine.
type Client interface {
	// Configure creates the partition or gives it new settings.
	Configure(ctx context.Context, p queue.ID, s queue.Settings) error
	// Drop removes the partition with all its messages. Waiting receives end with ErrNoPartition. Dropping what is not there
	// is no error.
	Drop(ctx context.Context, p queue.ID) error
	// Partitions lists the shard's partitions with their settings.
	Partitions(ctx context.Context) (map[queue.ID]queue.Settings, error)

	// Send accepts the messages in order, all or (on error) none. The results are in the same order.
	Send(ctx context.Context, p queue.ID, messages []SendMessage) ([]queue.SendResult, error)
	// Receive hands out messages, waiting up to in.Wait for the first. It returns with neither messages nor moves when the wait
	// is over, and when the shard is stopping. With ErrOverloaded it may have taken messages and, without room to read them, put them
	// back: they are visible, and their receive counts are one higher.
	Receive(ctx context.Context, p queue.ID, in ReceiveRequest) (*ReceiveResult, error)
	// Delete and ChangeVisibility act on each entry by itself; the slice holds an error or nil for each, in order.
	Delete(ctx context.Context, p queue.ID, handles []queue.Handle) ([]error, error)
	ChangeVisibility(ctx context.Context, p queue.ID, changes []queue.VisibilityChange) ([]error, error)
	// Purge removes all messages. It fails with queue.ErrPurgeInProgress within interval of the purge before.
	Purge(ctx context.Context, p queue.ID, interval time.Duration) error
	// Stats returns exact counts.
	Stats(ctx context.Context, p queue.ID) (queue.Stats, error)

	// BeginMove hides up to max visible messages, oldest first, and remembers that they are on their way to target.
	BeginMove(ctx context.Context, p queue.ID, max int, target queue.ID) ([]queue.Move, error)
	// Moving lists messages that are on their way out of the partition, in order of Ref: the first max with a Ref above after. The zero
	// Ref is below all.
	Moving(ctx context.Context, p queue.ID, after queue.Ref, max int) ([]queue.Move, error)
	// ReadMoving reads the messages of the first moves: with at least one it stops before 8 MiB of content are exceeded, and returns the
	// moves that are left. Moves that have ended are passed over.
	ReadMoving(ctx context.Context, p queue.ID, moves []queue.Move) (messages []MovingMessage, left []queue.Move, err error)
	// Arrive puts moved messages into their target, in order. An origin that is known there already is passed over, so that a
	// repeated Arrive is harmless.
	Arrive(ctx context.Context, p queue.ID, arrivals []Arrival) error
	// EndMove ends moves: with moved, the messages leave the partition; without, they are visible again. Refs that are not moving
	// are passed over.
	EndMove(ctx context.Context, p queue.ID, refs []queue.Ref, moved bool) error
	// Settle lets the target forget origins: their moves have ended at the source.
	Settle(ctx context.Context, p queue.ID, origins []queue.Origin) error
	// Unsettled lists the origins that the target remembers.
	Unsettled(ctx context.Context, p queue.ID) ([]queue.Origin, error)
}

// SendMessage is one message to send. The shard stamps the time.
type SendMessage struct {
	ID              queue.MessageID
	Group           string
	DeduplicationID string
	// OtherDeduplicationID is as in queue.NewMessage.
	OtherDeduplicationID string
	// Delay hides the message for so long; nil means the queue's delay. Standard queues only.
	Delay   *time.Duration
	Content []byte
}

// ReceiveRequest says what to hand out.
type ReceiveRequest struct {
	// Max is the number of messages to return at the most, 1 to 10.
	Max int
	// Visibility is the visibility timeout; nil means the queue's.
	Visibility *time.Duration
	// Wait is how long to wait for the first message; 0 answers at once.
	Wait time.Duration
	// Attempt is the receive request attempt ID; empty without one. FIFO only.
	Attempt string
	// Room is the memory for the messages; nil if there is enough for any.
	Room Room
}

// Room is the memory that what one receive hands out may take. A receive that finds too little hands out fewer messages, or fails with
// ErrOverloaded: it leaves them all where Fits says so, and puts them back where Take does.
type Room interface {
	// Free is how many bytes of contents need no room.
	Free() int
	// Fits returns how many of n messages there would be room for now if they were of the largest size. It does not block, and is
	// called from the shard's goroutine; the other methods are not.
	Fits(n int) int
	// Take takes room for n messages of the largest size, in place of what was taken before. It waits for it for a while; false means
	// that there was none.
	Take(ctx context.Context, n int) bool
	// Keep gives back what is not needed for contents of so many bytes in all.
	Keep(bytes int)
}

// ReceiveResult is what a receive handed out. Moves are messages that have used up their receives, 100 at the most: the caller carries
// them to the dead-letter queue (ReadMoving here, Arrive there, EndMove here, Settle there).
type ReceiveResult struct {
	Messages []ReceivedMessage
	Moves    []queue.Move
}

// ReceivedMessage is a message with what this receive made of it. Message.Receives and Message.FirstReceived are those of the
// message as it was sent or moved here; the totals are in the fields beside it.
type ReceivedMessage struct {
	queue.Message
	Handle        queue.Handle
	FirstReceived int64 // Unix ms
}

// MovingMessage is a message on its way out of a partition. Receives and FirstReceived of Message are the totals so far.
type MovingMessage struct {
	queue.Message
	Ref    queue.Ref
	Target queue.ID
}

// Arrival is a moved message for its target. The target stamps Message.Sent with its own time where it is 0.
type Arrival struct {
	Origin  queue.Origin
	Message queue.Message
}

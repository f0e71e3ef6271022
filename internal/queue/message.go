package queue

import "fmt"

// ID names a partition: one slice of one queue. IDs are given out by the catalog and never used again.
type ID uint64

// Ref names a message for as long as it lives in a partition: the number of the journal record that holds it and the index of
// its change in that record. Refs of one shard grow in the order in which messages were accepted, so they are also the order of
// a FIFO message group. A message that moves to another queue gets a new Ref there.
type Ref struct {
	Record uint64
	Index  uint32
}

// Compare returns -1, 0 or 1 as r comes before, is, or comes after other.
func (r Ref) Compare(other Ref) int {
	switch {
	case r.Record < other.Record:
		return -1
	case r.Record > other.Record:
		return 1
	case r.Index < other.Index:
		return -1
	case r.Index > other.Index:
		return 1
	}
	return 0
}

// String returns record/index in decimal.
func (r Ref) String() string { return fmt.Sprintf("%d/%d", r.Record, r.Index) }

// sequenceBase makes sequence numbers 20 digits long from the first one on; sequenceIndexBits leaves room for the messages of
// one record. The numbers fit into 64 bits for 2^42 records.
const (
	sequenceBase      = 10_000_000_000_000_000_000
	sequenceIndexBits = 20
)

// SequenceNumber returns the FIFO sequence number of the message: 20 decimal digits, larger for later messages of a shard, not
// consecutive (reference/sqs.md 8.2).
func (r Ref) SequenceNumber() string {
	return fmt.Sprintf("%020d", sequenceBase+r.Record<<sequenceIndexBits+uint64(r.Index))
}

// MessageID is the 128 bits of a message's UUID.
type MessageID [16]byte

// Message is a message as a journal record holds it. The state machine reads everything but Content, which is the
// caller's: body, attributes and sender in the caller's own encoding.
type Message struct {
	ID MessageID
	// Group is the message group ID; empty if there is none (standard queues only).
	Group string
	// DeduplicationID is set on messages of FIFO queues only.
	DeduplicationID string
	// Sent is the time from which age and retention count, in Unix ms: the SentTimestamp attribute.
	Sent int64
	// VisibleAt is the end of the message's own delay in Unix ms; 0 without one. Standard queues only.
	VisibleAt int64
	// Receives and FirstReceived come with a message that was moved here as a dead letter; 0 otherwise.
	Receives      uint32
	FirstReceived int64
	// Source is the ARN of the queue that the message was moved from as a dead letter; empty otherwise.
	Source  string
	Content []byte
}

// Handle is what a receipt handle says: which message, and which receive of it. Receives is the message's receive count as of
// that receive, so that a later receive makes an older handle recognisable.
type Handle struct {
	Ref      Ref
	Receives uint32
}

// Origin names a message that was moved here from another partition. The target remembers it until the move is settled, so that
// a repeated move does not put the message in twice.
type Origin struct {
	Partition ID
	Ref       Ref
}

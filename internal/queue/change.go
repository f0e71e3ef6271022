package queue

import (
	"encoding/binary"
	"fmt"
)

// Log takes the changes of the record that is being built. Begin returns the buffer to which the change of partition p is
// appended, End takes it back and returns the Ref of that change.
type Log interface {
	Begin(p ID) []byte
	End(buffer []byte) Ref
}

// Change is one step of a partition's state, as journals store it.
type Change interface {
	// Append encodes the change.
	Append(b []byte) []byte
	// apply makes the change part of the state. It is called live and on replay alike. What is due at the time now is done when
	// it returns: Advance(now) then changes nothing, so it does not matter whether somebody calls it between two changes of a
	// record. The one exception is Configured: a shorter retention or delay can end or show any number of messages, so that is left to
	// the next Advance, which comes before the next change.
	apply(p *Partition, now int64, ref Ref)
}

// Kinds of changes: the first byte of the encoding. They are on disk: numbers are never given a new meaning; a new layout of a
// change is a new kind.
const (
	kindConfigured byte = iota + 1
	kindSent
	kindReceived
	kindReceiveRepeated
	kindDeleted
	kindVisibilityChanged
	kindPurged
	kindMoveBegun
	kindMoveEnded
	kindSettled
	kindCopied
)

// do writes the change to the log and applies it.
func (p *Partition) do(log Log, now int64, c Change) Ref {
	ref := log.End(c.Append(log.Begin(p.id)))
	c.apply(p, now, ref)
	return ref
}

// Apply replays a change. The caller has called Advance with the time of the record, which is now.
func (p *Partition) Apply(now int64, ref Ref, c Change) { c.apply(p, now, ref) }

// DecodeChange decodes what Append wrote. The change may refer to data, which must not change afterwards.
func DecodeChange(data []byte) (Change, error) {
	r := &reader{data: data}
	var c Change
	switch kind := r.byte(); kind {
	case kindConfigured:
		c = &Configured{Settings: r.settings()}
	case kindSent:
		m, origin := r.message()
		c = &Sent{Message: m, Origin: origin}
	case kindReceived:
		c = &Received{Attempt: r.string(), Until: r.varint(), Taken: r.taken()}
	case kindReceiveRepeated:
		c = &ReceiveRepeated{Attempt: r.string(), Until: r.varint()}
	case kindDeleted:
		c = &Deleted{Ref: r.ref()}
	case kindVisibilityChanged:
		c = &VisibilityChanged{Ref: r.ref(), Until: r.varint()}
	case kindPurged:
		c = &Purged{}
	case kindMoveBegun:
		c = &MoveBegun{Target: ID(r.uvarint()), Taken: r.taken()}
	case kindMoveEnded:
		c = &MoveEnded{Moved: r.bool(), Refs: r.refs()}
	case kindSettled:
		c = &Settled{Origins: r.origins()}
	case kindCopied:
		c = decodeCopied(r)
	default:
		return nil, fmt.Errorf("queue: unknown kind of change %d", kind)
	}
	if err := r.end(); err != nil {
		return nil, fmt.Errorf("decode %T: %w", c, err)
	}
	return c, nil
}

// HoldsMessage reports whether a change, as Append encoded it, holds a message.
func HoldsMessage(data []byte) bool {
	return len(data) > 0 && (data[0] == kindSent || data[0] == kindCopied)
}

// DecodeMessage decodes the message of a change that holds one: what Place leads to in a journal, and at is that place. It returns the
// message's Ref too, which is not at if the message was copied there.
func DecodeMessage(data []byte, at Ref) (Ref, Message, error) {
	r := &reader{data: data}
	switch kind := r.byte(); kind {
	case kindSent:
		m, _ := r.message()
		return at, m, r.end()
	case kindCopied:
		c := decodeCopied(r)
		return c.Ref, c.Message, r.end()
	default:
		return Ref{}, Message{}, fmt.Errorf("queue: change of kind %d holds no message", kind)
	}
}

// Configured creates the partition or changes its settings.
type Configured struct{ Settings Settings }

// Append encodes the change.
func (c *Configured) Append(b []byte) []byte {
	return appendSettings(append(b, kindConfigured), c.Settings)
}

func appendSettings(b []byte, s Settings) []byte {
	b = appendBool(b, s.FIFO)
	b = binary.AppendVarint(b, s.VisibilityTimeout)
	b = binary.AppendVarint(b, s.Delay)
	b = binary.AppendVarint(b, s.Retention)
	b = appendBool(b, s.DeduplicateByGroup)
	b = binary.AppendUvarint(b, uint64(s.MaxReceives))
	return binary.AppendUvarint(b, uint64(s.DeadLetter))
}

func (r *reader) settings() Settings {
	return Settings{
		FIFO:               r.bool(),
		VisibilityTimeout:  r.varint(),
		Delay:              r.varint(),
		Retention:          r.varint(),
		DeduplicateByGroup: r.bool(),
		MaxReceives:        r.uint32(),
		DeadLetter:         ID(r.uvarint()),
	}
}

// Sent puts a message in: one that was sent, or one that was moved here, which has an Origin.
type Sent struct {
	Message Message
	Origin  *Origin
}

// Append encodes the change.
func (c *Sent) Append(b []byte) []byte {
	return appendMessage(append(b, kindSent), &c.Message, c.Origin)
}

func appendMessage(b []byte, m *Message, o *Origin) []byte {
	b = append(b, m.ID[:]...)
	b = appendString(b, m.Group)
	b = appendString(b, m.DeduplicationID)
	b = binary.AppendVarint(b, m.Sent)
	b = binary.AppendVarint(b, m.VisibleAt)
	b = binary.AppendUvarint(b, uint64(m.Receives))
	b = binary.AppendVarint(b, m.FirstReceived)
	b = appendString(b, m.Source)
	b = appendBool(b, o != nil)
	if o != nil {
		b = appendOrigin(b, *o)
	}
	b = binary.AppendUvarint(b, uint64(len(m.Content)))
	return append(b, m.Content...)
}

func (r *reader) message() (m Message, o *Origin) {
	m = Message{
		ID:              r.id(),
		Group:           r.string(),
		DeduplicationID: r.string(),
		Sent:            r.varint(),
		VisibleAt:       r.varint(),
		Receives:        r.uint32(),
		FirstReceived:   r.varint(),
		Source:          r.string(),
	}
	if r.bool() {
		o = &Origin{Partition: ID(r.uvarint()), Ref: r.ref()}
	}
	m.Content = r.bytes()
	return m, o
}

// Copied writes a message anew that is still in the partition: its content is read from this change from now on. See Copy.
type Copied struct {
	Ref     Ref
	Message Message // as the Sent change had it
}

// Append encodes the change.
func (c *Copied) Append(b []byte) []byte {
	return appendMessage(appendRef(append(b, kindCopied), c.Ref), &c.Message, nil)
}

func decodeCopied(r *reader) *Copied {
	c := &Copied{Ref: r.ref()}
	var o *Origin
	c.Message, o = r.message()
	r.require(o == nil)
	return c
}

// Taken names a message that a receive or a move took. Group is needed to find a message that has no entry yet.
type Taken struct {
	Ref   Ref
	Group string
	// Receives is the receive count after a receive; a move does not change it. It is checked on replay.
	Receives uint32
}

func appendTaken(b []byte, taken []Taken) []byte {
	b = binary.AppendUvarint(b, uint64(len(taken)))
	for _, t := range taken {
		b = appendRef(b, t.Ref)
		b = appendString(b, t.Group)
		b = binary.AppendUvarint(b, uint64(t.Receives))
	}
	return b
}

func (r *reader) taken() []Taken {
	taken := make([]Taken, r.count(4))
	for i := range taken {
		taken[i] = Taken{Ref: r.ref(), Group: r.string(), Receives: r.uint32()}
	}
	return taken
}

// Received says which messages a receive handed out and until when (Unix ms) they are in flight.
type Received struct {
	Attempt string
	Until   int64
	Taken   []Taken
}

// Append encodes the change.
func (c *Received) Append(b []byte) []byte {
	b = appendString(append(b, kindReceived), c.Attempt)
	b = binary.AppendVarint(b, c.Until)
	return appendTaken(b, c.Taken)
}

// ReceiveRepeated says that a receive with the same attempt ID got the same messages again, in flight until Until.
type ReceiveRepeated struct {
	Attempt string
	Until   int64
}

// Append encodes the change.
func (c *ReceiveRepeated) Append(b []byte) []byte {
	b = appendString(append(b, kindReceiveRepeated), c.Attempt)
	return binary.AppendVarint(b, c.Until)
}

// Deleted removes a message.
type Deleted struct{ Ref Ref }

// Append encodes the change.
func (c *Deleted) Append(b []byte) []byte { return appendRef(append(b, kindDeleted), c.Ref) }

// VisibilityChanged gives a message a new end of its visibility timeout (Unix ms).
type VisibilityChanged struct {
	Ref   Ref
	Until int64
}

// Append encodes the change.
func (c *VisibilityChanged) Append(b []byte) []byte {
	return binary.AppendVarint(appendRef(append(b, kindVisibilityChanged), c.Ref), c.Until)
}

// Purged removes all messages and forgets all deduplication IDs.
type Purged struct{}

// Append encodes the change.
func (c *Purged) Append(b []byte) []byte { return append(b, kindPurged) }

// MoveBegun hides messages that are being carried to another partition.
type MoveBegun struct {
	Target ID
	Taken  []Taken
}

// Append encodes the change.
func (c *MoveBegun) Append(b []byte) []byte {
	return appendTaken(binary.AppendUvarint(append(b, kindMoveBegun), uint64(c.Target)), c.Taken)
}

// MoveEnded removes messages that have arrived in their target (Moved), or makes them visible again.
type MoveEnded struct {
	Moved bool
	Refs  []Ref
}

// Append encodes the change.
func (c *MoveEnded) Append(b []byte) []byte {
	b = appendBool(append(b, kindMoveEnded), c.Moved)
	b = binary.AppendUvarint(b, uint64(len(c.Refs)))
	for _, ref := range c.Refs {
		b = appendRef(b, ref)
	}
	return b
}

func (r *reader) refs() []Ref {
	refs := make([]Ref, r.count(2))
	for i := range refs {
		refs[i] = r.ref()
	}
	return refs
}

// Settled forgets the origins of moves that have ended.
type Settled struct{ Origins []Origin }

// Append encodes the change.
func (c *Settled) Append(b []byte) []byte {
	b = binary.AppendUvarint(append(b, kindSettled), uint64(len(c.Origins)))
	for _, o := range c.Origins {
		b = appendOrigin(b, o)
	}
	return b
}

func appendOrigin(b []byte, o Origin) []byte {
	return appendRef(binary.AppendUvarint(b, uint64(o.Partition)), o.Ref)
}

func (r *reader) origins() []Origin {
	origins := make([]Origin, r.count(3))
	for i := range origins {
		origins[i] = Origin{Partition: ID(r.uvarint()), Ref: r.ref()}
	}
	return origins
}

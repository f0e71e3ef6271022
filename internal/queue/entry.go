package queue

import "fmt"

type state uint8

const (
	delayed state = iota + 1
	visible
	inFlight
	moving
)

// entry is a message that was received, has a delay of its own, or was moved here. There may be millions: it fills the 64 bytes that it is
// allocated with.
type entry struct {
	ref   Ref
	group *group
	state state
	saved uint16 // the latest Snapshot that has the entry, or is older than it
	// receives counts all receives, those in queues that the message was moved from as a dead letter included.
	receives      uint32
	sent          int64 // Unix ms, as all times here
	firstReceived int64 // of the first of all receives; 0 before
	received      int64 // of the latest receive here
	// at is the end of the delay or of the visibility timeout (delayed, inFlight), the place in line (visible, see place), or the ID of the
	// partition that the message goes to (moving).
	at int64
}

// lessByTime orders what is delayed or in flight by when that ends, and what is visible by its place in line.
func lessByTime(a, b *entry) bool {
	if a.at != b.at {
		return a.at < b.at
	}
	return a.ref.Compare(b.ref) < 0
}

// lessByName: a Ref names a message.
func lessByName(a, b *entry) bool { return a.ref.Compare(b.ref) < 0 }

func lessBySent(a, b *entry) bool {
	if a.sent != b.sent {
		return a.sent < b.sent
	}
	return a.ref.Compare(b.ref) < 0
}

// backOfLineReceives: a standard queue sends a message that was received so often to the back of the line (reference/sqs.md 7.8).
const backOfLineReceives = 3

// place returns the place in line of a message that becomes visible again at the given time. A standard queue lets it have its
// old place, so that a retry does not wait for the whole backlog, until it has failed too often. In a FIFO queue the place is
// that of the whole group, and groups take turns.
func (p *Partition) place(e *entry, at int64) int64 {
	if !p.settings.FIFO && e.receives < backOfLineReceives {
		return e.sent
	}
	return at
}

// newEntry adds a message in the state visible without putting it in line.
func (p *Partition) newEntry(g *group, ref Ref, sent int64) *entry {
	e := &entry{ref: ref, group: g, state: visible, saved: p.generation, sent: sent}
	p.entries.Set(e)
	p.bySent.Set(e)
	g.entries++
	return e
}

// show makes the entry visible, with its place in line as of at.
func (p *Partition) show(e *entry, at int64) {
	e.state = visible
	e.at = at
	p.stats.Visible++
	if !p.settings.FIFO {
		e.group.addReturned(e)
	}
}

// hide takes the entry out of whatever state it is in. The caller puts it into the next one. Invariant: nothing of an entry that is not
// new changes before it was hidden.
func (p *Partition) hide(e *entry) {
	p.saveEntry(e)
	switch e.state {
	case visible:
		p.stats.Visible--
		if !p.settings.FIFO {
			e.group.removeReturned(e)
		}
	case delayed:
		p.deadlines.Delete(e)
		p.stats.Delayed--
	case inFlight:
		p.deadlines.Delete(e)
		p.attempts.forgetReceive(e)
		p.stats.InFlight--
		p.countInFlight(e.group, -1)
	case moving:
		p.moving.Delete(e)
	default:
		panic(fmt.Sprintf("queue: message %v has no state", e.ref))
	}
}

// delay hides the entry until the given time.
func (p *Partition) delay(e *entry, until int64) {
	e.state = delayed
	e.at = until
	p.deadlines.Set(e)
	p.stats.Delayed++
}

// carry puts the entry on its way to another partition.
func (p *Partition) carry(e *entry, to ID) {
	e.state = moving
	e.at = int64(to)
	p.moving.Set(e)
}

// fly puts the entry in flight until the given time.
func (p *Partition) fly(e *entry, until int64) {
	e.state = inFlight
	e.at = until
	p.deadlines.Set(e)
	p.stats.InFlight++
	p.countInFlight(e.group, +1)
}

// remove forgets the message.
func (p *Partition) remove(e *entry) {
	p.hide(e)
	p.bySent.Delete(e)
	p.entries.Delete(e)
	p.places.drop(e.ref, 1)
	if p.settings.FIFO {
		e.group.removeHot(e)
	}
	e.group.entries--
	p.refresh(e.group)
}

// entry returns the entry of a message, if it has one.
func (p *Partition) entry(ref Ref) (*entry, bool) {
	p.probe.ref = ref
	return p.entries.Get(&p.probe)
}

// mustEntry returns the entry that a change names.
func (p *Partition) mustEntry(ref Ref) *entry {
	e, ok := p.entry(ref)
	if !ok {
		panic(fmt.Sprintf("queue: partition %d: a change names message %v, which is not there", p.id, ref))
	}
	return e
}

package queue

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
)

// Layouts of a partition's saved state. A reader refuses layouts that it does not know.
const (
	checkpointVersion       = 1
	checkpointVersionPlaces = 2 // the same with places behind it; only when there are any
)

// AppendCheckpoint encodes the whole state. Equal states have equal encodings, however they came about; call Advance with the
// same time on both before comparing. It does not disturb a Snapshot that is being collected.
func (p *Partition) AppendCheckpoint(b []byte) []byte { return p.all().Append(b) }

// all returns a snapshot with everything collected.
func (p *Partition) all() *Snapshot {
	s := p.newSnapshot()
	p.bySent.Scan(func(e *entry) bool {
		s.addEntry(e)
		return true
	})
	p.oldest.Scan(func(g *group) bool {
		s.addTail(g)
		return true
	})
	return s
}

func appendAccepted(b []byte, a *accepted) []byte {
	b = appendString(b, a.group)
	b = appendString(b, a.dedup)
	b = appendRef(b, a.ref)
	b = append(b, a.id[:]...)
	return binary.AppendVarint(b, a.at)
}

func appendAttempt(b []byte, t *attempt) []byte {
	b = appendString(b, t.id)
	b = binary.AppendVarint(b, t.at)
	b = binary.AppendUvarint(b, uint64(len(t.entries)))
	for _, e := range t.entries {
		b = appendRef(b, e.ref)
	}
	return b
}

// DecodeCheckpoint returns the partition that AppendCheckpoint encoded. It refuses data that no partition encodes to.
func DecodeCheckpoint(id ID, data []byte) (*Partition, error) {
	r := &reader{data: data}
	version := r.byte()
	if version != checkpointVersion && version != checkpointVersionPlaces {
		return nil, fmt.Errorf("queue: checkpoint of partition %d has version %d; this program reads up to %d", id, version, checkpointVersionPlaces)
	}
	p := New(id)
	p.now = r.varint()
	p.purged = r.varint()
	p.settings = r.settings()
	p.dedup.byGroup = p.settings.DeduplicateByGroup
	p.decodeEntries(r)
	p.decodeTails(r)
	p.decodeAccepted(r)
	p.decodeAttempts(r)
	for _, o := range r.origins() {
		p.arrivals[o] = struct{}{}
	}
	if version == checkpointVersionPlaces {
		p.places = r.places()
	}
	if err := r.end(); err != nil {
		return nil, fmt.Errorf("queue: checkpoint of partition %d: %w", id, err)
	}
	for _, g := range p.groups.items {
		p.refresh(g)
	}
	if p.settings.FIFO {
		p.hideAgain(p.now)
	}
	return p, nil
}

func (p *Partition) decodeEntries(r *reader) {
	var last Ref
	for i := range r.count(9) {
		ref := r.ref()
		r.require(i == 0 || last.Compare(ref) < 0)
		last = ref
		p.decodeEntry(r, ref)
		if r.err != nil {
			return
		}
	}
}

func (p *Partition) decodeEntry(r *reader, ref Ref) {
	g := p.group(r.string())
	s := state(r.byte())
	receives := r.uint32()
	e := p.newEntry(g, ref, r.varint())
	e.receives, e.firstReceived, e.received = receives, r.varint(), r.varint()
	if p.settings.FIFO {
		g.addHot(e)
	}
	switch s {
	case visible:
		p.show(e, r.varint())
	case delayed:
		p.delay(e, r.varint())
	case inFlight:
		p.fly(e, r.varint())
	case moving:
		p.carry(e, ID(r.uvarint()))
	default:
		r.fail()
	}
}

func (p *Partition) decodeTails(r *reader) {
	var last string
	for i := range r.count(7) {
		name := r.string()
		r.require(i == 0 || last < name)
		last = name
		g := p.group(name)
		r.tail(g)
		if r.err != nil {
			return
		}
		p.stats.Visible += g.tail.count
	}
}

// tail reads the tail of a group whose entries have been read.
func (r *reader) tail(g *group) {
	n := r.count(5)
	r.require(n > 0)
	var last Ref
	if len(g.hot) > 0 {
		last = g.hot[len(g.hot)-1].ref
	}
	var sent int64
	for i := range n {
		ref := r.ref()
		x := extent{record: ref.Record, index: ref.Index, count: r.uint32(), sent: r.varint()}
		if r.bool() {
			x.arrival = &arrival{receives: r.uint32(), firstReceived: r.varint()}
		}
		r.require(i == 0 && len(g.hot) == 0 || last.Compare(ref) < 0)
		r.require(x.count > 0 && x.count-1 <= math.MaxUint32-x.index && (x.arrival == nil || x.count == 1))
		r.require(i == 0 || sent <= x.sent)
		if r.err != nil {
			return
		}
		last, sent = Ref{Record: x.record, Index: x.index + x.count - 1}, x.sent
		g.tail.list.push(x)
		g.tail.count += int64(x.count)
	}
}

func (p *Partition) decodeAccepted(r *reader) {
	var last int64
	for i := range r.count(21) {
		a := r.accepted()
		r.require(i == 0 || last <= a.at)
		if r.err != nil {
			return
		}
		last = a.at
		p.dedup.remember(a)
	}
}

func (r *reader) accepted() accepted {
	return accepted{group: r.string(), dedup: r.string(), ref: r.ref(), id: r.id(), at: r.varint()}
}

func (p *Partition) decodeAttempts(r *reader) {
	var last *attempt
	for range r.count(5) {
		t := &attempt{id: r.string(), at: r.varint()}
		for _, ref := range r.refs() {
			e, ok := p.entry(ref)
			r.require(ok && e.state == inFlight && !p.attempts.has(e) && !slices.Contains(t.entries, e))
			t.entries = append(t.entries, e)
		}
		_, known := p.attempts.lookup(t.id)
		r.require(len(t.entries) > 0 && !known && (last == nil || lessByAttempted(last, t)))
		if r.err != nil {
			return
		}
		p.attempts.remember(t.id, t.at, t.entries)
		last = t
	}
}

package queue

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
)

// checkpointVersion is the layout of a partition's saved state. A reader refuses layouts that it does not know.
const checkpointVersion = 1

// AppendCheckpoint encodes the whole state. Equal states have equal encodings, however they came about; call Advance with the
// same time on both before comparing.
func (p *Partition) AppendCheckpoint(b []byte) []byte {
	b = append(b, checkpointVersion)
	b = binary.AppendVarint(b, p.now)
	b = binary.AppendVarint(b, p.purged)
	b = appendSettings(b, p.settings)

	refs := slices.SortedFunc(maps.Keys(p.entries), Ref.Compare)
	b = binary.AppendUvarint(b, uint64(len(refs)))
	for _, ref := range refs {
		b = appendEntry(b, p.entries[ref])
	}

	names := slices.DeleteFunc(slices.Sorted(maps.Keys(p.groups)), func(name string) bool { return p.groups[name].tail.empty() })
	b = binary.AppendUvarint(b, uint64(len(names)))
	for _, name := range names {
		b = appendString(b, name)
		b = appendTail(b, &p.groups[name].tail)
	}

	b = binary.AppendUvarint(b, uint64(len(p.dedup.order.live())))
	for _, r := range p.dedup.order.live() {
		a := p.dedup.byKey[r.key]
		b = appendString(b, r.key)
		b = appendRef(b, a.ref)
		b = append(b, a.id[:]...)
		b = binary.AppendVarint(b, a.at)
	}

	current := p.attempts.current()
	b = binary.AppendUvarint(b, uint64(len(current)))
	for _, id := range current {
		t := p.attempts.byID[id]
		b = appendString(b, id)
		b = binary.AppendVarint(b, t.at)
		b = binary.AppendVarint(b, t.until)
		b = appendTaken(b, t.taken)
	}

	origins := p.Unsettled()
	b = binary.AppendUvarint(b, uint64(len(origins)))
	for _, o := range origins {
		b = appendOrigin(b, o)
	}
	return b
}

// current returns the IDs in order of their latest use.
func (a *attempts) current() []string {
	var ids []string
	for _, r := range a.order.live() {
		if a.byID[r.key].at == r.at && !slices.Contains(ids[max(0, len(ids)-1):], r.key) {
			ids = append(ids, r.key)
		}
	}
	return ids
}

func appendEntry(b []byte, e *entry) []byte {
	b = appendRef(b, e.ref)
	b = appendString(b, e.group.name)
	b = append(b, byte(e.state))
	b = binary.AppendUvarint(b, uint64(e.receives))
	b = binary.AppendVarint(b, e.sent)
	b = binary.AppendVarint(b, e.firstReceived)
	b = binary.AppendVarint(b, e.received)
	// One time says it all: which one depends on the state.
	switch e.state {
	case visible:
		return binary.AppendVarint(b, e.since)
	case moving:
		return binary.AppendUvarint(b, uint64(e.target))
	default:
		return binary.AppendVarint(b, e.until)
	}
}

func appendTail(b []byte, t *tail) []byte {
	b = binary.AppendUvarint(b, uint64(len(t.live())))
	for i := range t.live() {
		x := &t.live()[i]
		b = appendRef(b, x.first())
		b = binary.AppendUvarint(b, uint64(x.count))
		b = binary.AppendVarint(b, x.sent)
		b = appendBool(b, x.arrival != nil)
		if x.arrival != nil {
			b = binary.AppendUvarint(b, uint64(x.arrival.receives))
			b = binary.AppendVarint(b, x.arrival.firstReceived)
		}
	}
	return b
}

// DecodeCheckpoint returns the partition that AppendCheckpoint encoded.
func DecodeCheckpoint(id ID, data []byte) (*Partition, error) {
	p := New(id)
	r := &reader{data: data}
	if v := r.byte(); v != checkpointVersion {
		return nil, fmt.Errorf("queue: checkpoint of partition %d has version %d; this program reads version %d", id, v, checkpointVersion)
	}
	p.now = r.varint()
	p.purged = r.varint()
	p.settings = r.settings()
	for range r.count() {
		if err := p.decodeEntry(r); err != nil {
			return nil, fmt.Errorf("queue: checkpoint of partition %d: %w", id, err)
		}
	}
	for range r.count() {
		g := p.group(r.string())
		r.tail(&g.tail)
	}
	for range r.count() {
		key := r.string()
		p.dedup.remember(key, accepted{ref: r.ref(), id: r.id(), at: r.varint()})
	}
	for range r.count() {
		name := r.string()
		p.attempts.remember(name, attempt{at: r.varint(), until: r.varint(), taken: r.taken()})
	}
	for _, o := range r.origins() {
		p.arrivals[o] = struct{}{}
	}
	if err := r.end(); err != nil {
		return nil, fmt.Errorf("queue: checkpoint of partition %d: %w", id, err)
	}
	for _, g := range p.groups {
		p.stats.Visible += g.tail.count
	}
	if p.settings.FIFO {
		p.redelay(p.now)
	}
	p.refreshAll()
	return p, nil
}

func (p *Partition) decodeEntry(r *reader) error {
	ref := r.ref()
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
		e.state, e.until = delayed, r.varint()
		p.deadlines.Set(e)
		p.stats.Delayed++
	case inFlight:
		p.fly(e, r.varint())
	case moving:
		e.state, e.target = moving, ID(r.uvarint())
		p.moving[ref] = e
	default:
		return cmp.Or(r.err, fmt.Errorf("message %v is in the unknown state %d", ref, s))
	}
	return nil
}

func (r *reader) tail(t *tail) {
	for range r.count() {
		ref := r.ref()
		x := extent{record: ref.Record, index: ref.Index, count: r.uint32(), sent: r.varint()}
		if r.bool() {
			x.arrival = &arrival{receives: r.uint32(), firstReceived: r.varint()}
		}
		t.extents = append(t.extents, x)
		t.count += int64(x.count)
	}
}

// OldestRecord returns the number of the oldest journal record that holds a message of the partition; ok is false if there is
// none. It looks at every entry and every group.
func (p *Partition) OldestRecord() (record uint64, ok bool) {
	older := func(r uint64) {
		if !ok || r < record {
			record, ok = r, true
		}
	}
	for ref := range p.entries {
		older(ref.Record)
	}
	for _, g := range p.groups {
		if !g.tail.empty() {
			older(g.tail.front().record)
		}
	}
	return record, ok
}

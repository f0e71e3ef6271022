package queue

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"
)

// Layouts of a partition's saved state. A reader refuses layouts that it does not know.
const (
	checkpointVersion       = 1
	checkpointVersionPlaces = 2 // the same with places behind it; only when there are any
)

// AppendCheckpoint encodes the whole state. Equal states have equal encodings, however they came about; call Advance with the
// same time on both before comparing.
func (p *Partition) AppendCheckpoint(b []byte) []byte {
	version := byte(checkpointVersion)
	if p.places.runs != nil {
		version = checkpointVersionPlaces
	}
	b = append(b, version)
	b = binary.AppendVarint(b, p.now)
	b = binary.AppendVarint(b, p.purged)
	b = appendSettings(b, p.settings)

	entries := slices.SortedFunc(maps.Values(p.entries.items), func(a, b *entry) int { return a.ref.Compare(b.ref) })
	b = binary.AppendUvarint(b, uint64(len(entries)))
	for _, e := range entries {
		b = p.appendEntry(b, e)
	}

	var groups []*group // with a tail
	for _, g := range p.groups.items {
		if !g.tail.empty() {
			groups = append(groups, g)
		}
	}
	slices.SortFunc(groups, func(a, b *group) int { return cmp.Compare(a.name, b.name) })
	b = binary.AppendUvarint(b, uint64(len(groups)))
	for _, g := range groups {
		b = appendString(b, g.name)
		b = appendTail(b, &g.tail)
	}

	b = binary.AppendUvarint(b, uint64(len(p.dedup.sends.live())))
	for i := range p.dedup.sends.live() {
		b = appendAccepted(b, &p.dedup.sends.live()[i])
	}

	b = binary.AppendUvarint(b, uint64(p.attempts.byAge.Len()))
	p.attempts.byAge.Scan(func(t *attempt) bool {
		b = appendAttempt(b, t)
		return true
	})

	origins := p.Unsettled()
	b = binary.AppendUvarint(b, uint64(len(origins)))
	for _, o := range origins {
		b = appendOrigin(b, o)
	}
	if p.places.runs != nil {
		b = p.places.append(b)
	}
	return b
}

func (p *Partition) appendEntry(b []byte, e *entry) []byte {
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
		return binary.AppendUvarint(b, uint64(p.moving[e]))
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
	if p.settings.FIFO {
		p.redelay(p.now)
	}
	p.refreshAll()
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
		a := accepted{group: r.string(), dedup: r.string(), ref: r.ref(), id: r.id(), at: r.varint()}
		r.require(i == 0 || last <= a.at)
		last = a.at
		p.dedup.remember(a)
	}
}

func (p *Partition) decodeAttempts(r *reader) {
	var last *attempt
	for range r.count(5) {
		t := &attempt{id: r.string(), at: r.varint()}
		for _, ref := range r.refs() {
			e, ok := p.entries.get(ref)
			r.require(ok && e.state == inFlight && e.attempt == nil && !slices.Contains(t.entries, e))
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

package queue

import (
	"slices"

	"github.com/tidwall/btree"
)

// A message group of a standard queue is noisy while it has at least noisyInFlight messages in flight and more than one in
// noisyShare of all that are (reference/sqs.md 10; AWS publishes these thresholds as approximate).
const (
	noisyInFlight = 30
	noisyShare    = 10
)

func lessByBusy(a, b *group) bool {
	if a.inFlight != b.inFlight {
		return a.inFlight > b.inFlight
	}
	return a.name < b.name
}

// noisy returns the noisy groups, most messages in flight first. There are never more than noisyShare of them.
func (p *Partition) noisy() []*group {
	var noisy []*group
	p.busy.Scan(func(g *group) bool {
		if int64(g.inFlight)*noisyShare <= p.stats.InFlight {
			return false
		}
		noisy = append(noisy, g)
		return true
	})
	return noisy
}

// pickStandard picks what a receive on a standard queue hands out: messages of quiet groups in the order of their places in line,
// then, if there are not enough, those of noisy groups, the group with fewest messages in flight first. Messages without a group
// are never noisy.
func (p *Partition) pickStandard(b *pick) {
	noisy := p.noisy()
	p.pickQuiet(b, noisy)
	for _, g := range slices.Backward(noisy) {
		c := newCursor(g)
		for !b.full() && c.next() {
			b.add(c.ref, g, c.receives)
		}
	}
}

// pickQuiet merges the groups that are not noisy, each of which is in order itself.
func (p *Partition) pickQuiet(b *pick, noisy []*group) {
	groups := p.ready.Iter()
	more := groups.First()
	var open []*cursor
	for !b.full() {
		for more && slices.Contains(noisy, groups.Item()) {
			more = groups.Next()
		}
		var first *cursor
		for _, c := range open {
			if first == nil || c.before(first.at, first.ref) {
				first = c
			}
		}
		if more && (first == nil || !first.before(groups.Item().readyAt, groups.Item().readyRef)) {
			first = newCursor(groups.Item())
			first.next()
			open = append(open, first)
			more = groups.Next()
			continue
		}
		if first == nil {
			return
		}
		b.add(first.ref, first.group, first.receives)
		if !first.next() {
			open = slices.DeleteFunc(open, func(c *cursor) bool { return c == first })
		}
	}
}

// cursor walks through the visible messages of a standard queue's group in the order of their places in line.
type cursor struct {
	group *group

	// The message that the cursor stands on.
	at       int64
	ref      Ref
	receives uint32

	extents  []extent // of the tail, from the next message on
	used     uint32   // messages of extents[0] that lie behind the cursor
	returned btree.IterG[*entry]
	more     bool // returned stands on an entry that comes next
}

func newCursor(g *group) *cursor {
	c := &cursor{group: g, extents: g.tail.live(), used: g.tail.used}
	if g.returned != nil {
		c.returned = g.returned.Iter()
		c.more = c.returned.First()
	}
	return c
}

// next moves to the next message and reports whether there is one.
func (c *cursor) next() bool {
	if len(c.extents) > 0 {
		x := &c.extents[0]
		at, ref := x.sent, Ref{Record: x.record, Index: x.index + c.used}
		if !c.more || !lessByTime(c.returned.Item(), &entry{at: at, ref: ref}) {
			c.at, c.ref, c.receives = at, ref, 0
			if c.used++; c.used == x.count {
				c.extents, c.used = c.extents[1:], 0
			}
			return true
		}
	}
	if !c.more {
		return false
	}
	e := c.returned.Item()
	c.at, c.ref, c.receives = e.at, e.ref, e.receives
	c.more = c.returned.Next()
	return true
}

// before reports whether the cursor's message comes before the given place in line.
func (c *cursor) before(at int64, ref Ref) bool {
	return c.at < at || c.at == at && c.ref.Compare(ref) < 0
}

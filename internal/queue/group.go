package queue

import (
	"slices"
	"strings"

	"github.com/tidwall/btree"
)

// group is a message group, or the messages of a standard queue that have none (the group ""). It exists while it has messages.
type group struct {
	name string
	// tail holds the messages that were never received and have no delay of their own, in order.
	tail tail
	// returned holds the visible entries of a standard queue by place in line; nil when there are none.
	returned *btree.BTreeG[*entry]
	// hot holds the entries of a FIFO queue in order of Ref. Invariant: all of them come before the tail.
	hot      []*entry
	entries  int // messages of this group that have an entry
	inFlight int
	saved    uint16 // the latest Snapshot that has the tail, or is older than the group

	// Place in Partition.ready while the group can hand out a message: that of its first one.
	ready    bool
	readyAt  int64
	readyRef Ref
	// Place in Partition.oldest while the tail has messages.
	aging     bool
	oldestRef Ref
	oldest    int64
}

func lessByReady(a, b *group) bool {
	if a.readyAt != b.readyAt {
		return a.readyAt < b.readyAt
	}
	return a.readyRef.Compare(b.readyRef) < 0
}

func lessByOldest(a, b *group) bool {
	if a.oldest != b.oldest {
		return a.oldest < b.oldest
	}
	return a.oldestRef.Compare(b.oldestRef) < 0
}

// group returns the group of that name, making it if need be. The caller calls refresh afterwards, which also forgets a group
// that is empty.
func (p *Partition) group(name string) *group {
	g, ok := p.groups.get(name)
	if !ok {
		g = &group{name: strings.Clone(name), saved: p.generation} // the caller's may be a part of a whole request
		p.groups.set(g.name, g)
	}
	return g
}

// refresh brings the indexes up to date after anything about the group has changed.
func (p *Partition) refresh(g *group) {
	if g.tail.empty() && g.entries == 0 {
		p.groups.delete(g.name)
	}
	at, ref, ready := p.head(g)
	if ready != g.ready || ready && (at != g.readyAt || ref != g.readyRef) {
		if g.ready {
			p.ready.Delete(g)
		}
		g.ready, g.readyAt, g.readyRef = ready, at, ref
		if ready {
			p.ready.Set(g)
		}
	}
	aging := !g.tail.empty()
	var oldest int64
	var oldestRef Ref
	if aging {
		x := g.tail.front()
		oldest, oldestRef = x.sent, x.first()
	}
	if aging != g.aging || aging && oldestRef != g.oldestRef {
		if g.aging {
			p.oldest.Delete(g)
		}
		g.aging, g.oldest, g.oldestRef = aging, oldest, oldestRef
		if aging {
			p.oldest.Set(g)
		}
	}
}

// head returns the place in line of the first message that the group can hand out now.
func (p *Partition) head(g *group) (at int64, ref Ref, ok bool) {
	if p.settings.FIFO {
		return p.headFIFO(g)
	}
	if !g.tail.empty() {
		x := g.tail.front()
		at, ref, ok = x.sent, x.first(), true
	}
	if g.returned != nil {
		e, _ := g.returned.Min()
		if !ok || e.at < at || e.at == at && e.ref.Compare(ref) < 0 {
			at, ref, ok = e.at, e.ref, true
		}
	}
	return at, ref, ok
}

func (g *group) addReturned(e *entry) {
	if g.returned == nil {
		g.returned = btree.NewBTreeGOptions(lessByTime, btree.Options{NoLocks: true, Degree: 16})
	}
	g.returned.Set(e)
}

func (g *group) removeReturned(e *entry) {
	g.returned.Delete(e)
	if g.returned.Len() == 0 {
		g.returned = nil
	}
}

// addHot adds an entry that has just left the tail: it comes after all others.
func (g *group) addHot(e *entry) { g.hot = append(g.hot, e) }

func (g *group) removeHot(e *entry) {
	i, found := slices.BinarySearchFunc(g.hot, e, func(a, b *entry) int { return a.ref.Compare(b.ref) })
	if found {
		g.hot = slices.Delete(g.hot, i, i+1)
	}
}

// countInFlight keeps the group's number of messages in flight, and the indexes by it.
func (p *Partition) countInFlight(g *group, n int) {
	if g.name != "" && !p.settings.FIFO && g.inFlight >= noisyInFlight {
		p.busy.Delete(g)
	}
	if g.inFlight == 0 {
		p.stats.GroupsInFlight++
	}
	g.inFlight += n
	if g.inFlight == 0 {
		p.stats.GroupsInFlight--
	}
	if g.name != "" && !p.settings.FIFO && g.inFlight >= noisyInFlight {
		p.busy.Set(g)
	}
}

// take makes the message that a change names an entry, out of line: from its entry, or from the front of the group's tail.
func (p *Partition) take(t Taken) *entry {
	if e, ok := p.entry(t.Ref); ok {
		if e.state != visible {
			panic("queue: a change takes message " + t.Ref.String() + ", which is not visible")
		}
		p.hide(e)
		return e
	}
	g, ok := p.groups.get(t.Group)
	if !ok || g.tail.empty() || g.tail.first() != t.Ref {
		panic("queue: a change takes message " + t.Ref.String() + ", which is not the first of its group")
	}
	p.saveTail(g)
	x := g.tail.front()
	g.tail.popMessage()
	p.stats.Visible--
	e := p.newEntry(g, t.Ref, x.sent)
	if x.arrival != nil {
		e.receives, e.firstReceived = x.arrival.receives, x.arrival.firstReceived
	}
	if p.settings.FIFO {
		g.addHot(e)
	}
	return e
}

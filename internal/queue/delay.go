package queue

import (
	"cmp"
	"math"
	"slices"
)

// delays holds the FIFO messages that the queue's delay still hides, in order of their sent time. Which messages are hidden
// follows from their sent time and the queue's delay alone; this list is there to count them and to notice the end.
type delays struct{ list[hidden] }

// hidden is a run of messages of one group with one sent time.
type hidden struct {
	group *group
	sent  int64
	count int64
}

// countSentFIFO counts a message that has just been pushed to the tail of a FIFO queue.
func (p *Partition) countSentFIFO(g *group, sent, now int64) {
	if sent+p.settings.Delay <= now {
		p.stats.Visible++
		return
	}
	p.stats.Delayed++
	if !p.delays.empty() {
		if last := p.delays.last(); last.group == g && last.sent == sent {
			last.count++
			return
		}
	}
	p.delays.push(hidden{group: g, sent: sent, count: 1})
}

// advanceDelays shows what the delay does not hide any more, and reports whether the budget was enough for all of it.
func (p *Partition) advanceDelays(now int64, b *budget) bool {
	for !p.delays.empty() && p.delays.front().sent+p.settings.Delay <= now {
		if !b.spend() {
			return false
		}
		p.refresh(p.unhide())
	}
	return true
}

// unhide counts the messages that have been hidden longest as visible. Their group is not refreshed.
func (p *Partition) unhide() *group {
	h := *p.delays.front()
	p.delays.pop()
	p.stats.Delayed -= h.count
	p.stats.Visible += h.count
	return h.group
}

func (p *Partition) nextDelay() int64 {
	if p.delays.empty() {
		return math.MaxInt64
	}
	return p.delays.front().sent + p.settings.Delay
}

// hideAgain hides what the queue's delay hides beyond what it hid before, after it has grown. All groups must be refreshed.
func (p *Partition) hideAgain(now int64) {
	before := int64(math.MaxInt64) // what was sent from then on is hidden
	if !p.delays.empty() {
		before = p.delays.front().sent
	}
	var again []hidden
	p.oldest.Scan(func(g *group) bool { // in about the order that again is to have: sorting it then is quick
		for i := len(g.tail.live()) - 1; i >= 0; i-- {
			x := g.tail.at(i)
			if x.sent+p.settings.Delay <= now {
				break
			}
			if x.arrival == nil && x.sent < before {
				again = append(again, hidden{group: g, sent: x.sent, count: int64(x.count)})
			}
		}
		return true
	})
	slices.SortFunc(again, func(a, b hidden) int {
		return cmp.Or(cmp.Compare(a.sent, b.sent), a.group.oldestRef.Compare(b.group.oldestRef))
	})
	for _, h := range again {
		p.stats.Visible -= h.count
		p.stats.Delayed += h.count
		p.refresh(h.group)
	}
	p.delays = delays{list[hidden]{items: append(again, p.delays.live()...)}}
}

package queue

import (
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

// redelay works out anew which messages a FIFO queue's delay hides, after the delay has changed.
func (p *Partition) redelay(now int64) {
	p.delays = delays{}
	var runs []hidden
	var total int64
	for _, g := range p.groups.items {
		for i := range g.tail.live() {
			x := g.tail.at(i)
			total += int64(x.count)
			if x.arrival == nil && x.sent+p.settings.Delay > now {
				runs = append(runs, hidden{group: g, sent: x.sent, count: int64(x.count)})
			}
		}
	}
	slices.SortFunc(runs, func(a, b hidden) int {
		switch {
		case a.sent != b.sent && a.sent < b.sent:
			return -1
		case a.sent != b.sent:
			return 1
		case a.group.name < b.group.name:
			return -1
		case a.group.name > b.group.name:
			return 1
		}
		return 0
	})
	entries := p.stats.Visible + p.stats.Delayed - total // visible entries
	p.stats.Delayed = 0
	for _, h := range runs {
		p.delays.push(h)
		p.stats.Delayed += h.count
	}
	p.stats.Visible = entries + total - p.stats.Delayed
	p.refreshAll()
}

func (p *Partition) refreshAll() {
	for _, g := range p.groups.items {
		p.refresh(g)
	}
}

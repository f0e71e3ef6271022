package queue

import "math"

// oldestSent returns the smallest sent time of all messages.
func (p *Partition) oldestSent() (at int64, ok bool) {
	at = math.MaxInt64
	if e, found := p.bySent.Min(); found {
		at, ok = e.sent, true
	}
	if g, found := p.oldest.Min(); found {
		at, ok = min(at, g.oldest), true
	}
	return at, ok
}

func (p *Partition) nextExpiry() int64 {
	if at, ok := p.oldestSent(); ok {
		return at + p.settings.Retention
	}
	return math.MaxInt64
}

// expireMessages removes what is past its retention, in whatever state it is (reference/sqs.md 7.6), and reports whether the budget
// was enough for all of it.
func (p *Partition) expireMessages(now int64, b *budget) bool {
	limit := now - p.settings.Retention
	for {
		e, ok := p.bySent.Min()
		if !ok || e.sent > limit {
			break
		}
		if !b.spend() {
			return false
		}
		p.remove(e)
	}
	// What a FIFO queue's delay still hides is counted as visible first, so that below all of a tail is.
	for !p.delays.empty() && p.delays.front().sent <= limit {
		if !b.spend() {
			return false
		}
		p.unhide()
	}
	for {
		g, ok := p.oldest.Min()
		if !ok || g.oldest > limit {
			return true
		}
		if !b.spend() {
			return false
		}
		p.saveTail(g)
		p.stats.Visible -= int64(g.tail.front().count)
		g.tail.popExtent()
		p.refresh(g)
	}
}

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

// expireMessages removes what is past its retention, in whatever state it is (reference/sqs.md 7.6).
func (p *Partition) expireMessages(now int64) {
	limit := now - p.settings.Retention
	for {
		e, ok := p.bySent.Min()
		if !ok || e.sent > limit {
			break
		}
		p.remove(e)
	}
	for {
		g, ok := p.oldest.Min()
		if !ok || g.oldest > limit {
			break
		}
		x := g.tail.front()
		if p.tailVisible(x) {
			p.stats.Visible -= int64(x.count)
		} else {
			p.stats.Delayed -= int64(x.count)
		}
		p.places.drop(x.first(), x.count)
		g.tail.popExtent()
		p.refresh(g)
	}
	for !p.delays.empty() && p.delays.front().sent <= limit {
		p.delays.pop()
	}
}

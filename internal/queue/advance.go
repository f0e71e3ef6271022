package queue

import "math"

// Advance brings the state to the time now: ends delays and visibility timeouts, removes what is past its retention, forgets old
// deduplication and attempt IDs. now must not go back. Calling it more or less often makes no difference to later states.
func (p *Partition) Advance(now int64) { p.AdvanceSome(now, math.MaxInt) }

// AdvanceSome does of Advance(now) what costs about as much as so many messages, and returns what is left of that number and whether
// now is reached. Until it is, the only thing to do with the partition is to call it or Advance again, now or at a later time: that gives the same
// state as doing all at once. Snapshots may be taken meanwhile.
func (p *Partition) AdvanceSome(now int64, messages int) (left int, done bool) {
	p.now = now
	b := budget(messages)
	done = p.endDeadlines(now, &b) && p.advanceDelays(now, &b) && p.expireMessages(now, &b) &&
		p.dedup.expire(now, &b) && p.attempts.expire(now, &b)
	return int(b), done
}

// endDeadlines shows the entries whose delay or visibility timeout is over, and reports whether the budget was enough for all of
// them.
func (p *Partition) endDeadlines(now int64, b *budget) bool {
	for {
		e, ok := p.deadlines.Min()
		if !ok || e.at > now {
			return true
		}
		if !b.spend() {
			return false
		}
		until := e.at
		p.hide(e)
		p.show(e, p.place(e, until))
		p.refresh(e.group)
	}
}

// budget is how much of what time has brought may still be done.
type budget int

func unlimited() *budget {
	b := budget(math.MaxInt)
	return &b
}

func (b *budget) spend() bool {
	if *b <= 0 {
		return false
	}
	*b--
	return true
}

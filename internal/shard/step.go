package shard

import (
	"slices"
	"time"

	"github.com/staunchmq/staunch/internal/queue"
)

// stepMax bounds what one step does, so that a record that has landed does not wait long to be followed by the next.
const stepMax = 1024

// step lets time pass and decides what waits to be decided, as far as the records have room and for stepMax things at the most. It
// does not block.
func (s *Shard) step() {
	s.tick()
	s.endWaits()
	forLate := (s.options.TurnMessagesMax + 1) / 2
	s.catchUpLeft = forLate
	s.catchUp()
	s.catchUpLeft += s.options.TurnMessagesMax - forLate // so that partitions that are on time stay so
	for n := 0; n < stepMax && s.hasRoom() && s.next(); n++ {
		if s.building.full() {
			s.flush()
		}
	}
}

// next does one thing and reports whether there was any to do. What time has brought comes first, then the receives that have
// waited, then requests in order of arrival: so a request never overtakes a waiting receive.
func (s *Shard) next() bool {
	s.tick()
	if p, ok := s.timers.Min(); ok && p.deadline <= s.now() {
		if s.advance(p) {
			s.leave(p)
		}
		return true
	}
	if len(s.servable) > 0 && !s.stuck() {
		s.serve(s.servable[0])
		return true
	}
	return s.decideNext()
}

// decideNext decides one request, and reports whether there was any. Before it any number may be found to be behind, which costs next
// to nothing: those to one partition hold up no others.
func (s *Shard) decideNext() bool {
	for s.pending.len() > 0 {
		if s.decide(s.pending.pop()) {
			return true
		}
	}
	return false
}

// decide decides a request, and reports whether it could: it is put behind if its partition is late.
func (s *Shard) decide(r request) bool {
	s.deciding = r
	s.decidedBytes += int64(r.size())
	behind := s.isBehind(r)
	switch {
	case behind:
		s.behind = append(s.behind, r)
		s.decidedBytes -= int64(r.size())
	case s.refuses(r):
		r.answer(ErrDiskFull)
	default:
		r.decide(s)
		s.building.grows = s.building.grows || grows(r)
	}
	s.deciding = nil
	return !behind
}

// tick lets log time pass to now. It is called between decisions, never in the middle of one: what is decided has one time, and
// every operation on a partition comes after an Advance to it. The record says when its time moves on, so that replay sees what
// was seen when its changes were decided.
//
// Log time follows the clock; when the clock is set back it goes on from where it was.
func (s *Shard) tick() {
	now := s.options.Clock.Now()
	passed := max(0, now.Sub(s.ticked))
	s.ticked = now
	s.logTime = max(s.logTime+int64(passed), now.UnixNano())
	s.building.time = s.logTime / int64(time.Millisecond)
}

// now returns the log time in Unix ms.
func (s *Shard) now() int64 { return s.building.time }

// advance brings a partition to the present log time if catchUpLeft is enough for that, and reports whether it is there. If not, it is
// late: other partitions are served before it goes on, and requests to it wait.
func (s *Shard) advance(p *partition) bool {
	if p.late {
		return false
	}
	left, done := p.AdvanceSome(s.now(), s.catchUpLeft)
	s.catchUpLeft = left
	if !done {
		p.late = true
		s.late = append(s.late, p)
		s.retime(p)
	}
	return done
}

// catchUp goes on with the partitions that are late as far as catchUpLeft is enough, first with the one that has been late for longest.
// Those that are not late any more are given their requests.
func (s *Shard) catchUp() {
	before := len(s.late)
	for len(s.late) > 0 && s.catchUpLeft > 0 {
		p := s.late[0]
		left, done := p.AdvanceSome(s.now(), s.catchUpLeft)
		s.catchUpLeft = left
		s.late = s.late[1:]
		if !done {
			s.late = append(s.late, p)
			break
		}
		p.late = false
		s.leave(p)
	}
	if len(s.late) < before {
		s.rejoinOnTime()
	}
}

// rejoinOnTime lets requests that were behind, to partitions that are not late any more, be decided before those that came in later. With a
// fence among them all are looked at again, so that it keeps its place.
func (s *Shard) rejoinOnTime() {
	if slices.ContainsFunc(s.behind, func(r request) bool { _, ok := r.(*fence); return ok }) {
		s.rejoinPending()
		return
	}
	var onTime []request
	s.behind = slices.DeleteFunc(s.behind, func(r request) bool {
		if p := s.partitionOf(r); p != nil && p.late {
			return false
		}
		onTime = append(onTime, r)
		return true
	})
	if len(onTime) > 0 {
		s.pending.putBack(onTime)
	}
}

// rejoinPending lets all requests that were behind be decided before those that came in later.
func (s *Shard) rejoinPending() {
	s.pending.putBack(s.behind)
	s.behind = nil
}

// isBehind reports whether a request is to a partition that is late, or a fence behind such a request.
func (s *Shard) isBehind(r request) bool {
	if _, ok := r.(*fence); ok {
		return len(s.behind) > 0
	}
	p := s.partitionOf(r)
	return p != nil && !s.advance(p)
}

// partitionOf returns the partition that a request is to, if it is to one and that exists.
func (s *Shard) partitionOf(r request) *partition {
	t, ok := r.(interface{ addressee() queue.ID })
	if !ok {
		return nil
	}
	return s.partitions[t.addressee()]
}

// enter prepares a partition for an operation, and returns the time for it.
func (s *Shard) enter(p *partition) int64 {
	now := s.now()
	p.Advance(now)
	return now
}

// leave follows everything that may have changed the partition.
func (s *Shard) leave(p *partition) {
	if !p.servable && p.waiters.first != nil && p.CanReceive() {
		p.servable = true
		s.servable = append(s.servable, p)
	}
	s.retime(p)
}

// retime gives the partition its place among the timers.
func (s *Shard) retime(p *partition) {
	at, ok := p.Deadline()
	ok = ok && !p.late
	if ok == p.timed && (!ok || at == p.deadline) {
		return
	}
	if p.timed {
		s.timers.Delete(p)
	}
	p.deadline, p.timed = at, ok
	if ok {
		s.timers.Set(p)
	}
}

func lessByTimer(a, b *partition) bool {
	if a.deadline != b.deadline {
		return a.deadline < b.deadline
	}
	return a.ID() < b.ID()
}

// hold lets the answer of a request wait until the record that is being built, and with it all before it, is durable.
func (s *Shard) hold(r request) { s.building.requests = append(s.building.requests, r) }

// mayFlush reports whether it is the turn of the record that is being built: none is on its way, or one is and this one is large.
func (s *Shard) mayFlush() bool {
	return s.flights == 0 || s.flights < flightsMax && s.building.builder.Len() >= flushBytes
}

// hasRoom reports whether something more may be decided: the record that is being built has room, or can go. Before a checkpoint
// there is no room until everything has landed.
func (s *Shard) hasRoom() bool {
	return !s.checkpointDue() && (!s.building.full() || s.mayFlush())
}

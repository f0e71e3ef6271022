package shard

import (
	"cmp"
	"slices"

	"github.com/staunchmq/staunch/internal/queue"
)

// waiterList holds the waiting receives of one partition in order of arrival. It is linked through the receives themselves, so
// that one that gives up is taken out at once.
type waiterList struct {
	first, last *receive
}

func (l *waiterList) push(w *receive) {
	w.prev = l.last
	if l.last == nil {
		l.first = w
	} else {
		l.last.next = w
	}
	l.last = w
}

func (l *waiterList) remove(w *receive) {
	if w.prev == nil {
		l.first = w.next
	} else {
		w.prev.next = w.next
	}
	if w.next == nil {
		l.last = w.prev
	} else {
		w.next.prev = w.prev
	}
	w.prev, w.next = nil, nil
}

func lessByWaitEnd(a, b *receive) bool {
	if !a.waitEnd.Equal(b.waitEnd) {
		return a.waitEnd.Before(b.waitEnd)
	}
	return a.number < b.number
}

// attemptKey names a receive request attempt.
type attemptKey struct {
	partition queue.ID
	id        string
}

func (r *receive) attempt() attemptKey { return attemptKey{r.partition, r.options.Attempt} }

// park lets the receive wait until its partition has something for it.
func (s *Shard) park(p *partition, w *receive) {
	s.waiterSeq++
	w.number = s.waiterSeq
	w.parked = p
	p.waiters.push(w)
	s.waiters.Set(w)
	if w.options.Attempt != "" {
		s.attempts[w.attempt()] = w
	}
	s.waiting.Add(1)
}

func (s *Shard) unpark(w *receive) {
	w.parked.waiters.remove(w)
	w.parked = nil
	s.waiters.Delete(w)
	delete(s.attempts, w.attempt())
	s.waiting.Add(-1)
}

// serve gives the first waiting receive of a servable partition what there is. First come, first served.
func (s *Shard) serve(p *partition) {
	if !s.advance(p) {
		s.served(p)
		return
	}
	w := p.waiters.first
	if w == nil || !p.CanReceive() {
		s.served(p)
		return
	}
	s.deciding = w
	switch {
	case w.ctx.Err() != nil:
		s.unpark(w)
		w.answer(w.ctx.Err())
	case !p.fit(w):
		// The others go on waiting: the next operation on the partition, this client's next receive for one, looks again.
		s.unpark(w)
		w.answer(ErrOverloaded)
		s.served(p)
	case s.receive(p, w):
		s.unpark(w)
		s.hold(w)
	default:
		s.served(p)
	}
	s.deciding = nil
	s.retime(p)
}

// served takes the first partition out of the servable ones.
func (s *Shard) served(p *partition) {
	p.servable = false
	s.servable[0] = nil
	s.servable = s.servable[1:]
}

// endWaits answers the receives whose wait is over.
func (s *Shard) endWaits() {
	for {
		w, ok := s.waiters.Min()
		if !ok || w.waitEnd.After(s.options.Clock.Now()) {
			return
		}
		s.unpark(w)
		w.answer(nil)
	}
}

// endAllWaits answers every waiting receive: empty, or with the error.
func (s *Shard) endAllWaits(err error) {
	for _, w := range s.takeWaiting() {
		w.answer(err)
	}
}

// takeWaiting takes out all waiting receives, and returns them in order of arrival.
func (s *Shard) takeWaiting() []*receive {
	waiting := s.waiters.Items()
	for _, w := range waiting {
		s.unpark(w)
	}
	slices.SortFunc(waiting, func(a, b *receive) int { return cmp.Compare(a.number, b.number) })
	return waiting
}

// rejoin lets receives that waited before the state was built anew go on waiting.
func (s *Shard) rejoin(waiting []*receive) {
	for _, w := range waiting {
		p := s.partitions[w.partition]
		if p == nil {
			w.answer(ErrNoPartition)
			continue
		}
		s.park(p, w)
		s.leave(p)
	}
}

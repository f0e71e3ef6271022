package shard

import (
	"context"
	"time"

	"github.com/staunchmq/staunch/internal/journal"
)

// Run serves requests until ctx ends. Then waiting receives are answered empty, what has come in is decided, committed and
// answered, and Run returns nil. It returns an error when the shard cannot go on: its journal failed, or cannot be replayed. When
// it returns, every request has been answered, and nothing that it started is running. It is called once.
func (s *Shard) Run(ctx context.Context) error {
	committed := make(chan struct{})
	go func() {
		defer close(committed)
		s.commit()
	}()
	err := s.loop(ctx)
	s.refuseAll()
	close(s.committer)
	<-committed
	s.saving.Wait()
	return err
}

func (s *Shard) loop(ctx context.Context) error {
	timer := s.options.Clock.NewTimer(sleepMax)
	defer timer.Stop()
	for {
		if err := s.turn(); err != nil {
			return err
		}
		if s.hasWork() {
			continue
		}
		timer.Reset(s.untilNext())
		select {
		case <-s.wake:
		case <-timer.C():
		case <-ctx.Done():
			return s.drain()
		}
	}
}

// drain ends the loop: everything that has come in is decided and committed, and nothing more is taken in.
func (s *Shard) drain() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.noWaits = true
	for {
		s.endAllWaits(nil)
		s.endRewrite(ErrUnavailable)
		if err := s.turn(); err != nil {
			return err
		}
		switch {
		case s.hasWork():
		case s.flights > 0 || s.checkpointing || s.pending.len() > 0 || len(s.behind) > 0:
			<-s.wake
		default:
			return nil
		}
	}
}

// turn does what can be done now.
func (s *Shard) turn() (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = s.panicked(v)
		}
	}()
	s.take()
	if err := s.land(); err != nil {
		return err
	}
	s.lookWhatHasGone()
	s.look()
	s.lookAtRewrite()
	s.lookAtPlan()
	s.maybeCheckpoint()
	s.collect()
	s.clean()
	s.step()
	s.flush()
	s.release()
	s.panics = 0
	return nil
}

// release makes room for new requests: those that were decided do not count any more.
func (s *Shard) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inboxBytes -= s.decidedBytes
	s.decidedBytes = 0
}

// take moves what has come in to pending.
func (s *Shard) take() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inbox = s.pending.refill(s.inbox)
}

// hasWork reports whether another turn would get further without anything happening meanwhile.
func (s *Shard) hasWork() bool {
	return s.collecting != nil ||
		s.hasRoom() && (s.pending.len() > 0 || len(s.late) > 0 || len(s.servable) > 0 && !s.stuck())
}

// sleepMax is how long the loop sleeps when nothing at all is due.
const sleepMax = time.Hour

// untilNext returns how long the loop may sleep.
func (s *Shard) untilNext() time.Duration {
	s.tick()
	d := time.Duration(sleepMax)
	// Without room something is on its way whose landing wakes the loop.
	if s.hasRoom() {
		if p, ok := s.timers.Min(); ok {
			d = min(d, s.untilLogTime(p.deadline))
		}
		if s.nothingFits && s.now() < s.fullUntil {
			d = min(d, s.untilLogTime(s.fullUntil))
		}
	}
	if s.room != journal.RoomForAll {
		d = min(d, fullPause) // there may be room again by itself, or a checkpoint to take
	}
	if s.mayClean() {
		d = min(d, s.cleaning.nextAt.Sub(s.options.Clock.Now()))
	}
	if s.rewriteWaits() && s.checkpointHeld {
		d = min(d, s.retryAfter.Sub(s.options.Clock.Now()))
	}
	if w, ok := s.waiters.Min(); ok {
		d = min(d, w.waitEnd.Sub(s.options.Clock.Now()))
	}
	if s.mayReclaim() {
		d = min(d, s.reclaimAt.Sub(s.options.Clock.Now()))
	}
	return max(d, 0)
}

// untilLogTime returns how long it is to the given log time, in Unix ms, or about sleepMax if that is longer.
func (s *Shard) untilLogTime(at int64) time.Duration {
	ms := min(at-s.now(), sleepMax.Milliseconds())
	return time.Duration(ms)*time.Millisecond - time.Duration(s.logTime%int64(time.Millisecond))
}

// pendingRequests are requests in order of arrival.
type pendingRequests struct {
	requests []request
	head     int // requests[:head] are decided
}

func (p *pendingRequests) len() int { return len(p.requests) - p.head }

func (p *pendingRequests) pop() request {
	r := p.requests[p.head]
	p.requests[p.head] = nil
	p.head++
	return r
}

// putBack puts requests before all others.
func (p *pendingRequests) putBack(requests []request) {
	p.requests, p.head = append(requests, p.requests[p.head:]...), 0
}

// arrayMax is the capacity up to which the arrays of the inbox are used again; larger ones, from a burst, are let go.
const arrayMax = 16 << 10

// refill adds what is in the inbox, and returns an empty inbox.
func (p *pendingRequests) refill(inbox []request) []request {
	if p.len() > 0 {
		if p.head >= p.len() { // copying no more than was decided: O(1) per request
			n := copy(p.requests, p.requests[p.head:])
			clear(p.requests[n:])
			p.requests, p.head = p.requests[:n], 0
		}
		p.requests = append(p.requests, inbox...)
		clear(inbox)
		return inbox[:0]
	}
	empty := p.requests[:0]
	if cap(empty) > arrayMax {
		empty = nil
	}
	p.requests, p.head = inbox, 0
	return empty
}

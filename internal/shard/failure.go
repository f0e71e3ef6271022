package shard

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/staunchmq/staunch/internal/journal"
)

// fullPause is how long requests are refused after the disk was full, before one is tried again. Each try that fails costs a
// replay.
const fullPause = time.Second

// filled notes that the disk is full. The journal refused a record that brought something new (grows), or even one that did not:
// then nothing at all is tried for a while. A checkpoint lets the journal be trimmed, which may be what makes room.
func (s *Shard) filled(grows bool) {
	s.tick()
	s.fullUntil = s.now() + fullPause.Milliseconds()
	s.retryAfter = time.Time{}
	s.nothingFits = !grows
	if s.sinceCheckpoint > 0 {
		s.sinceCheckpoint = max(s.sinceCheckpoint, s.options.CheckpointBytes)
	}
}

// look asks the journal what it has room for. When that is not everything, checkpoints come more often, because they let the
// journal be trimmed, but with pauses: at most a tenth of the time goes into them.
func (s *Shard) look() {
	s.room = journal.RoomOf(s.options.Journal)
	now := s.options.Clock.Now()
	s.checkpointEarly = s.room != journal.RoomForAll && s.sinceCheckpoint > 0 && !now.Before(s.earlyAfter)
	s.checkpointHeld = now.Before(s.retryAfter)
}

// stuck reports whether the disk is so full, or was a moment ago, that nothing can be changed.
func (s *Shard) stuck() bool {
	return s.room == journal.NoRoom || s.nothingFits && s.now() < s.fullUntil
}

// refuses reports whether a request is not even tried, because there is no room for it or was none a moment ago.
func (s *Shard) refuses(r request) bool {
	switch {
	case s.stuck():
		return !reads(r)
	case s.room == journal.RoomToFree, s.now() < s.fullUntil:
		return grows(r)
	}
	return false
}

// grows reports whether a request brings something new. When the disk is nearly full, such requests are refused while others go on.
// Settings of a partition are none of them: its queue was created while there was room.
func grows(r request) bool {
	switch r := r.(type) {
	case *send, *arrive, *beginMove: // what begins to move has to arrive
		return true
	case *define:
		return r.grows
	default:
		return false
	}
}

// reads reports whether a request never changes anything.
func reads(r request) bool {
	switch r.(type) {
	case *statistics, *locate, *allStatistics, *listPartitions, *listMoving, *listUnsettled, *fence, *giveUp, *stopWaiting, *rewrite, *stillMoving:
		return true
	default:
		return false
	}
}

// panicsMax is how many turns in a row may panic with nobody to blame.
const panicsMax = 3

// panicked follows a panic in a turn: the state cannot be trusted, so it is built anew from the journal. The request that was
// being decided is not tried again.
func (s *Shard) panicked(v any) error {
	s.log.Error("panic in a shard; replaying its journal", "panic", fmt.Sprint(v), "stack", string(debug.Stack()))
	if s.options.Observed.Panicked != nil {
		s.options.Observed.Panicked()
	}
	s.answerBuilding(ErrUnavailable)
	if r := s.deciding; r != nil {
		s.deciding = nil
		s.panics = 0
		s.abandon(r)
	}
	if s.panics++; s.panics > panicsMax {
		return fmt.Errorf("shard %d: panics again and again: %v", s.options.ID, v)
	}
	return s.reset(ErrUnavailable)
}

// abandon answers the request that was being decided, wherever that ended.
func (s *Shard) abandon(r request) {
	if w, ok := r.(*receive); ok && w.parked != nil {
		s.unpark(w)
	}
	if !r.answered() {
		r.answer(ErrUnavailable)
	}
}

// reset drops the state and builds it anew from the journal. Who waits for the record that was being built hears the error;
// waiting receives go on waiting.
func (s *Shard) reset(err error) error {
	s.answerBuilding(err)
	if s.collecting != nil {
		s.collecting, s.checkpointing = nil, false // given up: it may be of the state that is dropped
	}
	waiting := s.takeWaiting()
	replayErr := s.awaitFlights()
	if replayErr == nil {
		s.cache.clear()
		replayErr = s.replay(context.Background())
	}
	if replayErr != nil {
		for _, w := range waiting {
			w.answer(ErrUnavailable)
		}
		return replayErr
	}
	s.rejoin(waiting)
	s.rejoinPending()
	s.rouse() // the wake-up of something that came in meanwhile may have been used up in here
	return nil
}

// awaitFlights waits until nothing is on its way. What was appended behind a failed record fails too.
func (s *Shard) awaitFlights() error {
	for s.flights > 0 {
		if _, _, err := s.landings(); err != nil {
			return err
		}
		if s.flights > 0 {
			<-s.wake
		}
	}
	return nil
}

// answerBuilding answers who waits for the record that is being built.
func (s *Shard) answerBuilding(err error) {
	if s.building != nil {
		answerAll(s.building.requests, err)
		s.building.requests = nil
	}
}

// refuseAll answers what will not be decided any more, and lets nothing more in.
func (s *Shard) refuseAll() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.take()
	s.rejoinPending()
	for s.pending.len() > 0 {
		s.pending.pop().answer(ErrUnavailable)
	}
	s.answerBuilding(ErrUnavailable)
	s.endAllWaits(ErrUnavailable)
	s.endRewrite(ErrUnavailable)
}

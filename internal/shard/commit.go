package shard

import (
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/staunchmq/staunch/internal/journal"
)

// flightsMax is how many records can be on their way at once: the CPU works on the next while the disk syncs this one.
const flightsMax = 2

// flight is a record on its way to the disk.
type flight struct {
	*record
	bytes   int
	started time.Time
	pending journal.Pending
}

// landing is what became of a flight, of a checkpoint or of a read for cleaning.
type landing struct {
	err        error
	grows      bool // as in the record
	checkpoint bool
	cleaning   *cleaning // something was read for it, or the checkpoint plans it

	// Of the checkpoint: its number, the bytes of records that it covers and the one before does not, how long it took, and the newest
	// record that was trimmed. Of cleaning: the bytes that were read.
	seq     journal.Seq
	bytes   int64
	took    time.Duration
	trimmed journal.Seq
}

// flush hands the record that is being built to the journal if it is its turn.
func (s *Shard) flush() {
	b := s.building
	if b.empty() || !s.mayFlush() {
		return
	}
	if b.builder.Changes() == 0 {
		if s.flights == 0 {
			// Nothing has changed, and everything that the answers depend on is durable.
			answerAll(b.requests, nil)
			clear(b.requests)
			b.requests = b.requests[:0]
		}
		return
	}
	sealed, err := b.builder.Seal()
	if err != nil {
		panic(err) // a record that is too large: requests are bounded, so this is a defect
	}
	rec := sealed
	if cap(sealed) <= buildingBytesMax { // newRecord uses the memory again
		rec = slices.Clone(sealed)
	}
	expect := s.last
	s.last, s.lastHash, s.lastEpoch = b.builder.Header.Seq, journal.Hash(rec), b.builder.Header.Epoch
	s.sinceCheckpoint += int64(len(rec))
	s.ledger.add(s.last, rec)
	s.journalBytes.Store(s.ledger.bytes)
	s.cache.add(s.last, rec)
	f := &flight{record: b, bytes: len(rec), started: s.options.Clock.Now()}
	f.pending = s.options.Journal.Append(expect, rec)
	s.newRecord()
	s.flights++
	s.committer <- f // has room for flightsMax
}

// buildingBytesMax is the capacity up to which the memory of a record is used to build the next.
const buildingBytesMax = 2 * flushBytes

// newRecord begins the record after the last, in the memory in which that was built, unless that is large: flush has made a copy. A record that
// grows in memory of its own would cost 3 % of the server's CPU in round trips in memory, and half as many bytes again to allocate.
func (s *Shard) newRecord() {
	var held int
	var memory []byte
	if s.building != nil {
		held = len(s.building.requests)
		if memory = s.building.builder.Buf; cap(memory) > buildingBytesMax {
			memory = nil
		}
		s.building.builder.Buf = nil
	}
	s.building = &record{requests: make([]request, 0, held), time: s.logTime / int64(time.Millisecond)}
	s.building.builder.Reset(memory, journal.Header{
		Shard: s.options.ID,
		Epoch: s.epoch,
		Seq:   s.last + 1,
		Prev:  s.lastHash,
	})
}

// commit settles the flights in their order. It is the only place where requests that changed something are answered with success.
func (s *Shard) commit() {
	for f := range s.committer {
		s.settle(f)
	}
}

// settle waits until a record is durable, applies the definitions in it and answers.
func (s *Shard) settle(f *flight) {
	err := f.pending.Wait()
	if err == nil && s.options.Observed.Appended != nil {
		s.options.Observed.Appended(f.bytes, s.options.Clock.Now().Sub(f.started))
	}
	if err == nil && s.defineErr == nil {
		s.defineErr = s.define(f.definitions)
	}
	if err == nil {
		err = s.defineErr
	}
	answerAll(f.requests, clientError(err))
	s.tell(landing{err: err, grows: f.grows})
}

// define applies changes of the Definitions.
func (s *Shard) define(changes [][]byte) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("apply a definition: panic: %v\n%s", v, debug.Stack())
		}
	}()
	for _, c := range changes {
		if err := s.options.Definitions.Apply(c); err != nil {
			return fmt.Errorf("apply a definition: %w", err)
		}
	}
	return nil
}

// clientError returns what a client hears of a failed append.
func clientError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, journal.ErrFull):
		return ErrDiskFull
	default:
		return ErrUnavailable
	}
}

func (s *Shard) tell(l landing) {
	s.mu.Lock()
	s.landed = append(s.landed, l)
	s.mu.Unlock()
	s.rouse()
}

// rouse wakes the loop.
func (s *Shard) rouse() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// land takes in what has landed. After a record that failed, the state has changes that are not in the journal: with a full disk
// it is built anew; any other failure ends the shard.
func (s *Shard) land() error {
	full, grows, err := s.landings()
	if err != nil || !full {
		return err
	}
	s.log.Error("the disk is full")
	if err := s.reset(ErrDiskFull); err != nil {
		return err
	}
	s.filled(grows)
	return nil
}

// landings counts what has landed. It reports whether the disk was full, and whether the records that were refused for that
// brought anything new. Any other failure is the error.
func (s *Shard) landings() (full, grows bool, err error) {
	s.mu.Lock()
	landed := s.landed
	s.landed = nil
	s.mu.Unlock()
	for _, l := range landed {
		switch {
		case l.checkpoint:
			s.checkpointed(l)
			continue
		case l.cleaning != nil:
			s.foundSome(l)
			continue
		case errors.Is(l.err, journal.ErrFull):
			full, grows = true, grows || l.grows
		case l.err != nil && err == nil:
			err = fmt.Errorf("shard %d: the journal failed: %w", s.options.ID, l.err)
		}
		s.flights--
	}
	return full, grows, err
}

package shard

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/bits"
	"time"

	"github.com/staunchmq/staunch/internal/journal"
	"github.com/staunchmq/staunch/internal/queue"
)

// A journal is trimmed up to the oldest record with a live message. A message that stays while all round it go would hold on to the whole
// journal, so such messages are copied forward (queue.Copied), the oldest first, when less than half of the journal is live. A message costs
// at most one copy for as much as the journal has grown since the last: the disk holds less than twice what is live, and what lies between
// three checkpoints.
//
// The goroutine that saves a checkpoint surveys what is live, and plans. Another reads records; the loop looks what of them is still live, at
// most one small batch a turn and so many bytes a second. The checkpoints that follow let the journal be trimmed.

const (
	// cleanBatchBytes is how much is copied into one record. It has to be little beside what a busy shard commits at once.
	cleanBatchBytes = 64 << 10
	// cleanReadBytes is how much is read at once, or one record.
	cleanReadBytes = 256 << 10
	// cleanLooks is how many messages of old records are looked up at once.
	cleanLooks = 1024
	// sparseTimes: while room is scarce, only what frees so many times what it takes is copied.
	sparseTimes = 8
)

// cleaning is a plan that is being carried out.
type cleaning struct {
	records seqSet // with live messages, not read yet
	sparse  bool   // it frees sparseTimes more than it takes
	reading bool
	found   []foundMessage // in records that were read, not looked at
	nextAt  time.Time
	copied  int64    // bytes
	rewrite *rewrite // that the plan is for; nil: to trim the journal
}

// foundMessage is a message as a record has it. It may have gone, or been copied elsewhere.
type foundMessage struct {
	partition queue.ID
	ref, at   queue.Ref
	message   queue.Message
	bytes     int64
	err       error // why the content cannot be rewritten
}

// survey is what of the journal is live at a checkpoint.
type survey struct {
	needed journal.Seq // the oldest record with a live message, or the one after the newest
	live   []int64     // messages, by block of the ledger
	bytes  int64       // of all live messages, an estimate
}

// survey looks at the state, of which all is collected.
func (c *collection) survey() survey {
	v := survey{needed: c.seq + 1, live: make([]int64, len(c.ledger.blocks))}
	for run := range c.messages() {
		seq := journal.Seq(run.At.Record)
		v.needed = min(v.needed, seq)
		if i, ok := c.ledger.find(seq); ok {
			v.live[i] += int64(run.Count)
		}
	}
	for i, n := range v.live {
		v.bytes += c.ledger.liveBytes(i, n)
	}
	return v
}

// messages iterates over all messages of the state.
func (c *collection) messages() iter.Seq[queue.Stored] {
	return func(yield func(queue.Stored) bool) {
		for _, snapshot := range c.snapshots {
			for run := range snapshot.Live() {
				if !yield(run) {
					return
				}
			}
		}
	}
}

// plan decides at a checkpoint whether to clean, and what: the longest beginning of the journal of which at least half is not live, or
// while room is scarce, the longest one that frees enough (sparseTimes), however much of the rest is live. It ends at the checkpoint
// before, because trimming does. It returns nil if there is nothing to clean.
func (c *collection) plan(v survey, checkpointBytes int64) *cleaning {
	times, most := int64(2), 2*v.bytes
	if c.scarce {
		times, most = sparseTimes, v.bytes
	}
	if c.ledger.bytes <= most+2*checkpointBytes {
		return nil
	}
	var upTo journal.Seq
	var all, live, sparseness int64
	for i, b := range c.ledger.blocks {
		if c.ledger.begin(i) > c.before {
			break
		}
		all += b.bytes
		live += c.ledger.liveBytes(i, v.live[i])
		if times*live <= all {
			upTo = min(c.ledger.end(i), c.before)
			sparseness = all / max(live, 1)
		}
	}
	if v.needed > upTo {
		return nil
	}
	return newCleaning(c.messages(), v.needed, upTo, sparseness >= sparseTimes)
}

// newCleaning plans to copy those messages that are in the records from first to upTo, which are durable.
func newCleaning(messages iter.Seq[queue.Stored], first, upTo journal.Seq, sparse bool) *cleaning {
	c := &cleaning{sparse: sparse}
	if first > upTo {
		return c // there are none
	}
	c.records = newSeqSet(first, upTo)
	for run := range messages {
		c.records.add(journal.Seq(run.At.Record))
	}
	return c
}

// lookAtPlan drops a plan that waits until room is not scarce any more: one that frees more may be what makes room. A checkpoint plans that,
// and comes without traffic too.
func (s *Shard) lookAtPlan() {
	if c := s.cleaning; c != nil && !c.sparse && s.room != journal.RoomForAll {
		s.cleaning, s.cleaned = nil, true
	}
}

// mayClean reports whether cleaning would get on now, were it time.
func (s *Shard) mayClean() bool {
	c := s.cleaning
	if c == nil || c.reading || s.checkpointing || s.noWaits || s.stuck() || !s.hasRoom() {
		return false
	}
	return c.sparse || s.room == journal.RoomForAll && s.now() >= s.fullUntil
}

// clean takes the next step of the plan: reads on, or copies a batch.
func (s *Shard) clean() {
	c := s.cleaning
	if !s.mayClean() || s.options.Clock.Now().Before(c.nextAt) {
		return
	}
	if len(c.found) > 0 {
		s.spend(c, s.copyBatch(c))
		return
	}
	if seq, ok := c.records.first(); ok {
		c.reading = true
		s.saving.Go(func() { s.tell(s.readFound(c, seq)) })
		return
	}
	s.cleaning = nil
	s.cleaned = s.cleaned || c.copied > 0
	s.rewritten(c)
	if s.rewriteWaits() {
		s.rouse() // for the checkpoint that plans it
	}
}

// spend lets the next step wait as long as the bytes of this one take at the rate.
func (s *Shard) spend(c *cleaning, bytes int64) {
	c.nextAt = s.options.Clock.Now().Add(time.Duration(float64(bytes) / float64(s.cleanRate()) * float64(time.Second)))
}

// cleanRate is CleanRate, or its default for what was asked for although nothing is to be cleaned.
func (s *Shard) cleanRate() int64 {
	if s.options.CleanRate < 0 {
		return defaultCleanRate
	}
	return s.options.CleanRate
}

// copyBatch copies what of the found messages is live, up to a batch, and returns its bytes.
func (s *Shard) copyBatch(c *cleaning) (bytes int64) {
	batch := min(cleanBatchBytes, max(1, s.cleanRate()/64))
	s.tick()
	var p *partition
	looked := 0
	for ; looked < len(c.found) && looked < cleanLooks && bytes < batch; looked++ {
		f := &c.found[looked]
		if p == nil || p.ID() != f.partition {
			if p != nil {
				s.leave(p)
			}
			if p = s.partitions[f.partition]; p == nil {
				continue
			}
			if !s.advance(p) {
				p = nil
				break // it goes on when the partition is not late any more
			}
		}
		switch {
		case f.err != nil:
			if p.Reads(f.message.Group, f.ref, f.at) {
				c.rewrite.failed(f.err)
			}
		case p.Copy(s.now(), s.building, f.ref, f.at, f.message):
			bytes += f.bytes
			if c.rewrite != nil {
				c.rewrite.done.Rewritten++
			}
		}
	}
	if p != nil {
		s.leave(p)
	}
	if c.found = c.found[looked:]; len(c.found) == 0 {
		c.found = nil
	}
	if bytes > 0 {
		c.copied += bytes
		s.building.grows = true
		if s.options.Observed.Cleaned != nil {
			s.options.Observed.Cleaned(bytes)
		}
	}
	return bytes
}

// readFound reads the records from seq on that the plan has, up to cleanReadBytes. It runs outside the loop, which leaves the plan alone
// meanwhile.
func (s *Shard) readFound(c *cleaning, seq journal.Seq) landing {
	l := landing{cleaning: c}
	for ok := true; ok && l.bytes < cleanReadBytes && l.err == nil; seq, ok = c.records.first() {
		c.records.remove(seq)
		rec, err := s.options.Journal.Get(context.Background(), seq)
		if errors.Is(err, journal.ErrTrimmed) {
			continue // everything in it has gone meanwhile
		}
		if err == nil {
			err = c.find(seq, rec)
		}
		l.err = err
		l.bytes += int64(len(rec))
	}
	return l
}

// find adds the messages of a record to found.
func (c *cleaning) find(seq journal.Seq, rec []byte) error {
	_, changes, err := journal.Parse(rec)
	if err != nil {
		return err
	}
	for i, change := range changes.All() {
		id, data, err := splitChange(change)
		if err != nil {
			return fmt.Errorf("record %d: change %d: %w", seq, i, err)
		}
		if id == shardItself || !queue.HoldsMessage(data) {
			continue
		}
		f := foundMessage{partition: id, at: queue.Ref{Record: uint64(seq), Index: uint32(i)}, bytes: int64(len(change))}
		if f.ref, f.message, err = queue.DecodeMessage(data, f.at); err != nil {
			return fmt.Errorf("record %d: change %d: %w", seq, i, err)
		}
		if c.rewrite != nil && !c.rewrite.apply(&f) {
			continue
		}
		c.found = append(c.found, f)
	}
	return nil
}

// foundSome takes in what was read.
func (s *Shard) foundSome(l landing) {
	l.cleaning.reading = false
	if l.cleaning != s.cleaning {
		return // it was dropped meanwhile, as when the state is built anew
	}
	if l.err != nil {
		s.log.Error("cannot read a record whose messages are to be copied forward; the journal stays as it is", "error", l.err)
		s.cleaning = nil
		if l.cleaning.rewrite != nil {
			s.endRewrite(errors.Join(ErrUnavailable, l.err))
		}
		return
	}
	s.spend(s.cleaning, l.bytes)
}

// seqSet is a set of record numbers of a range.
type seqSet struct {
	base journal.Seq
	last journal.Seq
	bits []uint64
	head int // bits[:head] are 0
}

func newSeqSet(first, last journal.Seq) seqSet {
	return seqSet{base: first, last: last, bits: make([]uint64, (last-first)/64+1)}
}

// add puts a number in, if it is in the range.
func (s *seqSet) add(seq journal.Seq) {
	if seq >= s.base && seq <= s.last {
		s.bits[(seq-s.base)/64] |= 1 << ((seq - s.base) % 64)
	}
}

func (s *seqSet) remove(seq journal.Seq) { s.bits[(seq-s.base)/64] &^= 1 << ((seq - s.base) % 64) }

// first returns the smallest number.
func (s *seqSet) first() (journal.Seq, bool) {
	for ; s.head < len(s.bits); s.head++ {
		if w := s.bits[s.head]; w != 0 {
			return s.base + journal.Seq(s.head*64+bits.TrailingZeros64(w)), true
		}
	}
	return 0, false
}

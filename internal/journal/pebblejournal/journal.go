package pebblejournal

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/staunchmq/staunch/internal/journal"
)

// flushDelay is how long after a trim the space may still be taken, so that many trims share one flush.
const flushDelay = 10 * time.Second

// Journal is the journal of one shard. It implements journal.Journal.
type Journal struct {
	source
	store       *Store
	checkpoints *checkpoints

	// damaged has records that were found damaged a moment ago. Pebble takes seconds of CPU to read a damaged block of a table, because it
	// tries which bit was flipped, and whoever receives the messages in it asks again and again.
	damaged recent[journal.Seq, error]

	first   *atomic.Uint64 // number of the oldest record
	durable *atomic.Uint64 // number of the newest durable record

	mu     sync.Mutex // guards closed, and users.Add
	closed bool
	users  sync.WaitGroup // operations that use the database; Close waits for them

	appending sync.Mutex    // guards the fields below
	tail      journal.Chain // after the newest record that was handed to Pebble
	failure   error         // why the latest append was refused, nil if it was not

	pending  chan *pending // appends that Pebble has, in order
	finished chan struct{} // closed when finish has returned

	trimming sync.Mutex // Trim calls follow one another
}

var _ journal.Journal = (*Journal)(nil)

// pendingMax is how many appends may wait for the disk before Append blocks. A shard has two in flight.
const pendingMax = 64

func openJournal(s *Store, shard uint32) (*Journal, error) {
	j := &Journal{source: s.source(shard, s.db), store: s, first: &s.firsts[shard], durable: &s.durables[shard],
		damaged: recent[journal.Seq, error]{clock: s.options.Clock},
		pending: make(chan *pending, pendingMax), finished: make(chan struct{})}
	base, err := j.loadBase()
	if err != nil {
		return nil, err
	}
	last, rec, err := j.loadLast()
	if err != nil {
		return nil, err
	}
	j.tail = base
	if last > base.Seq() {
		j.tail = journal.ChainFrom(shard, last)
		if _, _, err := j.tail.Next(rec); err != nil {
			return nil, j.located(err)
		}
	}
	if err := s.checkTail(shard, max(last, base.Seq())); err != nil {
		return nil, err
	}
	j.first.Store(uint64(base.Seq() + 1))
	j.durable.Store(uint64(max(last, base.Seq())))
	if j.checkpoints, err = openCheckpoints(s, shard); err != nil {
		return nil, err
	}
	go j.finish()
	return j, nil
}

// use keeps the database open until the returned function is called.
func (j *Journal) use() (done func(), err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return nil, journal.ErrClosed
	}
	j.users.Add(1)
	return j.users.Done, nil
}

// Tail implements journal.Journal.
func (j *Journal) Tail(ctx context.Context) (first, last journal.Seq, err error) {
	done, err := j.use()
	if err != nil {
		return 0, 0, err
	}
	defer done()
	first, last = j.bounds()
	return first, last, ctx.Err()
}

// bounds returns the numbers of the oldest and the newest durable record. They fit each other: first is read first and
// both only grow, so first is never beyond last+1.
func (j *Journal) bounds() (first, last journal.Seq) {
	first = journal.Seq(j.first.Load())
	return first, journal.Seq(j.durable.Load())
}

// check returns ErrTrimmed or ErrNotFound if there is no durable record seq.
func (j *Journal) check(seq journal.Seq) error {
	first, last := j.bounds()
	switch {
	case seq < first:
		return fmt.Errorf("%w: record %d of shard %d, the first is %d", journal.ErrTrimmed, seq, j.shard, first)
	case seq > last:
		return fmt.Errorf("%w: record %d of shard %d, the last is %d", journal.ErrNotFound, seq, j.shard, last)
	}
	return nil
}

// Read implements journal.Journal. It reads one state of the database: records that are trimmed meanwhile are still read.
func (j *Journal) Read(ctx context.Context, from journal.Seq, fn func(journal.Seq, []byte) error) (err error) {
	done, err := j.use()
	if err != nil {
		return err
	}
	defer done()
	first, last := j.bounds()
	if from == last+1 && from >= first {
		return ctx.Err()
	}
	if err := j.check(from); err != nil {
		return err
	}
	it, err := j.store.db.NewIter(&pebble.IterOptions{LowerBound: key(j.shard, from), UpperBound: key(j.shard, last+1)})
	if err != nil {
		return j.readError(from, err)
	}
	chain := journal.ChainFrom(j.shard, from)
	defer func() {
		if cerr := it.Close(); cerr != nil && err == nil {
			err = j.readError(chain.Seq()+1, cerr)
		}
	}()
	if chain, err = j.chainBefore(from); err != nil {
		return err
	}
	if err := j.check(from); err != nil { // trimmed before the iterator was made
		return err
	}
	return j.readAll(ctx, it, &chain, last, fn)
}

// Get implements journal.Journal. The result is a copy.
func (j *Journal) Get(ctx context.Context, seq journal.Seq) ([]byte, error) {
	done, err := j.use()
	if err != nil {
		return nil, err
	}
	defer done()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := j.check(seq); err != nil {
		return nil, err
	}
	if err, damaged := j.damaged.get(seq); damaged {
		return nil, err
	}
	rec, err := j.get(seq)
	if errors.Is(err, journal.ErrDamaged) {
		j.damaged.add(seq, err)
	}
	return rec, err
}

// get reads a record and verifies it.
func (j *Journal) get(seq journal.Seq) ([]byte, error) {
	rec, err := j.load(key(j.shard, seq))
	if errors.Is(err, pebble.ErrNotFound) {
		if err := j.check(seq); err != nil { // trimmed meanwhile
			return nil, err
		}
		return nil, j.located(&journal.DamagedError{Shard: j.shard, Seq: seq, Reason: "the record is missing"})
	}
	if err != nil {
		return nil, j.readError(seq, err)
	}
	if _, _, err := journal.VerifyOne(j.shard, seq, rec); err != nil {
		return nil, j.located(err)
	}
	return rec, nil
}

// Trim implements journal.Journal. It returns when the removal is durable; files go within seconds after that, unless there are
// table files that cannot be read: looking at each of those takes a second more.
func (j *Journal) Trim(ctx context.Context, upTo journal.Seq) error {
	done, err := j.use()
	if err != nil {
		return err
	}
	defer done()
	j.trimming.Lock()
	defer j.trimming.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	first, _ := j.bounds()
	if upTo < first {
		return nil
	}
	if err := j.check(upTo); err != nil {
		return err
	}
	if err := j.store.unknown(); err != nil {
		return err
	}
	base, err := j.chainBefore(upTo + 1)
	if err != nil {
		return err
	}
	b := j.store.db.NewBatch()
	defer func() { _ = b.Close() }()
	if err := j.store.sign(b); err != nil {
		return fmt.Errorf("trim shard %d: %w", j.shard, err)
	}
	if err := b.Set(markKey(j.shard), base.AppendTo(nil), nil); err != nil {
		return fmt.Errorf("trim shard %d: %w", j.shard, err)
	}
	if err := b.DeleteRange(key(j.shard, first), key(j.shard, upTo+1), nil); err != nil {
		return fmt.Errorf("trim shard %d: %w", j.shard, err)
	}
	j.first.Store(uint64(upTo + 1)) // before the records go, so that nobody takes them for missing
	if err := j.store.db.Apply(b, pebble.Sync); err != nil {
		return fmt.Errorf("trim shard %d: %w", j.shard, err)
	}
	if j.store.Room() != journal.RoomForAll {
		_, _ = j.store.db.AsyncFlush() // at once instead of after flushDelay; if it cannot, that will do
	}
	return j.store.unknown()
}

// Checkpoints implements journal.Journal.
func (j *Journal) Checkpoints() journal.Checkpoints { return j.checkpoints }

// Close implements journal.Journal.
func (j *Journal) Close() error {
	j.mu.Lock()
	first := !j.closed
	j.closed = true
	j.mu.Unlock()
	if first {
		j.users.Wait()
		close(j.pending)
		j.checkpoints.close()
		<-j.finished
		j.store.forget(j.shard)
	}
	<-j.finished
	return nil
}

// isFull reports whether err says that there is no space.
func isFull(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

// mapFull makes errors of a full disk ErrFull.
func mapFull(err error) error {
	if isFull(err) {
		return fmt.Errorf("%w: %w", journal.ErrFull, err)
	}
	return err
}

package memjournal

import (
	"context"
	"fmt"
	"sync"

	"github.com/staunchmq/staunch/internal/journal"
)

// Journal is a handle on a log in memory. It implements journal.Journal.
type Journal struct {
	log         *log
	checkpoints *checkpoints

	mu      sync.Mutex // guards the fields below; taken before log.mu
	closed  bool
	newest  *pending       // the append that was started last, nil if none
	failure error          // why the latest append failed, nil if it did not
	running sync.WaitGroup // appends that wait for their delay
}

var (
	_ journal.Journal  = (*Journal)(nil)
	_ journal.Spacious = (*Journal)(nil)
)

// log is what the handles of one journal share.
type log struct {
	shard uint32

	mu      sync.RWMutex
	hook    Hook
	room    journal.Room
	base    journal.Chain // state after the newest trimmed record
	records []entry       // the records after base
	durable int           // how many of records are durable
	tail    journal.Chain // state after the newest of records
}

type entry struct {
	rec  []byte
	lost bool // durable as far as anyone can tell, but a crash takes it away
}

// New returns a handle on a new, empty log.
func New(shard uint32) *Journal {
	l := &log{shard: shard, base: journal.NewChain(shard), tail: journal.NewChain(shard)}
	return &Journal{log: l, checkpoints: newCheckpoints(shard)}
}

// Open returns another handle on the same log and the same checkpoints: what another owner of the shard would hold. It works
// also after Close.
func (j *Journal) Open() *Journal { return &Journal{log: j.log, checkpoints: j.checkpoints} }

// Clone returns a handle on a copy of the log as a crash at this moment would leave it: the durable records, without those
// that a Fault marked as lost and what followed them. Checkpoints are kept; hooks are not.
func (j *Journal) Clone() *Journal {
	l := j.log
	l.mu.RLock()
	defer l.mu.RUnlock()
	c := &log{shard: l.shard, base: l.base, tail: l.base}
	for _, e := range l.records[:l.durable] {
		if e.lost {
			break
		}
		c.records = append(c.records, e)
		if _, _, err := c.tail.Next(e.rec); err != nil { // altered by Alter
			c.tail = journal.ChainFrom(l.shard, c.tail.Seq()+2)
		}
	}
	c.durable = len(c.records)
	return &Journal{log: c, checkpoints: j.checkpoints.clone()}
}

// Alter replaces a stored record by what f returns, without any check, so that tests can damage it. f gets a copy; nil
// removes the record and leaves a gap.
func (j *Journal) Alter(seq journal.Seq, f func(rec []byte) []byte) error {
	l := j.log
	l.mu.Lock()
	defer l.mu.Unlock()
	i, err := l.index(seq)
	if err != nil {
		return err
	}
	l.records[i].rec = f(append([]byte(nil), l.records[i].rec...))
	return nil
}

// Tail implements journal.Journal.
func (j *Journal) Tail(ctx context.Context) (first, last journal.Seq, err error) {
	if err := j.check(ctx); err != nil {
		return 0, 0, err
	}
	j.log.mu.RLock()
	defer j.log.mu.RUnlock()
	return j.log.first(), j.log.last(), nil
}

// Read implements journal.Journal. It holds no lock while fn runs, so fn may use the journal.
func (j *Journal) Read(ctx context.Context, from journal.Seq, fn func(journal.Seq, []byte) error) error {
	if err := j.check(ctx); err != nil {
		return err
	}
	chain, last, err := j.log.start(from)
	if err != nil {
		return err
	}
	for seq := from; seq <= last; seq++ {
		if err := j.check(ctx); err != nil {
			return err
		}
		rec, err := j.log.at(seq)
		if err != nil {
			return err
		}
		if err := verify(&chain, rec); err != nil {
			return err
		}
		if err := fn(seq, rec); err != nil {
			return err
		}
	}
	return nil
}

// Get implements journal.Journal. The result is the journal's own memory.
func (j *Journal) Get(ctx context.Context, seq journal.Seq) ([]byte, error) {
	if err := j.check(ctx); err != nil {
		return nil, err
	}
	rec, err := j.log.at(seq)
	if err != nil {
		return nil, err
	}
	chain := journal.ChainFrom(j.log.shard, seq)
	if err := verify(&chain, rec); err != nil {
		return nil, err
	}
	return rec, nil
}

// Trim implements journal.Journal. The memory is free as soon as no reader holds it.
func (j *Journal) Trim(ctx context.Context, upTo journal.Seq) error {
	if err := j.check(ctx); err != nil {
		return err
	}
	l := j.log
	l.mu.Lock()
	defer l.mu.Unlock()
	if upTo < l.first() {
		return nil
	}
	i, err := l.index(upTo)
	if err != nil {
		return err
	}
	base := journal.ChainFrom(l.shard, upTo)
	if i == 0 {
		base = l.base
	}
	if verify(&base, l.records[i].rec) != nil {
		base = journal.ChainFrom(l.shard, upTo+1) // damaged and now gone; how it ended is not known
	}
	l.base = base
	// Clearing frees the records; the array itself goes when append needs a new one.
	clear(l.records[:i+1])
	l.records = l.records[i+1:]
	l.durable -= i + 1
	return nil
}

// Checkpoints implements journal.Journal.
func (j *Journal) Checkpoints() journal.Checkpoints { return j.checkpoints }

// Close implements journal.Journal. The log stays; see Open.
func (j *Journal) Close() error {
	j.mu.Lock()
	j.closed = true
	j.mu.Unlock()
	j.running.Wait()
	return nil
}

func (j *Journal) check(ctx context.Context) error {
	j.mu.Lock()
	closed := j.closed
	j.mu.Unlock()
	if closed {
		return journal.ErrClosed
	}
	return ctx.Err()
}

// first returns the number of the oldest record. l.mu is held.
func (l *log) first() journal.Seq { return l.base.Seq() + 1 }

// last returns the number of the newest durable record. l.mu is held.
func (l *log) last() journal.Seq { return l.base.Seq() + journal.Seq(l.durable) }

// index returns where durable record seq is in records. l.mu is held.
func (l *log) index(seq journal.Seq) (int, error) {
	switch {
	case seq < l.first():
		return 0, fmt.Errorf("%w: record %d of shard %d, the first is %d", journal.ErrTrimmed, seq, l.shard, l.first())
	case seq > l.last():
		return 0, fmt.Errorf("%w: record %d of shard %d, the last is %d", journal.ErrNotFound, seq, l.shard, l.last())
	}
	return int(seq - l.first()), nil
}

// at returns durable record seq, nil if Alter removed it.
func (l *log) at(seq journal.Seq) ([]byte, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	i, err := l.index(seq)
	if err != nil {
		return nil, err
	}
	return l.records[i].rec, nil
}

// start returns the chain that record from continues, and the number of the newest durable record.
func (l *log) start(from journal.Seq) (journal.Chain, journal.Seq, error) {
	l.mu.RLock()
	defer l.mu.RUnlock()
	if from == l.first() {
		return l.base, l.last(), nil
	}
	if from == l.last()+1 {
		return journal.ChainFrom(l.shard, from), l.last(), nil
	}
	i, err := l.index(from)
	if err != nil {
		return journal.Chain{}, 0, err
	}
	chain := journal.ChainFrom(l.shard, from-1)
	if verify(&chain, l.records[i-1].rec) != nil {
		chain = journal.ChainFrom(l.shard, from) // that record was not asked for
	}
	return chain, l.last(), nil
}

// verify checks that rec is what comes next in chain. Nil stands for a record that is not there.
func verify(chain *journal.Chain, rec []byte) error {
	if rec == nil {
		return chain.Missing("the record is missing")
	}
	_, _, err := chain.Next(rec)
	return err
}

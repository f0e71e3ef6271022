package simulation

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"

	"github.com/staunchmq/staunch/internal/journal"
	"github.com/staunchmq/staunch/internal/journal/memjournal"
)

// disk is the journal of one shard. It remembers what was trimmed, so that the whole journal can be replayed.
type disk struct {
	*memjournal.Journal
	shard int
	// damaged tells that one of the checkpoints is.
	damaged bool

	mu      sync.Mutex
	trimmed [][]byte // guarded by mu, as all here: the records from number 1 on that Trim took away
	faults  faults
	fate    *rand.Rand // decides which appends are late
	reads   *schedule  // where the reads of cleaning wait
}

// faults are what will go wrong with appends.
type faults struct {
	next     error // of the next append: journal.ErrUnknown or ErrConflict
	applied  bool  // with ErrUnknown: it took place
	full     bool  // every append is refused,
	fullFrom int   // that has this many bytes or more
	late     float64
}

func newDisk(id int) *disk { return &disk{Journal: memjournal.New(uint32(id)), shard: id} }

// afterCrash returns what is there after a crash at this moment.
func (d *disk) afterCrash() *disk {
	d.mu.Lock()
	defer d.mu.Unlock()
	return &disk{Journal: d.Journal.Clone(), shard: d.shard, damaged: d.damaged, trimmed: d.trimmed}
}

// attach lets the disk serve a node: late appends wait in its schedule.
func (d *disk) attach(s *schedule, fate *rand.Rand) {
	d.fate, d.reads = fate, s
	d.SetHook(func(seq journal.Seq, rec []byte) memjournal.Fault {
		d.mu.Lock()
		defer d.mu.Unlock()
		if s.isOver() {
			return memjournal.Fault{}
		}
		var f memjournal.Fault
		switch {
		case d.faults.next != nil:
			f.Err, f.Applied = d.faults.next, d.faults.applied
			d.faults.next = nil
		case d.faults.full && len(rec) >= d.faults.fullFrom:
			f.Err = journal.ErrFull
		}
		if d.fate.Float64() < d.faults.late {
			f.Delay = func() { s.pause(fmt.Sprintf("append shard=%d record=%d", d.shard, seq)) }
		}
		return f
	})
}

// set changes the faults.
func (d *disk) set(change func(*faults)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change(&d.faults)
}

// Get implements journal.Journal. What a shard reads to copy messages forward waits for its turn: a read of its own, and the only one
// with a context that never ends.
func (d *disk) Get(ctx context.Context, seq journal.Seq) ([]byte, error) {
	if ctx.Done() == nil && d.reads != nil {
		d.reads.pause(fmt.Sprintf("clean shard=%d record=%d", d.shard, seq))
	}
	return d.Journal.Get(ctx, seq)
}

// Trim implements journal.Journal.
func (d *disk) Trim(ctx context.Context, upTo journal.Seq) error {
	first, _, err := d.Tail(ctx)
	if err != nil {
		return err
	}
	var records [][]byte // read before mu is held: appends take it while they hold the journal
	for seq := first; seq <= upTo; seq++ {
		rec, err := d.Journal.Get(ctx, seq)
		if err != nil {
			return err
		}
		records = append(records, rec)
	}
	d.mu.Lock()
	d.trimmed = append(d.trimmed[:len(d.trimmed):len(d.trimmed)], records...)
	d.mu.Unlock()
	return d.Journal.Trim(ctx, upTo)
}

// whole returns a journal with every record that ever was, and no checkpoint.
func (d *disk) whole(ctx context.Context) (*memjournal.Journal, error) {
	d.mu.Lock()
	records := d.trimmed
	d.mu.Unlock()
	first, last, err := d.Tail(ctx)
	if err != nil {
		return nil, err
	}
	if first != journal.Seq(len(records)+1) {
		return nil, fmt.Errorf("shard %d begins at record %d, but %d records were trimmed", d.shard, first, len(records))
	}
	j := memjournal.New(uint32(d.shard))
	for i, rec := range records {
		if err := j.Append(journal.Seq(i), rec).Wait(); err != nil {
			return nil, err
		}
	}
	for seq := first; seq <= last; seq++ {
		rec, err := d.Journal.Get(ctx, seq)
		if err != nil {
			return nil, err
		}
		if err := j.Append(seq-1, rec).Wait(); err != nil {
			return nil, err
		}
	}
	return j, nil
}

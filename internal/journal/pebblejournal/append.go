package pebblejournal

import (
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/staunchmq/staunch/internal/journal"
)

// pending is an append that Pebble has. It implements journal.Pending.
type pending struct {
	batch *pebble.Batch
	seq   journal.Seq
	bytes int
	start time.Time

	done chan struct{} // closed when err is settled
	err  error
}

// Wait implements journal.Pending.
func (p *pending) Wait() error {
	<-p.done
	return p.err
}

// Append implements journal.Journal. It copies rec.
func (j *Journal) Append(expect journal.Seq, rec []byte) journal.Pending {
	done, err := j.use()
	if err != nil {
		return journal.Failed(err)
	}
	defer done()
	j.appending.Lock()
	defer j.appending.Unlock()
	p, err := j.begin(expect, rec)
	if err != nil {
		j.failure = err
		return journal.Failed(err)
	}
	j.failure = nil
	j.pending <- p
	return p
}

// begin checks an append and gives it to Pebble. Everything that can be refused is refused before Pebble has it.
func (j *Journal) begin(expect journal.Seq, rec []byte) (*pending, error) {
	s := j.store
	if err := s.unknown(); err != nil {
		return nil, err
	}
	if j.failure != nil && expect > j.tail.Seq() {
		return nil, fmt.Errorf("an earlier append failed: %w", j.failure)
	}
	tail := j.tail
	if err := tail.Admit(expect, rec); err != nil {
		return nil, err
	}
	if err := s.space.take(len(rec)); err != nil {
		return nil, err
	}
	start := s.options.Clock.Now()
	b := s.db.NewBatchWithSize(len(rec) + batchOverhead)
	if err := s.sign(b); err != nil {
		return nil, fmt.Errorf("append record %d of shard %d: %w", expect+1, j.shard, err)
	}
	if err := b.Set(key(j.shard, expect+1), rec, nil); err != nil {
		return nil, fmt.Errorf("append record %d of shard %d: %w", expect+1, j.shard, err)
	}
	j.tail = tail
	if err := s.db.ApplyNoSyncWait(b, pebble.Sync); err != nil {
		// Pebble refuses only what it cannot be asked here (it is closed, read only). Should it, all bets are off.
		s.fail(fmt.Errorf("append record %d of shard %d: %w", expect+1, j.shard, err))
		return nil, s.unknown()
	}
	return &pending{batch: b, seq: expect + 1, bytes: len(rec), start: start, done: make(chan struct{})}, nil
}

// sign puts into a new batch how far the log is synced.
func (s *Store) sign(b *pebble.Batch) error {
	sign := s.guard.sign.Load()
	if sign == nil {
		return nil
	}
	return b.LogData(sign.bytes(), nil)
}

// batchOverhead is more than what a batch needs beside the record: header, sign, key, kinds and lengths.
const batchOverhead = 96

// finish settles the appends in order, until Close. It is the only one that moves durable.
func (j *Journal) finish() {
	defer close(j.finished)
	for p := range j.pending {
		err := p.batch.SyncWait()
		if err != nil {
			j.store.fail(fmt.Errorf("sync record %d of shard %d: %w", p.seq, j.shard, err))
		}
		// Asked after the sync: an error of it has made the store failed before SyncWait could return (see guard).
		p.err = j.store.unknown()
		if p.err == nil {
			j.durable.Store(uint64(p.seq))
			_ = p.batch.Close() // gives its memory back; Pebble has a copy
			j.store.options.Events.Appended(j.shard, p.bytes, j.store.options.Clock.Now().Sub(p.start))
		}
		p.batch = nil
		close(p.done)
	}
}

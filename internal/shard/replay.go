package shard

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/tidwall/btree"

	"github.com/staunchmq/staunch/internal/journal"
	"github.com/staunchmq/staunch/internal/queue"
)

// replay builds the state from the newest checkpoint that is whole and the records after it.
func (s *Shard) replay(ctx context.Context) error {
	s.clear()
	s.reclaimAt = s.options.Clock.Now().Add(reclaimEvery)
	if err := s.loadCheckpoint(ctx); err != nil {
		return fmt.Errorf("shard %d: replay: %w", s.options.ID, err)
	}
	err := s.options.Journal.Read(ctx, s.last+1, func(seq journal.Seq, rec []byte) error {
		if err := s.replayRecord(rec); err != nil {
			return fmt.Errorf("record %d: %w", seq, err)
		}
		return nil
	})
	if errors.Is(err, journal.ErrTrimmed) || errors.Is(err, journal.ErrNotFound) {
		err = fmt.Errorf("%w: the newest checkpoint that can be used is that of record %d, and the records do not follow it: %w",
			journal.ErrDamaged, s.last, err)
	}
	if err != nil {
		return fmt.Errorf("shard %d: replay: %w", s.options.ID, err)
	}
	s.journalBytes.Store(s.ledger.bytes)
	s.liveBytes.Store(s.liveNow())
	s.epoch = s.lastEpoch + 1
	s.newRecord()
	for _, p := range s.partitions {
		s.retime(p)
	}
	return nil
}

// clear drops the state. Log time stays: it never goes back.
func (s *Shard) clear() {
	s.partitions = make(map[queue.ID]*partition)
	s.timers = btree.NewBTreeGOptions(lessByTimer, btree.Options{NoLocks: true})
	s.waiters = btree.NewBTreeGOptions(lessByWaitEnd, btree.Options{NoLocks: true})
	s.attempts = make(map[attemptKey]*receive)
	s.servable, s.late, s.collecting = nil, nil, nil
	s.last, s.lastHash, s.lastEpoch = 0, journal.Sum{}, 0
	s.ledger, s.cleaning = ledger{}, nil
	s.sinceCheckpoint, s.lastInterval, s.checkpointSeq = 0, 0, 0
	s.messagesKept, s.reclaimable, s.cleaned = 0, false, false
	s.building = nil
}

// seen lets log time be at least the given time, in Unix ms.
func (s *Shard) seen(at int64) { s.logTime = max(s.logTime, at*int64(time.Millisecond)) }

func (s *Shard) replayRecord(rec []byte) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("%w: its changes do not fit the state before it: %v", journal.ErrDamaged, v)
		}
	}()
	h, changes, err := journal.Verify(s.lastHash, s.last, rec)
	if err != nil {
		return err
	}
	now := h.LogTimeMS
	for i, change := range changes.All() {
		ref := queue.Ref{Record: uint64(h.Seq), Index: uint32(i)}
		if now, err = s.replayChange(now, ref, change); err != nil {
			return fmt.Errorf("change %d: %w", i, err)
		}
	}
	s.last, s.lastHash, s.lastEpoch = h.Seq, journal.Hash(rec), h.Epoch
	s.seen(now)
	s.sinceCheckpoint += int64(len(rec))
	s.ledger.add(h.Seq, rec)
	return nil
}

// replayChange applies a change that was made at the log time now, and returns the log time of the next.
func (s *Shard) replayChange(now int64, ref queue.Ref, change []byte) (int64, error) {
	id, change, err := splitChange(change)
	if err != nil {
		return now, err
	}
	if id == shardItself {
		return s.replayOwn(now, change)
	}
	c, err := queue.DecodeChange(change)
	if err != nil {
		return now, err
	}
	p := s.partitions[id]
	if p == nil {
		if _, ok := c.(*queue.Configured); !ok {
			return now, fmt.Errorf("%w: a change of partition %d, which does not exist", journal.ErrDamaged, id)
		}
		p = s.newPartition(queue.New(id))
	}
	p.Advance(now)
	p.Apply(now, ref, c)
	return now, nil
}

func (s *Shard) replayOwn(now int64, change []byte) (int64, error) {
	if len(change) == 0 {
		return now, fmt.Errorf("%w: an empty change", journal.ErrDamaged)
	}
	switch kind, rest := change[0], change[1:]; kind {
	case kindDropped:
		id, n := binary.Uvarint(rest)
		p := s.partitions[queue.ID(id)]
		if n <= 0 || p == nil {
			return now, fmt.Errorf("%w: the removal of partition %d, which does not exist", journal.ErrDamaged, id)
		}
		s.removePartition(p)
		return now, nil
	case kindDefinition:
		if s.options.Definitions == nil {
			return now, fmt.Errorf("%w: a definition in a shard that carries none", journal.ErrDamaged)
		}
		return now, s.options.Definitions.Apply(bytes.Clone(rest))
	case kindTime:
		later, n := binary.Varint(rest)
		if n <= 0 || later < now {
			return now, fmt.Errorf("%w: log time goes from %d ms to %d ms", journal.ErrDamaged, now, later)
		}
		return later, nil
	default:
		return now, fmt.Errorf("%w: unknown kind of change %d", journal.ErrNewerFormat, kind)
	}
}

package shard

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/tidwall/btree"

	"github.com/staunchmq/staunch/internal/journal"
	"github.com/staunchmq/staunch/internal/queue"
)

// replay builds the state from the newest checkpoint that is whole and the records after it.
func (s *Shard) replay(ctx context.Context) error {
	s.clear()
	if err := s.loadCheckpoint(ctx); err != nil {
		return fmt.Errorf("shard %d: replay: %w", s.options.ID, err)
	}
	err := s.options.Journal.Read(ctx, s.last+1, func(seq journal.Seq, rec []byte) error {
		if err := s.replayRecord(rec); err != nil {
			return fmt.Errorf("record %d: %w", seq, err)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("shard %d: replay: %w", s.options.ID, err)
	}
	s.epoch++
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
	s.servable = nil
	s.last, s.lastHash, s.epoch = 0, journal.Sum{}, 0
	s.sinceCheckpoint = 0
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
	for i, change := range changes.All() {
		if err := s.replayChange(h, uint32(i), change); err != nil {
			return fmt.Errorf("change %d: %w", i, err)
		}
	}
	s.last, s.lastHash, s.epoch = h.Seq, journal.Hash(rec), h.Epoch
	s.seen(h.LogTimeMS)
	s.sinceCheckpoint += int64(len(rec))
	return nil
}

func (s *Shard) replayChange(h journal.Header, index uint32, change []byte) error {
	id, change, err := splitChange(change)
	if err != nil {
		return err
	}
	if id == shardItself {
		return s.replayOwn(change)
	}
	c, err := queue.DecodeChange(change)
	if err != nil {
		return err
	}
	p := s.partitions[id]
	if p == nil {
		if _, ok := c.(*queue.Configured); !ok {
			return fmt.Errorf("%w: a change of partition %d, which does not exist", journal.ErrDamaged, id)
		}
		p = s.newPartition(queue.New(id))
	}
	p.Advance(h.LogTimeMS)
	p.Apply(h.LogTimeMS, queue.Ref{Record: uint64(h.Seq), Index: index}, c)
	return nil
}

func (s *Shard) replayOwn(change []byte) error {
	if len(change) == 0 {
		return fmt.Errorf("%w: an empty change", journal.ErrDamaged)
	}
	switch kind, rest := change[0], change[1:]; kind {
	case kindDropped:
		id, n := binary.Uvarint(rest)
		p := s.partitions[queue.ID(id)]
		if n <= 0 || p == nil {
			return fmt.Errorf("%w: the removal of partition %d, which does not exist", journal.ErrDamaged, id)
		}
		s.removePartition(p)
		return nil
	case kindDefinition:
		if s.options.Definitions == nil {
			return fmt.Errorf("%w: a definition in a shard that carries none", journal.ErrDamaged)
		}
		return s.options.Definitions.Apply(bytes.Clone(rest))
	default:
		return fmt.Errorf("%w: unknown kind of change %d", journal.ErrNewerFormat, kind)
	}
}

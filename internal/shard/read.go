package shard

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/staunchmq/staunch/internal/journal"
	"github.com/staunchmq/staunch/internal/queue"
)

// message reads a message from its record. It is called outside the loop: reading the disk never holds up other requests.
// journal.ErrTrimmed means that the message has gone meanwhile.
func (s *Shard) message(ctx context.Context, ref queue.Ref) (queue.Message, error) {
	changes, ok := s.cache.get(journal.Seq(ref.Record))
	if !ok {
		rec, err := s.options.Journal.Get(ctx, journal.Seq(ref.Record))
		if err != nil {
			return queue.Message{}, fmt.Errorf("read message %v: %w", ref, err)
		}
		changes = s.cache.add(journal.Seq(ref.Record), rec)
	}
	change, ok := changes.At(int(ref.Index))
	if !ok {
		return queue.Message{}, fmt.Errorf("read message %v: %w: the record has %d changes", ref, journal.ErrDamaged, changes.Len())
	}
	_, change, err := splitChange(change)
	if err != nil {
		return queue.Message{}, fmt.Errorf("read message %v: %w: %w", ref, journal.ErrDamaged, err)
	}
	m, err := queue.DecodeMessage(change)
	if err != nil {
		return queue.Message{}, fmt.Errorf("read message %v: %w: %w", ref, journal.ErrDamaged, err)
	}
	return m, nil
}

// received reads the messages of a receive. One that has gone since it was picked is left out.
func (s *Shard) received(ctx context.Context, picked []queue.Delivery) ([]ReceivedMessage, error) {
	messages := make([]ReceivedMessage, 0, len(picked))
	for _, d := range picked {
		m, err := s.message(ctx, d.Handle.Ref)
		if errors.Is(err, journal.ErrTrimmed) {
			continue
		}
		if err != nil {
			return nil, err
		}
		messages = append(messages, ReceivedMessage{Message: m, Handle: d.Handle, FirstReceived: d.FirstReceived})
	}
	return messages, nil
}

// moves reads messages that are moving.
func (s *Shard) moves(ctx context.Context, moving []queue.Move) ([]MovingMessage, error) {
	messages := make([]MovingMessage, 0, len(moving))
	for _, move := range moving {
		m, err := s.message(ctx, move.Handle.Ref)
		if errors.Is(err, journal.ErrTrimmed) {
			continue
		}
		if err != nil {
			return nil, err
		}
		m.Receives, m.FirstReceived = move.Handle.Receives, move.FirstReceived
		messages = append(messages, MovingMessage{Message: m, Ref: move.Handle.Ref, Target: move.Target})
	}
	return messages, nil
}

// recordCache keeps the records that were used last, up to a number of bytes. It is safe for concurrent use.
type recordCache struct {
	max int64

	mu    sync.Mutex
	bytes int64 // guarded by mu, as all below
	bySeq map[journal.Seq]*list.Element
	order list.List // of *cachedRecord, used last at the front
}

type cachedRecord struct {
	seq     journal.Seq
	bytes   int64
	changes journal.Changes
}

func newRecordCache(max int64) *recordCache {
	return &recordCache{max: max, bySeq: make(map[journal.Seq]*list.Element)}
}

func (c *recordCache) get(seq journal.Seq) (journal.Changes, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.bySeq[seq]
	if !ok {
		return journal.Changes{}, false
	}
	c.order.MoveToFront(e)
	return e.Value.(*cachedRecord).changes, true
}

// add keeps a verified record and returns its changes.
func (c *recordCache) add(seq journal.Seq, rec []byte) journal.Changes {
	_, changes, err := journal.Parse(rec)
	if err != nil {
		panic(fmt.Sprintf("shard: a record that was just sealed or verified does not parse: %v", err))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.bySeq[seq]; ok {
		return changes
	}
	c.bySeq[seq] = c.order.PushFront(&cachedRecord{seq: seq, bytes: int64(cap(rec)), changes: changes})
	c.bytes += int64(cap(rec))
	for c.bytes > c.max && c.order.Len() > 1 {
		oldest := c.order.Remove(c.order.Back()).(*cachedRecord)
		delete(c.bySeq, oldest.seq)
		c.bytes -= oldest.bytes
	}
	return changes
}

func (c *recordCache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.bySeq)
	c.order.Init()
	c.bytes = 0
}

package shard

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/staunchmq/staunch/internal/journal"
	"github.com/staunchmq/staunch/internal/queue"
)

// message reads a message of a partition from its place, or from where it was copied to meanwhile. It is called outside the loop: reading
// the disk never holds up other requests. journal.ErrTrimmed means that the message has gone meanwhile.
func (s *Shard) message(ctx context.Context, p queue.ID, d queue.Delivery) (queue.Message, error) {
	for {
		m, err := s.messageAt(ctx, d.Handle.Ref, d.At)
		if !errors.Is(err, journal.ErrTrimmed) {
			return m, err
		}
		r := &locate{to: toPartition(p), ref: d.Handle.Ref}
		switch located := s.ask(ctx, r, &r.asked); {
		case errors.Is(located, ErrNoPartition):
			return m, err
		case located != nil:
			return m, located
		case r.at == d.At:
			return m, err
		}
		d.At = r.at
	}
}

// messageAt reads a message from the record that holds it.
func (s *Shard) messageAt(ctx context.Context, ref, at queue.Ref) (queue.Message, error) {
	fail := func(err error) (queue.Message, error) {
		return queue.Message{}, fmt.Errorf("read message %v in %v: %w", ref, at, err)
	}
	r := s.cache.get(journal.Seq(at.Record))
	if r == nil {
		rec, err := s.record(ctx, journal.Seq(at.Record))
		if err != nil {
			return fail(err)
		}
		r = s.cache.add(journal.Seq(at.Record), rec)
	}
	change, err := r.change(at.Index)
	if err != nil {
		return fail(err)
	}
	_, change, err = splitChange(change)
	if err != nil {
		return fail(fmt.Errorf("%w: %w", journal.ErrDamaged, err))
	}
	held, m, err := queue.DecodeMessage(change, at)
	if err == nil && held != ref {
		err = fmt.Errorf("it is message %v", held)
	}
	if err != nil {
		return fail(fmt.Errorf("%w: %w", journal.ErrDamaged, err))
	}
	return m, nil
}

// readsMax bounds the records that are read at once for messages: each is in memory before it is known how large it is.
const readsMax = 32

// record reads a record that is not in the cache.
func (s *Shard) record(ctx context.Context, seq journal.Seq) ([]byte, error) {
	select {
	case s.reads <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-s.reads }()
	return s.options.Journal.Get(ctx, seq)
}

// errNoRoom says that there is no room for the messages of a receive.
var errNoRoom = errors.New("no room for the messages")

// received reads the messages of a receive. One that has gone since it was picked is left out. If they turn out to be large, it takes room
// for all of them and begins again, so that what waits for room holds none.
func (s *Shard) received(ctx context.Context, p queue.ID, r *receive) ([]ReceivedMessage, error) {
	picked := r.result.Messages
	messages := make([]ReceivedMessage, 0, len(picked))
	bytes, largest, free := 0, 0, math.MaxInt
	if r.room != nil {
		free = r.room.Free()
	}
	for i := 0; i < len(picked); i++ {
		d := &picked[i]
		m, err := s.message(ctx, p, *d)
		if errors.Is(err, journal.ErrTrimmed) {
			continue
		}
		if err != nil {
			return nil, err
		}
		largest = max(largest, len(m.Content))
		if bytes += len(m.Content); bytes > free {
			clear(messages)
			m = queue.Message{}
			r.from.read(largest)
			if !r.room.Take(ctx, len(picked)) {
				return nil, errNoRoom
			}
			messages, bytes, free, i = messages[:0], 0, math.MaxInt, -1
			continue
		}
		messages = append(messages, ReceivedMessage{Message: m, Handle: d.Handle, FirstReceived: d.FirstReceived})
	}
	r.from.read(largest)
	if r.room != nil && free == math.MaxInt {
		r.room.Keep(bytes)
	}
	return messages, nil
}

// read notes the size of a content.
func (p *partition) read(bytes int) {
	for n := p.largest.Load(); int64(bytes) > n && !p.largest.CompareAndSwap(n, int64(bytes)); n = p.largest.Load() {
	}
}

// putBack makes messages of a receive visible that nobody gets. Those that another receive, or a repeated one, has handed out meanwhile stay
// with it.
func (s *Shard) putBack(ctx context.Context, p queue.ID, received queue.ReceiveResult) {
	changes := make([]queue.VisibilityChange, len(received.Messages))
	for i, d := range received.Messages {
		changes[i] = queue.VisibilityChange{Handle: d.Handle, Until: received.Until}
	}
	if _, err := s.ChangeVisibility(context.WithoutCancel(ctx), p, changes); err != nil {
		s.log.Warn("messages that there was no memory for are in flight until their visibility timeout ends", "error", err)
	}
}

// readMoving reads messages that are moving, up to movedBytesMax of content, and returns the moves that are left.
func (s *Shard) readMoving(ctx context.Context, p queue.ID, moves []queue.Move) (messages []MovingMessage, left []queue.Move, err error) {
	bytes := 0
	for i, move := range moves {
		m, err := s.message(ctx, p, move.Delivery)
		if errors.Is(err, journal.ErrTrimmed) {
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		if bytes += len(m.Content); bytes > movedBytesMax && len(messages) > 0 {
			return messages, moves[i:], nil
		}
		m.Content = slices.Clone(m.Content) // the record that it was read from may be far larger
		m.Receives, m.FirstReceived = move.Handle.Receives, move.FirstReceived
		messages = append(messages, MovingMessage{Message: m, Ref: move.Handle.Ref, Target: move.Target})
	}
	return messages, nil, nil
}

// recordCache keeps the records that were used last, up to a number of bytes. It is safe for concurrent use.
type recordCache struct {
	max int64

	mu    sync.Mutex
	bytes int64 // guarded by mu, as all below
	bySeq map[journal.Seq]*list.Element
	order list.List // of *cachedRecord, used last at the front

	hits, misses int64
}

func (c *recordCache) usage() Usage {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Usage{BodyCacheBytes: c.bytes, BodyCacheHits: c.hits, BodyCacheMisses: c.misses}
}

// cachedRecord is a sealed or verified record. It is not changed.
type cachedRecord struct {
	seq journal.Seq
	rec []byte

	once sync.Once // makes the field below, when the first message is read
	ends []uint32  // where in rec each change ends
}

// changePrefixBytes is the length before each change of a record: see package journal.
const changePrefixBytes = 4

func (r *cachedRecord) index() {
	changes := journal.ChangesOf(r.rec)
	r.ends = make([]uint32, 0, changes.Len())
	end := uint32(journal.HeaderBytes)
	for _, change := range changes.All() {
		end += changePrefixBytes + uint32(len(change))
		r.ends = append(r.ends, end)
	}
}

// change returns a change of the record, in the record's memory.
func (r *cachedRecord) change(i uint32) ([]byte, error) {
	r.once.Do(r.index)
	if uint64(i) >= uint64(len(r.ends)) {
		return nil, fmt.Errorf("%w: the record has %d changes", journal.ErrDamaged, len(r.ends))
	}
	begin := uint32(journal.HeaderBytes)
	if i > 0 {
		begin = r.ends[i-1]
	}
	return r.rec[begin+changePrefixBytes : r.ends[i] : r.ends[i]], nil
}

func newRecordCache(max int64) *recordCache {
	return &recordCache{max: max, bySeq: make(map[journal.Seq]*list.Element)}
}

// get returns a record, or nil.
func (c *recordCache) get(seq journal.Seq) *cachedRecord {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.bySeq[seq]
	if !ok {
		c.misses++
		return nil
	}
	c.hits++
	c.order.MoveToFront(e)
	return e.Value.(*cachedRecord)
}

// add keeps a record and returns it.
func (c *recordCache) add(seq journal.Seq, rec []byte) *cachedRecord {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.bySeq[seq]; ok {
		return e.Value.(*cachedRecord)
	}
	r := &cachedRecord{seq: seq, rec: rec}
	c.bySeq[seq] = c.order.PushFront(r)
	c.bytes += int64(cap(rec))
	for c.bytes > c.max && c.order.Len() > 1 {
		oldest := c.order.Remove(c.order.Back()).(*cachedRecord)
		delete(c.bySeq, oldest.seq)
		c.bytes -= int64(cap(oldest.rec))
	}
	return r
}

func (c *recordCache) clear() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.bySeq)
	c.order.Init()
	c.bytes = 0
}

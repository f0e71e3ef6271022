package sqs

import (
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/semaphore"

	"github.com/staunchmq/staunch/internal/queue"
	"github.com/staunchmq/staunch/internal/shard"
)

// bringMax is how many pages of dead letters may be in memory at once. The shard takes 8 MiB at a time.
const bringMax = 8

// carrier knows which moves are being carried, and what has broken off.
type carrier struct {
	mu sync.Mutex
	// claimed are the moves being carried. Guarded by mu, as all down to unended.
	claimed map[queue.Origin]struct{}
	// broken are the source partitions with moves that may have broken off.
	broken map[queue.ID]struct{}
	// unsettled are the origins that their target should forget.
	unsettled map[queue.ID][]queue.Origin
	// unended are the moves out of a partition that have arrived in a target and of which it is not known whether they have ended.
	unended map[queue.ID]map[queue.Ref]queue.ID

	// bringing has bringMax places for pages of dead letters, which are given out in order.
	bringing *semaphore.Weighted
	// bytes is the size of their contents.
	bytes atomic.Int64
}

func newCarrier() *carrier {
	return &carrier{
		claimed:   make(map[queue.Origin]struct{}),
		broken:    make(map[queue.ID]struct{}),
		unsettled: make(map[queue.ID][]queue.Origin),
		unended:   make(map[queue.ID]map[queue.Ref]queue.ID),
		bringing:  semaphore.NewWeighted(bringMax),
	}
}

// awaitBrought returns when no dead letters are in memory that were there when it was called.
func (c *carrier) awaitBrought(ctx context.Context) error {
	if err := c.bringing.Acquire(ctx, bringMax); err != nil {
		return err
	}
	c.bringing.Release(bringMax)
	return nil
}

// holds notes that messages are in memory until the call of what it returns.
func (c *carrier) holds(messages []shard.MovingMessage) (until func()) {
	bytes := int64(0)
	for i := range messages {
		bytes += int64(len(messages[i].Content))
	}
	c.bytes.Add(bytes)
	return func() { c.bytes.Add(-bytes) }
}

// claim takes those of the moves that nobody carries. The caller carries them and then releases them.
func (c *carrier) claim(source queue.ID, moves []queue.Move) []queue.Move {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(moves), func(m queue.Move) bool {
		o := queue.Origin{Partition: source, Ref: m.Handle.Ref}
		if _, taken := c.claimed[o]; taken {
			return true
		}
		c.claimed[o] = struct{}{}
		return false
	})
}

// release ends the claims.
func (c *carrier) release(source queue.ID, moves []queue.Move) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range moves {
		delete(c.claimed, queue.Origin{Partition: source, Ref: m.Handle.Ref})
	}
}

// breakOff notes that moves out of the partition may have broken off.
func (c *carrier) breakOff(source queue.ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.broken[source] = struct{}{}
}

// takeBroken returns the partitions to sweep, and takes them off the list.
func (c *carrier) takeBroken() []queue.ID {
	c.mu.Lock()
	defer c.mu.Unlock()
	taken := slices.Sorted(maps.Keys(c.broken))
	clear(c.broken)
	return taken
}

// settleLater notes origins that their target should forget.
func (c *carrier) settleLater(target queue.ID, origins []queue.Origin) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unsettled[target] = append(c.unsettled[target], origins...)
}

// takeUnsettled returns what is to be settled, and takes it off the list.
func (c *carrier) takeUnsettled() map[queue.ID][]queue.Origin {
	c.mu.Lock()
	defer c.mu.Unlock()
	taken := c.unsettled
	c.unsettled = make(map[queue.ID][]queue.Origin)
	return taken
}

// endLater notes that messages have arrived in target whose moves may not have ended.
func (c *carrier) endLater(source, target queue.ID, refs []queue.Ref) {
	moves := make(map[queue.Ref]queue.ID, len(refs))
	for _, ref := range refs {
		moves[ref] = target
	}
	c.putUnended(source, moves)
}

func (c *carrier) putUnended(source queue.ID, moves map[queue.Ref]queue.ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.unended[source] == nil {
		c.unended[source] = make(map[queue.Ref]queue.ID, len(moves))
	}
	maps.Copy(c.unended[source], moves)
}

// takeUnended returns what endLater has noted for a source, and forgets it.
func (c *carrier) takeUnended(source queue.ID) map[queue.Ref]queue.ID {
	c.mu.Lock()
	defer c.mu.Unlock()
	taken := c.unended[source]
	delete(c.unended, source)
	return taken
}

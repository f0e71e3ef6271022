package sqs

import (
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/staunchmq/staunch/internal/queue"
	"github.com/staunchmq/staunch/internal/shard"
)

// lateAfter is how long a receive could, at the very most, take from getting its messages to claiming them: there is nothing
// between the two that waits.
const lateAfter = 10 * time.Minute

// carrier knows which moves are being carried, and what has broken off.
type carrier struct {
	mu sync.Mutex
	// claimed are the moves being carried, and those swept until the given time. Guarded by mu, like all here.
	claimed map[queue.Origin]time.Time
	// broken are the source partitions with moves that may have broken off.
	broken map[queue.ID]struct{}
	// unsettled are the origins that their target should forget.
	unsettled map[queue.ID][]queue.Origin
	// unended are the moves out of a partition that have arrived and of which it is not known whether they have ended.
	unended map[queue.ID][]unendedMove
}

// unendedMove is a message that has arrived in target.
type unendedMove struct {
	ref    queue.Ref
	target queue.ID
}

func newCarrier() carrier {
	return carrier{
		claimed:   make(map[queue.Origin]time.Time),
		broken:    make(map[queue.ID]struct{}),
		unsettled: make(map[queue.ID][]queue.Origin),
		unended:   make(map[queue.ID][]unendedMove),
	}
}

// claim takes those of the moves that nobody carries. The caller carries them and then releases them.
func (c *carrier) claim(source queue.ID, moves []shard.MovingMessage) []shard.MovingMessage {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(moves), func(m shard.MovingMessage) bool {
		o := origin(source, m)
		if _, taken := c.claimed[o]; taken {
			return true
		}
		c.claimed[o] = time.Time{}
		return false
	})
}

// release ends the claims.
func (c *carrier) release(source queue.ID, moves []shard.MovingMessage) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range moves {
		delete(c.claimed, origin(source, m))
	}
}

// keep keeps the claims until the given time, when forget ends them.
func (c *carrier) keep(source queue.ID, moves []shard.MovingMessage, until time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range moves {
		c.claimed[origin(source, m)] = until
	}
}

func (c *carrier) forget(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	maps.DeleteFunc(c.claimed, func(_ queue.Origin, until time.Time) bool { return !until.IsZero() && !until.After(now) })
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
	moves := make([]unendedMove, len(refs))
	for i, ref := range refs {
		moves[i] = unendedMove{ref, target}
	}
	c.putUnended(source, moves)
}

func (c *carrier) putUnended(source queue.ID, moves []unendedMove) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unended[source] = append(c.unended[source], moves...)
}

// takeUnended returns what endLater has noted for a source, and forgets it.
func (c *carrier) takeUnended(source queue.ID) []unendedMove {
	c.mu.Lock()
	defer c.mu.Unlock()
	taken := c.unended[source]
	delete(c.unended, source)
	return taken
}

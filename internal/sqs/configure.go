package sqs

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/staunchmq/staunch/internal/catalog"
	"github.com/staunchmq/staunch/internal/queue"
)

// settings is what the partitions of a queue act on, as the catalog has it. Dead letters are moved only while the queue that they
// go to exists; otherwise messages stay and go on being delivered (reference/sqs.md 9.1). A queue that is its own dead-letter queue
// has its dead letters already: they too go on being delivered.
func settings(v *catalog.View, q *catalog.Queue) queue.Settings {
	const ms = 1000
	a := &q.Attributes
	s := queue.Settings{
		FIFO:               a.FIFO,
		VisibilityTimeout:  a.VisibilityTimeoutSeconds * ms,
		Delay:              a.DelaySeconds * ms,
		Retention:          a.RetentionSeconds * ms,
		DeduplicateByGroup: a.DeduplicateByGroup,
	}
	if a.Redrive == nil || a.Redrive.Target == q.Key {
		return s
	}
	if target := v.Lookup(a.Redrive.Target); target != nil && target.Attributes.FIFO == a.FIFO {
		s.MaxReceives = a.Redrive.MaxReceiveCount
		s.DeadLetter = partitionOf(target)
	}
	return s
}

// configurator brings single partitions in line with the catalog, one call for a partition at a time, first come first served: each
// takes its settings from the newest View, so that the last one leaves the newest settings in place, in whatever order changes were
// committed.
type configurator struct {
	// before is Options.BeforeConfigure.
	before func(ctx context.Context, p queue.ID)

	mu sync.Mutex
	// busy has those who wait for their turn, for each partition that is being configured. Guarded by mu.
	busy map[queue.ID][]chan struct{}
	// pending are the partitions that do not follow the catalog: new ones, and those whose last attempt failed. Run tries again,
	// also with a partition whose queue was not created after all: that is dropped, which changes nothing. Guarded by mu.
	pending map[queue.ID]catalog.Partition
	// targets are queues that may have come or gone without their sources having heard of it. Guarded by mu.
	targets map[catalog.Key]struct{}
}

func newConfigurator(before func(ctx context.Context, p queue.ID)) configurator {
	return configurator{
		before:  before,
		busy:    make(map[queue.ID][]chan struct{}),
		pending: make(map[queue.ID]catalog.Partition),
		targets: make(map[catalog.Key]struct{}),
	}
}

// claim waits for the turn to configure a partition. It is the caller's until release.
func (c *configurator) claim(ctx context.Context, p queue.ID) {
	if c.before != nil {
		c.before(ctx, p)
	}
	c.mu.Lock()
	waiting, taken := c.busy[p]
	if !taken {
		c.busy[p] = nil
		c.mu.Unlock()
		return
	}
	turn := make(chan struct{})
	c.busy[p] = append(waiting, turn)
	c.mu.Unlock()
	<-turn
}

// release ends a claim; err says how it went.
func (c *configurator) release(p catalog.Partition, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if waiting := c.busy[p.ID]; len(waiting) > 0 {
		close(waiting[0])
		c.busy[p.ID] = waiting[1:]
	} else {
		delete(c.busy, p.ID)
	}
	if err != nil {
		c.pending[p.ID] = p
	} else {
		delete(c.pending, p.ID)
	}
}

// failed returns the partitions that do not follow the catalog.
func (c *configurator) failed() []catalog.Partition {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Collect(maps.Values(c.pending))
}

// expect notes that partitions are about to be configured for the first time.
func (c *configurator) expect(partitions []catalog.Partition) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range partitions {
		c.pending[p.ID] = p
	}
}

// doubt notes that a queue may have been changed, created or deleted: how its commit went is not known.
func (s *Service) doubt(k catalog.Key, partitions []catalog.Partition) {
	s.configurator.expect(partitions)
	s.configurator.mu.Lock()
	s.configurator.targets[k] = struct{}{}
	s.configurator.mu.Unlock()
	s.rouse()
}

// takeTargets returns the queues whose sources are to be configured, and takes them off the list.
func (c *configurator) takeTargets() []catalog.Key {
	c.mu.Lock()
	defer c.mu.Unlock()
	taken := slices.SortedFunc(maps.Keys(c.targets), func(a, b catalog.Key) int { return strings.Compare(queueARN(a), queueARN(b)) })
	clear(c.targets)
	return taken
}

// isPending tells whether one of the partitions does not follow the catalog yet.
func (c *configurator) isPending(partitions []catalog.Partition) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.ContainsFunc(partitions, func(p catalog.Partition) bool {
		_, pending := c.pending[p.ID]
		return pending
	})
}

// configure brings a partition in line with the catalog: it gets its queue's settings, or is dropped if its queue is gone. The
// client's going away does not stop it. What fails is tried again by Run.
func (s *Service) configure(ctx context.Context, p catalog.Partition) error {
	ctx = context.WithoutCancel(ctx)
	s.configurator.claim(ctx, p.ID)
	err := errPanicked
	defer func() {
		s.configurator.release(p, err)
		if err != nil {
			s.rouse() // not before it is pending: Run would find nothing to do
		}
	}()
	view := s.catalog.View()
	client := s.shards[p.Shard]
	if q := view.QueueOf(p.ID); q != nil {
		err = client.Configure(ctx, p.ID, settings(view, q))
	} else {
		err = client.Drop(ctx, p.ID)
	}
	if err != nil {
		s.log.Warn("a partition does not follow its queue's definition yet", "partition", p.ID, "shard", p.Shard, "error", err)
	}
	return err
}

// configureQueue brings all partitions of a queue in line with the catalog.
func (s *Service) configureQueue(ctx context.Context, q *catalog.Queue) error {
	return forEach(q.Partitions, func(p catalog.Partition) error { return s.configure(ctx, p) })
}

// configureSources brings the queues in line whose redrive policy names target, after that has come or gone. What fails is tried
// again by Run, and does no harm until then: dead letters for a partition that is gone are put back.
func (s *Service) configureSources(ctx context.Context, target catalog.Key) {
	var partitions []catalog.Partition
	for q := range s.catalog.View().Sources(target, catalog.Key{}) {
		partitions = append(partitions, q.Partitions...)
	}
	_ = forEach(partitions, func(p catalog.Partition) error { return s.configure(ctx, p) })
}

// configureFailed tries again what has failed, or is in doubt.
func (s *Service) configureFailed(ctx context.Context) error {
	partitions := s.configurator.failed()
	if len(partitions) == 0 {
		return nil
	}
	// Deciding on nothing makes sure that the View has everything whose commit was in doubt.
	err := s.catalog.Update(ctx, func(*catalog.View) (catalog.Change, error) { return nil, nil })
	if err != nil {
		return err
	}
	for _, k := range s.configurator.takeTargets() {
		s.configureSources(ctx, k)
	}
	return forEach(partitions, func(p catalog.Partition) error { return s.configure(ctx, p) })
}

package sqs

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/staunchmq/staunch/internal/catalog"
	"github.com/staunchmq/staunch/internal/queue"
	"github.com/staunchmq/staunch/internal/shard"
)

// errMissingShard: the catalog has partitions on a shard that this server does not have.
var errMissingShard = errors.New("missing shard")

// reconcile mends what the server left half done when it stopped: partitions that do not follow the catalog, and moves that broke
// off. It runs before the service answers, so nobody else changes anything meanwhile; and it may be repeated.
func (s *Service) reconcile(ctx context.Context) error {
	if err := s.ensureSecret(ctx); err != nil {
		return err
	}
	if err := s.ensureKeyring(ctx); err != nil {
		return err
	}
	view := s.catalog.View()
	for q := range view.All() {
		for _, p := range q.Partitions {
			if p.Shard < 0 || p.Shard >= len(s.shards) {
				return fmt.Errorf("%w: queue %s of account %s, region %s is on shard %d, but there are only %d shards: start with at least as many as before",
					errMissingShard, q.Name, q.Account, q.Region, p.Shard, len(s.shards))
			}
		}
	}
	for i := range s.shards {
		if err := s.reconcileShard(ctx, view, i); err != nil {
			return fmt.Errorf("bring shard %d in line with the catalog: %w", i, err)
		}
	}
	return s.recoverMoves(ctx, view)
}

// reconcileShard makes the partitions of a shard those that the catalog puts there, with the settings of their queues.
func (s *Service) reconcileShard(ctx context.Context, view *catalog.View, index int) error {
	client := s.shards[index]
	actual, err := client.Partitions(ctx)
	if err != nil {
		return err
	}
	wanted := make(map[queue.ID]queue.Settings)
	for q := range view.All() {
		for _, p := range q.Partitions {
			if p.Shard == index {
				wanted[p.ID] = settings(view, q)
			}
		}
	}
	var drops, changes []queue.ID
	for p := range actual {
		if _, ok := wanted[p]; !ok {
			drops = append(drops, p)
		}
	}
	for p, want := range wanted {
		if has, ok := actual[p]; !ok || has != want {
			changes = append(changes, p)
		}
	}
	if len(drops)+len(changes) > 0 {
		s.log.Info("mending partitions", "shard", index, "to_configure", len(changes), "to_drop", len(drops))
	}
	return errors.Join(
		forEach(drops, func(p queue.ID) error { return client.Drop(ctx, p) }),
		forEach(changes, func(p queue.ID) error { return client.Configure(ctx, p, wanted[p]) }),
	)
}

// recoverMoves ends all moves. A message that its target knows has arrived and leaves its source. Of the others, dead letters are
// carried on, and messages that a move task had taken are put back: the task takes them again.
func (s *Service) recoverMoves(ctx context.Context, view *catalog.View) error {
	var queues []*catalog.Queue
	for q := range view.All() {
		queues = append(queues, q)
	}
	var mu sync.Mutex
	arrived := make(map[queue.Origin]bool)
	unsettled := make(map[queue.ID][]queue.Origin)
	err := forEach(queues, func(q *catalog.Queue) error {
		client, p := s.home(q)
		known, err := client.Unsettled(ctx, p)
		if err != nil || len(known) == 0 {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		unsettled[p] = known
		for _, o := range known {
			arrived[o] = true
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("list the messages that arrived in their queues: %w", err)
	}
	if err := forEach(queues, func(q *catalog.Queue) error { return s.recoverMovesOf(ctx, q, arrived) }); err != nil {
		return fmt.Errorf("take up moves again: %w", err)
	}
	// Every move that had arrived has ended now.
	for _, target := range slices.Sorted(maps.Keys(unsettled)) {
		client, p := s.home(view.QueueOf(target))
		if err := client.Settle(ctx, p, unsettled[target]); err != nil {
			return fmt.Errorf("settle moves into partition %d: %w", p, err)
		}
	}
	return nil
}

// recoverMovesOf ends the moves out of a queue; arrived has all that their targets know.
func (s *Service) recoverMovesOf(ctx context.Context, q *catalog.Queue, arrived map[queue.Origin]bool) error {
	client, p := s.home(q)
	count := 0
	failed := make(failures)
	err := eachMove(ctx, client, p, func(moves []queue.Move) error {
		if count == 0 {
			s.log.Info("taking up moves again", "queue", q.Name)
		}
		count += len(moves)
		var done, back []queue.Ref
		var deadLetters []queue.Move
		for _, m := range moves {
			switch ref := m.Handle.Ref; {
			case arrived[queue.Origin{Partition: p, Ref: ref}]:
				done = append(done, ref)
			case m.Target == 0:
				back = append(back, ref)
			default:
				deadLetters = append(deadLetters, m)
			}
		}
		if err := client.EndMove(ctx, p, done, true); err != nil {
			return err
		}
		if err := client.EndMove(ctx, p, back, false); err != nil {
			return err
		}
		s.carry(ctx, q, deadLetters, failed)
		return nil
	})
	if err != nil || count == 0 {
		return err
	}
	s.log.Info("took up moves again", "queue", q.Name, "count", count)
	err = failed.err()
	if errors.Is(err, shard.ErrDiskFull) {
		s.log.Warn("dead letters wait until the disk has room", "queue", q.Name)
		s.brokeOff(p)
		return nil
	}
	return err
}

// rouse lets Run look for what there is to mend.
func (s *Service) rouse() {
	select {
	case s.work <- struct{}{}:
	default:
	}
}

// mend repeats what has failed for the moment, until ctx ends.
func (s *Service) mend(ctx context.Context) error {
	retry := backoff{first: time.Second, max: 30 * time.Second}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.work:
		}
		if err := guarded(func() error { return s.mendOnce(ctx) }); err != nil {
			if ctx.Err() == nil {
				s.log.Warn("some background work failed and will be tried again", "error", err)
			}
			if !retry.sleep(ctx, s.clock) {
				return nil
			}
			s.rouse()
			continue
		}
		retry.next = 0
	}
}

// mendOnce does everything that waits to be done again. What fails waits again.
func (s *Service) mendOnce(ctx context.Context) error {
	err := s.configureFailed(ctx)
	unsettled := s.carrier.takeUnsettled()
	for _, target := range slices.Sorted(maps.Keys(unsettled)) {
		err = errors.Join(err, s.settle(ctx, target, unsettled[target]))
	}
	for _, source := range s.carrier.takeBroken() {
		q := s.catalog.View().QueueOf(source)
		if q == nil { // deleted meanwhile, so nothing moves out of it
			s.settleUnended(ctx, source, s.carrier.takeUnended(source))
			continue
		}
		if failed := s.sweep(ctx, q); failed != nil {
			s.carrier.breakOff(source)
			err = errors.Join(err, failed)
		}
	}
	return err
}

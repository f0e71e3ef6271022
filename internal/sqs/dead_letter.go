package sqs

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"

	"github.com/staunchmq/staunch/internal/catalog"
	"github.com/staunchmq/staunch/internal/queue"
	"github.com/staunchmq/staunch/internal/shard"
)

// A dead letter is carried in steps that each are durable (queue.Partition has the picture): the receive at the source has hidden
// it, Arrive puts it into the target, EndMove takes it out of the source, Settle lets the target forget about the move. Whoever
// hides messages carries them at once. What breaks off on the way (a lost answer, a shard that is down) stays hidden until the
// sweeper carries it, or until the next start does.
//
// Arrive is harmless if repeated before Settle, and must not be repeated after it: the message would be there twice. So no two may
// carry a message at once, and nobody may carry one whose move has ended:
//
//   - who has got moves to carry claims them first, and leaves alone what another has claimed;
//   - after that ReadMoving says which of them have not ended, and only those are carried. None of them can end while it is claimed.
//
// Messages are put back only when the target is gone for good. They may move again then, to another target: ReadMoving passes over moves
// to the old one.

// movesPage is how many moves are listed and carried at once.
const movesPage = 100

// eachMove calls fn with all moves out of a partition, up to movesPage at a time. A partition that is gone has none.
func eachMove(ctx context.Context, from shard.Client, source queue.ID, fn func([]queue.Move) error) error {
	var after queue.Ref
	for {
		moves, err := from.Moving(ctx, source, after, movesPage)
		switch {
		case errors.Is(err, shard.ErrNoPartition):
			return nil
		case err != nil:
			return err
		case len(moves) == 0:
			return nil
		}
		after = moves[len(moves)-1].Handle.Ref
		if err := fn(moves); err != nil {
			return err
		}
	}
}

// carryDeadLetters carries what a receive of q has hidden, and reports whether its target takes dead letters. It returns no error: the
// receive has its messages whatever becomes of the moves. When the client goes away, what was begun is finished, and the sweeper does the rest.
func (s *Service) carryDeadLetters(ctx context.Context, q *catalog.Queue, moves []queue.Move) (taken bool) {
	_, source := s.home(q)
	err := errPanicked
	defer func() {
		if err == nil {
			return
		}
		if ctx.Err() == nil {
			s.log.Warn("dead letters are held up on their way", "queue", q.Name, "error", err)
		}
		s.brokeOff(source)
	}()
	failed := make(failures)
	s.carry(ctx, q, moves, failed)
	err = failed.err()
	return err == nil && s.catalog.View().QueueOf(moves[0].Target) != nil
}

// brokeOff lets Run look for moves out of a partition that may have broken off.
func (s *Service) brokeOff(source queue.ID) {
	s.carrier.breakOff(source)
	s.rouse()
}

// failures are the targets that could not be reached, with the errors.
type failures map[queue.ID]error

func (f failures) err() error {
	var errs []error
	for _, target := range slices.Sorted(maps.Keys(f)) {
		errs = append(errs, f[target])
	}
	return errors.Join(errs...)
}

// carry takes moves out of q, movesPage at the most, to their targets, or puts them back where the target is gone. After a failure, which it
// adds to failed, it tries nothing more for the same target: while that is full, whatever waits for it is not read again and again.
func (s *Service) carry(ctx context.Context, q *catalog.Queue, moves []queue.Move, failed failures) {
	for len(moves) > 0 {
		target := moves[0].Target
		n := slices.IndexFunc(moves, func(m queue.Move) bool { return m.Target != target })
		if n < 0 {
			n = len(moves)
		}
		for left := moves[:n]; len(left) > 0 && failed[target] == nil; {
			var err error
			if left, err = s.carryTo(ctx, q, target, left); err != nil {
				failed[target] = err
			}
		}
		moves = moves[n:]
	}
}

// carryTo carries the first of the moves, as many as are read at once, and returns those that are left. ctx bounds the wait for a place; what
// was begun then is finished.
func (s *Service) carryTo(ctx context.Context, q *catalog.Queue, target queue.ID, moves []queue.Move) (left []queue.Move, err error) {
	if err := s.carrier.bringing.Acquire(ctx, 1); err != nil {
		return nil, fmt.Errorf("wait until other dead letters have arrived: %w", err)
	}
	ctx = context.WithoutCancel(ctx)
	from, source := s.home(q)
	claimed := s.carrier.claim(source, moves)
	if len(claimed) == 0 {
		s.carrier.bringing.Release(1)
		return nil, nil
	}
	gone := false
	defer func() {
		s.carrier.release(source, claimed)
		if gone {
			s.brokeOff(source) // whoever has hidden one of them again before the release could not claim it
		}
	}()
	refs, left, err := s.bring(ctx, q, target, claimed)
	gone = errors.Is(err, shard.ErrNoPartition)
	if err != nil && !gone {
		return nil, fmt.Errorf("put dead letters into partition %d: %w", target, err)
	}
	if err := from.EndMove(ctx, source, refs, !gone); err != nil {
		if !gone {
			s.carrier.endLater(source, target, refs)
		}
		return nil, fmt.Errorf("end the move of dead letters out of partition %d: %w", source, err)
	}
	if !gone {
		_ = s.settle(ctx, target, origins(source, refs))
	}
	return left, nil
}

// bring puts the first of the moves into their target, as many as are read at once, and returns their refs and the moves that are left.
// The error is shard.ErrNoPartition if the target is gone for good. The caller has a place for it, which bring gives back: after it no contents
// are in memory.
func (s *Service) bring(ctx context.Context, q *catalog.Queue, target queue.ID, moves []queue.Move) (refs []queue.Ref, left []queue.Move, err error) {
	defer s.carrier.bringing.Release(1)
	from, source := s.home(q)
	messages, left, err := from.ReadMoving(ctx, source, moves)
	if errors.Is(err, shard.ErrNoPartition) || err == nil && len(messages) == 0 {
		return nil, left, nil
	}
	if err != nil {
		return nil, nil, err
	}
	defer s.carrier.holds(messages)()
	return refsOf(messages), left, s.arrive(ctx, target, func(fifo bool) []shard.Arrival { return deadLetters(q, fifo, messages) })
}

// arrive puts moved messages into a target. The error is shard.ErrNoPartition if it is gone for good.
func (s *Service) arrive(ctx context.Context, target queue.ID, arrivals func(fifo bool) []shard.Arrival) error {
	q := s.catalog.View().QueueOf(target)
	if q == nil {
		return shard.ErrNoPartition
	}
	to, _ := s.home(q)
	err := to.Arrive(ctx, target, arrivals(q.Attributes.FIFO))
	if errors.Is(err, shard.ErrNoPartition) && s.catalog.View().QueueOf(target) != nil {
		return errors.New("the partition is still to be set up")
	}
	return err
}

// DeadLetterBytes is how much memory the contents of dead letters take that are on their way.
func (s *Service) DeadLetterBytes() int64 { return s.carrier.bytes.Load() }

// settle lets the target forget origins. What fails is done later, by Run.
func (s *Service) settle(ctx context.Context, target queue.ID, origins []queue.Origin) error {
	q := s.catalog.View().QueueOf(target)
	if q == nil {
		return nil
	}
	to, _ := s.home(q)
	err := to.Settle(ctx, target, origins)
	if err == nil || errors.Is(err, shard.ErrNoPartition) {
		return nil
	}
	s.carrier.settleLater(target, origins)
	s.rouse()
	return fmt.Errorf("settle moves into partition %d: %w", target, err)
}

func origins(source queue.ID, refs []queue.Ref) []queue.Origin {
	origins := make([]queue.Origin, len(refs))
	for i, ref := range refs {
		origins[i] = queue.Origin{Partition: source, Ref: ref}
	}
	return origins
}

// deadLetters are moves out of q as they arrive in a dead-letter queue: nearly unchanged (reference/sqs.md 9.2). In a FIFO queue
// they are new for retention, and the original message ID takes the place of the deduplication ID.
func deadLetters(q *catalog.Queue, fifo bool, moves []shard.MovingMessage) []shard.Arrival {
	source := partitionOf(q)
	arrivals := make([]shard.Arrival, len(moves))
	for i, m := range moves {
		message := m.Message
		message.VisibleAt = 0
		message.Source = queueARN(q.Key)
		if fifo {
			message.Sent = 0
			message.DeduplicationID = uuid.UUID(message.ID).String()
		}
		arrivals[i] = shard.Arrival{Origin: queue.Origin{Partition: source, Ref: m.Ref}, Message: message}
	}
	return arrivals
}

// sweep carries the dead letters that are moving out of q and that nobody carries. Moves without a target belong to a move task.
func (s *Service) sweep(ctx context.Context, q *catalog.Queue) error {
	from, source := s.home(q)
	unended := s.carrier.takeUnended(source)
	failed := make(failures)
	err := eachMove(ctx, from, source, func(moves []queue.Move) error {
		for _, m := range moves {
			delete(unended, m.Handle.Ref) // it will be settled by who carries it
		}
		s.carry(ctx, q, slices.DeleteFunc(moves, func(m queue.Move) bool { return m.Target == 0 }), failed)
		return nil
	})
	if err != nil {
		s.carrier.putUnended(source, unended)
		return errors.Join(err, failed.err())
	}
	s.settleUnended(ctx, source, unended)
	return failed.err()
}

// settleUnended settles moves out of a partition that have ended.
func (s *Service) settleUnended(ctx context.Context, source queue.ID, unended map[queue.Ref]queue.ID) {
	ended := make(map[queue.ID][]queue.Ref)
	for _, ref := range slices.SortedFunc(maps.Keys(unended), queue.Ref.Compare) {
		ended[unended[ref]] = append(ended[unended[ref]], ref)
	}
	for _, target := range slices.Sorted(maps.Keys(ended)) {
		_ = s.settle(ctx, target, origins(source, ended[target]))
	}
}

package sqs

import (
	"context"
	"errors"
	"fmt"
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
// carry a message at once, and nobody may carry one after it was swept:
//
//   - who has got a message to carry claims it first, and leaves alone what another has claimed;
//   - the sweeper looks again, after it has claimed, which messages are still moving;
//   - what it carries stays claimed for lateAfter, so that somebody who got the message before, and claims it only now, leaves it.
//
// Messages are put back only when the target is gone for good. So whoever still has the old move in hand fails in the same way, and
// the message is free to move again.

func origin(source queue.ID, m shard.MovingMessage) queue.Origin {
	return queue.Origin{Partition: source, Ref: m.Ref}
}

// carryDeadLetters carries what a receive of q has hidden. It returns no error: the receive has its messages whatever becomes of the
// moves. It is not stopped by the client's going away.
func (s *Service) carryDeadLetters(ctx context.Context, q *catalog.Queue, moves []shard.MovingMessage) {
	_, source := s.home(q)
	moves = s.carrier.claim(source, moves)
	if len(moves) == 0 {
		return
	}
	err := errPanicked
	defer func() {
		s.carrier.release(source, moves)
		if err != nil {
			s.log.Warn("dead letters are held up on their way", "queue", q.Name, "error", err)
			s.brokeOff(source)
		}
	}()
	_, err = s.carry(context.WithoutCancel(ctx), q, moves)
}

// brokeOff lets Run look for moves out of a partition that may have broken off.
func (s *Service) brokeOff(source queue.ID) {
	s.carrier.breakOff(source)
	s.rouse()
}

// carry takes moves out of q to their targets, or puts them back where the target is gone. With an error it returns those that may
// still be on their way.
func (s *Service) carry(ctx context.Context, q *catalog.Queue, moves []shard.MovingMessage) (late []shard.MovingMessage, err error) {
	for len(moves) > 0 {
		target := moves[0].Target
		n := slices.IndexFunc(moves, func(m shard.MovingMessage) bool { return m.Target != target })
		if n < 0 {
			n = len(moves)
		}
		if failed := s.carryTo(ctx, q, target, moves[:n]); failed != nil {
			late = append(late, moves[:n]...)
			err = errors.Join(err, failed)
		}
		moves = moves[n:]
	}
	return late, err
}

func (s *Service) carryTo(ctx context.Context, q *catalog.Queue, target queue.ID, moves []shard.MovingMessage) error {
	from, source := s.home(q)
	refs := make([]queue.Ref, len(moves))
	for i, m := range moves {
		refs[i] = m.Ref
	}
	err := s.arrive(ctx, target, func(fifo bool) []shard.Arrival { return deadLetters(q, fifo, moves) })
	gone := errors.Is(err, shard.ErrNoPartition)
	if err != nil && !gone {
		return fmt.Errorf("put dead letters into partition %d: %w", target, err)
	}
	if err := from.EndMove(ctx, source, refs, !gone); err != nil {
		if !gone {
			s.carrier.endLater(source, target, refs)
		}
		return fmt.Errorf("end the move of dead letters out of partition %d: %w", source, err)
	}
	if gone {
		s.carrier.release(source, moves) // they are as they were, and may move again
		return nil
	}
	_ = s.settle(ctx, target, origins(source, refs))
	return nil
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

// sweep carries the dead letters that are moving out of q and that nobody carries.
func (s *Service) sweep(ctx context.Context, q *catalog.Queue) error {
	from, source := s.home(q)
	unended := s.carrier.takeUnended(source)
	moving, err := deadLettersMoving(ctx, from, source)
	if err != nil {
		s.carrier.putUnended(source, unended)
		return err
	}
	claimed := s.carrier.claim(source, moving)
	if len(claimed) > 0 {
		// Those that were carried by others before the claim are not moving any more.
		if moving, err = deadLettersMoving(ctx, from, source); err != nil {
			s.carrier.release(source, claimed)
			s.carrier.putUnended(source, unended)
			return err
		}
	}
	isMoving := func(ref queue.Ref) bool {
		return slices.ContainsFunc(moving, func(m shard.MovingMessage) bool { return m.Ref == ref })
	}
	// What is moving will be settled by who carries it.
	for _, u := range unended {
		if !isMoving(u.ref) {
			_ = s.settle(ctx, u.target, []queue.Origin{{Partition: source, Ref: u.ref}})
		}
	}
	still := slices.DeleteFunc(slices.Clone(claimed), func(m shard.MovingMessage) bool { return !isMoving(m.Ref) })
	s.carrier.keep(source, claimed, s.clock.Now().Add(lateAfter))
	late, err := s.carry(ctx, q, still)
	s.carrier.release(source, late)
	return err
}

// deadLettersMoving lists the dead letters on their way out of a partition. Those without a target belong to a move task.
func deadLettersMoving(ctx context.Context, from shard.Client, source queue.ID) ([]shard.MovingMessage, error) {
	moving, err := from.Moving(ctx, source)
	if errors.Is(err, shard.ErrNoPartition) {
		return nil, nil
	}
	return slices.DeleteFunc(moving, func(m shard.MovingMessage) bool { return m.Target == 0 }), err
}

package shard

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/staunchmq/staunch/internal/queue"
)

var (
	_ Client        = (*Shard)(nil)
	_ DefinitionLog = (*Shard)(nil)
)

const (
	// messageBytes is about what a message takes in a request, beside its content.
	messageBytes = 256
	// requestBytesMax bounds one request: whatever waits in the record that it comes to, that stays within journal.RecordBytesMax.
	requestBytesMax = 32 << 20
	// movedBytesMax bounds the content of messages that are moved together.
	movedBytesMax = 8 << 20
)

// submit hands a request to the loop. Requests without a size are always taken in.
func (s *Shard) submit(r request) error {
	size := int64(r.size())
	if size > requestBytesMax {
		return fmt.Errorf("shard %d: a request of %d bytes is larger than %d", s.options.ID, size, requestBytesMax)
	}
	s.mu.Lock()
	switch {
	case s.closed:
		s.mu.Unlock()
		return ErrUnavailable
	case size > 0 && s.inboxBytes > 0 && s.inboxBytes+size > s.options.InboxBytesMax:
		s.mu.Unlock()
		return ErrOverloaded
	}
	s.inbox = append(s.inbox, r)
	s.inboxBytes += size
	first := len(s.inbox) == 1
	s.mu.Unlock()
	if first {
		s.rouse()
	}
	return nil
}

// ask hands a request to the loop and waits for the answer. When ctx ends first, the request may still take place; then the
// results, which the loop may be writing, must not be read.
func (s *Shard) ask(ctx context.Context, r request, a *asked) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.submit(r); err != nil {
		return err
	}
	select {
	case <-a.done:
		return a.err
	case <-ctx.Done():
	}
	if a.answered() {
		return a.err
	}
	return ctx.Err()
}

func toPartition(p queue.ID) to { return to{asked: newAsked(), partition: p} }

// Configure implements Client.
func (s *Shard) Configure(ctx context.Context, p queue.ID, settings queue.Settings) error {
	r := &configure{to: toPartition(p), settings: settings}
	return s.ask(ctx, r, &r.asked)
}

// Drop implements Client.
func (s *Shard) Drop(ctx context.Context, p queue.ID) error {
	r := &drop{to: toPartition(p)}
	return s.ask(ctx, r, &r.asked)
}

// Partitions implements Client.
func (s *Shard) Partitions(ctx context.Context) (map[queue.ID]queue.Settings, error) {
	r := &listPartitions{asked: newAsked()}
	if err := s.ask(ctx, r, &r.asked); err != nil {
		return nil, err
	}
	return r.partitions, nil
}

// Fence returns when everything that the shard was asked before is decided, and what came of it is durable: also what nobody waits for
// any more. Receives that wait for messages are not waited for.
func (s *Shard) Fence(ctx context.Context) error {
	r := &fence{asked: newAsked()}
	return s.ask(ctx, r, &r.asked)
}

// Send implements Client.
func (s *Shard) Send(ctx context.Context, p queue.ID, messages []SendMessage) ([]queue.SendResult, error) {
	r := &send{to: toPartition(p), messages: make([]queue.NewMessage, len(messages)), bytes: requestBytes}
	for i := range messages {
		m := &messages[i]
		r.messages[i].Message = queue.Message{ID: m.ID, Group: m.Group, DeduplicationID: m.DeduplicationID, Content: m.Content}
		r.messages[i].OtherDeduplicationID = m.OtherDeduplicationID
		if m.Delay != nil {
			ms := m.Delay.Milliseconds()
			r.messages[i].Delay = &ms
		}
		r.bytes += messageBytes + len(m.Content)
	}
	if err := s.ask(ctx, r, &r.asked); err != nil {
		return nil, err
	}
	return r.results, nil
}

// Receive implements Client.
func (s *Shard) Receive(ctx context.Context, p queue.ID, in ReceiveRequest) (*ReceiveResult, error) {
	r := &receive{
		to:      toPartition(p),
		ctx:     ctx,
		options: queue.ReceiveOptions{Max: in.Max, Attempt: in.Attempt},
		wait:    in.Wait > 0,
		room:    in.Room,
	}
	if in.Visibility != nil {
		ms := in.Visibility.Milliseconds()
		r.options.Visibility = &ms
	}
	if r.wait {
		r.waitEnd = s.options.Clock.Now().Add(in.Wait)
	}
	if err := s.ask(ctx, r, &r.asked); err != nil {
		if ctx.Err() != nil {
			_ = s.submit(&giveUp{of: r}) // refused only when the shard stops, and then all waits end
		}
		return nil, err
	}
	result := &ReceiveResult{}
	var err error
	result.Messages, err = s.received(ctx, p, r)
	switch {
	case errors.Is(err, errNoRoom):
		s.putBack(ctx, p, r.result)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if len(r.result.Dead) == 0 {
			return nil, ErrOverloaded
		}
	case err != nil:
		return nil, s.readFailed(err)
	}
	for _, d := range r.result.Dead {
		result.Moves = append(result.Moves, queue.Move{Delivery: d, Target: r.result.DeadLetter})
	}
	return result, nil
}

// readFailed logs why a message could not be read. Who asked hears that the shard is unavailable: the messages are in flight and
// come back.
func (s *Shard) readFailed(err error) error {
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	s.log.Error("cannot read a message", "error", err)
	return errors.Join(ErrUnavailable, err)
}

// Delete implements Client.
func (s *Shard) Delete(ctx context.Context, p queue.ID, handles []queue.Handle) ([]error, error) {
	r := &deletion{to: toPartition(p), handles: handles}
	if err := s.ask(ctx, r, &r.asked); err != nil {
		return nil, err
	}
	return r.errs, nil
}

// ChangeVisibility implements Client.
func (s *Shard) ChangeVisibility(ctx context.Context, p queue.ID, changes []queue.VisibilityChange) ([]error, error) {
	r := &changeVisibility{to: toPartition(p), changes: changes}
	if err := s.ask(ctx, r, &r.asked); err != nil {
		return nil, err
	}
	return r.errs, nil
}

// Purge implements Client.
func (s *Shard) Purge(ctx context.Context, p queue.ID, interval time.Duration) error {
	r := &purge{to: toPartition(p), interval: interval}
	return s.ask(ctx, r, &r.asked)
}

// Stats implements Client.
func (s *Shard) Stats(ctx context.Context, p queue.ID) (queue.Stats, error) {
	r := &statistics{to: toPartition(p)}
	if err := s.ask(ctx, r, &r.asked); err != nil {
		return queue.Stats{}, err
	}
	return r.stats, nil
}

// AllStats returns the counts of all partitions. Counts of partitions that nobody asked anything may lag behind deadlines.
func (s *Shard) AllStats(ctx context.Context) (map[queue.ID]queue.Stats, error) {
	r := &allStatistics{asked: newAsked()}
	if err := s.ask(ctx, r, &r.asked); err != nil {
		return nil, err
	}
	return r.stats, nil
}

// BeginMove implements Client.
func (s *Shard) BeginMove(ctx context.Context, p queue.ID, max int, target queue.ID) ([]queue.Move, error) {
	r := &beginMove{to: toPartition(p), max: max, target: target}
	if err := s.ask(ctx, r, &r.asked); err != nil {
		return nil, err
	}
	return r.moves, nil
}

// Moving implements Client.
func (s *Shard) Moving(ctx context.Context, p queue.ID, after queue.Ref, max int) ([]queue.Move, error) {
	r := &listMoving{to: toPartition(p), after: after, max: max}
	if err := s.ask(ctx, r, &r.asked); err != nil {
		return nil, err
	}
	return r.moves, nil
}

// ReadMoving implements Client.
func (s *Shard) ReadMoving(ctx context.Context, p queue.ID, moves []queue.Move) ([]MovingMessage, []queue.Move, error) {
	r := &stillMoving{to: toPartition(p), moves: moves}
	if err := s.ask(ctx, r, &r.asked); err != nil {
		return nil, nil, err
	}
	messages, left, err := s.readMoving(ctx, p, r.still)
	if err != nil {
		return nil, nil, s.readFailed(err)
	}
	return messages, left, nil
}

// Arrive implements Client.
func (s *Shard) Arrive(ctx context.Context, p queue.ID, arrivals []Arrival) error {
	return inParts(arrivals, arriveTogether, func(part []Arrival) error {
		r := &arrive{to: toPartition(p), arrivals: part}
		return s.ask(ctx, r, &r.asked)
	})
}

// arriveTogether returns how many of the arrivals go into one request. A hundred dead letters of the largest size are too much
// for one record.
func arriveTogether(arrivals []Arrival) int {
	bytes := 0
	for i := range arrivals {
		if bytes += len(arrivals[i].Message.Content); bytes > movedBytesMax && i > 0 {
			return i
		}
	}
	return len(arrivals)
}

// EndMove implements Client.
func (s *Shard) EndMove(ctx context.Context, p queue.ID, refs []queue.Ref, moved bool) error {
	return inParts(refs, nameTogether, func(part []queue.Ref) error {
		r := &endMove{to: toPartition(p), refs: part, moved: moved}
		return s.ask(ctx, r, &r.asked)
	})
}

// Settle implements Client.
func (s *Shard) Settle(ctx context.Context, p queue.ID, origins []queue.Origin) error {
	return inParts(origins, nameTogether, func(part []queue.Origin) error {
		r := &settle{to: toPartition(p), origins: part}
		return s.ask(ctx, r, &r.asked)
	})
}

// nameTogether returns how many messages one request names: all of a million would make a record of 25 MB.
func nameTogether[T queue.Ref | queue.Origin](names []T) int { return min(len(names), 10_000) }

// inParts makes requests of as many items as go together.
func inParts[T any](items []T, together func([]T) int, do func([]T) error) error {
	for partly := false; len(items) > 0; partly = true {
		n := together(items)
		if err := do(items[:n]); err != nil {
			if partly {
				return fmt.Errorf("%w: %w", ErrPartly, err)
			}
			return err
		}
		items = items[n:]
	}
	return nil
}

// Unsettled implements Client.
func (s *Shard) Unsettled(ctx context.Context, p queue.ID) ([]queue.Origin, error) {
	r := &listUnsettled{to: toPartition(p)}
	if err := s.ask(ctx, r, &r.asked); err != nil {
		return nil, err
	}
	return r.origins, nil
}

// AppendDefinition implements DefinitionLog.
func (s *Shard) AppendDefinition(ctx context.Context, change []byte, grows bool) error {
	if s.options.Definitions == nil {
		return fmt.Errorf("shard %d carries no definitions", s.options.ID)
	}
	r := &define{asked: newAsked(), change: change, grows: grows}
	return s.ask(ctx, r, &r.asked)
}

// StopWaiting answers all waiting receives empty, and lets none wait from now on. A server that stops calls it before it waits for
// its clients to hear their answers.
func (s *Shard) StopWaiting(ctx context.Context) error {
	r := &stopWaiting{asked: newAsked()}
	return s.ask(ctx, r, &r.asked)
}

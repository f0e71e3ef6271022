package sqs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/catalog"
	"github.com/staunchmq/staunch/internal/queue"
	"github.com/staunchmq/staunch/internal/shard"
)

// ReceiveMessage hands out messages (reference/sqs.md 4.11), waiting for the first as long as it may. Dead letters that it comes
// across are in their dead-letter queue when it answers.
func (s *Service) ReceiveMessage(ctx context.Context, c *api.Caller, in *api.ReceiveMessageInput) (*api.ReceiveMessageOutput, error) {
	q, err := s.queue(c, in.QueueUrl)
	if err != nil {
		return nil, err
	}
	wanted, err := systemAttributesWanted(c, in)
	if err != nil {
		return nil, err
	}
	request, err := receiveRequest(q, in)
	if err != nil {
		return nil, err
	}
	if _, err := s.sealer.dataKey(q); err != nil {
		return nil, s.failure(q, err) // before messages are taken that most likely cannot be read
	}
	request.Room = c.Room
	received, err := s.receive(ctx, q, request)
	if err != nil {
		return nil, err
	}
	out := &api.ReceiveMessageOutput{}
	if len(received) == 0 {
		return out, nil
	}
	contents, err := s.openAll(q, &received)
	if err != nil {
		return nil, err
	}
	filter := newAttributeFilter(in.MessageAttributeNames)
	out.Messages = make([]api.Message, len(received))
	for i := range received {
		s.present(&out.Messages[i], q, &received[i], &contents[i], wanted, &filter)
	}
	return out, nil
}

// openAll reads the contents of received messages. Messages of a standard queue whose keys are missing are left out, as long as there
// are others: those are not to wait for them. They are visible again after the visibility timeout, like all that no answer has had.
func (s *Service) openAll(q *catalog.Queue, received *[]shard.ReceivedMessage) ([]content, error) {
	contents := make([]content, 0, len(*received))
	readable := (*received)[:0]
	var missing error
	for _, m := range *received {
		c, err := s.sealer.open(q, &m.Message)
		switch {
		case err == nil:
			contents, readable = append(contents, c), append(readable, m)
		case keyFailure(q, err) != nil && !q.Attributes.FIFO:
			missing = err
		default:
			return nil, s.failure(q, fmt.Errorf("message %s: %w", messageIDText(m.ID), err))
		}
	}
	*received = readable
	if missing == nil {
		return contents, nil
	}
	if len(contents) == 0 {
		return nil, s.failure(q, missing)
	}
	s.log.Warn("messages were left out of a receive, because their keys are missing", "queue", q.Name, "account", q.Account, "error", missing)
	return contents, nil
}

// receiveRequest checks the parameters and fills in what the queue decides.
func receiveRequest(q *catalog.Queue, in *api.ReceiveMessageInput) (shard.ReceiveRequest, error) {
	invalid := func(value any, parameter, reason string) (shard.ReceiveRequest, error) {
		return shard.ReceiveRequest{}, api.InvalidValue(value, parameter, reason)
	}
	attempt := in.ReceiveRequestAttemptId
	switch {
	case !inRange(in.MaxNumberOfMessages, 1, receiveMessagesMax):
		return invalid(*in.MaxNumberOfMessages, "MaxNumberOfMessages", fmt.Sprintf("Must be between 1 and %d, if provided.", receiveMessagesMax))
	case !inRange(in.VisibilityTimeout, 0, visibilitySecondsMax):
		return invalid(*in.VisibilityTimeout, "VisibilityTimeout", fmt.Sprintf("Must be >= 0 and <= %d, if provided.", visibilitySecondsMax))
	case !inRange(in.WaitTimeSeconds, 0, waitSecondsMax):
		return invalid(*in.WaitTimeSeconds, "WaitTimeSeconds", fmt.Sprintf("Must be >= 0 and <= %d, if provided.", waitSecondsMax))
	case attempt != nil && !q.Attributes.FIFO:
		return invalid(*attempt, "ReceiveRequestAttemptId", notForQueueType+".")
	case attempt != nil && !isID(*attempt):
		return invalid(*attempt, "ReceiveRequestAttemptId", idRule("ReceiveRequestAttemptId")+".")
	}
	r := shard.ReceiveRequest{
		Max:        1,
		Visibility: seconds(in.VisibilityTimeout),
		Wait:       time.Duration(q.Attributes.ReceiveWaitSeconds) * time.Second,
		Attempt:    text(attempt),
	}
	if in.MaxNumberOfMessages != nil {
		r.Max = int(*in.MaxNumberOfMessages)
	}
	if in.WaitTimeSeconds != nil {
		r.Wait = *seconds(in.WaitTimeSeconds)
	}
	return r, nil
}

// deadLetterRounds is how often a receive whose wait is over tries again after it came across nothing but dead letters.
const deadLetterRounds = 10

// receive takes messages from the queue's partition, and carries dead letters away. If it came across nothing but dead letters, it
// tries again with what is left of the wait. If these could not be carried away it answers at once, even if the wait is not over: going on
// it would hide all that there are, and have nothing to show for it. The next receives come to what lies behind them.
func (s *Service) receive(ctx context.Context, q *catalog.Queue, request shard.ReceiveRequest) ([]shard.ReceivedMessage, error) {
	client, p := s.home(q)
	isLongPoll := request.Wait > 0
	end := s.clock.Now().Add(request.Wait)
	for round := 0; ; {
		result, err := client.Receive(ctx, p, request)
		switch {
		case errors.Is(err, queue.ErrInFlightLimit) && isLongPoll:
			return nil, nil // AWS is silent here, but not on a short poll
		case err != nil:
			if ctx.Err() != nil || errors.Is(err, shard.ErrUnavailable) {
				s.brokeOff(p) // the answer that is lost may have had dead letters in it
			}
			return nil, s.failure(q, err)
		}
		taken := len(result.Moves) > 0 && s.carryDeadLetters(ctx, q, result.Moves)
		if len(result.Messages) > 0 || !taken {
			return result.Messages, nil
		}
		request.Wait = min(request.Wait, max(0, end.Sub(s.clock.Now()))) // a clock that is set back makes no wait longer
		if request.Wait == 0 {
			if round++; round > deadLetterRounds {
				return nil, nil
			}
		}
	}
}

// present fills in a message as the client sees it.
func (s *Service) present(out *api.Message, q *catalog.Queue, m *shard.ReceivedMessage, c *content, wanted []systemAttribute, filter *attributeFilter) {
	attributes := filter.take(c.Attributes)
	*out = api.Message{
		MessageId:              messageIDText(m.ID),
		ReceiptHandle:          s.handles.encode(partitionOf(q), m.Handle),
		MD5OfBody:              digestText(c.BodyMD5),
		Body:                   c.Body,
		Attributes:             systemAttributeValues(wanted, q, m, c),
		MD5OfMessageAttributes: attributesMD5(attributes),
		MessageAttributes:      attributeValues(attributes),
	}
}

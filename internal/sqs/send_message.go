package sqs

import (
	"context"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/shard"
)

// SendMessage puts a message into a queue (reference/sqs.md 4.9). It answers after the message is durable.
func (s *Service) SendMessage(ctx context.Context, c *api.Caller, in *api.SendMessageInput) (*api.SendMessageOutput, error) {
	q, err := s.queue(c, in.QueueUrl)
	if err != nil {
		return nil, err
	}
	var texts sendTexts
	switch {
	case text(in.MessageBody) == "":
		return nil, texts.missingBody()
	case q.Attributes.FIFO && in.MessageGroupId == nil:
		return nil, api.Missing("MessageGroupId")
	case q.Attributes.FIFO && in.MessageDeduplicationId == nil && !q.Attributes.ContentBasedDeduplication:
		return nil, api.InvalidParameterValue.Newf(needDeduplicationID)
	}
	m, err := s.compose(c, q, &api.SendMessageBatchRequestEntry{
		MessageBody:             in.MessageBody,
		DelaySeconds:            in.DelaySeconds,
		MessageAttributes:       in.MessageAttributes,
		MessageSystemAttributes: in.MessageSystemAttributes,
		MessageDeduplicationId:  in.MessageDeduplicationId,
		MessageGroupId:          in.MessageGroupId,
	}, texts)
	if err != nil {
		return nil, err
	}
	began := s.sealer.underWay.begin()
	defer s.sealer.underWay.end(began)
	sealed := []outgoing{m}
	contents, err := s.seal(q, sealed)
	if err != nil {
		return nil, s.failure(q, err)
	}
	m = sealed[0]
	client, p := s.home(q)
	results, err := client.Send(ctx, p, []shard.SendMessage{m.message})
	if err != nil {
		return nil, s.failure(q, err)
	}
	contents.giveBack()
	return &api.SendMessageOutput{
		MessageId:                    messageIDText(results[0].ID),
		MD5OfMessageBody:             m.bodyMD5,
		MD5OfMessageAttributes:       m.attributesMD5,
		MD5OfMessageSystemAttributes: m.systemAttributesMD5,
		SequenceNumber:               sequenceNumber(q, results[0].Ref),
	}, nil
}

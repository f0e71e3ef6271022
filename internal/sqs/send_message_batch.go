package sqs

import (
	"context"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/catalog"
	"github.com/staunchmq/staunch/internal/shard"
)

// SendMessageBatch puts up to ten messages into a queue (reference/sqs.md 4.10). Those that pass their checks are put in together,
// in the order of the request; it answers after all of them are durable.
func (s *Service) SendMessageBatch(ctx context.Context, c *api.Caller, in *api.SendMessageBatchInput) (*api.SendMessageBatchOutput, error) {
	q, err := s.queue(c, in.QueueUrl)
	if err != nil {
		return nil, err
	}
	if err := checkSendBatch(q, in); err != nil {
		return nil, err
	}
	out := &api.SendMessageBatchOutput{}
	var composed []outgoing
	for i := range in.Entries {
		entry := &in.Entries[i]
		m, err := s.compose(c, q, entry, sendTexts{entry: i + 1})
		if err != nil {
			out.Failed = append(out.Failed, s.batchFailure(*entry.Id, err))
			continue
		}
		if composed == nil {
			composed = make([]outgoing, 0, len(in.Entries))
			out.Successful = make([]api.SendMessageBatchResultEntry, 0, len(in.Entries))
		}
		composed = append(composed, m)
		out.Successful = append(out.Successful, api.SendMessageBatchResultEntry{
			Id:                           *entry.Id,
			MD5OfMessageAttributes:       m.attributesMD5,
			MD5OfMessageSystemAttributes: m.systemAttributesMD5,
		})
	}
	if len(composed) == 0 {
		return out, nil
	}
	began := s.sealer.underWay.begin()
	defer s.sealer.underWay.end(began)
	contents, err := s.seal(q, composed)
	if err != nil {
		return nil, s.failure(q, err)
	}
	messages := make([]shard.SendMessage, len(composed))
	for i := range composed {
		messages[i] = composed[i].message
		out.Successful[i].MD5OfMessageBody = composed[i].bodyMD5
	}
	client, p := s.home(q)
	results, err := client.Send(ctx, p, messages)
	if err != nil {
		return nil, s.failure(q, err)
	}
	contents.giveBack()
	for i, r := range results {
		out.Successful[i].MessageId = messageIDText(r.ID)
		out.Successful[i].SequenceNumber = sequenceNumber(q, r.Ref)
	}
	return out, nil
}

// checkSendBatch checks what fails a batch as a whole.
func checkSendBatch(q *catalog.Queue, in *api.SendMessageBatchInput) error {
	err := checkBatch(batchEntryName, len(in.Entries), in.Entries != nil, func(i int) *string { return in.Entries[i].Id })
	if err != nil {
		return err
	}
	size := 0
	for i := range in.Entries {
		size += messageSize(text(in.Entries[i].MessageBody), in.Entries[i].MessageAttributes)
	}
	if size > messageSizeMax {
		return api.BatchRequestTooLong.Newf("Batch requests cannot be longer than %d bytes. You have sent %d bytes.", messageSizeMax, size)
	}
	if !q.Attributes.FIFO {
		return nil
	}
	for i := range in.Entries {
		if in.Entries[i].MessageGroupId == nil {
			// The text of a missing parameter, but not its code.
			return api.InvalidParameterValue.Newf("%s", api.Missing("MessageGroupId").Message)
		}
	}
	for i := range in.Entries {
		if in.Entries[i].MessageDeduplicationId == nil && !q.Attributes.ContentBasedDeduplication {
			return api.InvalidParameterValue.Newf(needDeduplicationID)
		}
	}
	return nil
}

package sqs

import (
	"context"
	"fmt"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/catalog"
	"github.com/staunchmq/staunch/internal/queue"
)

const visibilityEntryName = "ChangeMessageVisibilityBatchRequestEntry"

// ChangeMessageVisibilityBatch changes the visibility of up to ten messages, each by itself (reference/sqs.md 4.15).
func (s *Service) ChangeMessageVisibilityBatch(ctx context.Context, c *api.Caller, in *api.ChangeMessageVisibilityBatchInput) (*api.ChangeMessageVisibilityBatchOutput, error) {
	q, err := s.queue(c, in.QueueUrl)
	if err != nil {
		return nil, err
	}
	err = checkBatch(visibilityEntryName, len(in.Entries), in.Entries != nil, func(i int) *string { return in.Entries[i].Id })
	if err != nil {
		return nil, err
	}
	errs := make([]error, len(in.Entries))
	var changes []queue.VisibilityChange
	var entries []int // of the changes
	for i := range in.Entries {
		change, err := s.visibilityChange(q, &in.Entries[i], i)
		if err != nil {
			errs[i] = err
			continue
		}
		changes, entries = append(changes, change), append(entries, i)
	}
	if len(changes) > 0 {
		client, p := s.home(q)
		results, err := client.ChangeVisibility(ctx, p, changes)
		if err != nil {
			return nil, s.failure(q, err)
		}
		for k, i := range entries {
			errs[i] = visibilityFailure(*in.Entries[i].ReceiptHandle, *in.Entries[i].VisibilityTimeout, results[k])
		}
	}
	out := &api.ChangeMessageVisibilityBatchOutput{}
	for i, entry := range in.Entries {
		if errs[i] != nil {
			out.Failed = append(out.Failed, s.batchFailure(*entry.Id, errs[i]))
		} else {
			out.Successful = append(out.Successful, api.ChangeMessageVisibilityBatchResultEntry{Id: *entry.Id})
		}
	}
	return out, nil
}

// visibilityChange checks entry i of a batch.
func (s *Service) visibilityChange(q *catalog.Queue, entry *api.ChangeMessageVisibilityBatchRequestEntry, i int) (queue.VisibilityChange, error) {
	switch {
	case entry.ReceiptHandle == nil:
		return queue.VisibilityChange{}, api.Missing(entryParameter(visibilityEntryName, i, "ReceiptHandle"))
	case entry.VisibilityTimeout == nil:
		return queue.VisibilityChange{}, api.Missing(entryParameter(visibilityEntryName, i, "VisibilityTimeout"))
	case !inRange(entry.VisibilityTimeout, 0, visibilitySecondsMax):
		return queue.VisibilityChange{}, api.InvalidValue(*entry.VisibilityTimeout, "VisibilityTimeout",
			fmt.Sprintf("VisibilityTimeout must be an integer between 0 and %d.", visibilitySecondsMax))
	}
	handle, err := s.handle(q, *entry.ReceiptHandle)
	return queue.VisibilityChange{Handle: handle, Timeout: *entry.VisibilityTimeout * 1000}, err
}

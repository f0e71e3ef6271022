package sqs

import (
	"context"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/queue"
)

// DeleteMessageBatch removes up to ten messages, each by itself (reference/sqs.md 4.13).
func (s *Service) DeleteMessageBatch(ctx context.Context, c *api.Caller, in *api.DeleteMessageBatchInput) (*api.DeleteMessageBatchOutput, error) {
	const entryName = "DeleteMessageBatchRequestEntry"
	q, err := s.queue(c, in.QueueUrl)
	if err != nil {
		return nil, err
	}
	err = checkBatch(entryName, len(in.Entries), in.Entries != nil, func(i int) *string { return in.Entries[i].Id })
	if err != nil {
		return nil, err
	}
	errs := make([]error, len(in.Entries))
	handles := make([]queue.Handle, 0, len(in.Entries))
	entries := make([]int, 0, len(in.Entries)) // of the handles
	for i, entry := range in.Entries {
		if entry.ReceiptHandle == nil {
			errs[i] = api.Missing(entryParameter(entryName, i, "ReceiptHandle"))
			continue
		}
		handle, err := s.handle(q, *entry.ReceiptHandle)
		if err != nil {
			errs[i] = err
			continue
		}
		handles, entries = append(handles, handle), append(entries, i)
	}
	if len(handles) > 0 {
		client, p := s.home(q)
		results, err := client.Delete(ctx, p, handles)
		if err != nil {
			return nil, s.failure(q, err)
		}
		for k, i := range entries {
			errs[i] = handleFailure(*in.Entries[i].ReceiptHandle, results[k])
		}
	}
	out := &api.DeleteMessageBatchOutput{}
	for i, entry := range in.Entries {
		if errs[i] != nil {
			out.Failed = append(out.Failed, s.batchFailure(*entry.Id, errs[i]))
		} else {
			if out.Successful == nil {
				out.Successful = make([]api.DeleteMessageBatchResultEntry, 0, len(in.Entries))
			}
			out.Successful = append(out.Successful, api.DeleteMessageBatchResultEntry{Id: *entry.Id})
		}
	}
	return out, nil
}

package sqs

import (
	"context"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/queue"
)

// DeleteMessage removes a message that was received (reference/sqs.md 4.12). It answers after the removal is durable; one that
// was removed already is a success.
func (s *Service) DeleteMessage(ctx context.Context, c *api.Caller, in *api.DeleteMessageInput) error {
	q, err := s.queue(c, in.QueueUrl)
	if err != nil {
		return err
	}
	if in.ReceiptHandle == nil {
		return api.Missing("ReceiptHandle")
	}
	handle, err := s.handle(q, *in.ReceiptHandle)
	if err != nil {
		return err
	}
	client, p := s.home(q)
	errs, err := client.Delete(ctx, p, []queue.Handle{handle})
	if err != nil {
		return s.failure(q, err)
	}
	return handleFailure(*in.ReceiptHandle, errs[0])
}

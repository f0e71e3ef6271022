package sqs

import (
	"context"
	"errors"
	"fmt"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/queue"
)

// ChangeMessageVisibility lets the visibility timeout of a message end so many seconds from now (reference/sqs.md 4.14).
func (s *Service) ChangeMessageVisibility(ctx context.Context, c *api.Caller, in *api.ChangeMessageVisibilityInput) error {
	q, err := s.queue(c, in.QueueUrl)
	if err != nil {
		return err
	}
	switch {
	case in.ReceiptHandle == nil:
		return api.Missing("ReceiptHandle")
	case in.VisibilityTimeout == nil:
		return api.Missing("VisibilityTimeout")
	case !inRange(in.VisibilityTimeout, 0, visibilitySecondsMax):
		return api.InvalidValue(*in.VisibilityTimeout, "VisibilityTimeout", fmt.Sprintf("Must be between 0 and %d.", visibilitySecondsMax))
	}
	handle, err := s.handle(q, *in.ReceiptHandle)
	if err != nil {
		return err
	}
	client, p := s.home(q)
	errs, err := client.ChangeVisibility(ctx, p, []queue.VisibilityChange{{Handle: handle, Timeout: *in.VisibilityTimeout * 1000}})
	if err != nil {
		return s.failure(q, err)
	}
	return visibilityFailure(*in.ReceiptHandle, *in.VisibilityTimeout, errs[0])
}

// visibilityFailure says what an error about one change of visibility means for the client. AWS has one text for a handle that is
// not the current one and for a message that is gone.
func visibilityFailure(handle string, timeout int64, err error) error {
	switch {
	case errors.Is(err, queue.ErrVisibilityTotal):
		return api.InvalidValue(timeout, "VisibilityTimeout", fmt.Sprintf("Total VisibilityTimeout for the message is beyond the limit [%d seconds].", visibilitySecondsMax))
	case errors.Is(err, queue.ErrHandleExpired):
		err = queue.ErrNotAvailable
	}
	return handleFailure(handle, err)
}

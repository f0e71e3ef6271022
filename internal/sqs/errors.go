package sqs

import (
	"context"
	"errors"
	"fmt"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/catalog"
	"github.com/staunchmq/staunch/internal/queue"
	"github.com/staunchmq/staunch/internal/shard"
)

// failure says what an error of a shard or of the catalog means for the client. q is the queue it was about, nil if it was about
// none. Errors of single receipt handles have handleFailure.
func (s *Service) failure(q *catalog.Queue, err error) error {
	var known *api.Error
	switch {
	case err == nil || errors.As(err, &known):
		return err
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err // the client is gone
	case errors.Is(err, shard.ErrNoPartition):
		if q == nil || s.catalog.View().Queue(q.ID) == nil {
			return api.QueueDoesNotExist.New()
		}
		// Its partition is still to come. If nobody is at it, somebody should be.
		s.configurator.expect(q.Partitions)
		s.rouse()
		return api.ServiceUnavailable.Newf("The queue is being set up. Try again.")
	case errors.Is(err, shard.ErrOverloaded):
		return api.RequestThrottled.New()
	case errors.Is(err, shard.ErrDiskFull):
		return api.ServiceUnavailable.Newf("The server's disk is full: it takes no more messages until there is room again.")
	case errors.Is(err, shard.ErrUnavailable):
		return api.ServiceUnavailable.New()
	case errors.Is(err, queue.ErrInFlightLimit):
		return api.OverLimit.New()
	case errors.Is(err, queue.ErrPurgeInProgress):
		return api.PurgeQueueInProgress.Newf("Only one PurgeQueue operation on %s is allowed every %d seconds.", q.Name, s.purgeSeconds())
	}
	if q != nil {
		if known := keyFailure(q, err); known != nil {
			return known
		}
		return fmt.Errorf("queue %s of account %s, region %s: %w", q.Name, q.Account, q.Region, err)
	}
	return err
}

// handleFailure says what an error about one receipt handle means for the client.
func handleFailure(handle string, err error) error {
	switch {
	case errors.Is(err, queue.ErrHandleExpired):
		return api.InvalidValue(handle, "ReceiptHandle", "The receipt handle has expired.")
	case errors.Is(err, queue.ErrNotAvailable):
		return api.InvalidValue(handle, "ReceiptHandle", "Message does not exist or is not available for visibility timeout change.")
	}
	return err
}

// commitFailure is failure for a change of the definition of a queue: if it is not known how the commit went, Run will see to it.
func (s *Service) commitFailure(k catalog.Key, partitions []catalog.Partition, err error) error {
	var known *api.Error
	if !errors.As(err, &known) {
		s.doubt(k, partitions)
	}
	return s.failure(nil, err)
}

// batchFailure is the entry of a batch's answer for an entry that failed.
func (s *Service) batchFailure(id string, err error) api.BatchResultErrorEntry {
	var known *api.Error
	if !errors.As(err, &known) {
		s.log.Error("a batch entry failed", "error", err)
		known = api.InternalFailure.New()
	}
	return known.BatchEntry(id)
}

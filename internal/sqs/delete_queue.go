package sqs

import (
	"context"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/catalog"
)

// DeleteQueue removes a queue with its messages, tags and policies (reference/sqs.md 4.2). It acts at once: receives that wait at
// the queue end with QueueDoesNotExist. Queues that send their dead letters here keep them from now on.
func (s *Service) DeleteQueue(ctx context.Context, c *api.Caller, in *api.DeleteQueueInput) error {
	q, err := s.queue(c, in.QueueUrl)
	if err != nil {
		return err
	}
	err = s.catalog.Update(ctx, func(v *catalog.View) (catalog.Change, error) {
		if v.Queue(q.ID) == nil {
			return nil, api.QueueDoesNotExist.New()
		}
		now := s.now()
		// Names deleted just now are remembered for as long as they are blocked; with no delay that is not at all.
		return catalog.DeleteQueue{ID: q.ID, At: now, ForgetBefore: now - s.recreateDelay.Milliseconds() + 1}, nil
	})
	if err != nil {
		return s.commitFailure(q.Key, q.Partitions, err)
	}
	s.configureSources(ctx, q.Key)
	// The queue is gone, whatever becomes of its partition; what fails here is done in the background.
	_ = s.configureQueue(ctx, q)
	return nil
}

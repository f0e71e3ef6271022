package sqs

import (
	"context"

	"github.com/staunchmq/staunch/internal/api"
)

// PurgeQueue removes all messages of a queue, whatever their state, and clears its deduplication memory (reference/sqs.md 4.8).
func (s *Service) PurgeQueue(ctx context.Context, c *api.Caller, in *api.PurgeQueueInput) error {
	q, err := s.queue(c, in.QueueUrl)
	if err != nil {
		return err
	}
	client, p := s.home(q)
	return s.failure(q, client.Purge(ctx, p, s.purgeInterval))
}

// purgeSeconds is the purge interval for texts.
func (s *Service) purgeSeconds() int64 { return int64(s.purgeInterval.Seconds()) }

package sqs

import (
	"context"

	"github.com/staunchmq/staunch/internal/api"
)

// UntagQueue removes tags of a queue (reference/sqs.md 4.19). Keys that it does not have are passed over.
func (s *Service) UntagQueue(ctx context.Context, c *api.Caller, in *api.UntagQueueInput) error {
	q, err := s.queue(c, in.QueueUrl)
	if err != nil {
		return err
	}
	if len(in.TagKeys) == 0 {
		return api.Missing("TagKeys")
	}
	return s.changeTags(ctx, q, func(tags map[string]string) error {
		for _, key := range in.TagKeys {
			delete(tags, key)
		}
		return nil
	})
}

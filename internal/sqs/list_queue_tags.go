package sqs

import (
	"context"
	"maps"

	"github.com/staunchmq/staunch/internal/api"
)

// ListQueueTags returns the tags of a queue (reference/sqs.md 4.20).
func (s *Service) ListQueueTags(_ context.Context, c *api.Caller, in *api.ListQueueTagsInput) (*api.ListQueueTagsOutput, error) {
	q, err := s.queue(c, in.QueueUrl)
	if err != nil {
		return nil, err
	}
	out := &api.ListQueueTagsOutput{}
	if len(q.Tags) > 0 {
		out.Tags = maps.Clone(q.Tags)
	}
	return out, nil
}

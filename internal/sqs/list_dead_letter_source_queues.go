package sqs

import (
	"context"

	"github.com/staunchmq/staunch/internal/api"
)

// ListDeadLetterSourceQueues lists the queues that have a queue as their dead-letter queue (reference/sqs.md 4.5).
func (s *Service) ListDeadLetterSourceQueues(_ context.Context, c *api.Caller, in *api.ListDeadLetterSourceQueuesInput) (*api.ListDeadLetterSourceQueuesOutput, error) {
	target, err := s.queue(c, in.QueueUrl)
	if err != nil {
		return nil, err
	}
	p, err := newPage(in.MaxResults, in.NextToken, "ListDeadLetterSourceQueues", queueARN(target.Key))
	if err != nil {
		return nil, err
	}
	out := &api.ListDeadLetterSourceQueuesOutput{}
	for q := range s.catalog.View().Sources(target.Key, p.after) {
		if !p.take(q.Key) {
			break
		}
		out.QueueUrls = append(out.QueueUrls, queueURL(c, q.Key))
	}
	out.NextToken = p.nextToken()
	return out, nil
}

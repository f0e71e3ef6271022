package sqs

import (
	"context"

	"github.com/staunchmq/staunch/internal/api"
)

// ListQueues lists the caller's queues whose names start with a prefix, in the order of their names (reference/sqs.md 4.4).
func (s *Service) ListQueues(_ context.Context, c *api.Caller, in *api.ListQueuesInput) (*api.ListQueuesOutput, error) {
	if err := s.ready(); err != nil {
		return nil, err
	}
	p, err := newPage(in.MaxResults, in.NextToken, "ListQueues", c.Account, c.Region, in.QueueNamePrefix)
	if err != nil {
		return nil, err
	}
	out := &api.ListQueuesOutput{}
	for q := range s.catalog.View().List(c.Account, c.Region, in.QueueNamePrefix, p.after.Name) {
		if !p.take(q.Key) {
			break
		}
		out.QueueUrls = append(out.QueueUrls, queueURL(c, q.Key))
	}
	out.NextToken = p.nextToken()
	return out, nil
}

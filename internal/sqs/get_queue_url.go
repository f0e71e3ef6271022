package sqs

import (
	"context"
	"strings"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/arn"
	"github.com/staunchmq/staunch/internal/catalog"
)

// GetQueueUrl finds a queue by its name (reference/sqs.md 4.3).
func (s *Service) GetQueueUrl(_ context.Context, c *api.Caller, in *api.GetQueueUrlInput) (*api.GetQueueUrlOutput, error) {
	if err := s.ready(); err != nil {
		return nil, err
	}
	fifo := strings.HasSuffix(text(in.QueueName), fifoSuffix)
	if err := checkQueueName(in.QueueName, fifo); err != nil {
		return nil, err
	}
	k := catalog.Key{Account: c.Account, Region: c.Region, Name: *in.QueueName}
	if owner := in.QueueOwnerAWSAccountId; owner != nil {
		if !arn.ValidAccount(*owner) {
			return nil, api.InvalidValue(*owner, "QueueOwnerAWSAccountId", "An account id has 12 digits.")
		}
		k.Account = *owner
	}
	if s.catalog.View().Lookup(k) == nil {
		return nil, api.QueueDoesNotExist.New()
	}
	return &api.GetQueueUrlOutput{QueueUrl: queueURL(c, k)}, nil
}

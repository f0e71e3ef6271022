package sqs

import (
	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/arn"
	"github.com/staunchmq/staunch/internal/catalog"
	"github.com/staunchmq/staunch/internal/queue"
	"github.com/staunchmq/staunch/internal/shard"
)

// ready fails with ServiceUnavailable until the service has started.
func (s *Service) ready() error {
	select {
	case <-s.started:
		return nil
	default:
		return api.ServiceUnavailable.Newf("The server is starting. Try again.")
	}
}

// queue finds the queue that a QueueUrl names. Only the account and the name in it count, and a bare name means the caller's
// account; the region is the caller's (reference/sqs.md 3.2). Everything else is QueueDoesNotExist.
func (s *Service) queue(c *api.Caller, queueURL string) (*catalog.Queue, error) {
	if err := s.ready(); err != nil {
		return nil, err
	}
	named, err := arn.OfQueueURL(queueURL, c.Region, c.Account)
	if err != nil {
		return nil, api.QueueDoesNotExist.New()
	}
	q := s.catalog.View().Lookup(keyOf(named))
	if q == nil {
		return nil, api.QueueDoesNotExist.New()
	}
	return q, nil
}

// queueURL is the URL of a queue as this caller sees it.
func queueURL(c *api.Caller, k catalog.Key) string {
	return c.BaseURL + "/" + k.Account + "/" + k.Name
}

// queueARN is the ARN of a queue.
func queueARN(k catalog.Key) string { return arn.Queue(k.Region, k.Account, k.Name).String() }

// keyOf is the name that an ARN stands for.
func keyOf(a arn.ARN) catalog.Key {
	return catalog.Key{Account: a.Account, Region: a.Region, Name: a.Name}
}

// home returns the shard and the ID of the partition that holds the queue's messages. A queue has one partition as yet.
func (s *Service) home(q *catalog.Queue) (shard.Client, queue.ID) {
	return s.shards[q.Partitions[0].Shard], partitionOf(q)
}

// partitionOf returns the ID of the partition that holds the queue's messages.
func partitionOf(q *catalog.Queue) queue.ID { return q.Partitions[0].ID }

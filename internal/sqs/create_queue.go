package sqs

import (
	"context"
	"encoding/binary"
	"maps"

	"github.com/zeebo/xxh3"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/catalog"
	"github.com/staunchmq/staunch/internal/queue"
)

// CreateQueue makes a queue, or finds the one of that name if it is as the request wants it (reference/sqs.md 4.1). The queue can
// be used when it answers.
func (s *Service) CreateQueue(ctx context.Context, c *api.Caller, in *api.CreateQueueInput) (*api.CreateQueueOutput, error) {
	if err := s.ready(); err != nil {
		return nil, err
	}
	fifo, _ := parseBool(in.Attributes["FifoQueue"])
	if err := checkQueueName(in.QueueName, fifo); err != nil {
		return nil, err
	}
	e := &edit{
		key:        catalog.Key{Account: c.Account, Region: c.Region, Name: *in.QueueName},
		attributes: defaultAttributes(fifo),
		given:      in.Attributes,
	}
	if err := e.applyAttributes(); err != nil {
		return nil, err
	}
	if err := checkTags(e.key.Name, in.Tags); err != nil {
		return nil, err
	}
	var created *catalog.Queue
	err := s.catalog.Update(ctx, func(v *catalog.View) (catalog.Change, error) {
		if existing := v.Lookup(e.key); existing != nil {
			return nil, e.compare(existing, in.Tags)
		}
		q, err := s.newQueue(v, e, in.Tags)
		if err != nil {
			return nil, err
		}
		created = q
		s.configurator.expect(q.Partitions)
		return catalog.CreateQueue{Queue: *q}, nil
	})
	switch {
	case err != nil && created != nil:
		return nil, s.commitFailure(e.key, created.Partitions, err)
	case err != nil:
		return nil, s.failure(nil, err)
	}
	if err := s.setUp(ctx, e.key, created); err != nil {
		return nil, err
	}
	return &api.CreateQueueOutput{QueueUrl: queueURL(c, e.key)}, nil
}

// newQueue is the queue to create.
func (s *Service) newQueue(v *catalog.View, e *edit, tags map[string]string) (*catalog.Queue, error) {
	now := s.now()
	// A deletion that lies ahead was before the clock was set back, nobody knows how long.
	if at, ok := v.DeletedAt(e.key); ok && at <= now && now < at+s.recreateDelay.Milliseconds() {
		return nil, api.QueueDeletedRecently.Newf("You must wait %d seconds after deleting a queue before you can create another with the same name.",
			int64(s.recreateDelay.Seconds()))
	}
	if err := e.checkThroughput(); err != nil {
		return nil, err
	}
	if err := e.checkRedrive(v); err != nil {
		return nil, err
	}
	if err := s.checkPrincipals(v, e); err != nil {
		return nil, err
	}
	id := v.NextID()
	partition := queue.ID(id + 1)
	return &catalog.Queue{
		ID:         catalog.QueueID(id),
		Key:        e.key,
		Attributes: e.attributes,
		Tags:       maps.Clone(tags),
		Created:    now,
		Modified:   now,
		Partitions: []catalog.Partition{{ID: partition, Shard: shardFor(partition, len(s.shards))}},
	}, nil
}

// shardFor spreads partitions over n shards.
func shardFor(p queue.ID, n int) int {
	var data [8]byte
	binary.BigEndian.PutUint64(data[:], uint64(p))
	return int(xxh3.Hash(data[:]) % uint64(n))
}

// setUp makes the queue of this key usable, which this call has created, or another one (created is nil): that may still be at it.
// An error is an internal one: the definition stands, and the rest is done in the background or by asking again.
func (s *Service) setUp(ctx context.Context, k catalog.Key, created *catalog.Queue) error {
	q := created
	if q == nil {
		q = s.catalog.View().Lookup(k)
		if q == nil || !s.configurator.isPending(q.Partitions) {
			return nil
		}
	}
	if err := s.configureQueue(ctx, q); err != nil {
		return s.failure(q, err)
	}
	if created != nil {
		s.configureSources(ctx, k)
	}
	return nil
}

// compare checks that a queue that exists has the values that the request gives; what the request does not give does not matter.
func (e *edit) compare(existing *catalog.Queue, tags map[string]string) error {
	const different = "A queue already exists with the same name and a different value for "
	for _, row := range queueAttributes {
		if _, given := e.given[row.name]; given && !row.same(&e.attributes, &existing.Attributes) {
			return api.QueueNameExists.Newf(different+"attribute %s", row.name)
		}
	}
	if len(tags) > 0 && !maps.Equal(tags, existing.Tags) {
		return api.QueueNameExists.Newf(different + "tags")
	}
	return nil
}

package sqs

import (
	"context"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/catalog"
)

// SetQueueAttributes changes attributes of a queue, all or none (reference/sqs.md 4.7). They are in force when it answers.
func (s *Service) SetQueueAttributes(ctx context.Context, c *api.Caller, in *api.SetQueueAttributesInput) error {
	q, err := s.queue(c, in.QueueUrl)
	if err != nil {
		return err
	}
	if len(in.Attributes) == 0 {
		return api.Missing("Attribute.Name")
	}
	return s.changeAttributes(ctx, q, func(v *catalog.View, e *edit) error {
		e.given = in.Attributes
		if err := e.applyAttributes(); err != nil {
			return err
		}
		if err := e.checkThroughput(); err != nil {
			return err
		}
		if err := e.checkRedrive(v); err != nil {
			return err
		}
		return s.checkPrincipals(v, e)
	})
}

// changeAttributes commits what change makes of the newest attributes of q, and lets its partitions follow.
func (s *Service) changeAttributes(ctx context.Context, q *catalog.Queue, change func(*catalog.View, *edit) error) error {
	err := s.catalog.Update(ctx, func(v *catalog.View) (catalog.Change, error) {
		current := v.Queue(q.ID)
		if current == nil {
			return nil, api.QueueDoesNotExist.New()
		}
		e := &edit{key: current.Key, attributes: current.Attributes}
		if err := change(v, e); err != nil {
			return nil, err
		}
		if e.given == nil && e.attributes == current.Attributes {
			return nil, nil
		}
		return catalog.SetAttributes{ID: q.ID, Attributes: e.attributes, Modified: s.now()}, nil
	})
	if err != nil {
		return s.commitFailure(q.Key, q.Partitions, err)
	}
	if err := s.configureQueue(ctx, q); err != nil {
		return s.failure(q, err)
	}
	return nil
}

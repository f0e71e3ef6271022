package sqs

import (
	"context"
	"maps"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/catalog"
)

// TagQueue sets tags of a queue (reference/sqs.md 4.18). Others stay.
func (s *Service) TagQueue(ctx context.Context, c *api.Caller, in *api.TagQueueInput) error {
	q, err := s.queue(c, in.QueueUrl)
	if err != nil {
		return err
	}
	if len(in.Tags) == 0 {
		return api.Missing("Tags")
	}
	if err := checkTags(q.Name, in.Tags); err != nil {
		return err
	}
	return s.changeTags(ctx, q, func(tags map[string]string) error {
		maps.Copy(tags, in.Tags)
		if len(tags) > tagsMax {
			return tooManyTags(q.Name)
		}
		return nil
	})
}

// changeTags commits what change makes of the newest tags of q.
func (s *Service) changeTags(ctx context.Context, q *catalog.Queue, change func(tags map[string]string) error) error {
	err := s.catalog.Update(ctx, func(v *catalog.View) (catalog.Change, error) {
		current := v.Queue(q.ID)
		if current == nil {
			return nil, api.QueueDoesNotExist.New()
		}
		tags := make(map[string]string)
		maps.Copy(tags, current.Tags)
		if err := change(tags); err != nil {
			return nil, err
		}
		if maps.Equal(tags, current.Tags) {
			return nil, nil
		}
		return catalog.SetTags{ID: q.ID, Tags: tags}, nil
	})
	return s.failure(q, err)
}

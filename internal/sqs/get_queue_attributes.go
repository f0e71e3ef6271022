package sqs

import (
	"context"
	"slices"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/catalog"
)

// GetQueueAttributes returns attributes of a queue (reference/sqs.md 4.6). Counts are exact as of now.
func (s *Service) GetQueueAttributes(ctx context.Context, c *api.Caller, in *api.GetQueueAttributesInput) (*api.GetQueueAttributesOutput, error) {
	q, err := s.queue(c, in.QueueUrl)
	if err != nil {
		return nil, err
	}
	rows, err := attributesWanted(q, in.AttributeNames)
	if err != nil {
		return nil, err
	}
	st, err := s.state(ctx, q, rows)
	if err != nil {
		return nil, err
	}
	out := &api.GetQueueAttributesOutput{}
	for _, row := range rows {
		value, has := row.text(q, st)
		if !has {
			continue
		}
		if out.Attributes == nil {
			out.Attributes = make(map[string]string, len(rows))
		}
		out.Attributes[row.name] = value
	}
	return out, nil
}

// attributesWanted returns the rows of the names that a queue of this type can have.
func attributesWanted(q *catalog.Queue, names []string) ([]*attribute, error) {
	wantAll := false
	for _, name := range names {
		switch {
		case name == all:
			wantAll = true
		case queueAttribute(name) == nil:
			return nil, unknownAttribute(name)
		}
	}
	var rows []*attribute
	for _, row := range queueAttributes {
		if row.fifoOnly && !q.Attributes.FIFO {
			continue
		}
		if wantAll && !row.byNameOnly || slices.Contains(names, row.name) {
			rows = append(rows, row)
		}
	}
	return rows, nil
}

// state asks the queue's partition for what the rows need.
func (s *Service) state(ctx context.Context, q *catalog.Queue, rows []*attribute) (*state, error) {
	st := &state{now: s.now()}
	if !slices.ContainsFunc(rows, func(row *attribute) bool { return row.counts }) {
		return st, nil
	}
	client, p := s.home(q)
	stats, err := client.Stats(ctx, p)
	if err != nil {
		return nil, s.failure(q, err)
	}
	st.stats = stats
	return st, nil
}

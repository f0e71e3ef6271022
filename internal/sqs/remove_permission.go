package sqs

import (
	"context"
	"fmt"
	"slices"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/catalog"
)

// RemovePermission removes the statement with a label from the policy of a queue (reference/sqs.md 4.17). With the last one, the
// policy goes.
func (s *Service) RemovePermission(ctx context.Context, c *api.Caller, in *api.RemovePermissionInput) error {
	q, err := s.queue(c, in.QueueUrl)
	if err != nil {
		return err
	}
	if in.Label == nil {
		return api.Missing("Label")
	}
	return s.changeAttributes(ctx, q, func(_ *catalog.View, e *edit) error {
		notFound := api.InvalidValue(*in.Label, "Label", "can't find label.")
		if e.attributes.Policy == "" {
			return notFound
		}
		p, err := parsePolicy(e.attributes.Policy)
		if err != nil {
			return fmt.Errorf("read the policy of queue %s: %w", e.key.Name, err)
		}
		i := p.find(*in.Label)
		if i < 0 {
			return notFound
		}
		p.Statement = slices.Delete(p.Statement, i, i+1)
		if len(p.Statement) == 0 {
			e.attributes.Policy = ""
			return nil
		}
		e.attributes.Policy, err = p.encode()
		return err
	})
}

package identity

import (
	"context"

	"github.com/staunchmq/staunch/internal/catalog"
	"github.com/staunchmq/staunch/internal/iam"
)

// leaver is a user or role that is to be deleted.
type leaver struct {
	arn, id  string
	deletion catalog.Change
}

// remove deletes the user or role that find returns. Before that, each policy of a queue or role that names it by its ARN comes to name it by its
// unique ID, which changes nothing that the policy decides; the next user or role of that ARN is not meant by it. Nothing names a user or role that
// is deleted, whatever was saved meanwhile. After an error it is still there, and may be named in either way.
func (s *Service) remove(ctx context.Context, find func(*catalog.Identities) (leaver, error)) error {
	for {
		if err := s.nameByID(ctx, find); err != nil {
			return err
		}
		deleted := false
		err := s.catalog.Update(ctx, func(v *catalog.View) (catalog.Change, error) {
			l, err := find(v.Identities())
			if err != nil || l.isNamed(v) {
				return nil, err
			}
			deleted = true
			return l.deletion, nil
		})
		if err != nil || deleted {
			return err
		}
	}
}

// nameByID changes all policies that there are now, each in a change of its own: there may be many.
func (s *Service) nameByID(ctx context.Context, find func(*catalog.Identities) (leaver, error)) error {
	v := s.catalog.View()
	l, err := find(v.Identities())
	if err != nil {
		return err
	}
	update := func(change func(*catalog.View) catalog.Change) error {
		return s.catalog.Update(ctx, func(v *catalog.View) (catalog.Change, error) { return change(v), nil })
	}
	for q := range v.All() {
		if l.inQueue(q) == nil {
			continue
		}
		if err := update(func(v *catalog.View) catalog.Change { return l.inQueue(v.Queue(q.ID)) }); err != nil {
			return err
		}
	}
	for r := range rolesOf(v.Identities()) {
		if l.inRole(r) == nil {
			continue
		}
		if err := update(func(v *catalog.View) catalog.Change { return l.inRole(v.Identities().Role(r.ID)) }); err != nil {
			return err
		}
	}
	return nil
}

// isNamed tells whether a policy names the leaver by its ARN.
func (l leaver) isNamed(v *catalog.View) bool {
	for q := range v.All() {
		if l.inQueue(q) != nil {
			return true
		}
	}
	for r := range rolesOf(v.Identities()) {
		if l.inRole(r) != nil {
			return true
		}
	}
	return false
}

// inQueue returns the change after which the policy of a queue names the leaver by its ID; nil if it does not name it, or is gone.
func (l leaver) inQueue(q *catalog.Queue) catalog.Change {
	if q == nil {
		return nil
	}
	policy, ok := iam.NameByID(q.Attributes.Policy, l.arn, l.id)
	if !ok {
		return nil
	}
	changed := q.Attributes
	changed.Policy = policy
	return catalog.SetAttributes{ID: q.ID, Attributes: changed, Modified: q.Modified, Frees: true}
}

// inRole is inQueue for the trust policy of a role.
func (l leaver) inRole(r *catalog.Role) catalog.Change {
	if r == nil {
		return nil
	}
	policy, ok := iam.NameByID(r.TrustPolicy, l.arn, l.id)
	if !ok {
		return nil
	}
	changed := *r
	changed.TrustPolicy = policy
	return catalog.PutRole{Role: changed, Frees: true}
}

// rolesOf goes through the roles of all accounts.
func rolesOf(ids *catalog.Identities) func(yield func(*catalog.Role) bool) {
	return func(yield func(*catalog.Role) bool) {
		for a := range ids.Accounts() {
			for r := range ids.Roles(a.ID) {
				if !yield(r) {
					return
				}
			}
		}
	}
}

package identity

import (
	"context"
	"slices"

	"github.com/staunchmq/staunch/internal/catalog"
)

// Group gives its policies to its users.
type Group struct {
	Name    string   `json:"name"`
	ARN     string   `json:"arn"`
	ID      string   `json:"id"` // AGPA and 16 characters; unique over all time
	Path    string   `json:"path"`
	Users   []string `json:"users"` // names, ascending
	Created int64    `json:"created"`
}

// CreateGroupInput is the input of CreateGroup.
type CreateGroupInput struct {
	Account string `json:"account"` // ID or name
	// Group is the name: 1 to 128 letters, digits or any of _+=,.@-, unique in the account without regard to case.
	Group string `json:"group"`
	// Path begins and ends with /; empty for /.
	Path string `json:"path,omitempty"`
}

// CreateGroup adds a group without users. Errors: Invalid, NotFound, Exists, Limit.
func (s *Service) CreateGroup(ctx context.Context, in *CreateGroupInput) (*Group, error) {
	g := catalog.Group{Name: in.Group, Created: s.now()}
	err := s.update(ctx, func(ids *catalog.Identities) (catalog.Change, error) {
		a, err := account(ids, in.Account)
		if err != nil {
			return nil, err
		}
		g.Account = a.ID
		if err := checkName("group name", in.Group, groupNameMax); err != nil {
			return nil, err
		}
		if g.Path, err = checkPath(in.Path); err != nil {
			return nil, err
		}
		switch {
		case ids.GroupNamed(a.ID, in.Group) != nil:
			return nil, refuse(Exists, "account %s has a group %s already", a.ID, in.Group)
		case full(ids.Groups(a.ID), groupsMax):
			return nil, refuse(Limit, "account %s has %d groups already", a.ID, groupsMax)
		}
		if g.ID, err = s.uniqueID("AGPA"); err != nil {
			return nil, err
		}
		return catalog.PutGroup{Group: g}, nil
	})
	if err != nil {
		return nil, err
	}
	return groupOf(&g), nil
}

// ListGroupsInput is the input of ListGroups.
type ListGroupsInput struct {
	Account string `json:"account"` // ID or name
}

// ListGroupsOutput is the groups of an account in the order of their names.
type ListGroupsOutput struct {
	Groups []*Group `json:"groups"`
}

// ListGroups lists the groups of an account with their users. Errors: NotFound.
func (s *Service) ListGroups(_ context.Context, in *ListGroupsInput) (*ListGroupsOutput, error) {
	ids := s.identities()
	a, err := account(ids, in.Account)
	if err != nil {
		return nil, err
	}
	out := &ListGroupsOutput{Groups: []*Group{}}
	byID := make(map[string]*Group)
	for g := range ids.Groups(a.ID) {
		byID[g.ID] = groupOf(g)
		out.Groups = append(out.Groups, byID[g.ID])
	}
	for u := range ids.Users(a.ID) {
		for _, id := range u.Groups {
			byID[id].Users = append(byID[id].Users, u.Name)
		}
	}
	return out, nil
}

// DeleteGroupInput is the input of DeleteGroup.
type DeleteGroupInput struct {
	Account string `json:"account"` // ID or name
	Group   string `json:"group"`
}

// DeleteGroup removes a group with its policies. Its users lose what it gave them. Errors: NotFound.
func (s *Service) DeleteGroup(ctx context.Context, in *DeleteGroupInput) (*Done, error) {
	return done(s.update(ctx, func(ids *catalog.Identities) (catalog.Change, error) {
		g, err := group(ids, in.Account, in.Group)
		if err != nil {
			return nil, err
		}
		return catalog.DeleteGroup{ID: g.ID}, nil
	}))
}

// MembershipInput is the input of AddToGroup and RemoveFromGroup.
type MembershipInput struct {
	Account string `json:"account"` // ID or name
	Group   string `json:"group"`
	User    string `json:"user"`
}

// AddToGroup puts a user into a group; one that is in it stays so. Errors: NotFound; Limit: a user is in at most 10 groups.
func (s *Service) AddToGroup(ctx context.Context, in *MembershipInput) (*Done, error) {
	return done(s.member(ctx, in, func(u *catalog.User, g *catalog.Group) error {
		i, in := slices.BinarySearch(u.Groups, g.ID)
		if in {
			return nil
		}
		if len(u.Groups) >= groupsOfUserMax {
			return refuse(Limit, "user %s is in %d groups already", u.Name, groupsOfUserMax)
		}
		u.Groups = slices.Insert(u.Groups, i, g.ID)
		return nil
	}))
}

// RemoveFromGroup takes a user out of a group; one that is not in it stays so. Errors: NotFound.
func (s *Service) RemoveFromGroup(ctx context.Context, in *MembershipInput) (*Done, error) {
	return done(s.member(ctx, in, func(u *catalog.User, g *catalog.Group) error {
		if i, in := slices.BinarySearch(u.Groups, g.ID); in {
			u.Groups = slices.Delete(u.Groups, i, i+1)
		}
		return nil
	}))
}

// member changes the groups of a user.
func (s *Service) member(ctx context.Context, in *MembershipInput, change func(*catalog.User, *catalog.Group) error) error {
	return s.update(ctx, func(ids *catalog.Identities) (catalog.Change, error) {
		g, err := group(ids, in.Account, in.Group)
		if err != nil {
			return nil, err
		}
		u, err := user(ids, in.Account, in.User)
		if err != nil {
			return nil, err
		}
		changed := *u
		changed.Groups = slices.Clone(u.Groups)
		if err := change(&changed, g); err != nil || slices.Equal(changed.Groups, u.Groups) {
			return nil, err
		}
		return catalog.PutUser{User: changed}, nil
	})
}

func groupOf(g *catalog.Group) *Group {
	return &Group{Name: g.Name, ARN: groupARN(g.Account, g.Path, g.Name), ID: g.ID, Path: g.Path, Users: []string{}, Created: g.Created}
}

// group finds a group by the account's ID or name and its own name.
func group(ids *catalog.Identities, accountOrName, name string) (*catalog.Group, error) {
	a, err := account(ids, accountOrName)
	if err != nil {
		return nil, err
	}
	if g := ids.GroupNamed(a.ID, name); g != nil {
		return g, nil
	}
	return nil, refuse(NotFound, "account %s has no group %q", a.ID, name)
}

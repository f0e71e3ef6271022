package identity

import (
	"context"
	"slices"
	"strings"

	"github.com/staunchmq/staunch/internal/catalog"
)

// User is who has access keys.
type User struct {
	Name    string   `json:"name"`
	ARN     string   `json:"arn"`
	ID      string   `json:"id"` // AIDA and 16 characters; unique over all time
	Path    string   `json:"path"`
	Groups  []string `json:"groups"` // names, ascending
	Created int64    `json:"created"`
}

// CreateUserInput is the input of CreateUser.
type CreateUserInput struct {
	Account string `json:"account"` // ID or name
	// User is the name: 1 to 64 letters, digits or any of _+=,.@-, unique in the account without regard to case. It is not root:
	// credentials files mean the root of the account by that.
	User string `json:"user"`
	// Path begins and ends with /; empty for /.
	Path string `json:"path,omitempty"`
}

// CreateUser adds a user, who may do nothing yet. Errors: Invalid, NotFound, Exists, Limit.
func (s *Service) CreateUser(ctx context.Context, in *CreateUserInput) (*User, error) {
	u := catalog.User{Name: in.User, Created: s.now()}
	var made *User
	err := s.update(ctx, func(ids *catalog.Identities) (catalog.Change, error) {
		a, err := account(ids, in.Account)
		if err != nil {
			return nil, err
		}
		u.Account = a.ID
		if err := checkName("user name", in.User, userNameMax); err != nil {
			return nil, err
		}
		if strings.EqualFold(in.User, "root") {
			return nil, refuse(Invalid, "a user cannot be called %s: in credentials files that is the root of the account", in.User)
		}
		if u.Path, err = checkPath(in.Path); err != nil {
			return nil, err
		}
		switch {
		case ids.UserNamed(a.ID, in.User) != nil:
			return nil, refuse(Exists, "account %s has a user %s already", a.ID, in.User)
		case full(ids.Users(a.ID), usersMax):
			return nil, refuse(Limit, "account %s has %d users already", a.ID, usersMax)
		}
		if u.ID, err = s.uniqueID("AIDA"); err != nil {
			return nil, err
		}
		made = userOf(ids, &u)
		return catalog.PutUser{User: u}, nil
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

// ListUsersInput is the input of ListUsers.
type ListUsersInput struct {
	Account string `json:"account"` // ID or name
}

// ListUsersOutput is the users of an account in the order of their names.
type ListUsersOutput struct {
	Users []*User `json:"users"`
}

// ListUsers lists the users of an account. Errors: NotFound.
func (s *Service) ListUsers(_ context.Context, in *ListUsersInput) (*ListUsersOutput, error) {
	ids := s.identities()
	a, err := account(ids, in.Account)
	if err != nil {
		return nil, err
	}
	out := &ListUsersOutput{Users: []*User{}}
	for u := range ids.Users(a.ID) {
		out.Users = append(out.Users, userOf(ids, u))
	}
	return out, nil
}

// DeleteUserInput is the input of DeleteUser.
type DeleteUserInput struct {
	Account string `json:"account"` // ID or name
	User    string `json:"user"`
}

// DeleteUser removes a user with all policies and access keys; requests signed with one are refused from then on. Policies of queues and
// roles that name it show its unique ID, and do not mean another user of its name. Errors: NotFound.
func (s *Service) DeleteUser(ctx context.Context, in *DeleteUserInput) (*Done, error) {
	return done(s.remove(ctx, func(ids *catalog.Identities) (leaver, error) {
		u, err := user(ids, in.Account, in.User)
		if err != nil {
			return leaver{}, err
		}
		return leaver{userARN(u.Account, u.Path, u.Name), u.ID, catalog.DeleteUser{ID: u.ID}}, nil
	}))
}

func userOf(ids *catalog.Identities, u *catalog.User) *User {
	out := &User{Name: u.Name, ARN: userARN(u.Account, u.Path, u.Name), ID: u.ID, Path: u.Path, Groups: []string{}, Created: u.Created}
	for _, id := range u.Groups {
		if g := ids.Group(id); g != nil {
			out.Groups = append(out.Groups, g.Name)
		}
	}
	slices.Sort(out.Groups)
	return out
}

// user finds a user by the account's ID or name and its own name.
func user(ids *catalog.Identities, accountOrName, name string) (*catalog.User, error) {
	a, err := account(ids, accountOrName)
	if err != nil {
		return nil, err
	}
	if u := ids.UserNamed(a.ID, name); u != nil {
		return u, nil
	}
	return nil, refuse(NotFound, "account %s has no user %q", a.ID, name)
}

package identity

import (
	"context"

	"github.com/staunchmq/staunch/internal/catalog"
	"github.com/staunchmq/staunch/internal/iam"
)

// Role is who others become for a while.
type Role struct {
	Name        string `json:"name"`
	ARN         string `json:"arn"`
	ID          string `json:"id"` // AROA and 16 characters; unique over all time
	Account     string `json:"account"`
	Path        string `json:"path"`
	TrustPolicy string `json:"trust_policy"` // who may assume the role: JSON as it was set
	// MaxSessionSeconds is how long a session may last: 3600 to 43200.
	MaxSessionSeconds int64 `json:"max_session_seconds"`
	Created           int64 `json:"created"`
}

// CreateRoleInput is the input of CreateRole.
type CreateRoleInput struct {
	Account string `json:"account"` // ID or name
	// Role is the name: 1 to 64 letters, digits or any of _+=,.@-, unique in the account without regard to case.
	Role string `json:"role"`
	// Path begins and ends with /; empty for /.
	Path string `json:"path,omitempty"`
	// TrustPolicy says who may assume the role: a policy document of at most 4096 bytes.
	TrustPolicy string `json:"trust_policy"`
	// MaxSessionSeconds is 3600 to 43200; 0 for 3600.
	MaxSessionSeconds int64 `json:"max_session_seconds,omitempty"`
}

// CreateRole adds a role, which may do nothing yet. Errors: Invalid, Malformed, NotFound, Exists, Limit.
func (s *Service) CreateRole(ctx context.Context, in *CreateRoleInput) (*Role, error) {
	r := catalog.Role{Name: in.Role, Created: s.now(), TrustPolicy: in.TrustPolicy, SessionSecondsMax: in.MaxSessionSeconds}
	if r.SessionSecondsMax == 0 {
		r.SessionSecondsMax = sessionSecondsDefault
	}
	err := s.update(ctx, func(ids *catalog.Identities) (catalog.Change, error) {
		a, err := account(ids, in.Account)
		if err != nil {
			return nil, err
		}
		r.Account = a.ID
		if err := checkName("role name", in.Role, roleNameMax); err != nil {
			return nil, err
		}
		if r.Path, err = checkPath(in.Path); err != nil {
			return nil, err
		}
		if err := checkRole(&r); err != nil {
			return nil, err
		}
		switch {
		case ids.RoleNamed(a.ID, in.Role) != nil:
			return nil, refuse(Exists, "account %s has a role %s already", a.ID, in.Role)
		case full(ids.Roles(a.ID), rolesMax):
			return nil, refuse(Limit, "account %s has %d roles already", a.ID, rolesMax)
		}
		if r.ID, err = s.uniqueID("AROA"); err != nil {
			return nil, err
		}
		return catalog.PutRole{Role: r}, nil
	})
	if err != nil {
		return nil, err
	}
	return roleOf(&r), nil
}

func checkRole(r *catalog.Role) error {
	if r.SessionSecondsMax < sessionSecondsMin || r.SessionSecondsMax > sessionSecondsMax {
		return refuse(Invalid, "max session %d s: want %d to %d", r.SessionSecondsMax, sessionSecondsMin, sessionSecondsMax)
	}
	return checkDocument("trust policy", r.TrustPolicy, trustPolicyBytesMax, iam.TrustPolicy)
}

// UpdateRoleInput is the input of UpdateRole. What is empty or 0 stays.
type UpdateRoleInput struct {
	Account           string `json:"account"` // ID or name
	Role              string `json:"role"`
	TrustPolicy       string `json:"trust_policy,omitempty"`
	MaxSessionSeconds int64  `json:"max_session_seconds,omitempty"`
}

// UpdateRole changes who may assume a role and for how long. Sessions that there are go on. Errors: Invalid, Malformed, NotFound.
func (s *Service) UpdateRole(ctx context.Context, in *UpdateRoleInput) (*Role, error) {
	var changed catalog.Role
	err := s.update(ctx, func(ids *catalog.Identities) (catalog.Change, error) {
		r, err := role(ids, in.Account, in.Role)
		if err != nil {
			return nil, err
		}
		changed = *r
		if in.TrustPolicy != "" {
			changed.TrustPolicy = in.TrustPolicy
		}
		if in.MaxSessionSeconds != 0 {
			changed.SessionSecondsMax = in.MaxSessionSeconds
		}
		if err := checkRole(&changed); err != nil || changed == *r {
			return nil, err
		}
		return catalog.PutRole{Role: changed}, nil
	})
	if err != nil {
		return nil, err
	}
	return roleOf(&changed), nil
}

// ListRolesInput is the input of ListRoles.
type ListRolesInput struct {
	Account string `json:"account"` // ID or name
}

// ListRolesOutput is the roles of an account in the order of their names.
type ListRolesOutput struct {
	Roles []*Role `json:"roles"`
}

// ListRoles lists the roles of an account. Errors: NotFound.
func (s *Service) ListRoles(_ context.Context, in *ListRolesInput) (*ListRolesOutput, error) {
	ids := s.identities()
	a, err := account(ids, in.Account)
	if err != nil {
		return nil, err
	}
	out := &ListRolesOutput{Roles: []*Role{}}
	for r := range ids.Roles(a.ID) {
		out.Roles = append(out.Roles, roleOf(r))
	}
	return out, nil
}

// DeleteRoleInput is the input of DeleteRole.
type DeleteRoleInput struct {
	Account string `json:"account"` // ID or name
	Role    string `json:"role"`
}

// DeleteRole removes a role with its policies. Its sessions end at once. Policies of queues and roles that name it show its unique ID, and do not
// mean another role of its name. Errors: NotFound.
func (s *Service) DeleteRole(ctx context.Context, in *DeleteRoleInput) (*Done, error) {
	return done(s.remove(ctx, func(ids *catalog.Identities) (leaver, error) {
		r, err := role(ids, in.Account, in.Role)
		if err != nil {
			return leaver{}, err
		}
		return leaver{roleARN(r.Account, r.Path, r.Name), r.ID, catalog.DeleteRole{ID: r.ID}}, nil
	}))
}

func roleOf(r *catalog.Role) *Role {
	return &Role{
		Name: r.Name, ARN: roleARN(r.Account, r.Path, r.Name), ID: r.ID, Account: r.Account, Path: r.Path,
		TrustPolicy: r.TrustPolicy, MaxSessionSeconds: r.SessionSecondsMax, Created: r.Created,
	}
}

// role finds a role by the account's ID or name and its own name.
func role(ids *catalog.Identities, accountOrName, name string) (*catalog.Role, error) {
	a, err := account(ids, accountOrName)
	if err != nil {
		return nil, err
	}
	if r := ids.RoleNamed(a.ID, name); r != nil {
		return r, nil
	}
	return nil, refuse(NotFound, "account %s has no role %q", a.ID, name)
}

package identity

import (
	"context"

	"github.com/staunchmq/staunch/internal/catalog"
	"github.com/staunchmq/staunch/internal/iam"
)

// Policy is what a user, group or role may do.
type Policy struct {
	Name     string `json:"name"`
	Document string `json:"document"` // JSON as it was set
}

// Owner names whose policies are meant: Account, and exactly one of User, Group and Role.
type Owner struct {
	Account string `json:"account"` // ID or name
	User    string `json:"user,omitempty"`
	Group   string `json:"group,omitempty"`
	Role    string `json:"role,omitempty"`
}

// PutPolicyInput is the input of PutPolicy.
type PutPolicyInput struct {
	Owner
	// Policy is the name: 1 to 128 letters, digits or any of _+=,.@-.
	Policy string `json:"policy"`
	// Document is the policy: JSON of at most 10240 bytes.
	Document string `json:"document"`
}

// PutPolicy gives a policy to its owner, in place of the one of its name if there is one. It acts from the next request on. Errors:
// Invalid, Malformed, NotFound; Limit: 10 policies.
func (s *Service) PutPolicy(ctx context.Context, in *PutPolicyInput) (*Done, error) {
	return done(s.update(ctx, func(ids *catalog.Identities) (catalog.Change, error) {
		owner, err := in.find(ids)
		if err != nil {
			return nil, err
		}
		if err := checkName("policy name", in.Policy, policyNameMax); err != nil {
			return nil, err
		}
		if err := checkDocument("policy", in.Document, policyBytesMax, iam.IdentityPolicy); err != nil {
			return nil, err
		}
		switch old := ids.Policy(owner, in.Policy); {
		case old == nil && full(ids.Policies(owner), policiesMax):
			return nil, refuse(Limit, "there are %d policies already", policiesMax)
		case old != nil && old.Document == in.Document:
			return nil, nil
		}
		return catalog.PutPolicy{Policy: catalog.Policy{Owner: owner, Name: in.Policy, Document: in.Document}}, nil
	}))
}

// PolicyInput is the input of GetPolicy and DeletePolicy.
type PolicyInput struct {
	Owner
	Policy string `json:"policy"`
}

// GetPolicy returns a policy. Errors: Invalid, NotFound.
func (s *Service) GetPolicy(_ context.Context, in *PolicyInput) (*Policy, error) {
	p, err := in.policy(s.identities())
	if err != nil {
		return nil, err
	}
	return &Policy{Name: p.Name, Document: p.Document}, nil
}

// ListPoliciesInput is the input of ListPolicies.
type ListPoliciesInput struct {
	Owner
}

// ListPoliciesOutput is the policies of a user, group or role in the order of their names.
type ListPoliciesOutput struct {
	Policies []*Policy `json:"policies"`
}

// ListPolicies lists the policies of a user, group or role; of a user without those of its groups. Errors: Invalid, NotFound.
func (s *Service) ListPolicies(_ context.Context, in *ListPoliciesInput) (*ListPoliciesOutput, error) {
	ids := s.identities()
	owner, err := in.find(ids)
	if err != nil {
		return nil, err
	}
	out := &ListPoliciesOutput{Policies: []*Policy{}}
	for p := range ids.Policies(owner) {
		out.Policies = append(out.Policies, &Policy{Name: p.Name, Document: p.Document})
	}
	return out, nil
}

// DeletePolicy takes a policy from its owner. Errors: Invalid, NotFound.
func (s *Service) DeletePolicy(ctx context.Context, in *PolicyInput) (*Done, error) {
	return done(s.update(ctx, func(ids *catalog.Identities) (catalog.Change, error) {
		p, err := in.policy(ids)
		if err != nil {
			return nil, err
		}
		return catalog.DeletePolicy{Owner: p.Owner, Name: p.Name}, nil
	}))
}

func (in *PolicyInput) policy(ids *catalog.Identities) (*catalog.Policy, error) {
	owner, err := in.find(ids)
	if err != nil {
		return nil, err
	}
	if p := ids.Policy(owner, in.Policy); p != nil {
		return p, nil
	}
	return nil, refuse(NotFound, "%s has no policy %q", in.Owner, in.Policy)
}

// find returns the unique ID of an owner.
func (o Owner) find(ids *catalog.Identities) (string, error) {
	switch {
	case o.User != "" && o.Group == "" && o.Role == "":
		u, err := user(ids, o.Account, o.User)
		if err != nil {
			return "", err
		}
		return u.ID, nil
	case o.Group != "" && o.User == "" && o.Role == "":
		g, err := group(ids, o.Account, o.Group)
		if err != nil {
			return "", err
		}
		return g.ID, nil
	case o.Role != "" && o.User == "" && o.Group == "":
		r, err := role(ids, o.Account, o.Role)
		if err != nil {
			return "", err
		}
		return r.ID, nil
	default:
		return "", refuse(Invalid, "a policy belongs to exactly one user, group or role")
	}
}

func (o Owner) String() string {
	switch {
	case o.User != "":
		return "user " + o.User
	case o.Group != "":
		return "group " + o.Group
	default:
		return "role " + o.Role
	}
}

// checkDocument refuses what is too large or not a policy of this kind.
func checkDocument(what, document string, bytesMax int, kind iam.Kind) error {
	switch {
	case document == "":
		return refuse(Invalid, "the %s is missing", what)
	case len(document) > bytesMax:
		return refuse(Limit, "the %s has %d bytes; at most %d are allowed", what, len(document), bytesMax)
	}
	if _, err := iam.Parse(document, kind); err != nil {
		return refuse(Malformed, "the %s cannot be used: %v", what, err)
	}
	return nil
}

package iam

import (
	"iter"
	"strings"
)

// BytesMax is the size of the largest document that Parse takes.
const BytesMax = 20_480

// Versions of the policy language. In the first, policy variables are plain text.
const (
	Version2008 = "2008-10-17"
	Version2012 = "2012-10-17"
)

// Kind is what a document is attached to, which decides what its statements may say.
type Kind uint8

const (
	// IdentityPolicy belongs to a user, a group, a role or a session: there is no Principal in it.
	IdentityPolicy Kind = iota
	// ResourcePolicy belongs to a queue: every statement has a Principal or NotPrincipal.
	ResourcePolicy
	// TrustPolicy belongs to a role and says who may assume it: every statement has a Principal or NotPrincipal, and no Resource.
	TrustPolicy
)

// String returns identity, resource or trust.
func (k Kind) String() string { return [...]string{"identity", "resource", "trust"}[k] }

// Policy is a document that was read. It never changes.
type Policy struct {
	// Name says which document this is, for those who read decisions. Parse leaves it empty.
	Name string
	Kind Kind
	// Version is the version as it was written; empty if there was none, which means Version2008.
	Version    string
	Statements []Statement
}

// Named returns the policy under a name.
func (p *Policy) Named(name string) *Policy {
	named := *p
	named.Name = name
	return &named
}

// UsersAndRoles returns the accounts and ARNs of the users and roles that the policy names in Principal or NotPrincipal, a session as its role; not
// those that it names by unique ID.
func (p *Policy) UsersAndRoles() iter.Seq2[string, string] {
	return func(yield func(account, arn string) bool) {
		for i := range p.Statements {
			for _, n := range p.Statements[i].principals {
				kind, name := "", n.name
				switch n.kind {
				case namesUser:
					kind = "user/"
				case namesRole:
					kind = "role/"
				case namesSession:
					kind = "role/"
					name, _, _ = strings.Cut(n.name, "/")
				default:
					continue
				}
				if !yield(n.account, "arn:aws:iam::"+n.account+":"+kind+name) {
					return
				}
			}
		}
	}
}

// Unreadable returns a policy to take the place of one that Parse refused: it denies everything to everybody but roots of accounts,
// since what it would have denied is not known.
func Unreadable(kind Kind) *Policy {
	root := condition{name: "StringNotEquals", keyName: "aws:PrincipalType", operator: operators["StringNotEquals"],
		key: key{id: principalType, lower: "aws:principaltype"}, operands: []operand{{pattern: pattern{text: Root.String()}}}}
	everything := string([]byte{anyText})
	return &Policy{Kind: kind, Version: Version2012, Statements: []Statement{{
		Sid:        "unreadable",
		principals: []named{{kind: namesEverybody}},
		actions:    []string{everything},
		resources:  []pattern{{text: everything}},
		conditions: []condition{root},
	}}}
}

// Statement is one statement of a policy.
type Statement struct {
	// At is its place in the document as a JSON pointer, such as /Statement/0.
	At string
	// Sid is the statement's own name; it may be empty.
	Sid string
	// Allow tells Allow from Deny.
	Allow bool
	// Actions and Resources are what stands in the elements of these names or in NotAction and NotResource, as written.
	Actions, Resources []string
	// Principals counts the names in Principal or NotPrincipal, and Conditions the pairs of an operator and a key.
	Principals, Conditions int

	principals   []named
	notPrincipal bool
	actions      []string // compiled patterns in lower case
	notAction    bool
	resources    []pattern
	notResource  bool
	conditions   []condition
}

// MayName tells whether the statement's Resource can match a resource: one pattern does, or has variables; or it has NotResource.
func (s *Statement) MayName(resource string) bool {
	if s.notResource {
		return true
	}
	for i := range s.resources {
		if p := &s.resources[i]; p.parts != nil || matchText(p.text, resource) {
			return true
		}
	}
	return false
}

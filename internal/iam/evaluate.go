package iam

import (
	"net/netip"
	"time"
)

// Request is what is to be decided.
type Request struct {
	Principal Principal
	// Action is service:Action in lower case, such as sqs:sendmessage.
	Action string
	// OwnerOnly tells that only the resource's own account can use the action: the policy of the resource cannot let others.
	OwnerOnly bool
	// Resource is the ARN of what the action is about.
	Resource string
	// ResourceAccount is the account that the resource belongs to.
	ResourceAccount string
	Context         Context
}

// Context is the circumstances of a request: the values of condition keys. What is empty is a key that the request does not have.
type Context struct {
	Time            time.Time // aws:CurrentTime, aws:EpochTime
	TokenIssued     time.Time // aws:TokenIssueTime and aws:TokenAge, of sessions
	SecureTransport bool
	SourceIP        netip.Addr // unmapped, without a zone
	UserAgent       string
	Referer         string
	Region          string // aws:RequestedRegion
	SourceARN       string
	SourceAccount   string
	// RequestTags are aws:RequestTag/<key>, and ResourceTags aws:ResourceTag/<key>.
	RequestTags, ResourceTags map[string]string
	TagKeys                   []string
	// Values has further keys, in lower case, or stands in for those above. A key without values is one the request does not have.
	Values map[string][]string
}

// Policies are all that has a say in a decision.
type Policies struct {
	// Identity are the policies of the principal: its own, those of its groups, or those of the role that it assumed.
	Identity []*Policy
	// Session are what narrows a session beyond its role; nil for sessions that were not narrowed, and for others.
	Session []*Policy
	// Resource is the policy of the resource; nil if it has none.
	Resource *Policy
}

// Match is a statement of a policy. The zero Match is none.
type Match struct {
	Policy *Policy
	Index  int // in Policy.Statements
}

// Statement returns the statement.
func (m Match) Statement() *Statement { return &m.Policy.Statements[m.Index] }

// Reason says why a request is allowed or denied.
type Reason uint8

// Reasons. The first three allow.
const (
	AllowedByOwner       Reason = iota // the resource's own root, whom nothing denies it
	AllowedByIdentity                  // an identity policy of the principal
	AllowedByResource                  // the resource's policy; of another account's principals their identity policy too
	DeniedByIdentity                   // a Deny in an identity policy
	DeniedByResource                   // a Deny in the resource's policy
	DeniedBySession                    // a Deny in a session policy
	NotAllowedByIdentity               // no identity policy allows it
	NotAllowedByResource               // it takes the resource's policy, and that does not allow it
	NotAllowedBySession                // no session policy allows it
)

// Decision is what Decide says.
type Decision struct {
	Allowed bool
	Reason  Reason
	// By is the statement that decided; none where no statement did.
	By Match
	// And is the statement that had to allow it too: that of the identity policy where By is that of the resource's policy and the
	// principal is of another account.
	And Match
}

// Decide decides on a request (reference/aws-neighbours.md 4.4): what a statement denies is denied. Then the root of the
// resource's account is allowed. In the same account one of identity policy and resource policy must allow it; to others both
// must; to services and anonymous callers the resource policy must. A session policy must allow it too, unless the resource
// policy names that very session. A role's trust policy must allow it in any case, to the root too.
func Decide(q *Request, p *Policies) Decision {
	identity, denied := scanAll(p.Identity, q)
	if denied {
		return Decision{Reason: DeniedByIdentity, By: identity}
	}
	session, denied := scanAll(p.Session, q)
	if denied {
		return Decision{Reason: DeniedBySession, By: session}
	}
	resource, covered, denied := scan(p.Resource, q)
	if denied {
		return Decision{Reason: DeniedByResource, By: resource}
	}
	sessionAllows := p.Session == nil || session.Policy != nil
	if q.Principal.Account == "" || q.Principal.Account != q.ResourceAccount {
		return decideForeign(q, identity, resource, sessionAllows)
	}
	switch {
	case resource.Policy == nil && p.Resource != nil && p.Resource.Kind == TrustPolicy:
		return Decision{Reason: NotAllowedByResource}
	case q.Principal.Kind == Root:
		return Decision{Allowed: true, Reason: AllowedByOwner}
	case covered == coveredSession:
		return Decision{Allowed: true, Reason: AllowedByResource, By: resource}
	case identity.Policy == nil && covered != coveredSelf:
		return Decision{Reason: NotAllowedByIdentity}
	case !sessionAllows:
		return Decision{Reason: NotAllowedBySession}
	case identity.Policy != nil:
		return Decision{Allowed: true, Reason: AllowedByIdentity, By: identity}
	default:
		return Decision{Allowed: true, Reason: AllowedByResource, By: resource}
	}
}

// decideForeign decides for principals who are not of the resource's account, when no statement denies it.
func decideForeign(q *Request, identity, resource Match, sessionAllows bool) Decision {
	hasIdentity := q.Principal.Kind == User || q.Principal.Kind == AssumedRole
	switch {
	case hasIdentity && identity.Policy == nil:
		return Decision{Reason: NotAllowedByIdentity}
	case hasIdentity && !sessionAllows:
		return Decision{Reason: NotAllowedBySession}
	case q.OwnerOnly || resource.Policy == nil:
		return Decision{Reason: NotAllowedByResource}
	}
	return Decision{Allowed: true, Reason: AllowedByResource, By: resource, And: identity}
}

// scanAll looks for a statement in policies of a principal: the first that denies a request, or else the first that allows it.
func scanAll(policies []*Policy, q *Request) (found Match, denied bool) {
	for _, p := range policies {
		m, _, denied := scan(p, q)
		if denied {
			return m, true
		}
		if found.Policy == nil {
			found = m
		}
	}
	return found, false
}

// scan looks for a statement of a policy: the first that denies a request, or else the one that allows it and names the principal
// most closely.
func scan(p *Policy, q *Request) (found Match, covered coverage, denied bool) {
	if p == nil {
		return Match{}, notCovered, false
	}
	for i := range p.Statements {
		s := &p.Statements[i]
		c, why := s.applies(q, p.Kind)
		switch {
		case why.miss != applies:
		case !s.Allow:
			return Match{p, i}, c, true
		case found.Policy == nil || c > covered:
			found, covered = Match{p, i}, c
		}
	}
	return found, covered, false
}

// miss says by which element a statement does not apply.
type miss uint8

const (
	applies miss = iota
	missAction
	missPrincipal
	missResource
	missVariable // a variable of NotResource has no value
	missCondition
)

// verdict is whether a statement applies, and if not, why.
type verdict struct {
	miss      miss
	condition int // with missCondition
}

// applies tells whether a statement is about a request, and how closely it names the principal.
func (s *Statement) applies(q *Request, kind Kind) (coverage, verdict) {
	if s.matchesAction(q.Action) == s.notAction {
		return notCovered, verdict{miss: missAction}
	}
	covered := coveredSelf
	if kind != IdentityPolicy {
		if covered = s.covers(&q.Principal); covered == notCovered {
			return covered, verdict{miss: missPrincipal}
		}
	}
	if kind != TrustPolicy {
		switch s.matchesResource(q) {
		case unresolved:
			return covered, verdict{miss: missVariable}
		case outcomeOf(s.notResource):
			return covered, verdict{miss: missResource}
		}
	}
	for i := range s.conditions {
		if !s.conditions[i].holds(q) {
			return covered, verdict{missCondition, i}
		}
	}
	return covered, verdict{}
}

func (s *Statement) matchesAction(action string) bool {
	for _, p := range s.actions {
		if matchText(p, action) {
			return true
		}
	}
	return false
}

// covers tells how closely the statement's Principal names p; NotPrincipal covers whom it does not name.
func (s *Statement) covers(p *Principal) coverage {
	covered := notCovered
	for i := range s.principals {
		covered = max(covered, s.principals[i].covers(p))
	}
	switch {
	case !s.notPrincipal:
		return covered
	case covered == notCovered:
		return coveredSelf
	default:
		return notCovered
	}
}

// matchesResource tells whether one of the patterns matches; unresolved if none of a NotResource does and a variable in them has
// no value.
func (s *Statement) matchesResource(q *Request) outcome {
	result := no
	for i := range s.resources {
		text, ok := s.resources[i].resolve(q)
		switch {
		case !ok && s.notResource:
			result = unresolved
		case ok && matchText(text, q.Resource):
			return yes
		}
	}
	return result
}

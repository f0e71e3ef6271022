package access

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/arn"
	"github.com/staunchmq/staunch/internal/catalog"
	"github.com/staunchmq/staunch/internal/iam"
)

// Question asks whether somebody may do something, without doing it.
type Question struct {
	// Principal is the ARN of a root, a user or a role's session, the name of a service, or "anonymous".
	Principal string `json:"principal"`
	// Action is a permission such as sqs:SendMessage.
	Action string `json:"action"`
	// Resource is the ARN of a queue, or for ListQueues one that ends in *.
	Resource string `json:"resource"`
	// Context has the values of condition keys, which are in lower case.
	Context map[string][]string `json:"context,omitempty"`
}

// Nobody is a Principal without a signature.
const Nobody = "anonymous"

// Request returns what is to be decided. The request is made at now, over TLS, in the region of the resource, unless the context says
// otherwise. userID is that of the principal, if it is known.
func (q *Question) Request(now time.Time, userID string) (*iam.Request, error) {
	name := q.Principal
	if name == Nobody {
		name = ""
	}
	principal, err := iam.ParsePrincipal(name, userID)
	if err != nil {
		return nil, err
	}
	parts := strings.SplitN(q.Resource, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" {
		return nil, fmt.Errorf("%s is not an ARN such as arn:aws:sqs:us-east-1:123456789012:orders", q.Resource)
	}
	action := strings.ToLower(q.Action)
	return &iam.Request{
		Principal:       principal,
		Action:          action,
		OwnerOnly:       OwnerOnly(action),
		Resource:        q.Resource,
		ResourceAccount: parts[4],
		Context:         iam.Context{Time: now, SecureTransport: true, Region: parts[3], Values: q.Context},
	}, nil
}

// Explanation is a decision, and what every statement had to say.
type Explanation struct {
	Allowed bool   `json:"allowed"`
	Reason  string `json:"reason"`
	// Statement is the one that decided; nil where none did. And is the other one, where two policies had to allow it.
	Statement  *ExplainedStatement   `json:"statement,omitempty"`
	And        *ExplainedStatement   `json:"and,omitempty"`
	Statements []*ExplainedStatement `json:"statements"`
	// Notes say what else there is to know.
	Notes []string `json:"notes,omitempty"`
}

// ExplainedStatement names a statement.
type ExplainedStatement struct {
	Policy  string `json:"policy"` // which one
	Index   int    `json:"index"`
	Sid     string `json:"sid,omitempty"`
	Effect  string `json:"effect"`
	Applies bool   `json:"applies"`
	Why     string `json:"why,omitempty"` // it does not
}

// String names the statement as [iam.Match.String] does.
func (s *ExplainedStatement) String() string {
	text := fmt.Sprintf("%s, statement %d", s.Policy, s.Index)
	if s.Sid != "" {
		text += fmt.Sprintf(" (%s)", s.Sid)
	}
	return text
}

// Explain decides on a request.
func Explain(q *iam.Request, p *iam.Policies) *Explanation {
	d := iam.Decide(q, p)
	e := &Explanation{
		Allowed:    d.Allowed,
		Reason:     d.Reason.String(),
		Statement:  explained(iam.Step{Match: d.By, Applies: true}),
		And:        explained(iam.Step{Match: d.And, Applies: true}),
		Statements: []*ExplainedStatement{},
	}
	trace := func(policy *iam.Policy) {
		for _, step := range policy.Trace(q) {
			e.Statements = append(e.Statements, explained(step))
		}
	}
	for _, policy := range p.Identity {
		trace(policy)
	}
	for _, policy := range p.Session {
		trace(policy)
	}
	if p.Resource != nil {
		trace(p.Resource)
	}
	return e
}

func explained(s iam.Step) *ExplainedStatement {
	if s.Policy == nil {
		return nil
	}
	effect := "Deny"
	if s.Statement().Allow {
		effect = "Allow"
	}
	name := s.Policy.Name
	if name == "" {
		name = s.Policy.Kind.String() + " policy"
	}
	return &ExplainedStatement{name, s.Index, s.Statement().Sid, effect, s.Applies, s.Why}
}

// Explain decides on a question about a queue as on a request of the principal, with the policies that there are now. The error says what
// is wrong with the question.
func (a *Authorizer) Explain(q *Question, principal api.Principal) (*Explanation, error) {
	request, err := q.Request(a.clock.Now(), principal.UserID)
	if err != nil {
		return nil, err
	}
	parsed, err := arn.Parse(q.Resource)
	if err != nil {
		return nil, err
	}
	known := false
	for _, permission := range Permissions() {
		known = known || strings.EqualFold(permission, q.Action)
	}
	if !known {
		return nil, errors.New(q.Action + " is not an action of SQS")
	}
	n := need{
		permission: request.Action, ownerOnly: request.OwnerOnly, allQueues: parsed.Name == "*",
		queue: catalog.Key{Account: parsed.Account, Region: parsed.Region, Name: parsed.Name},
	}
	v := a.catalog.View()
	record := v.Lookup(n.queue)
	policies := &iam.Policies{Identity: a.identities.Policies(principal)}
	a.about(v, request, policies, &n, record)
	e := Explain(request, policies)
	if record == nil && !n.allQueues {
		e.Notes = append(e.Notes, "there is no such queue")
	}
	return e, nil
}

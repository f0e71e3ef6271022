package iam

import (
	"fmt"
	"strings"
)

// DeniedText is what AWS tells a principal who is denied a request, which has the action in lower case (reference/sqs.md 11.3).
// The principal must have an ARN.
func (d *Decision) DeniedText(q *Request) string {
	because := map[Reason]string{
		DeniedByIdentity:     "with an explicit deny in an identity-based policy",
		DeniedByResource:     "with an explicit deny in a resource-based policy",
		DeniedBySession:      "with an explicit deny in a session policy",
		NotAllowedByIdentity: "because no identity-based policy allows the " + q.Action + " action",
		NotAllowedByResource: "because no resource-based policy allows the " + q.Action + " action",
		NotAllowedBySession:  "because no session policy allows the " + q.Action + " action",
	}[d.Reason]
	return "User: " + q.Principal.ARN + " is not authorized to perform: " + q.Action + " on resource: " + q.Resource + " " + because
}

// String says in a sentence why it was decided so, without the statement.
func (r Reason) String() string {
	return [...]string{
		AllowedByOwner:       "the root of the account that owns the resource may do everything that no statement denies",
		AllowedByIdentity:    "an identity policy allows it",
		AllowedByResource:    "the resource policy allows it",
		DeniedByIdentity:     "an identity policy denies it",
		DeniedByResource:     "the resource policy denies it",
		DeniedBySession:      "a session policy denies it",
		NotAllowedByIdentity: "no identity policy allows it",
		NotAllowedByResource: "no resource policy allows it",
		NotAllowedBySession:  "no session policy allows it",
	}[r]
}

// String names the statement: its policy, its number from 0, and its Sid if it has one. It is empty for none.
func (m Match) String() string {
	if m.Policy == nil {
		return ""
	}
	name := m.Policy.Name
	if name == "" {
		name = m.Policy.Kind.String() + " policy"
	}
	text := fmt.Sprintf("%s, statement %d", name, m.Index)
	if sid := m.Statement().Sid; sid != "" {
		text += fmt.Sprintf(" (%s)", sid)
	}
	return text
}

// Step is what a statement had to say about a request.
type Step struct {
	Match
	// Applies tells whether the statement is about the request. Its effect counts only then.
	Applies bool
	// Why says which element is to blame if it is not.
	Why string
}

// Trace returns what each statement of a policy has to say about a request, in their order.
func (p *Policy) Trace(q *Request) []Step {
	steps := make([]Step, len(p.Statements))
	for i := range p.Statements {
		s := &p.Statements[i]
		covered, v := s.applies(q, p.Kind)
		steps[i] = Step{Match: Match{p, i}, Applies: v.miss == applies, Why: s.why(v)}
		if steps[i].Applies && s.Allow && covered == coveredAccount && q.Principal.Account == q.ResourceAccount {
			steps[i].Why = "it names the principal's own account, which leaves the decision to identity policies"
		}
	}
	return steps
}

// why says by which element a statement does not apply.
func (s *Statement) why(v verdict) string {
	switch v.miss {
	case missAction:
		return "Action does not cover the action"
	case missPrincipal:
		return "Principal does not cover the principal"
	case missResource:
		return "Resource does not cover the resource"
	case missVariable:
		return "a variable in NotResource has no value"
	case missCondition:
		c := &s.conditions[v.condition]
		return fmt.Sprintf("the condition %s of %s is not met", c.name, c.keyName)
	}
	return ""
}

// Warnings returns what is allowed in a policy and yet never has an effect here. actions are all actions of the service sqs, such
// as sqs:SendMessage.
func (p *Policy) Warnings(actions []string) []string {
	var warnings []string
	for i := range p.Statements {
		s := &p.Statements[i]
		warn := func(format string, args ...any) {
			warnings = append(warnings, s.At+": "+fmt.Sprintf(format, args...))
		}
		for j, pattern := range s.actions {
			if strings.HasPrefix(pattern, "sqs:") && !matchesAny(pattern, actions) {
				warn("there is no action %s; batches are covered by the action without Batch", s.Actions[j])
			}
		}
		for j := range s.conditions {
			if c := &s.conditions[j]; c.key.id == otherKey {
				warn("no request has the condition key %s here", c.keyName)
			}
		}
		for j := range s.principals {
			if s.principals[j].kind == namesNobody {
				warn("federated and canonical users never call here")
			}
		}
	}
	return warnings
}

func matchesAny(pattern string, texts []string) bool {
	for _, text := range texts {
		if matchText(pattern, strings.ToLower(text)) {
			return true
		}
	}
	return false
}

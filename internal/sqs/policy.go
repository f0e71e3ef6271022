package sqs

import (
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/staunchmq/staunch/internal/api"
)

// Versions of the policy language.
const (
	policyVersion2008 = "2008-10-17" // what AddPermission makes
	policyVersion2012 = "2012-10-17"
)

// policy is a queue policy. What is not needed here is kept as it was written.
type policy struct {
	Version   string         `json:"Version"`
	ID        jsontext.Value `json:"Id,omitempty"`
	Statement []statement    `json:"Statement"`
}

// statement is one statement, as it was written.
type statement struct {
	text jsontext.Value
	statementMembers
}

type statementMembers struct {
	Sid          string         `json:"Sid"`
	Effect       string         `json:"Effect"`
	Principal    jsontext.Value `json:"Principal"`
	NotPrincipal jsontext.Value `json:"NotPrincipal"`
	Action       texts          `json:"Action"`
	NotAction    texts          `json:"NotAction"`
	Resource     texts          `json:"Resource"`
	NotResource  texts          `json:"NotResource"`
	Condition    conditions     `json:"Condition"`
}

// conditions is the values by operator and key.
type conditions map[string]map[string]jsontext.Value

func (s *statement) UnmarshalJSON(text []byte) error {
	s.text = slices.Clone(text)
	return json.Unmarshal(text, &s.statementMembers, json.RejectUnknownMembers(true))
}

func (s statement) MarshalJSON() ([]byte, error) { return s.text, nil }

// texts is a list of strings that may be written as a single one.
type texts []string

func (t *texts) UnmarshalJSON(text []byte) error {
	if jsontext.Value(text).Kind() == '"' {
		*t = make(texts, 1)
		return json.Unmarshal(text, &(*t)[0])
	}
	return json.Unmarshal(text, (*[]string)(t))
}

// parsePolicy reads a policy; a single statement may stand without a list around it.
func parsePolicy(text string) (policy, error) {
	var p struct {
		policyMembers
		Statement jsontext.Value `json:"Statement"`
	}
	if err := json.Unmarshal([]byte(text), &p, json.RejectUnknownMembers(true)); err != nil {
		return policy{}, err
	}
	parsed := policy{Version: p.Version, ID: p.ID}
	if p.Statement.Kind() == '{' {
		parsed.Statement = make([]statement, 1)
		return parsed, json.Unmarshal(p.Statement, &parsed.Statement[0])
	}
	if p.Statement == nil {
		return parsed, nil
	}
	return parsed, json.Unmarshal(p.Statement, &parsed.Statement)
}

type policyMembers struct {
	Version string         `json:"Version"`
	ID      jsontext.Value `json:"Id"`
}

// setPolicy checks a Policy (reference/sqs.md 5.5, 11.4), which is kept as it is; the empty text removes it. It checks the form:
// who may do what by it is decided when it is enforced.
func setPolicy(e *edit, value string) error {
	if value == "" {
		e.attributes.Policy = ""
		return nil
	}
	p, err := parsePolicy(value)
	switch {
	case err != nil || len(value) > policyMax,
		p.Version != policyVersion2008 && p.Version != policyVersion2012,
		p.ID != nil && p.ID.Kind() != '"',
		len(p.Statement) == 0:
		return invalidAttributeValue("Policy")
	case len(p.Statement) > statementsMax:
		return api.OverLimit.Newf("%d statements were found in the submitted policy, max allowed is %d", len(p.Statement), statementsMax)
	}
	resource := queueARN(e.key)
	for i := range p.Statement {
		if err := p.Statement[i].check(resource); err != nil {
			return err
		}
	}
	e.attributes.Policy = value
	return nil
}

// check checks a statement of the policy of the queue with the ARN resource.
func (s *statement) check(resource string) error {
	principals, principalOK := countPrincipals(s.Principal, s.NotPrincipal)
	actions := slices.Concat(s.Action, s.NotAction)
	resources := slices.Concat(s.Resource, s.NotResource)
	foreign := func(action string) bool {
		return action != "*" && !strings.HasPrefix(strings.ToLower(action), "sqs:")
	}
	covers := func(pattern string) bool { return matchWildcards(pattern, resource) }
	switch {
	case s.Effect != "Allow" && s.Effect != "Deny",
		!principalOK,
		len(actions) == 0 || s.Action != nil && s.NotAction != nil || slices.ContainsFunc(actions, foreign),
		len(resources) == 0 || s.Resource != nil && s.NotResource != nil,
		s.Resource != nil && !slices.ContainsFunc(resources, covers):
		return invalidAttributeValue("Policy")
	case len(actions) > actionsMax:
		return tooManyActions(len(actions))
	case principals > principalsMax:
		return api.OverLimit.Newf("%d Principals were found, maximum allowed is %d.", principals, principalsMax)
	}
	count := 0
	for _, keys := range s.Condition {
		count += len(keys)
	}
	if count > conditionsMax {
		return api.OverLimit.Newf("%d Conditions were found, maximum allowed is %d.", count, conditionsMax)
	}
	return nil
}

func tooManyActions(n int) error {
	return api.OverLimit.Newf("%d Actions were found, maximum allowed is %d.", n, actionsMax)
}

// countPrincipals counts the principals of a statement, which has either Principal or NotPrincipal: "*", or lists by their kind.
// It says false if they are not well formed.
func countPrincipals(principal, notPrincipal jsontext.Value) (n int, ok bool) {
	if (principal == nil) == (notPrincipal == nil) {
		return 0, false
	}
	given := principal
	if given == nil {
		given = notPrincipal
	}
	if given.Kind() == '"' {
		var name string
		err := json.Unmarshal(given, &name)
		return 1, err == nil && name == "*"
	}
	var byKind map[string]texts
	if json.Unmarshal(given, &byKind) != nil {
		return 0, false
	}
	for kind, names := range byKind {
		if kind != "AWS" && kind != "Service" && kind != "Federated" && kind != "CanonicalUser" || slices.Contains(names, "") {
			return 0, false
		}
		n += len(names)
	}
	return n, n > 0
}

// matchWildcards tells whether s matches a pattern in which * stands for any text and ? for any character.
func matchWildcards(pattern, s string) bool {
	// Where the last * was seen, and how much of s it has taken so far.
	star, taken := -1, 0
	p, i := 0, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, taken = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == s[i]):
			p++
			i++
		case star >= 0:
			taken++
			p, i = star+1, taken
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// find returns the index of the statement with this Sid, or -1.
func (p *policy) find(sid string) int {
	return slices.IndexFunc(p.Statement, func(s statement) bool { return s.Sid == sid })
}

// encode returns the text of the policy; members and statements stay as they were written.
func (p *policy) encode() (string, error) {
	text, err := json.Marshal(p)
	return string(text), err
}

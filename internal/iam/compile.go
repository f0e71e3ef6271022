package iam

import (
	"fmt"
	"strings"
)

// compile checks a document as a whole and prepares it.
func (r *rawPolicy) compile(kind Kind) (*Policy, error) {
	p := &Policy{Kind: kind, Version: r.version, Statements: make([]Statement, len(r.statements))}
	sids := make(map[string]bool, len(r.statements))
	for i := range r.statements {
		raw := &r.statements[i]
		if raw.sid != "" && sids[raw.sid] {
			return nil, &Error{raw.at + "/Sid", fmt.Sprintf("there is another statement with the Sid %q", raw.sid)}
		}
		sids[raw.sid] = true
		if err := raw.compile(&p.Statements[i], kind, r.version == Version2012); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// compile fills s.
func (r *rawStatement) compile(s *Statement, kind Kind, variables bool) error {
	if r.effect == "" {
		return &Error{r.at, "the statement has no Effect"}
	}
	s.At, s.Sid, s.Allow = r.at, r.sid, r.effect == "Allow"
	if err := r.compilePrincipals(s, kind); err != nil {
		return err
	}
	if err := r.compileActions(s); err != nil {
		return err
	}
	if err := r.compileResources(s, kind, variables); err != nil {
		return err
	}
	s.Conditions = len(r.conditions)
	s.conditions = make([]condition, len(r.conditions))
	for i := range r.conditions {
		if err := r.conditions[i].compile(&s.conditions[i], variables); err != nil {
			return err
		}
	}
	return nil
}

func (r *rawStatement) compilePrincipals(s *Statement, kind Kind) error {
	given, element := r.principal, "/Principal"
	if r.notPrincipal != nil {
		given, element = r.notPrincipal, "/NotPrincipal"
		s.notPrincipal = true
	}
	switch {
	case kind == IdentityPolicy && given != nil:
		return &Error{r.at + element, "an identity policy names no principal: it is for whom it is attached to"}
	case kind == IdentityPolicy:
		return nil
	case given == nil:
		return &Error{r.at, "the statement has no Principal"}
	case r.principal != nil && r.notPrincipal != nil:
		return &Error{r.at, "the statement has both Principal and NotPrincipal"}
	case s.notPrincipal && s.Allow:
		return &Error{r.at + element, "NotPrincipal with Allow would let in everybody else, anonymous callers too; use it with Deny"}
	}
	s.Principals = len(given)
	for _, p := range given {
		n, err := compileNamed(p.kind, p.name)
		if err != nil {
			return &Error{r.at + element, err.Error()}
		}
		s.principals = append(s.principals, n)
	}
	return nil
}

func (r *rawStatement) compileActions(s *Statement) error {
	given, element := r.action, "/Action"
	if r.notAction != nil {
		given, element = r.notAction, "/NotAction"
		s.notAction = true
	}
	switch {
	case given == nil:
		return &Error{r.at, "the statement has no Action"}
	case r.action != nil && r.notAction != nil:
		return &Error{r.at, "the statement has both Action and NotAction"}
	}
	s.Actions = given
	for _, action := range given {
		service, name, ok := strings.Cut(action, ":")
		if action != "*" && (!ok || !isAction(service) || !isAction(name)) {
			return &Error{r.at + element, fmt.Sprintf("%q is not an action: want service:Action, such as sqs:SendMessage, or *", action)}
		}
		p, err := compilePattern(strings.ToLower(action), syntax{wildcards: true})
		if err != nil {
			return &Error{r.at + element, err.Error()}
		}
		s.actions = append(s.actions, p.text)
	}
	return nil
}

// isAction tells whether s can be one side of an action.
func isAction(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '*' && c != '?' {
			return false
		}
	}
	return s != ""
}

func (r *rawStatement) compileResources(s *Statement, kind Kind, variables bool) error {
	given, element := r.resource, "/Resource"
	if r.notResource != nil {
		given, element = r.notResource, "/NotResource"
		s.notResource = true
	}
	switch {
	case kind == TrustPolicy && given != nil:
		return &Error{r.at + element, "a trust policy names no resource: it is for the role that it is attached to"}
	case kind == TrustPolicy:
		return nil
	case given == nil:
		return &Error{r.at, "the statement has no Resource"}
	case r.resource != nil && r.notResource != nil:
		return &Error{r.at, "the statement has both Resource and NotResource"}
	}
	s.Resources = given
	for _, resource := range given {
		if resource != "*" && !strings.HasPrefix(resource, "arn:") {
			return &Error{r.at + element, fmt.Sprintf(`%q is not a resource: want an ARN, which may have wildcards, or "*"`, resource)}
		}
		p, err := compilePattern(resource, syntax{wildcards: true, variables: variables})
		if err != nil {
			return &Error{r.at + element, err.Error()}
		}
		s.resources = append(s.resources, p)
	}
	return nil
}

// compile fills c.
func (r *rawCondition) compile(c *condition, variables bool) (err error) {
	if *c, err = compileOperator(r.operator); err != nil {
		return &Error{parent(r.at), err.Error()}
	}
	c.keyName = r.key
	if c.key, err = compileKey(r.key); err != nil {
		return &Error{r.at, err.Error()}
	}
	for _, text := range r.values {
		o, err := c.operator.compile(text, syntax{variables: variables})
		if err != nil {
			return &Error{r.at, err.Error()}
		}
		c.operands = append(c.operands, o)
	}
	return nil
}

package sqs

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/catalog"
	"github.com/staunchmq/staunch/internal/iam"
)

// setPolicy checks a Policy, which is kept as it is; the empty text removes it.
func setPolicy(e *edit, value string) error {
	if value == "" {
		e.attributes.Policy = ""
		return nil
	}
	_, err := CheckPolicy(value, queueARN(e.key))
	var bad *iam.Error
	switch {
	case errors.As(err, &bad):
		return invalidAttributeValue("Policy")
	case err != nil:
		return err
	}
	e.attributes.Policy = value
	return nil
}

// checkPrincipals refuses a given policy that names a user or role who is not there: the next of that name would be meant by it. Of accounts that
// are not here nobody is known.
func (s *Service) checkPrincipals(v *catalog.View, e *edit) error {
	if s.exists == nil || e.given["Policy"] == "" {
		return nil
	}
	p, err := iam.Parse(e.attributes.Policy, iam.ResourcePolicy)
	if err != nil {
		return fmt.Errorf("read the policy of queue %s: %w", e.key.Name, err)
	}
	for account, arn := range p.UsersAndRoles() {
		if s.exists(v.Identities(), rootARN(account)) && !s.exists(v.Identities(), arn) {
			s.log.Info("a queue policy names a user or role who is not there", "queue", e.key.Name, "account", e.key.Account, "principal", arn)
			return invalidAttributeValue("Policy")
		}
	}
	return nil
}

// rootARN names an account in [Options.Exists].
func rootARN(account string) string { return api.Root(account).ARN }

// CheckPolicy reads the policy of a queue and checks it by the rules of SQS (reference/sqs.md 5.5, 11.4). resource is the ARN of the
// queue; if it is empty, what statements say of resources is not compared with it. The error is an [*iam.Error], which says where and
// what, or an [*api.Error] about a limit.
func CheckPolicy(text, resource string) (*iam.Policy, error) {
	p, err := iam.Parse(text, iam.ResourcePolicy)
	switch {
	case err != nil:
		return nil, err
	case p.Version == "":
		return nil, &iam.Error{At: "", Text: "the policy has no Version, which SQS asks for"}
	case len(text) > policyMax:
		return nil, &iam.Error{At: "", Text: fmt.Sprintf("the policy has %d bytes; that of a queue may have %d", len(text), policyMax)}
	case len(p.Statements) > statementsMax:
		return nil, api.OverLimit.Newf("%d statements were found in the submitted policy, max allowed is %d", len(p.Statements), statementsMax)
	}
	for i := range p.Statements {
		if err := checkStatement(&p.Statements[i], resource); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// checkStatement checks a statement by what SQS asks for beyond IAM.
func checkStatement(s *iam.Statement, resource string) error {
	for _, action := range s.Actions {
		if action != "*" && !strings.HasPrefix(strings.ToLower(action), "sqs:") {
			return &iam.Error{At: s.At, Text: fmt.Sprintf("%q is not an action of SQS", action)}
		}
	}
	switch {
	case resource != "" && !s.MayName(resource):
		return &iam.Error{At: s.At, Text: "its Resource does not match the queue " + resource}
	case len(s.Actions) > actionsMax:
		return tooManyActions(len(s.Actions))
	case s.Principals > principalsMax:
		return api.OverLimit.Newf("%d Principals were found, maximum allowed is %d.", s.Principals, principalsMax)
	case s.Conditions > conditionsMax:
		return api.OverLimit.Newf("%d Conditions were found, maximum allowed is %d.", s.Conditions, conditionsMax)
	}
	return nil
}

func tooManyActions(n int) error {
	return api.OverLimit.Newf("%d Actions were found, maximum allowed is %d.", n, actionsMax)
}

// policy is a queue policy that was checked before, to be edited: what is in it stays as it was written.
type policy struct {
	Version   string         `json:"Version"`
	ID        jsontext.Value `json:"Id,omitempty"`
	Statement []statement    `json:"Statement"`
}

// statement is one statement, as it was written.
type statement struct {
	text jsontext.Value
	sid  string
}

func (s *statement) UnmarshalJSON(text []byte) error {
	var named struct{ Sid string }
	err := json.Unmarshal(text, &named)
	*s = statement{slices.Clone(text), named.Sid}
	return err
}

func (s statement) MarshalJSON() ([]byte, error) { return s.text, nil }

// parsePolicy reads a policy; a single statement may stand without a list around it.
func parsePolicy(text string) (p policy, err error) {
	var written struct {
		Version   string
		ID        jsontext.Value `json:"Id"`
		Statement jsontext.Value
	}
	if err := json.Unmarshal([]byte(text), &written); err != nil {
		return p, err
	}
	p.Version, p.ID = written.Version, written.ID
	if written.Statement.Kind() == '{' {
		p.Statement = make([]statement, 1)
		return p, json.Unmarshal(written.Statement, &p.Statement[0])
	}
	return p, json.Unmarshal(written.Statement, &p.Statement)
}

// find returns the index of the statement with this Sid, or -1.
func (p *policy) find(sid string) int {
	return slices.IndexFunc(p.Statement, func(s statement) bool { return s.sid == sid })
}

// encode returns the text of the policy; members and statements stay as they were written.
func (p *policy) encode() (string, error) {
	text, err := json.Marshal(p)
	return string(text), err
}

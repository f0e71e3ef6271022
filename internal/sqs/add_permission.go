package sqs

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/arn"
	"github.com/staunchmq/staunch/internal/catalog"
	"github.com/staunchmq/staunch/internal/iam"
)

// AddPermission adds a statement to the policy of a queue (reference/sqs.md 4.16, 11.5). The same statement again changes nothing.
func (s *Service) AddPermission(ctx context.Context, c *api.Caller, in *api.AddPermissionInput) error {
	q, err := s.queue(c, in.QueueUrl)
	if err != nil {
		return err
	}
	if err := checkPermission(in); err != nil {
		return err
	}
	return s.changeAttributes(ctx, q, func(v *catalog.View, e *edit) error {
		unknown := func(account string) bool { return !s.exists(v.Identities(), rootARN(account)) }
		if s.exists != nil && slices.ContainsFunc(in.AWSAccountIds, unknown) {
			return unverified(in.AWSAccountIds)
		}
		added, err := newStatement(*in.Label, in.AWSAccountIds, in.Actions, queueARN(e.key))
		if err != nil {
			return err
		}
		p := policy{Version: iam.Version2008}
		if e.attributes.Policy == "" {
			if p.ID, err = jsontext.AppendQuote(nil, queueARN(e.key)+"/SQSDefaultPolicy"); err != nil {
				return err
			}
		} else if p, err = parsePolicy(e.attributes.Policy); err != nil {
			return fmt.Errorf("read the policy of queue %s: %w", e.key.Name, err)
		}
		if i := p.find(*in.Label); i >= 0 {
			if sameJSON(string(p.Statement[i].text), string(added.text)) {
				return nil
			}
			return api.InvalidValue(*in.Label, "Label", "Already exists.")
		}
		p.Statement = append(p.Statement, added)
		if n := len(p.Statement); n > statementsMax {
			return api.OverLimit.Newf("%d Statements were found, maximum allowed is %d.", n, statementsMax)
		}
		text, err := p.encode()
		if err != nil {
			return err
		}
		return setPolicy(e, text)
	})
}

// checkPermission checks the parameters of AddPermission.
func checkPermission(in *api.AddPermissionInput) error {
	switch {
	case in.Label == nil:
		return api.Missing("Label")
	case len(in.AWSAccountIds) == 0:
		return api.Missing("AWSAccountIds")
	case len(in.Actions) == 0:
		return api.Missing("Actions")
	case !isName(*in.Label, batchIDMax):
		return api.InvalidValue(*in.Label, "Label", standardNameRule+".")
	case slices.ContainsFunc(in.AWSAccountIds, func(id string) bool { return !arn.ValidAccount(id) }):
		return unverified(in.AWSAccountIds)
	case len(in.Actions) > actionsMax:
		return tooManyActions(len(in.Actions))
	}
	for _, action := range in.Actions {
		if err := checkGrantable(action); err != nil {
			return err
		}
	}
	return nil
}

func unverified(accounts []string) error {
	return api.InvalidValue(fmt.Sprintf("[%s]", strings.Join(accounts, ", ")), "PrincipalId", "Unable to verify.")
}

// checkGrantable checks that a permission can name an action (reference/sqs.md 4.16): those that other accounts can use, or *. The
// actions of batches are not among them: they are covered by those without Batch.
func checkGrantable(name string) error {
	action := api.ActionNamed(name)
	switch {
	case name == "*":
	case action == nil || action.Permission != "sqs:"+name:
		return api.InvalidValue("SQS:"+name, "ActionName", "Please refer to the appropriate WSDL for a list of valid actions.")
	case action.OwnerOnly:
		return api.InvalidValue("SQS:"+name, "ActionName", "Only the queue owner is allowed to invoke this action.")
	}
	return nil
}

// newStatement is the statement that AddPermission adds: one account or action stands as plain text, several as a list.
func newStatement(label string, accounts, actions []string, resource string) (statement, error) {
	principals := make([]string, len(accounts))
	for i, account := range accounts {
		principals[i] = "arn:" + partitionOfARN(resource) + ":iam::" + account + ":root"
	}
	prefixed := make([]string, len(actions))
	for i, action := range actions {
		prefixed[i] = "SQS:" + action
	}
	text, err := json.Marshal(struct {
		Sid       string
		Effect    string
		Principal struct{ AWS any }
		Action    any
		Resource  string
	}{label, "Allow", struct{ AWS any }{oneOrList(principals)}, oneOrList(prefixed), resource})
	if err != nil {
		return statement{}, err
	}
	return statement{text, label}, nil
}

// oneOrList leaves out what is repeated.
func oneOrList(values []string) any {
	var list []string
	for _, v := range values {
		if !slices.Contains(list, v) {
			list = append(list, v)
		}
	}
	if len(list) == 1 {
		return list[0]
	}
	return list
}

// partitionOfARN is the second part of an ARN.
func partitionOfARN(s string) string { return strings.SplitN(s, ":", 3)[1] }

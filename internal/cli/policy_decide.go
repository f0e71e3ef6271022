package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/staunchmq/staunch/internal/access"
	"github.com/staunchmq/staunch/internal/config"
	"github.com/staunchmq/staunch/internal/iam"
)

// policyTest is what `policy test` is asked.
type policyTest struct {
	principal, action, resource string
	identity, session           []string // files
	queue                       string   // file
	context                     []string // key=value
}

func (p *program) policyTestCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "test --principal ARN --action ACTION --resource ARN",
		Short: "Say whether policies allow a request, and which statement decides",
		Long: `Decide on a request by policies in files, as a server does, and show the statement that decides and what every other one
had to say. No server is asked.

The principal is the ARN of an account's root, of a user or of a role's session, "anonymous", or a service such as
sns.amazonaws.com. Batches take the permission of the action without Batch. The request is made now, over TLS, in the region of
the resource; --context sets these and all other condition keys, and given twice for a key it gives the key two values.

The exit code is 0 when the request is allowed, 1 when it is denied, and 2 when it was asked wrongly or a policy is not good.`,
		Args: cobra.NoArgs,
	}
	var t policyTest
	flags := command.Flags()
	flags.StringVar(&t.principal, "principal", "", "`who` asks")
	flags.StringVar(&t.action, "action", "", "what for, such as sqs:SendMessage")
	flags.StringVar(&t.resource, "resource", "", "`ARN` of what it is about")
	flags.StringArrayVar(&t.identity, "identity-policy", nil, "`file` with a policy of the principal; several are allowed")
	flags.StringArrayVar(&t.session, "session-policy", nil, "`file` with a policy that narrows the principal's session; several are allowed")
	flags.StringVar(&t.queue, "resource-policy", "", "`file` with the policy of the resource")
	flags.StringArrayVar(&t.context, "context", nil, "a condition key and its value, as `key=value`; several are allowed")
	form := outputFlag(command, "table", "json")
	command.RunE = func(command *cobra.Command, _ []string) error {
		q, err := t.request(command)
		if err != nil {
			return err
		}
		policies, err := t.policies(command)
		if err != nil {
			return err
		}
		d := iam.Decide(q, policies)
		text, err := decisionText(*form, q, policies, d)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprint(p.stdout, text); err != nil {
			return err
		}
		if !d.Allowed {
			return &exitError{code: exitFailed, step: "How policies are combined: docs/operations/access.md.", err: errors.New("denied")}
		}
		return nil
	}
	return command
}

// request returns what is to be decided.
func (t *policyTest) request(command *cobra.Command) (*iam.Request, error) {
	if t.principal == "" || t.action == "" || t.resource == "" {
		return nil, usage(command, "--principal, --action and --resource are needed")
	}
	name := t.principal
	if name == "anonymous" {
		name = ""
	}
	principal, err := iam.ParsePrincipal(name, "")
	if err != nil {
		return nil, usage(command, "--principal: %w", err)
	}
	action := strings.ToLower(t.action)
	if err := checkAction(command, action); err != nil {
		return nil, err
	}
	parts := strings.SplitN(t.resource, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" {
		return nil, usage(command, "--resource %s is not an ARN such as arn:aws:sqs:us-east-1:123456789012:orders", t.resource)
	}
	q := &iam.Request{
		Principal:       principal,
		Action:          action,
		OwnerOnly:       access.OwnerOnly(action),
		Resource:        t.resource,
		ResourceAccount: parts[4],
		Context:         iam.Context{Time: time.Now(), SecureTransport: true, Region: parts[3], Values: make(map[string][]string)},
	}
	for _, entry := range t.context {
		key, value, ok := strings.Cut(entry, "=")
		if !ok || key == "" {
			return nil, usage(command, "--context %s: want key=value", entry)
		}
		key = strings.ToLower(key)
		q.Context.Values[key] = append(q.Context.Values[key], value)
	}
	return q, nil
}

// checkAction refuses what is not a single action, and actions that SQS does not have.
func checkAction(command *cobra.Command, action string) error {
	service, name, _ := strings.Cut(action, ":")
	if service == "" || name == "" || strings.ContainsAny(action, "*?") {
		return usage(command, "--action %s is not an action such as sqs:SendMessage", action)
	}
	if service != "sqs" {
		return nil
	}
	known := access.Permissions()
	for _, k := range known {
		if strings.EqualFold(k, action) {
			return nil
		}
	}
	return usage(command, "there is no action %s; the nearest is %s", action, config.Nearest(action, known))
}

// policies reads the files.
func (t *policyTest) policies(command *cobra.Command) (*iam.Policies, error) {
	p := &iam.Policies{}
	for _, list := range []struct {
		files []string
		into  *[]*iam.Policy
	}{{t.identity, &p.Identity}, {t.session, &p.Session}} {
		for _, file := range list.files {
			policy, err := parsePolicyFile(command, file, iam.IdentityPolicy)
			if err != nil {
				return nil, err
			}
			*list.into = append(*list.into, policy)
		}
	}
	if t.queue == "" {
		return p, nil
	}
	var err error
	p.Resource, err = parsePolicyFile(command, t.queue, iam.ResourcePolicy)
	return p, err
}

// trace is what all statements had to say.
func trace(q *iam.Request, p *iam.Policies) (steps []iam.Step) {
	for _, policy := range p.Identity {
		steps = append(steps, policy.Trace(q)...)
	}
	for _, policy := range p.Session {
		steps = append(steps, policy.Trace(q)...)
	}
	if p.Resource != nil {
		steps = append(steps, p.Resource.Trace(q)...)
	}
	return steps
}

func effect(s *iam.Statement) string {
	if s.Allow {
		return "Allow"
	}
	return "Deny"
}

// decisionText shows a decision.
func decisionText(form string, q *iam.Request, p *iam.Policies, d iam.Decision) (string, error) {
	if form == "json" {
		return decisionJSON(q, p, d)
	}
	var b strings.Builder
	word := "DENIED"
	if d.Allowed {
		word = "ALLOWED"
	}
	fmt.Fprintf(&b, "%s: %s\n", word, d.Reason)
	if d.By.Policy != nil {
		fmt.Fprintf(&b, "by %s\n", d.By)
	}
	if d.And.Policy != nil {
		fmt.Fprintf(&b, "and %s\n", d.And)
	}
	steps := trace(q, p)
	if len(steps) == 0 {
		return b.String(), nil
	}
	b.WriteString("\n")
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "STATEMENT\tEFFECT\tAPPLIES\tWHY")
	for _, step := range steps {
		applies := "no"
		if step.Applies {
			applies = "yes"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", step.Match, effect(step.Statement()), applies, step.Why)
	}
	_ = table.Flush() // writes to memory
	return b.String(), nil
}

// statementJSON names a statement in JSON.
type statementJSON struct {
	Policy  string `json:"policy"` // the file
	Index   int    `json:"index"`
	Sid     string `json:"sid,omitempty"`
	Effect  string `json:"effect"`
	Applies bool   `json:"applies"`
	Why     string `json:"why,omitempty"`
}

func newStatementJSON(s iam.Step) *statementJSON {
	if s.Policy == nil {
		return nil
	}
	return &statementJSON{s.Policy.Name, s.Index, s.Statement().Sid, effect(s.Statement()), s.Applies, s.Why}
}

func decisionJSON(q *iam.Request, p *iam.Policies, d iam.Decision) (string, error) {
	out := struct {
		Allowed    bool             `json:"allowed"`
		Reason     string           `json:"reason"`
		Statement  *statementJSON   `json:"statement,omitempty"`
		And        *statementJSON   `json:"and,omitempty"`
		Statements []*statementJSON `json:"statements"`
	}{
		Allowed:    d.Allowed,
		Reason:     d.Reason.String(),
		Statement:  newStatementJSON(iam.Step{Match: d.By, Applies: true}),
		And:        newStatementJSON(iam.Step{Match: d.And, Applies: true}),
		Statements: []*statementJSON{},
	}
	for _, step := range trace(q, p) {
		out.Statements = append(out.Statements, newStatementJSON(step))
	}
	text, err := json.MarshalIndent(out, "", "  ")
	return string(text) + "\n", err
}

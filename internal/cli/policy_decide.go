package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
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
		Long: `Decide on a request as a server does, and show the statement that decides and what every other one had to say. With --url a
running server decides, by the policies that its users, groups, roles and queues have now; it wants the admin token. Without, the
policies are in files, and no server is asked. Nothing is done in either case.

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
	settings := p.settingFlags(command, tokenFlags...)
	at := adminFlagsOf(command)
	command.RunE = func(command *cobra.Command, _ []string) error {
		question, q, err := t.request(command)
		if err != nil {
			return err
		}
		var e *access.Explanation
		if at.url != "" {
			e, err = t.ask(p, command, settings, at, question)
			err = undecided(err)
		} else {
			var policies *iam.Policies
			if err = unused(command, "is for servers, with --url", "config", "data", "admin-token-file", "ca", "cert", "key"); err == nil {
				policies, err = t.policies(command)
			}
			if err == nil {
				e = access.Explain(q, policies)
			}
		}
		if err != nil {
			return err
		}
		text, err := decisionText(*form, e)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprint(p.stdout, text); err != nil {
			return err
		}
		if !e.Allowed {
			return &exitError{code: exitFailed, step: "How policies are combined: docs/operations/access.md.", err: errors.New("denied")}
		}
		return nil
	}
	return command
}

// undecided gives the error of a question that was not decided another exit code than a denial.
func undecided(err error) error {
	var exit *exitError
	if errors.As(err, &exit) && exit.code == exitFailed {
		return &exitError{code: exitUsage, step: exit.step, err: err}
	}
	return err
}

// ask lets a server decide.
func (t *policyTest) ask(p *program, command *cobra.Command, settings *settingFlags, at *adminFlags, question *access.Question) (*access.Explanation, error) {
	if len(t.identity)+len(t.session) > 0 || t.queue != "" {
		return nil, usage(command, "a server decides by its own policies: give either --url or files")
	}
	cfg, _, err := p.load(settings)
	if err != nil {
		return nil, err
	}
	server, err := p.adminServer(cfg, at)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(question)
	if err != nil {
		return nil, err
	}
	ctx, stop := interruptible(command.Context())
	defer stop()
	response, err := server.post(ctx, "/decide", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return nil, server.brokeOff(err, againStep)
	case response.StatusCode != http.StatusOK:
		text, step := strings.TrimSpace(string(answer[:min(len(answer), reasonBytesMax)])), "staunch user list and staunch role list show who there is."
		if response.StatusCode == http.StatusServiceUnavailable {
			step = againStep
		}
		return nil, &exitError{code: exitUsage, step: step, err: fmt.Errorf("%s: %s", server.base, text)}
	}
	e := &access.Explanation{}
	if err := json.Unmarshal(answer, e); err != nil {
		return nil, server.strange(err)
	}
	return e, nil
}

// request returns what is to be decided.
func (t *policyTest) request(command *cobra.Command) (*access.Question, *iam.Request, error) {
	if t.principal == "" || t.action == "" || t.resource == "" {
		return nil, nil, usage(command, "--principal, --action and --resource are needed")
	}
	if err := checkAction(command, strings.ToLower(t.action)); err != nil {
		return nil, nil, err
	}
	question := &access.Question{Principal: t.principal, Action: t.action, Resource: t.resource, Context: make(map[string][]string)}
	for _, entry := range t.context {
		key, value, ok := strings.Cut(entry, "=")
		if !ok || key == "" {
			return nil, nil, usage(command, "--context %s: want key=value", entry)
		}
		key = strings.ToLower(key)
		question.Context[key] = append(question.Context[key], value)
	}
	q, err := question.Request(time.Now(), "")
	if err != nil {
		return nil, nil, usage(command, "%w", err)
	}
	return question, q, nil
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

// decisionText shows a decision.
func decisionText(form string, e *access.Explanation) (string, error) {
	if form == "json" {
		text, err := json.MarshalIndent(e, "", "  ")
		return string(text) + "\n", err
	}
	var b strings.Builder
	word := "DENIED"
	if e.Allowed {
		word = "ALLOWED"
	}
	fmt.Fprintf(&b, "%s: %s\n", word, e.Reason)
	if e.Statement != nil {
		fmt.Fprintf(&b, "by %s\n", e.Statement)
	}
	if e.And != nil {
		fmt.Fprintf(&b, "and %s\n", e.And)
	}
	for _, note := range e.Notes {
		fmt.Fprintf(&b, "note: %s\n", note)
	}
	if len(e.Statements) == 0 {
		return b.String(), nil
	}
	b.WriteString("\n")
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "STATEMENT\tEFFECT\tAPPLIES\tWHY")
	for _, s := range e.Statements {
		applies := "no"
		if s.Applies {
			applies = "yes"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", s, s.Effect, applies, s.Why)
	}
	_ = table.Flush() // writes to memory
	return b.String(), nil
}

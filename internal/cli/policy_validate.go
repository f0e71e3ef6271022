package cli

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/staunchmq/staunch/internal/access"
	"github.com/staunchmq/staunch/internal/iam"
	"github.com/staunchmq/staunch/internal/sqs"
)

func (p *program) policyValidateCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "validate FILE",
		Short: "Check a policy document",
		Long: `Check a policy document, and say where it is wrong and how, which SetQueueAttributes does not. What it is for is seen from
its statements: with a Principal it is the policy of a queue, or without a Resource the trust policy of a role; else it is
for a user, a group or a role. What is allowed and never has an effect is told as a warning.

The exit code is 0 when the document is good, with warnings too, 1 when it is not, and 2 when there is nothing to check.`,
		Args: cobra.ExactArgs(1),
	}
	queue := command.Flags().String("queue", "", "also check that statements are about the queue with this `ARN`")
	command.RunE = func(command *cobra.Command, args []string) error {
		text, err := readPolicy(command, args[0])
		if err != nil {
			return err
		}
		policy, err := checkPolicy(text, *queue)
		if err != nil {
			return &exitError{
				code: exitFailed,
				step: "The policy language, and what of it there is: docs/operations/access.md.",
				err:  fmt.Errorf("%s cannot be used: %w", args[0], err),
			}
		}
		for _, warning := range policy.Warnings(access.Permissions()) {
			fmt.Fprintf(p.stderr, "staunch: warning: %s: %s\n", args[0], warning)
		}
		_, err = fmt.Fprintf(p.stdout, "%s is a good %s policy\n", args[0], policy.Kind)
		return err
	}
	return command
}

// readPolicy reads a file that a command names.
func readPolicy(command *cobra.Command, name string) (string, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return "", usage(command, "%w", err)
	}
	return string(text), nil
}

// checkPolicy reads a document of the kind that it looks like.
func checkPolicy(text, queue string) (*iam.Policy, error) {
	switch {
	case queue != "":
		return sqs.CheckPolicy(text, queue)
	case !strings.Contains(text, `Principal"`):
		return iam.Parse(text, iam.IdentityPolicy)
	case !strings.Contains(text, `Resource"`):
		return iam.Parse(text, iam.TrustPolicy)
	}
	return sqs.CheckPolicy(text, "")
}

// parsePolicyFile reads a document from a file and gives it the file's name.
func parsePolicyFile(command *cobra.Command, name string, kind iam.Kind) (*iam.Policy, error) {
	text, err := readPolicy(command, name)
	if err != nil {
		return nil, err
	}
	policy, err := iam.Parse(text, kind)
	var bad *iam.Error
	if errors.As(err, &bad) {
		return nil, usage(command, "%s is not a good %s policy: %w", name, kind, err)
	}
	return policy.Named(name), nil
}

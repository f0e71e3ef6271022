package cli

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/staunchmq/staunch/internal/identity"
)

func (p *program) policyCommand() *cobra.Command {
	command := group("policy", "Say what users, groups and roles may do, decide by policies, or check them")
	command.AddCommand(p.policyPutCommand(), p.policyGetCommand(), p.policyListCommand(), p.policyDeleteCommand(),
		p.policyTestCommand(), p.policyValidateCommand())
	return command
}

// ownerFlags adds the flags that say whose policies are meant.
func ownerFlags(command *cobra.Command) *identity.Owner {
	o := &identity.Owner{}
	command.Flags().StringVar(&o.User, "user", "", "`name` of the user that the policy belongs to")
	command.Flags().StringVar(&o.Group, "group", "", "`name` of the group that the policy belongs to")
	command.Flags().StringVar(&o.Role, "role", "", "`name` of the role that the policy belongs to")
	return o
}

// owned makes a command about the policies of an owner.
func (p *program) owned(command *cobra.Command, run func(c *identityCommand, owner identity.Owner, args []string) error) *cobra.Command {
	owner := ownerFlags(command)
	return p.identityCommand(command, func(c *identityCommand, args []string) error {
		named := 0
		for _, name := range []string{owner.User, owner.Group, owner.Role} {
			if name != "" {
				named++
			}
		}
		if named != 1 {
			return usage(c.Command, "say whose policy is meant, by exactly one of --user, --group and --role")
		}
		owner.Account = c.account
		return run(c, *owner, args)
	}).Command
}

func (p *program) policyPutCommand() *cobra.Command {
	in := &identity.PutPolicyInput{}
	command := &cobra.Command{
		Use:   "put NAME FILE",
		Short: "Give a policy to a user, group or role",
		Long: `Give a policy to a user, group or role, in place of the one of this name if there is one. FILE has a policy document of at most 10240
bytes; - is standard input. The policy acts from the next request on.`,
		Example: "  staunch policy put consume policy.json --user worker",
		Args:    cobra.ExactArgs(2),
	}
	return p.owned(command, func(c *identityCommand, owner identity.Owner, args []string) (err error) {
		in.Owner, in.Policy = owner, args[0]
		if in.Document, err = readDocument(c.Command, args[1]); err != nil {
			return err
		}
		if err := c.do("put-policy", in, &identity.Done{}); err != nil {
			return err
		}
		return c.say("%s has policy %s", in.Owner, in.Policy)
	})
}

func (p *program) policyGetCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "get NAME",
		Short: "Print a policy of a user, group or role as it was put",
		Args:  cobra.ExactArgs(1),
	}
	return p.owned(command, func(c *identityCommand, owner identity.Owner, args []string) error {
		var out identity.Policy
		if err := c.do("get-policy", &identity.PolicyInput{Owner: owner, Policy: args[0]}, &out); err != nil {
			return err
		}
		_, err := fmt.Fprintln(p.stdout, out.Document)
		return err
	})
}

func (p *program) policyListCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "list",
		Short: "List the policies of a user, group or role",
		Long:  "List the policies of a user, group or role; of a user without those of its groups. With -o json the documents are in the list.",
		Args:  cobra.NoArgs,
	}
	form := outputFlag(command, "table", "json")
	return p.owned(command, func(c *identityCommand, owner identity.Owner, _ []string) error {
		var out identity.ListPoliciesOutput
		if err := c.do("list-policies", &identity.ListPoliciesInput{Owner: owner}, &out); err != nil {
			return err
		}
		var rows [][]string
		for _, policy := range out.Policies {
			rows = append(rows, []string{policy.Name, strconv.Itoa(len(policy.Document))})
		}
		return c.print(*form, out.Policies, "POLICY BYTES", rows)
	})
}

func (p *program) policyDeleteCommand() *cobra.Command {
	command := &cobra.Command{Use: "delete NAME", Short: "Take a policy from a user, group or role", Args: cobra.ExactArgs(1)}
	return p.owned(command, func(c *identityCommand, owner identity.Owner, args []string) error {
		if err := c.do("delete-policy", &identity.PolicyInput{Owner: owner, Policy: args[0]}, &identity.Done{}); err != nil {
			return err
		}
		return c.say("%s has no policy %s any more", owner, args[0])
	})
}

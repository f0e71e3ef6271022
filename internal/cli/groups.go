package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/staunchmq/staunch/internal/identity"
)

func (p *program) groupCommand() *cobra.Command {
	command := group("group", "Create, list and delete groups of users")
	command.AddCommand(p.groupCreateCommand(), p.groupListCommand(), p.groupDeleteCommand(),
		p.membershipCommand("add", "Put a user into a group", "add-to-group", "user %s is in group %s"),
		p.membershipCommand("remove", "Take a user out of a group", "remove-from-group", "user %s is not in group %s"))
	return command
}

func groupRow(g *identity.Group) []string {
	return []string{g.Name, g.ID, g.ARN, strings.Join(g.Users, ","), moment(g.Created)}
}

const groupHead = "GROUP ID ARN USERS CREATED"

func (p *program) groupCreateCommand() *cobra.Command {
	in := &identity.CreateGroupInput{}
	command := &cobra.Command{
		Use:     "create NAME",
		Short:   "Create a group",
		Long:    "Create a group of users. What its policies say holds for each of them.",
		Example: "  staunch group create consumers\n  staunch policy put consume policy.json --group consumers\n  staunch group add consumers worker",
		Args:    cobra.ExactArgs(1),
	}
	form := outputFlag(command, "table", "json")
	command.Flags().StringVar(&in.Path, "path", "", "`path` of the group in its ARN (default /)")
	return p.identityCommand(command, func(c *identityCommand, args []string) error {
		in.Account, in.Group = c.account, args[0]
		var made identity.Group
		if err := c.do("create-group", in, &made); err != nil {
			return err
		}
		return c.print(*form, &made, groupHead, [][]string{groupRow(&made)})
	}).Command
}

func (p *program) groupListCommand() *cobra.Command {
	command := &cobra.Command{Use: "list", Short: "List the groups of an account and who is in them", Args: cobra.NoArgs}
	form := outputFlag(command, "table", "json")
	return p.identityCommand(command, func(c *identityCommand, _ []string) error {
		var out identity.ListGroupsOutput
		if err := c.do("list-groups", &identity.ListGroupsInput{Account: c.account}, &out); err != nil {
			return err
		}
		var rows [][]string
		for _, g := range out.Groups {
			rows = append(rows, groupRow(g))
		}
		return c.print(*form, out.Groups, groupHead, rows)
	}).Command
}

func (p *program) groupDeleteCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "delete NAME",
		Short: "Delete a group with its policies",
		Long:  "Delete a group with its policies. Its users stay, and lose at once what it allowed them.",
		Args:  cobra.ExactArgs(1),
	}
	return p.identityCommand(command, func(c *identityCommand, args []string) error {
		if err := c.do("delete-group", &identity.DeleteGroupInput{Account: c.account, Group: args[0]}, &identity.Done{}); err != nil {
			return err
		}
		return c.say("group %s deleted", args[0])
	}).Command
}

func (p *program) membershipCommand(name, short, operation, said string) *cobra.Command {
	command := &cobra.Command{Use: name + " GROUP USER", Short: short, Args: cobra.ExactArgs(2)}
	return p.identityCommand(command, func(c *identityCommand, args []string) error {
		in := &identity.MembershipInput{Account: c.account, Group: args[0], User: args[1]}
		if err := c.do(operation, in, &identity.Done{}); err != nil {
			return err
		}
		return c.say(said, args[1], args[0])
	}).Command
}

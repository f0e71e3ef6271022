package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/staunchmq/staunch/internal/identity"
)

func (p *program) userCommand() *cobra.Command {
	command := group("user", "Create, list and delete users")
	command.AddCommand(p.userCreateCommand(), p.userListCommand(), p.userDeleteCommand())
	return command
}

func userRow(u *identity.User) []string {
	return []string{u.Name, u.ID, u.ARN, strings.Join(u.Groups, ","), moment(u.Created)}
}

const userHead = "USER ID ARN GROUPS CREATED"

func (p *program) userCreateCommand() *cobra.Command {
	in := &identity.CreateUserInput{}
	command := &cobra.Command{
		Use:   "create NAME",
		Short: "Create a user",
		Long: `Create a user of an account. A user may do nothing until a policy of the user, of a group, or of a queue allows it, and signs requests
with an access key.`,
		Example: "  staunch user create worker\n  staunch policy put consume policy.json --user worker\n  staunch key create worker",
		Args:    cobra.ExactArgs(1),
	}
	form := outputFlag(command, "table", "json")
	command.Flags().StringVar(&in.Path, "path", "", "`path` of the user in its ARN (default /)")
	return p.identityCommand(command, func(c *identityCommand, args []string) error {
		in.Account, in.User = c.account, args[0]
		var made identity.User
		if err := c.do("create-user", in, &made); err != nil {
			return err
		}
		return c.print(*form, &made, userHead, [][]string{userRow(&made)})
	}).Command
}

func (p *program) userListCommand() *cobra.Command {
	command := &cobra.Command{Use: "list", Short: "List the users of an account", Args: cobra.NoArgs}
	form := outputFlag(command, "table", "json")
	return p.identityCommand(command, func(c *identityCommand, _ []string) error {
		var out identity.ListUsersOutput
		if err := c.do("list-users", &identity.ListUsersInput{Account: c.account}, &out); err != nil {
			return err
		}
		var rows [][]string
		for _, u := range out.Users {
			rows = append(rows, userRow(u))
		}
		return c.print(*form, out.Users, userHead, rows)
	}).Command
}

func (p *program) userDeleteCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "delete NAME",
		Short: "Delete a user with its policies and access keys",
		Long:  "Delete a user with its policies and access keys. Requests that are signed with one are refused at once.",
		Args:  cobra.ExactArgs(1),
	}
	return p.identityCommand(command, func(c *identityCommand, args []string) error {
		if err := c.do("delete-user", &identity.DeleteUserInput{Account: c.account, User: args[0]}, &identity.Done{}); err != nil {
			return err
		}
		return c.say("user %s deleted", args[0])
	}).Command
}

package cli

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/staunchmq/staunch/internal/identity"
)

func (p *program) roleCommand() *cobra.Command {
	command := group("role", "Create, list, change and delete roles")
	command.AddCommand(p.roleCreateCommand(), p.roleListCommand(), p.roleUpdateCommand(), p.roleDeleteCommand())
	return command
}

func roleRow(r *identity.Role) []string {
	return []string{r.Name, r.ID, r.ARN, (time.Duration(r.MaxSessionSeconds) * time.Second).String(), moment(r.Created)}
}

const roleHead = "ROLE ID ARN MAX-SESSION CREATED"

// roleFlags are the flags for what can be changed of a role.
type roleFlags struct {
	trust      string
	maxSession time.Duration
}

func addRoleFlags(command *cobra.Command) *roleFlags {
	f := &roleFlags{}
	command.Flags().StringVar(&f.trust, "trust", "", "`file` with the trust policy, which says who may assume the role; - for standard input")
	command.Flags().DurationVar(&f.maxSession, "max-session", 0, "how long a session may last, 1h to 12h (default 1h)")
	return f
}

// read returns the trust policy, "" if the flag was not given, and the seconds.
func (f *roleFlags) read(command *cobra.Command) (trust string, seconds int64, err error) {
	if f.maxSession%time.Second != 0 {
		return "", 0, usage(command, "--max-session %v is not in whole seconds", f.maxSession)
	}
	if f.trust != "" {
		trust, err = readDocument(command, f.trust)
	}
	return trust, int64(f.maxSession / time.Second), err
}

func (p *program) roleCreateCommand() *cobra.Command {
	in := &identity.CreateRoleInput{}
	command := &cobra.Command{
		Use:   "create NAME --trust FILE",
		Short: "Create a role",
		Long: `Create a role. Who its trust policy names can become the role for a while (AssumeRole of STS), and may then do what the policies of
the role allow.`,
		Example: "  staunch role create deploy --trust trust.json --max-session 4h\n  staunch policy put manage policy.json --role deploy",
		Args:    cobra.ExactArgs(1),
	}
	form := outputFlag(command, "table", "json")
	command.Flags().StringVar(&in.Path, "path", "", "`path` of the role in its ARN (default /)")
	flags := addRoleFlags(command)
	return p.identityCommand(command, func(c *identityCommand, args []string) (err error) {
		if flags.trust == "" {
			return usage(c.Command, "--trust is missing: the file with the trust policy")
		}
		in.Account, in.Role = c.account, args[0]
		if in.TrustPolicy, in.MaxSessionSeconds, err = flags.read(c.Command); err != nil {
			return err
		}
		var made identity.Role
		if err := c.do("create-role", in, &made); err != nil {
			return err
		}
		return c.print(*form, &made, roleHead, [][]string{roleRow(&made)})
	}).Command
}

func (p *program) roleListCommand() *cobra.Command {
	command := &cobra.Command{Use: "list", Short: "List the roles of an account; -o json has their trust policies", Args: cobra.NoArgs}
	form := outputFlag(command, "table", "json")
	return p.identityCommand(command, func(c *identityCommand, _ []string) error {
		var out identity.ListRolesOutput
		if err := c.do("list-roles", &identity.ListRolesInput{Account: c.account}, &out); err != nil {
			return err
		}
		var rows [][]string
		for _, r := range out.Roles {
			rows = append(rows, roleRow(r))
		}
		return c.print(*form, out.Roles, roleHead, rows)
	}).Command
}

func (p *program) roleUpdateCommand() *cobra.Command {
	in := &identity.UpdateRoleInput{}
	command := &cobra.Command{
		Use:   "update NAME",
		Short: "Change who may assume a role, and for how long",
		Long:  "Change the trust policy of a role, or how long its sessions may last. Sessions that there are go on until they end.",
		Args:  cobra.ExactArgs(1),
	}
	form := outputFlag(command, "table", "json")
	flags := addRoleFlags(command)
	return p.identityCommand(command, func(c *identityCommand, args []string) (err error) {
		if flags.trust == "" && flags.maxSession == 0 {
			return usage(c.Command, "nothing to change: give --trust or --max-session")
		}
		in.Account, in.Role = c.account, args[0]
		if in.TrustPolicy, in.MaxSessionSeconds, err = flags.read(c.Command); err != nil {
			return err
		}
		var changed identity.Role
		if err := c.do("update-role", in, &changed); err != nil {
			return err
		}
		return c.print(*form, &changed, roleHead, [][]string{roleRow(&changed)})
	}).Command
}

func (p *program) roleDeleteCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "delete NAME",
		Short: "Delete a role with its policies",
		Long:  "Delete a role with its policies. Its sessions end at once.",
		Args:  cobra.ExactArgs(1),
	}
	return p.identityCommand(command, func(c *identityCommand, args []string) error {
		if err := c.do("delete-role", &identity.DeleteRoleInput{Account: c.account, Role: args[0]}, &identity.Done{}); err != nil {
			return err
		}
		return c.say("role %s deleted", args[0])
	}).Command
}

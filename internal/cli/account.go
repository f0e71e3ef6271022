package cli

import (
	"github.com/spf13/cobra"

	"github.com/staunchmq/staunch/internal/identity"
)

func (p *program) accountCommand() *cobra.Command {
	command := group("account", "Create, list and delete accounts")
	command.AddCommand(p.accountCreateCommand(), p.accountListCommand(), p.accountDeleteCommand())
	return command
}

func accountRow(a *identity.Account) []string { return []string{a.ID, a.Name, moment(a.Created)} }

const accountHead = "ACCOUNT NAME CREATED"

func (p *program) accountCreateCommand() *cobra.Command {
	in := &identity.CreateAccountInput{}
	command := &cobra.Command{
		Use:   "create [NAME]",
		Short: "Create an account",
		Long: `Create an account: a tenant whose queues, users and keys are apart from those of others. The name can stand for the ID in these
commands. The account of the settings (--account of serve) is there without being created.`,
		Example: "  staunch account create shop\n  staunch key create --account shop --root",
		Args:    cobra.MaximumNArgs(1),
	}
	form := outputFlag(command, "table", "json")
	command.Flags().StringVar(&in.ID, "id", "", "12 `digits` (default random)")
	c := p.identityCommand(command, func(c *identityCommand, args []string) error {
		if len(args) > 0 {
			in.Name = args[0]
		}
		var made identity.Account
		if err := c.do("create-account", in, &made); err != nil {
			return err
		}
		return c.print(*form, &made, accountHead, [][]string{accountRow(&made)})
	})
	return c.withoutAccount()
}

func (p *program) accountListCommand() *cobra.Command {
	command := &cobra.Command{Use: "list", Short: "List all accounts", Args: cobra.NoArgs}
	form := outputFlag(command, "table", "json")
	c := p.identityCommand(command, func(c *identityCommand, _ []string) error {
		var out identity.ListAccountsOutput
		if err := c.do("list-accounts", &identity.ListAccountsInput{}, &out); err != nil {
			return err
		}
		var rows [][]string
		for _, a := range out.Accounts {
			rows = append(rows, accountRow(a))
		}
		return c.print(*form, out.Accounts, accountHead, rows)
	})
	return c.withoutAccount()
}

func (p *program) accountDeleteCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "delete ACCOUNT",
		Short: "Delete an account that has no queues, users, groups and roles",
		Long:  "Delete an account by its ID or name. It must have no queues, users, groups and roles; the keys of its root go with it.",
		Args:  cobra.ExactArgs(1),
	}
	c := p.identityCommand(command, func(c *identityCommand, args []string) error {
		if err := c.do("delete-account", &identity.DeleteAccountInput{Account: args[0]}, &identity.Done{}); err != nil {
			return err
		}
		return c.say("account %s deleted", args[0])
	})
	return c.withoutAccount()
}

// withoutAccount hides the flag --account from commands that are about accounts themselves.
func (c *identityCommand) withoutAccount() *cobra.Command {
	c.Flags().Lookup("account").Hidden = true
	return c.Command
}

package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/staunchmq/staunch/internal/identity"
)

func (p *program) keyCommand() *cobra.Command {
	command := group("key", "Create, list, rotate and delete access keys")
	command.AddCommand(p.keyCreateCommand(), p.keyListCommand(), p.keyRotateCommand(),
		p.keyUpdateCommand("disable", "Refuse requests that are signed with an access key", false),
		p.keyUpdateCommand("enable", "Take requests that are signed with an access key again", true),
		p.keyDeleteCommand(), p.keyImportCommand())
	return command
}

// keyForms are the forms in which a new key is shown.
var keyForms = []string{"table", "json", "env", "credentials-file"}

// printNewKey shows a key with its secret.
func (c *identityCommand) printNewKey(form string, k *identity.NewKey) (err error) {
	switch form {
	case "env":
		_, err = fmt.Fprintf(c.p.stdout, "export AWS_ACCESS_KEY_ID=%s AWS_SECRET_ACCESS_KEY=%s\n", k.ID, k.Secret)
	case "credentials-file":
		_, err = fmt.Fprintf(c.p.stdout, "[%s]\naws_access_key_id = %s\naws_secret_access_key = %s\n", keyUser(&k.Key), k.ID, k.Secret)
	default:
		err = c.print(form, k, "ACCESS-KEY-ID SECRET-ACCESS-KEY USER ACCOUNT", [][]string{{k.ID, k.Secret, keyUser(&k.Key), k.Account}})
		if err == nil && form == "table" {
			_, err = fmt.Fprintln(c.p.stderr, "The secret is shown this once.")
		}
	}
	if err != nil {
		return &exitError{
			code: exitFailed,
			step: fmt.Sprintf("Nobody can see the secret any more: `staunch key delete %s`, and make another key.", k.ID),
			err:  fmt.Errorf("access key %s was made, and its secret could not be shown: %w", k.ID, err),
		}
	}
	return nil
}

// rootName stands for the root of an account where users have names, also in credentials files.
const rootName = "root"

func keyUser(k *identity.Key) string {
	if k.User == "" {
		return rootName
	}
	return k.User
}

func (p *program) keyCreateCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "create USER | --root",
		Short: "Create an access key of a user, or of the root of an account",
		Long: `Create an access key and print it with its secret, which nobody can see again. A user has at most two, so that one can be replaced
while the other is used. The root of an account may do everything in it.`,
		Example: "  staunch key create worker\n  eval \"$(staunch key create worker -o env)\"\n  staunch key create worker -o credentials-file >> ~/.aws/credentials",
		Args:    cobra.MaximumNArgs(1),
	}
	form := outputFlag(command, keyForms...)
	root := command.Flags().Bool("root", false, "of the root of the account instead of a user")
	return p.identityCommand(command, func(c *identityCommand, args []string) error {
		in := &identity.CreateKeyInput{Account: c.account}
		if *root == (len(args) == 1) {
			return usage(c.Command, "a key belongs to a user or to the root of the account: give either USER or --root")
		}
		if len(args) == 1 {
			in.User = args[0]
		}
		var made identity.NewKey
		if err := c.do("create-key", in, &made); err != nil {
			return err
		}
		return c.printNewKey(*form, &made)
	}).Command
}

func (p *program) keyListCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "list [USER]",
		Short: "List the access keys of an account, or of a user",
		Long:  "List the access keys of an account, or of one user: whether they are active, and when they were last used, to a quarter of an hour.",
		Args:  cobra.MaximumNArgs(1),
	}
	form := outputFlag(command, "table", "json")
	return p.identityCommand(command, func(c *identityCommand, args []string) error {
		in := &identity.ListKeysInput{Account: c.account}
		if len(args) == 1 {
			in.User = args[0]
		}
		var out identity.ListKeysOutput
		if err := c.do("list-keys", in, &out); err != nil {
			return err
		}
		var rows [][]string
		for _, k := range out.Keys {
			status := "active"
			if !k.Active {
				status = "disabled"
			}
			rows = append(rows, []string{k.ID, keyUser(k), status, moment(k.Created), moment(k.LastUsed)})
		}
		return c.print(*form, out.Keys, "ACCESS-KEY-ID USER STATUS CREATED LAST-USED", rows)
	}).Command
}

func (p *program) keyRotateCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "rotate ID",
		Short: "Create the key that replaces another",
		Long: `Create a second access key for the owner of one, and print it. The old key stays active: give the new one to all clients, look with
"key list" whether the old one is still used, disable it, and delete it when nobody misses it.`,
		Example: "  staunch key rotate AKIA2ZJ5QXYWK3VN7TBA\n  staunch key disable AKIA2ZJ5QXYWK3VN7TBA\n  staunch key delete AKIA2ZJ5QXYWK3VN7TBA",
		Args:    cobra.ExactArgs(1),
	}
	form := outputFlag(command, keyForms...)
	c := p.identityCommand(command, func(c *identityCommand, args []string) error {
		var made identity.NewKey
		if err := c.do("rotate-key", &identity.RotateKeyInput{ID: args[0]}, &made); err != nil {
			return err
		}
		return c.printNewKey(*form, &made)
	})
	return c.withoutAccount()
}

func (p *program) keyUpdateCommand(name, short string, active bool) *cobra.Command {
	command := &cobra.Command{Use: name + " ID", Short: short, Long: short + ", from the next one on.", Args: cobra.ExactArgs(1)}
	c := p.identityCommand(command, func(c *identityCommand, args []string) error {
		if err := c.do("update-key", &identity.UpdateKeyInput{ID: args[0], Active: active}, &identity.Done{}); err != nil {
			return err
		}
		return c.say("access key %s %sd", args[0], name)
	})
	return c.withoutAccount()
}

func (p *program) keyDeleteCommand() *cobra.Command {
	command := &cobra.Command{Use: "delete ID", Short: "Delete an access key", Args: cobra.ExactArgs(1)}
	c := p.identityCommand(command, func(c *identityCommand, args []string) error {
		if err := c.do("delete-key", &identity.DeleteKeyInput{ID: args[0]}, &identity.Done{}); err != nil {
			return err
		}
		return c.say("access key %s deleted", args[0])
	})
	return c.withoutAccount()
}

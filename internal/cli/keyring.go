package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/staunchmq/staunch/internal/datadir"
	"github.com/staunchmq/staunch/internal/keyring"
)

func (p *program) keyringCommand() *cobra.Command {
	command := group("keyring", "Make and change the keys that messages are encrypted with")
	command.Long = `Make and change a keyring: the keys that messages and the secrets of the server are encrypted with. A server that was started
with the same --keyring takes a change over within seconds.

Whoever has the file can read what it has encrypted, and without it nobody can. Keep a copy, apart from the backups of the
data. docs/operations/encryption.md says more.`
	command.AddCommand(p.keyringCreateCommand(), p.keyringAddCommand(),
		p.keyringEditCommand("rotate", "Let a key encrypt with a new version from now on",
			"Add a version to a key. What is new is encrypted with it; the older versions stay, to read what they have encrypted.",
			func(name string) keyring.Edit { return keyring.Rotate(name, time.Now()) }),
		p.keyringEditCommand("disable", "Make a key unusable until it is enabled",
			"Disable a key. Sends and receives that need it fail as soon as a server has read the change; the messages stay.", keyring.Disable),
		p.keyringEditCommand("enable", "Make a key usable that was disabled", "Enable a key that was disabled.", keyring.Enable),
		p.keyringRewrapCommand(), p.keyringForgetCommand(), p.keyringListCommand())
	return command
}

// keyringFile returns the path of the keyring in the settings.
func (p *program) keyringFile(command *cobra.Command, flags *settingFlags) (string, error) {
	cfg, _, err := p.load(flags)
	if err != nil {
		return "", err
	}
	path, ok := keyring.FilePath(cfg.Keyring)
	if !ok {
		return "", usage(command, "name the file with --keyring file:PATH (environment: STAUNCH_KEYRING); other sources of a keyring cannot be changed from here")
	}
	return path, nil
}

// keyringError gives an error of a keyring its next step.
func keyringError(err error) error {
	var known *exitError
	step := "Nothing was changed."
	switch {
	case err == nil, errors.As(err, &known):
		return err
	case errors.Is(err, context.Canceled):
		return &exitError{code: exitInterrupted, step: step, err: errInterrupted}
	case errors.Is(err, keyring.ErrBusy):
		step = "Nothing was changed. Run it again when that one has ended."
	case errors.Is(err, keyring.ErrUnconfirmed):
		step = "The file has the change. Keep a copy of it, and see to the disk: servers may encrypt with what is new in it."
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		step = "Nothing was changed. Free some space, and run the command again."
	case errors.Is(err, fs.ErrExist):
		step = "Choose another name. A keyring is never written over: without it, nothing that it has encrypted can be read."
	case errors.Is(err, fs.ErrNotExist):
		step = "staunch keyring create makes one."
	case errors.Is(err, fs.ErrPermission):
		step = "Nothing was changed. Run the command as the owner of the file, or as root."
	case errors.Is(err, keyring.ErrNoLock):
		step = "Nothing was changed. On NFS the owner of the file must be allowed to write to it (chmod u+w). If it cannot be locked there at all, change a copy on\n" +
			"a local disk, and put it in the place of the file."
	case errors.Is(err, keyring.ErrNotFound):
		step = "staunch keyring list shows the keys."
	}
	return &exitError{code: exitFailed, step: step, err: err}
}

func (p *program) keyringCreateCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "create",
		Short: "Make a keyring file",
		Long: `Make a keyring file, which must not exist: with a key for messages, ` + keyring.MessageKey + `, and one for the secrets of the server,
` + keyring.SecretKey + `. Its owner alone can read it.`,
		Args: cobra.NoArgs,
	}
	flags := p.settingFlags(command, "keyring")
	command.RunE = func(command *cobra.Command, _ []string) error {
		path, err := p.keyringFile(command, flags)
		if err != nil {
			return err
		}
		err = keyring.Create(path, time.Now())
		if errors.Is(err, fs.ErrNotExist) {
			return &exitError{code: exitFailed, step: "Make the directory first, with `mkdir -p " + filepath.Dir(path) + "`.", err: err}
		}
		if err != nil {
			return keyringError(err)
		}
		_, err = fmt.Fprintf(p.stdout, "%s was made. Keep a copy of it, apart from the backups of the data, and start the server with --keyring file:%[1]s.\n", path)
		return err
	}
	return command
}

func (p *program) keyringAddCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "add NAME",
		Short: "Add a key that queues can name as their KmsMasterKeyId",
		Long: `Add a key. As KmsMasterKeyId of a queue, alias/NAME means it, its id (staunch keyring list shows it), an ARN of either in the
queue's own region and account, and every --alias: an ARN or id of AWS, or alias/ANOTHER.`,
		Args: cobra.ExactArgs(1),
	}
	flags := p.settingFlags(command, "keyring")
	aliases := command.Flags().StringArray("alias", nil, "another `text` that means this key; can be given more than once")
	accounts := command.Flags().StringArray("account", nil, "`account` whose queues can use the key; can be given more than once (default all)")
	command.RunE = func(command *cobra.Command, args []string) error {
		return p.changeKeyring(command, flags, keyring.Add(args[0], *aliases, *accounts, time.Now()))
	}
	return command
}

// keyringEditCommand makes a command that changes one key.
func (p *program) keyringEditCommand(name, short, long string, edit func(name string) keyring.Edit) *cobra.Command {
	command := &cobra.Command{Use: name + " NAME", Short: short, Long: long, Args: cobra.ExactArgs(1)}
	flags := p.settingFlags(command, "keyring")
	command.RunE = func(command *cobra.Command, args []string) error {
		return p.changeKeyring(command, flags, edit(args[0]))
	}
	return command
}

func (p *program) keyringForgetCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "forget NAME VERSION",
		Short: "Take an old version out of a key that nothing needs any more",
		Long: `Take a version out of a key. What it has encrypted can never be read again, in old backups neither. So the messages and secrets of
the data directory are looked through first, or with --url those of a running server: while one is encrypted with the version, nothing
is done. With --url the server reads the keyring first, so that it encrypts nothing with the version any more.

Sessions of roles are not stored: their tokens are encrypted with ` + keyring.SecretKey + `. A version of it can be forgotten 12 hours after the
next one was made, when no session is left that it has encrypted; --end-sessions does not wait, and ends those that there are.`,
		Args: cobra.ExactArgs(2),
	}
	flags := p.settingFlags(command, "keyring", "data", "admin-token-file")
	at := adminFlagsOf(command)
	endSessions := command.Flags().Bool("end-sessions", false, "do not wait until sessions of roles have ended that the version has encrypted")
	command.RunE = func(command *cobra.Command, args []string) error {
		ctx, stop := interruptible(command.Context())
		defer stop()
		version, err := strconv.ParseUint(args[1], 10, 32)
		if err != nil {
			return usage(command, "%q is not the number of a version", args[1])
		}
		path, err := p.keyringFile(command, flags)
		if err != nil {
			return err
		}
		keys, err := keyring.List("file:" + path)
		if err != nil {
			return keyringError(err)
		}
		i := slices.IndexFunc(keys, func(k *keyring.Key) bool { return k.Name == args[0] })
		if i < 0 {
			return keyringError(fmt.Errorf("%s: %w", args[0], keyring.ErrNotFound))
		}
		switch secrets := keys[i].Name == keyring.SecretKey; {
		case *endSessions && !secrets:
			return usage(command, "--end-sessions is for versions of %s: no other key encrypts session tokens", keyring.SecretKey)
		case secrets && !*endSessions:
			if err := sessionsEnded(keys[i], uint32(version), time.Now()); err != nil {
				return err
			}
		}
		if err := p.reloadKeyring(ctx, flags, at, keys[i], uint32(version)); err != nil {
			return err
		}
		c, err := p.checkEither(ctx, flags, at, "staunch keyring forget --url "+defaultAdminURL)
		if err != nil {
			return err
		}
		if err := c.wrong(); err != nil {
			return err
		}
		if err := c.needs(datadir.EncryptedWith(keys[i].ID.String(), uint32(version))); err != nil {
			return err
		}
		return keyringError(keyring.Change(ctx, path, keyring.Forget(args[0], uint32(version))))
	}
	return command
}

// needs returns an error if messages or secrets are encrypted in a way.
func (c checked) needs(unwanted string) error {
	messages, secrets := kinds(c.reports)[unwanted], secretKinds(c.reports)[unwanted]
	var needed []string
	if messages > 0 {
		needed = append(needed, fmt.Sprintf("%d messages are %s", messages, unwanted))
	}
	if secrets > 0 {
		needed = append(needed, fmt.Sprintf("%d secrets of access keys are %s", secrets, unwanted))
	}
	if needed == nil {
		return nil
	}
	return &exitError{
		code: exitFailed,
		step: "Nothing was changed. `staunch keyring rewrap` lets the server encrypt them with the newest version; if it is this one, rotate the key first.",
		err:  fmt.Errorf("%s: %s", c.name, strings.Join(needed, ", ")),
	}
}

const (
	// sessionMax is how long a session of a role can last. AWS: 12 hours.
	sessionMax = 12 * time.Hour
	// takenOver is how long a server may go on encrypting with a version after the next was made, until it has read the keyring, and how much
	// its clock may differ.
	takenOver = 5 * time.Minute
)

// sessionsEnded returns an error while there may be sessions whose tokens a version has encrypted: it did so until the next one was made.
func sessionsEnded(key *keyring.Key, version uint32, now time.Time) error {
	i := slices.IndexFunc(key.Versions, func(v keyring.Version) bool { return v.Number > version })
	if i < 0 {
		return nil // it is the newest, which cannot be forgotten anyway
	}
	until := key.Versions[i].Created.Add(sessionMax + takenOver)
	if !now.Before(until) {
		return nil
	}
	return &exitError{
		code: exitFailed,
		step: "Nothing was changed. Ask again after that, or with --end-sessions: whoever has such a session needs a new one then.",
		err: fmt.Errorf("version %d of key %s may have encrypted the tokens of sessions of roles, the last of which ends by %s",
			version, key.Name, until.UTC().Format(time.RFC3339)),
	}
}

func (p *program) changeKeyring(command *cobra.Command, flags *settingFlags, edit keyring.Edit) error {
	path, err := p.keyringFile(command, flags)
	if err != nil {
		return err
	}
	ctx, stop := interruptible(command.Context())
	defer stop()
	return keyringError(keyring.Change(ctx, path, edit))
}

func (p *program) keyringListCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "list",
		Short: "List the keys, without their secrets",
		Long:  "List the keys of a keyring and their versions, without the secrets.",
		Args:  cobra.NoArgs,
	}
	form := outputFlag(command, "table", "json")
	flags := p.settingFlags(command, "keyring")
	command.RunE = func(command *cobra.Command, _ []string) error {
		cfg, _, err := p.load(flags)
		if err != nil {
			return err
		}
		if cfg.Keyring == "" {
			return usage(command, "name the keyring with --keyring (environment: STAUNCH_KEYRING)")
		}
		keys, err := keyring.List(cfg.Keyring)
		if err != nil {
			return keyringError(err)
		}
		text, err := keysText(*form, keys)
		if err != nil {
			return err
		}
		_, err = fmt.Fprint(p.stdout, text)
		return err
	}
	return command
}

func keysText(form string, keys []*keyring.Key) (string, error) {
	if form == "json" {
		type version struct {
			Version uint32    `json:"version"`
			Created time.Time `json:"created"`
		}
		type entry struct {
			Name     string    `json:"name"`
			ID       string    `json:"id"`
			Enabled  bool      `json:"enabled"`
			Aliases  []string  `json:"aliases,omitempty"`
			Accounts []string  `json:"accounts,omitempty"`
			Versions []version `json:"versions"`
		}
		entries := make([]entry, len(keys))
		for i, k := range keys {
			entries[i] = entry{Name: k.Name, ID: k.ID.String(), Enabled: k.Enabled, Aliases: k.Aliases, Accounts: k.Accounts}
			for _, v := range k.Versions {
				entries[i].Versions = append(entries[i].Versions, version{v.Number, v.Created})
			}
		}
		text, err := json.MarshalIndent(entries, "", "  ")
		return string(text) + "\n", err
	}
	var b strings.Builder
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "NAME\tID\tSTATE\tVERSION\tCREATED\tALIASES\tACCOUNTS")
	for _, k := range keys {
		state := "disabled"
		if k.Enabled {
			state = "enabled"
		}
		newest := k.Versions[len(k.Versions)-1]
		fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%s\t%s\t%s\n", k.Name, k.ID, state, newest.Number, newest.Created.UTC().Format(time.RFC3339),
			orDash(k.Aliases), orDash(k.Accounts))
	}
	_ = table.Flush() // writes to memory
	return b.String(), nil
}

func orDash(list []string) string {
	if len(list) == 0 {
		return "-"
	}
	return strings.Join(list, ",")
}

package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/staunchmq/staunch/internal/admin"
	"github.com/staunchmq/staunch/internal/keyring"
)

const (
	// laterStep is what to do when a server refuses what it was asked for.
	laterStep = "Nothing was changed. Ask again later; the log of the server says more."
	// unfinishedStep is what to do when not all was encrypted anew.
	unfinishedStep = "What was done stays done; ask again for the rest."
)

func (p *program) keyringRewrapCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "rewrap",
		Short: "Let a running server encrypt all messages and secrets with the newest versions of their keys",
		Long: `Ask a running server to encrypt every message, and the secret of every access key, anew that is not under the newest version of
its key, after a rotation: then the older versions can be forgotten. What the built-in keys have encrypted goes under the keys of
the keyring.

The server goes on serving meanwhile, and reads and writes no faster than its clean-rate. The messages stay what they are, and where
they are. When it is interrupted, what was done stays done; ask again for the rest.

The exit code is 1 when messages or secrets are left that could not be encrypted anew, because their key is disabled or not in the keyring.`,
		Args: cobra.NoArgs,
	}
	flags := p.settingFlags(command, append(addressFlags, tokenFlags...)...)
	at := adminFlagsOf(command)
	command.RunE = func(command *cobra.Command, _ []string) error {
		ctx, stop := interruptible(command.Context())
		defer stop()
		cfg, _, err := p.load(flags)
		if err != nil {
			return err
		}
		server, err := p.adminServer(cfg, at)
		if err != nil {
			return err
		}
		result, err := p.rewrap(ctx, server)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(p.stdout, "%d messages were encrypted anew.\n", result.Rewrapped); err != nil {
			return err
		}
		if result.Secrets > 0 {
			if _, err := fmt.Fprintf(p.stdout, "%d secrets of access keys were encrypted anew.\n", result.Secrets); err != nil {
				return err
			}
		}
		if err := leftBy(result); err != nil {
			return &exitError{code: exitFailed, step: "They stay as they are. Enable the key, or put it back into the keyring, and ask again.", err: err}
		}
		return nil
	}
	return command
}

// leftBy says what a rewrap could not encrypt anew, nil if there is nothing.
func leftBy(r admin.Rewrapped) error {
	var messages, secrets error
	if r.Failed > 0 {
		messages = fmt.Errorf("%d messages could not be: %s", r.Failed, r.Problem)
	}
	if r.SecretsFailed > 0 {
		secrets = fmt.Errorf("%d secrets of access keys could not be: %s", r.SecretsFailed, r.SecretsProblem)
	}
	return errors.Join(messages, secrets)
}

// rewrap asks a server, and follows it until it is done.
func (p *program) rewrap(ctx context.Context, server *adminServer) (admin.Rewrapped, error) {
	var line admin.Rewrapped
	response, err := server.ask(ctx, "/rewrap", laterStep)
	if err != nil {
		return line, err
	}
	defer response.Body.Close()
	bar := p.progress(-1, "encrypting anew")
	defer bar.close()
	shown := int64(0)
	lines := json.NewDecoder(response.Body)
	for !line.Done {
		line = admin.Rewrapped{}
		if err := lines.Decode(&line); err != nil {
			return line, server.brokeOff(err, unfinishedStep)
		}
		bar.add(int(line.LookedAt - shown))
		shown = line.LookedAt
	}
	if line.Error != "" {
		return line, &exitError{
			code: exitFailed, step: unfinishedStep,
			err: fmt.Errorf("%d messages were encrypted anew, then: %s", line.Rewrapped, line.Error),
		}
	}
	return line, nil
}

// reloadKeyring lets the server that at names, if it does, read its keyring: then it encrypts with the newest versions alone, and has stored
// what it has encrypted with others. It must have a newer version of the key than this one: it may read a copy of the file.
func (p *program) reloadKeyring(ctx context.Context, flags *settingFlags, at *adminFlags, key *keyring.Key, version uint32) error {
	if at.url == "" {
		return nil
	}
	cfg, _, err := p.load(flags)
	if err != nil {
		return err
	}
	server, err := p.adminServer(cfg, at)
	if err != nil {
		return err
	}
	response, err := server.ask(ctx, "/reload-keyring", laterStep)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, reasonBytesMax))
	if err != nil {
		return server.brokeOff(err, againStep)
	}
	var read admin.KeyringRead
	if err := json.Unmarshal(answer, &read); err != nil {
		return server.strange(err)
	}
	if newest := read.NewestVersions[key.ID.String()]; newest <= version {
		return &exitError{
			code: exitFailed,
			step: "Nothing was changed. Rotate the key, and let the server have the new file: one that it has from the environment or a credential it reads at its start.",
			err:  fmt.Errorf("the server at %s has no version of %s that is newer than %d, so it encrypts with that one", server.base, key.Name, version),
		}
	}
	return nil
}

package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/staunchmq/staunch/internal/identity"
)

// identityCommand is a command that asks a server for an operation on identities.
type identityCommand struct {
	*cobra.Command
	p        *program
	settings *settingFlags
	at       *adminFlags
	given    string // the flag --account

	account string // ID or name; set before the command runs
	server  *adminServer
}

// identityCommand makes a command that runs after its server was found. With forms it has the flag -o.
func (p *program) identityCommand(command *cobra.Command, run func(c *identityCommand, args []string) error) *identityCommand {
	c := &identityCommand{Command: command, p: p}
	command.Flags().StringVar(&c.given, "account", "", "`account`, by its ID or name (default the one of the settings)")
	c.settings = p.settingFlags(command, append(addressFlags, tokenFlags...)...)
	c.at = adminFlagsOf(command)
	command.RunE = func(command *cobra.Command, args []string) error {
		cfg, _, err := p.load(c.settings)
		if err != nil {
			return err
		}
		if c.account = c.given; c.account == "" {
			c.account = cfg.Account
		}
		if c.server, err = p.adminServer(cfg, c.at); err != nil {
			return err
		}
		return run(c, args)
	}
	return c
}

// do asks for an operation. out gets its output.
func (c *identityCommand) do(operation string, in, out any) error {
	ctx, stop := interruptible(c.Context())
	defer stop()
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	response, err := c.server.post(ctx, "/identities/"+operation, bytes.NewReader(body))
	const unknown = "What was asked for may have been done: look at the list, then ask again. The log of the server says more."
	if errors.Is(err, errInterrupted) {
		return &exitError{code: exitInterrupted, step: unknown, err: err}
	}
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return c.server.brokeOff(err, unknown)
	case response.StatusCode != http.StatusOK:
		return c.refused(response.Status, answer)
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return c.server.strange(err)
	}
	return nil
}

// refused makes an error of an answer that is one.
func (c *identityCommand) refused(status string, answer []byte) error {
	var e identity.Error
	if err := json.Unmarshal(answer, &e); err != nil || e.Text == "" {
		text := strings.TrimSpace(string(answer[:min(len(answer), reasonBytesMax)]))
		return &exitError{code: exitFailed, step: "The log of the server says more.", err: fmt.Errorf("%s answered %s: %s", c.server.base, status, text)}
	}
	code, step := exitFailed, "Nothing was changed."
	switch e.Code {
	case identity.Invalid, identity.Malformed:
		code, step = exitUsage, fmt.Sprintf("Nothing was changed. Usage: %s --help.", c.CommandPath())
	case identity.NotFound:
		step = "Nothing was changed. The list commands of account, user, group, role, policy and key show what there is; --account chooses the account."
	case identity.Exists:
		step = "Nothing was changed. Choose another name, or use the one that is there."
	case identity.InUse:
	case identity.Limit:
		step = "Nothing was changed. Delete what is not needed any more, or ask for less; the limits are in docs/operations/identities.md."
	default:
		step = "The log of the server says more."
	}
	return &exitError{code: code, step: step, err: &e}
}

// print writes a value as JSON, or in the form table as rows under a head.
func (c *identityCommand) print(form string, value any, head string, rows [][]string) error {
	if form == "json" {
		text, err := json.MarshalIndent(value, "", "  ")
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(c.p.stdout, "%s\n", text)
		return err
	}
	table := tabwriter.NewWriter(c.p.stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, strings.ReplaceAll(head, " ", "\t"))
	for _, row := range rows {
		for i, cell := range row {
			if cell == "" {
				row[i] = "-"
			}
		}
		fmt.Fprintln(table, strings.Join(row, "\t"))
	}
	return table.Flush()
}

// say writes one line about what was done.
func (c *identityCommand) say(format string, values ...any) error {
	_, err := fmt.Fprintf(c.p.stdout, format+"\n", values...)
	return err
}

// moment shows Unix ms, "" for 0.
func moment(at int64) string {
	if at == 0 {
		return ""
	}
	return time.UnixMilli(at).UTC().Format(time.RFC3339)
}

// readDocument reads a file, or standard input for "-".
func readDocument(command *cobra.Command, name string) (string, error) {
	var text []byte
	var err error
	if name == "-" {
		text, err = io.ReadAll(command.InOrStdin())
	} else {
		text, err = os.ReadFile(name)
	}
	if err != nil {
		return "", &exitError{code: exitUsage, step: "Name a file, or - for standard input.", err: err}
	}
	return strings.TrimSpace(string(text)), nil
}

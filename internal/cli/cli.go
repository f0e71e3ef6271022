// Package cli is the command line of Staunch: one file per command.
//
//	staunch serve                  run a server
//	staunch config print|validate  show or check settings
//	staunch healthcheck            ask a server whether it is ready
//	staunch journal check|dump     verify what a data directory holds, or list it
//	staunch backup create|verify   make or verify a backup
//	staunch restore                make a data directory out of a backup
//	staunch keyring create|...     make and change the keys that messages are encrypted with
//	staunch account|user|group|role create|list|delete ...
//	                               say who there is
//	staunch key create|rotate ...  give them access keys
//	staunch policy put|list ...    say what they may do
//	staunch policy test|validate   decide by policies, or check one
//	staunch bench [compare]        measure and check a server, compare results
//	staunch version                say which build this is
//	staunch completion SHELL       shell completion
//
// What a command was asked for goes to standard output, everything else to standard error. Exit codes: 0 done; 1 it
// failed, or found damage; 2 it was asked for wrongly, and nothing was done; 130 a signal cut long work short, or a second
// one the stop of a server. Every error ends with a next step. The package knows how to ask for a server and how to read answers; the
// server itself is a function that it is given.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/staunchmq/staunch/internal/config"
)

// ServeFunc runs a server with these settings until ctx ends, stops it, and returns nil after a clean stop. It calls
// ready once, when requests are answered.
type ServeFunc func(ctx context.Context, cfg *config.Config, log *slog.Logger, ready func(config.Addresses)) error

// The exit codes of Main.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130 // as a shell reports a program that SIGINT ended; a stop of serve was cut short, or long work was
)

// Main runs one command line: args without the name of the program, environ in the form of os.Environ. It returns
// the exit code. While `serve` runs, SIGINT and SIGTERM are handled by it; after a second one Main returns although the
// server has not stopped, and the caller should end the process.
func Main(args, environ []string, stdout, stderr io.Writer, serve ServeFunc) int {
	p := &program{environ: environ, stdout: stdout, stderr: stderr, serve: serve}
	root := p.rootCommand()
	root.SetArgs(args)
	ran, err := root.ExecuteC()
	return p.report(ran, err)
}

// program is what the commands of one Main share.
type program struct {
	environ        []string
	stdout, stderr io.Writer
	serve          ServeFunc

	// began is set when a command has been understood: errors before that are in how it was asked for.
	began bool
}

func (p *program) rootCommand() *cobra.Command {
	root := group("staunch", "Amazon SQS that you run yourself")
	root.Long = "Staunch is Amazon SQS that you run yourself: the AWS CLI and every AWS SDK work with it, " +
		"and every change that\nwas answered is on disk."
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	root.SilenceErrors, root.SilenceUsage = true, true
	root.PersistentPreRun = func(*cobra.Command, []string) { p.began = true }
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(p.serveCommand(), p.configCommand(), p.healthcheckCommand(), p.journalCommand(), p.backupCommand(),
		p.restoreCommand(), p.keyringCommand(),
		p.accountCommand(), p.userCommand(), p.groupCommand(), p.roleCommand(), p.keyCommand(), p.policyCommand(),
		p.benchCommand(), p.versionCommand())
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, command := range root.Commands() { // those of Cobra answer with help, and 0, to what they do not know
		switch command.Name() {
		case "help":
			command.RunE = help
		case "completion":
			command.Args, command.RunE = cobra.ArbitraryArgs, onlySubcommands
		}
	}
	return root
}

// help shows the help of the command that args name.
func help(command *cobra.Command, args []string) error {
	about, rest, err := command.Root().Find(args)
	switch {
	case err != nil:
		return usage(command, "%w", err)
	case len(rest) > 0 && about.HasSubCommands():
		return onlySubcommands(about, rest)
	case len(rest) > 0:
		return usage(about, "there is no command `%s %s`", about.CommandPath(), rest[0])
	}
	about.InitDefaultHelpFlag()
	return about.Help()
}

// group returns a command that only has subcommands. With none it shows its help, with an unknown one it names the
// nearest.
func group(name, short string) *cobra.Command {
	return &cobra.Command{
		Use:   name,
		Short: short,
		Args:  cobra.ArbitraryArgs,
		RunE:  onlySubcommands,
	}
}

// onlySubcommands is what a command does that was not called with one of its subcommands.
func onlySubcommands(command *cobra.Command, args []string) error {
	if len(args) == 0 {
		return command.Help()
	}
	var known []string
	for _, sub := range command.Commands() {
		known = append(known, sub.Name())
	}
	return usage(command, "there is no command `%[1]s %[2]s`; the nearest is `%[1]s %[3]s`",
		command.CommandPath(), args[0], config.Nearest(args[0], known))
}

// report prints err, with a next step, and returns the exit code that it stands for.
func (p *program) report(ran *cobra.Command, err error) int {
	if err == nil {
		return exitOK
	}
	var problems *config.Error
	var exit *exitError
	code, text, step := exitFailed, err.Error(), ""
	switch {
	case errors.As(err, &exit):
		code, step = exit.code, exit.step
	case errors.As(err, &problems):
		code, step = exitUsage, "All settings: staunch serve --help, docs/configuration.md. Those in effect: staunch config print."
		text = "the settings are wrong, and nothing was started:\n  " + strings.ReplaceAll(text, "\n", "\n  ")
	case !p.began:
		code, step = exitUsage, fmt.Sprintf("Usage: %s --help.", ran.CommandPath())
	}
	fmt.Fprintln(p.stderr, "staunch: "+text)
	if step != "" {
		fmt.Fprintln(p.stderr, step)
	}
	return code
}

// exitError is an error with the exit code and the next step that belong to it.
type exitError struct {
	code int
	step string
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }

func (e *exitError) Unwrap() error { return e.err }

// usage returns an error for a command that was asked for wrongly.
func usage(command *cobra.Command, format string, values ...any) error {
	return &exitError{
		code: exitUsage,
		step: fmt.Sprintf("Usage: %s --help.", command.CommandPath()),
		err:  fmt.Errorf(format, values...),
	}
}

// unused refuses flags that were given and would not be looked at; why goes on after the name of the flag.
func unused(command *cobra.Command, why string, names ...string) error {
	for _, name := range names {
		if command.Flags().Changed(name) {
			return usage(command, "--%s %s", name, why)
		}
	}
	return nil
}

// flagError turns an error of the flag parser into one that names the nearest flag.
func flagError(command *cobra.Command, err error) error {
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) || unknown.GetSpecifiedShortnames() != "" {
		return usage(command, "%w", err)
	}
	var known []string
	command.Flags().VisitAll(func(f *pflag.Flag) { known = append(known, f.Name) })
	return usage(command, "there is no flag --%s; the nearest is --%s",
		unknown.GetSpecifiedName(), config.Nearest(unknown.GetSpecifiedName(), known))
}

// outputFlag adds -o with these forms; the first is the default.
func outputFlag(command *cobra.Command, forms ...string) *string {
	form := command.Flags().StringP("output", "o", forms[0], "form of the output: "+strings.Join(forms, ", "))
	complete := cobra.FixedCompletions(forms, cobra.ShellCompDirectiveNoFileComp)
	if err := command.RegisterFlagCompletionFunc("output", complete); err != nil {
		panic(err) // the flag was added above
	}
	command.PreRunE = func(command *cobra.Command, _ []string) error {
		if !slices.Contains(forms, *form) {
			return usage(command, "-o %s is not a form of output; there are %s", *form, strings.Join(forms, ", "))
		}
		return nil
	}
	return form
}

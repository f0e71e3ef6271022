package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/staunchmq/staunch/internal/config"
)

func (p *program) serveCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "serve",
		Short: "Run a server",
		Long: `Run a server until SIGINT or SIGTERM. Without any settings it answers on 127.0.0.1:9324 and keeps its data in
./staunch-data. Every flag is also a variable (--admin-listen: STAUNCH_ADMIN_LISTEN) and a key of the settings file.

The first signal stops cleanly: waiting receives are answered, commits finished. A second one ends the process at once;
even then nothing is lost that was answered. SIGHUP does not end it: the file of the audit log is opened again.`,
		Args: cobra.NoArgs,
	}
	flags := p.settingFlags(command)
	command.RunE = func(command *cobra.Command, _ []string) error {
		cfg, _, err := p.loadServer(flags)
		if err != nil {
			return err
		}
		return p.runServe(command.Context(), cfg)
	}
	return command
}

// sameSignal is how soon after the first the same signal is taken for the first: timeout(1) and terminals send one to the process and to its group.
const sameSignal = 500 * time.Millisecond

// outputPatience is how long after shutdown-timeout the process ends although it cannot write what it has to say.
const outputPatience = 10 * time.Second

// lastWord is how long the process has, after a second signal, to say why it ends.
const lastWord = time.Second

// errSignal is why a server is stopped that got a signal.
var errSignal = errors.New("a signal")

// runServe runs the server and its signals.
func (p *program) runServe(ctx context.Context, cfg *config.Config) error {
	log := newLogger(p.stderr, cfg)
	if cfg.Auth == config.AuthOff && !config.Loopback(cfg.Listen) {
		log.Warn("signatures are not verified: whoever can reach this address can read, change and delete everything",
			"address", cfg.Listen, "allowed_by", "insecure-no-auth")
	}
	if cfg.AdminListen != "" && !cfg.AdminTLS() && !config.Loopback(cfg.AdminListen) {
		log.Warn("the admin interface is without TLS: whoever can reach this address can read metrics, and whoever can read the traffic gets the admin token, and with it everything",
			"address", cfg.AdminListen, "allowed_by", "insecure-no-auth")
	}
	// A reader of the output that goes away must not end the server, nor a terminal that does: from its start on the server takes SIGHUP
	// as the wish to open files again.
	signal.Ignore(syscall.SIGPIPE, syscall.SIGHUP)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	defer signal.Stop(signals)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)

	welcome := p.stdout
	if cfg.AuditLog == config.AuditStdout {
		welcome = p.stderr // standard output is for entries alone
	}
	ended := make(chan error, 1)
	said := make(chan struct{}) // closed when the log has the first signal
	go func() {
		err := p.serve(ctx, cfg, log, func(at config.Addresses) { printWelcome(welcome, cfg, at) })
		if context.Cause(ctx) == errSignal {
			<-said
		}
		ended <- err
	}()
	var stopping os.Signal
	var since time.Time
	for {
		select {
		case err := <-ended:
			if stopping != nil && errors.Is(err, context.Canceled) {
				return nil
			}
			return err
		case sig := <-signals:
			switch {
			case sig == stopping && time.Since(since) < sameSignal:
				continue
			case stopping != nil:
				time.AfterFunc(lastWord, func() { os.Exit(exitInterrupted) })
				return &exitError{
					code: exitInterrupted,
					step: "Nothing that was answered is lost; the next start reads the journals from their last checkpoint.",
					err:  fmt.Errorf("a second signal (%s) cut the stop short", sig),
				}
			}
			stopping, since = sig, time.Now()
			// The server keeps to shutdown-timeout. A log or an audit log that nobody reads must not keep the process.
			defer time.AfterFunc(cfg.ShutdownTimeout+outputPatience, func() { os.Exit(exitFailed) }).Stop()
			cancel(errSignal)
			go func() { // the log may have to wait for whoever reads it
				defer close(said)
				log.Info("stopping; a second signal ends the process at once", "signal", sig.String())
			}()
		}
	}
}

// newLogger returns a logger in the form that the settings ask for.
func newLogger(w io.Writer, cfg *config.Config) *slog.Logger {
	options := &slog.HandlerOptions{Level: cfg.LogLevel}
	if cfg.LogFormat == config.JSONLog {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

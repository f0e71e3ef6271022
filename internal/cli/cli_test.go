package cli_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"go.uber.org/goleak"

	"github.com/staunchmq/staunch/internal/cli"
	"github.com/staunchmq/staunch/internal/config"
)

// asProgram makes the test binary the program itself, with fakeServer behind it.
const asProgram = "CLI_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		program()
	}
	testscript.Main(checkLeaks{m}, map[string]func(){"staunch": program})
}

func program() { os.Exit(cli.Main(os.Args[1:], os.Environ(), os.Stdout, os.Stderr, fakeServer)) }

// checkLeaks fails a test run that leaves goroutines behind.
type checkLeaks struct{ tests *testing.M }

func (c checkLeaks) Run() int {
	code := c.tests.Run()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return code
}

// fakeServer serves nothing. The region says how it behaves.
func fakeServer(ctx context.Context, cfg *config.Config, log *slog.Logger, ready func(config.Addresses)) error {
	if cfg.Region == "broken" {
		return errors.New("the journal of shard 0 is damaged")
	}
	if cfg.Region == "unread" {
		if err := fillPipe(syscall.Stderr); err != nil {
			return err
		}
	}
	log.Debug("the fake server runs", "shards", cfg.Shards)
	ready(config.Addresses{API: cfg.Listen, Admin: cfg.AdminListen})
	switch cfg.Region {
	case "once":
		return nil
	case "stubborn":
		select {}
	}
	<-ctx.Done()
	return ctx.Err()
}

// fillPipe leaves a pipe so full that whoever writes to it has to wait.
func fillPipe(fd int) error {
	if err := syscall.SetNonblock(fd, true); err != nil {
		return err
	}
	for {
		switch _, err := syscall.Write(fd, []byte("x")); err {
		case nil:
		case syscall.EAGAIN:
			return syscall.SetNonblock(fd, false)
		default:
			return err
		}
	}
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata", RequireExplicitExec: true, RequireUniqueNames: true})
}

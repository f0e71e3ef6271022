package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/staunchmq/staunch/internal/config"
)

// seeds are those of random tests and of the fuzzer, so that a run does what the last one did, whatever it is that decides about a change.
// Whoever looks for more sets the variables to other numbers.
var seeds = []string{"RAPID_SEED=1", "GODEBUG=fuzzseed=1"}

// command returns a command that dies with all its children when ctx ends. Settings of Staunch in the environment are
// kept from it, so that tests mean the same everywhere.
func command(ctx context.Context, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, args[0], args[1:]...)
	c.Env = append(slices.Clone(seeds), withoutSettings(os.Environ())...)
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
	c.WaitDelay = 5 * time.Second
	return c
}

// withoutSettings returns environ without what would set up a server. Other variables, such as those that steer tests,
// stay.
func withoutSettings(environ []string) []string {
	settings := map[string]bool{"STAUNCH_CONFIG": true}
	for _, s := range config.Settings() {
		settings[s.Variable()] = true
	}
	return slices.DeleteFunc(slices.Clone(environ), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return settings[name]
	})
}

// eachLine runs a command, calls fn for each line of its standard output as it comes, and returns its standard error
// as text. The error says how it ended.
func eachLine(c *exec.Cmd, fn func(line string)) (stderr string, err error) {
	var errors bytes.Buffer
	c.Stderr = &errors
	out, err := c.StdoutPipe()
	if err != nil {
		return "", err
	}
	if err := c.Start(); err != nil {
		return "", err
	}
	for lines := bufio.NewReader(out); ; {
		line, readErr := lines.ReadString('\n')
		if line != "" {
			fn(strings.TrimSuffix(line, "\n"))
		}
		if readErr != nil {
			break
		}
	}
	_, _ = io.Copy(io.Discard, out)
	err = c.Wait()
	return errors.String(), err
}

// A check is a command that passes as a whole.
type check struct {
	name string
	args []string
}

// checks runs commands one after the other. Each counts as one test.
func checks(list ...check) func(context.Context) result {
	return func(ctx context.Context) (r result) {
		for _, c := range list {
			r.add(c.run(ctx, ""))
		}
		return r
	}
}

// run runs the check in a directory and shows its output if it fails.
func (c check) run(ctx context.Context, dir string) (r result) {
	cmd := command(ctx, c.args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		fmt.Printf("FAIL  %s: %v\n%s", c.name, err, out)
		r.fail(c.name)
		return r
	}
	fmt.Printf("ok    %s\n", c.name)
	r.passed++
	return r
}

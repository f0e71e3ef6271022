// Command testall runs every test of Staunch, step by step, and adds up what passed and failed.
//
//	go run ./tools/testall                every step
//	go run ./tools/testall unit race      only these
//	go run ./tools/testall -list          say which steps there are
//
// It prints one line for each package or client, the whole output of what failed, one line for each step, and at the end
// the totals as `N passed, N failed`. It fails when anything failed, and when a step ran nothing. It belongs to
// `make test`; it knows the steps, not what they test.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// run runs the steps that args name and returns the exit code.
func run(ctx context.Context, args []string) int {
	flags := flag.NewFlagSet("testall", flag.ContinueOnError)
	list := flags.Bool("list", false, "say which steps there are")
	fuzzTime := flags.String("fuzztime", "20000x", "how long each fuzz test runs: a number of inputs, such as 20000x, or a duration")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	all := steps(*fuzzTime)
	if *list {
		for _, s := range all {
			fmt.Printf("%-12s %s\n", s.name, s.what)
		}
		return 0
	}
	chosen, err := choose(all, flags.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, "testall:", err)
		return 2
	}
	return runSteps(ctx, chosen)
}

// choose returns the steps with these names, in the order of the table; all without names.
func choose(all []step, names []string) ([]step, error) {
	if len(names) == 0 {
		return all, nil
	}
	wanted := make(map[string]bool)
	for _, name := range names {
		wanted[name] = true
	}
	var chosen []step
	for _, s := range all {
		if wanted[s.name] {
			chosen = append(chosen, s)
			delete(wanted, s.name)
		}
	}
	for name := range wanted {
		return nil, fmt.Errorf("there is no step %q; -list shows them", name)
	}
	return chosen, nil
}

// runSteps runs steps one after the other, also after a failure: a run should tell all that is wrong.
func runSteps(ctx context.Context, chosen []step) int {
	began := time.Now()
	var total result
	var lines []string
	for _, s := range chosen {
		if ctx.Err() != nil {
			total.fail(s.name + ": not run, because the run was interrupted")
			break
		}
		fmt.Printf("\n== %s: %s\n", s.name, s.what)
		stepBegan := time.Now()
		got := runStep(ctx, s)
		line := fmt.Sprintf("%-12s %s  %s", s.name, got.counts(), time.Since(stepBegan).Round(time.Second))
		fmt.Println("-- " + line)
		lines = append(lines, line)
		total.add(got)
	}
	fmt.Printf("\n== totals after %s\n%s\n", time.Since(began).Round(time.Second), strings.Join(lines, "\n"))
	for _, name := range total.failures {
		fmt.Println("failed: " + name)
	}
	fmt.Println(total.counts())
	if total.failed > 0 {
		return 1
	}
	return 0
}

// runStep runs one step within its time. A step that ran nothing has failed, unless it has said why: otherwise a renamed directory would look
// like success.
func runStep(ctx context.Context, s step) result {
	ctx, cancel := context.WithTimeout(ctx, s.limit)
	defer cancel()
	got := s.run(ctx)
	if got.passed+got.failed == 0 && !got.excused {
		fmt.Println("nothing was run")
		got.fail(s.name + ": nothing was run")
	}
	if ctx.Err() == context.DeadlineExceeded {
		got.fail(fmt.Sprintf("%s: not done after %s", s.name, s.limit))
	}
	return got
}

// result counts what was run.
type result struct {
	passed, failed, skipped int
	failures                []string // what failed, for the end of the run
	excused                 bool     // a step: it has said why nothing could be run
}

func (r *result) fail(what string) {
	r.failed++
	r.failures = append(r.failures, what)
}

func (r *result) add(other result) {
	r.passed += other.passed
	r.failed += other.failed
	r.skipped += other.skipped
	r.failures = append(r.failures, other.failures...)
}

// counts returns "N passed, N failed", and how many were skipped when any were.
func (r *result) counts() string {
	text := fmt.Sprintf("%d passed, %d failed", r.passed, r.failed)
	if r.skipped > 0 {
		text += fmt.Sprintf(", %d skipped", r.skipped)
	}
	return text
}

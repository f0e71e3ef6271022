package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// A selection is a set of packages: what patterns match, without what lies in some directories of the module. environ is added to
// the environment of their tests.
type selection struct {
	patterns []string
	without  []string
	environ  []string
}

// packages returns the import paths of the selection.
func (s selection) packages(ctx context.Context) ([]string, error) {
	var found []string
	args := append([]string{"go", "list", "-f", "{{.ImportPath}} {{.Module.Path}}"}, s.patterns...)
	stderr, err := eachLine(command(ctx, args...), func(line string) {
		name, module, _ := strings.Cut(line, " ")
		dir := strings.TrimPrefix(strings.TrimPrefix(name, module), "/")
		if !slices.ContainsFunc(s.without, func(w string) bool { return dir == w || strings.HasPrefix(dir, w+"/") }) {
			found = append(found, name)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("go list: %w\n%s", err, stderr)
	}
	return found, nil
}

// goTest runs the tests of packages with these flags.
func goTest(s selection, flags ...string) func(context.Context) result {
	return func(ctx context.Context) (r result) {
		packages, err := s.packages(ctx)
		if err != nil {
			fmt.Println(err)
			r.fail("go list")
			return r
		}
		if len(packages) == 0 {
			return r
		}
		return runGoTest(ctx, append(flags, packages...), s.environ...)
	}
}

// runGoTest runs `go test -json` with these arguments, and with more in its environment.
func runGoTest(ctx context.Context, args []string, environ ...string) (r result) {
	c := newCounter(func(line string) { fmt.Println(line) })
	test := command(ctx, append([]string{"go", "test", "-json"}, args...)...)
	test.Env = append(test.Env, environ...)
	stderr, err := eachLine(test, c.line)
	r = c.total
	if err != nil && r.failed == 0 {
		fmt.Printf("FAIL  go test: %v\n%s", err, stderr)
		r.fail("go test " + strings.Join(args, " "))
	}
	return r
}

// An event is one line of `go test -json`; `go doc cmd/test2json` and `go help buildjson` explain the fields.
type event struct {
	Action      string
	Package     string
	ImportPath  string // of build events, in place of Package
	Test        string
	Elapsed     float64
	Output      string
	FailedBuild string
}

// counter adds up the events of `go test -json`. It counts leaves: a test that only runs subtests is not counted beside
// them, unless it failed by itself.
type counter struct {
	print    func(line string)
	packages map[string]*testedPackage
	builds   map[string]*strings.Builder // output of the compiler
	total    result
}

// testedPackage is a package whose tests are under way.
type testedPackage struct {
	output   map[string]*strings.Builder // by test; "" is what belongs to none
	outcomes map[string]string           // by test: pass, fail or skip
}

func newCounter(print func(string)) *counter {
	return &counter{print: print, packages: make(map[string]*testedPackage), builds: make(map[string]*strings.Builder)}
}

// line takes one line of output. What is no event is shown as it is.
func (c *counter) line(text string) {
	var e event
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		c.print(text)
		return
	}
	if e.Package == "" {
		if e.Action == "build-output" {
			appendTo(c.builds, e.ImportPath, e.Output)
		}
		return
	}
	p := c.packages[e.Package]
	if p == nil {
		p = &testedPackage{output: make(map[string]*strings.Builder), outcomes: make(map[string]string)}
		c.packages[e.Package] = p
	}
	switch e.Action {
	case "output":
		appendTo(p.output, e.Test, e.Output)
	case "pass", "fail", "skip":
		if e.Test != "" {
			p.outcomes[e.Test] = e.Action
			return
		}
		c.total.add(c.finish(e, p))
		delete(c.packages, e.Package)
	}
}

func appendTo(texts map[string]*strings.Builder, key, text string) {
	if texts[key] == nil {
		texts[key] = new(strings.Builder)
	}
	texts[key].WriteString(text)
}

// finish counts the tests of a package that has ended with e, and prints its line and its failures.
func (c *counter) finish(e event, p *testedPackage) (r result) {
	parents := make(map[string]bool)     // tests that have subtests
	failedBelow := make(map[string]bool) // tests that have a failed subtest
	for test, outcome := range p.outcomes {
		for at := strings.LastIndex(test, "/"); at > 0; at = strings.LastIndex(test[:at], "/") {
			parents[test[:at]] = true
			failedBelow[test[:at]] = failedBelow[test[:at]] || outcome == "fail"
		}
	}
	var failed []string
	for _, test := range slices.Sorted(maps.Keys(p.outcomes)) {
		switch outcome := p.outcomes[test]; {
		case outcome == "fail" && !failedBelow[test]:
			r.fail(e.Package + " " + test)
			failed = append(failed, test)
		case parents[test] || outcome == "fail":
		case outcome == "pass":
			r.passed++
		case outcome == "skip":
			r.skipped++
		}
	}
	broken := e.Action == "fail" && r.failed == 0 // it did not compile, or it ended outside its tests
	if broken {
		r.fail(e.Package)
	}
	c.report(e, p, r, failed, broken)
	return r
}

// report prints the line of a package and the output of what failed in it.
func (c *counter) report(e event, p *testedPackage, r result, failed []string, broken bool) {
	if r.passed+r.failed+r.skipped == 0 {
		return
	}
	word := "ok   "
	if r.failed > 0 {
		word = "FAIL "
	}
	took := time.Duration(e.Elapsed * float64(time.Second)).Round(100 * time.Millisecond)
	c.print(fmt.Sprintf("%s %s  %s  %s", word, e.Package, r.counts(), took))
	for _, test := range failed {
		c.print(strings.TrimRight(outputOf(p.output, test), "\n"))
	}
	if broken {
		if text := outputOf(c.builds, e.FailedBuild); text != "" {
			c.print(strings.TrimRight(text, "\n"))
		}
		// What ended the process is in the output of a test that came to no end.
		for _, test := range slices.Sorted(maps.Keys(p.output)) {
			if test != "" && p.outcomes[test] == "" {
				c.print(strings.TrimRight(p.output[test].String(), "\n"))
			}
		}
	}
	if r.failed > 0 {
		c.print(strings.TrimRight(outputOf(p.output, ""), "\n"))
	}
}

func outputOf(texts map[string]*strings.Builder, key string) string {
	if texts[key] == nil {
		return ""
	}
	return texts[key].String()
}

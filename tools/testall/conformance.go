package main

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// clientLine is what conformance/run.sh prints for each client.
var clientLine = regexp.MustCompile(`^conformance ([a-z0-9-]+): (\d+) passed, (\d+) failed, (\d+) skipped$`)

// conformance runs the suites of the real clients, on a server as it comes and on a hardened one, and adds up their lines.
func conformance(ctx context.Context) (r result) {
	r.add(clients(ctx))
	r.add(clients(ctx, "--hardened"))
	return r
}

// clients runs the suites once.
func clients(ctx context.Context, args ...string) (r result) {
	script := append([]string{"conformance/run.sh"}, args...)
	stderr, err := eachLine(command(ctx, script...), func(line string) {
		fmt.Println(line)
		r.add(clientResult(line))
	})
	if err != nil && r.failed == 0 {
		name := strings.Join(script, " ")
		fmt.Printf("FAIL  %s: %v\n%s", name, err, stderr)
		r.fail(name)
	}
	return r
}

// clientResult returns what a line of conformance/run.sh says about one client; nothing for any other line. A client
// that ran nothing has failed.
func clientResult(line string) (r result) {
	match := clientLine.FindStringSubmatch(line)
	if match == nil {
		return r
	}
	number := func(i int) int {
		n, _ := strconv.Atoi(match[i]) // it is digits
		return n
	}
	r = result{passed: number(2), failed: number(3), skipped: number(4)}
	if r.failed > 0 {
		r.failures = []string{fmt.Sprintf("conformance %s: %d", match[1], r.failed)}
	}
	if r.passed+r.failed == 0 {
		r.fail("conformance " + match[1] + ": nothing was run")
	}
	return r
}

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
)

// fuzz runs every fuzz test of the module on so many inputs, one after the other: the go command fuzzes one at a time.
func fuzz(each string) func(context.Context) result {
	return func(ctx context.Context) (r result) {
		targets, err := fuzzTests(ctx)
		if err != nil {
			fmt.Println(err)
			r.fail("the list of fuzz tests")
			return r
		}
		for _, t := range targets {
			r.add(runGoTest(ctx, []string{
				"-run=^$", "-fuzz=^" + t.name + "$", "-fuzztime=" + each, "-fuzzminimizetime=1000x", t.pkg,
			}))
		}
		return r
	}
}

// A fuzzTest is one fuzz test.
type fuzzTest struct{ pkg, name string }

// fuzzTests returns all fuzz tests of the module.
func fuzzTests(ctx context.Context) ([]fuzzTest, error) {
	var found []fuzzTest
	stderr, err := eachLine(command(ctx, "go", "test", "-json", "-list=^Fuzz", "./..."), func(line string) {
		var e event
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.Action != "output" {
			return
		}
		if name := strings.TrimSpace(e.Output); strings.HasPrefix(name, "Fuzz") {
			found = append(found, fuzzTest{e.Package, name})
		}
	})
	if err != nil {
		return nil, fmt.Errorf("go test -list: %w\n%s", err, stderr)
	}
	return found, nil
}

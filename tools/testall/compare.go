package main

import (
	"context"
	"fmt"
)

// compare measures the program beside the floor for a few seconds and shows the figures. It fails when a message is lost or doubled, and never because
// of a time.
func compare(ctx context.Context) (r result) {
	stderr, err := eachLine(command(ctx, "go", "run", "./bench/compare", "-short"), func(line string) { fmt.Println(line) })
	if err != nil {
		fmt.Printf("FAIL  bench/compare: %v\n%s", err, stderr)
		r.fail("bench/compare")
		return r
	}
	r.passed++
	return r
}

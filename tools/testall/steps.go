package main

import (
	"context"
	"time"
)

// A step is one part of the tests.
type step struct {
	name  string
	what  string
	limit time.Duration // it has failed when it takes longer
	run   func(ctx context.Context) result
}

// steps is the table of everything that is tested. What is quick and finds most comes first.
func steps(fuzzTime string) []step {
	return []step{
		{"build", "every package and the program compile", 10 * time.Minute, checks(
			check{"compile", []string{"go", "build", "./..."}},
			check{"bin/staunch", []string{"go", "build", "-o", "bin/staunch", "./cmd/staunch"}},
		)},
		{"format", "gofmt has nothing to change", time.Minute, format},
		{"vet", "go vet, in every module", 5 * time.Minute, vet},
		{"lint", "staticcheck, and that the program compiles for macOS", 10 * time.Minute, checks(
			check{"staticcheck", []string{"go", "tool", "staticcheck", "./..."}},
			check{"compile for macOS", []string{"env", "GOOS=darwin", "GOARCH=arm64", "go", "build", ".", "./cmd/...", "./internal/..."}},
		)},
		{"vulncheck", "govulncheck, where its database can be reached", 5 * time.Minute, govulncheck().run},
		{"unit", "the tests of every package", 10 * time.Minute,
			goTest(selection{patterns: []string{"./..."}, without: []string{"chaos"}}, "-timeout=5m")},
		{"race", "what of them has goroutines, with the race detector", 15 * time.Minute,
			goTest(selection{
				// internal/queue starts no goroutines; what uses it is in here.
				patterns: []string{"./..."}, without: []string{"chaos", "bench", "tools", "internal/queue"},
				// One at a time moves in simulations: races show soon or never.
				environ: []string{"STAUNCH_SIMULATION_SEEDS=200", "STAUNCH_HOSTILE_REQUESTS=15"},
				// What is skipped takes long with the detector, and goes ways that other tests go with it.
			}, "-race", "-timeout=10m", "-skip=^TestABacklogIsNotRewritten$")},
		{"fuzz", "every fuzz test for a moment", 10 * time.Minute, fuzz(fuzzTime)},
		{"simulation", "10,000 worlds with crashes and faults", 10 * time.Minute,
			goTest(selection{patterns: []string{"./simulation"}, environ: []string{"STAUNCH_SIMULATION_SEEDS=10000"}},
				"-run=^TestSeeds$", "-count=1", "-timeout=9m")},
		{"compare", "Staunch beside the floor: ratios to look at, losses and duplicates to fail on", 10 * time.Minute, compare},
		{"chaos", "real processes that are killed", 10 * time.Minute,
			goTest(selection{patterns: []string{"./chaos/..."}}, "-count=1", "-timeout=9m")},
		{"bench", "a short form of each benchmark: counts, memory and restarts, no times", 10 * time.Minute, checks(
			check{"bin", []string{"go", "build", "-o", "bin/", "./cmd/staunch", "./bench"}},
			short("backlog", "-messages", "20000"),
			short("groups", "-messages", "10000", "-groups", "1000"),
			short("deadlines", "-messages", "5000", "-in-flight", "5000", "-window", "200ms"),
			short("queues", "-queues", "300"),
			short("polls", "-polls", "500"),
			short("purge", "-messages", "20000", "-expiry=false"),
			short("stragglers", "-messages", "6000", "-size", "1024", "-checkpoint-bytes", "262144", "-rounds", "1"),
		)},
		{"conformance", "real clients of other languages", 20 * time.Minute, conformance},
	}
}

// short is a scenario of the benchmark with small numbers.
func short(scenario string, more ...string) check {
	args := []string{"bin/bench", "-raw-fsync=false", "-duration=200ms", "-size=100", "-scenario", scenario}
	return check{"bench " + scenario, append(args, more...)}
}

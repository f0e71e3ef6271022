// Command compare measures Staunch beside the floor and beside every other SQS server that can be had, in one run.
//
// It builds Staunch and the floor (bench/floor), obtains its rivals from the registries of their languages (Maven Central, PyPI, the Go module proxy) into a
// cache outside the repository, and starts all of them. Then it goes through its cells, a scenario with a number of connections each, in rounds: every
// rival does a cell before the next cell begins, while the others are stopped by SIGSTOP. So what else the machine does hits all of them alike, and
// the ratio of two rivals is taken within a round. What is reported is the median over the rounds. A rival that cannot be had is reported
// with the reason, and one that loses, doubles or changes messages with what it did.
//
//	go run ./bench/compare                      the table, on standard output; progress on standard error
//	go run ./bench/compare -docs docs           that, the plots, and both written into docs/performance.md
//	go run ./bench/compare -short               Staunch and the floor alone, a second each: for the tests
//
// It fails when Staunch or the floor fail a check, and never because of a time.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
)

type options struct {
	rounds         int
	duration, warm time.Duration
	limit          time.Duration
	only           string   // names of rivals, with commas
	plots          []string // names
	json, docs     string
	cache, scratch string
	short          bool
	backlog        int
}

func main() {
	runtime.LockOSThread() // rivals die with the thread that started them
	var o options
	var plots string
	flag.IntVar(&o.rounds, "rounds", 3, "how often everything is measured, as long as -limit allows it")
	flag.DurationVar(&o.duration, "duration", 2*time.Second, "length of a measurement")
	flag.DurationVar(&o.warm, "warm-up", 500*time.Millisecond, "how long a rival runs before each")
	flag.DurationVar(&o.limit, "limit", 28*time.Minute, "how long everything may take once the servers are there: no further round begins that would take it longer")
	flag.StringVar(&o.only, "only", "", "measure these rivals alone, names with commas between")
	flag.StringVar(&plots, "plots", "", "plots to make: all, or some of "+strings.Join(allPlots, ","))
	flag.StringVar(&o.json, "json", "", "file for all results, written after each round")
	flag.StringVar(&o.docs, "docs", "", "directory of the documentation, to write tables and plots into when everything was measured (makes all plots)")
	flag.StringVar(&o.cache, "cache", "", "directory for what is downloaded and built (default: one of the user's)")
	flag.StringVar(&o.scratch, "scratch", "", "directory for the data of the servers; its disk is what is measured (default: a temporary one)")
	flag.BoolVar(&o.short, "short", false, "Staunch and the floor alone, one round of a few seconds")
	flag.IntVar(&o.backlog, "backlog", 1_000_000, "messages of the deepest backlog in the plots of memory and recovery")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := run(ctx, o, plots)
	stop()
	if err != nil {
		log.Fatal(err)
	}
}

// complete fills in what others decide, and says what cannot be.
func (o *options) complete(plots string) error {
	if flag.NArg() > 0 || o.rounds < 1 || o.duration <= 0 || o.warm < 0 || o.limit <= 0 || o.backlog < 1000 {
		return errors.New("rounds, duration and limit must be more than 0, backlog at least 1000, and there are no arguments; see -help")
	}
	if o.docs != "" && (plots != "" || o.only != "") || o.short && (plots != "" || o.only != "" || o.docs != "") {
		return errors.New("-docs is of everything, and -short of very little: neither goes with -only or -plots, nor with the other")
	}
	switch {
	case plots == "all" || o.docs != "":
		o.plots = allPlots
	case plots != "":
		o.plots = strings.Split(plots, ",")
	}
	for _, name := range o.plots {
		if !slices.Contains(allPlots, name) {
			return fmt.Errorf("there is no plot %q", name)
		}
	}
	if o.short {
		o.rounds, o.duration, o.warm = 1, time.Second, 200*time.Millisecond
		o.only = "staunch,floor"
	}
	return nil
}

func run(ctx context.Context, o options, plots string) (err error) {
	if err := o.complete(plots); err != nil {
		return err
	}
	list, err := chosen(rivals(), o.only)
	if err != nil {
		return err
	}
	if err := o.directories(); err != nil {
		return err
	}
	defer os.RemoveAll(o.scratch)
	cells := allCells
	if o.short {
		cells = shortCells
	}
	c := &comparison{o: o, Machine: machine(), Began: time.Now().UTC()}
	defer c.stop()
	c.obtain(ctx, list)
	err = c.everything(ctx, cells)
	// What was measured is kept, also of a run that comes to no end.
	fmt.Print(c.report(cells))
	if err = errors.Join(err, c.save(), c.ownViolations()); err != nil || o.docs == "" {
		return err
	}
	return writeDocs(o.docs, c.report(cells), c.Plots)
}

// everything is what there is to measure once the rivals run.
func (c *comparison) everything(ctx context.Context, cells []cell) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	c.plan = plan{began: time.Now()}
	c.plan.add(time.Duration(c.o.rounds)*c.estimateRound(cells) + c.estimateRest())
	if c.o.short {
		return c.measure(ctx, cells)
	}
	for _, s := range c.running {
		c.plan.add(s.warms() + overhead)
	}
	c.plan.say("%d servers, up to %d rounds: about %v", len(c.running), c.o.rounds, min(c.plan.total, c.o.limit).Round(time.Second))
	c.warmUp(ctx)
	if err := c.measure(ctx, cells); err != nil {
		return err
	}
	if err := c.measureIdle(ctx); err != nil {
		return err
	}
	c.plan.finish(idleTime + settleTime)
	return c.plot(ctx)
}

// directories finds the cache and makes an empty scratch directory.
func (o *options) directories() error {
	if o.cache == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			return fmt.Errorf("%w; say where with -cache", err)
		}
		o.cache = filepath.Join(base, "staunch-compare")
	}
	if err := os.MkdirAll(o.cache, 0o755); err != nil {
		return err
	}
	var err error
	if o.cache, err = filepath.Abs(o.cache); err != nil {
		return err
	}
	o.scratch, err = os.MkdirTemp(o.scratch, "staunch-compare-")
	return err
}

// chosen returns the rivals with these names; all without names.
func chosen(list []*rival, only string) ([]*rival, error) {
	if only == "" {
		return list, nil
	}
	var out []*rival
	for name := range strings.SplitSeq(only, ",") {
		found := false
		for _, r := range list {
			if r.name == name {
				out, found = append(out, r), true
			}
		}
		if !found {
			return nil, fmt.Errorf("there is no rival %q", name)
		}
	}
	return out, nil
}

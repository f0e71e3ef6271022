package simulation_test

import (
	"fmt"
	"maps"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/simulation"
)

// TestMain lets garbage wait longer: many small worlds, none of which lasts.
func TestMain(m *testing.M) {
	debug.SetGCPercent(400)
	os.Exit(m.Run())
}

// seedsByDefault is how many seeds run where nobody asks for another number.
const seedsByDefault = 2000

// number returns a number from the environment.
func number(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// run runs a seed in a bubble of its own. A bubble that does not end is a violation too.
func run(t *testing.T, seed uint64, o simulation.Options) (r *simulation.Report) {
	defer func() {
		if v := recover(); v != nil {
			r = &simulation.Report{Seed: seed, Violations: []simulation.Violation{{Rule: "panic", Text: fmt.Sprint(v)}}}
		}
	}()
	synctest.Test(t, func(*testing.T) { r = simulation.Run(seed, o) })
	return r
}

// describe is a failed seed for its reader: what is wrong, and how to see it again.
func describe(r *simulation.Report) string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d:\n", r.Seed)
	for i, v := range r.Violations {
		if i == 10 {
			fmt.Fprintf(&b, "  and %d more\n", len(r.Violations)-i)
			break
		}
		fmt.Fprintf(&b, "  %v\n", v)
	}
	fmt.Fprintf(&b, "again, step by step: STAUNCH_SIMULATION_SEED=%d go test ./simulation -count=1 -run '^TestSeed$' -v", r.Seed)
	return b.String()
}

// TestSeeds runs STAUNCH_SIMULATION_SEEDS seeds from STAUNCH_SIMULATION_FIRST on, on all cores.
func TestSeeds(t *testing.T) {
	count := number(t, "STAUNCH_SIMULATION_SEEDS", seedsByDefault)
	first := number(t, "STAUNCH_SIMULATION_FIRST", 1)
	var (
		next               atomic.Uint64
		failures           atomic.Int64
		mu                 sync.Mutex
		operations, events = make(map[string]int), make(map[string]int)
	)
	t.Run("all", func(t *testing.T) {
		for i := range runtime.GOMAXPROCS(0) {
			t.Run(fmt.Sprint("worker ", i), func(t *testing.T) {
				t.Parallel()
				for {
					n := next.Add(1) - 1
					if n >= count || failures.Load() >= 10 {
						return
					}
					r := run(t, first+n, simulation.Options{})
					if len(r.Violations) > 0 {
						failures.Add(1)
						t.Error(describe(r))
					}
					mu.Lock()
					add(operations, r.Operations)
					add(events, r.Events)
					mu.Unlock()
				}
			})
		}
	})
	t.Logf("%d seeds; operations that were done: %s; events: %s", min(count, next.Load()), list(operations), list(events))
	if count < 1000 {
		return // too few for everything to come up
	}
	for _, action := range api.Actions {
		if operations[action.Name] == 0 {
			t.Errorf("no seed has done %s", action.Name)
		}
	}
	for _, event := range []string{
		"crash", "lost answer", "lost append", "conflict", "full", "nearly full", "room again", "clock jump",
		"damaged record", "damaged checkpoint", "full replay", "copied forward",
	} {
		if events[event] == 0 {
			t.Errorf("no seed has seen the event %q", event)
		}
	}
}

func add(to, more map[string]int) {
	for k, n := range more {
		to[k] += n
	}
}

func list(m map[string]int) string {
	var texts []string
	for _, k := range slices.Sorted(maps.Keys(m)) {
		texts = append(texts, fmt.Sprintf("%s %d", k, m[k]))
	}
	return strings.Join(texts, ", ")
}

// TestSeed runs the one seed STAUNCH_SIMULATION_SEED and shows every step.
func TestSeed(t *testing.T) {
	seed := number(t, "STAUNCH_SIMULATION_SEED", 1)
	o := simulation.Options{}
	if os.Getenv("STAUNCH_SIMULATION_SEED") != "" {
		o.Print = func(line string) { fmt.Println(line) }
	}
	r := run(t, seed, o)
	if len(r.Violations) > 0 {
		t.Error(describe(r))
	}
}

// TestSeedsThatFoundSomething runs the seeds that have found a defect. They lead elsewhere once the schedule has changed, and may go then.
func TestSeedsThatFoundSomething(t *testing.T) {
	for seed, what := range map[uint64]string{
		1043205: "a long poll that met dead letters waited an hour longer when the clock was set back",
	} {
		if r := run(t, seed, simulation.Options{}); len(r.Violations) > 0 {
			t.Errorf("%s\n%s", what, describe(r))
		}
	}
}

func TestSeedsGiveTheSameRunAgain(t *testing.T) {
	for seed := uint64(1); seed <= number(t, "STAUNCH_SIMULATION_REPEATED", 60); seed++ {
		first := run(t, seed, simulation.Options{})
		again := run(t, seed, simulation.Options{})
		if first.Trace != again.Trace {
			t.Errorf("seed %d gives another run the second time", seed)
		}
	}
}

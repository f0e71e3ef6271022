// Command bench measures what large numbers of messages, groups, queues and waiting receives do to a server. How many messages a second it takes in and
// hands out is measured by `staunch bench` instead, and beside others by bench/compare.
//
// -scenario names what is measured; `bench -h` lists them. Each starts the server that -bin names on an empty data directory. Scenarios check what
// can be counted (messages, bytes of memory and disk), and fail when it is wrong; times they only print, with the target beside them.
//
// Requests go through the client of internal/loadgen, so that the generator takes little of the machine that it shares with the server. Figures mean
// little without the machine and the disk: with -raw-fsync it also prints how long one fsync takes there.
package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/staunchmq/staunch/bench/disk"
)

type options struct {
	scenario                   string
	bin, data                  string
	connections                int
	size                       int
	duration                   time.Duration
	rawFsync                   bool
	encrypted                  bool
	profiles                   string
	messages, groups, inFlight int
	queues, polls              int
	window                     time.Duration
	expiry                     bool
	checkpointBytes, rounds    int
}

// scenario is one row of the table of what can be measured.
type scenario struct {
	name, what string
	messages   int      // by default
	takes      []string // flags besides those that are of all scenarios
	run        func(*options) error
}

var scenarios = []scenario{
	{"backlog", "-messages in one queue that nobody drains: memory, disk, restart, drain", 10_000_000, []string{"messages", "profiles"}, (*options).backlog},
	{"groups", "-messages in -groups FIFO groups, half of them in one stuck group: drain of the others", 1_000_000, []string{"messages", "groups"}, (*options).stuckGroup},
	{"deadlines", "-messages with delays of their own and -in-flight timeouts end: the longest stall of another queue", 1_000_000, []string{"messages", "in-flight", "window"}, (*options).deadlines},
	{"queues", "-queues mostly idle queues: memory, ListQueues, restart", 0, []string{"queues"}, (*options).manyQueues},
	{"polls", "-polls long polls that wait: memory, CPU, delivery", 0, []string{"polls"}, (*options).longPolls},
	{"stragglers", "-messages turned over while few stay, or a backlog lies before them: bytes stored, rate with cleaning and without", 60_000, []string{"messages", "checkpoint-bytes", "rounds"}, (*options).stragglers},
	{"purge", "-messages purged, and as many expired: answer, stall of another queue, space returned", 10_000_000, []string{"messages", "expiry"}, (*options).purge},
}

// ofAll are the flags that every scenario takes.
var ofAll = []string{"scenario", "bin", "data", "connections", "size", "duration", "encrypted", "raw-fsync"}

// check refuses flags that were given and would not be looked at.
func (s *scenario) check() (err error) {
	flag.Visit(func(f *flag.Flag) {
		if !slices.Contains(ofAll, f.Name) && !slices.Contains(s.takes, f.Name) {
			err = errors.Join(err, fmt.Errorf("-%s does not go with %s", f.Name, s.name))
		}
	})
	return err
}

func usage() {
	fmt.Fprintln(flag.CommandLine.Output(), "bench measures a server. Scenarios:")
	for _, s := range scenarios {
		fmt.Fprintf(flag.CommandLine.Output(), "  %-11s %s\n", s.name, s.what)
	}
	fmt.Fprintln(flag.CommandLine.Output(), "Flags:")
	flag.PrintDefaults()
}

func main() {
	var o options
	flag.Usage = usage
	flag.StringVar(&o.scenario, "scenario", "", "what to measure")
	flag.StringVar(&o.bin, "bin", "bin/staunch", "server to start")
	flag.StringVar(&o.data, "data", "", "data directory of the server that is started (default: a temporary one)")
	flag.IntVar(&o.connections, "connections", 32, "number of connections")
	flag.IntVar(&o.size, "size", 1024, "body of a message in bytes")
	flag.DurationVar(&o.duration, "duration", 5*time.Second, "length of a drain, of a baseline")
	flag.BoolVar(&o.encrypted, "encrypted", true, "encrypt the messages at rest, as queues do unless told otherwise")
	flag.BoolVar(&o.rawFsync, "raw-fsync", true, "measure a plain fsync of the data directory's disk first")
	flag.StringVar(&o.profiles, "profiles", "", "write CPU profiles of the server to this directory, for each tenth of the backlog and each drain (backlog)")
	flag.IntVar(&o.messages, "messages", 0, "number of messages (default: the scenario's)")
	flag.IntVar(&o.groups, "groups", 100_000, "number of message groups")
	flag.IntVar(&o.inFlight, "in-flight", 120_000, "number of messages in flight")
	flag.IntVar(&o.queues, "queues", 10_000, "number of queues")
	flag.IntVar(&o.polls, "polls", 10_000, "number of waiting long polls")
	flag.DurationVar(&o.window, "window", 10*time.Second, "time over which delays end (deadlines)")
	flag.BoolVar(&o.expiry, "expiry", true, "let messages expire too, which takes a minute more (purge)")
	flag.IntVar(&o.checkpointBytes, "checkpoint-bytes", 4<<20, "checkpoint-bytes of the server (stragglers)")
	flag.IntVar(&o.rounds, "rounds", 2, "how often each half of a comparison is measured (stragglers)")
	flag.Parse()
	if err := run(o); err != nil {
		log.Fatal(err)
	}
}

func run(o options) error {
	var chosen *scenario
	var names []string
	for i := range scenarios {
		names = append(names, scenarios[i].name)
		if scenarios[i].name == o.scenario {
			chosen = &scenarios[i]
		}
	}
	if chosen == nil {
		return fmt.Errorf("-scenario is %q; there are %s", o.scenario, strings.Join(names, ", "))
	}
	if err := chosen.check(); err != nil {
		return err
	}
	o.messages = cmp.Or(o.messages, chosen.messages)
	if o.data == "" {
		dir, err := os.MkdirTemp("", "staunch-bench-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		o.data = dir
	}
	if o.rawFsync {
		p50, p99, err := disk.Fsync(o.data, 200)
		if err != nil {
			return err
		}
		fmt.Printf("raw fsync of an appended 4 KiB: p50 %v, p99 %v\n", p50, p99)
	}
	fmt.Printf("%s: %d connections, bodies of %d bytes, every answer fsynced, encrypted: %t\n", chosen.name, o.connections, o.size, o.encrypted)
	return chosen.run(&o)
}

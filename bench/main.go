// Command bench measures a server: how many messages it takes in and hands out, and what large numbers of messages, groups, queues
// and waiting receives do to it.
//
// -scenario names what is measured; `bench -h` lists them. Without one it is throughput: send (one message a request), send-batch
// (ten a request) and receive-delete (ten a request, of what was sent before). Each starts the server that -bin names on an empty
// data directory; throughput can also measure one that runs at -endpoint. Scenarios check what can be counted (messages, bytes of memory
// and disk), and fail when it is wrong; times they only print, with the target beside them.
//
// Requests are written and answers read by hand over keep-alive connections, so that the generator takes little of the machine
// that it shares with the server. Figures mean little without the machine and the disk: with -raw-fsync it also prints how long one
// fsync takes there.
package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"strings"
	"time"
)

type options struct {
	scenario                     string
	bin, endpoint, data, journal string
	connections                  int
	size                         int
	duration                     time.Duration
	rawFsync                     bool
	encrypted                    bool
	profiles                     string
	messages, groups, inFlight   int
	queues, polls                int
	window                       time.Duration
	expiry                       bool
}

// scenario is one row of the table of what can be measured.
type scenario struct {
	name, what string
	messages   int // by default
	run        func(*options) error
}

var scenarios = []scenario{
	{"throughput", "messages per second: send, send-batch, receive-delete", 0, (*options).throughput},
	{"backlog", "-messages in one queue that nobody drains: memory, disk, restart, drain", 10_000_000, (*options).backlog},
	{"groups", "-messages in -groups FIFO groups, half of them in one stuck group: drain of the others", 1_000_000, (*options).stuckGroup},
	{"deadlines", "-messages with delays of their own and -in-flight timeouts end: the longest stall of another queue", 1_000_000, (*options).deadlines},
	{"queues", "-queues mostly idle queues: memory, ListQueues, restart", 0, (*options).manyQueues},
	{"polls", "-polls long polls that wait: memory, CPU, delivery", 0, (*options).longPolls},
	{"purge", "-messages purged, and as many expired: answer, stall of another queue, space returned", 10_000_000, (*options).purge},
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
	flag.StringVar(&o.scenario, "scenario", "throughput", "what to measure")
	flag.StringVar(&o.bin, "bin", "bin/staunch", "server to start")
	flag.StringVar(&o.endpoint, "endpoint", "", "measure the server at this http:// endpoint instead of starting one (throughput)")
	flag.StringVar(&o.data, "data", "", "data directory of the server that is started (default: a temporary one)")
	flag.StringVar(&o.journal, "journal", "disk", "journal of the server that is started: disk (every answer fsynced) or memory")
	flag.IntVar(&o.connections, "connections", 32, "number of connections")
	flag.IntVar(&o.size, "size", 1024, "body of a message in bytes")
	flag.DurationVar(&o.duration, "duration", 5*time.Second, "length of each part of throughput, of a drain, of a baseline")
	flag.BoolVar(&o.encrypted, "encrypted", true, "encrypt the messages at rest, as queues do unless told otherwise")
	flag.BoolVar(&o.rawFsync, "raw-fsync", true, "measure a plain fsync of the data directory's disk first")
	flag.StringVar(&o.profiles, "profiles", "", "write CPU profiles of the server for each tenth of the backlog to this directory")
	flag.IntVar(&o.messages, "messages", 0, "number of messages (default: the scenario's)")
	flag.IntVar(&o.groups, "groups", 100_000, "number of message groups")
	flag.IntVar(&o.inFlight, "in-flight", 120_000, "number of messages in flight")
	flag.IntVar(&o.queues, "queues", 10_000, "number of queues")
	flag.IntVar(&o.polls, "polls", 10_000, "number of waiting long polls")
	flag.DurationVar(&o.window, "window", 10*time.Second, "time over which delays end (deadlines)")
	flag.BoolVar(&o.expiry, "expiry", true, "let messages expire too, which takes a minute more (purge)")
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
		return fmt.Errorf("there is no scenario %q; there are %s", o.scenario, strings.Join(names, ", "))
	}
	if chosen.name != "throughput" && (o.endpoint != "" || o.journal != "disk") {
		return errors.New("only throughput goes with -endpoint or -journal memory: the others look at the server that they start, and at its disk")
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
		if err := measureFsync(o.data); err != nil {
			return err
		}
	}
	fmt.Printf("%s: %d connections, bodies of %d bytes, %s, encrypted: %t\n", chosen.name, o.connections, o.size, o.durability(), o.encrypted)
	return chosen.run(&o)
}

func (o *options) durability() string {
	switch {
	case o.endpoint != "":
		return "durable as the server at " + o.endpoint + " is"
	case o.journal == "memory":
		return "memory only"
	default:
		return "every answer fsynced"
	}
}

// Command bench measures how many messages a server takes in and hands out.
//
// It starts the server that -bin names on an empty data directory, or measures the one at -endpoint, and runs scenarios one after
// the other: send (one message a request), send-batch (ten a request) and receive-delete (ten a request, of what was sent before).
// Requests are written and answers read by hand over keep-alive connections, so that the generator takes little of the machine
// that it shares with the server. With -backlog it measures what a queue that nobody drains does to the server. Figures are messages per second; they mean little without the machine and the disk: with
// -raw-fsync it also prints how long one fsync takes there.
package main

import (
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"time"
)

type options struct {
	bin, endpoint, data, journal string
	connections                  int
	size                         int
	duration                     time.Duration
	rawFsync                     bool
	encrypted                    bool
	backlogMessages              int
}

func main() {
	var o options
	flag.StringVar(&o.bin, "bin", "bin/staunch", "server to start")
	flag.StringVar(&o.endpoint, "endpoint", "", "measure the server at this http:// endpoint instead of starting one")
	flag.StringVar(&o.data, "data", "", "data directory of the server that is started (default: a temporary one)")
	flag.StringVar(&o.journal, "journal", "disk", "journal of the server that is started: disk (every answer fsynced) or memory")
	flag.IntVar(&o.connections, "connections", 32, "number of connections")
	flag.IntVar(&o.size, "size", 1024, "body of a message in bytes")
	flag.DurationVar(&o.duration, "duration", 5*time.Second, "length of each scenario, or of a drain")
	flag.BoolVar(&o.encrypted, "encrypted", true, "encrypt the messages at rest, as queues do unless told otherwise")
	flag.BoolVar(&o.rawFsync, "raw-fsync", true, "measure a plain fsync of the data directory's disk first")
	flag.IntVar(&o.backlogMessages, "backlog", 0, "measure a backlog of so many messages instead")
	flag.Parse()
	if err := run(o); err != nil {
		log.Fatal(err)
	}
}

func run(o options) error {
	if o.backlogMessages > 0 && (o.endpoint != "" || o.journal != "disk") {
		return errors.New("-backlog kills and restarts a server with its data on disk: it goes neither with -endpoint nor with -journal memory")
	}
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
	fmt.Printf("%d connections, bodies of %d bytes, %s, encrypted: %t\n", o.connections, o.size, o.durability(), o.encrypted)
	if o.backlogMessages > 0 {
		return o.backlog()
	}
	endpoint := o.endpoint
	if endpoint == "" {
		s, err := o.startServer()
		if err != nil {
			return err
		}
		defer s.stop()
		endpoint = s.endpoint
	}
	return o.throughput(endpoint)
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

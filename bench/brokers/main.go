// Command brokers measures message brokers that speak other protocols than SQS, as context for what Staunch does: how many durable messages the same disk
// gives over a native protocol. bench/compare runs it; it is a module of its own, so that the clients of those brokers stay out of Staunch's.
//
// A producer waits until the broker says that its messages are safe, a consumer acknowledges what it got; both in batches, over a connection each. It writes a
// loadgen.Result with one phase as JSON. The scenarios are send, send-batch and round-trip.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"os"
	"os/signal"
	"time"

	"github.com/staunchmq/staunch/internal/loadgen"
)

// broker is a client of one kind of broker, with one queue.
type broker interface {
	// producer returns a function that sends bodies and returns when all are safe. It belongs to one goroutine.
	producer(ctx context.Context) (send func(ctx context.Context, bodies [][]byte) error, err error)
	// consumer returns a function that receives up to n messages, waits for the first of them up to a second, and returns them with what
	// acknowledges them.
	consumer(ctx context.Context) (receive func(ctx context.Context, n int) (bodies [][]byte, ack func() error, err error), err error)
	close()
}

var kinds = map[string]func(ctx context.Context, address string) (broker, error){
	"nats": newNATS, "redis": newRedis, "rabbitmq": newRabbit,
}

func main() {
	var o loadgen.Options
	kind := flag.String("kind", "", "nats, redis or rabbitmq")
	address := flag.String("address", "", "host:port of the broker")
	flag.StringVar(&o.Scenario, "scenario", loadgen.Send, "send, send-batch or round-trip")
	flag.IntVar(&o.Connections, "connections", 8, "producers, and consumers")
	flag.IntVar(&o.Size, "size", 1024, "bytes of a body")
	flag.IntVar(&o.Batch, "batch", 10, "messages that are sent, or acknowledged, at once")
	flag.DurationVar(&o.Duration, "duration", 3*time.Second, "how long to measure")
	flag.DurationVar(&o.WarmUp, "warm-up", time.Second, "how long to run before")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	open := kinds[*kind]
	if open == nil {
		log.Fatalf("-kind is %q", *kind)
	}
	if o.Scenario == loadgen.Send {
		o.Batch = 1
	}
	b, err := open(ctx, *address)
	if err != nil {
		log.Fatal(err)
	}
	defer b.close()
	result, err := measure(ctx, b, o)
	if err != nil {
		log.Fatal(err)
	}
	text, err := json.Marshal(result)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(text))
}

package datadir_test

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/catalog"
	"github.com/staunchmq/staunch/internal/clock"
	"github.com/staunchmq/staunch/internal/journal"
	"github.com/staunchmq/staunch/internal/journal/pebblejournal"
	"github.com/staunchmq/staunch/internal/shard"
	"github.com/staunchmq/staunch/internal/sqs"
)

var caller = &api.Caller{Account: "000000000000", Region: "us-east-1", SenderID: "AIDATEST", BaseURL: "http://localhost:9324"}

// node is a service over a data directory.
type node struct {
	*sqs.Service
	t      *testing.T
	store  *pebblejournal.Store
	shards []*shard.Shard
	stops  []func() // in reverse
}

// nodeOptions alter a node. Zero means what a server has.
type nodeOptions struct {
	clock           clock.Clock
	checkpointBytes int64
	// wrap may put something between a shard and its journal.
	wrap func(shard uint32, j journal.Journal) journal.Journal
	// noService leaves only the shards, with the partitions that a test makes.
	noService bool
}

func small(shards int) pebblejournal.Options {
	return pebblejournal.Options{Shards: shards, MemTableBytes: 1 << 20, CacheBytes: 1 << 20, ReserveBytes: -1, DiskSlow: -1}
}

// openNode starts a node on dir; stop ends it.
func openNode(t *testing.T, dir string, shards int, o nodeOptions) *node {
	t.Helper()
	store, err := pebblejournal.Open(dir, small(shards))
	if err != nil {
		t.Fatal(err)
	}
	n := &node{t: t, store: store}
	n.stops = append(n.stops, func() { must(t, store.Close()) })
	if o.clock == nil {
		o.clock = clock.System()
	}
	definitions := catalog.New()
	var clients []shard.Client
	for i := range uint32(store.Shards()) {
		j, err := store.Journal(i)
		must(t, err)
		if o.wrap != nil {
			j = o.wrap(i, j)
		}
		so := shard.Options{ID: i, Journal: j, Clock: o.clock, CheckpointBytes: o.checkpointBytes}
		if i == 0 {
			so.Definitions = definitions
		}
		s, err := shard.Open(t.Context(), so)
		must(t, err)
		n.run(s.Run)
		n.shards = append(n.shards, s)
		clients = append(clients, s)
	}
	if o.noService {
		return n
	}
	definitions.Attach(n.shards[0])
	n.Service = sqs.New(sqs.Options{Catalog: definitions, Shards: clients, Clock: o.clock, RecreateDelay: time.Minute, PurgeInterval: time.Minute,
		Logger: slog.New(slog.DiscardHandler)})
	n.run(n.Service.Run)
	<-n.Service.Started()
	return n
}

func (n *node) run(f func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(n.t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- f(ctx) }()
	n.stops = append(n.stops, func() {
		cancel()
		must(n.t, <-ended)
	})
}

func (n *node) stop() {
	n.t.Helper()
	for i := len(n.stops) - 1; i >= 0; i-- {
		n.stops[i]()
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func mustClose(t *testing.T, c io.Closer) {
	t.Helper()
	must(t, c.Close())
}

func (n *node) create(name string, attributes map[string]string, tags map[string]string) string {
	n.t.Helper()
	out, err := n.CreateQueue(n.t.Context(), caller, &api.CreateQueueInput{QueueName: &name, Attributes: attributes, Tags: tags})
	must(n.t, err)
	return out.QueueUrl
}

func (n *node) send(url, body string, edit ...func(*api.SendMessageInput)) *api.SendMessageOutput {
	n.t.Helper()
	in := &api.SendMessageInput{QueueUrl: url, MessageBody: &body}
	for _, e := range edit {
		e(in)
	}
	out, err := n.SendMessage(n.t.Context(), caller, in)
	must(n.t, err)
	return out
}

func (n *node) receive(url string, max, visibility int64) []api.Message {
	n.t.Helper()
	out, err := n.ReceiveMessage(n.t.Context(), caller, &api.ReceiveMessageInput{QueueUrl: url, MaxNumberOfMessages: &max,
		VisibilityTimeout: &visibility, AttributeNames: []string{"All"}, MessageAttributeNames: []string{"All"}})
	must(n.t, err)
	return out.Messages
}

func (n *node) attributes(url string) map[string]string {
	n.t.Helper()
	out, err := n.GetQueueAttributes(n.t.Context(), caller, &api.GetQueueAttributesInput{QueueUrl: url, AttributeNames: []string{"All"}})
	must(n.t, err)
	return out.Attributes
}

package simulation

import (
	"context"
	"encoding/binary"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing/synctest"
	"time"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/catalog"
	"github.com/staunchmq/staunch/internal/clock"
	"github.com/staunchmq/staunch/internal/journal"
	"github.com/staunchmq/staunch/internal/queue"
	"github.com/staunchmq/staunch/internal/shard"
	"github.com/staunchmq/staunch/internal/sqs"
)

// node is one life of the server, from a start to a crash.
type node struct {
	schedule *schedule
	shards   []*shard.Shard
	service  *sqs.Service
	api      api.SQS

	stopService, stopShards context.CancelFunc
	running                 sync.WaitGroup
	failed                  atomic.Bool // a shard has ended by itself
}

// Limits that make a small history reach what takes a server days.
const (
	recreateDelay = 2 * time.Second
	purgeInterval = time.Second
)

// Wrap replaces a shard as the service sees it; the tests of the checkers put defects there.
type Wrap func(shard.Client) shard.Client

// WrapJournal does the same with the journal of a shard.
type WrapJournal func(journal.Journal) journal.Journal

// openShard replays a journal. Shard 0 gets the catalog.
func (w *world) openShard(id int, j journal.Journal, c *catalog.Catalog, now clock.Clock, log *slog.Logger) (*shard.Shard, error) {
	if w.wrapJournal != nil {
		j = w.wrapJournal(j)
	}
	o := shard.Options{
		ID: uint32(id), Journal: j, Clock: now, Logger: log,
		CheckpointBytes: w.settings.checkpointBytes, BodyCacheBytes: w.settings.bodyCacheBytes,
		TurnMessagesMax: w.settings.turnMessages,
		Observed:        shard.Observer{Panicked: func() { w.violate("panic", "shard %d panicked", id) }},
	}
	if id == 0 {
		o.Definitions = c
	}
	return shard.Open(context.Background(), o)
}

// openNode replays the disks and starts nothing.
func (w *world) openNode() (*node, error) {
	n := &node{schedule: &schedule{}}
	definitions := catalog.New()
	clients := make([]shard.Client, len(w.disks))
	for i, d := range w.disks {
		s, err := w.openShard(i, d, definitions, w.clock, w.log)
		if err != nil {
			return nil, err
		}
		n.shards = append(n.shards, s)
		var c shard.Client = s
		if w.wrap != nil {
			c = w.wrap(c)
		}
		clients[i] = &gate{Client: c, id: i, schedule: n.schedule}
		d.attach(n.schedule, w.derived())
	}
	definitions.Attach(definitionGate{n.shards[0], n.schedule})
	n.service = sqs.New(sqs.Options{
		Catalog: definitions, Shards: clients, Clock: w.clock, Logger: w.log,
		RecreateDelay: recreateDelay, PurgeInterval: purgeInterval, NewMessageID: w.newMessageID,
		BeforeConfigure: func(ctx context.Context, p queue.ID) {
			n.schedule.pause(fmt.Sprintf("configure partition=%d operation=%d", p, operationOf(ctx)))
		},
	})
	n.api = n.service
	return n, nil
}

// newMessageID makes message IDs. Two goroutines may ask at once, so which gets which may differ from run to run: IDs stay out of the
// trace, and nothing depends on their order.
func (w *world) newMessageID() queue.MessageID {
	var id queue.MessageID
	binary.BigEndian.PutUint64(id[8:], w.messageIDs.Add(1))
	return id
}

// start lets the node run, up to where the schedule holds it.
func (n *node) start(w *world) {
	serving, stopService := context.WithCancel(context.Background())
	sharding, stopShards := context.WithCancel(context.Background())
	n.stopService, n.stopShards = stopService, stopShards
	for _, s := range n.shards {
		n.running.Go(func() {
			if err := s.Run(sharding); err != nil {
				w.log.Info("a shard has ended", "error", err)
				n.failed.Store(true)
			}
		})
	}
	n.running.Go(func() {
		if err := n.service.Run(serving); err != nil {
			w.violate("service", "the service ended: %v", err)
		}
	})
	synctest.Wait()
}

func (n *node) started() bool {
	select {
	case <-n.service.Started():
		return true
	default:
		return false
	}
}

// kill ends the node's goroutines. What they still do reaches disks that nobody looks at any more.
func (n *node) kill() {
	n.schedule.end()
	n.stopService()
	synctest.Wait()
	n.stopShards()
	n.running.Wait()
}

// crash drops the node and all that was not durable, and starts another with what is left.
func (w *world) crash(why string) {
	w.tracef("crash: %s", why)
	for i, d := range w.disks {
		w.disks[i] = d.afterCrash()
	}
	w.forsake()
	w.node.kill()
	w.reopen()
}

// reopen starts a node over the disks as they are.
func (w *world) reopen() {
	w.tryDamage()
	n, err := w.openNode()
	if err != nil {
		w.violate("start", "the node does not start: %v", err)
		return
	}
	w.node = n
	w.setLate()
	n.start(w)
}

// stateOf returns the state that replaying a journal gives, at a time that no log time is after: what time has brought before the clock
// was set back is in checkpoints, but not in records.
func (w *world) stateOf(id int, j journal.Journal) ([]byte, error) {
	s, err := w.openShard(id, j, catalog.New(), clock.NewManual(w.latest), w.quiet)
	if err != nil {
		return nil, fmt.Errorf("replay: %w", err)
	}
	return s.State()
}

package shard

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/staunchmq/staunch/internal/clock"
	"github.com/staunchmq/staunch/internal/journal"
	"github.com/staunchmq/staunch/internal/journal/memjournal"
	"github.com/staunchmq/staunch/internal/queue"
)

func TestStopAnswersEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t)
		r.send(standard, "m")
		polls := []*call{r.poll(r.ctx, other, 20*time.Second), r.poll(r.ctx, fifo, 20*time.Second)}
		r.gate.close()
		received := start(func() (*ReceiveResult, error) { return r.Receive(r.ctx, standard, ReceiveRequest{Max: 1}) })
		var calls []*call
		for range 20 { // more than the records take: some are not decided yet
			calls = append(calls, startErr(func() error { return r.trySend(standard, 64<<10) }))
		}
		waitsBehind := r.poll(r.ctx, other, 20*time.Second) // not decided either
		r.cancel()
		synctest.Wait()
		for i, p := range polls {
			if !p.answered() || p.err != nil || len(p.result.Messages) > 0 || p.after != 0 {
				t.Errorf("waiting receive %d: answered %v after %v: %v, %v", i, p.answered(), p.after, p.result, p.err)
			}
		}
		if err := r.trySend(standard, 1); !errors.Is(err, ErrUnavailable) {
			t.Errorf("a request while the shard is stopping: %v", err)
		}
		select {
		case <-r.ended:
			t.Error("Run returned before everything was durable")
		default:
		}
		if received.answered() || calls[0].answered() {
			t.Error("answered before it was durable")
		}
		r.gate.open()
		<-r.ended
		synctest.Wait()
		if r.err != nil {
			t.Errorf("Run: %v", r.err)
		}
		for i, c := range calls {
			if !c.answered() || c.err != nil {
				t.Errorf("send %d: answered %v, %v", i, c.answered(), c.err)
			}
		}
		if !received.answered() || received.err != nil || len(received.result.Messages) != 1 {
			t.Errorf("receive: answered %v: %v, %v", received.answered(), received.result, received.err)
		}
		// A message may have come for the one that was decided last; otherwise it is empty.
		if !waitsBehind.answered() || waitsBehind.err != nil {
			t.Errorf("receive that came last: answered %v, %v", waitsBehind.answered(), waitsBehind.err)
		}
		for name, call := range map[string]func() error{
			"send":      func() error { return r.trySend(standard, 1) },
			"receive":   func() error { _, err := r.Receive(r.ctx, standard, ReceiveRequest{Max: 1}); return err },
			"long poll": func() error { return r.poll(r.ctx, standard, time.Second).err },
			"stats":     func() error { _, err := r.Stats(r.ctx, standard); return err },
		} {
			if err := call(); !errors.Is(err, ErrUnavailable) {
				t.Errorf("%s after the end: %v", name, err)
			}
		}
		requireSameAsJournal(t, r.Shard, r.journal)
	})
}

// slowCheckpoints lets Save wait.
type slowCheckpoints struct {
	journal.Checkpoints
	saves           atomic.Int32
	saving, proceed chan struct{}
}

func (c *slowCheckpoints) Save(ctx context.Context, seq journal.Seq, write func(io.Writer) error) error {
	if c.saves.Add(1) == 1 {
		close(c.saving)
	}
	<-c.proceed
	return c.Checkpoints.Save(ctx, seq, write)
}

type slowCheckpointJournal struct {
	journal.Journal
	checkpoints *slowCheckpoints
}

func (j slowCheckpointJournal) Checkpoints() journal.Checkpoints { return j.checkpoints }

// The owner closes the journal when Run has returned: nothing may use it then.
func TestRunWaitsForTheCheckpoint(t *testing.T) {
	for _, fails := range []bool{false, true} {
		t.Run(fmt.Sprintf("failed journal %v", fails), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				mem := memjournal.New(0)
				c := &slowCheckpoints{Checkpoints: mem.Checkpoints(), saving: make(chan struct{}), proceed: make(chan struct{})}
				s, err := Open(t.Context(), Options{Journal: slowCheckpointJournal{mem, c}, Clock: clock.System(), CheckpointBytes: 1})
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan error, 1)
				go func() { ended <- s.Run(ctx) }()
				if err := s.Configure(ctx, standard, standardSettings()); err != nil {
					t.Fatal(err)
				}
				<-c.saving
				// Meanwhile the shard goes on.
				if _, err := s.Send(ctx, standard, messages("m")); err != nil {
					t.Fatal(err)
				}
				if fails {
					mem.SetHook(fail(journal.ErrUnknown))
					if _, err := s.Send(ctx, standard, messages("m")); !errors.Is(err, ErrUnavailable) {
						t.Error(err)
					}
				}
				cancel()
				synctest.Wait()
				if len(ended) > 0 {
					t.Error("Run returned while a checkpoint was being saved")
				}
				if n := c.saves.Load(); n != 1 {
					t.Errorf("%d checkpoints are saved at once", n)
				}
				close(c.proceed)
				if err := <-ended; (err != nil) != fails {
					t.Error(err)
				}
			})
		})
	}
}

// A busy shard has checkpoints too, though something is always on its way.
func TestBusyShardHasCheckpoints(t *testing.T) {
	s := newStepper(t, Options{CheckpointBytes: 10 * flushBytes})
	s.configure(standard, standardSettings())
	s.ask(sendRequest(standard, make([]byte, flushBytes)))
	s.ask(sendRequest(standard, make([]byte, flushBytes)))
	s.turn()
	for range 100 {
		// Something new is there whenever something lands.
		s.ask(sendRequest(standard, make([]byte, flushBytes/2)))
		s.ask(sendRequest(standard, make([]byte, flushBytes/2)))
		s.land()
		s.turn()
		if len(s.flying) == 0 {
			t.Fatal("nothing is on its way")
		}
	}
	list, err := s.options.Journal.Checkpoints().List(t.Context())
	if err != nil || len(list) != 2 {
		t.Errorf("checkpoints %v, %v", list, err)
	}
}

// Everything at once: whatever happens, each call is answered, once. In the bubble, the ends of waits, timeouts, contexts and
// delays fall on the same instants, in the order that the scheduler likes.
func TestStormOfCalls(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { storm(t, seed) })
		})
	}
}

func storm(t *testing.T, seed uint64) {
	r := run(t, withDefinitions, func(o *Options) { o.CheckpointBytes = 20_000; o.BodyCacheBytes = 10_000; o.WaitingMax = 30 })
	faults := rand.New(rand.NewPCG(seed, 0))
	r.journal.SetHook(func(journal.Seq, []byte) memjournal.Fault {
		f := memjournal.Fault{}
		switch n := faults.IntN(100); {
		case n < 2:
			f.Err = journal.ErrFull
		case n < 50:
			f.Delay = func() { time.Sleep(time.Duration(n) * time.Millisecond / 4) }
		}
		return f
	})
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(i)+1))
			for range 60 {
				stormCall(t, r, random)
			}
		})
	}
	time.Sleep(time.Duration(seed) * 2 * time.Second)
	if seed%2 == 1 {
		if err := r.stop(); err != nil {
			t.Error(err)
		}
	}
	wg.Wait() // a call that is never answered is a deadlock of the bubble
	if err := r.stop(); err != nil {
		t.Error(err)
	}
	if r.Usage().WaitingReceives != 0 {
		t.Errorf("%d wait", r.Usage().WaitingReceives)
	}
	if r.inboxBytes != 0 {
		t.Errorf("%d bytes are counted as waiting", r.inboxBytes)
	}
	r.journal.SetHook(nil)
	requireSameAsJournal(t, r.Shard, r.journal)
}

func stormCall(t *testing.T, r *running, random *rand.Rand) {
	ctx, cancel := context.WithCancel(r.ctx)
	defer cancel()
	if random.IntN(3) == 0 {
		ctx, cancel = context.WithTimeout(r.ctx, time.Duration(random.IntN(4))*5*time.Millisecond)
		defer cancel()
	}
	p := queue.ID(random.IntN(3) + 1)
	delay := time.Duration(random.IntN(4)) * 5 * time.Millisecond
	var err error
	switch random.IntN(20) {
	case 0:
		err = r.Drop(ctx, p)
	case 1, 2:
		s := standardSettings()
		if p == fifo {
			s = fifoSettings()
		}
		s.VisibilityTimeout = int64(random.IntN(50))
		s.Delay = int64(random.IntN(2) * 5)
		err = r.Configure(ctx, p, s)
	case 3, 4, 5, 6, 7:
		m := messages(fmt.Sprint(random.Uint64()), fmt.Sprint(random.IntN(5)))
		m[0].Delay = &delay
		_, err = r.Send(ctx, p, m[:1+random.IntN(2)])
	case 8:
		err = r.Purge(ctx, p, 0)
	case 9:
		_, err = r.Stats(ctx, p)
	case 10:
		_, err = r.Partitions(ctx)
	case 11:
		err = r.AppendDefinition(ctx, []byte{1}, true)
	case 12:
		var moving []queue.Move
		if moving, err = r.BeginMove(ctx, p, 3, other); err == nil {
			for _, m := range moving {
				_ = r.EndMove(ctx, p, []queue.Ref{m.Handle.Ref}, random.IntN(2) == 0)
			}
		}
	default:
		var result *ReceiveResult
		result, err = r.Receive(ctx, p, ReceiveRequest{Max: 1 + random.IntN(3), Wait: time.Duration(random.IntN(4)) * 5 * time.Millisecond})
		if err == nil && random.IntN(2) == 0 {
			_, _ = r.Delete(ctx, p, handles(result))
		}
	}
	for _, allowed := range []error{nil, ErrNoPartition, ErrDiskFull, ErrUnavailable, ErrOverloaded, context.Canceled, context.DeadlineExceeded, queue.ErrPurgeInProgress} {
		if errors.Is(err, allowed) {
			time.Sleep(delay)
			return
		}
	}
	t.Errorf("unexpected error: %v", err)
}

package shard

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/staunchmq/staunch/internal/journal"
	"github.com/staunchmq/staunch/internal/journal/memjournal"
	"github.com/staunchmq/staunch/internal/queue"
)

// fail lets all appends fail with err.
func fail(err error) func(journal.Seq, []byte) memjournal.Fault {
	return func(journal.Seq, []byte) memjournal.Fault { return memjournal.Fault{Err: err} }
}

// failLarge lets the disk have room for small records only.
func failLarge(_ journal.Seq, rec []byte) memjournal.Fault {
	if len(rec) > 1000 {
		return memjournal.Fault{Err: journal.ErrFull}
	}
	return memjournal.Fault{}
}

func (r *running) trySend(p queue.ID, bytes int) error {
	_, err := r.Send(r.ctx, p, []SendMessage{{Content: make([]byte, bytes)}})
	return err
}

func TestFullDiskFailsEverythingThatWasDecided(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t)
		r.send(standard, "before")
		poll := r.poll(r.ctx, other, 20*time.Second)
		r.gate.close()
		r.gate.failWith(fail(journal.ErrFull))
		var calls []*call
		try := func(f func() error) { calls = append(calls, startErr(f)) }
		try(func() error { return r.trySend(standard, 10) })
		try(func() error { _, err := r.Receive(r.ctx, standard, ReceiveRequest{Max: 1}); return err })
		try(func() error { return r.trySend(standard, 128<<10) })
		try(func() error { return r.Configure(r.ctx, 10, standardSettings()) })
		try(func() error { return r.trySend(fifo, 10) })
		r.gate.pass()
		r.gate.open()
		synctest.Wait()
		for i, c := range calls {
			if !c.answered() || !errors.Is(c.err, ErrDiskFull) {
				t.Errorf("request %d: answered %v, %v, want ErrDiskFull", i, c.answered(), c.err)
			}
		}
		if poll.answered() {
			t.Errorf("the waiting receive was answered: %v, %v", bodies(poll.result), poll.err)
		}
		if stats, err := r.Stats(r.ctx, standard); err != nil || stats.Visible != 1 || stats.InFlight != 0 {
			t.Errorf("%+v, %v: want the state before", stats, err)
		}
		r.gate.failWith(nil)
		time.Sleep(fullPause)
		r.send(other, "m")
		synctest.Wait()
		if !slices.Equal(bodies(poll.result), []string{"m"}) {
			t.Errorf("the waiting receive has %q after the disk had room again", bodies(poll.result))
		}
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		requireSameAsJournal(t, r.Shard, r.journal)
	})
}

func TestFullDiskRefusesWhatIsNewAndTakesTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, withDefinitions)
		r.send(standard, "a", "b")
		held := r.receive(standard, 1)
		r.gate.failWith(failLarge)
		if err := r.trySend(standard, 1000); !errors.Is(err, ErrDiskFull) {
			t.Fatalf("send: %v", err)
		}
		r.gate.close() // counts
		r.gate.open()
		refused := map[string]func() error{
			"send":       func() error { return r.trySend(standard, 10) },
			"arrival":    func() error { return r.Arrive(r.ctx, standard, []Arrival{{}}) },
			"move":       func() error { _, err := r.BeginMove(r.ctx, standard, 1, other); return err },
			"definition": func() error { return r.AppendDefinition(r.ctx, nil, true) },
		}
		for name, call := range refused {
			if err := call(); !errors.Is(err, ErrDiskFull) {
				t.Errorf("%s: %v, want ErrDiskFull", name, err)
			}
		}
		if n := len(r.gate.records()); n != 0 {
			t.Errorf("%d records were tried while the disk was full", n)
		}
		if errs, err := r.Delete(r.ctx, standard, handles(held)); err != nil || errs[0] != nil {
			t.Errorf("delete: %v, %v", errs, err)
		}
		if err := r.AppendDefinition(r.ctx, []byte("the end of a queue"), false); err != nil {
			t.Errorf("definition that does not grow: %v", err)
		}
		if got := bodies(r.receive(standard, 1)); !slices.Equal(got, []string{"b"}) {
			t.Errorf("received %q", got)
		}
		time.Sleep(fullPause - 1)
		if err := r.trySend(standard, 10); !errors.Is(err, ErrDiskFull) {
			t.Errorf("send before the end of the pause: %v", err)
		}
		time.Sleep(time.Nanosecond)
		r.send(standard, "c")
	})
}

// When not even a delete fits, each further try would cost a replay: there is one in a second.
func TestFullDiskIsTriedOnceInAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t)
		r.send(standard, "a", "b", "c")
		held := r.receive(standard, 1)
		r.gate.failWith(fail(journal.ErrFull))
		r.gate.close() // counts
		r.gate.open()
		remove := func() error { _, err := r.Delete(r.ctx, standard, handles(held)); return err }
		for name, call := range map[string]func() error{
			"delete":  remove,
			"receive": func() error { _, err := r.Receive(r.ctx, standard, ReceiveRequest{Max: 1}); return err },
			"purge":   func() error { return r.Purge(r.ctx, standard, 0) },
			"drop":    func() error { return r.Drop(r.ctx, standard) },
		} {
			if err := call(); !errors.Is(err, ErrDiskFull) {
				t.Errorf("%s: %v, want ErrDiskFull", name, err)
			}
		}
		if n := len(r.gate.records()); n != 1 {
			t.Errorf("%d records were tried, want 1", n)
		}
		if stats, err := r.Stats(r.ctx, standard); err != nil || stats.Visible != 2 {
			t.Errorf("stats: %+v, %v", stats, err)
		}
		if _, err := r.Partitions(r.ctx); err != nil {
			t.Errorf("partitions: %v", err)
		}
		r.gate.failWith(nil)
		time.Sleep(fullPause)
		if err := remove(); err != nil {
			t.Errorf("delete after the pause: %v", err)
		}
	})
}

// A waiting receive for which there is a message is not tried again and again either, and is served after the pause.
func TestWaitingReceivesWhenTheDiskIsFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t)
		delay := time.Second
		m := messages("a", "b")
		m[0].Delay, m[1].Delay = &delay, &delay
		if _, err := r.Send(r.ctx, standard, m); err != nil {
			t.Fatal(err)
		}
		polls := []*call{r.poll(r.ctx, standard, 20*time.Second), r.poll(r.ctx, standard, 20*time.Second), r.poll(r.ctx, standard, 20*time.Second)}
		r.gate.close()
		r.gate.open()
		tries := 0
		r.gate.failWith(func(journal.Seq, []byte) memjournal.Fault {
			if tries++; tries == 1 {
				return memjournal.Fault{Err: journal.ErrFull}
			}
			return memjournal.Fault{}
		})
		time.Sleep(delay)
		synctest.Wait()
		// Both messages went out in the record that failed.
		if !errors.Is(polls[0].err, ErrDiskFull) || !errors.Is(polls[1].err, ErrDiskFull) || polls[2].answered() {
			t.Errorf("polls: %v, %v; the third answered: %v", polls[0].err, polls[1].err, polls[2].answered())
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if polls[2].after != delay+fullPause || polls[2].err != nil || len(polls[2].result.Messages) != 1 {
			t.Errorf("third poll: after %v: %v, %v", polls[2].after, polls[2].result, polls[2].err)
		}
		if n := len(r.gate.records()); n != 2 {
			t.Errorf("%d records were tried, want 2", n)
		}
	})
}

// Trimming needs a checkpoint, and a full disk must not have to wait for 64 MiB of records to be trimmed.
func TestFullDiskIsTrimmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t)
		r.send(standard, "old")
		full := func() {
			t.Helper()
			r.gate.failWith(failLarge)
			if err := r.trySend(standard, 1000); !errors.Is(err, ErrDiskFull) {
				t.Fatalf("send: %v", err)
			}
			r.gate.failWith(nil)
			time.Sleep(fullPause)
		}
		full()
		if err := r.Purge(r.ctx, standard, 0); err != nil {
			t.Fatal(err)
		}
		full()
		r.send(standard, "new")
		full()
		first, last, err := r.journal.Tail(r.ctx)
		if err != nil || first <= 4 {
			t.Errorf("the journal has records %d to %d (%v); the purged message's is still there", first, last, err)
		}
		if got := bodies(r.receive(standard, 1)); !slices.Equal(got, []string{"new"}) {
			t.Errorf("received %q", got)
		}
	})
}

func TestFailedJournalEndsTheShard(t *testing.T) {
	for _, test := range []struct {
		name  string
		fault memjournal.Fault
		want  error
	}{
		{"unknown, not there", memjournal.Fault{Err: journal.ErrUnknown}, journal.ErrUnknown},
		{"unknown, there", memjournal.Fault{Err: journal.ErrUnknown, Applied: true}, journal.ErrUnknown},
		{"conflict", memjournal.Fault{Err: journal.ErrConflict}, journal.ErrConflict},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := run(t)
				polls := []*call{r.poll(r.ctx, other, 20*time.Second), r.poll(r.ctx, fifo, 20*time.Second)}
				r.gate.close()
				r.gate.failWith(func(journal.Seq, []byte) memjournal.Fault { return test.fault })
				calls := []*call{
					startErr(func() error { return r.trySend(standard, 10) }),
					startErr(func() error { return r.trySend(standard, 128<<10) }),
					startErr(func() error { return r.trySend(standard, 128<<10) }),
					startErr(func() error { return r.trySend(standard, 10) }), // not decided: all is full
				}
				r.gate.open()
				synctest.Wait()
				for i, c := range append(calls, polls...) {
					if !c.answered() || !errors.Is(c.err, ErrUnavailable) {
						t.Errorf("request %d: answered %v, %v, want ErrUnavailable", i, c.answered(), c.err)
					}
				}
				<-r.ended
				if !errors.Is(r.err, test.want) {
					t.Errorf("Run: %v, want %v", r.err, test.want)
				}
				if err := r.trySend(standard, 10); !errors.Is(err, ErrUnavailable) {
					t.Errorf("after the end: %v", err)
				}
			})
		})
	}
}

func TestDefinitionThatCannotBeAppliedEndsTheShard(t *testing.T) {
	for name, d := range map[string]*definitionList{
		"error": {fail: errors.New("cannot be read")},
		"panic": {panics: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := run(t, func(o *Options) { o.Definitions = d })
				r.gate.close()
				applied := 0
				d.applied = func() { applied++ }
				calls := []*call{
					startErr(func() error { return r.AppendDefinition(r.ctx, []byte("first"), true) }),
					startErr(func() error { return r.AppendDefinition(r.ctx, make([]byte, flushBytes), true) }),
				}
				r.gate.open()
				synctest.Wait()
				for i, c := range calls {
					if !c.answered() || !errors.Is(c.err, ErrUnavailable) {
						t.Errorf("definition %d: answered %v, %v", i, c.answered(), c.err)
					}
				}
				if applied != 1 {
					t.Errorf("%d definitions were applied, want none behind the one that failed", applied)
				}
				<-r.ended
				if r.err == nil {
					t.Error("Run returned no error")
				}
			})
		})
	}
}

func TestDefinitionsOfAShardThatCarriesNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t)
		if err := r.AppendDefinition(r.ctx, []byte("d"), true); err == nil {
			t.Error("accepted")
		}
		r.send(standard, "the shard goes on")
	})
}

// panicking is a request that changes the state and then panics.
type panicking struct {
	to
	hold, answerFirst bool
}

func (r *panicking) decide(s *Shard) {
	p, now, _ := s.find(r, &r.to)
	p.Send(now, s.building, queue.NewMessage{})
	switch {
	case r.hold:
		s.hold(r)
	case r.answerFirst:
		r.asked.answer(nil)
	}
	panic("a defect")
}

func TestPanicInADecision(t *testing.T) {
	for _, test := range []struct {
		name              string
		hold, answerFirst bool
	}{{name: "before the answer is settled"}, {name: "after hold", hold: true}, {name: "after the answer", answerFirst: true}} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				panics := 0
				r := run(t, func(o *Options) { o.Observed.Panicked = func() { panics++ } })
				r.send(standard, "before")
				poll := r.poll(r.ctx, fifo, 20*time.Second)
				r.gate.close()
				onItsWay := startErr(func() error { return r.trySend(other, 1) })
				decided := startErr(func() error { return r.trySend(other, 1) })
				bad := &panicking{to: toPartition(standard), hold: test.hold, answerFirst: test.answerFirst}
				err := r.submit(bad)
				if err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				// Comes in while the shard waits for what is on its way.
				behind := startErr(func() error { return r.trySend(other, 1) })
				r.gate.open()
				synctest.Wait()
				if !onItsWay.answered() || onItsWay.err != nil {
					t.Errorf("on its way: answered %v, %v", onItsWay.answered(), onItsWay.err)
				}
				if !decided.answered() || !errors.Is(decided.err, ErrUnavailable) {
					t.Errorf("decided and not yet appended: answered %v, %v", decided.answered(), decided.err)
				}
				if !bad.answered() || (bad.err == nil) != test.answerFirst {
					t.Errorf("the request that panicked: answered %v, %v", bad.answered(), bad.err)
				}
				if !behind.answered() || behind.err != nil {
					t.Errorf("behind it: answered %v, %v", behind.answered(), behind.err)
				}
				if panics != 1 {
					t.Errorf("%d panics counted", panics)
				}
				if stats, err := r.Stats(r.ctx, standard); err != nil || stats.Visible != 1 {
					t.Errorf("%+v, %v: want the state before the panic", stats, err)
				}
				r.send(fifo, "m")
				synctest.Wait()
				if !slices.Equal(bodies(poll.result), []string{"m"}) {
					t.Errorf("the waiting receive has %q, %v", bodies(poll.result), poll.err)
				}
				if err := r.stop(); err != nil {
					t.Fatal(err)
				}
				requireSameAsJournal(t, r.Shard, r.journal)
			})
		})
	}
}

// A request whose partition cannot be brought up to date is answered, and takes up no room any more.
func TestPanicWhileARequestsPartitionIsBroughtUpToDate(t *testing.T) {
	s := newStepper(t, Options{})
	s.configure(standard, standardSettings())
	s.partitions[standard].Partition = nil
	r := statsRequest(standard)
	s.ask(r)
	s.rest()
	if !r.answered() || !errors.Is(r.err, ErrUnavailable) {
		t.Errorf("answered: %t, %v", r.answered(), r.err)
	}
	again := statsRequest(standard)
	s.ask(again)
	s.rest()
	if !again.answered() || again.err != nil {
		t.Errorf("answered after the replay: %t, %v", again.answered(), again.err)
	}
	if n := s.Usage().PendingBytes; n != 0 {
		t.Errorf("%d bytes are said to be pending", n)
	}
}

// panickingContext panics once.
type panickingContext struct {
	context.Context
	panics bool
}

func (c *panickingContext) Err() error {
	if c.panics {
		c.panics = false
		panic("a defect")
	}
	return nil
}

func TestPanicWhileServingAWaitingReceive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t)
		bad := &panickingContext{Context: r.ctx}
		polls := []*call{r.poll(bad, standard, 20*time.Second), r.poll(r.ctx, standard, 20*time.Second)}
		bad.panics = true
		send := startErr(func() error { return r.trySend(standard, 1) })
		if !send.answered() || !errors.Is(send.err, ErrUnavailable) {
			t.Errorf("the send in the same record: answered %v, %v", send.answered(), send.err)
		}
		if !polls[0].answered() || !errors.Is(polls[0].err, ErrUnavailable) || polls[1].answered() {
			t.Errorf("polls: answered %v, %v; answered %v", polls[0].answered(), polls[0].err, polls[1].answered())
		}
		r.send(standard, "m")
		synctest.Wait()
		if !slices.Equal(bodies(polls[1].result), []string{"m"}) {
			t.Errorf("the other waiting receive has %q", bodies(polls[1].result))
		}
	})
}

// panickingDefinitions cannot be saved.
type panickingDefinitions struct{ definitionList }

func (*panickingDefinitions) Checkpoint() func() ([]byte, error) { panic("a defect") }

func TestPanicsWithoutEndEndTheShard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, func(o *Options) { o.Definitions = &panickingDefinitions{}; o.CheckpointBytes = 1000 })
		if err := r.trySend(standard, 1000); err != nil {
			t.Fatal(err)
		}
		<-r.ended
		if r.err == nil {
			t.Error("Run returned no error")
		}
	})
}

func TestOverload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most = 1 << 20
		r := run(t, func(o *Options) { o.InboxBytesMax = most })
		r.gate.close()
		var calls []*call
		accepted := 0
		for range 100 {
			c := startErr(func() error { return r.trySend(standard, 64<<10) })
			if !c.answered() {
				accepted++
			} else if !errors.Is(c.err, ErrOverloaded) {
				t.Fatal(c.err)
			}
			calls = append(calls, c)
		}
		// What is decided (two records on their way and one that is full) does not count.
		if decided := 3 * (flushBytes>>16 + 1); accepted < most>>16-1 || accepted > most>>16+decided {
			t.Errorf("%d sends of 64 KiB were taken in, with room for %d undecided", accepted, most>>16)
		}
		r.gate.open()
		synctest.Wait()
		for i, c := range calls {
			if !c.answered() || c.err != nil && !errors.Is(c.err, ErrOverloaded) {
				t.Errorf("send %d: answered %v, %v", i, c.answered(), c.err)
			}
		}
		if r.inboxBytes != 0 {
			t.Errorf("%d bytes are counted as waiting", r.inboxBytes)
		}
		// One request is always taken in, however large.
		if err := r.trySend(standard, 2*most); err != nil {
			t.Errorf("a large request: %v", err)
		}
	})
}

// Who leaves can always say so.
func TestGivingUpIsNeverRefused(t *testing.T) {
	s := newStepper(t, Options{InboxBytesMax: 10_000})
	s.configure(standard, standardSettings())
	poll := receiveRequest(s.Shard, standard, 1, time.Hour)
	s.ask(poll)
	s.rest()
	s.ask(sendRequest(other, make([]byte, 20_000)))
	if err := s.submit(receiveRequest(s.Shard, standard, 1, 0)); !errors.Is(err, ErrOverloaded) {
		t.Errorf("%v, want ErrOverloaded", err)
	}
	s.ask(&giveUp{of: poll})
	s.rest()
	if !poll.answered() || s.Usage().WaitingReceives != 0 {
		t.Errorf("answered %v, %d wait", poll.answered(), s.Usage().WaitingReceives)
	}
}

func TestTooLargeARequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t)
		if err := r.trySend(standard, requestBytesMax); err == nil || errors.Is(err, ErrUnavailable) {
			t.Errorf("%v", err)
		}
		r.send(standard, "m")
	})
}

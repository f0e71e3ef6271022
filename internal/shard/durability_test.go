package shard

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/staunchmq/staunch/internal/clock"
	"github.com/staunchmq/staunch/internal/journal"
	"github.com/staunchmq/staunch/internal/journal/memjournal"
	"github.com/staunchmq/staunch/internal/queue"
)

// withDefinitions lets the shard carry definitions.
func withDefinitions(o *Options) { o.Definitions = &definitionList{} }

func TestNothingIsAnsweredBeforeItIsDurable(t *testing.T) {
	origin := queue.Origin{Partition: 9, Ref: queue.Ref{Record: 9}}
	var h queue.Handle // of a message in flight
	received := func(r *running) { r.send(standard, "m"); h = r.receive(standard, 1).Messages[0].Handle }
	tests := []struct {
		name    string
		prepare func(*running)
		call    func(*running) error
	}{
		{"configure", nil, func(r *running) error { return r.Configure(r.ctx, 10, standardSettings()) }},
		{"change of settings", nil, func(r *running) error {
			return r.Configure(r.ctx, standard, queue.Settings{VisibilityTimeout: 1, Retention: day})
		}},
		{"drop", nil, func(r *running) error { return r.Drop(r.ctx, standard) }},
		{"send", nil, func(r *running) error { _, err := r.Send(r.ctx, standard, messages("m")); return err }},
		{"receive", func(r *running) { r.send(standard, "m") }, func(r *running) error {
			_, err := r.Receive(r.ctx, standard, ReceiveRequest{Max: 1})
			return err
		}},
		{"long poll", func(r *running) {
			delay := time.Second
			m := messages("m")
			m[0].Delay = &delay
			if _, err := r.Send(r.ctx, standard, m); err != nil {
				r.t.Fatal(err)
			}
		}, func(r *running) error {
			_, err := r.Receive(r.ctx, standard, ReceiveRequest{Max: 1, Wait: time.Minute})
			return err
		}},
		{"delete", received, func(r *running) error { _, err := r.Delete(r.ctx, standard, []queue.Handle{h}); return err }},
		{"change of visibility", received, func(r *running) error {
			_, err := r.ChangeVisibility(r.ctx, standard, []queue.VisibilityChange{{Handle: h, Timeout: 1000}})
			return err
		}},
		{"purge", nil, func(r *running) error { return r.Purge(r.ctx, standard, time.Minute) }},
		{"begin of a move", func(r *running) { r.send(standard, "m") }, func(r *running) error {
			_, err := r.BeginMove(r.ctx, standard, 1, other)
			return err
		}},
		{"arrival", nil, func(r *running) error { return r.Arrive(r.ctx, standard, []Arrival{{Origin: origin}}) }},
		{"end of a move", func(r *running) {
			r.send(standard, "m")
			moving, err := r.BeginMove(r.ctx, standard, 1, other)
			if err != nil {
				r.t.Fatal(err)
			}
			h = moving[0].Handle
		}, func(r *running) error { return r.EndMove(r.ctx, standard, []queue.Ref{h.Ref}, true) }},
		{"settle", func(r *running) {
			if err := r.Arrive(r.ctx, standard, []Arrival{{Origin: origin}}); err != nil {
				r.t.Fatal(err)
			}
		}, func(r *running) error { return r.Settle(r.ctx, standard, []queue.Origin{origin}) }},
		{"definition", nil, func(r *running) error { return r.AppendDefinition(r.ctx, []byte("d"), true) }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := run(t, withDefinitions)
				if test.prepare != nil {
					test.prepare(r)
				}
				r.gate.close()
				c := startErr(func() error { return test.call(r) })
				time.Sleep(2 * time.Second)
				synctest.Wait()
				if c.answered() || len(r.gate.records()) != 1 {
					t.Fatalf("answered %v (%v) with %d records appended", c.answered(), c.err, len(r.gate.records()))
				}
				r.gate.pass()
				if !c.answered() || c.err != nil {
					t.Errorf("after the record is durable: answered %v, %v", c.answered(), c.err)
				}
			})
		})
	}
}

// Answers that change nothing themselves wait all the same when they tell of something that is not durable yet.
func TestAnswersThatDependOnWhatIsNotDurableWait(t *testing.T) {
	var h queue.Handle
	tests := []struct {
		name    string
		prepare func(*running)
		first   func(*running) error
		second  func(*running) error
		want    error // of second
	}{
		{
			name:   "a duplicate waits for the original",
			first:  func(r *running) error { _, err := r.Send(r.ctx, fifo, messages("m")); return err },
			second: func(r *running) error { _, err := r.Send(r.ctx, fifo, messages("m")); return err },
		},
		{
			name:    "a repeated delete waits for the first",
			prepare: func(r *running) { r.send(standard, "m"); h = r.receive(standard, 1).Messages[0].Handle },
			first:   func(r *running) error { _, err := r.Delete(r.ctx, standard, []queue.Handle{h}); return err },
			second:  func(r *running) error { _, err := r.Delete(r.ctx, standard, []queue.Handle{h}); return err },
		},
		{
			name:   "a repeated configure waits for the first",
			first:  func(r *running) error { return r.Configure(r.ctx, 10, standardSettings()) },
			second: func(r *running) error { return r.Configure(r.ctx, 10, standardSettings()) },
		},
		{
			name:   "a repeated drop waits for the first",
			first:  func(r *running) error { return r.Drop(r.ctx, standard) },
			second: func(r *running) error { return r.Drop(r.ctx, standard) },
		},
		{
			name:   "no such partition, because it is being dropped",
			first:  func(r *running) error { return r.Drop(r.ctx, standard) },
			second: func(r *running) error { _, err := r.Send(r.ctx, standard, messages("m")); return err },
			want:   ErrNoPartition,
		},
		{
			name:   "a second purge",
			first:  func(r *running) error { return r.Purge(r.ctx, standard, time.Minute) },
			second: func(r *running) error { return r.Purge(r.ctx, standard, time.Minute) },
			want:   queue.ErrPurgeInProgress,
		},
		{
			name:   "the list of partitions",
			first:  func(r *running) error { return r.Drop(r.ctx, standard) },
			second: func(r *running) error { _, err := r.Partitions(r.ctx); return err },
		},
		{
			name:    "the list of moves",
			prepare: func(r *running) { r.send(standard, "m") },
			first:   func(r *running) error { _, err := r.BeginMove(r.ctx, standard, 1, other); return err },
			second:  func(r *running) error { _, err := r.Moving(r.ctx, standard, queue.Ref{}, 1); return err },
		},
		{
			name: "the list of origins",
			first: func(r *running) error {
				return r.Arrive(r.ctx, standard, []Arrival{{Origin: queue.Origin{Partition: 9}}})
			},
			second: func(r *running) error { _, err := r.Unsettled(r.ctx, standard); return err },
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := run(t)
				if test.prepare != nil {
					test.prepare(r)
				}
				r.gate.close()
				first := startErr(func() error { return test.first(r) })
				second := startErr(func() error { return test.second(r) })
				if first.answered() || second.answered() {
					t.Errorf("answered before the record is durable: first %v, second %v (%v)", first.answered(), second.answered(), second.err)
				}
				r.gate.pass()
				if !first.answered() || first.err != nil || !second.answered() || !errors.Is(second.err, test.want) {
					t.Errorf("first answered %v: %v; second answered %v: %v, want %v",
						first.answered(), first.err, second.answered(), second.err, test.want)
				}
				if n := len(r.gate.records()); n != 1 {
					t.Errorf("%d records", n)
				}
			})
		})
	}
}

func TestReadsDoNotWaitForTheDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t)
		r.gate.close()
		send := startErr(func() error { _, err := r.Send(r.ctx, standard, messages("m")); return err })
		reads := map[string]func() error{
			"empty receive": func() error {
				result, err := r.Receive(r.ctx, other, ReceiveRequest{Max: 1})
				if err == nil && len(result.Messages) > 0 {
					t.Error("the receive was not empty")
				}
				return err
			},
			"stats":     func() error { _, err := r.Stats(r.ctx, standard); return err },
			"all stats": func() error { _, err := r.AllStats(r.ctx); return err },
		}
		for name, read := range reads {
			if c := startErr(read); !c.answered() || c.err != nil {
				t.Errorf("%s: answered %v, %v", name, c.answered(), c.err)
			}
		}
		poll := r.poll(r.ctx, other, time.Second)
		time.Sleep(time.Second)
		synctest.Wait()
		if !poll.answered() || poll.err != nil || poll.after != time.Second {
			t.Errorf("long poll: answered %v after %v, %v", poll.answered(), poll.after, poll.err)
		}
		if send.answered() {
			t.Error("the send was answered")
		}
	})
}

func TestAtMostTwoRecordsAreOnTheirWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t)
		r.gate.close()
		send := func(bytes int) *call {
			return startErr(func() error {
				_, err := r.Send(r.ctx, standard, []SendMessage{{Content: make([]byte, bytes)}})
				return err
			})
		}
		expect := func(when string, records int) {
			t.Helper()
			if n := len(r.gate.records()); n != records {
				t.Fatalf("%s: %d records were appended, want %d", when, n, records)
			}
		}
		var calls []*call
		calls = append(calls, send(10))
		expect("first send", 1)
		for range 3 {
			calls = append(calls, send(40<<10))
		}
		expect("second record below 128 KiB", 1)
		calls = append(calls, send(10<<10))
		expect("second record large", 2)
		if n := r.gate.records()[1]; n < flushBytes || n > flushBytes+20<<10 {
			t.Errorf("the second record has %d bytes", n)
		}
		for range 10 {
			calls = append(calls, send(100<<10))
		}
		expect("third record large, two on their way", 2)
		r.gate.pass()
		if !calls[0].answered() || calls[1].answered() {
			t.Errorf("after the first record: first send answered %v, second %v", calls[0].answered(), calls[1].answered())
		}
		expect("first landed", 3)
		r.gate.pass()
		expect("second landed", 4)
		r.gate.open()
		synctest.Wait()
		for i, c := range calls {
			if !c.answered() || c.err != nil {
				t.Errorf("send %d: answered %v, %v", i, c.answered(), c.err)
			}
		}
	})
}

// A record that is being built while the one before it is synced can stay open for long. What is decided in it has the time of its
// decision all the same: with the time at which the record was begun, visibility timeouts and delays would end early by as much.
func TestTimeMovesOnWithinARecord(t *testing.T) {
	const visibility = 30_000
	manual := clock.NewManual(time.Unix(1_700_000_000, 0))
	j := memjournal.New(0)
	s := newStepper(t, Options{Clock: manual, Journal: j})
	s.configure(standard, queue.Settings{VisibilityTimeout: visibility, Retention: 86_400_000})
	s.rest()
	s.ask(sendRequest(standard, []byte("on its way while the next record is built")))
	s.turn()
	begun := manual.Now().UnixMilli()
	s.ask(sendRequest(standard, []byte("begins the next record")))
	s.turn()
	manual.Advance(5 * time.Second)
	asked := manual.Now().UnixMilli()
	first := receiveRequest(s.Shard, standard, 1, 0)
	s.ask(first)
	s.turn()
	if len(s.flying) != 1 || s.building.builder.Changes() == 0 {
		t.Fatalf("%d records on their way, %d changes in the next", len(s.flying), s.building.builder.Changes())
	}
	s.rest()
	if got := first.result.Messages; len(got) != 1 || got[0].FirstReceived != asked {
		t.Fatalf("received %+v, want one message received at %d in a record begun at %d", got, asked, begun)
	}
	requireSameAsJournal(t, s.Shard, j)

	// Both messages are there; the one that was received comes back no sooner than its timeout after the receive.
	manual.Set(time.UnixMilli(asked + visibility - 1))
	early := receiveRequest(s.Shard, standard, 10, 0)
	s.ask(early)
	s.rest()
	for _, d := range early.result.Messages {
		if d.Handle.Ref == first.result.Messages[0].Handle.Ref {
			t.Errorf("message %v came back before its visibility timeout was over", d.Handle.Ref)
		}
	}
	requireSameAsJournal(t, s.Shard, j)
}

// A partition must have seen the time at which something is decided: what expires between two readings of the clock would
// be handed out and then not be there on replay.
func TestDecisionsAreMadeAtTheTimeThatThePartitionHasSeen(t *testing.T) {
	const retention = 1000
	for before := range 12 {
		manual := clock.NewManual(time.Unix(1_700_000_000, 0))
		j := memjournal.New(0)
		s := newStepper(t, Options{Clock: tickingClock{manual, time.Millisecond}, Journal: j})
		s.configure(standard, queue.Settings{VisibilityTimeout: 30_000, Retention: retention})
		message := sendRequest(standard, []byte("m"))
		s.ask(message)
		s.rest()
		sent, err := s.read(standard, message.results[0].Ref)
		if err != nil {
			t.Fatal(err)
		}
		// So many readings of the clock before the message expires.
		manual.Set(time.UnixMilli(sent.Sent + retention - int64(before)))
		s.ask(receiveRequest(s.Shard, standard, 1, time.Minute))
		s.ask(receiveRequest(s.Shard, standard, 1, 0))
		s.rest()
		requireSameAsJournal(t, s.Shard, j)
	}
}

func TestLogTimeNeverGoesBack(t *testing.T) {
	manual := clock.NewManual(time.Unix(1_700_000_000, 0))
	j := memjournal.New(0)
	s := newStepper(t, Options{Clock: manual, Journal: j})
	s.configure(standard, standardSettings())
	send := func() {
		s.ask(sendRequest(standard, []byte("m")))
		s.rest()
	}
	send()
	manual.Advance(time.Second)
	send()
	manual.Advance(-time.Hour)
	send()
	manual.Advance(10 * time.Millisecond)
	send()
	// And not when the shard is opened again with a clock that is behind.
	s = newStepper(t, Options{Clock: manual, Journal: j})
	send()
	manual.Advance(10 * time.Millisecond)
	send()
	var times []int64
	err := j.Read(context.Background(), 2, func(_ journal.Seq, rec []byte) error {
		h, _, err := journal.Parse(rec)
		times = append(times, h.LogTimeMS-1_700_000_000_000)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	// After a step back time goes on from where it was, at the pace of the clock.
	want := []int64{0, 1000, 1000, 1010, 1010, 1020}
	for i := range want {
		if times[i] != want[i] {
			t.Fatalf("log times %v, want %v", times, want)
		}
	}
}

// A clock that is set back does not make messages invisible for longer.
func TestTimeoutsEndInTimeWhenTheClockIsSetBack(t *testing.T) {
	manual := clock.NewManual(time.Unix(1_700_000_000, 0))
	s := newStepper(t, Options{Clock: manual})
	s.configure(standard, standardSettings())
	s.ask(sendRequest(standard, []byte("m")))
	s.ask(receiveRequest(s.Shard, standard, 1, 0))
	s.rest()
	manual.Advance(-time.Hour)
	if d := s.untilNext(); d != 30*time.Second {
		t.Errorf("the loop would sleep %v, want 30s", d)
	}
	manual.Advance(30 * time.Second)
	again := receiveRequest(s.Shard, standard, 1, 0)
	s.ask(again)
	s.rest()
	if len(again.result.Messages) != 1 {
		t.Error("the message is not visible after its timeout")
	}
}

// Time stands still in a record; when it has gone, the loop must not sleep over what has become due.
func TestTimersOfARecordThatIsBeingBuilt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t)
		delay := time.Second
		m := messages("m")
		m[0].Delay = &delay
		if _, err := r.Send(r.ctx, standard, m); err != nil {
			t.Fatal(err)
		}
		poll := r.poll(r.ctx, standard, 20*time.Second)
		r.gate.close()
		startErr(func() error { _, err := r.Send(r.ctx, other, messages("on its way")); return err })
		startErr(func() error { _, err := r.Send(r.ctx, other, messages("being built")); return err })
		time.Sleep(3 * time.Second)
		r.gate.open()
		synctest.Wait()
		if !poll.answered() || poll.after != 3*time.Second {
			t.Errorf("the poll was answered %v after %v, want 3s: when the disk was back", poll.answered(), poll.after)
		}
	})
}

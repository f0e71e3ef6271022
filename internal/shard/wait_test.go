package shard

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/staunchmq/staunch/internal/clock"
	"github.com/staunchmq/staunch/internal/journal/memjournal"
	"github.com/staunchmq/staunch/internal/queue"
)

// Each case brings a message to a receive that has waited for five seconds; it must have it at that moment.
func TestLongPollWakesAtOnce(t *testing.T) {
	const late = 5 * time.Second
	no := func(*running) {}
	var held *ReceiveResult // what prepare has received
	var moving []queue.Move
	tests := []struct {
		name      string
		partition queue.ID
		prepare   func(*running)
		event     func(*running) error // at five seconds; nil when time alone does it
		want      string
	}{
		{
			name: "send", partition: standard, prepare: no, want: "m",
			event: func(r *running) error { r.send(standard, "m"); return nil },
		},
		{
			name: "end of the message's delay", partition: standard, want: "m",
			prepare: func(r *running) {
				delay := late
				m := messages("m")
				m[0].Delay = &delay
				if _, err := r.Send(r.ctx, standard, m); err != nil {
					r.t.Fatal(err)
				}
			},
		},
		{
			name: "end of the FIFO queue's delay", partition: fifo, want: "m",
			prepare: func(r *running) {
				s := fifoSettings()
				s.Delay = late.Milliseconds()
				if err := r.Configure(r.ctx, fifo, s); err != nil {
					r.t.Fatal(err)
				}
				r.send(fifo, "m")
			},
		},
		{
			name: "end of the visibility timeout", partition: standard, want: "m",
			prepare: func(r *running) {
				r.send(standard, "m")
				v := late
				if _, err := r.Receive(r.ctx, standard, ReceiveRequest{Max: 1, Visibility: &v}); err != nil {
					r.t.Fatal(err)
				}
			},
		},
		{
			name: "visibility timeout changed to 0", partition: standard, want: "m",
			prepare: func(r *running) { r.send(standard, "m"); held = r.receive(standard, 1) },
			event: func(r *running) error {
				_, err := r.ChangeVisibility(r.ctx, standard, []queue.VisibilityChange{{Handle: held.Messages[0].Handle}})
				return err
			},
		},
		{
			name: "delete unlocks a FIFO group", partition: fifo, want: "second",
			prepare: func(r *running) { r.send(fifo, "first", "second"); held = r.receive(fifo, 1) },
			event:   func(r *running) error { _, err := r.Delete(r.ctx, fifo, handles(held)); return err },
		},
		{
			name: "a move that is given up", partition: standard, want: "m",
			prepare: func(r *running) {
				r.send(standard, "m")
				var err error
				if moving, err = r.BeginMove(r.ctx, standard, 1, other); err != nil {
					r.t.Fatal(err)
				}
			},
			event: func(r *running) error { return r.EndMove(r.ctx, standard, []queue.Ref{moving[0].Handle.Ref}, false) },
		},
		{
			name: "a moved message arrives", partition: standard, prepare: no, want: "m",
			event: func(r *running) error {
				return r.Arrive(r.ctx, standard, []Arrival{{Origin: queue.Origin{Partition: 9}, Message: queue.Message{Content: []byte("m")}}})
			},
		},
		{
			name: "a change of the settings", partition: fifo, want: "m",
			prepare: func(r *running) {
				s := fifoSettings()
				s.Delay = 900_000
				if err := r.Configure(r.ctx, fifo, s); err != nil {
					r.t.Fatal(err)
				}
				r.send(fifo, "m")
			},
			event: func(r *running) error { return r.Configure(r.ctx, fifo, fifoSettings()) },
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := run(t)
				test.prepare(r)
				poll := r.poll(r.ctx, test.partition, 20*time.Second)
				time.Sleep(late - 1)
				synctest.Wait()
				if poll.answered() {
					t.Fatalf("answered before the event: %v, %v", bodies(poll.result), poll.err)
				}
				time.Sleep(time.Nanosecond)
				if test.event != nil {
					if err := test.event(r); err != nil {
						t.Fatal(err)
					}
				}
				synctest.Wait()
				if !poll.answered() || poll.err != nil || !slices.Equal(bodies(poll.result), []string{test.want}) || poll.after != late {
					t.Errorf("answered %v after %v: %q, %v", poll.answered(), poll.after, bodies(poll.result), poll.err)
				}
			})
		})
	}
}

func TestLongPollEndsWhenThePartitionIsDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t)
		polls := []*call{r.poll(r.ctx, standard, 20*time.Second), r.poll(r.ctx, standard, 10*time.Second)}
		stays := r.poll(r.ctx, other, 20*time.Second)
		r.gate.close()
		dropped := startErr(func() error { return r.Drop(r.ctx, standard) })
		if polls[0].answered() || dropped.answered() {
			t.Error("answered before the end of the partition is durable")
		}
		r.gate.pass()
		for _, p := range polls {
			if !p.answered() || !errors.Is(p.err, ErrNoPartition) {
				t.Errorf("answered %v: %v", p.answered(), p.err)
			}
		}
		if !dropped.answered() || dropped.err != nil || stays.answered() || r.Usage().WaitingReceives != 1 {
			t.Errorf("drop: %v, %v; the other queue's wait ended: %v; %d wait", dropped.answered(), dropped.err, stays.answered(), r.Usage().WaitingReceives)
		}
	})
}

func TestLongPollEndsEmptyAtItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t)
		// Not in the order of their ends.
		waits := []time.Duration{20 * time.Second, time.Second, 1500 * time.Millisecond, 1, time.Second + 1, 20 * time.Second}
		var polls []*call
		for _, w := range waits {
			polls = append(polls, r.poll(r.ctx, standard, w))
		}
		time.Sleep(time.Minute)
		for i, p := range polls {
			if !p.answered() || p.err != nil || p.after != waits[i] || len(p.result.Messages) > 0 {
				t.Errorf("poll of %v was answered %v after %v: %v, %v", waits[i], p.answered(), p.after, p.result, p.err)
			}
		}
		if r.Usage().WaitingReceives != 0 {
			t.Errorf("%d wait", r.Usage().WaitingReceives)
		}
	})
}

func TestLongPollsAreServedInOrderOfArrival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t)
		var polls []*call
		for i := range 5 {
			polls = append(polls, r.poll(r.ctx, standard, time.Duration(20-i)*time.Second))
		}
		r.send(standard, "a", "b")
		r.send(standard, "c")
		time.Sleep(5 * time.Second)
		synctest.Wait()
		for i, want := range []string{"a", "b", "c"} {
			if !slices.Equal(bodies(polls[i].result), []string{want}) {
				t.Errorf("poll %d has %q, want %q", i, bodies(polls[i].result), want)
			}
		}
		if polls[3].answered() || polls[4].answered() {
			t.Error("a poll was answered though there was no message for it")
		}
	})
}

func TestShortPollDoesNotOvertakeALongPoll(t *testing.T) {
	s := newStepper(t, Options{})
	s.configure(standard, standardSettings())
	long := receiveRequest(s.Shard, standard, 1, time.Minute)
	s.ask(long)
	s.turn()
	message, short := sendRequest(standard, []byte("m")), receiveRequest(s.Shard, standard, 1, 0)
	s.ask(message)
	s.ask(short)
	s.rest()
	if len(long.result.Messages) != 1 || len(short.result.Messages) != 0 || !long.answered() || !short.answered() {
		t.Errorf("the long poll has %v, the short poll %v", long.result, short.result)
	}
}

// A client whose connection was lost asks again while its first receive still waits: the second has the messages.
func TestALaterReceiveOfAnAttemptReplacesTheEarlier(t *testing.T) {
	s := newStepper(t, Options{})
	s.configure(fifo, fifoSettings())
	poll := func(attempt string) *receive {
		r := receiveRequest(s.Shard, fifo, 1, time.Minute)
		r.options.Attempt = attempt
		s.ask(r)
		s.rest()
		return r
	}
	first, foreign, second, plain := poll("a"), poll("b"), poll("a"), poll("")
	if !first.answered() || first.err != nil || len(first.result.Messages) != 0 {
		t.Errorf("the first receive of the attempt has %v, %v", first.result, first.err)
	}
	message := sendRequest(fifo, []byte("1"), []byte("2"))
	for i, group := range []string{"g", "h"} {
		message.messages[i].Group, message.messages[i].DeduplicationID = group, group
	}
	s.ask(message)
	s.rest()
	if len(foreign.result.Messages) != 1 || len(second.result.Messages) != 1 || plain.answered() {
		t.Errorf("another attempt has %v, the second receive %v, one without an attempt was answered: %v", foreign.result, second.result, plain.answered())
	}
	if n := s.waiting.Load(); n != 1 {
		t.Errorf("%d receives wait, want 1", n)
	}
}

// With two records on their way and a third that is full, receives that could be served must wait: and go on being first.
func TestLongPollKeepsItsTurnWhenTheRecordIsFull(t *testing.T) {
	s := newStepper(t, Options{})
	s.configure(standard, standardSettings())
	s.configure(other, standardSettings())
	long := receiveRequest(s.Shard, standard, 1, time.Minute)
	s.ask(long)
	big := make([]byte, flushBytes)
	s.ask(sendRequest(other, big))
	s.ask(sendRequest(other, big))
	s.ask(sendRequest(standard, big))
	short := receiveRequest(s.Shard, standard, 1, 0)
	s.ask(short)
	s.turn()
	if s.flights != 2 || s.pending.len() == 0 || long.parked == nil {
		t.Fatalf("%d records on their way, %d requests wait; want the records to be full", s.flights, s.pending.len())
	}
	if s.building.builder.Len() > 2*flushBytes {
		t.Errorf("the record that is being built has %d bytes", s.building.builder.Len())
	}
	s.rest()
	if len(long.result.Messages) != 1 || len(short.result.Messages) != 0 || !long.answered() || !short.answered() {
		t.Errorf("the long poll has %v, the short poll %v", long.result, short.result)
	}
}

func TestLongPollLeavesWhenItsContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t)
		ctx, cancel := context.WithCancel(r.ctx)
		gone := r.poll(ctx, standard, 20*time.Second)
		stays := r.poll(r.ctx, standard, 20*time.Second)
		cancel()
		synctest.Wait()
		if !gone.answered() || !errors.Is(gone.err, context.Canceled) || r.Usage().WaitingReceives != 1 {
			t.Errorf("answered %v: %v; %d wait", gone.answered(), gone.err, r.Usage().WaitingReceives)
		}
		r.send(standard, "m")
		synctest.Wait()
		if !slices.Equal(bodies(stays.result), []string{"m"}) {
			t.Errorf("the poll that stayed has %q", bodies(stays.result))
		}
	})
}

// The context may end before the loop hears that the caller has gone.
func TestReceiveOfAnEndedContextTakesNoMessage(t *testing.T) {
	s := newStepper(t, Options{})
	s.configure(standard, standardSettings())
	ctx, cancel := context.WithCancel(context.Background())
	waiting, late := receiveRequest(s.Shard, standard, 1, time.Minute), receiveRequest(s.Shard, standard, 1, 0)
	waiting.ctx, late.ctx = ctx, ctx
	s.ask(waiting)
	s.turn()
	cancel()
	s.ask(sendRequest(standard, []byte("m")))
	s.ask(late)
	s.ask(&giveUp{of: waiting})
	s.ask(&giveUp{of: late})
	s.rest()
	if stats := s.partitions[standard].Stats(); stats.Visible != 1 || stats.InFlight != 0 {
		t.Errorf("%+v, want the message to be visible", stats)
	}
	for _, r := range []*receive{waiting, late} {
		if !r.answered() || !errors.Is(r.err, context.Canceled) {
			t.Errorf("answered %v: %v", r.answered(), r.err)
		}
	}
}

func TestWaitingMax(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, func(o *Options) { o.WaitingMax = 3 })
		for _, p := range []queue.ID{standard, fifo, standard} {
			r.poll(r.ctx, p, 20*time.Second)
		}
		if c := r.poll(r.ctx, other, 20*time.Second); !c.answered() || !errors.Is(c.err, ErrOverloaded) {
			t.Errorf("one more wait: answered %v, %v", c.answered(), c.err)
		}
		r.send(standard, "m")
		if c := r.poll(r.ctx, other, 20*time.Second); c.answered() {
			t.Errorf("one more wait after one has ended: %v", c.err)
		}
		time.Sleep(time.Minute)
	})
}

// It takes its predecessor's place, though no more receives may wait.
func TestALaterReceiveOfAnAttemptWaitsAtWaitingMax(t *testing.T) {
	s := newStepper(t, Options{WaitingMax: 1})
	s.configure(fifo, fifoSettings())
	s.configure(standard, standardSettings())
	poll := func(p queue.ID, attempt string) *receive {
		r := receiveRequest(s.Shard, p, 1, time.Minute)
		r.options.Attempt = attempt
		s.ask(r)
		s.rest()
		return r
	}
	first := poll(fifo, "a")
	for _, refused := range []*receive{poll(fifo, "b"), poll(fifo, ""), poll(standard, "a")} {
		if !refused.answered() || !errors.Is(refused.err, ErrOverloaded) || first.answered() {
			t.Errorf("another receive was answered: %v, %v; the first: %v", refused.answered(), refused.err, first.answered())
		}
	}
	for range 3 {
		second := poll(fifo, "a")
		if !first.answered() || first.err != nil || second.answered() {
			t.Errorf("first: %v, %v; second: %v, %v", first.answered(), first.err, second.answered(), second.err)
		}
		first = second
	}
	s.ask(&giveUp{of: first})
	if again := poll(fifo, "a"); !first.answered() || again.answered() {
		t.Errorf("first: %v; the next: %v, %v", first.answered(), again.answered(), again.err)
	}
	if n := len(s.attempts); n != 1 {
		t.Errorf("%d attempts are kept, want 1", n)
	}
}

func TestStopWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t)
		before := r.poll(r.ctx, standard, 20*time.Second)
		if err := r.StopWaiting(r.ctx); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		after := r.poll(r.ctx, standard, 20*time.Second)
		for _, c := range []*call{before, after} {
			if !c.answered() || c.err != nil || len(c.result.Messages) > 0 || c.after != 0 {
				t.Errorf("answered %v after %v: %v, %v", c.answered(), c.after, c.result, c.err)
			}
		}
	})
}

func TestStandardLongPollWaitsForTheInFlightLimit(t *testing.T) {
	s := newStepper(t, Options{})
	s.configure(standard, standardSettings())
	batch := make([][]byte, 1000)
	for range queue.InFlightMax/len(batch) + 1 {
		s.ask(sendRequest(standard, batch...))
	}
	var first *receive
	for range queue.InFlightMax / 1000 {
		first = receiveRequest(s.Shard, standard, 1000, 0)
		s.ask(first)
		s.rest()
	}
	short, long := receiveRequest(s.Shard, standard, 1, 0), receiveRequest(s.Shard, standard, 1, time.Minute)
	s.ask(short)
	s.ask(long)
	s.rest()
	if !errors.Is(short.err, queue.ErrInFlightLimit) || long.answered() {
		t.Fatalf("short poll: %v; long poll answered: %v", short.err, long.answered())
	}
	s.ask(&deletion{to: toPartition(standard), handles: []queue.Handle{first.result.Messages[0].Handle}})
	s.rest()
	if !long.answered() || long.err != nil || len(long.result.Messages) != 1 {
		t.Errorf("long poll answered %v: %v, %v", long.answered(), long.result, long.err)
	}
}

// Ten thousand waits cost no goroutine and no timer each, whatever they wait for.
func TestManyWaits(t *testing.T) {
	const waits = 10_000
	for _, queues := range []int{1, waits} {
		t.Run(fmt.Sprintf("on %d queues", queues), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := &timerCountingClock{Clock: clock.System()}
				s, err := Open(t.Context(), Options{Journal: memjournal.New(0), Clock: c})
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(t.Context())
				ended := make(chan error)
				go func() { ended <- s.Run(ctx) }()
				for i := range queues {
					r := &configure{to: toPartition(queue.ID(i + 1)), settings: standardSettings()}
					if err := s.submit(r); err != nil {
						t.Fatal(err)
					}
					if i == queues-1 {
						<-r.done
					}
				}
				synctest.Wait()
				goroutines := runtime.NumGoroutine()
				polls := make([]*receive, waits)
				for i := range polls {
					polls[i] = receiveRequest(s, queue.ID(i%queues+1), 1, time.Hour)
					if err := s.submit(polls[i]); err != nil {
						t.Fatal(err)
					}
				}
				if _, err := s.Stats(ctx, 1); err != nil {
					t.Fatal(err)
				}
				if n := s.Usage().WaitingReceives; n != waits {
					t.Errorf("%d wait, want %d", n, waits)
				}
				synctest.Wait()
				if n := runtime.NumGoroutine(); n > goroutines {
					t.Errorf("%d goroutines, %d before the waits", n, goroutines)
				}
				if c.timers != 1 {
					t.Errorf("%d timers were made", c.timers)
				}
				for i := range waits {
					if _, err := s.Send(ctx, queue.ID(i%queues+1), messages("m")); err != nil {
						t.Fatal(err)
					}
					<-polls[i].done
					if polls[i].err != nil || len(polls[i].result.Messages) != 1 {
						t.Fatalf("poll %d: %v, %v", i, polls[i].result, polls[i].err)
					}
				}
				cancel()
				if err := <-ended; err != nil {
					t.Error(err)
				}
			})
		})
	}
}

type timerCountingClock struct {
	clock.Clock
	timers int
}

func (c *timerCountingClock) NewTimer(d time.Duration) clock.Timer {
	c.timers++
	return c.Clock.NewTimer(d)
}

package shard

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/staunchmq/staunch/internal/clock"
	"github.com/staunchmq/staunch/internal/journal"
	"github.com/staunchmq/staunch/internal/journal/memjournal"
	"github.com/staunchmq/staunch/internal/queue"
)

func TestLargeRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t)
		const size, count = 1 << 20, 10
		var batch []SendMessage
		for i := range count {
			batch = append(batch, SendMessage{Content: bytes.Repeat([]byte{byte('a' + i)}, size)})
		}
		for range 3 {
			if _, err := r.Send(r.ctx, standard, batch); err != nil {
				t.Fatal(err)
			}
		}
		r.send(other, "small")
		for range 3 {
			result := r.receive(standard, count)
			if len(result.Messages) != count {
				t.Fatalf("%d messages", len(result.Messages))
			}
			for i, m := range result.Messages {
				if !bytes.Equal(m.Content, batch[i].Content) {
					t.Errorf("message %d is not what was sent", i)
				}
			}
		}
		var arrivals []Arrival
		for i := range 40 {
			arrivals = append(arrivals, Arrival{
				Origin:  queue.Origin{Partition: 9, Ref: queue.Ref{Record: uint64(i)}},
				Message: queue.Message{Content: batch[0].Content},
			})
		}
		if err := r.Arrive(r.ctx, other, arrivals); err != nil {
			t.Fatal(err)
		}
		if stats, err := r.Stats(r.ctx, other); err != nil || stats.Visible != 41 {
			t.Errorf("%+v, %v", stats, err)
		}
	})
}

// However much becomes visible at one moment, records stay small.
func TestServingManyWaitsMakesSmallRecords(t *testing.T) {
	const waits = 20_000
	s := newStepper(t, Options{})
	manual := s.options.Clock.(*clock.Manual)
	settings := standardSettings()
	settings.Delay = 1000
	s.configure(standard, settings)
	for range waits / 100 {
		s.ask(sendRequest(standard, make([][]byte, 100)...))
	}
	s.rest()
	polls := make([]*receive, waits)
	for i := range polls {
		polls[i] = receiveRequest(s.Shard, standard, 1, time.Hour)
		s.ask(polls[i])
	}
	s.rest()
	before := s.last
	manual.Advance(time.Second)
	s.rest()
	for i, p := range polls {
		if !p.answered() || len(p.result.Messages) != 1 {
			t.Fatalf("poll %d: answered %v, %v", i, p.answered(), p.result)
		}
	}
	err := s.options.Journal.Read(t.Context(), before+1, func(seq journal.Seq, rec []byte) error {
		if len(rec) > flushBytes+1000 {
			t.Errorf("record %d has %d bytes", seq, len(rec))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A large record goes to the journal in the memory in which it was built, which is not kept for the next one.
func TestLargeRecordsAreNotCopied(t *testing.T) {
	s := newStepper(t, Options{})
	s.configure(standard, standardSettings())
	s.ask(sendRequest(standard, make([]byte, 1<<20)))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	s.rest()
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n < 1<<20 || n > 3<<19 {
		t.Errorf("%d bytes were allocated for a record of 1 MiB", n)
	}
	if n := cap(s.building.builder.Buf); n > buildingBytesMax {
		t.Errorf("the next record has memory of %d bytes", n)
	}
}

// A long list of requests does not hold up what time brings: a turn ends after a bounded number of them, and what is due comes
// first in each.
func TestTurnsAreBounded(t *testing.T) {
	const requests = 50 * stepMax
	manual := clock.NewManual(time.Unix(1_700_000_000, 0))
	s := newStepper(t, Options{Clock: tickingClock{manual, time.Microsecond}})
	s.configure(standard, standardSettings())
	s.configure(other, standardSettings())
	delay := int64(5)
	late := sendRequest(standard, []byte("m"))
	late.messages[0].Delay = &delay
	s.ask(late)
	s.rest()
	end := receiveRequest(s.Shard, other, 1, 7*time.Millisecond)
	poll := receiveRequest(s.Shard, standard, 1, time.Minute)
	s.ask(end)
	s.ask(poll)
	s.rest()
	for range requests {
		s.ask(receiveRequest(s.Shard, other, 1, 0)) // empty
	}
	for poll.parked != nil || end.parked != nil {
		before := s.pending.len()
		if err := s.Shard.turn(); err != nil {
			t.Fatal(err)
		}
		if n := before - s.pending.len(); before > 0 && n > stepMax {
			t.Fatalf("%d requests in one turn", n)
		}
	}
	if s.pending.len() < requests/2 {
		t.Errorf("only %d requests were left when the waits ended", s.pending.len())
	}
	for len(s.committer) > 0 {
		s.flying = append(s.flying, <-s.committer)
	}
	s.rest()
	if len(poll.result.Messages) != 1 || len(end.result.Messages) != 0 || !end.answered() {
		t.Errorf("%v, %v", poll.result, end.result)
	}
}

// While nothing can be decided the loop sleeps, whatever is due.
func TestLoopSleepsWithoutRoom(t *testing.T) {
	manual := clock.NewManual(time.Unix(1_700_000_000, 0))
	s := newStepper(t, Options{Clock: manual, CheckpointBytes: 2000})
	s.configure(standard, standardSettings())
	s.ask(sendRequest(standard, make([]byte, 2000)))
	s.ask(receiveRequest(s.Shard, standard, 1, 0))
	s.turn()
	if !s.checkpointDue() || s.flights != 1 {
		t.Fatalf("due %v, %d on their way", s.checkpointDue(), s.flights)
	}
	manual.Advance(time.Minute) // the visibility timeout is over
	s.turn()
	if d := s.untilNext(); d <= 0 || s.hasWork() {
		t.Errorf("the loop would spin: it sleeps %v, has work %v", d, s.hasWork())
	}
	s.rest()
	if stats := s.partitions[standard].Stats(); stats.Visible != 1 {
		t.Errorf("%+v", stats)
	}
}

// The array of what is pending is bounded, however long more comes in before all of it is decided.
func TestPendingRequestsKeepNoRoomForTheDecided(t *testing.T) {
	const inbox, rounds = 100, 1000
	var p pendingRequests
	p.refill(make([]request, inbox))
	for range rounds {
		p.refill(make([]request, inbox))
		for range inbox {
			p.pop()
		}
	}
	if n := cap(p.requests); p.len() != inbox || n > 10*inbox {
		t.Errorf("there is room for %d requests, %d of which are pending", n, p.len())
	}
}

// Answers that wait for one record are bounded, though they add nothing to it.
func TestHeldAnswersAreBounded(t *testing.T) {
	s := newStepper(t, Options{})
	s.configure(standard, standardSettings())
	s.ask(sendRequest(standard, []byte("m")))
	s.turn()
	requests := make([]*deletion, heldMax+100)
	for i := range requests {
		requests[i] = &deletion{to: toPartition(standard), handles: []queue.Handle{{}}}
		s.ask(requests[i])
	}
	s.turn()
	if n := len(s.building.requests); n != heldMax || s.hasWork() {
		t.Errorf("%d answers wait; has work: %v", n, s.hasWork())
	}
	s.rest()
	for i, r := range requests {
		if !r.answered() {
			t.Fatalf("request %d was not answered", i)
		}
	}
}

// Messages are read from the journal when they are not in the cache, and the cache keeps to its bound.
func TestReadingWithASmallCache(t *testing.T) {
	for _, size := range []int64{1, 10_000, 1 << 20} {
		t.Run(fmt.Sprintf("cache of %d bytes", size), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := run(t, func(o *Options) { o.BodyCacheBytes = size })
				for i := range 50 {
					r.send(standard, fmt.Sprint("a", i), fmt.Sprint("b", i))
				}
				for i := range 50 {
					got := bodies(r.receive(standard, 2))
					if want := []string{fmt.Sprint("a", i), fmt.Sprint("b", i)}; len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
						t.Fatalf("received %q, want %q", got, want)
					}
				}
				if r.cache.bytes > size && r.cache.order.Len() > 1 {
					t.Errorf("the cache has %d bytes in %d records", r.cache.bytes, r.cache.order.Len())
				}
			})
		})
	}
}

// A message can be purged, and its record trimmed, between the decision to hand it out and the reading.
func TestMessageThatIsTrimmedBeforeItIsReadIsLeftOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := memjournal.New(0)
		s := newStepper(t, Options{Journal: j, BodyCacheBytes: 1})
		s.configure(standard, standardSettings())
		for range 3 {
			s.ask(sendRequest(standard, []byte("m")))
			s.rest()
		}
		r := receiveRequest(s.Shard, standard, 2, 0)
		s.ask(r)
		s.rest()
		if err := j.Trim(t.Context(), 2); err != nil {
			t.Fatal(err)
		}
		if messages, err := s.received(standard, r.result.Messages); err != nil || len(messages) != 1 {
			t.Errorf("%d messages, %v; want the one whose record is there", len(messages), err)
		}
		s.cache.clear()
		if err := j.Alter(3, damage); err != nil {
			t.Fatal(err)
		}
		if _, err := s.received(standard, r.result.Messages); err == nil {
			t.Error("a damaged message was read")
		}
	})
}

// Results must not be read by a caller who has gone: the loop may be writing them.
func TestCallerThatHasGoneReadsNoResults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t)
		r.gate.close()
		startErr(func() error { return r.trySend(standard, 1) }) // what follows waits for it
		ctx, cancel := context.WithTimeout(r.ctx, time.Second)
		defer cancel()
		list, err := r.Partitions(ctx)
		if list != nil || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, %v", list, err)
		}
	})
}

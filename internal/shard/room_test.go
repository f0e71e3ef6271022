package shard

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/staunchmq/staunch/internal/clock"
	"github.com/staunchmq/staunch/internal/journal"
	"github.com/staunchmq/staunch/internal/journal/memjournal"
	"github.com/staunchmq/staunch/internal/queue"
)

// TestArrivalSaysThatAPartIsThere has messages that are too large for one record, and a disk that is full after the first.
func TestArrivalSaysThatAPartIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t)
		large := make([]byte, 5<<20)
		arrivals := []Arrival{
			{Origin: queue.Origin{Partition: 9, Ref: queue.Ref{Record: 1}}, Message: queue.Message{ID: queue.MessageID{1}, Content: large}},
			{Origin: queue.Origin{Partition: 9, Ref: queue.Ref{Record: 2}}, Message: queue.Message{ID: queue.MessageID{2}, Content: large}},
		}
		r.journal.SetHook(func(journal.Seq, []byte) memjournal.Fault {
			return memjournal.Fault{Delay: func() { r.journal.SetRoom(journal.RoomToFree) }}
		})
		if err := r.Arrive(r.ctx, standard, arrivals); !errors.Is(err, ErrPartly) || !errors.Is(err, ErrDiskFull) {
			t.Errorf("%v, want ErrPartly and ErrDiskFull", err)
		}
		if err := r.Arrive(r.ctx, standard, arrivals); !errors.Is(err, ErrDiskFull) || errors.Is(err, ErrPartly) {
			t.Errorf("again: %v, want ErrDiskFull alone", err)
		}
		r.journal.SetHook(nil)
		r.journal.SetRoom(journal.RoomForAll)
		if err := r.Arrive(r.ctx, standard, arrivals); err != nil {
			t.Fatal(err)
		}
		if got := r.receive(standard, 10); len(got.Messages) != 2 {
			t.Errorf("%d messages, want 2", len(got.Messages))
		}
	})
}

// Nothing that brings something new is even decided while room is scarce; all else goes on, and all of it does once there is room.
func TestScarceRoomRefusesWhatGrowsAndTakesTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, withDefinitions)
		r.send(standard, "a", "b", "c")
		r.send(fifo, "x", "y")
		held := r.receive(standard, 2)
		r.journal.SetRoom(journal.RoomToFree)
		r.gate.close() // counts
		r.gate.open()
		for name, call := range map[string]func() error{
			"send":       func() error { return r.trySend(standard, 10) },
			"arrival":    func() error { return r.Arrive(r.ctx, standard, []Arrival{{}}) },
			"move":       func() error { _, err := r.BeginMove(r.ctx, standard, 1, other); return err },
			"definition": func() error { return r.AppendDefinition(r.ctx, nil, true) },
		} {
			if err := call(); !errors.Is(err, ErrDiskFull) {
				t.Errorf("%s: %v, want ErrDiskFull", name, err)
			}
		}
		if n := len(r.gate.records()); n != 0 {
			t.Errorf("%d records were tried for what was refused", n)
		}
		poll := r.poll(r.ctx, other, time.Minute)
		if got := bodies(r.receive(standard, 1)); !slices.Equal(got, []string{"c"}) {
			t.Errorf("received %q", got)
		}
		for name, call := range map[string]func() error{
			"delete": func() error { _, err := r.Delete(r.ctx, standard, handles(held)[:1]); return err },
			"visibility": func() error {
				_, err := r.ChangeVisibility(r.ctx, standard, []queue.VisibilityChange{{Handle: handles(held)[1]}})
				return err
			},
			"purge":      func() error { return r.Purge(r.ctx, standard, 0) },
			"configure":  func() error { return r.Configure(r.ctx, standard, shorter(standardSettings())) },
			"drop":       func() error { return r.Drop(r.ctx, fifo) },
			"end":        func() error { return r.EndMove(r.ctx, standard, nil, true) },
			"settle":     func() error { return r.Settle(r.ctx, standard, nil) },
			"definition": func() error { return r.AppendDefinition(r.ctx, []byte("less"), false) },
		} {
			if err := call(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if poll.answered() {
			t.Errorf("the waiting receive ended: %v", poll.err)
		}
		r.journal.SetRoom(journal.RoomForAll)
		r.send(other, "m") // at once: nothing failed, so there is no pause
		synctest.Wait()
		if !slices.Equal(bodies(poll.result), []string{"m"}) {
			t.Errorf("the waiting receive has %q", bodies(poll.result))
		}
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
		requireSameAsJournal(t, r.Shard, r.journal)
	})
}

// shorter changes something about settings.
func shorter(s queue.Settings) queue.Settings { s.VisibilityTimeout = 5000; return s }

// Without any room, nothing is tried, and what waits goes on by itself when there is some.
func TestNoRoomRefusesAllChangesWithoutTrying(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t)
		r.send(standard, "a", "b")
		held := r.receive(standard, 1)
		poll := r.poll(r.ctx, other, time.Minute)
		delay := 10 * time.Second
		if _, err := r.Send(r.ctx, other, []SendMessage{{Content: []byte("late"), Delay: &delay}}); err != nil {
			t.Fatal(err)
		}
		r.journal.SetRoom(journal.NoRoom)
		r.gate.close() // counts
		r.gate.open()
		for name, call := range map[string]func() error{
			"send":    func() error { return r.trySend(standard, 10) },
			"receive": func() error { _, err := r.Receive(r.ctx, standard, ReceiveRequest{Max: 1}); return err },
			"delete":  func() error { _, err := r.Delete(r.ctx, standard, handles(held)); return err },
			"purge":   func() error { return r.Purge(r.ctx, standard, 0) },
		} {
			if err := call(); !errors.Is(err, ErrDiskFull) {
				t.Errorf("%s: %v, want ErrDiskFull", name, err)
			}
		}
		if stats, err := r.Stats(r.ctx, standard); err != nil || stats.Visible != 1 || stats.InFlight != 1 {
			t.Errorf("stats: %+v, %v", stats, err)
		}
		if read, left, err := r.ReadMoving(r.ctx, standard, []queue.Move{{Delivery: queue.Delivery{Handle: handles(held)[0]}}}); err != nil || len(read)+len(left) != 0 {
			t.Errorf("read what is moving: %v, %v, %v", read, left, err)
		}
		time.Sleep(time.Minute / 2)
		synctest.Wait()
		if poll.answered() || len(r.gate.records()) != 0 {
			t.Errorf("poll answered: %v (%v), %d records were tried", poll.answered(), poll.err, len(r.gate.records()))
		}
		r.journal.SetRoom(journal.RoomToFree)
		time.Sleep(fullPause)
		synctest.Wait()
		if !slices.Equal(bodies(poll.result), []string{"late"}) {
			t.Errorf("the waiting receive has %q, %v", bodies(poll.result), poll.err)
		}
	})
}

// A journal of little records would be trimmed only after 64 MiB of deletes; with scarce room it is trimmed as it is emptied.
func TestScarceRoomIsTrimmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t)
		for i := range 100 {
			r.send(standard, fmt.Sprint(i))
		}
		r.journal.SetRoom(journal.RoomToFree)
		for range 10 {
			if errs, err := r.Delete(r.ctx, standard, handles(r.receive(standard, 10))); err != nil || errs[0] != nil {
				t.Fatal(errs, err)
			}
			time.Sleep(checkpointPauseMin)
		}
		time.Sleep(10 * checkpointPauseMin)
		synctest.Wait()
		first, last, err := r.journal.Tail(r.ctx)
		if err != nil || last-first > 10 {
			t.Errorf("the journal has records %d to %d (%v) with nothing in the queue", first, last, err)
		}
		list, err := r.journal.Checkpoints().List(r.ctx)
		if err != nil || len(list) != journal.CheckpointsKept {
			t.Errorf("checkpoints %v, %v", list, err)
		}
	})
}

// While room is scarce there are pauses between checkpoints, however much is deleted, and none when nothing is.
func TestScarceRoomLeavesPausesBetweenCheckpoints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &noCheckpoints{Journal: memjournal.New(0)}
		ctx := t.Context()
		s, stop := started(t, Options{Journal: j, Clock: clock.System()})
		defer stop()
		j.SetRoom(journal.RoomToFree)
		const pauses = 5
		for range pauses {
			for range 10 {
				if err := s.Purge(ctx, standard, 0); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
			}
			time.Sleep(checkpointPauseMin)
		}
		if n := j.saves.Load(); n < pauses || n > pauses+1 {
			t.Errorf("%d checkpoints in %d pauses", n, pauses)
		}
		before := j.saves.Load()
		time.Sleep(10 * time.Minute)
		if n := j.saves.Load(); n > before+3 {
			t.Errorf("%d checkpoints while nothing happened", n-before)
		}
	})
}

// started opens a shard with one queue and runs it until stop is called.
func started(t *testing.T, o Options) (s *Shard, stop func()) {
	t.Helper()
	s, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	if err := s.Configure(ctx, standard, standardSettings()); err != nil {
		t.Fatal(err)
	}
	return s, func() {
		t.Helper()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// noCheckpoints is a journal that cannot save checkpoints while broken is true.
type noCheckpoints struct {
	*memjournal.Journal
	broken atomic.Bool
	saves  atomic.Int32
}

type noSave struct {
	journal.Checkpoints
	of *noCheckpoints
}

func (j *noCheckpoints) Checkpoints() journal.Checkpoints { return noSave{j.Journal.Checkpoints(), j} }

func (s noSave) Save(ctx context.Context, seq journal.Seq, write func(io.Writer) error) error {
	s.of.saves.Add(1)
	if s.of.broken.Load() {
		return journal.ErrFull
	}
	return s.Checkpoints.Save(ctx, seq, write)
}

// A checkpoint that fails is tried again, but not at once: it costs as much as one that succeeds.
func TestFailedCheckpointIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := &noCheckpoints{Journal: memjournal.New(0)}
		ctx := t.Context()
		s, stop := started(t, Options{Journal: j, Clock: clock.System(), CheckpointBytes: 1000})
		defer stop()
		send := func(n int) {
			t.Helper()
			for range n {
				if _, err := s.Send(ctx, standard, []SendMessage{{Content: make([]byte, 2000)}}); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
			}
		}
		j.broken.Store(true)
		send(10)
		if n := j.saves.Load(); n != 1 {
			t.Errorf("%d checkpoints were tried in a moment, want 1", n)
		}
		j.broken.Store(false)
		time.Sleep(checkpointPauseMin)
		send(1)
		if list, err := j.Checkpoints().List(ctx); err != nil || len(list) == 0 {
			t.Errorf("checkpoints %v, %v", list, err)
		}
		// Nothing new is needed for that.
		time.Sleep(checkpointPauseMin)
		j.broken.Store(true)
		send(1)
		before := j.saves.Load()
		j.broken.Store(false)
		time.Sleep(checkpointPauseMin)
		if _, err := s.Stats(ctx, standard); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if n := j.saves.Load(); n != before+1 {
			t.Errorf("%d checkpoints were tried, want 1", n-before)
		}
	})
}

package shard

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/staunchmq/staunch/internal/journal"
	"github.com/staunchmq/staunch/internal/journal/memjournal"
	"github.com/staunchmq/staunch/internal/queue"
)

// When messages have gone (deleted, purged, expired), their space comes back although nothing new is written.
func TestSpaceComesBackWithoutTraffic(t *testing.T) {
	const checkpointBytes = 100_000
	tests := []struct {
		name string
		sent int // messages of 1,000 bytes
		gone func(r *running)
	}{
		{"purge", 500, func(r *running) {
			if err := r.Purge(r.ctx, standard, 0); err != nil {
				r.t.Fatal(err)
			}
		}},
		{"drop", 500, func(r *running) {
			if err := r.Drop(r.ctx, standard); err != nil {
				r.t.Fatal(err)
			}
		}},
		{"retention", 500, func(*running) { time.Sleep(4 * day * time.Millisecond) }},
		{"delete", 500, func(r *running) { r.drainAll(standard) }},
		{"delete before the first checkpoint", 80, func(r *running) { r.drainAll(standard) }},
		{"delete before two checkpoints at one record", 80, func(r *running) {
			r.drainAll(standard)
			r.rewrite()
			r.rewrite()
		}},
		{"purge round a message that stays, long after the checkpoints", 500, func(r *running) {
			r.send(other, "stays")
			for range 500 {
				r.send(standard, strings.Repeat("x", 1000))
				synctest.Wait()
			}
			for range 2 {
				r.checkpoint()
				r.send(other, "stays, too")
			}
			if err := r.Purge(r.ctx, standard, 0); err != nil {
				r.t.Fatal(err)
			}
		}},
		{"delete and restart", 80, func(r *running) {
			r.drainAll(standard)
			r.restart()
		}},
		{"purge and restart", 500, func(r *running) {
			if err := r.Purge(r.ctx, standard, 0); err != nil {
				r.t.Fatal(err)
			}
			r.restart()
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := run(t, func(o *Options) { o.CheckpointBytes = checkpointBytes })
				body := strings.Repeat("x", 1000)
				for range tt.sent {
					r.send(standard, body)
					synctest.Wait() // until a checkpoint that was begun is saved
				}
				if n := r.journalBytes(); n < tt.sent*len(body) {
					t.Fatalf("%d bytes of journal: trimmed while the messages wait", n)
				}
				tt.gone(r)
				time.Sleep(3*reclaimEvery + time.Second)
				synctest.Wait()
				if n := r.journalBytes(); n > checkpointBytes/reclaimShare {
					first, last := r.tail(t)
					t.Errorf("%d bytes, records %d to %d, are still there", n, first, last)
				}
				_, before := r.tail(t)
				time.Sleep(time.Hour)
				if _, after := r.tail(t); after > before {
					t.Errorf("%d records were made when all had come back", after-before)
				}
			})
		})
	}
}

// What cannot come back is not tried for again and again.
func TestQuietShardTakesNoCheckpointsInVain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, func(o *Options) { o.CheckpointBytes, o.CleanRate = 100_000, -1 })
		r.send(other, "holds on to all records after it")
		r.turnOver(standard, 500, 0)
		time.Sleep(time.Hour)
		_, before := r.tail(t)
		if n := r.journalBytes(); n < 500_000 {
			t.Fatalf("%d bytes of journal: nothing is held", n)
		}
		time.Sleep(24 * time.Hour)
		if _, after := r.tail(t); after > before {
			t.Errorf("%d records were made while nothing happened", after-before)
		}
	})
}

// Without any room no record is tried to make a checkpoint possible: each that fails costs a replay.
func TestFullDiskIsNotTriedToReclaimSpace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, func(o *Options) { o.CheckpointBytes = 100_000 })
		for range 80 {
			r.send(standard, strings.Repeat("x", 1000))
		}
		if err := r.Purge(r.ctx, standard, 0); err != nil {
			t.Fatal(err)
		}
		r.journal.SetRoom(journal.NoRoom)
		_, before := r.tail(t)
		tried := false
		r.gate.failWith(func(journal.Seq, []byte) memjournal.Fault {
			tried = true
			return memjournal.Fault{}
		})
		time.Sleep(3*reclaimEvery + time.Second)
		if tried {
			t.Error("a record was tried")
		}
		r.journal.SetRoom(journal.RoomForAll)
		time.Sleep(3*reclaimEvery + time.Second)
		synctest.Wait()
		if first, _ := r.tail(t); first < before {
			t.Errorf("the journal begins at %d; record %d was the newest when all was gone", first, before)
		}
	})
}

// checkpoint makes the shard save one.
func (r *running) checkpoint() {
	r.t.Helper()
	keep := func(queue.MessageID, []byte) ([]byte, error) { return nil, nil }
	if _, err := r.Rewrite(r.ctx, keep); err != nil {
		r.t.Fatal(err)
	}
}

// restart stops the shard, and runs another over its journal.
func (r *running) restart() {
	r.t.Helper()
	if err := r.stop(); err != nil {
		r.t.Fatal(err)
	}
	*r = *run(r.t, func(o *Options) { o.Journal, o.CheckpointBytes = r.journal, r.options.CheckpointBytes })
}

func (r *running) tail(t *testing.T) (first, last uint64) {
	t.Helper()
	f, l, err := r.journal.Tail(r.ctx)
	if err != nil {
		t.Fatal(err)
	}
	return uint64(f), uint64(l)
}

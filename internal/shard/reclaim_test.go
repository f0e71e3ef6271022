package shard

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// When a backlog has gone without many records (purged, or expired), its space comes back although nothing new is written.
func TestSpaceComesBackWithoutTraffic(t *testing.T) {
	tests := []struct {
		name string
		gone func(r *running)
	}{
		{"purge", func(r *running) {
			if err := r.Purge(r.ctx, standard, 0); err != nil {
				r.t.Fatal(err)
			}
		}},
		{"drop", func(r *running) {
			if err := r.Drop(r.ctx, standard); err != nil {
				r.t.Fatal(err)
			}
		}},
		{"retention", func(*running) { time.Sleep(4 * day * time.Millisecond) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const checkpointBytes = 20_000
				r := run(t, func(o *Options) { o.CheckpointBytes = checkpointBytes })
				body := strings.Repeat("x", 1000)
				for range 200 {
					r.send(standard, body)
					synctest.Wait() // until a checkpoint that was begun is saved
				}
				first, last := r.tail(t)
				if first > 5 {
					t.Fatalf("records %d to %d: trimmed while the messages wait", first, last)
				}
				tt.gone(r)
				time.Sleep(reclaimEvery + time.Second)
				synctest.Wait()
				// What the older checkpoint needs stays: at most two intervals of records.
				if first, last = r.tail(t); last-first > 3*checkpointBytes/1000 {
					t.Errorf("records %d to %d are still there", first, last)
				}
			})
		})
	}
}

func (r *running) tail(t *testing.T) (first, last uint64) {
	t.Helper()
	f, l, err := r.journal.Tail(r.ctx)
	if err != nil {
		t.Fatal(err)
	}
	return uint64(f), uint64(l)
}

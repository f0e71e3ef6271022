package memjournal

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/staunchmq/staunch/internal/journal"
	"github.com/staunchmq/staunch/internal/journal/journaltest"
)

var ctx = context.Background()

func appendAll(t *testing.T, j *Journal, w *journaltest.Writer, n int) (recs [][]byte) {
	t.Helper()
	for range n {
		expect, rec := w.Next(t, "change")
		if err := j.Append(expect, rec).Wait(); err != nil {
			t.Fatal(err)
		}
		recs = append(recs, rec)
	}
	return recs
}

func wantTail(t *testing.T, j *Journal, first, last journal.Seq) {
	t.Helper()
	if f, l, err := j.Tail(ctx); f != first || l != last || err != nil {
		t.Errorf("Tail = %d, %d, %v; want %d, %d", f, l, err, first, last)
	}
}

// failing returns a hook that gives record seq the fault once.
func failing(seq journal.Seq, fault Fault) Hook {
	used := false
	return func(s journal.Seq, _ []byte) Fault {
		if s != seq || used {
			return Fault{}
		}
		used = true
		return fault
	}
}

// TestFaultOfOneFailsThoseBehindIt: record 3 fails, 4 was appended already. Then both are tried again as an owner would.
func TestFaultOfOneFailsThoseBehindIt(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fault Fault
		last  journal.Seq // what is there then
	}{
		{"full", Fault{Err: journal.ErrFull}, 2},
		{"unknown, not applied", Fault{Err: journal.ErrUnknown}, 2},
		{"unknown, applied", Fault{Err: journal.ErrUnknown, Applied: true}, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			j := New(3)
			w := journaltest.NewWriter(3)
			appendAll(t, j, &w, 2)
			j.SetHook(failing(3, tt.fault))
			expect3, rec3 := w.Next(t, "three")
			expect4, rec4 := w.Next(t, "four")
			third, fourth := j.Append(expect3, rec3), j.Append(expect4, rec4)
			for range 2 {
				if err := third.Wait(); !errors.Is(err, tt.fault.Err) {
					t.Errorf("third: %v", err)
				}
				if err := fourth.Wait(); !errors.Is(err, tt.fault.Err) {
					t.Errorf("fourth: %v", err)
				}
			}
			wantTail(t, j, 1, tt.last)
			err := j.Append(expect3, rec3).Wait()
			if tt.last == 3 {
				if !errors.Is(err, journal.ErrConflict) {
					t.Errorf("third again: %v", err)
				}
				if rec, err := j.Get(ctx, 3); err != nil || !bytes.Equal(rec, rec3) {
					t.Errorf("the owner does not find its own record: %v", err)
				}
			} else if err != nil {
				t.Errorf("third again: %v", err)
			}
			if err := j.Append(expect4, rec4).Wait(); err != nil {
				t.Errorf("fourth again: %v", err)
			}
			wantTail(t, j, 1, 4)
		})
	}
}

func TestConflictWithAnotherOwner(t *testing.T) {
	a := New(3)
	w := journaltest.NewWriter(3)
	appendAll(t, a, &w, 2)
	b := a.Open()
	claim := w
	claim.Header.Epoch++
	expect, rec := claim.Next(t, "claim")
	if err := b.Append(expect, rec).Wait(); err != nil {
		t.Fatal(err)
	}
	first, second := a.Append(w.Next(t, "stale")), a.Append(w.Next(t, "stale too"))
	for _, p := range []journal.Pending{first, second} {
		if err := p.Wait(); !errors.Is(err, journal.ErrConflict) {
			t.Errorf("append of the stale owner: %v", err)
		}
	}
	wantTail(t, a, 1, 3)
	appendAll(t, b, &claim, 2)
	wantTail(t, a, 1, 5)
}

func TestInjectedConflictPutsTheForeignRecord(t *testing.T) {
	j := New(3)
	w := journaltest.NewWriter(3)
	appendAll(t, j, &w, 1)
	other := w
	_, foreign := other.Next(t, "of another owner")
	j.SetHook(failing(2, Fault{Err: journal.ErrConflict, Foreign: foreign}))
	first, second := j.Append(w.Next(t, "mine")), j.Append(w.Next(t, "mine too"))
	for _, p := range []journal.Pending{first, second} {
		if err := p.Wait(); !errors.Is(err, journal.ErrConflict) {
			t.Errorf("append: %v", err)
		}
	}
	if rec, err := j.Get(ctx, 2); err != nil || !bytes.Equal(rec, foreign) {
		t.Errorf("Get(2): %v", err)
	}
	appendAll(t, j, &other, 1)
}

// TestDelay: records become durable after the delay, in order, and Clone has only what is durable.
func TestDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := New(3)
		w := journaltest.NewWriter(3)
		appendAll(t, j, &w, 1)
		j.SetHook(func(seq journal.Seq, _ []byte) Fault {
			if seq == 2 {
				return Fault{Delay: func() { time.Sleep(time.Second) }}
			}
			return Fault{}
		})
		start := time.Now()
		second, third := j.Append(w.Next(t, "slow")), j.Append(w.Next(t, "waits behind it"))
		synctest.Wait()
		wantTail(t, j, 1, 1)
		if _, err := j.Get(ctx, 2); !errors.Is(err, journal.ErrNotFound) {
			t.Errorf("Get of a record that is not durable: %v", err)
		}
		wantTail(t, j.Clone(), 1, 1)
		if err := third.Wait(); err != nil {
			t.Error(err)
		}
		if err := second.Wait(); err != nil {
			t.Error(err)
		}
		if d := time.Since(start); d != time.Second {
			t.Errorf("durable after %v", d)
		}
		wantTail(t, j, 1, 3)
		p := j.Append(w.Next(t, "d"))
		if err := j.Close(); err != nil {
			t.Error(err)
		}
		if err := p.Wait(); err != nil {
			t.Error(err)
		}
	})
}

func TestLostRecordsAreNotInTheClone(t *testing.T) {
	j := New(3)
	w := journaltest.NewWriter(3)
	recs := appendAll(t, j, &w, 2)
	j.SetHook(failing(3, Fault{Lost: true}))
	appendAll(t, j, &w, 3)
	wantTail(t, j, 1, 5)
	c := j.Clone()
	wantTail(t, c, 1, 2)
	cw := journaltest.NewWriter(3)
	cw.Header.Seq, cw.Header.Prev, cw.Header.LogTimeMS = 2, journal.Hash(recs[1]), w.Header.LogTimeMS
	appendAll(t, c, &cw, 1)
	wantTail(t, j, 1, 5)
}

func TestStore(t *testing.T) {
	s := NewStore(2)
	if s.Shards() != 2 {
		t.Errorf("Shards = %d", s.Shards())
	}
	j, err := s.Journal(1)
	if err != nil {
		t.Fatal(err)
	}
	w := journaltest.NewWriter(1)
	if err := j.Append(w.Next(t, "a")).Wait(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Journal(2); !errors.Is(err, journal.ErrNotFound) {
		t.Errorf("Journal(2) of 2: %v", err)
	}
	c := s.Clone()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, _, err := j.Tail(ctx); !errors.Is(err, journal.ErrClosed) {
		t.Errorf("Tail after the store was closed: %v", err)
	}
	if _, err := s.Journal(0); !errors.Is(err, journal.ErrClosed) {
		t.Errorf("Journal after Close: %v", err)
	}
	if j, err = c.Journal(1); err != nil {
		t.Fatal(err)
	}
	if _, last, err := j.Tail(ctx); last != 1 || err != nil {
		t.Errorf("the clone ends at record %d, %v", last, err)
	}
}

// TestTrimFreesMemory appends and trims much more than may stay.
func TestTrimFreesMemory(t *testing.T) {
	j := New(3)
	w := journaltest.NewWriter(3)
	body := string(make([]byte, 100_000))
	for n := range 1000 {
		expect, rec := w.Next(t, body)
		if err := j.Append(expect, rec).Wait(); err != nil {
			t.Fatal(err)
		}
		if n%10 == 9 {
			if err := j.Trim(ctx, journal.Seq(n-5)); err != nil {
				t.Fatal(err)
			}
		}
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if m.HeapAlloc > 20<<20 {
		t.Errorf("%d MiB in use", m.HeapAlloc>>20)
	}
	runtime.KeepAlive(j)
}

func BenchmarkAppend(b *testing.B) {
	j := New(3)
	h := journal.Header{Shard: 3}
	change := make([]byte, 1024)
	b.SetBytes(1024)
	for b.Loop() {
		h.Seq++
		r := journal.NewRecord(nil, h)
		r.Add(change)
		rec, err := r.Seal()
		if err != nil {
			b.Fatal(err)
		}
		if err := j.Append(h.Seq-1, rec).Wait(); err != nil {
			b.Fatal(err)
		}
		h.Prev = journal.Hash(rec)
		if h.Seq%1000 == 0 {
			if err := j.Trim(context.Background(), h.Seq-10); err != nil {
				b.Fatal(err)
			}
		}
	}
}

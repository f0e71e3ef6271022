package shard

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/staunchmq/staunch/internal/journal"
	"github.com/staunchmq/staunch/internal/journal/memjournal"
	"github.com/staunchmq/staunch/internal/queue"
)

// upper rewrites contents with small letters; one that is "bad" cannot be.
func upper(_ queue.MessageID, content []byte) ([]byte, error) {
	switch {
	case bytes.Equal(content, []byte("bad")):
		return nil, errors.New("it is bad")
	case bytes.Equal(bytes.ToUpper(content), content):
		return nil, nil
	}
	return bytes.ToUpper(content), nil
}

func (r *running) rewrite() Rewritten {
	r.t.Helper()
	done, err := r.Rewrite(r.ctx, upper)
	if err != nil {
		r.t.Fatal(err)
	}
	return done
}

// journalHas tells whether a text is in a record.
func (r *running) journalHas(text string) (found bool) {
	r.t.Helper()
	first, _ := r.tail(r.t)
	err := r.journal.Read(r.ctx, journal.Seq(first), func(_ journal.Seq, rec []byte) error {
		found = found || bytes.Contains(rec, []byte(text))
		return nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return found
}

func TestRewrite(t *testing.T) {
	for name, rate := range map[string]int64{"slowly": 10_000, "at once": 1 << 50, "without cleaning": -1} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := run(t, func(o *Options) { o.CleanRate, o.BodyCacheBytes = rate, 1 })
				if done := r.rewrite(); done != (Rewritten{}) {
					t.Errorf("of nothing: %+v", done)
				}
				r.send(fifo, "a", "b", "bad", "C")
				r.send(standard, "d", "e", "gone")
				held := r.receive(standard, 3) // in flight
				if _, err := r.Delete(r.ctx, standard, handles(held)[2:]); err != nil {
					t.Fatal(err)
				}
				done := r.rewrite()
				if done.Rewritten != 4 || done.Failed != 1 || fmt.Sprint(done.Err) != "it is bad" {
					t.Errorf("%+v", done)
				}
				if done := r.rewrite(); done.Rewritten != 0 || done.Failed != 1 {
					t.Errorf("again: %+v", done)
				}
				if report := check(t, view(t, r.journal.Clone())); !report.Sound() || report.Messages != 6 {
					t.Errorf("%d messages; %v %v", report.Messages, report.Damaged, report.BadCheckpoints)
				}
				if got := r.drainAll(fifo); !slices.Equal(got, []string{"A", "B", "bad", "C"}) {
					t.Errorf("received %q", got)
				}
				time.Sleep(time.Minute)
				if got := r.drainAll(standard); !slices.Equal(got, []string{"D", "E"}) {
					t.Errorf("received %q", got)
				}
			})
		})
	}
}

// The old contents leave the journal with the records that hold them.
func TestRewrittenContentsLeaveTheJournal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, func(o *Options) { o.CheckpointBytes, o.BodyCacheBytes = cleanedCheckpointBytes, 1 })
		if _, err := r.Send(r.ctx, standard, []SendMessage{{Content: []byte("canary")}}); err != nil {
			t.Fatal(err)
		}
		r.rewrite()
		r.turnOver(other, 100, 0)
		time.Sleep(2 * time.Minute)
		r.turnOver(other, 100, 0)
		if r.journalHas("canary") {
			t.Error("the old content is still there")
		}
		if got := r.drainAll(standard); !slices.Equal(got, []string{"CANARY"}) {
			t.Errorf("received %q", got)
		}
	})
}

func TestRewriteWhileServing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, func(o *Options) { o.CheckpointBytes, o.CleanRate, o.BodyCacheBytes = cleanedCheckpointBytes, 20_000, 1 })
		var want []string
		for i := range 100 {
			body := fmt.Sprint("m", i, " ", strings.Repeat("x", 900))
			r.send(fifo, body)
			want = append(want, strings.ToUpper(body))
		}
		ctx, cancel := context.WithCancel(r.ctx)
		defer cancel()
		var done Rewritten
		first := startErr(func() (err error) { done, err = r.Rewrite(ctx, upper); return err })
		if first.answered() {
			t.Fatalf("it does not keep to the rate: %+v, %v", done, first.err)
		}
		if _, err := r.Rewrite(r.ctx, upper); !errors.Is(err, ErrRewriting) {
			t.Errorf("a second one: %v", err)
		}
		r.turnOver(standard, 50, 0)
		r.send(fifo, "LATE")
		time.Sleep(time.Minute)
		if !first.answered() || first.err != nil || done.Rewritten != 100 {
			t.Errorf("%+v, %v", done, first.err)
		}
		if got := r.drainAll(fifo); !slices.Equal(got, append(want, "LATE")) {
			t.Errorf("received %.30q", got)
		}
	})
}

// A rewrite ends with its context, with the shard, and goes on after the state was built anew.
func TestRewriteEnds(t *testing.T) {
	slow := func(o *Options) { o.CleanRate, o.BodyCacheBytes = 100, 1 }
	fill := func(r *running) {
		for i := range 20 {
			r.send(standard, fmt.Sprint("m", i, strings.Repeat("x", 100)))
		}
	}
	t.Run("context", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := run(t, slow)
			fill(r)
			ctx, cancel := context.WithCancel(r.ctx)
			c := startErr(func() error { _, err := r.Rewrite(ctx, upper); return err })
			cancel()
			synctest.Wait()
			if !errors.Is(c.err, context.Canceled) {
				t.Errorf("%v", c.err)
			}
			again := startErr(func() error { _, err := r.Rewrite(r.ctx, upper); return err })
			time.Sleep(time.Hour)
			if !again.answered() || again.err != nil {
				t.Errorf("another: %v", again.err)
			}
		})
	})
	t.Run("stop", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := run(t, slow)
			fill(r)
			c := startErr(func() error { _, err := r.Rewrite(r.ctx, upper); return err })
			if err := r.stop(); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if !errors.Is(c.err, ErrUnavailable) {
				t.Errorf("%v", c.err)
			}
		})
	})
	t.Run("disk full", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := run(t, func(o *Options) { o.CleanRate, o.BodyCacheBytes = 1000, 1 })
			fill(r)
			copies := 0
			r.gate.fail = func(journal.Seq, []byte) (f memjournal.Fault) {
				if copies++; copies == 3 {
					f.Err = journal.ErrFull
				}
				return f
			}
			c := startErr(func() error { _, err := r.Rewrite(r.ctx, upper); return err })
			time.Sleep(time.Hour)
			if !c.answered() || c.err != nil || copies < 4 {
				t.Errorf("%v after %d records", c.err, copies)
			}
			for _, body := range r.drainAll(standard) {
				if body != strings.ToUpper(body) {
					t.Errorf("%.10q was not rewritten", body)
				}
			}
		})
	})
	t.Run("disk nearly full", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := run(t, slow)
			fill(r)
			c := startErr(func() error { _, err := r.Rewrite(r.ctx, upper); return err })
			if c.answered() {
				t.Fatalf("it does not keep to the rate: %v", c.err)
			}
			r.journal.SetRoom(journal.RoomToFree)
			time.Sleep(time.Hour)
			if !c.answered() || !errors.Is(c.err, ErrDiskFull) {
				t.Errorf("%t, %v", c.answered(), c.err)
			}
			c = startErr(func() error { _, err := r.Rewrite(r.ctx, upper); return err })
			if !c.answered() || !errors.Is(c.err, ErrDiskFull) {
				t.Errorf("asked for then: %t, %v", c.answered(), c.err)
			}
			r.journal.SetRoom(journal.RoomForAll)
			c = startErr(func() error { _, err := r.Rewrite(r.ctx, upper); return err })
			time.Sleep(time.Hour)
			if !c.answered() || c.err != nil {
				t.Errorf("with room again: %t, %v", c.answered(), c.err)
			}
		})
	})
}

// Two plans of a rewrite may read at once: the first was dropped and does not know it yet.
func TestRewriteCallsItsFunctionOneAtATime(t *testing.T) {
	const goroutines, each = 4, 500
	calls := 0 // without a lock, for the race detector
	r := &rewrite{f: func(queue.MessageID, []byte) ([]byte, error) {
		n := calls
		runtime.Gosched()
		calls = n + 1
		return nil, nil
	}}
	var all sync.WaitGroup
	for range goroutines {
		all.Go(func() {
			for range each {
				r.apply(&foundMessage{})
			}
		})
	}
	all.Wait()
	if calls != goroutines*each {
		t.Errorf("%d calls were counted of %d", calls, goroutines*each)
	}
}

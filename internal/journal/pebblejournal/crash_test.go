package pebblejournal

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/staunchmq/staunch/internal/journal"
	"github.com/staunchmq/staunch/internal/journal/journaltest"
)

var seeds = flag.Int("seeds", 20, "number of seeds of the crash tests")

// crashRun is a store under load: each shard has an owner that appends and at times trims and saves checkpoints.
type crashRun struct {
	progress chan struct{} // has something when something happened; capacity 1

	mu     sync.Mutex // guards what the owners write
	shards []shardRun // each is written by its owner only
}

// shardRun is what is known of one shard.
type shardRun struct {
	acked   [][]byte // records, in order
	trimmed journal.Seq
	saved   journal.Seq // newest checkpoint
}

// now returns what is known at this moment.
func (r *crashRun) now() (shards []shardRun, acked int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.shards {
		acked += len(s.acked)
		s.acked = s.acked[:len(s.acked):len(s.acked)]
		shards = append(shards, s)
	}
	return shards, acked
}

func (r *crashRun) own(t *testing.T, j journal.Journal, shard uint32, rng *rand.Rand, stop <-chan struct{}) {
	own := &r.shards[shard]
	tell := func() {
		select {
		case r.progress <- struct{}{}:
		default:
		}
	}
	defer tell()
	ctx := context.Background()
	w := journaltest.NewWriter(shard)
	type appended struct {
		pending journal.Pending
		rec     []byte
	}
	var flight []appended
	for {
		select {
		case <-stop:
			return
		default:
		}
		expect, rec := w.Next(t, strings.Repeat("x", rng.IntN(8000)), fmt.Sprint(shard, w.Header.Seq))
		flight = append(flight, appended{j.Append(expect, rec), rec})
		if len(flight) < 1+rng.IntN(3) {
			continue
		}
		for _, a := range flight {
			if err := a.pending.Wait(); err != nil {
				t.Errorf("append: %v", err)
				return
			}
			r.mu.Lock()
			own.acked = append(own.acked, a.rec)
			r.mu.Unlock()
			tell()
		}
		flight = flight[:0]
		last := journal.Seq(len(own.acked))
		switch rng.IntN(20) {
		case 0:
			upTo := own.trimmed + journal.Seq(rng.IntN(int(last-own.trimmed)+1))
			if err := j.Trim(ctx, upTo); err != nil {
				t.Errorf("trim: %v", err)
			}
			r.mu.Lock()
			own.trimmed = upTo
			r.mu.Unlock()
		case 1:
			err := j.Checkpoints().Save(ctx, last, func(w io.Writer) error {
				_, err := fmt.Fprint(w, "state after ", last)
				return err
			})
			if err != nil {
				t.Errorf("save: %v", err)
			}
			r.mu.Lock()
			own.saved = last
			r.mu.Unlock()
		}
	}
}

// TestNothingAcknowledgedIsLostInACrash clones the disk under load, without what was not synced (but for a share of it, at
// random), and checks that everything acknowledged before the clone is there.
func TestNothingAcknowledgedIsLostInACrash(t *testing.T) {
	for seed := range uint64(*seeds) {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			t.Parallel()
			crashOnce(t, seed)
		})
	}
}

func crashOnce(t *testing.T, seed uint64) {
	rng := rand.New(rand.NewPCG(seed, 1))
	disk := vfs.NewCrashableMem()
	o := small(t, disk)
	s := mustOpen(t, "data", o)
	r := &crashRun{shards: make([]shardRun, s.Shards()), progress: make(chan struct{}, 1)}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for shard := range uint32(s.Shards()) {
		j := mustJournal(t, s, shard)
		own := rand.New(rand.NewPCG(seed, 100+uint64(shard)))
		wg.Go(func() { r.own(t, j, shard, own, stop) })
	}
	goal := 100 + rng.IntN(400)
	// What is known before the clone must be in it.
	var before []shardRun
	for n := 0; n < goal && !t.Failed(); {
		<-r.progress
		before, n = r.now()
	}
	percent := []int{0, 10, 50, 90, 100}[rng.IntN(5)]
	crashed := disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: rng})
	close(stop)
	wg.Wait()
	mustClose(t, s)
	o.FS = crashed
	s = mustOpen(t, "data", o)
	for shard := range uint32(s.Shards()) {
		checkRecovered(t, mustJournal(t, s, shard), shard, before[shard], r.shards[shard])
	}
	mustClose(t, s)
}

// TestDamageBeforeATrimIsFound: like an append, a trim knows how far the log was synced.
func TestDamageBeforeATrimIsFound(t *testing.T) {
	disk := vfs.NewCrashableMem()
	o := small(t, disk)
	o.Shards = 1
	s := mustOpen(t, "data", o)
	j, w := mustJournal(t, s, 0), journaltest.NewWriter(0)
	fill(t, j, &w, 2)
	if err := j.Trim(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	crashed := copyOf(disk)
	mustClose(t, s)
	alterFile(t, crashed, newest(t, crashed, isLog), func(b []byte) []byte { b[1500] ^= 1; return b }) // in the second record
	o.FS = crashed
	if n, err := count(lookInto(o)); !errors.Is(err, journal.ErrDamaged) {
		t.Errorf("Open: %d records, %v", n, err)
	}
}

// checkRecovered checks one journal after a crash: before is what was known before it, all is what was known later.
func checkRecovered(t *testing.T, j journal.Journal, shard uint32, before, all shardRun) {
	t.Helper()
	ctx := context.Background()
	first, last, err := j.Tail(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if want := journal.Seq(len(before.acked)); last < want {
		t.Errorf("shard %d: record %d was acknowledged, the last is %d", shard, want, last)
	}
	if first <= before.trimmed {
		t.Errorf("shard %d: trimmed up to %d, the first is %d", shard, before.trimmed, first)
	}
	err = j.Read(ctx, first, func(seq journal.Seq, rec []byte) error {
		if seq <= journal.Seq(len(all.acked)) && !bytes.Equal(rec, all.acked[seq-1]) {
			t.Errorf("shard %d: record %d is another", shard, seq)
		}
		return nil
	})
	if err != nil {
		t.Errorf("shard %d: %v", shard, err)
	}
	list, err := j.Checkpoints().List(ctx)
	if err != nil || before.saved > 0 && (len(list) == 0 || list[0] < before.saved) {
		t.Errorf("shard %d: checkpoints %v, %v; %d was saved", shard, list, err, before.saved)
	}
	for _, seq := range list {
		if seq > last {
			t.Errorf("shard %d: checkpoint %d is beyond the last record %d", shard, seq, last)
		}
		r, err := j.Checkpoints().Load(ctx, seq)
		if err != nil {
			t.Errorf("shard %d: checkpoint %d: %v", shard, seq, err)
			continue
		}
		if text, err := io.ReadAll(r); err != nil || string(text) != fmt.Sprint("state after ", seq) {
			t.Errorf("shard %d: checkpoint %d: %q, %v", shard, seq, text, err)
		}
		_ = r.Close()
	}
	// And it goes on.
	w := journaltest.NewWriter(shard)
	if last > 0 {
		rec, err := j.Get(ctx, last)
		if errors.Is(err, journal.ErrTrimmed) {
			rec, err = all.acked[last-1], nil
		}
		if err != nil {
			t.Fatal(err)
		}
		w = writerAfter(shard, last, rec)
	}
	if err := j.Append(w.Next(t, "after the crash")).Wait(); err != nil {
		t.Errorf("shard %d: append after the crash: %v", shard, err)
	}
}

// TestTornTail cuts the write-ahead log at every length: what remains must be a prefix of the records, and with the whole
// file all of them.
func TestTornTail(t *testing.T) {
	disk := vfs.NewCrashableMem()
	o := small(t, disk)
	s := mustOpen(t, "data", o)
	j := mustJournal(t, s, 0)
	w := journaltest.NewWriter(0)
	const n = 5
	for range n {
		if err := j.Append(w.Next(t, strings.Repeat("x", 50))).Wait(); err != nil {
			t.Fatal(err)
		}
	}
	crashed := disk.CrashClone(vfs.CrashCloneCfg{})
	mustClose(t, s)
	log := newest(t, crashed, isLog)
	size := int64(len(readFile(t, crashed, log)))
	seen := map[journal.Seq]bool{}
	for cut := int64(0); cut <= size; cut += 7 {
		torn := copyOf(crashed)
		alterFile(t, torn, log, func(b []byte) []byte { return b[:min(cut, int64(len(b)))] })
		o.FS = torn
		s := mustOpen(t, "data", o)
		j := mustJournal(t, s, 0)
		_, last, err := j.Tail(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		seen[last] = true
		if err := j.Read(context.Background(), 1, func(journal.Seq, []byte) error { return nil }); err != nil {
			t.Errorf("cut at %d: %v", cut, err)
		}
		mustClose(t, s)
	}
	for last := journal.Seq(0); last < n; last++ {
		if !seen[last] {
			t.Errorf("no cut left exactly %d records: %v", last, seen)
		}
	}
}

// TestDamageInTheLogIsFound flips bits all over the write-ahead log of a process that was killed. Every one must be found, but for
// those in the last record, which are taken for a torn write. For records smaller and larger than the blocks of the log.
func TestDamageInTheLogIsFound(t *testing.T) {
	type test struct {
		size     int
		reopened bool // the first log of a new database has another format
	}
	for _, tt := range []test{{50, false}, {50, true}, {10_000, false}, {10_000, true}, {35_000, true}} {
		size, reopened := tt.size, tt.reopened
		t.Run(fmt.Sprintf("size=%d/reopened=%v", size, reopened), func(t *testing.T) {
			t.Parallel()
			disk := vfs.NewCrashableMem()
			o := small(t, disk)
			o.MemTableBytes = 4 << 20
			s := mustOpen(t, "data", o)
			if reopened {
				mustClose(t, s)
				s = mustOpen(t, "data", o)
			}
			j := mustJournal(t, s, 0)
			w := journaltest.NewWriter(0)
			const n = 6
			var last int64 // where the last record begins in the log
			for range n {
				if sign := s.guard.sign.Load(); sign != nil {
					last = sign.synced
				}
				if err := j.Append(w.Next(t, string(noise(size)))).Wait(); err != nil {
					t.Fatal(err)
				}
			}
			crashed := disk.CrashClone(vfs.CrashCloneCfg{})
			mustClose(t, s)
			log := newest(t, crashed, isLog)
			end := int64(len(readFile(t, crashed, log)))
			found, torn := 0, 0
			for at := int64(0); at < end; at += 1 + end/60 {
				damaged := copyOf(crashed)
				alterFile(t, damaged, log, func(b []byte) []byte { b[at] ^= 0x10; return b })
				o.FS = damaged
				s, err := Open("data", o)
				var d *journal.DamagedError
				if errors.As(err, &d) {
					found++
					if !strings.HasPrefix(d.Store, "data/journal") {
						t.Errorf("byte %d: %v", at, err)
					}
					continue
				}
				if err != nil {
					t.Fatalf("byte %d: %v", at, err)
				}
				_, tail, err := mustJournal(t, s, 0).Tail(context.Background())
				mustClose(t, s)
				if at < last && tail != n || tail < n-1 || err != nil {
					t.Errorf("byte %d of %d: the journal ends at record %d, %v; the last record begins at byte %d", at, end, tail, err, last)
				}
				torn++
			}
			t.Logf("%d found, %d taken for a torn write or without consequence", found, torn)
			if found == 0 || torn == 0 {
				t.Error("the test has shown nothing")
			}
		})
	}
}

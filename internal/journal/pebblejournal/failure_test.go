package pebblejournal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"log/slog"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/staunchmq/staunch/internal/clock"
	"github.com/staunchmq/staunch/internal/journal"
	"github.com/staunchmq/staunch/internal/journal/journaltest"
)

// faults fails the operations that fail selects.
type faults struct {
	fail atomic.Pointer[func(op errorfs.Op) error]
}

func (f *faults) String() string { return "faults" }

func (f *faults) MaybeError(op errorfs.Op) error {
	if fail := f.fail.Load(); fail != nil {
		return (*fail)(op)
	}
	return nil
}

func (f *faults) set(fail func(op errorfs.Op) error) { f.fail.Store(&fail) }

func (f *faults) clear() { f.fail.Store(nil) }

func isManifest(op errorfs.Op) bool { return strings.HasPrefix(path.Base(op.Path), manifestPrefix) }

func isSync(kind errorfs.OpKind) bool {
	return kind == errorfs.OpFileSync || kind == errorfs.OpFileSyncData || kind == errorfs.OpFileSyncTo
}

// reusing is an FS whose reused files go through the FS that it wraps. errorfs lets them out.
type reusing struct{ vfs.FS }

func (r reusing) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := r.FS.ReuseForWrite(oldname, newname, category)
	if err != nil {
		return nil, err
	}
	if err := f.Close(); err != nil {
		return nil, err
	}
	return r.FS.OpenReadWrite(newname, category)
}

func faulty(fs vfs.FS) (vfs.FS, *faults) {
	inject := &faults{}
	return reusing{errorfs.Wrap(fs, inject)}, inject
}

// TestFailedWriteFailsTheStore injects errors of the files that decide, in flight with appends of all shards.
func TestFailedWriteFailsTheStore(t *testing.T) {
	eio := errors.New("input/output error")
	tests := []struct {
		name string
		hit  func(op errorfs.Op) bool
	}{
		{"fsync", func(op errorfs.Op) bool { return isLog(op.Path) && isSync(op.Kind) }},
		{"write", func(op errorfs.Op) bool { return isLog(op.Path) && op.Kind == errorfs.OpFileWrite }},
		{"create", func(op errorfs.Op) bool {
			return isLog(op.Path) && (op.Kind == errorfs.OpCreate || op.Kind == errorfs.OpReuseForWrite)
		}},
		{"manifest write", func(op errorfs.Op) bool { return isManifest(op) && op.Kind == errorfs.OpFileWrite }},
		{"manifest fsync", func(op errorfs.Op) bool { return isManifest(op) && isSync(op.Kind) }},
		{"directory fsync", func(op errorfs.Op) bool { return path.Base(op.Path) == "journal" && isSync(op.Kind) }},
	}
	for _, tt := range tests {
		for _, once := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/once=%v", tt.name, once), func(t *testing.T) {
				t.Parallel()
				var hits atomic.Int32
				failLog(t, func(op errorfs.Op) error {
					if !tt.hit(op) || hits.Add(1) > 1 && once {
						return nil
					}
					return eio
				}, eio)
			})
		}
	}
}

func failLog(t *testing.T, fail func(op errorfs.Op) error, want error) {
	disk := vfs.NewCrashableMem()
	fs, inject := faulty(disk)
	var lines syncBuffer
	o := small(t, fs)
	o.Logger = slog.New(slog.NewTextHandler(&lines, nil))
	failures := 0
	o.Events.Failed = func(error) { failures++ }
	s := mustOpen(t, "data", o)
	type owner struct {
		first, second error
		last          journal.Seq
	}
	owners := make([]owner, s.Shards())
	var wg, begun sync.WaitGroup
	begun.Add(len(owners)) // each shard has something to lose
	for shard := range uint32(s.Shards()) {
		j := mustJournal(t, s, shard)
		w := journaltest.NewWriter(shard)
		own := &owners[shard]
		wg.Go(func() {
			if err := j.Append(w.Next(t, "first")).Wait(); err != nil {
				t.Errorf("shard %d: the append before the failure: %v", shard, err)
			}
			own.last = w.Header.Seq
			begun.Done()
			begun.Wait()
			for i := range 2000 {
				if i == 20 && shard == 0 {
					inject.set(fail)
				}
				// Large enough that the memtable, and with it the log, is changed now and then.
				first := j.Append(w.Next(t, strings.Repeat("x", 20_000)))
				second := j.Append(w.Next(t, "behind it"))
				own.first, own.second = first.Wait(), second.Wait()
				if own.first != nil || own.second != nil {
					break
				}
				own.last = w.Header.Seq
			}
			if err := j.Append(w.Next(t, "later")).Wait(); !errors.Is(err, journal.ErrUnknown) {
				t.Errorf("shard %d: later append: %v", shard, err)
			}
			ctx := context.Background()
			if err := j.Trim(ctx, own.last); !errors.Is(err, journal.ErrUnknown) {
				t.Errorf("shard %d: trim: %v", shard, err)
			}
			if err := j.Checkpoints().Save(ctx, own.last, func(io.Writer) error { return nil }); err == nil {
				t.Errorf("shard %d: a checkpoint was saved by a failed store", shard)
			}
			// Reads go on, up to what was acknowledged.
			if _, err := j.Get(ctx, own.last); err != nil {
				t.Errorf("shard %d: Get(%d): %v", shard, own.last, err)
			}
		})
	}
	wg.Wait()
	for shard, own := range owners {
		if own.second == nil || own.first != nil && !errors.Is(own.first, journal.ErrUnknown) || !errors.Is(own.second, journal.ErrUnknown) {
			t.Errorf("shard %d: appends ended in %v and %v", shard, own.first, own.second)
		}
	}
	select {
	case <-s.Failed():
	default:
		t.Error("Failed is not closed")
	}
	if !errors.Is(s.Err(), want) || failures != 1 || strings.Count(lines.String(), "journal has failed") != 1 {
		t.Errorf("Err = %v, told %d times, log:\n%s", s.Err(), failures, lines.String())
	}
	// A power failure right now: what was acknowledged is there, and it opens.
	crashed := disk.CrashClone(vfs.CrashCloneCfg{})
	mustClose(t, s)
	inject.clear()
	for name, fs := range map[string]vfs.FS{"crashed": crashed, "restarted": disk} {
		o.FS = fs
		s, err := Open("data", o)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for shard := range uint32(s.Shards()) {
			j := mustJournal(t, s, shard)
			_, last, err := j.Tail(context.Background())
			if err != nil || last < owners[shard].last {
				t.Errorf("%s, shard %d: last = %d, %v; %d was acknowledged", name, shard, last, err, owners[shard].last)
			}
			if err := j.Read(context.Background(), 1, func(journal.Seq, []byte) error { return nil }); err != nil {
				t.Errorf("%s, shard %d: %v", name, shard, err)
			}
		}
		mustClose(t, s)
	}
}

// TestStoreHasFailedBeforeWritesAreDropped: an append whose sync was dropped must find the store failed.
func TestStoreHasFailedBeforeWritesAreDropped(t *testing.T) {
	told := 0
	g := &guard{FS: vfs.NewMem()}
	g.fail = func(error) {
		told++
		if g.broken.Load() {
			t.Error("writes are dropped before the store has failed")
		}
	}
	if !g.caught("write", "MANIFEST-000001", errors.New("input/output error")) || !g.broken.Load() || told != 1 {
		t.Errorf("broken = %v, told %d times", g.broken.Load(), told)
	}
}

// failing is a file system whose files fail in everything.
type failing struct {
	vfs.FS
	err error
}

type failingFile struct {
	vfs.File
	err error
}

func (f failing) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	file, err := f.FS.Create(name, category)
	return failingFile{file, f.err}, err
}

func (f failingFile) Write([]byte) (int, error)  { return 0, f.err }
func (f failingFile) Sync() error                { return f.err }
func (f failingFile) SyncData() error            { return f.err }
func (f failingFile) SyncTo(int64) (bool, error) { return false, f.err }
func (f failingFile) Close() error               { return f.err }

// TestWhichErrorsBreakTheGuard: those of a log always; those of a table while the database is opened, but not those of one that has been
// made then when the database is open. That one does not wait for space either.
func TestWhichErrorsBreakTheGuard(t *testing.T) {
	for name, use := range map[string]func(vfs.File) error{
		"write":    func(f vfs.File) error { _, err := f.Write([]byte("x")); return err },
		"fsync":    vfs.File.Sync,
		"syncdata": vfs.File.SyncData,
		"sync to":  func(f vfs.File) error { _, err := f.SyncTo(1); return err },
		"close":    vfs.File.Close,
	} {
		for _, tt := range []struct {
			file   string
			err    error
			opened bool
			breaks bool
		}{
			{"000004.log", syscall.EIO, false, true},
			{"000004.log", syscall.EIO, true, true},
			{"marker.manifest.000001.MANIFEST-000001", syscall.EIO, true, true},
			{"000005.sst", syscall.EIO, false, true},
			{"000005.sst", syscall.EIO, true, false},
			{"000004.log", syscall.ENOSPC, false, true},
			{"000005.sst", syscall.ENOSPC, false, true},
			{"000005.sst", syscall.ENOSPC, true, false},
		} {
			var lines syncBuffer
			g := &guard{FS: failing{vfs.NewMem(), tt.err}, clock: hasty{clock.System()}, fail: func(error) {}, synced: func(time.Duration) {},
				log: slog.New(slog.NewTextHandler(&lines, nil)), closing: make(chan struct{})}
			close(g.closing)
			f, err := g.Create(tt.file, vfs.WriteCategoryUnspecified)
			if err != nil {
				t.Fatal(err)
			}
			g.opened.Store(tt.opened)
			if err := use(f); g.broken.Load() != tt.breaks || (err == nil) != tt.breaks {
				t.Errorf("%s of %s, %v, the database is open: %v: %v, broken: %v", name, tt.file, tt.err, tt.opened, err, g.broken.Load())
			}
			if lines.String() != "" {
				t.Errorf("%s of %s, %v, the database is open: %v: it waits: %s", name, tt.file, tt.err, tt.opened, lines.String())
			}
		}
	}
}

// TestTheGuardTellsBeforeALogGoes, and when it is broken nothing goes.
func TestTheGuardTellsBeforeALogGoes(t *testing.T) {
	const log, table = "000004.log", "000005.sst"
	for name, tt := range map[string]struct {
		file string
		act  func(g *guard, file string) error
		told int
	}{
		"remove a log":   {log, func(g *guard, file string) error { return g.Remove(file) }, 1},
		"remove a table": {table, func(g *guard, file string) error { return g.Remove(file) }, 0},
		"remove all":     {table, func(g *guard, file string) error { return g.RemoveAll(file) }, 0},
		"rename":         {table, func(g *guard, file string) error { return g.Rename(file, "another") }, 0},
		"use again": {log, func(g *guard, file string) error {
			f, err := g.ReuseForWrite(file, "000006.log", vfs.WriteCategoryUnspecified)
			return errors.Join(err, f.Close())
		}, 1},
	} {
		for _, broken := range []bool{false, true} {
			fs := vfs.NewMem()
			f, err := fs.Create(tt.file, vfs.WriteCategoryUnspecified)
			if err != nil {
				t.Fatal(err)
			}
			mustClose(t, f)
			there := func() bool { _, err := fs.Stat(tt.file); return err == nil }
			told, want := 0, tt.told
			if broken {
				want = 0
			}
			g := &guard{FS: fs, clock: clock.System(), fail: func(error) {}, logGoes: func() {
				if told++; !there() {
					t.Errorf("%s: told when it has gone", name)
				}
			}}
			g.broken.Store(broken)
			if err := tt.act(g, tt.file); err != nil || told != want || there() != broken {
				t.Errorf("%s, broken: %v: %v, told %d times, it is there: %v", name, broken, err, told, there())
			}
		}
	}
}

func TestFatalErrorFailsTheStoreAndPanics(t *testing.T) {
	s := mustOpen(t, "data", small(t, vfs.NewMem()))
	func() {
		defer func() {
			if r := recover(); r == nil || !strings.Contains(fmt.Sprint(r), "broken beyond 7") {
				t.Errorf("recovered %v", r)
			}
		}()
		s.pebbleOptions().Logger.Fatalf("broken beyond %d", 7)
	}()
	if s.Err() == nil {
		t.Error("the store has not failed")
	}
	if err := mustJournal(t, s, 0).Append(0, nil).Wait(); !errors.Is(err, journal.ErrUnknown) {
		t.Errorf("Append: %v", err)
	}
	mustClose(t, s)
}

// TestTablesAreWrittenAnew lets table files fail for a while: appends go on, and the store recovers by itself. A file whose fsync has failed
// is not synced once more as if that helped: another one is written.
func TestTablesAreWrittenAnew(t *testing.T) {
	for _, tt := range []struct {
		name string
		hit  func(errorfs.OpKind) bool
		err  error
	}{
		{"create", func(k errorfs.OpKind) bool { return k == errorfs.OpCreate }, syscall.EIO},
		{"write", func(k errorfs.OpKind) bool { return k == errorfs.OpFileWrite }, syscall.EIO},
		{"no space", func(k errorfs.OpKind) bool { return k == errorfs.OpFileWrite }, syscall.ENOSPC},
		{"fsync", isSync, syscall.EIO},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			disk := vfs.NewCrashableMem()
			fs, inject := faulty(disk)
			const failing = 5
			var tries atomic.Int32
			o := small(t, fs)
			o.Clock = hasty{clock.System()}
			var lines syncBuffer
			o.Logger = slog.New(slog.NewTextHandler(&lines, nil))
			s := mustOpen(t, "data", o)
			j := mustJournal(t, s, 0)
			var failed sync.Map // of paths whose fsync has failed
			inject.set(func(op errorfs.Op) error {
				if !strings.HasSuffix(op.Path, tableSuffix) || !tt.hit(op.Kind) {
					return nil
				}
				if _, again := failed.Load(op.Path); again && isSync(op.Kind) {
					t.Errorf("%s is synced again after its fsync has failed", op.Path)
				}
				if tries.Add(1) > failing {
					return nil
				}
				if isSync(op.Kind) {
					failed.Store(op.Path, nil)
				}
				return tt.err
			})
			w := journaltest.NewWriter(0)
			const records = 60
			for range records {
				if err := j.Append(w.Next(t, string(noise(20_000)))).Wait(); err != nil {
					t.Fatal(err)
				}
			}
			for s.db.Metrics().Flush.Count == 0 {
				runtime.Gosched()
			}
			crashed := disk.CrashClone(vfs.CrashCloneCfg{})
			mustClose(t, s)
			if tries.Load() <= failing {
				t.Fatal("the test has shown nothing")
			}
			for _, line := range []string{"cannot write its table files", "can write its table files again"} {
				if !strings.Contains(lines.String(), line) {
					t.Errorf("the log does not say %q:\n%s", line, lines.String())
				}
			}
			if s.Err() != nil {
				t.Errorf("the store failed: %v", s.Err())
			}
			for name, fs := range map[string]vfs.FS{"crashed": crashed, "closed": disk} {
				o.FS = fs
				s := mustOpen(t, "data", o)
				j := mustJournal(t, s, 0)
				if _, last, err := j.Tail(t.Context()); last != records || err != nil {
					t.Errorf("%s: last = %d, %v", name, last, err)
				}
				if err := j.Read(t.Context(), 1, func(journal.Seq, []byte) error { return nil }); err != nil {
					t.Errorf("%s: %v", name, err)
				}
				mustClose(t, s)
			}
		})
	}
}

// TestCompactionsThatFailWait lets table files be unreadable: Pebble tries the same compaction again and again, but only as often as the
// clock is turned.
func TestCompactionsThatFailWait(t *testing.T) {
	fs, inject := faulty(vfs.NewMem())
	manual := clock.NewManual(time.Unix(1_700_000_000, 0))
	o := small(t, fs)
	o.Shards, o.MemTableBytes, o.Clock = 2, 4<<20, manual
	s := mustOpen(t, "data", o)
	defer mustClose(t, s)
	for shard := range uint32(2) { // two neighbours, which Pebble rewrites
		w := journaltest.NewWriter(shard)
		if err := mustJournal(t, s, shard).Append(w.Next(t, string(noise(100_000)))).Wait(); err != nil {
			t.Fatal(err)
		}
	}
	inject.set(func(op errorfs.Op) error {
		if strings.HasSuffix(op.Path, tableSuffix) && op.Kind.ReadOrWrite() == errorfs.OpIsRead {
			return syscall.EIO
		}
		return nil
	})
	if err := s.db.Flush(); err != nil {
		t.Fatal(err)
	}
	for failed := int64(1); failed <= 8; failed++ {
		due, ok := manual.Next()
		for ; !ok && s.db.Metrics().Compact.FailedCount <= failed; due, ok = manual.Next() {
			runtime.Gosched()
		}
		if got := s.db.Metrics().Compact.FailedCount; got != failed {
			t.Errorf("%d compactions have failed when the next one waits, want %d", got, failed)
			break
		}
		manual.Set(due)
	}
	if passed := manual.Now().Unix() - 1_700_000_000; passed < 1 {
		t.Errorf("the pauses do not grow to more than %d s together", passed)
	}
	inject.clear()
	for s.db.Metrics().Levels[0].TablesCount > 0 {
		if due, ok := manual.Next(); ok {
			manual.Set(due)
		}
		runtime.Gosched()
	}
}

// TestFailuresAreToldApart lets flushes, compactions and statistics fail with one and the same errno: each is told as what it is, each is tried
// only as often as the clock is turned, and none of them waits with Pebble's lock held.
func TestFailuresAreToldApart(t *testing.T) {
	fs, inject := faulty(vfs.NewMem())
	o := small(t, fs)
	o.Shards, o.MemTableBytes, o.Clock, o.Logger = 3, 4<<20, hasty{clock.System()}, nil
	var statistics atomic.Int32
	fail := func(op errorfs.Op) error {
		if !strings.HasSuffix(op.Path, tableSuffix) || op.Kind != errorfs.OpOpen && op.Kind != errorfs.OpFileReadAt {
			return nil
		}
		if job() == jobStatistics {
			statistics.Add(1)
		}
		return syscall.EIO
	}
	s := mustOpen(t, "data", o)
	for shard := range uint32(2) { // two neighbours, which Pebble rewrites
		w := journaltest.NewWriter(shard)
		if err := mustJournal(t, s, shard).Append(w.Next(t, string(noise(100_000)))).Wait(); err != nil {
			t.Fatal(err)
		}
	}
	inject.set(fail)
	mustClose(t, s)

	statistics.Store(0)
	var lines syncBuffer
	manual := clock.NewManual(time.Unix(1_700_000_000, 0))
	turns := int32(0)
	turn := func() {
		if due, ok := manual.Next(); ok {
			manual.Set(due)
			turns++
		}
		runtime.Gosched()
	}
	o.Clock, o.Logger = manual, slog.New(slog.NewTextHandler(&lines, nil))
	opened := make(chan error, 1)
	go func() {
		var err error
		s, err = Open("data", o)
		opened <- err
	}()
	for len(opened) == 0 {
		turn()
	}
	if err := <-opened; err != nil {
		t.Fatal(err)
	}
	w := journaltest.NewWriter(2)
	fill(t, mustJournal(t, s, 2), &w, 1)
	inject.set(func(op errorfs.Op) error {
		if strings.HasSuffix(op.Path, tableSuffix) && isSync(op.Kind) {
			return syscall.EIO
		}
		return fail(op)
	})
	if _, err := s.db.AsyncFlush(); err != nil {
		t.Fatal(err)
	}
	for !strings.Contains(lines.String(), "cannot write its table files") {
		runtime.Gosched()
	}
	check := func() {
		t.Helper()
		m := s.db.Metrics() // it needs the lock
		if n := m.Compact.FailedCount; n > int64(turns)+1 {
			t.Fatalf("%d compactions have failed after %d pauses", n, turns)
		}
		if n := statistics.Load(); n > turns+1 {
			t.Fatalf("statistics were read %d times after %d pauses", n, turns)
		}
	}
	read := func(more int32) {
		t.Helper()
		for n := statistics.Load() + more; statistics.Load() < n; check() {
			if turn(); turns > 1000 {
				t.Fatalf("statistics were read %d times after %d pauses", statistics.Load(), turns)
			}
		}
	}
	read(10)
	for _, line := range []string{"cannot write its table files", "cannot compact its table files", "cannot read the statistics"} {
		if !strings.Contains(lines.String(), line) {
			t.Errorf("the log does not say %q:\n%s", line, lines.String())
		}
	}
	if strings.Contains(lines.String(), "failed in the background") {
		t.Errorf("the log does not say what has failed:\n%s", lines.String())
	}

	inject.set(fail) // flushes work again
	for ; !strings.Contains(lines.String(), "can write its table files again"); check() {
		turn()
	}
	select {
	case <-s.flushFailed:
	default:
		t.Error("a failure of a flush was not told")
	}
	read(10)
	select {
	case err := <-s.flushFailed:
		t.Errorf("told as a failure of a flush: %v", err)
	default:
	}
	inject.clear()
	mustClose(t, s)
	if strings.Contains(lines.String(), "without a flush") {
		t.Errorf("the log says:\n%s", lines.String())
	}
}

// TestNothingWaitsWithPebblesLock: what is not known to be the collector of statistics may have the lock.
func TestNothingWaitsWithPebblesLock(t *testing.T) {
	o := small(t, vfs.NewMem())
	var lines syncBuffer
	manual := clock.NewManual(time.Unix(1_700_000_000, 0)) // nobody turns it
	o.Clock, o.Logger = manual, slog.New(slog.NewTextHandler(&lines, nil))
	s := mustOpen(t, "data", o)
	s.listener().BackgroundError(syscall.EIO)
	if !strings.Contains(lines.String(), "failed in the background") {
		t.Errorf("the log says:\n%s", lines.String())
	}
	mustClose(t, s)
}

// TestUnknownFreeSpaceIsNoFailure: Pebble asks for it, too, and would tell of a failure in the background.
func TestUnknownFreeSpaceIsNoFailure(t *testing.T) {
	fs, inject := faulty(vfs.NewMem())
	asked := 0
	inject.set(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpGetDiskUsage {
			asked++
			return syscall.EIO
		}
		return nil
	})
	var lines syncBuffer
	o := small(t, fs)
	o.Clock, o.Logger = hasty{clock.System()}, slog.New(slog.NewTextHandler(&lines, nil))
	mustClose(t, mustOpen(t, "data", o))
	if asked == 0 {
		t.Error("the test has shown nothing")
	}
	v, err := OpenView("data", o)
	if err != nil {
		t.Fatal(err)
	}
	mustClose(t, v)
	if lines.String() != "" {
		t.Errorf("the log says:\n%s", lines.String())
	}
}

// TestFlushesThatFailWait lets table files fail that are to be made: Pebble tries again and again, but only as often as the clock is turned.
func TestFlushesThatFailWait(t *testing.T) {
	fs, inject := faulty(vfs.NewMem())
	manual := clock.NewManual(time.Unix(1_700_000_000, 0))
	o := small(t, fs)
	o.Clock, o.Logger = manual, slog.New(slog.DiscardHandler)
	s := mustOpen(t, "data", o)
	j, w := mustJournal(t, s, 0), journaltest.NewWriter(0)
	fill(t, j, &w, 1)
	var tries atomic.Int32
	inject.set(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpCreate && strings.HasSuffix(op.Path, tableSuffix) {
			tries.Add(1)
			return syscall.EIO
		}
		return nil
	})
	flushed, err := s.db.AsyncFlush()
	if err != nil {
		t.Fatal(err)
	}
	for round := range int32(10) {
		due, ok := manual.Next()
		for ; !ok && tries.Load() < 100; due, ok = manual.Next() {
			runtime.Gosched()
		}
		if n := tries.Load(); n != round+1 {
			t.Fatalf("%d tries after %d pauses", n, round)
		}
		if round == 9 {
			inject.clear()
		}
		manual.Set(due)
	}
	<-flushed
	if passed := manual.Now().Unix() - 1_700_000_000; passed < 3 || passed > 10 {
		t.Errorf("the pauses are %d s together", passed)
	}
	mustClose(t, s)
}

// TestCloseDoesNotWaitForAFlushThatFails: the write-ahead log has everything.
func TestCloseDoesNotWaitForAFlushThatFails(t *testing.T) {
	fs, inject := faulty(vfs.NewMem())
	o := small(t, fs)
	s := mustOpen(t, "data", o)
	w := journaltest.NewWriter(0)
	if err := mustJournal(t, s, 0).Append(w.Next(t, "a")).Wait(); err != nil {
		t.Fatal(err)
	}
	inject.set(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpFileWrite && strings.HasSuffix(op.Path, tableSuffix) {
			return syscall.ENOSPC
		}
		return nil
	})
	mustClose(t, s)
	inject.clear()
	s = mustOpen(t, "data", o)
	if _, last, err := mustJournal(t, s, 0).Tail(context.Background()); last != 1 || err != nil {
		t.Errorf("last = %d, %v", last, err)
	}
	mustClose(t, s)
}

func TestFailedCheckpointLeavesNothing(t *testing.T) {
	ofFile := func(kind errorfs.OpKind) func(errorfs.Op) bool {
		return func(op errorfs.Op) bool { return op.Kind == kind && strings.Contains(op.Path, checkpointSuffix) }
	}
	for name, hit := range map[string]func(errorfs.Op) bool{
		"create": ofFile(errorfs.OpCreate),
		"write":  ofFile(errorfs.OpFileWrite),
		"fsync":  ofFile(errorfs.OpFileSync),
		"rename": ofFile(errorfs.OpRename),
		"directory fsync": func(op errorfs.Op) bool {
			return strings.HasSuffix(op.Path, "checkpoints/0") && isSync(op.Kind)
		},
	} {
		t.Run(name, func(t *testing.T) {
			fs, inject := faulty(vfs.NewMem())
			o := small(t, fs)
			s := mustOpen(t, "data", o)
			c := mustJournal(t, s, 0).Checkpoints()
			hits := 0
			inject.set(func(op errorfs.Op) error {
				if hit(op) {
					hits++
					return syscall.ENOSPC
				}
				return nil
			})
			write := func(w io.Writer) error { _, err := io.WriteString(w, "state"); return err }
			if err := c.Save(context.Background(), 1, write); !errors.Is(err, journal.ErrFull) || hits != 1 {
				t.Errorf("Save: %v, %d operations failed", err, hits)
			}
			inject.clear()
			names, err := o.FS.List("data/checkpoints/0")
			if err != nil || len(names) != 0 {
				t.Errorf("%v is left, %v", names, err)
			}
			if s.Err() != nil {
				t.Errorf("the store failed: %v", s.Err())
			}
			if err := c.Save(context.Background(), 1, write); err != nil {
				t.Errorf("Save again: %v", err)
			}
			mustClose(t, s)
		})
	}
}

// TestTailsStayWhenTheyCannotBeMadeDurable: what they said before is worth more than nothing, and what they say now is true.
func TestTailsStayWhenTheyCannotBeMadeDurable(t *testing.T) {
	disk := vfs.NewCrashableMem()
	fs, inject := faulty(disk)
	o := small(t, fs)
	o.Shards, o.Logger = 1, slog.New(slog.DiscardHandler)
	s := mustOpen(t, "data", o)
	j, w := mustJournal(t, s, 0), journaltest.NewWriter(0)
	fill(t, j, &w, 1)
	mustClose(t, s)
	s = mustOpen(t, "data", o)
	fill(t, mustJournal(t, s, 0), &w, 1)
	hits := 0
	inject.set(func(op errorfs.Op) error {
		if op.Path == "data" && isSync(op.Kind) {
			hits++
			return syscall.EIO
		}
		return nil
	})
	s.noteTails()
	if hits != 1 {
		t.Fatalf("%d operations failed", hits)
	}
	tails := func(fs vfs.FS) journal.Seq {
		t.Helper()
		tails, err := parseTails("", string(readFile(t, fs, "data/"+tailsFile)), 1)
		if err != nil {
			t.Fatal(err)
		}
		return tails[0]
	}
	if got := tails(disk); got != 2 {
		t.Errorf("TAILS says %d", got)
	}
	if got := tails(disk.CrashClone(vfs.CrashCloneCfg{})); got != 1 {
		t.Errorf("after a power failure TAILS says %d", got)
	}
	inject.clear()
	s.noteTails()
	if got := tails(disk.CrashClone(vfs.CrashCloneCfg{})); got != 2 {
		t.Errorf("noted again, TAILS says %d after a power failure", got)
	}
	mustClose(t, s)
}

func TestInterruptedSaveIsSweptAway(t *testing.T) {
	o := small(t, vfs.NewMem())
	s := mustOpen(t, "data", o)
	mustJournal(t, s, 0)
	mustClose(t, s)
	f, err := o.FS.Create("data/checkpoints/0/9.ckpt.tmp", vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	mustClose(t, f)
	s = mustOpen(t, "data", o)
	mustJournal(t, s, 0)
	if names, err := o.FS.List("data/checkpoints/0"); err != nil || len(names) != 0 {
		t.Errorf("%v is left, %v", names, err)
	}
	mustClose(t, s)
}

// TestEvents checks that latencies are told, and for each append once.
func TestEvents(t *testing.T) {
	o := small(t, vfs.NewMem())
	var appended, bytesSum, synced atomic.Int64
	o.Events.Appended = func(shard uint32, n int, d time.Duration) {
		if shard != 2 || d < 0 {
			t.Errorf("Appended(%d, %d, %v)", shard, n, d)
		}
		appended.Add(1)
		bytesSum.Add(int64(n))
	}
	o.Events.Synced = func(d time.Duration) { synced.Add(1) }
	s := mustOpen(t, "data", o)
	j := mustJournal(t, s, 2)
	w := journaltest.NewWriter(2)
	size := 0
	for range 3 {
		expect, rec := w.Next(t, "abc")
		size += len(rec)
		if err := j.Append(expect, rec).Wait(); err != nil {
			t.Fatal(err)
		}
	}
	if appended.Load() != 3 || bytesSum.Load() != int64(size) || synced.Load() < 3 {
		t.Errorf("%d appends of %d bytes, %d syncs", appended.Load(), bytesSum.Load(), synced.Load())
	}
	mustClose(t, s)
}

// syncBuffer is a bytes.Buffer for several goroutines.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.b.Reset()
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// TestOpenRefusesAJournalThatCannotBeWrittenTo: Pebble does not see it, and nothing is changed.
func TestOpenRefusesAJournalThatCannotBeWrittenTo(t *testing.T) {
	fs, inject := faulty(vfs.NewMem())
	o := small(t, fs)
	mustClose(t, mustOpen(t, "data", o))
	before := listed(t, fs, "data/journal")
	var creates atomic.Int32
	inject.set(func(op errorfs.Op) error {
		if path.Dir(op.Path) != "data/journal" || op.Kind != errorfs.OpCreate {
			return nil
		}
		creates.Add(1)
		return syscall.EACCES
	})
	if _, err := Open("data", o); !errors.Is(err, iofs.ErrPermission) || creates.Load() != 1 {
		t.Errorf("%d files were to be made, %v", creates.Load(), err)
	}
	inject.clear()
	if after := listed(t, fs, "data/journal"); !slices.Equal(before, after) {
		t.Errorf("there was %q, and now there is %q", before, after)
	}
	mustClose(t, mustOpen(t, "data", o))
}

// TestAnOpeningThatFailsLeavesNothingBehind fails what Pebble does last to open a database, when it has replayed a log with a trim in it:
// goroutines that read the table that came of that would end the process. They do that in one of a few tries.
func TestAnOpeningThatFailsLeavesNothingBehind(t *testing.T) {
	for name, kind := range map[string]errorfs.OpKind{"rename": errorfs.OpRename, "list": errorfs.OpList} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			disk := vfs.NewCrashableMem()
			o := small(t, disk)
			o.Shards, o.Logger = 1, slog.New(slog.DiscardHandler)
			s := mustOpen(t, "data", o)
			j, w := mustJournal(t, s, 0), journaltest.NewWriter(0)
			fill(t, j, &w, 20)
			if err := j.Trim(t.Context(), 5); err != nil {
				t.Fatal(err)
			}
			crashed := disk.CrashClone(vfs.CrashCloneCfg{})
			mustClose(t, s)
			for range 50 {
				disk := copyOf(crashed)
				fs, inject := faulty(disk)
				var replayed, hit atomic.Bool
				inject.set(func(op errorfs.Op) error {
					switch {
					case op.Kind == errorfs.OpCreate && strings.HasSuffix(op.Path, tableSuffix):
						replayed.Store(true)
					case op.Kind == kind && replayed.Load():
						hit.Store(true)
						return syscall.EIO
					}
					return nil
				})
				o.FS = fs
				_, err := Open("data", o)
				if !errors.Is(err, syscall.EIO) || errors.Is(err, journal.ErrDamaged) || !strings.Contains(err.Error(), "data/journal") || !hit.Load() {
					t.Fatalf("Open: %v; the operation has failed: %v", err, hit.Load())
				}
				o.FS = disk
				found, err := lookInto(o)
				if err != nil || len(found.records) != 15 || found.records[5] != "" || len(found.failures) > 0 {
					t.Fatalf("after that: %v, %v", found, err)
				}
			}
		})
	}
}

func listed(t *testing.T, fs vfs.FS, dir string) []string {
	t.Helper()
	names, err := fs.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	return names
}

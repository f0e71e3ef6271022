package pebblejournal

import (
	"context"
	"errors"
	"log/slog"
	"runtime"
	"strings"
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

// full is a disk whose free space is what a test says.
type full struct {
	vfs.FS
	free  atomic.Uint64
	asked atomic.Int32
}

func (f *full) GetDiskUsage(string) (vfs.DiskUsage, error) {
	f.asked.Add(1)
	return vfs.DiskUsage{AvailBytes: f.free.Load(), TotalBytes: 1 << 40}, nil
}

func (f *full) Unwrap() vfs.FS { return f.FS }

// onFull opens a store with a reserve of 16,000 bytes on a disk with much space, and a clock that stands still.
func onFull(t *testing.T) (*Store, *full, *clock.Manual, *syncBuffer) {
	t.Helper()
	disk := &full{FS: vfs.NewMem()}
	disk.free.Store(1 << 30)
	now := clock.NewManual(time.Unix(1_700_000_000, 0))
	lines := &syncBuffer{}
	o := small(t, disk)
	o.ReserveBytes, o.Clock, o.Logger = 16_000, now, slog.New(slog.NewTextHandler(lines, nil))
	return mustOpen(t, "data", o), disk, now, lines
}

func TestRoomFollowsTheFreeSpace(t *testing.T) {
	s, disk, now, lines := onFull(t)
	defer mustClose(t, s)
	j := mustJournal(t, s, 0)
	for _, step := range []struct {
		free uint64
		want journal.Room
		log  string // what the log says now and did not before
	}{
		{1 << 30, journal.RoomForAll, ""},
		{16_000, journal.RoomForAll, ""},
		{15_999, journal.RoomToFree, "nearly full"},
		{17_999, journal.RoomToFree, ""},
		{8_000, journal.RoomToFree, ""},
		{7_999, journal.NoRoom, "not even receives and deletes"},
		{8_999, journal.NoRoom, ""},
		{9_000, journal.RoomToFree, "nearly full"},
		{0, journal.NoRoom, "not even receives and deletes"},
		{18_000, journal.RoomForAll, "has room again"},
	} {
		lines.reset()
		disk.free.Store(step.free)
		now.Advance(spaceAge)
		for range 3 {
			if got := journal.RoomOf(j); got != step.want {
				t.Errorf("with %d bytes free: room %d, want %d", step.free, got, step.want)
			}
		}
		if got := lines.String(); step.log == "" && got != "" || step.log != "" && strings.Count(got, step.log) != 1 {
			t.Errorf("with %d bytes free the log says %q, want %q", step.free, got, step.log)
		}
	}
}

// A clock that was ahead and is set back does not let the free space be looked at as rarely as it was ahead.
func TestRoomIsLookedAtAfterTheClockWasSetBack(t *testing.T) {
	s, disk, now, _ := onFull(t)
	defer mustClose(t, s)
	j := mustJournal(t, s, 0)
	disk.free.Store(0)
	now.Advance(time.Hour)
	if got := journal.RoomOf(j); got != journal.NoRoom {
		t.Fatalf("room %d", got)
	}
	disk.free.Store(1 << 30)
	now.Advance(-time.Hour)
	if got := journal.RoomOf(j); got != journal.RoomForAll {
		t.Errorf("room %d", got)
	}
	asked := disk.asked.Load()
	for range 3 {
		journal.RoomOf(j)
	}
	if n := disk.asked.Load() - asked; n != 0 {
		t.Errorf("the file system was asked %d times at one moment", n)
	}
}

func TestRoomIsCheapToAsk(t *testing.T) {
	s, disk, now, _ := onFull(t)
	defer mustClose(t, s)
	j := mustJournal(t, s, 0)
	journal.RoomOf(j)
	before := disk.asked.Load()
	for range 1000 {
		journal.RoomOf(j)
	}
	if n := disk.asked.Load() - before; n != 0 {
		t.Errorf("the file system was asked %d times in no time", n)
	}
	w := journaltest.NewWriter(0)
	for range 10 { // much is written: the answer may be wrong by now
		if err := j.Append(w.Next(t, strings.Repeat("x", 1000))).Wait(); err != nil {
			t.Fatal(err)
		}
	}
	if n := disk.asked.Load() - before; n < 2 || n > 10 {
		t.Errorf("the file system was asked %d times for 10,000 bytes with a reserve of 16,000", n)
	}
	before = disk.asked.Load()
	for range 100 {
		journal.RoomOf(j)
	}
	if n := disk.asked.Load() - before; n > 1 {
		t.Errorf("the file system was asked %d times after that, in no time", n)
	}
	now.Advance(spaceAge)
	before = disk.asked.Load()
	journal.RoomOf(j)
	if n := disk.asked.Load() - before; n != 1 {
		t.Errorf("the file system was asked %d times after %v", n, spaceAge)
	}
}

func TestFullDiskRefusesAndRecovers(t *testing.T) {
	s, disk, now, _ := onFull(t)
	j := mustJournal(t, s, 0)
	w := journaltest.NewWriter(0)
	for range 3 {
		if err := j.Append(w.Next(t, "fits")).Wait(); err != nil {
			t.Fatal(err)
		}
	}
	disk.free.Store(7_000)
	now.Advance(spaceAge)
	expect, rec := w.Next(t, "too much")
	first, second := j.Append(expect, rec), j.Append(w.Next(t, "behind it"))
	for _, p := range []journal.Pending{first, second} {
		if err := p.Wait(); !errors.Is(err, journal.ErrFull) {
			t.Errorf("append to a full disk: %v", err)
		}
	}
	if _, last, _ := j.Tail(context.Background()); last != 3 {
		t.Errorf("last = %d after appends that were refused", last)
	}
	if err := j.Trim(context.Background(), 2); err != nil {
		t.Errorf("trim of a full disk: %v", err)
	}
	disk.free.Store(10_000)
	now.Advance(spaceAge)
	if err := j.Append(expect, rec).Wait(); err != nil {
		t.Errorf("the same append with space: %v", err)
	}
	if got := s.Stats(); got.FreeBytes != 10_000 || got.FileSystemBytes != 1<<40 || got.DiskBytes == 0 {
		t.Errorf("Stats = %+v", got)
	}
	if s.Err() != nil {
		t.Errorf("the store failed: %v", s.Err())
	}
	mustClose(t, s)
}

// outOfSpace lets what writes the files that hit selects find no space, and counts how often.
func outOfSpace(inject *faults, hit func(errorfs.Op) bool) (tries *atomic.Int32) {
	tries = new(atomic.Int32)
	inject.set(func(op errorfs.Op) error {
		if hit(op) && op.Kind.ReadOrWrite() == errorfs.OpIsWrite && !isSync(op.Kind) {
			tries.Add(1)
			return syscall.ENOSPC
		}
		return nil
	})
	return tries
}

// Somebody else takes the last byte: what is on its way waits for space, and then everything is there.
func TestWritesWaitForSpace(t *testing.T) {
	for name, hit := range map[string]func(errorfs.Op) bool{
		"log":      func(op errorfs.Op) bool { return isLog(op.Path) },
		"manifest": isManifest,
		"all":      func(errorfs.Op) bool { return true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			disk := vfs.NewCrashableMem()
			fs, inject := faulty(disk)
			o := small(t, fs)
			lines := &syncBuffer{}
			o.Logger = slog.New(slog.NewTextHandler(lines, nil))
			s := mustOpen(t, "data", o)
			j := mustJournal(t, s, 0)
			w := journaltest.NewWriter(0)
			tries := outOfSpace(inject, hit)
			done := make(chan error, 1)
			appended := 0
			go func() {
				for tries.Load() < 3 || appended < 100 { // large enough that the memtable, and with it the log, is changed
					appended++
					if err := j.Append(w.Next(t, strings.Repeat("x", 20_000))).Wait(); err != nil {
						done <- err
						return
					}
				}
				done <- nil
			}()
			for tries.Load() < 3 {
				time.Sleep(time.Millisecond)
			}
			inject.clear()
			if err := <-done; err != nil {
				t.Fatal(err)
			}
			if s.Err() != nil || !strings.Contains(lines.String(), "has space again") && name != "all" {
				t.Errorf("Err = %v; the log:\n%s", s.Err(), lines)
			}
			o.FS = disk.CrashClone(vfs.CrashCloneCfg{})
			o.Logger = nil
			mustClose(t, s)
			s = mustOpen(t, "data", o)
			defer mustClose(t, s)
			j = mustJournal(t, s, 0)
			if _, last, err := j.Tail(t.Context()); err != nil || int(last) != appended {
				t.Errorf("%d records after a crash, %v; %d were acknowledged", last, err, appended)
			}
			if err := j.Read(t.Context(), 1, func(journal.Seq, []byte) error { return nil }); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestNothingIsWrittenAfterAFailureThatCameMeanwhile: a write that waits for space is dropped when the store fails meanwhile.
func TestNothingIsWrittenAfterAFailureThatCameMeanwhile(t *testing.T) {
	disk := vfs.NewMem()
	fs, inject := faulty(disk)
	manual := clock.NewManual(time.Unix(1_700_000_000, 0))
	g := &guard{FS: fs, clock: manual, log: slog.New(slog.DiscardHandler), fail: func(error) {}}
	g.opened.Store(true)
	f, err := g.Create("000004.log", vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	inject.set(func(errorfs.Op) error { return syscall.ENOSPC })
	done := make(chan error)
	go func() { _, err := f.Write([]byte("x")); done <- err }()
	due, ok := manual.Next()
	for ; !ok; due, ok = manual.Next() {
		runtime.Gosched()
	}
	g.caught("fsync", "another", syscall.EIO)
	inject.clear()
	manual.Set(due)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if b := readFile(t, disk, "000004.log"); len(b) > 0 {
		t.Errorf("%q was written", b)
	}
}

// halfFull writes half of what it is asked, and the rest when there is space.
type halfFull struct {
	vfs.FS
	full  atomic.Bool
	tries chan struct{} // one for each write that was not done; as many as fit
}

func (h *halfFull) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := h.FS.Create(name, c)
	return &halfFile{f, h}, err
}

type halfFile struct {
	vfs.File
	of *halfFull
}

func (f *halfFile) Write(p []byte) (int, error) {
	if !f.of.full.Load() || len(p) < 2 {
		return f.File.Write(p)
	}
	n, err := f.File.Write(p[:len(p)/2])
	if err == nil {
		err = syscall.ENOSPC
	}
	select {
	case f.of.tries <- struct{}{}:
	default:
	}
	return n, err
}

// A write that the disk took half of is not written twice.
func TestHalfAWriteIsCompleted(t *testing.T) {
	base := vfs.NewCrashableMem()
	disk := &halfFull{FS: base, tries: make(chan struct{}, 1)}
	o := small(t, disk)
	s := mustOpen(t, "data", o)
	w := journaltest.NewWriter(0)
	j := mustJournal(t, s, 0)
	disk.full.Store(true)
	p := j.Append(w.Next(t, strings.Repeat("x", 20_000)))
	<-disk.tries
	<-disk.tries // and the next half
	disk.full.Store(false)
	if err := p.Wait(); err != nil {
		t.Fatal(err)
	}
	if err := j.Append(w.Next(t, "behind it")).Wait(); err != nil {
		t.Fatal(err)
	}
	crashed := copyOf(base)
	mustClose(t, s)
	o.FS = crashed
	s = mustOpen(t, "data", o)
	defer mustClose(t, s)
	if _, last, err := mustJournal(t, s, 0).Tail(t.Context()); last != 2 || err != nil {
		t.Errorf("last = %d, %v", last, err)
	}
}

// A server that is stopped does not wait for space, and does not say of what it could not write that it is there; not even while somebody
// still reads a View.
func TestCloseDoesNotWaitForSpace(t *testing.T) {
	fs, inject := faulty(vfs.NewMem())
	o := small(t, fs)
	o.Logger = nil
	s := mustOpen(t, "data", o)
	w := journaltest.NewWriter(0)
	j := mustJournal(t, s, 0)
	if err := j.Append(w.Next(t, "a")).Wait(); err != nil {
		t.Fatal(err)
	}
	v, err := s.View(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	tries := outOfSpace(inject, func(op errorfs.Op) bool { return isLog(op.Path) })
	p := j.Append(w.Next(t, "b"))
	for tries.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	if err := p.Wait(); !errors.Is(err, journal.ErrUnknown) {
		t.Errorf("the append that waited: %v", err)
	}
	mustClose(t, v)
	if err := <-closed; err != nil {
		t.Error(err)
	}
	inject.clear()
	s = mustOpen(t, "data", o)
	defer mustClose(t, s)
	if _, last, err := mustJournal(t, s, 0).Tail(t.Context()); last != 1 || err != nil {
		t.Errorf("last = %d, %v", last, err)
	}
}

// A full disk is no reason to wait when the directory is opened: whoever starts the server should hear of it.
func TestOpenDoesNotWaitForSpace(t *testing.T) {
	fs, inject := faulty(vfs.NewMem())
	o := small(t, fs)
	o.Logger = nil
	mustClose(t, mustOpen(t, "data", o))
	outOfSpace(inject, func(op errorfs.Op) bool { return isLog(op.Path) })
	if s, err := Open("data", o); !errors.Is(err, journal.ErrFull) {
		t.Errorf("Open: %v, %v, want ErrFull", s, err)
	}
}

package pebblejournal

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/staunchmq/staunch/internal/clock"
	"github.com/staunchmq/staunch/internal/journal"
	"github.com/staunchmq/staunch/internal/journal/journaltest"
)

// damagedIn is what a view of an open store says of its files.
func damagedIn(t *testing.T, s *Store) []error {
	t.Helper()
	v, err := s.View(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer mustClose(t, v)
	return v.DamagedFiles(t.Context())
}

// flipInPlace changes a byte of a file that somebody else has open.
func flipInPlace(t *testing.T, fs vfs.FS, path string, at int64) {
	t.Helper()
	f, err := fs.OpenReadWrite(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	defer mustClose(t, f)
	var b [1]byte
	if _, err := f.ReadAt(b[:], at); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 0x10
	if _, err := f.WriteAt(b[:], at); err != nil {
		t.Fatal(err)
	}
}

// appendNoise appends a record that fills a good part of a memtable.
func appendNoise(t *testing.T, j journal.Journal, w *journaltest.Writer) {
	t.Helper()
	if err := j.Append(w.Next(t, string(noise(20_000)))).Wait(); err != nil {
		t.Fatal(err)
	}
}

// TestDamageUnderAnOpenStoreIsFound changes, cuts off and removes FORMAT, the manifest, the log in use and the one before, whose records are
// not in a table yet.
func TestDamageUnderAnOpenStoreIsFound(t *testing.T) {
	fs, inject := faulty(vfs.NewMem())
	o := small(t, fs)
	o.Shards, o.Clock, o.Logger = 1, hasty{clock.System()}, slog.New(slog.DiscardHandler)
	s := mustOpen(t, "data", o)
	inject.set(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpCreate && strings.HasSuffix(op.Path, tableSuffix) {
			return syscall.EIO
		}
		return nil
	})
	j := mustJournal(t, s, 0)
	w := journaltest.NewWriter(0)
	for s.db.Metrics().WAL.Files < 2 {
		appendNoise(t, j, &w)
	}
	if damaged := damagedIn(t, s); damaged != nil {
		t.Fatalf("before any damage: %v", damaged)
	}
	want := func(path, what string) {
		t.Helper()
		damaged := damagedIn(t, s)
		if len(damaged) != 1 || !errors.Is(damaged[0], journal.ErrDamaged) || !strings.HasPrefix(damaged[0].Error(), path+" is damaged: ") {
			t.Fatalf("%s %s: %v", path, what, damaged)
		}
	}
	flipped := func(path string, at int64) {
		t.Helper()
		flipInPlace(t, fs, path, at)
		want(path, "with a flipped bit")
		flipInPlace(t, fs, path, at)
	}
	needed := s.neededFiles()
	if len(needed) != 3 {
		t.Fatalf("%d files are needed, not two logs and a manifest", len(needed))
	}
	const format = "data/" + formatFile
	for at := range int64(len(readFile(t, fs, format))) {
		flipped(format, at)
	}
	for _, f := range needed {
		size := f.durable.Load()
		for at := int64(0); at < size; at += 1 + size/50 {
			flipped(f.name, at)
		}
		flipped(f.name, size-1)
		if size > logBlockBytes {
			flipped(f.name, logBlockBytes-1)
		}
	}
	if damaged := damagedIn(t, s); damaged != nil {
		t.Fatalf("after everything was mended: %v", damaged)
	}
	// What follows is not undone. The log in use comes first: a view writes to it.
	paths := []string{needed[0].name, needed[1].name, needed[2].name, format}
	for i, path := range paths {
		whole := readFile(t, fs, path)
		alterFile(t, fs, path, func(b []byte) []byte { return b[:len(b)/2] })
		damaged := damagedIn(t, s)
		if len(damaged) != i+1 {
			t.Errorf("%s of %d bytes, cut off: %v", path, len(whole), damaged)
		}
		if err := fs.Remove(path); err != nil {
			t.Fatal(err)
		}
		damaged = damagedIn(t, s)
		if len(damaged) != i+1 || !slices.ContainsFunc(damaged, func(err error) bool { return err.Error() == path+" is damaged: the file is missing" }) {
			t.Errorf("without %s: %v", path, damaged)
		}
	}
	inject.clear()
	_ = s.Close() // with what is left
}

// TestFilesOfABusyStoreAreSound looks for damage while logs are filled, removed and used again.
func TestFilesOfABusyStoreAreSound(t *testing.T) {
	fs, inject := faulty(vfs.NewMem())
	var reused, removed atomic.Int32
	inject.set(func(op errorfs.Op) error {
		switch {
		case op.Kind == errorfs.OpReuseForWrite:
			reused.Add(1)
		case op.Kind == errorfs.OpRemove && isLog(op.Path):
			removed.Add(1)
		}
		return nil
	})
	o := small(t, fs)
	o.Shards = 2
	s := mustOpen(t, "data", o)
	defer mustClose(t, s)
	done := make(chan struct{})
	for shard := range uint32(2) {
		j := mustJournal(t, s, shard)
		go func() {
			defer func() { done <- struct{}{} }()
			w := journaltest.NewWriter(shard)
			for reused.Load() < 30 {
				if err := j.Append(w.Next(t, string(noise(20_000)))).Wait(); err != nil {
					t.Error(err)
					return
				}
				if seq := w.Header.Seq; seq%10 == 0 {
					if err := j.Trim(t.Context(), seq-5); err != nil {
						t.Error(err)
						return
					}
				}
			}
		}()
	}
	looks := 0
	for running := 2; running > 0; looks++ {
		if damaged := damagedIn(t, s); damaged != nil {
			t.Errorf("look %d: %v", looks, damaged)
		}
		select {
		case <-done:
			running--
		default:
		}
	}
	t.Logf("%d looks, %d logs used again, %d removed", looks, reused.Load(), removed.Load())
}

// TestALogThatSomebodyRemovesIsMissedByNobody removes each log that is to be used again.
func TestALogThatSomebodyRemovesIsMissedByNobody(t *testing.T) {
	fs, inject := faulty(vfs.NewMem())
	var removed atomic.Int32
	inject.set(func(op errorfs.Op) error {
		if op.Kind != errorfs.OpReuseForWrite {
			return nil
		}
		removed.Add(1)
		return fs.Remove(op.Path)
	})
	o := small(t, fs)
	s := mustOpen(t, "data", o)
	j := mustJournal(t, s, 0)
	w := journaltest.NewWriter(0)
	for removed.Load() < 5 {
		if err := j.Append(w.Next(t, string(noise(20_000)))).Wait(); err != nil {
			t.Fatal(err)
		}
	}
	if damaged := damagedIn(t, s); damaged != nil {
		t.Errorf("damaged: %v", damaged)
	}
	mustClose(t, s)
	inject.clear()
	s = mustOpen(t, "data", o)
	defer mustClose(t, s)
	if _, err := mustJournal(t, s, 0).Get(t.Context(), w.Header.Seq); err != nil {
		t.Errorf("the last record: %v", err)
	}
}

// TestALogThatGoesWhileItIsReadIsNotDamaged lets a log be used again at the worst moments.
func TestALogThatGoesWhileItIsReadIsNotDamaged(t *testing.T) {
	for name, kind := range map[string]errorfs.OpKind{"before it is opened": errorfs.OpOpen, "before it is read": errorfs.OpFileRead} {
		t.Run(name, func(t *testing.T) {
			fs, inject := faulty(vfs.NewMem())
			o := small(t, fs)
			o.Shards = 1
			s := mustOpen(t, "data", o)
			defer mustClose(t, s)
			j := mustJournal(t, s, 0)
			w := journaltest.NewWriter(0)
			// goes makes the log in use go at that moment.
			goes := func() (log *guardedFile, gone *atomic.Bool) {
				appendNoise(t, j, &w)
				log, gone = s.neededFiles()[0], new(atomic.Bool)
				inject.set(func(op errorfs.Op) error {
					if op.Kind != kind || op.Path != log.name || gone.Swap(true) {
						return nil
					}
					for n := 0; slices.Contains(s.guard.inPlace(), log); n++ {
						if n == 200 { // a log takes a dozen
							t.Error("the log does not go")
							break
						}
						appendNoise(t, j, &w)
					}
					appendNoise(t, j, &w) // over what was in it
					return nil
				})
				return log, gone
			}
			log, _ := goes()
			if err := checkSynced(s.fs, log); !errors.Is(err, journal.ErrDamaged) {
				t.Errorf("read by itself: %v", err)
			}
			_, gone := goes()
			if damaged := damagedIn(t, s); damaged != nil || !gone.Load() {
				t.Errorf("gone: %v, damaged: %v", gone.Load(), damaged)
			}
		})
	}
}

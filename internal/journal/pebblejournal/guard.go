package pebblejournal

import (
	"errors"
	"fmt"
	iofs "io/fs"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/wal"

	"github.com/staunchmq/staunch/internal/clock"
)

// guard is the file system that Pebble sees. It lets everything through until the first failure of something that decides what
// is in the database: a file of the write-ahead log, the manifest, a marker (the name of the manifest in use), or the
// fsync of a directory. That error it gives to fail, and from then on the database on disk is as if the process had ended at
// that point: nothing is written to those files, nothing is removed or renamed, and Pebble is told that all is well. Table
// files are still written, because Pebble reads from them; nothing on disk refers to them.
//
// While the database is opened, that is so for everything that is written, renamed or listed. For an opening that fails once it has
// replayed a log leaves goroutines behind that read tables, and end the process with a panic. So Pebble's opening succeeds, and the Store
// closes the database again.
//
// There is one error that is waited out instead, once the database is open: a write that the disk has no space for. It was not done, the
// kernel says so, and the same bytes can be written when there is space. (That is not so for an fsync: what it failed to write may be
// gone.) Who waits for the append waits as long. It happens only when somebody else fills the disk faster than space.go sees it.
//
// Pebble reacts to such errors with a panic, sometimes with its locks held, out of which there is no way for those who wait in
// Append. They get their answer from the Store instead, which knows better than Pebble.
type guard struct {
	vfs.FS
	clock  clock.Clock
	synced func(time.Duration)
	fail   func(error)
	log    *slog.Logger

	logGoes func()        // called before a log is removed or used again
	opened  atomic.Bool   // the database is open
	closing chan struct{} // closed when nobody wants to wait for space any more
	ending  chan struct{} // closed when nothing that has failed need rest any more, because the database is to be closed

	broken atomic.Bool
	sign   atomic.Pointer[logSign] // how far the log in use is synced; nil until that has happened once

	mu   sync.Mutex     // guards made
	made []*guardedFile // logs and manifests that are in their places, oldest first

	flushes, compactions pause
}

const (
	logSuffix      = ".log"
	tableSuffix    = ".sst"
	manifestPrefix = "MANIFEST-"
	markerPrefix   = "marker."
)

func isLog(name string) bool { return strings.HasSuffix(name, logSuffix) }

// decisive reports whether a file decides what is in the database.
func (g *guard) decisive(name string) bool {
	base := g.PathBase(name)
	return isLog(base) || strings.HasPrefix(base, manifestPrefix) || strings.HasPrefix(base, markerPrefix)
}

// caught reports whether err stops here, because the Store has failed by it.
func (g *guard) caught(what, name string, err error) bool {
	if err == nil {
		return false
	}
	// The Store has failed before the first write is dropped: otherwise the sync of another file, dropped in between, would pass
	// for a success and be acknowledged. Both come before Pebble learns that the operation is over.
	g.fail(fmt.Errorf("%s %s: %w", what, name, err))
	g.broken.Store(true)
	return true
}

// waitForSpace is how long a write waits that the disk has no space for, until it is tried again.
const waitForSpace = 100 * time.Millisecond

// patiently repeats an operation as long as the disk is full.
func (g *guard) patiently(what, name string, operation func() error) error {
	err := operation()
	if !isFull(err) || !g.opened.Load() {
		return err
	}
	g.log.Error("the disk is full; what is to be written waits for space", "operation", what, "path", name, "error", err)
	for isFull(err) {
		timer := g.clock.NewTimer(waitForSpace)
		select {
		case <-timer.C():
		case <-g.closing:
			timer.Stop()
			return err
		}
		if g.broken.Load() {
			return err
		}
		err = operation()
	}
	if err == nil {
		g.log.Info("the disk has space again; what had to wait is written", "operation", what, "path", name)
	}
	return err
}

// Unwrap implements vfs.FS.
func (g *guard) Unwrap() vfs.FS { return g.FS }

// Create implements vfs.FS.
func (g *guard) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if !g.decisive(name) {
		g.flushes.rest(g.clock, nil)
		if g.opened.Load() {
			return g.FS.Create(name, category)
		}
		// The opening waits for a flush, too, which Pebble would try for ever.
	}
	return g.open(name, func() (vfs.File, error) { return g.FS.Create(name, category) })
}

// ReuseForWrite implements vfs.FS.
func (g *guard) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if !g.broken.Load() {
		g.logGoes()
		g.forget(oldname)
	}
	return g.open(newname, func() (vfs.File, error) {
		f, err := g.FS.ReuseForWrite(oldname, newname, category)
		if errors.Is(err, iofs.ErrNotExist) { // somebody has removed it; nothing needs what was in it
			return g.FS.Create(newname, category)
		}
		return f, err
	})
}

// OpenDir implements vfs.FS.
func (g *guard) OpenDir(name string) (vfs.File, error) {
	f, err := g.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return &guardedFile{File: f, guard: g, name: name, decisive: true}, nil
}

// open returns a guarded file.
func (g *guard) open(name string, open func() (vfs.File, error)) (vfs.File, error) {
	if g.broken.Load() {
		return newNowhere(), nil
	}
	var f vfs.File
	err := g.patiently("create", name, func() (err error) { f, err = open(); return err })
	if g.caught("create", name, err) {
		return newNowhere(), nil
	}
	base := g.PathBase(name)
	log, _, _ := wal.ParseLogFilename(base)
	guarded := &guardedFile{File: f, guard: g, name: name, decisive: g.decisive(name), log: uint64(log)}
	if guarded.log != 0 || strings.HasPrefix(base, manifestPrefix) {
		g.mu.Lock()
		g.made = append(g.made, guarded)
		g.mu.Unlock()
	}
	return guarded, nil
}

// forget is called before a file is removed or used again.
func (g *guard) forget(name string) {
	base := g.PathBase(name)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.made = slices.DeleteFunc(g.made, func(f *guardedFile) bool { return g.PathBase(f.name) == base })
}

// inPlace returns the logs and manifests that were not removed or used again, newest first.
func (g *guard) inPlace() []*guardedFile {
	g.mu.Lock()
	defer g.mu.Unlock()
	files := slices.Clone(g.made)
	slices.Reverse(files)
	return files
}

// Remove implements vfs.FS.
func (g *guard) Remove(name string) error {
	if g.broken.Load() {
		return nil
	}
	if isLog(name) {
		g.logGoes()
	}
	g.forget(name)
	return g.FS.Remove(name)
}

// RemoveAll implements vfs.FS.
func (g *guard) RemoveAll(name string) error {
	if g.broken.Load() {
		return nil
	}
	return g.FS.RemoveAll(name)
}

// Rename implements vfs.FS.
func (g *guard) Rename(oldname, newname string) error {
	if g.broken.Load() {
		return nil
	}
	err := g.FS.Rename(oldname, newname)
	if !g.opened.Load() && g.caught("rename", newname, err) {
		return nil
	}
	return err
}

// List implements vfs.FS.
func (g *guard) List(dir string) ([]string, error) {
	names, err := g.FS.List(dir)
	if !g.opened.Load() && g.caught("list", dir, err) {
		return nil, nil
	}
	return names, err
}

// GetDiskUsage implements vfs.FS. Pebble can do without, and would tell of an error as if it were one of its files.
func (g *guard) GetDiskUsage(path string) (vfs.DiskUsage, error) {
	u, err := g.FS.GetDiskUsage(path)
	if err != nil {
		err = vfs.ErrUnsupported
	}
	return u, err
}

// guardedFile is a decisive file, or a directory; or any file that was made while the database was opened.
type guardedFile struct {
	vfs.File
	guard    *guard
	name     string
	decisive bool // also when the database is open

	log     uint64       // number of the log, 0 for what is none
	written int64        // bytes; operations on one file follow one another
	durable atomic.Int64 // how many of them are synced; they do not change any more until the file is used again
}

// do runs an operation unless the guard is broken, and returns nil or breaks the guard. When the database is open, the error of a file that
// is not decisive is Pebble's.
func (f *guardedFile) do(what string, operation func() error) error {
	if !f.decisive && f.guard.opened.Load() {
		return operation()
	}
	if f.guard.broken.Load() {
		return nil
	}
	f.guard.caught(what, f.name, operation())
	return nil
}

// Write implements vfs.File.
func (f *guardedFile) Write(p []byte) (int, error) {
	if !f.decisive && f.guard.opened.Load() {
		return f.File.Write(p) // Pebble would rather have the error
	}
	n := len(p)
	err := f.do("write", func() error {
		return f.guard.patiently("write", f.name, func() error {
			written, err := f.File.Write(p)
			p = p[written:]
			return err
		})
	})
	f.written += int64(n)
	if err != nil {
		return n - len(p), err
	}
	return n, nil
}

// Sync implements vfs.File.
func (f *guardedFile) Sync() error { return f.sync(f.File.Sync) }

// SyncData implements vfs.File.
func (f *guardedFile) SyncData() error { return f.sync(f.File.SyncData) }

func (f *guardedFile) sync(operation func() error) error {
	return f.do("fsync", func() error {
		start := f.guard.clock.Now()
		err := operation()
		if err == nil {
			f.durable.Store(f.written)
		}
		if f.log != 0 {
			f.guard.synced(f.guard.clock.Now().Sub(start))
			if err == nil {
				f.guard.sign.Store(&logSign{log: f.log, synced: f.written})
			}
		}
		return err
	})
}

// SyncTo implements vfs.File.
func (f *guardedFile) SyncTo(length int64) (fullSync bool, err error) {
	err = f.do("sync", func() (err error) { fullSync, err = f.File.SyncTo(length); return err })
	return fullSync, err
}

// Close implements vfs.File.
func (f *guardedFile) Close() error {
	err := f.File.Close()
	if !f.decisive && f.guard.opened.Load() {
		return err
	}
	f.guard.caught("close", f.name, err)
	return nil
}

// nowhere is a file that takes everything and keeps nothing.
type nowhere struct{ vfs.File }

func newNowhere() vfs.File { return nowhere{vfs.NewMemFile(nil)} }

func (nowhere) Write(p []byte) (int, error)            { return len(p), nil }
func (nowhere) WriteAt(p []byte, _ int64) (int, error) { return len(p), nil }
func (nowhere) Preallocate(_, _ int64) error           { return nil }
func (nowhere) Sync() error                            { return nil }
func (nowhere) SyncData() error                        { return nil }
func (nowhere) SyncTo(int64) (bool, error)             { return true, nil }
func (nowhere) Close() error                           { return nil }

package pebblejournal

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/staunchmq/staunch/internal/clock"
)

// guard is the file system that Pebble sees. It passes everything through until the first error of the write-ahead log or
// of a directory's fsync. That error it gives to fail, and from then on it acts as if the process had ended at that point:
// nothing is written to the log, nothing is removed, and Pebble is told that all is well. Pebble reacts to
// such errors by a panic with its locks held, out of which there is no way for those who wait in Append; they get their
// answer from the Store instead, which knows better than Pebble.
//
// Until arm is called, while Pebble opens, errors go through: then Open fails with them.
type guard struct {
	vfs.FS
	clock  clock.Clock
	synced func(time.Duration)
	fail   func(error)

	armed  atomic.Bool
	broken atomic.Bool

	mu    sync.Mutex
	pause time.Duration // how long the next table file must wait, because the last ones failed
}

const (
	logSuffix = ".log"

	// Pebble tries a failed flush or compaction again at once, for ever. These bound how often.
	pauseMin = 10 * time.Millisecond
	pauseMax = time.Second
)

func (g *guard) arm() { g.armed.Store(true) }

// caught reports whether err stops here, and makes the Store failed by it.
func (g *guard) caught(what string, err error) bool {
	if err == nil || !g.armed.Load() {
		return false
	}
	g.broken.Store(true) // before anyone can learn that the operation is over
	g.fail(fmt.Errorf("%s: %w", what, err))
	return true
}

// flushed tells the outcome of a flush or compaction.
func (g *guard) flushed(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err == nil {
		g.pause = 0
		return
	}
	g.pause = min(max(2*g.pause, pauseMin), pauseMax)
}

// rest waits as long as the last failures ask for.
func (g *guard) rest() {
	g.mu.Lock()
	pause := g.pause
	g.mu.Unlock()
	if pause > 0 {
		<-g.clock.NewTimer(pause).C()
	}
}

func isLog(name string) bool { return strings.HasSuffix(name, logSuffix) }

// Unwrap implements vfs.FS.
func (g *guard) Unwrap() vfs.FS { return g.FS }

// Create implements vfs.FS.
func (g *guard) Create(name string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if !isLog(name) {
		g.rest()
		return g.FS.Create(name, category)
	}
	return g.openLog(name, func() (vfs.File, error) { return g.FS.Create(name, category) })
}

// ReuseForWrite implements vfs.FS.
func (g *guard) ReuseForWrite(oldname, newname string, category vfs.DiskWriteCategory) (vfs.File, error) {
	if !isLog(newname) {
		return g.FS.ReuseForWrite(oldname, newname, category)
	}
	return g.openLog(newname, func() (vfs.File, error) { return g.FS.ReuseForWrite(oldname, newname, category) })
}

func (g *guard) openLog(name string, open func() (vfs.File, error)) (vfs.File, error) {
	if g.broken.Load() {
		return newNowhere(), nil
	}
	f, err := open()
	if g.caught("create "+name, err) {
		return newNowhere(), nil
	}
	if err != nil {
		return nil, err
	}
	return &guardedFile{File: f, guard: g, name: name, timed: true}, nil
}

// OpenDir implements vfs.FS.
func (g *guard) OpenDir(name string) (vfs.File, error) {
	f, err := g.FS.OpenDir(name)
	if err != nil {
		return nil, err
	}
	return &guardedFile{File: f, guard: g, name: name}, nil
}

// Remove implements vfs.FS.
func (g *guard) Remove(name string) error {
	if g.broken.Load() {
		return nil
	}
	return g.FS.Remove(name)
}

// RemoveAll implements vfs.FS.
func (g *guard) RemoveAll(name string) error {
	if g.broken.Load() {
		return nil
	}
	return g.FS.RemoveAll(name)
}

// guardedFile is a file of the write-ahead log, or a directory.
type guardedFile struct {
	vfs.File
	guard *guard
	name  string
	timed bool
}

// Write implements vfs.File.
func (f *guardedFile) Write(p []byte) (int, error) {
	if f.guard.broken.Load() {
		return len(p), nil
	}
	n, err := f.File.Write(p)
	if f.guard.caught("write "+f.name, err) {
		return len(p), nil
	}
	return n, err
}

// Sync implements vfs.File.
func (f *guardedFile) Sync() error { return f.sync(f.File.Sync) }

// SyncData implements vfs.File.
func (f *guardedFile) SyncData() error { return f.sync(f.File.SyncData) }

func (f *guardedFile) sync(sync func() error) error {
	if f.guard.broken.Load() {
		return nil
	}
	start := f.guard.clock.Now()
	err := sync()
	if f.timed {
		f.guard.synced(f.guard.clock.Now().Sub(start))
	}
	if f.guard.caught("fsync "+f.name, err) {
		return nil
	}
	return err
}

// SyncTo implements vfs.File.
func (f *guardedFile) SyncTo(length int64) (bool, error) {
	if f.guard.broken.Load() {
		return true, nil
	}
	full, err := f.File.SyncTo(length)
	if f.guard.caught("sync "+f.name, err) {
		return true, nil
	}
	return full, err
}

// Close implements vfs.File.
func (f *guardedFile) Close() error {
	err := f.File.Close()
	if f.guard.caught("close "+f.name, err) {
		return nil
	}
	return err
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

package pebblejournal

import (
	"errors"
	"fmt"
	"log/slog"
	"math/bits"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// fatalError is the panic after an error that Pebble declares fatal.
type fatalError struct{ text string }

func (e fatalError) Error() string { return "pebble: " + e.text }

// pebbleLogger writes Pebble's log lines to slog. It implements pebble.Logger.
type pebbleLogger struct {
	log  *slog.Logger
	fail func(error)
}

func (l pebbleLogger) Infof(format string, args ...any) {
	l.log.Debug("pebble", "message", fmt.Sprintf(format, args...))
}

func (l pebbleLogger) Errorf(format string, args ...any) {
	l.log.Error("pebble reports an error", "message", fmt.Sprintf(format, args...))
}

// Fatalf must not return. The Store fails first, so that the log says why the process ends, and nobody gets an answer that
// the disk does not back.
func (l pebbleLogger) Fatalf(format string, args ...any) {
	err := fatalError{fmt.Sprintf(format, args...)}
	l.fail(err)
	panic(err)
}

// listener returns Pebble's listener for the events of a store.
func (s *Store) listener() *pebble.EventListener {
	l := &listener{store: s, said: said{clock: s.options.Clock}}
	return &pebble.EventListener{
		FlushEnd:        func(info pebble.FlushInfo) { l.flushEnds(info.Err) },
		CompactionEnd:   func(info pebble.CompactionInfo) { l.compactionEnds(info.Err) },
		BackgroundError: l.failed,
		DataCorruption: func(info pebble.DataCorruptionInfo) {
			if !l.said.before(info.Path) {
				s.options.Logger.Error("journal file is damaged", "path", info.Path, "error", firstLine(info.Details))
			}
		},
		WriteStallBegin: func(info pebble.WriteStallBeginInfo) {
			s.options.Logger.Debug("journal appends are stalled", "dir", s.dir, "reason", info.Reason)
			s.options.Events.Stalled(true)
		},
		WriteStallEnd: func() {
			s.options.Logger.Debug("journal appends are no longer stalled", "dir", s.dir)
			s.options.Events.Stalled(false)
		},
	}
}

// listener tells apart what Pebble does in the background. Each failure of a flush or of a compaction is told to failed, too, in one turn
// with its end and with Pebble's lock held, and so is each table whose statistics cannot be read, without the lock.
type listener struct {
	store *Store
	said  said

	failures atomic.Uint64 // of flushes, in a row

	mu          sync.Mutex
	flush       error   // of the latest flush that ended with one; guarded by mu
	compactions []error // of compactions that have ended, and failed will be told of; guarded by mu
}

// flushEnds is told of the end of a flush. An error may also say that there was nothing to write.
func (l *listener) flushEnds(err error) {
	if err != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.flush = err
		return
	}
	if l.failures.Swap(0) > 0 {
		l.store.options.Logger.Info("journal can write its table files again", "dir", l.store.dir)
	}
	l.store.guard.flushes.after(nil)
}

func (l *listener) compactionEnds(err error) {
	if errors.Is(err, pebble.ErrCancelledCompaction) {
		return
	}
	l.store.guard.compactions.after(err)
	if err == nil {
		return
	}
	l.mu.Lock()
	l.compactions = append(l.compactions, err)
	l.mu.Unlock()
	l.warn("journal cannot compact its table files; it tries again", err)
}

// failed is told of all failures in the background.
func (l *listener) failed(err error) {
	switch {
	case l.ofFlush(err):
		// The first, the second, the fourth...: Pebble tries again for ever.
		if n := l.failures.Add(1); bits.OnesCount64(n) == 1 {
			l.store.options.Logger.Error("journal cannot write its table files; it tries again",
				"dir", l.store.dir, "failures", n, "error", err.Error()) // the text: the error itself would print stacks
		}
		l.store.guard.flushes.after(err)
		select {
		case l.store.flushFailed <- err:
		default:
		}
	case l.ofCompaction(err): // compactionEnds has seen to it
	default:
		// Pebble, which only wants to choose better what to compact, would read the table again at once, for ever.
		l.warn("journal cannot read the statistics of a table file; it tries again", err)
		rest(l.store.options.Clock, unreadableAge, l.store.guard.closing)
	}
}

// warn tells the log, but not when it has said the same a moment ago.
func (l *listener) warn(message string, err error) {
	if !l.said.before(message) {
		l.store.options.Logger.Error(message, "dir", l.store.dir, "error", err.Error())
	}
}

func (l *listener) ofFlush(err error) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.flush != nil && errors.Is(err, l.flush)
}

func (l *listener) ofCompaction(err error) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	i := slices.IndexFunc(l.compactions, func(of error) bool { return errors.Is(err, of) })
	if i < 0 {
		return false
	}
	l.compactions = slices.Delete(l.compactions, i, i+1)
	return true
}

// diskSlow is told by vfs of writes that do not end. It must not block.
func (s *Store) diskSlow(info vfs.DiskSlowInfo) {
	s.options.Logger.Warn("disk is slow", "path", info.Path, "operation", info.OpType.String(), "running", info.Duration)
	s.options.Events.DiskSlow(info.Path, info.Duration)
}

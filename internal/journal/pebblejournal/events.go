package pebblejournal

import (
	"fmt"
	"log/slog"
	"math/bits"
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
	l := &listener{store: s, told: recent[string, struct{}]{clock: s.options.Clock}}
	return &pebble.EventListener{
		FlushEnd: func(info pebble.FlushInfo) {
			if info.Err == nil {
				l.flushed()
			}
		},
		CompactionEnd: func(info pebble.CompactionInfo) {
			if info.Err == nil {
				s.guard.compactions.after(nil)
			}
		},
		BackgroundError: func(err error) { l.failed(job(), err) },
		DataCorruption: func(info pebble.DataCorruptionInfo) {
			if l.told.add(info.Path, struct{}{}) {
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

// listener hears of what Pebble does in the background. Of failures it hears in failed: the end of a flush has an error, too, when there was
// nothing to write, and that of a compaction when Pebble does not want it any more.
type listener struct {
	store    *Store
	told     recent[string, struct{}] // messages, and paths of damaged files, that the log has
	failures atomic.Uint64            // of flushes, in a row
}

func (l *listener) flushed() {
	if l.failures.Swap(0) > 0 {
		l.store.options.Logger.Info("journal can write its table files again", "dir", l.store.dir)
	}
	l.store.guard.flushes.after(nil)
}

// failed is told of all failures in the background. Only for a failure of statistics it may be called without Pebble's lock.
func (l *listener) failed(job string, err error) {
	switch job {
	case jobFlush:
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
	case jobCompaction:
		l.store.guard.compactions.after(err)
		l.tell("journal cannot compact its table files; it tries again", err)
	case jobStatistics:
		l.tell("journal cannot read the statistics of a table file; it tries again", err)
		// Pebble, which only wants to choose better what to compact, would read the table again at once, for ever. Meanwhile it keeps the
		// files that it had when it began to look for statistics.
		rest(l.store.options.Clock, pauseMax, l.store.guard.ending)
	default:
		l.tell("journal has failed in the background", err)
	}
}

// tell tells the log, but not when it has the same message from a moment ago.
func (l *listener) tell(message string, err error) {
	if l.told.add(message, struct{}{}) {
		l.store.options.Logger.Error(message, "dir", l.store.dir, "error", firstLine(err))
	}
}

// diskSlow is told by vfs of writes that do not end. It must not block.
func (s *Store) diskSlow(info vfs.DiskSlowInfo) {
	s.options.Logger.Warn("disk is slow", "path", info.Path, "operation", info.OpType.String(), "running", info.Duration)
	s.options.Events.DiskSlow(info.Path, info.Duration)
}

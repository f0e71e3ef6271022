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
	var failures atomic.Uint64 // of flushes and compactions, in a row
	background := func(err error) {
		// The first, the second, the fourth...: Pebble tries again for ever.
		if n := failures.Add(1); bits.OnesCount64(n) == 1 {
			s.options.Logger.Error("journal cannot write its table files; it tries again",
				"dir", s.dir, "failures", n, "error", err.Error()) // the text: the error itself would print stacks
		}
		s.guard.flushed(err)
		select {
		case s.flushFailed <- err:
		default:
		}
	}
	success := func() {
		if failures.Swap(0) > 0 {
			s.options.Logger.Info("journal can write its table files again", "dir", s.dir)
		}
		s.guard.flushed(nil)
	}
	return &pebble.EventListener{
		BackgroundError: background,
		FlushEnd: func(info pebble.FlushInfo) {
			if info.Err == nil {
				success()
			}
		},
		CompactionEnd: func(info pebble.CompactionInfo) {
			if info.Err == nil {
				success()
			}
		},
		DataCorruption: func(info pebble.DataCorruptionInfo) {
			s.options.Logger.Error("journal file is damaged", "path", info.Path, "error", info.Details)
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

// diskSlow is told by vfs of writes that do not end. It must not block.
func (s *Store) diskSlow(info vfs.DiskSlowInfo) {
	s.options.Logger.Warn("disk is slow", "path", info.Path, "operation", info.OpType.String(), "running", info.Duration)
	s.options.Events.DiskSlow(info.Path, info.Duration)
}

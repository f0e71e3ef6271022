package pebblejournal

import (
	"runtime"
	"strings"
)

// Pebble's jobs in the background, by the methods of its DB that do them, each in a goroutine of its own.
const (
	jobFlush      = "flush"
	jobCompaction = "compact"
	jobStatistics = "collectTableStats"
)

// job returns which of Pebble's jobs calls, "" if it is another. Pebble tells of the failures of all of them in the same way, and the errors do
// not say whose they are: that of a failed fsync is an errno, which is equal to every other. But flushes and compactions have Pebble's lock
// then, with which all appends stand still, so only the collector of statistics may be made to wait.
func job() string {
	var callers [32]uintptr
	frames := runtime.CallersFrames(callers[:runtime.Callers(2, callers[:])])
	for {
		frame, more := frames.Next()
		_, method, _ := strings.Cut(frame.Function, "/pebble/v2.(*DB).")
		switch method, _, _ = strings.Cut(method, "."); method { // ".func1" follows
		case jobFlush, jobCompaction, jobStatistics:
			return method
		}
		if !more {
			return ""
		}
	}
}

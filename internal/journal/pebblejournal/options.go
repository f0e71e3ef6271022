package pebblejournal

import (
	"log/slog"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/staunchmq/staunch/internal/clock"
)

// The defaults of Options.
const (
	DefaultShards        = 1
	DefaultCacheBytes    = 64 << 20
	DefaultMemTableBytes = 32 << 20
	DefaultReserveBytes  = 512 << 20
	DefaultDiskSlow      = 5 * time.Second
)

// memTableBytesMin is the least that MemTableBytes becomes by itself.
const memTableBytesMin = 1 << 20

// Options say how to open a Store. The zero Options are usable.
type Options struct {
	// Shards is the number of shards that the directory must have. 0 accepts whatever it has.
	Shards int

	// DefaultShards is the number of shards of a new directory when Shards is 0. 0 means 1.
	DefaultShards int

	// CacheBytes is the size of the cache of blocks read from disk; MemTableBytes is how much is written between two
	// flushes, of which up to three may be in memory. 0 means the default; that of MemTableBytes is less when ReserveBytes is
	// less than eight times as much.
	CacheBytes    int64
	MemTableBytes int64

	// ReserveBytes is the free space below which Room is journal.RoomToFree. Below half of it, appends are refused with ErrFull.
	// 0 means the default, less than 0 none. It should be at least eight times MemTableBytes: a memtable is on disk in the
	// log and, when it is flushed, in a table, and up to three are not flushed.
	ReserveBytes int64

	// DiskSlow is how long a write to the disk may take before Events.DiskSlow is told. 0 means the default, less than 0
	// never.
	DiskSlow time.Duration

	// Clock is for latencies; for the pauses after a failed flush, a failed compaction, statistics of a table that cannot be read, and a write
	// without space; and for how long an answer about the free space, and damage that was found, count as new. nil is the system's.
	Clock clock.Clock

	Logger *slog.Logger // nil discards
	FS     vfs.FS       // nil is the operating system's
	Events Events
}

// Events are told what happens in a Store. Any of them may be nil. They are called in the middle of things, some with
// locks of Pebble held: they must return at once and must not call the Store.
type Events struct {
	// Appended: a record of so many bytes became durable, so long after Append was called.
	Appended func(shard uint32, bytes int, latency time.Duration)

	// Synced: an fsync of the write-ahead log took so long, successful or not.
	Synced func(latency time.Duration)

	// DiskSlow: a write to the disk has been running for so long and is not done.
	DiskSlow func(path string, running time.Duration)

	// Stalled: Append blocks from now on because Pebble cannot keep up (true), or no longer does (false).
	Stalled func(stalled bool)

	// Failed: the Store has failed for good.
	Failed func(err error)
}

// withDefaults returns o with nothing left unsaid.
func (o Options) withDefaults() Options {
	if o.DefaultShards == 0 {
		o.DefaultShards = DefaultShards
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = DefaultCacheBytes
	}
	switch {
	case o.ReserveBytes == 0:
		o.ReserveBytes = DefaultReserveBytes
	case o.ReserveBytes < 0:
		o.ReserveBytes = 0
	}
	if o.MemTableBytes == 0 {
		o.MemTableBytes = DefaultMemTableBytes
		if o.ReserveBytes > 0 {
			o.MemTableBytes = min(DefaultMemTableBytes, max(memTableBytesMin, o.ReserveBytes/8))
		}
	}
	switch {
	case o.DiskSlow == 0:
		o.DiskSlow = DefaultDiskSlow
	case o.DiskSlow < 0:
		o.DiskSlow = 0 // vfs: disabled
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Clock == nil {
		o.Clock = clock.System()
	}
	if o.FS == nil {
		o.FS = vfs.Default
	}
	e := &o.Events
	if e.Appended == nil {
		e.Appended = func(uint32, int, time.Duration) {}
	}
	if e.Synced == nil {
		e.Synced = func(time.Duration) {}
	}
	if e.DiskSlow == nil {
		e.DiskSlow = func(string, time.Duration) {}
	}
	if e.Stalled == nil {
		e.Stalled = func(bool) {}
	}
	if e.Failed == nil {
		e.Failed = func(error) {}
	}
	return o
}

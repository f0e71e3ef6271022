package pebblejournal

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/staunchmq/staunch/internal/journal"
)

const (
	journalDir     = "journal"
	checkpointsDir = "checkpoints"

	memTablesMax = 3 // in memory: the one that fills, and those that wait for their flush

	// A table file may be larger than a memtable, so that a flush makes one file for each shard: Pebble moves a single file, and
	// rewrites two neighbours. Smaller ones would have the benefit that a trim leaves less of its last file to be rewritten, which is
	// why memtables are small too.
	tableBytesMin = 32 << 20
)

// pebbleFormat is the format of Pebble's files. It is the newest that Pebble 2.1 knows, but named, so that a newer Pebble
// does not change what is on disk without a new FormatVersion.
const pebbleFormat = pebble.FormatWALSyncChunks

// Store is an open data directory: the journals of all shards of this node. It implements journal.Store. All methods are safe for
// concurrent use.
type Store struct {
	dir     string
	options Options
	format  format
	fs      vfs.FS // for checkpoints: not guarded, their errors are their own
	guard   *guard
	space   *space
	db      *pebble.DB

	firsts []atomic.Uint64 // for each shard the number of its oldest record, 0 until its journal is opened

	durables []atomic.Uint64 // for each shard the number of its newest durable record, 0 until its journal is opened

	noting sync.Mutex    // guards noted; held while TAILS is written
	noted  []journal.Seq // what TAILS says

	failed   chan struct{} // closed by the first failure
	failOnce sync.Once
	failure  atomic.Pointer[error]

	mu     sync.Mutex // guards the fields below
	closed bool
	open   map[uint32]*Journal
	views  sync.WaitGroup // open Views; Add under mu

	flushFailed chan error // has a failure of a flush, if nobody took it; capacity 1

	release []io.Closer // what Close closes last, in this order
}

var _ journal.Store = (*Store)(nil)

// Open opens the data directory dir, and makes it if it does not exist or is empty.
//
// It is refused, before anything in it is changed, with ErrNewerFormat when a newer program wrote it; with ErrLocked when
// somebody else uses it; when it has another number of shards than Options.Shards; and when it is some other directory.
// Damage that shows at once is ErrDamaged.
func Open(dir string, options Options) (*Store, error) {
	s := &Store{dir: dir, options: options.withDefaults(), failed: make(chan struct{}),
		open: map[uint32]*Journal{}, flushFailed: make(chan error, 1)}
	fs, health := vfs.WithDiskHealthChecks(s.options.FS, s.options.DiskSlow, nil, s.diskSlow)
	s.fs = fs
	s.release = append(s.release, health)
	if err := s.prepare(); err != nil {
		s.releaseAll()
		return nil, err
	}
	s.firsts = make([]atomic.Uint64, s.format.shards)
	s.durables = make([]atomic.Uint64, s.format.shards)
	damaged, err := s.loadTails()
	if err != nil {
		s.releaseAll()
		return nil, err
	}
	if damaged != nil {
		s.options.Logger.Error("a file that guards against damage is damaged itself; it is made again", "error", damaged)
	}
	s.space = &space{dir: dir, reserve: uint64(s.options.ReserveBytes), clock: s.options.Clock, changed: s.roomChanged,
		usage: func() (vfs.DiskUsage, error) { return fs.GetDiskUsage(dir) }}
	s.guard = &guard{FS: fs, clock: s.options.Clock, synced: s.options.Events.Synced, fail: s.fail,
		log: s.options.Logger, closing: make(chan struct{}), ending: make(chan struct{}), logGoes: s.noteTails}
	if err := s.openPebble(); err != nil {
		s.releaseAll()
		return nil, err
	}
	s.guard.opened.Store(true)
	return s, nil
}

// prepare checks, locks and if need be creates the directory.
func (s *Store) prepare() error {
	// Once without the lock: a directory that is not for this program is not touched, not even by a lock file.
	if _, err := s.inspect(); err != nil {
		return err
	}
	if err := s.fs.MkdirAll(s.dir, 0o700); err != nil {
		return fmt.Errorf("create %s: %w", s.dir, err)
	}
	l, err := lock(s.fs, s.dir)
	if err != nil {
		return err
	}
	s.release = append([]io.Closer{l}, s.release...)
	exists, err := s.inspect()
	if err == nil && !exists {
		s.format, err = create(s.fs, s.dir, cmp.Or(s.options.Shards, s.options.DefaultShards))
	}
	return err
}

// inspect reads the directory's format, if it is a data directory already, and checks that it may be opened or created. It
// changes nothing.
func (s *Store) inspect() (exists bool, err error) {
	o := s.options
	if max(o.Shards, o.DefaultShards) > ShardsMax || min(o.Shards, o.DefaultShards) < 0 {
		return false, fmt.Errorf("open %s: the number of shards must be from 1 to %d", s.dir, ShardsMax)
	}
	s.format, err = readFormat(s.fs, s.dir)
	if errors.Is(err, iofs.ErrNotExist) {
		return false, checkEmpty(s.fs, s.dir)
	}
	if err != nil {
		return false, err
	}
	if o.Shards != 0 && o.Shards != s.format.shards {
		return true, fmt.Errorf("%s has %d shards, not %d: the number of shards of a data directory cannot be changed; leave it out, or set it to %d",
			s.dir, s.format.shards, o.Shards, s.format.shards)
	}
	return true, nil
}

// openPebble opens the database.
func (s *Store) openPebble() error {
	dir := s.fs.PathJoin(s.dir, journalDir)
	err := s.fs.MkdirAll(dir, 0o700)
	if err == nil {
		err = syncDir(s.fs, s.dir)
	}
	var torn bool
	if err == nil {
		torn, err = s.checkFiles()
	}
	if err == nil && torn {
		err = s.checkTorn()
	}
	if err == nil {
		err = checkWritable(s.fs, dir)
	}
	if err == nil {
		s.db, err = pebble.Open(dir, s.pebbleOptions())
	}
	if failure := s.Err(); failure != nil { // the guard has kept it from Pebble; what Pebble says follows from it
		close(s.guard.ending)
		if err == nil {
			_ = s.db.Close() // nothing of it is of use
		}
		err = failure
	} else if damaged := openedDamaged(dir, err); damaged != nil {
		return damaged
	}
	if err != nil {
		return fmt.Errorf("open %s: %w", dir, mapFull(err))
	}
	return nil
}

// checkFiles looks for damage that Pebble takes for something else, and reports whether the log or the manifest ends in something that is
// not valid. Nothing is changed.
func (s *Store) checkFiles() (torn bool, err error) {
	dir := s.fs.PathJoin(s.dir, journalDir)
	tornLog, err := checkLogs(s.fs, dir)
	if err != nil {
		return false, err
	}
	tornManifest, err := checkManifest(s.fs, dir)
	return tornLog || tornManifest, err
}

// checkTorn returns what is wrong with the journals without what is not valid. Pebble will go on without it, and remove the log, and the
// table files that are only in the last edit of the manifest. If that was damage, it is seen here. Nothing is changed.
func (s *Store) checkTorn() error {
	v, err := s.readOnlyView()
	if err != nil {
		return err
	}
	for _, sh := range v.shards {
		if err == nil {
			err = sh.err
		}
	}
	return errors.Join(err, v.Close())
}

// openedDamaged returns the error of an opening if that says that the database in dir is damaged: whatever the file system has not said, but
// that a file that the manifest names is missing. For much of what Pebble finds wrong, as in its file of options, it has no kind of error.
func openedDamaged(dir string, err error) error {
	var system syscall.Errno
	switch {
	case err == nil:
		return nil
	case errors.Is(err, journal.ErrDamaged):
		return err
	case pebble.IsCorruptionError(err), errors.Is(err, iofs.ErrNotExist):
	case errors.As(err, &system), errors.Is(err, iofs.ErrPermission), errors.Is(err, iofs.ErrExist), errors.Is(err, iofs.ErrClosed):
		return nil
	}
	return &journal.DamagedError{Store: dir, Reason: firstLine(err)}
}

// checkWritable makes and removes a file: what is wrong with most directories is found before Pebble replays a log for nothing. A file that a
// crash leaves behind means nothing to Pebble, and the next call removes it.
func checkWritable(fs vfs.FS, dir string) error {
	path := fs.PathJoin(dir, "writable"+tmpSuffix)
	f, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	if err == nil {
		err = f.Close()
	}
	if err == nil {
		err = fs.Remove(path)
	}
	return err
}

// pebbleOptions makes Pebble a log.
func (s *Store) pebbleOptions() *pebble.Options {
	o := &pebble.Options{
		FS:                 s.guard,
		Logger:             pebbleLogger{log: s.options.Logger, fail: s.fail},
		EventListener:      s.listener(),
		FormatMajorVersion: pebbleFormat,
		MemTableSize:       uint64(s.options.MemTableBytes),

		// Pebble takes the memory of memtables out of the cache: the one that fills, and the one that is flushed.
		CacheSize: s.options.CacheBytes + 2*s.options.MemTableBytes,

		// A flush may take as long as it takes to fill two more.
		MemTableStopWritesThreshold: memTablesMax,

		// Nothing is synced in the background: every append asks for its fsync anyway, and sync_file_range could take an
		// error away from it.
		WALBytesPerSync: 0,
		BytesPerSync:    1 << 20,

		// Records never overwrite each other and a shard's files do not overlap (splitTables), so one flush is one more
		// sublevel at worst, reads look at one file each, and what is moved at once is moved one file at a time, for nothing.
		L0CompactionThreshold:      2,
		L0StopWritesThreshold:      64,
		LBaseMaxBytes:              1 << 30,
		MaxOpenFiles:               1000,
		FlushDelayDeleteRange:      flushDelay,
		TargetByteDeletionRate:     128 << 20,
		CompactionConcurrencyRange: func() (int, int) { return 1, 2 },
	}
	for i := range o.TargetFileSizes {
		o.TargetFileSizes[i] = max(tableBytesMin, 2*s.options.MemTableBytes)
	}
	for i := range o.Levels {
		o.Levels[i].Compression = func() *sstable.CompressionProfile { return &compression }
		o.Levels[i].BlockSize = 64 << 10
	}
	o.Experimental.SpanPolicyFunc = s.splitTables
	o.Experimental.CompactionScheduler = newScheduler(s.guard)
	return o
}

// compression is for bodies: cheap or not at all. Those of encrypted queues do not become smaller, and while blocks do not, only one in ten
// is tried: that saves 2 % of the server's CPU in batches. It keeps the name of Snappy, which Pebble looks up. With the faster MinLZ, which
// needs a newer pebbleFormat, Pebble would use plain Snappy in place of the whole profile.
var compression = func() sstable.CompressionProfile {
	p := *sstable.SnappyCompression
	p.OtherBlocks, p.AdaptiveReductionCutoffPercent = sstable.NoCompression.OtherBlocks, p.MinReductionPercent
	return p
}()

// fail makes the store failed. The first error counts.
func (s *Store) fail(err error) {
	s.failOnce.Do(func() {
		s.failure.Store(&err)
		s.options.Logger.Error("journal has failed: nothing more is stored; restart when the disk is in order",
			"dir", s.dir, "error", err)
		s.options.Events.Failed(err)
		close(s.failed) // from here on the store has failed
	})
}

// Failed is closed when the store has failed for good: see the package documentation. Whoever runs the process should end
// it then.
func (s *Store) Failed() <-chan struct{} { return s.failed }

// Err returns why the store failed, nil if it did not.
func (s *Store) Err() error {
	select {
	case <-s.failed:
		return *s.failure.Load()
	default:
		return nil
	}
}

// unknown returns the error of an append or trim that the failure overtook, nil if the store has not failed.
func (s *Store) unknown() error {
	if err := s.Err(); err != nil {
		return fmt.Errorf("%w: %s has failed: %w", journal.ErrUnknown, s.dir, err)
	}
	return nil
}

// Dir returns the data directory.
func (s *Store) Dir() string { return s.dir }

// Shards implements journal.Store.
func (s *Store) Shards() int { return s.format.shards }

// Journal implements journal.Store.
func (s *Store) Journal(shard uint32) (journal.Journal, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return nil, journal.ErrClosed
	case int64(shard) >= int64(s.format.shards):
		return nil, fmt.Errorf("%w: shard %d of %d in %s", journal.ErrNotFound, shard, s.format.shards, s.dir)
	case s.open[shard] != nil:
		return nil, fmt.Errorf("%w: journal of shard %d in %s", journal.ErrLocked, shard, s.dir)
	}
	j, err := openJournal(s, shard)
	if err != nil {
		return nil, err
	}
	s.open[shard] = j
	if len(s.open) == s.format.shards {
		s.noteTails()
	}
	return j, nil
}

// forget is called by a journal that was closed.
func (s *Store) forget(shard uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, shard)
}

// Stats are sizes of a store.
type Stats struct {
	DiskBytes       uint64 // everything in Pebble's directory, with what is about to be deleted
	TableBytes      uint64 // what of it are table files in use
	WALBytes        uint64 // what of it is the write-ahead log, with files kept to be used again
	MemTableBytes   uint64 // in memory, not yet in table files
	CacheBytes      int64
	CompactionDebt  uint64 // bytes that Pebble still wants to move
	FreeBytes       uint64 // on the file system; 0 if not known
	FileSystemBytes uint64
}

// Stats returns sizes as they are now.
func (s *Store) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return Stats{}
	}
	m := s.db.Metrics()
	st := Stats{
		DiskBytes:      m.DiskSpaceUsage(),
		TableBytes:     m.Table.Local.LiveSize,
		WALBytes:       m.WAL.PhysicalSize + m.WAL.ObsoletePhysicalSize,
		MemTableBytes:  m.MemTable.Size,
		CacheBytes:     m.BlockCache.Size,
		CompactionDebt: m.Compact.EstimatedDebt,
	}
	if u, err := s.fs.GetDiskUsage(s.dir); err == nil {
		st.FreeBytes, st.FileSystemBytes = u.AvailBytes, u.TotalBytes
	}
	return st
}

// Close implements journal.Store. It waits until all Views are closed. Records that are only in the write-ahead log are put into table files first, so that any later
// damage to them is seen as damage and not as the end of the log, and the next Open is quick.
func (s *Store) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	close(s.guard.closing)
	open := make([]*Journal, 0, len(s.open))
	for _, j := range s.open {
		open = append(open, j)
	}
	s.mu.Unlock()
	for _, j := range open {
		_ = j.Close() // never fails
	}
	s.views.Wait()
	if s.Err() == nil {
		s.noteTails()
		s.flush()
	}
	close(s.guard.ending)
	err := s.db.Close()
	s.releaseAll()
	if err != nil {
		return fmt.Errorf("close %s: %w", s.dir, err)
	}
	return nil
}

// flush puts everything into table files, unless that fails: then the write-ahead log keeps it.
func (s *Store) flush() {
	select {
	case <-s.flushFailed: // an old failure
	default:
	}
	flushed, err := s.db.AsyncFlush()
	if err == nil {
		select {
		case <-flushed:
			return
		case err = <-s.flushFailed: // Pebble would try for ever
		}
	}
	s.options.Logger.Warn("journal is closed without a flush; the next start replays the write-ahead log",
		"dir", s.dir, "error", err.Error()) // the text: see listener
}

// releaseAll gives back the lock and stops the health checks. There is nothing to do about their errors.
func (s *Store) releaseAll() {
	for _, c := range s.release {
		_ = c.Close()
	}
}

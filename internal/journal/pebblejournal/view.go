package pebblejournal

import (
	"context"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"strconv"
	"sync"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/staunchmq/staunch/internal/journal"
)

// View is the state of a data directory at one moment. It implements journal.View; unlike what that demands of its readers, it can
// be read in any order.
type View struct {
	shards  []*shardView
	damaged func(ctx context.Context) []error // DamagedFiles
	close   func() error
}

var _ journal.View = (*View)(nil)

// viewTries is how often a View is taken again because checkpoints were replaced and the journal trimmed while it was taken. Between
// two checkpoints of a shard lie seconds at least.
const viewTries = 10

// View returns the state of the store now. Everything in it is durable. Disk space that is freed meanwhile comes back when the view
// is closed, and Store.Close waits for that.
func (s *Store) View(ctx context.Context) (*View, error) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil, journal.ErrClosed
	}
	s.views.Add(1)
	s.mu.Unlock()
	release := sync.OnceFunc(s.views.Done)
	for try := 1; ; try++ {
		v, err := s.view(try == viewTries)
		if err != nil {
			release()
			return nil, err
		}
		if v != nil {
			snapshot := v.close
			v.close = func() error { defer release(); return snapshot() }
			v.damaged = s.damagedFiles
			if err := s.settle(ctx); err != nil {
				return nil, errors.Join(err, v.Close())
			}
			return v, nil
		}
	}
}

// view takes a View. It is nil when a shard's checkpoints have been overtaken meanwhile, unless it is the last try.
func (s *Store) view(lastTry bool) (*View, error) {
	v := &View{shards: make([]*shardView, s.format.shards)}
	var snapshot *pebble.Snapshot
	v.close = func() error {
		var errs []error
		for _, sh := range v.shards {
			errs = append(errs, sh.closeFiles())
		}
		if snapshot != nil {
			errs = append(errs, snapshot.Close())
		}
		return errors.Join(errs...)
	}
	for i := range v.shards {
		v.shards[i] = &shardView{fs: s.fs}
	}
	// The files first: a checkpoint that is here now is not beyond the records of the snapshot, and an open file stays.
	for i, sh := range v.shards {
		if err := sh.openCheckpoints(s.fs, s.dir, uint32(i)); err != nil {
			return nil, errors.Join(err, v.close())
		}
	}
	// One snapshot is one point in the order of all commits, over all shards.
	snapshot = s.db.NewSnapshot()
	whole := true
	for i, sh := range v.shards {
		sh.source = s.source(uint32(i), snapshot)
		if sh.err = sh.locate(); sh.err != nil && !errors.Is(sh.err, journal.ErrDamaged) {
			return nil, errors.Join(sh.err, v.close())
		}
		whole = whole && (sh.err != nil || sh.whole())
	}
	if !whole && !lastTry {
		return nil, v.close()
	}
	return v, nil
}

// settle waits until everything that Pebble has been given is durable.
func (s *Store) settle(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.db.LogData([]byte("view"), pebble.Sync); err != nil {
		return fmt.Errorf("sync %s: %w", s.dir, err)
	}
	return s.unknown()
}

// OpenView opens a data directory that no server uses, only to read it. Nothing in it is changed, but that its lock file is taken until
// the view is closed. It fails as Open does, and when there is no data directory.
func OpenView(dir string, options Options) (_ *View, err error) {
	s := &Store{dir: dir, options: options.withDefaults()}
	s.fs = s.options.FS
	if exists, err := s.inspect(); err != nil {
		if _, missing := s.fs.Stat(s.fs.PathJoin(dir, formatFile)); errors.Is(missing, iofs.ErrNotExist) {
			err = fmt.Errorf("%w: %w", iofs.ErrNotExist, err)
		}
		return nil, err
	} else if !exists {
		return nil, fmt.Errorf("%w: %s is not a data directory, it has no %s", iofs.ErrNotExist, dir, formatFile)
	}
	held, err := lock(s.fs, dir)
	if err != nil {
		return nil, err
	}
	s.release = append(s.release, held)
	defer func() {
		if err != nil {
			s.releaseAll()
		}
	}()
	tails, err := s.loadTails()
	if err != nil {
		return nil, err
	}
	dirOfJournal := s.fs.PathJoin(dir, journalDir)
	if _, err := s.fs.Stat(dirOfJournal); errors.Is(err, iofs.ErrNotExist) {
		return nil, &journal.DamagedError{Store: dirOfJournal, Reason: "the directory is missing"}
	}
	if _, err := s.checkFiles(); err != nil {
		return nil, err
	}
	v, err := s.readOnlyView()
	if err != nil {
		return nil, err
	}
	closeView := v.close
	v.close = func() error {
		defer s.releaseAll()
		return closeView()
	}
	v.damaged = func(context.Context) []error {
		if tails == nil {
			return nil
		}
		return []error{tails}
	}
	return v, nil
}

// readOnlyView is the state of a directory whose database is not open. Of a journal that was longer once, it has the error.
func (s *Store) readOnlyView() (*View, error) {
	if err := s.openReadOnly(); err != nil {
		return nil, err
	}
	db := s.db
	v, err := s.view(true)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	for i, sh := range v.shards {
		if sh.err == nil {
			sh.err = s.checkTail(uint32(i), sh.last)
		}
	}
	snapshot := v.close
	v.close = func() error { return errors.Join(snapshot(), db.Close()) }
	return v, nil
}

func (s *Store) openReadOnly() (err error) {
	dir := s.fs.PathJoin(s.dir, journalDir)
	o := s.pebbleOptions()
	o.FS, o.ReadOnly = readOnly{s.fs}, true
	// A fatal error of Pebble's means a defect or damage that it cannot get past. Nothing is at stake here.
	defer func() {
		if v := recover(); v != nil {
			err = &journal.DamagedError{Store: dir, Reason: fmt.Sprint(v)}
		}
	}()
	o.Logger = pebbleLogger{log: s.options.Logger, fail: func(error) {}}
	if s.db, err = pebble.Open(dir, o); err == nil {
		return nil
	}
	if damaged := openedDamaged(dir, err); damaged != nil {
		return damaged
	}
	return fmt.Errorf("open %s: %w", dir, err)
}

// DamagedFiles reads the files that the view does not need, and returns what is wrong with them: of a store that is open its FORMAT, its
// log and its manifest, which it has in memory and a later Open needs; of a directory TAILS, which Open makes again. What
// cannot be read for other reasons is told as well.
func (v *View) DamagedFiles(ctx context.Context) []error { return v.damaged(ctx) }

// Shards implements journal.View.
func (v *View) Shards() int { return len(v.shards) }

// Shard implements journal.View.
func (v *View) Shard(ctx context.Context, shard uint32) (journal.ShardView, error) {
	if int64(shard) >= int64(len(v.shards)) {
		return nil, fmt.Errorf("%w: shard %d of %d", journal.ErrNotFound, shard, len(v.shards))
	}
	if err := v.shards[shard].err; err != nil {
		return nil, err
	}
	return v.shards[shard], ctx.Err()
}

// Close implements journal.View.
func (v *View) Close() error { return v.close() }

// shardView implements journal.ShardView.
type shardView struct {
	source
	fs          vfs.FS
	checkpoints *checkpoints
	list        []journal.Seq // newest first
	files       map[journal.Seq]vfs.File
	base        journal.Chain
	last        journal.Seq
	err         error // damage because of which the shard cannot be read
}

func (v *shardView) openCheckpoints(fs vfs.FS, dir string, shard uint32) error {
	v.checkpoints = &checkpoints{fs: fs, shard: shard,
		dir: fs.PathJoin(dir, checkpointsDir, strconv.FormatUint(uint64(shard), 10))}
	list, err := v.checkpoints.list()
	if errors.Is(err, iofs.ErrNotExist) {
		return nil // a shard that never was opened
	}
	if err != nil {
		return err
	}
	v.files = make(map[journal.Seq]vfs.File)
	for _, seq := range list {
		f, err := fs.Open(v.checkpoints.path(seq), vfs.SequentialReadsOption)
		if errors.Is(err, iofs.ErrNotExist) {
			continue // replaced meanwhile
		}
		if err != nil {
			return fmt.Errorf("load checkpoint %d of shard %d: %w", seq, shard, err)
		}
		v.list = append(v.list, seq)
		v.files[seq] = f
	}
	return nil
}

func (v *shardView) closeFiles() error {
	var errs []error
	for _, f := range v.files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// locate finds the first and the last record.
func (v *shardView) locate() (err error) {
	if v.base, err = v.loadBase(); err != nil {
		return err
	}
	last, _, err := v.loadLast()
	v.last = max(last, v.base.Seq())
	return err
}

// whole reports whether the state can be had: from the whole journal, or from a checkpoint and the records after it.
func (v *shardView) whole() bool {
	return v.base.Seq() == 0 || len(v.list) > 0 && v.list[0] >= v.base.Seq()
}

// Base implements journal.ShardView.
func (v *shardView) Base() journal.Chain { return v.base }

// Last implements journal.ShardView.
func (v *shardView) Last() journal.Seq { return v.last }

// Checkpoints implements journal.ShardView.
func (v *shardView) Checkpoints() []journal.Seq { return v.list }

// Load implements journal.ShardView.
func (v *shardView) Load(ctx context.Context, seq journal.Seq) (io.ReadCloser, error) {
	f := v.files[seq]
	if f == nil {
		return nil, fmt.Errorf("%w: checkpoint %d of shard %d", journal.ErrNotFound, seq, v.shard)
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("load checkpoint %d of shard %d: %w", seq, v.shard, err)
	}
	if seq > v.last {
		return nil, &journal.DamagedError{Store: v.checkpoints.path(seq), Shard: v.shard, Seq: seq,
			Reason: fmt.Sprintf("checkpoint: the journal ends before it, at record %d", v.last)}
	}
	r, err := journal.ReadCheckpoint(f, info.Size(), v.shard, seq)
	if err != nil {
		return nil, journal.At(v.checkpoints.path(seq), err)
	}
	return r, nil
}

// Read implements journal.ShardView.
func (v *shardView) Read(ctx context.Context, from journal.Seq, fn func(journal.Seq, []byte) error) (err error) {
	from = max(from, v.base.Seq()+1)
	if from > v.last {
		return ctx.Err()
	}
	chain, err := v.chainBefore(from)
	if err != nil {
		return err
	}
	it, err := v.db.NewIter(&pebble.IterOptions{LowerBound: key(v.shard, from), UpperBound: key(v.shard, v.last+1)})
	if err != nil {
		return v.readError(from, err)
	}
	defer func() {
		if cerr := it.Close(); cerr != nil && err == nil {
			err = v.readError(chain.Seq()+1, cerr)
		}
	}()
	return v.readAll(ctx, it, &chain, v.last, fn)
}

// readOnly is a file system that changes nothing.
type readOnly struct{ vfs.FS }

func (readOnly) refuse(what, name string) error {
	return fmt.Errorf("%s %s: %w", what, name, iofs.ErrPermission)
}

func (r readOnly) Create(name string, _ vfs.DiskWriteCategory) (vfs.File, error) {
	return nil, r.refuse("create", name)
}

func (r readOnly) Link(_, newname string) error { return r.refuse("link", newname) }

func (r readOnly) Remove(name string) error { return r.refuse("remove", name) }

func (r readOnly) RemoveAll(name string) error { return r.refuse("remove", name) }

func (r readOnly) Rename(_, newname string) error { return r.refuse("rename", newname) }

func (r readOnly) MkdirAll(dir string, _ iofs.FileMode) error { return r.refuse("create", dir) }

func (r readOnly) OpenReadWrite(name string, _ vfs.DiskWriteCategory, _ ...vfs.OpenOption) (vfs.File, error) {
	return nil, r.refuse("write", name)
}

func (r readOnly) ReuseForWrite(_, newname string, _ vfs.DiskWriteCategory) (vfs.File, error) {
	return nil, r.refuse("create", newname)
}

// Lock takes Pebble's lock, without a file: the lock of the data directory is held.
func (readOnly) Lock(string) (io.Closer, error) { return io.NopCloser(nil), nil }

// GetDiskUsage implements vfs.FS: nobody who only reads needs it.
func (readOnly) GetDiskUsage(string) (vfs.DiskUsage, error) {
	return vfs.DiskUsage{}, vfs.ErrUnsupported
}

func (r readOnly) Unwrap() vfs.FS { return r.FS }

package pebblejournal

import (
	"errors"
	"fmt"
	iofs "io/fs"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/staunchmq/staunch/internal/journal"
)

// stageDir is where a directory is made that shall be there completely or not at all.
const stageDir = "restoring"

// Create makes the data directory dir with what fill puts into its store, completely or not at all: until everything is in it and
// durable, and check has nothing against it, dir has no FORMAT and no server opens it. dir must not exist, be empty, or have nothing but
// the rest of a Create that was interrupted. fill must close no journal that it does not open; check is given the path of
// the closed, complete directory, which is not its last one.
func Create(dir string, options Options, fill func(*Store) error, check func(dir string) error) (err error) {
	options = options.withDefaults()
	fs := options.FS
	if err := prepareCreate(dir, options); err != nil {
		return err
	}
	held, err := lock(fs, dir)
	if err != nil {
		return err
	}
	defer func() { _ = held.Close() }()
	stage := fs.PathJoin(dir, stageDir)
	if err := sweepStage(dir, options); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, sweepStage(dir, options))
		}
	}()
	s, err := Open(stage, options)
	if err != nil {
		return err
	}
	err = fill(s)
	if cerr := s.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = check(stage)
	}
	if err != nil {
		return err
	}
	// FORMAT last: it makes it a data directory.
	for _, name := range []string{journalDir, checkpointsDir, formatFile} {
		if err := fs.Rename(fs.PathJoin(stage, name), fs.PathJoin(dir, name)); err != nil {
			return fmt.Errorf("create %s: %w", dir, err)
		}
		if err := syncDir(fs, dir); err != nil {
			return fmt.Errorf("create %s: %w", dir, err)
		}
	}
	_ = fs.RemoveAll(stage) // only a lock file is left in it
	return nil
}

// prepareCreate makes the directory and refuses one that has something in it.
func prepareCreate(dir string, options Options) error {
	fs := options.FS
	names, err := fs.List(dir)
	if err != nil && !errors.Is(err, iofs.ErrNotExist) {
		return fmt.Errorf("list %s: %w", dir, err)
	}
	if !interrupted(names) {
		for _, name := range names {
			if name != lockFile && name != "lost+found" {
				return fmt.Errorf("%w: %s is not empty (it has %q)", iofs.ErrExist, dir, name)
			}
		}
	}
	if err := fs.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("create %s: %w", dir, err)
	}
	return syncDir(fs, fs.PathDir(dir))
}

// interrupted reports whether a directory with these names is the rest of a Create.
func interrupted(names []string) bool {
	return slices.Contains(names, stageDir) && !slices.ContainsFunc(names, func(name string) bool {
		return !slices.Contains([]string{stageDir, lockFile, journalDir, checkpointsDir, "lost+found"}, name)
	})
}

// sweepStage removes what a Create that did not get far has left.
func sweepStage(dir string, options Options) error {
	names, err := options.FS.List(dir)
	if err != nil {
		return fmt.Errorf("list %s: %w", dir, err)
	}
	if !interrupted(names) {
		return nil
	}
	for _, name := range []string{journalDir, checkpointsDir, stageDir} { // stageDir last: it says that the others may go
		if err := options.FS.RemoveAll(options.FS.PathJoin(dir, name)); err != nil {
			return fmt.Errorf("remove the rest of a restore: %w", err)
		}
	}
	return nil
}

// Begin lets the empty journal of a shard go on behind base, as if the records up to it had been there and were trimmed. The journal
// must not be open.
func (s *Store) Begin(shard uint32, base journal.Chain) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return journal.ErrClosed
	case int64(shard) >= int64(s.format.shards):
		return fmt.Errorf("%w: shard %d of %d in %s", journal.ErrNotFound, shard, s.format.shards, s.dir)
	case s.open[shard] != nil:
		return fmt.Errorf("%w: journal of shard %d in %s", journal.ErrLocked, shard, s.dir)
	case base.Seq() == 0:
		return nil
	}
	src := s.source(shard, s.db)
	old, err := src.loadBase()
	if err != nil {
		return err
	}
	last, _, err := src.loadLast()
	if err != nil {
		return err
	}
	if old.Seq() != 0 || last != 0 {
		return fmt.Errorf("%w: shard %d of %s has records already", journal.ErrInvalid, shard, s.dir)
	}
	if err := s.db.Set(markKey(shard), base.AppendTo(nil), pebble.Sync); err != nil {
		return fmt.Errorf("begin shard %d of %s: %w", shard, s.dir, err)
	}
	return s.unknown()
}

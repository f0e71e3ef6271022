package pebblejournal

import (
	"context"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/staunchmq/staunch/internal/journal"
)

const checkpointSuffix = ".ckpt"

// checkpoints is the directory with the checkpoints of one shard. It implements journal.Checkpoints.
type checkpoints struct {
	store *Store
	fs    vfs.FS
	shard uint32
	dir   string

	mu     sync.Mutex // one Save at a time; it is held over I/O, which is what Save is
	closed bool
}

func openCheckpoints(s *Store, shard uint32) (*checkpoints, error) {
	parent := s.fs.PathJoin(s.dir, checkpointsDir)
	c := &checkpoints{store: s, fs: s.fs, shard: shard, dir: s.fs.PathJoin(parent, strconv.FormatUint(uint64(shard), 10))}
	err := s.fs.MkdirAll(c.dir, 0o700)
	for _, dir := range []string{s.dir, parent, c.dir} {
		if err == nil {
			err = syncDir(s.fs, dir)
		}
	}
	if err == nil {
		err = c.sweep()
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", c.dir, mapFull(err))
	}
	return c, nil
}

// sweep removes what an interrupted Save left.
func (c *checkpoints) sweep() error {
	names, err := c.fs.List(c.dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if strings.HasSuffix(name, tmpSuffix) {
			if err := c.fs.Remove(c.fs.PathJoin(c.dir, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *checkpoints) path(seq journal.Seq) string {
	return c.fs.PathJoin(c.dir, strconv.FormatUint(uint64(seq), 10)+checkpointSuffix)
}

func (c *checkpoints) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
}

// Save implements journal.Checkpoints.
func (c *checkpoints) Save(ctx context.Context, seq journal.Seq, write func(io.Writer) error) error {
	if seq == 0 {
		return fmt.Errorf("%w: a checkpoint needs a record number", journal.ErrInvalid)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return journal.ErrClosed
	}
	if err := c.store.Err(); err != nil {
		return fmt.Errorf("save checkpoint %d of shard %d: %s has failed: %w", seq, c.shard, c.store.dir, err)
	}
	err := writeFile(c.fs, c.path(seq), func(w io.Writer) error {
		return journal.WriteCheckpoint(w, c.shard, seq, func(w io.Writer) error {
			cancellable := writerFunc(func(p []byte) (int, error) {
				if err := ctx.Err(); err != nil {
					return 0, err
				}
				return w.Write(p)
			})
			if err := write(cancellable); err != nil {
				return err
			}
			return ctx.Err()
		})
	})
	if errors.Is(err, errNotDurable) {
		_ = c.fs.Remove(c.path(seq)) // nothing of it is ever listed
	}
	if err != nil {
		return fmt.Errorf("save checkpoint %d of shard %d: %w", seq, c.shard, mapFull(err))
	}
	list, err := c.list()
	if err != nil {
		return err
	}
	for _, old := range list[min(journal.CheckpointsKept, len(list)):] {
		if err := c.fs.Remove(c.path(old)); err != nil {
			return fmt.Errorf("remove checkpoint %d of shard %d: %w", old, c.shard, err)
		}
	}
	return nil
}

// List implements journal.Checkpoints.
func (c *checkpoints) List(ctx context.Context) ([]journal.Seq, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return c.list()
}

func (c *checkpoints) list() ([]journal.Seq, error) {
	names, err := c.fs.List(c.dir)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", c.dir, err)
	}
	var list []journal.Seq
	for _, name := range names {
		digits, ok := strings.CutSuffix(name, checkpointSuffix)
		if !ok {
			continue
		}
		if n, err := strconv.ParseUint(digits, 10, 64); err == nil && n > 0 {
			list = append(list, journal.Seq(n))
		}
	}
	slices.Sort(list)
	slices.Reverse(list)
	return list, nil
}

// Load implements journal.Checkpoints.
func (c *checkpoints) Load(ctx context.Context, seq journal.Seq) (io.ReadCloser, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	path := c.path(seq)
	f, err := c.fs.Open(path, vfs.SequentialReadsOption)
	if errors.Is(err, iofs.ErrNotExist) {
		return nil, fmt.Errorf("%w: checkpoint %d of shard %d", journal.ErrNotFound, seq, c.shard)
	}
	if err != nil {
		return nil, fmt.Errorf("load checkpoint %d of shard %d: %w", seq, c.shard, err)
	}
	info, err := f.Stat()
	var r io.ReadCloser
	if err == nil {
		r, err = journal.ReadCheckpoint(f, info.Size(), c.shard, seq)
	}
	if err != nil {
		_ = f.Close() // read only
		return nil, journal.At(path, err)
	}
	return &checkpointReader{ReadCloser: r, file: f}, nil
}

// checkpointReader closes the file after the decompressor.
type checkpointReader struct {
	io.ReadCloser
	file vfs.File
}

func (r *checkpointReader) Close() error {
	err := r.ReadCloser.Close()
	if cerr := r.file.Close(); err == nil {
		err = cerr
	}
	return err
}

// writerFunc is a function as an io.Writer.
type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

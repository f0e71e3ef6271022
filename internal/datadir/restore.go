package datadir

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/staunchmq/staunch/internal/backup"
	"github.com/staunchmq/staunch/internal/journal"
	"github.com/staunchmq/staunch/internal/journal/pebblejournal"
	"github.com/staunchmq/staunch/internal/shard"
)

// RestoreOptions are what Restore is told beside the backup.
type RestoreOptions struct {
	Logger *slog.Logger
	// Restored and Checked, if not nil, are called with 1 for each record that was restored, and then read back.
	Restored, Checked func(records int)
}

// ErrReadBack means that a backup is sound, and that what was restored of it could not be read back or is something else.
var ErrReadBack = errors.New("what was restored cannot be read back")

// Restore makes the data directory dir out of a backup, completely or not at all. The backup is checked on the way, and then what was
// written is read back and must give the same states (ErrReadBack). dir must not exist or be empty (fs.ErrExist).
func Restore(ctx context.Context, a *backup.Archive, dir string, o RestoreOptions) ([]*shard.Report, error) {
	var reports []*shard.Report
	fill := func(s *pebblejournal.Store) (err error) {
		if reports, _, err = copyBackup(ctx, a, s, o.Restored); err != nil {
			return err
		}
		return damage(reports)
	}
	check := func(dir string) error {
		if err := readBack(ctx, dir, reports, o); err != nil {
			return fmt.Errorf("%w: %w", ErrReadBack, err)
		}
		return nil
	}
	err := pebblejournal.Create(dir, pebblejournal.Options{Shards: a.Shards(), Logger: o.Logger}, fill, check)
	return reports, err
}

// readBack checks what was restored, which must be what was in the backup.
func readBack(ctx context.Context, dir string, reports []*shard.Report, o RestoreOptions) error {
	v, err := Open(dir, o.Logger)
	if err != nil {
		return err
	}
	defer v.Close()
	restored, err := Check(ctx, v, o.Checked)
	if err != nil {
		return err
	}
	return compare(reports, restored)
}

// copyBackup checks a backup and puts into s what is read for that.
func copyBackup(ctx context.Context, a *backup.Archive, s *pebblejournal.Store, progress func(int)) ([]*shard.Report, *backup.Manifest, error) {
	var reports []*shard.Report
	for i := range uint32(a.Shards()) {
		from, err := a.Shard(ctx, i)
		if err != nil {
			return nil, nil, err
		}
		if err := s.Begin(i, from.Base()); err != nil {
			return nil, nil, err
		}
		to, err := s.Journal(i)
		if err != nil {
			return nil, nil, err
		}
		r, err := shard.Check(ctx, i, &copying{ShardView: from, to: to}, checkOptions(i, progress))
		if err != nil {
			return nil, nil, err
		}
		reports = append(reports, r)
	}
	m, err := a.Finish(ctx)
	return reports, m, err
}

// compare says where what was restored is not what was in the backup.
func compare(backup, restored []*shard.Report) error {
	if err := damage(restored); err != nil {
		return err
	}
	for i, want := range backup {
		got := restored[i]
		if got.State != want.State || got.First != want.First || got.Last != want.Last || got.Bytes != want.Bytes {
			return fmt.Errorf("%w: shard %d is not what was in the backup", journal.ErrDamaged, i)
		}
	}
	return nil
}

// copying is a view of a shard that puts what is read from it into a journal.
type copying struct {
	journal.ShardView
	to journal.Journal
}

// pendingMax is how many appends wait for the disk at once. They share fsyncs.
const pendingMax = 32

// Load implements journal.ShardView.
func (c *copying) Load(ctx context.Context, seq journal.Seq) (io.ReadCloser, error) {
	r, err := c.ShardView.Load(ctx, seq)
	if err != nil {
		return nil, err
	}
	state, err := io.ReadAll(r)
	if cerr := r.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return nil, err
	}
	err = c.to.Checkpoints().Save(ctx, seq, func(w io.Writer) error {
		_, err := w.Write(state)
		return err
	})
	return io.NopCloser(bytes.NewReader(state)), err
}

// Read implements journal.ShardView.
func (c *copying) Read(ctx context.Context, from journal.Seq, fn func(journal.Seq, []byte) error) error {
	var pending []journal.Pending
	err := c.ShardView.Read(ctx, from, func(seq journal.Seq, rec []byte) error {
		if err := fn(seq, rec); err != nil {
			return err
		}
		pending = append(pending, c.to.Append(seq-1, bytes.Clone(rec)))
		if len(pending) < pendingMax {
			return nil
		}
		first := pending[0]
		pending = pending[1:]
		return first.Wait()
	})
	for _, p := range pending {
		if werr := p.Wait(); err == nil {
			err = werr
		}
	}
	return err
}

package server

import (
	"context"
	"errors"
	"io"
	"log/slog"

	"github.com/staunchmq/staunch/internal/clock"
	"github.com/staunchmq/staunch/internal/datadir"
	"github.com/staunchmq/staunch/internal/journal/pebblejournal"
)

// backupOf returns what makes backups of a store; nil if it cannot be backed up. The shards take no part in it: a backup reads the
// store, which goes on meanwhile. The log says which files of it are damaged.
func backupOf(st store, log *slog.Logger) func(ctx context.Context, w io.Writer) error {
	s, ok := st.(*pebblejournal.Store)
	if !ok {
		return nil
	}
	return func(ctx context.Context, w io.Writer) error {
		v, err := s.View(ctx)
		if err != nil {
			return err
		}
		files := v.DamagedFiles(ctx)
		for _, damage := range files {
			log.Error("a file of the data directory is damaged or cannot be read; what it should hold is in memory, and the next start may fail", "error", damage)
		}
		_, err = datadir.Backup(ctx, w, v, clock.System().Now(), files)
		return errors.Join(err, v.Close())
	}
}

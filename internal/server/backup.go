package server

import (
	"context"
	"errors"
	"io"

	"github.com/staunchmq/staunch/internal/clock"
	"github.com/staunchmq/staunch/internal/datadir"
	"github.com/staunchmq/staunch/internal/journal/pebblejournal"
)

// backupOf returns what makes backups of a store; nil if it cannot be backed up. The shards take no part in it: a backup reads the
// store, which goes on meanwhile.
func backupOf(st store) func(ctx context.Context, w io.Writer) error {
	s, ok := st.(*pebblejournal.Store)
	if !ok {
		return nil
	}
	return func(ctx context.Context, w io.Writer) error {
		v, err := s.View(ctx)
		if err != nil {
			return err
		}
		_, err = datadir.Backup(ctx, w, v, clock.System().Now(), v.DamagedFiles(ctx))
		return errors.Join(err, v.Close())
	}
}

// Package datadir does what can be done with a data directory or a backup without a server: check it, list its records, copy it
// into a backup and out of one. A data directory is locked meanwhile, and never changed but by Restore, which makes it.
//
//	data directory ──Open──► journal.View ──► Check, Dump, Backup
//	backup ──backup.Open──► Archive, a View ──► CheckBackup, Restore ──► data directory
//
// The package knows which state a journal carries (the catalog, in shard 0) and how messages are stored; it prints nothing.
package datadir

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/staunchmq/staunch/internal/backup"
	"github.com/staunchmq/staunch/internal/catalog"
	"github.com/staunchmq/staunch/internal/journal"
	"github.com/staunchmq/staunch/internal/journal/pebblejournal"
	"github.com/staunchmq/staunch/internal/keyring"
	"github.com/staunchmq/staunch/internal/shard"
	"github.com/staunchmq/staunch/internal/sqs"
	"github.com/staunchmq/staunch/internal/version"
)

// Directory is a data directory that is open to be read.
type Directory = pebblejournal.View

// Open opens a data directory that no server uses. It must be closed. It fails with journal.ErrLocked when a server uses it, with
// fs.ErrNotExist when it is no data directory, and with journal.ErrDamaged when it is so damaged that nothing can be read.
func Open(dir string, log *slog.Logger) (*Directory, error) {
	return pebblejournal.OpenView(dir, pebblejournal.Options{Logger: log})
}

// Records returns the number of records that a view has, as far as it can be read.
func Records(ctx context.Context, v journal.View) (int64, error) {
	var n int64
	for i := range v.Shards() {
		s, err := v.Shard(ctx, uint32(i))
		if errors.Is(err, journal.ErrDamaged) {
			continue
		}
		if err != nil {
			return 0, err
		}
		base := s.Base()
		n += int64(s.Last() - base.Seq())
	}
	return n, nil
}

// Check reads and verifies everything of a view: see shard.Check. The reports are in the order of the shards. progress, if not nil, is
// called with 1 for each record. With an error there are the reports of the shards before.
func Check(ctx context.Context, v journal.View, progress func(records int)) ([]*shard.Report, error) {
	var reports []*shard.Report
	for i := range uint32(v.Shards()) {
		s, err := v.Shard(ctx, i)
		if errors.Is(err, journal.ErrDamaged) {
			reports = append(reports, &shard.Report{Shard: i, Damaged: []error{err}})
			continue
		}
		if err != nil {
			return reports, err
		}
		r, err := shard.Check(ctx, i, s, checkOptions(i, progress))
		if err != nil {
			return reports, err
		}
		reports = append(reports, r)
	}
	return reports, nil
}

// NotEncrypted is the kind of messages in a report that are not encrypted.
const NotEncrypted = "not encrypted"

// EncryptedWith is what a report says of messages and secrets that are encrypted with a version of a key.
func EncryptedWith(keyID string, version uint32) string {
	return fmt.Sprintf("encrypted with version %d of key %s", version, keyID)
}

func checkOptions(id uint32, progress func(int)) shard.CheckOptions {
	o := shard.CheckOptions{
		Content: func(content []byte) (kind string, err error) {
			m, err := sqs.ReadStored(content)
			if err != nil || m.Sealed == nil {
				return NotEncrypted, err
			}
			return EncryptedWith(m.Sealed.KeyID, m.Sealed.KeyVersion), nil
		},
		Progress: progress,
	}
	if id == 0 {
		o.Definitions = func() shard.Definitions { return catalog.New() }
		o.Secrets = func(d shard.Definitions) (map[string]int64, error) { return secrets(d.(*catalog.Catalog).View()) }
	}
	return o
}

// secrets counts the secrets of access keys by what they are encrypted with.
func secrets(v *catalog.View) (map[string]int64, error) {
	count := make(map[string]int64)
	for k := range v.Identities().Keys() {
		key, version, err := keyring.SealedBy(k.Sealed)
		if err != nil {
			return nil, fmt.Errorf("the secret of access key %s: %w", k.ID, err)
		}
		count[EncryptedWith(key.String(), version)]++
	}
	return count, nil
}

// CheckBackup checks a backup as Check does, and that it is whole and as it was written. Of one that was given up because of damage that the
// reports name there is no Manifest.
func CheckBackup(ctx context.Context, a *backup.Archive, progress func(records int)) ([]*shard.Report, *backup.Manifest, error) {
	reports, err := Check(ctx, a, progress)
	if err != nil {
		return reports, nil, err
	}
	m, err := a.Finish(ctx)
	if errors.Is(err, backup.ErrFailed) && errors.Is(err, journal.ErrDamaged) && damage(reports) != nil {
		return reports, nil, nil
	}
	return reports, m, err
}

// Backup writes a backup of a view to w. damagedFiles are for its Header.
func Backup(ctx context.Context, w io.Writer, v journal.View, created time.Time, damagedFiles []error) (*backup.Manifest, error) {
	return backup.Write(ctx, w, v, backup.WriteOptions{Created: created, Program: "staunch " + version.Read().String(), DamagedFiles: damagedFiles})
}

// Sound reports whether nothing is wrong with any shard.
func Sound(reports []*shard.Report) bool {
	for _, r := range reports {
		if !r.Sound() {
			return false
		}
	}
	return true
}

// damage returns what is wrong with the journals, nil if nothing is.
func damage(reports []*shard.Report) error {
	for _, r := range reports {
		if len(r.Damaged) > 0 {
			return fmt.Errorf("shard %d: %w", r.Shard, r.Damaged[0])
		}
	}
	return nil
}

package pebblejournal

import (
	"context"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"slices"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/staunchmq/staunch/internal/journal"
)

// A store that is open has in memory what is in its log, in its manifest and in FORMAT. It does not read them again, so damage of
// them harms the next Open only; here they are read while Pebble writes them. The guard knows what it may read: bytes that were synced stay as
// they are until Pebble removes the file or uses it again for another log, and of that it is told before. So what is found wrong counts
// if the file is in its place after that, and is damage then whatever happens meanwhile.

// damagedFiles returns what is wrong with the files that a later Open needs. A View must be open: it has synced the log in use, and
// keeps the database open.
func (s *Store) damagedFiles(ctx context.Context) []error {
	var damaged []error
	path := s.fs.PathJoin(s.dir, formatFile)
	switch f, err := readFormat(s.fs, s.dir); {
	case errors.Is(err, iofs.ErrNotExist):
		damaged = append(damaged, missing(path))
	case err != nil:
		damaged = append(damaged, err)
	case f != s.format:
		damaged = append(damaged, &journal.DamagedError{Store: path, Reason: "it is another one than when the store was opened"})
	}
	for _, f := range s.neededFiles() {
		if ctx.Err() != nil {
			break
		}
		if err := checkSynced(s.fs, f); err != nil && slices.Contains(s.neededFiles(), f) {
			damaged = append(damaged, err)
		}
	}
	return damaged
}

// neededFiles returns the manifest in use and the logs whose records are not in table files yet.
func (s *Store) neededFiles() []*guardedFile {
	logs, manifests := s.db.Metrics().WAL.Files, int64(1)
	var needed []*guardedFile
	for _, f := range s.guard.inPlace() {
		left := &manifests
		if f.log != 0 {
			left = &logs
		}
		if *left == 0 || f.durable.Load() == 0 { // a new one that has nothing in it yet does not count
			continue
		}
		*left--
		needed = append(needed, f)
	}
	return needed
}

// checkSynced reads what is synced of a log or a manifest, all of which must be valid.
func checkSynced(fs vfs.FS, f *guardedFile) error {
	synced := f.durable.Load()
	file, err := fs.Open(f.name, vfs.SequentialReadsOption)
	if errors.Is(err, iofs.ErrNotExist) {
		return missing(f.name)
	}
	if err != nil {
		return fmt.Errorf("open %s: %w", f.name, err)
	}
	defer func() { _ = file.Close() }() // read only
	r := &io.LimitedReader{R: file, N: synced}
	var invalid int64
	if f.log != 0 {
		invalid, _, err = scanLog(r, f.log)
	} else {
		invalid, _, err = scanManifest(r)
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", f.name, err)
	}
	if invalid < 0 {
		if r.N == 0 {
			return nil
		}
		invalid = synced - r.N // it is shorter
	}
	return notValid(f.name, invalid, synced)
}

func missing(path string) error {
	return &journal.DamagedError{Store: path, Reason: "the file is missing"}
}

package pebblejournal

import (
	"io"
	"log/slog"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/staunchmq/staunch/internal/journal"
	"github.com/staunchmq/staunch/internal/journal/journaltest"
)

// small are options for tests: little memory, so that flushes happen.
func small(t testing.TB, fs vfs.FS) Options {
	return Options{
		FS: fs, Shards: journaltest.Shard + 1, CacheBytes: 1 << 20, MemTableBytes: 256 << 10, ReserveBytes: -1, DiskSlow: -1,
		Logger: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn})),
	}
}

// harness is a data directory whose store is opened and closed with its journal.
type harness struct {
	dir     string
	options Options
}

type journalAndStore struct {
	journal.Journal
	store *Store
}

func (j journalAndStore) Close() error {
	if err := j.Journal.Close(); err != nil {
		return err
	}
	return j.store.Close()
}

func (h *harness) Open() (journal.Journal, error) {
	s, err := Open(h.dir, h.options)
	if err != nil {
		return nil, err
	}
	j, err := s.Journal(journaltest.Shard)
	if err != nil {
		_ = s.Close()
		return nil, err
	}
	return journalAndStore{j, s}, nil
}

func (h *harness) Alter(t *testing.T, seq journal.Seq, f func([]byte) []byte) {
	t.Helper()
	s, err := Open(h.dir, h.options)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}()
	k := key(journaltest.Shard, seq)
	value, closer, err := s.db.Get(k)
	if err != nil {
		t.Fatal(err)
	}
	value = f(append([]byte(nil), value...))
	if err := closer.Close(); err != nil {
		t.Fatal(err)
	}
	if value == nil {
		err = s.db.Delete(k, pebble.Sync)
	} else {
		err = s.db.Set(k, value, pebble.Sync)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (h *harness) AlterCheckpoint(t *testing.T, seq journal.Seq, f func([]byte) []byte) {
	t.Helper()
	c := checkpoints{fs: h.options.FS, dir: h.options.FS.PathJoin(h.dir, checkpointsDir, "3")}
	alterFile(t, h.options.FS, c.path(seq), f)
}

func alterFile(t *testing.T, fs vfs.FS, path string, f func([]byte) []byte) {
	t.Helper()
	b := readFile(t, fs, path)
	err := writeFile(fs, path, func(w io.Writer) error {
		_, err := w.Write(f(b))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func readFile(t *testing.T, fs vfs.FS, path string) []byte {
	t.Helper()
	file, err := fs.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	b, err := io.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestConformance(t *testing.T) {
	journaltest.Run(t, func(t *testing.T) journaltest.Harness {
		return &harness{dir: "data", options: small(t, vfs.NewMem())}
	})
}

func TestConformanceOnDisk(t *testing.T) {
	if testing.Short() {
		t.Skip("needs many fsyncs")
	}
	journaltest.Run(t, func(t *testing.T) journaltest.Harness {
		return &harness{dir: t.TempDir(), options: small(t, vfs.Default)}
	})
}

package pebblejournal

import (
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"

	"github.com/staunchmq/staunch/internal/journal"
	"github.com/staunchmq/staunch/internal/journal/journaltest"
)

func fill(t *testing.T, j journal.Journal, w *journaltest.Writer, n int) {
	t.Helper()
	for range n {
		if err := j.Append(w.Next(t, strings.Repeat("x", 1000))).Wait(); err != nil {
			t.Fatal(err)
		}
	}
}

func save(t *testing.T, j journal.Journal, seq journal.Seq) {
	t.Helper()
	err := j.Checkpoints().Save(t.Context(), seq, func(w io.Writer) error {
		_, err := fmt.Fprintf(w, "state %d", seq)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// described is all that a view shows of a shard: trimmed, last, checkpoints with their states, numbers of the records read.
func described(t *testing.T, v journal.View, shard uint32) string {
	t.Helper()
	s, err := v.Shard(t.Context(), shard)
	if err != nil {
		t.Fatal(err)
	}
	base := s.Base()
	text := fmt.Sprintf("trimmed %d, last %d", base.Seq(), s.Last())
	for _, seq := range s.Checkpoints() {
		r, err := s.Load(t.Context(), seq)
		if err != nil {
			t.Fatal(err)
		}
		state, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		mustClose(t, r)
		text += fmt.Sprintf(", checkpoint %d %q", seq, state)
	}
	var read []journal.Seq
	if err := s.Read(t.Context(), 0, func(seq journal.Seq, _ []byte) error { read = append(read, seq); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(read) == 0 {
		return text + ", no records"
	}
	return text + fmt.Sprintf(", records %d to %d, %d of them", read[0], read[len(read)-1], len(read))
}

func TestViewKeepsWhatGoes(t *testing.T) {
	s := mustOpen(t, "data", small(t, vfs.NewMem()))
	defer mustClose(t, s)
	j := mustJournal(t, s, 0)
	w := journaltest.NewWriter(0)
	fill(t, j, &w, 300)
	save(t, j, 100)
	save(t, j, 200)
	if err := j.Trim(t.Context(), 50); err != nil {
		t.Fatal(err)
	}
	v, err := s.View(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const want = `trimmed 50, last 300, checkpoint 200 "state 200", checkpoint 100 "state 100", records 51 to 300, 250 of them`
	if got := described(t, v, 0); got != want {
		t.Errorf("before:\n%s, want\n%s", got, want)
	}
	fill(t, j, &w, 600)
	save(t, j, 700)
	save(t, j, 800)
	if err := j.Trim(t.Context(), 700); err != nil {
		t.Fatal(err)
	}
	fill(t, j, &w, 300)
	if got := described(t, v, 0); got != want {
		t.Errorf("after:\n%s, want\n%s", got, want)
	}
	if got, want := described(t, v, 1), "trimmed 0, last 0, no records"; got != want {
		t.Errorf("a shard that was never opened: %s", got)
	}
	if _, err := v.Shard(t.Context(), 99); !errors.Is(err, journal.ErrNotFound) {
		t.Errorf("shard 99: %v", err)
	}
	mustClose(t, v)
}

func TestCloseWaitsForViews(t *testing.T) {
	s := mustOpen(t, "data", small(t, vfs.NewMem()))
	w := journaltest.NewWriter(0)
	fill(t, mustJournal(t, s, 0), &w, 3)
	v, err := s.View(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	if got, want := described(t, v, 0), "trimmed 0, last 3, records 1 to 3, 3 of them"; got != want {
		t.Errorf("a view of a store that is closing: %s", got)
	}
	select {
	case err := <-closed:
		t.Errorf("the store was closed under a view: %v", err)
	default:
	}
	mustClose(t, v)
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if _, err := s.View(t.Context()); !errors.Is(err, journal.ErrClosed) {
		t.Errorf("a view of a closed store: %v", err)
	}
}

// contents returns what is in the files below dir.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d iofs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		files[path] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// TestOpenViewChangesNothing reads a directory as a crash leaves it, with records that are only in the write-ahead log.
func TestOpenViewChangesNothing(t *testing.T) {
	disk := vfs.NewCrashableMem()
	s := mustOpen(t, "data", small(t, disk))
	j := mustJournal(t, s, 2)
	w := journaltest.NewWriter(2)
	fill(t, j, &w, 500)
	save(t, j, 400)
	crashed := disk.CrashClone(vfs.CrashCloneCfg{})
	mustClose(t, s)
	dir := filepath.Join(t.TempDir(), "data")
	if ok, err := vfs.Clone(crashed, vfs.Default, "data", dir); !ok || err != nil {
		t.Fatal(ok, err)
	}
	before := contents(t, dir)
	v, err := OpenView(dir, small(t, vfs.Default))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := described(t, v, 2), `trimmed 0, last 500, checkpoint 400 "state 400", records 1 to 500, 500 of them`; got != want {
		t.Errorf("view: %s", got)
	}
	if _, err := Open(dir, small(t, vfs.Default)); !errors.Is(err, journal.ErrLocked) {
		t.Errorf("Open while it is viewed: %v", err)
	}
	mustClose(t, v)
	if diff := cmp.Diff(before, contents(t, dir)); diff != "" {
		t.Errorf("the directory has changed (-before +after):\n%.500s", diff)
	}
}

// TestOpenViewShowsTheOtherShards: a log that a crash has cut off, and a journal in it that was longer once, say nothing against the others.
func TestOpenViewShowsTheOtherShards(t *testing.T) {
	disk := vfs.NewCrashableMem()
	o := small(t, disk)
	o.Shards = 2
	s := mustOpen(t, "data", o)
	for shard := range uint32(2) {
		w := journaltest.NewWriter(shard)
		fill(t, mustJournal(t, s, shard), &w, 3)
	}
	crashed := copyOf(disk)
	mustClose(t, s)
	alterFile(t, crashed, newest(t, crashed, isLog), func(b []byte) []byte { return b[:len(b)-10] }) // the last record of shard 1
	alterFile(t, crashed, "data/"+tailsFile, func([]byte) []byte { return []byte(encodeTails([]journal.Seq{3, 5})) })
	o.FS = crashed
	v, err := OpenView("data", o)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := described(t, v, 0), "trimmed 0, last 3, records 1 to 3, 3 of them"; got != want {
		t.Errorf("shard 0: %s, want %s", got, want)
	}
	var damaged *journal.DamagedError
	if _, err := v.Shard(t.Context(), 1); !errors.As(err, &damaged) || damaged.Shard != 1 || damaged.Seq != 3 {
		t.Errorf("shard 1: %v", err)
	}
	mustClose(t, v)
	damaged = nil
	if _, err := Open("data", o); !errors.As(err, &damaged) || damaged.Shard != 1 || damaged.Seq != 3 {
		t.Errorf("Open: %v", err)
	}
}

func TestOpenViewRefuses(t *testing.T) {
	dir := t.TempDir()
	if _, err := OpenView(filepath.Join(dir, "none"), small(t, vfs.Default)); !errors.Is(err, iofs.ErrNotExist) {
		t.Errorf("a directory that is not there: %v", err)
	}
	if _, err := OpenView(dir, small(t, vfs.Default)); !errors.Is(err, iofs.ErrNotExist) {
		t.Errorf("an empty directory: %v", err)
	}
	if names, err := os.ReadDir(dir); err != nil || len(names) != 0 {
		t.Errorf("%v was made", names)
	}
	data := newDir(t)
	s := mustOpen(t, data, small(t, vfs.Default))
	defer mustClose(t, s)
	if _, err := OpenView(data, small(t, vfs.Default)); !errors.Is(err, journal.ErrLocked) {
		t.Errorf("a directory in use: %v", err)
	}
}

func TestCreateIsAllOrNothing(t *testing.T) {
	put := func(s *Store) error {
		base := journal.ChainFrom(1, 6)
		w := journaltest.NewWriter(1)
		w.Header.Seq = 5
		_, rec := w.Next(t, "before")
		if _, _, err := base.Next(rec); err != nil {
			return err
		}
		if err := s.Begin(1, base); err != nil {
			return err
		}
		for shard := range uint32(s.Shards()) {
			j, err := s.Journal(shard)
			if err != nil {
				return err
			}
			if shard == 1 {
				fill(t, j, &w, 4)
				save(t, j, 8)
			}
		}
		return s.Begin(2, base)
	}
	good := func(string) error { return nil }
	broken := errors.New("broken")
	t.Run("all", func(t *testing.T) {
		o := small(t, vfs.NewMem())
		putAll := func(s *Store) error {
			if err := put(s); !errors.Is(err, journal.ErrLocked) {
				t.Errorf("Begin of an open journal: %v", err)
			}
			if err := s.Begin(99, journal.NewChain(99)); !errors.Is(err, journal.ErrNotFound) {
				t.Errorf("Begin of shard 99: %v", err)
			}
			return nil
		}
		checked := ""
		check := func(dir string) error {
			v, err := OpenView(dir, o)
			if err != nil {
				return err
			}
			checked = described(t, v, 1)
			return v.Close()
		}
		if err := Create("data", o, putAll, check); err != nil {
			t.Fatal(err)
		}
		const want = `trimmed 6, last 10, checkpoint 8 "state 8", records 7 to 10, 4 of them`
		if checked != want {
			t.Errorf("checked: %s", checked)
		}
		v, err := OpenView("data", o)
		if err != nil {
			t.Fatal(err)
		}
		if got := described(t, v, 1); got != want {
			t.Errorf("created: %s", got)
		}
		mustClose(t, v)
		if err := Create("data", o, put, good); !errors.Is(err, iofs.ErrExist) {
			t.Errorf("over a data directory: %v", err)
		}
	})
	for name, create := range map[string]func(o Options) error{
		"fill fails": func(o Options) error { return Create("data", o, func(*Store) error { return broken }, good) },
		"check fails": func(o Options) error {
			return Create("data", o, func(s *Store) error { _ = put(s); return nil }, func(string) error { return broken })
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := small(t, vfs.NewMem())
			if err := create(o); !errors.Is(err, broken) {
				t.Fatalf("Create: %v", err)
			}
			if names, err := o.FS.List("data"); err != nil || !slices.Equal(names, []string{lockFile}) {
				t.Errorf("%v is left, %v", names, err)
			}
		})
	}
	t.Run("killed", func(t *testing.T) {
		// At each moment a power failure: either there is a whole directory, or none, and Create can be called again.
		disk := vfs.NewCrashableMem()
		o := small(t, disk)
		var moments []vfs.FS
		fs := &renames{FS: disk, before: func() { moments = append(moments, disk.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 0})) }}
		o.FS = fs
		fillAll := func(s *Store) error { _ = put(s); fs.before(); return nil }
		if err := Create("data", o, fillAll, good); err != nil {
			t.Fatal(err)
		}
		fs.before()
		whole := 0
		for i, m := range moments {
			o.FS = m
			if v, err := OpenView("data", o); err == nil {
				whole++
				mustClose(t, v)
				continue
			} else if !strings.Contains(err.Error(), "restore that was interrupted") {
				t.Errorf("moment %d: %v", i, err)
			}
			if s, err := Open("data", o); err == nil {
				t.Errorf("moment %d: half a directory was opened", i)
				mustClose(t, s)
			}
			if err := Create("data", o, func(s *Store) error { _ = put(s); return nil }, good); err != nil {
				t.Errorf("moment %d: Create again: %v", i, err)
			}
		}
		if whole == 0 || whole == len(moments) {
			t.Errorf("%d of %d moments had a whole directory: the test shows nothing", whole, len(moments))
		}
	})
}

// renames calls before at each renaming in the directory data.
type renames struct {
	vfs.FS
	before func()
}

func (r *renames) Rename(from, to string) error {
	if r.FS.PathDir(to) == "data" {
		r.before()
	}
	return r.FS.Rename(from, to)
}

func TestCreateRefusesWhatIsNotEmpty(t *testing.T) {
	o := small(t, vfs.NewMem())
	if err := o.FS.MkdirAll("data/journal", 0o700); err != nil {
		t.Fatal(err)
	}
	err := Create("data", o, func(*Store) error { return nil }, func(string) error { return nil })
	if !errors.Is(err, iofs.ErrExist) || !strings.Contains(err.Error(), `"journal"`) {
		t.Errorf("Create: %v", err)
	}
}

package pebblejournal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	iofs "io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/go-cmp/cmp"

	"github.com/staunchmq/staunch/internal/journal"
	"github.com/staunchmq/staunch/internal/journal/journaltest"
)

// tree returns names, contents and modification times of all files below dir.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d iofs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		text := fmt.Sprint(info.Mode(), info.ModTime())
		if info.Mode().IsRegular() {
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			text += string(b)
		}
		files[path] = text
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// newDir returns a closed data directory on disk with four shards and a record.
func newDir(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	s := mustOpen(t, dir, small(t, vfs.Default))
	j := mustJournal(t, s, 1)
	w := journaltest.NewWriter(1)
	if err := j.Append(w.Next(t, "a")).Wait(); err != nil {
		t.Fatal(err)
	}
	mustClose(t, s)
	return dir
}

func mustOpen(t testing.TB, dir string, o Options) *Store {
	t.Helper()
	s, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mustJournal(t testing.TB, s *Store, shard uint32) journal.Journal {
	t.Helper()
	j, err := s.Journal(shard)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func mustClose(t testing.TB, c io.Closer) {
	t.Helper()
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestFormatFile(t *testing.T) {
	dir := newDir(t)
	got, err := os.ReadFile(filepath.Join(dir, "FORMAT"))
	if err != nil {
		t.Fatal(err)
	}
	const want = "staunch data directory, do not edit\nformat 1\nshards 4\ncrc32c 8010400b\n"
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("FORMAT (-want +got):\n%s", diff)
	}
}

func TestNewerFormatIsRefusedUntouched(t *testing.T) {
	dir := newDir(t)
	newer := "staunch data directory, do not edit\nformat 2\nsomething new\n"
	if err := os.WriteFile(filepath.Join(dir, "FORMAT"), []byte(newer), 0o600); err != nil {
		t.Fatal(err)
	}
	before := tree(t, dir)
	_, err := Open(dir, small(t, vfs.Default))
	if !errors.Is(err, journal.ErrNewerFormat) {
		t.Fatalf("Open: %v", err)
	}
	for _, part := range []string{dir, "format 2", "up to 1"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %q", err, part)
		}
	}
	if diff := cmp.Diff(before, tree(t, dir)); diff != "" {
		t.Errorf("the directory was changed (-before +after):\n%s", diff)
	}
}

func TestDamagedFormatIsRefused(t *testing.T) {
	text := format{version: FormatVersion, shards: 4}.String()
	damaged := []string{"", "x", text[:len(text)-1], text + "\n", strings.Replace(text, "shards 4", "shards 5", 1),
		strings.Replace(text, "shards 4", "shards -4", 1), strings.Replace(text, "format 1", "format one", 1)}
	for i := range text {
		b := []byte(text)
		b[i] ^= 2
		damaged = append(damaged, string(b))
	}
	for _, d := range damaged {
		_, err := parseFormat("FORMAT", d)
		if !errors.Is(err, journal.ErrDamaged) && !errors.Is(err, journal.ErrNewerFormat) {
			t.Errorf("%q: error %v", d, err)
		}
	}
	if f, err := parseFormat("FORMAT", text); err != nil || f.shards != 4 {
		t.Errorf("%q: %+v, %v", text, f, err)
	}
}

func TestNumberOfShards(t *testing.T) {
	dir := newDir(t)
	o := small(t, vfs.Default)
	o.Shards = 8
	before := tree(t, dir)
	_, err := Open(dir, o)
	if err == nil || !strings.Contains(err.Error(), "has 4 shards, not 8") || !strings.Contains(err.Error(), dir) {
		t.Errorf("Open with 8 shards: %v", err)
	}
	if diff := cmp.Diff(before, tree(t, dir)); diff != "" {
		t.Errorf("the directory was changed (-before +after):\n%s", diff)
	}
	o.Shards, o.DefaultShards = 0, 8
	s := mustOpen(t, dir, o)
	if s.Shards() != 4 {
		t.Errorf("Shards = %d, want the stored 4", s.Shards())
	}
	if _, err := s.Journal(4); !errors.Is(err, journal.ErrNotFound) {
		t.Errorf("Journal(4) of 4: %v", err)
	}
	mustClose(t, s)
	s = mustOpen(t, filepath.Join(t.TempDir(), "a", "b"), o)
	if s.Shards() != 8 {
		t.Errorf("Shards of a new directory = %d, want the default 8", s.Shards())
	}
	mustClose(t, s)
	for _, o := range []Options{{Shards: -1}, {Shards: ShardsMax + 1}, {DefaultShards: -1}} {
		if _, err := Open(t.TempDir(), o); err == nil {
			t.Errorf("Open with %+v succeeded", o)
		}
	}
}

func TestOtherDirectoryIsRefusedUntouched(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "photo.jpg"), []byte("dear"), 0o600); err != nil {
		t.Fatal(err)
	}
	before := tree(t, dir)
	_, err := Open(dir, small(t, vfs.Default))
	if err == nil || !strings.Contains(err.Error(), "photo.jpg") {
		t.Errorf("Open: %v", err)
	}
	if diff := cmp.Diff(before, tree(t, dir)); diff != "" {
		t.Errorf("the directory was changed (-before +after):\n%s", diff)
	}
}

func TestInterruptedCreationIsRepeated(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"LOCK", "FORMAT.tmp"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	mustClose(t, mustOpen(t, dir, small(t, vfs.Default)))
}

const lockHolder = "STAUNCH_TEST_HOLD_LOCK"

// TestSecondProcessIsRefused starts this test binary again as the process that holds the directory.
func TestSecondProcessIsRefused(t *testing.T) {
	if dir := os.Getenv(lockHolder); dir != "" {
		s, err := Open(dir, small(t, vfs.Default))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println("locked")
		_, _ = io.Copy(io.Discard, os.Stdin) // until the other one is done
		mustClose(t, s)
		return
	}
	dir := newDir(t)
	cmd := exec.Command(os.Args[0], "-test.run=^TestSecondProcessIsRefused$", "-test.v")
	cmd.Env = append(os.Environ(), lockHolder+"="+dir)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var seen bytes.Buffer
	for !strings.Contains(seen.String(), "locked") {
		if _, err := io.CopyN(&seen, out, 1); err != nil {
			t.Fatalf("%v after %q", err, seen.String())
		}
	}
	_, err = Open(dir, small(t, vfs.Default))
	if !errors.Is(err, journal.ErrLocked) || !strings.Contains(fmt.Sprint(err), dir) || !strings.Contains(fmt.Sprint(err), "another process") {
		t.Errorf("Open of a directory in use: %v", err)
	}
	mustClose(t, in)
	_, _ = io.Copy(io.Discard, out)
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	mustClose(t, mustOpen(t, dir, small(t, vfs.Default)))
}

func TestJournalHasOneOwner(t *testing.T) {
	s := mustOpen(t, "data", small(t, vfs.NewMem()))
	j := mustJournal(t, s, 0)
	if _, err := s.Journal(0); !errors.Is(err, journal.ErrLocked) {
		t.Errorf("second Journal(0): %v", err)
	}
	mustClose(t, j)
	mustJournal(t, s, 0)
	if _, err := Open("data", s.options); !errors.Is(err, journal.ErrLocked) {
		t.Errorf("second Open: %v", err)
	}
	mustClose(t, s)
	if _, err := s.Journal(0); !errors.Is(err, journal.ErrClosed) {
		t.Errorf("Journal after Close: %v", err)
	}
	mustClose(t, s)
}

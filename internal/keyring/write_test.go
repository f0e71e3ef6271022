package keyring

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/gofrs/flock"
)

// failing returns a disk on which one step fails: locking, writing half of the text, syncing a file or a directory, closing, or renaming.
func failing(t *testing.T, step string, fault error) disk {
	d := machine
	failed := false
	t.Cleanup(func() {
		if !failed {
			t.Errorf("the step %s was never taken", step)
		}
	})
	fail := func(of string, err error) error {
		if of != step {
			return err
		}
		failed = true
		return &fs.PathError{Op: step, Path: "the keyring", Err: fault}
	}
	d.lock = func(ctx context.Context, l *flock.Flock) (bool, error) {
		if err := fail("lock", nil); err != nil {
			return false, err
		}
		return tryLock(ctx, l)
	}
	d.write = func(f *os.File, text []byte) (int, error) {
		n := len(text)
		if step == "write" {
			n /= 2
		}
		n, err := f.Write(text[:n])
		return n, fail("write", err)
	}
	d.sync = func(f *os.File) error {
		info, err := f.Stat()
		switch {
		case err != nil:
			return err
		case info.IsDir():
			return fail("sync of the directory", f.Sync())
		}
		return fail("sync", f.Sync())
	}
	d.close = func(f *os.File) error { return fail("close", f.Close()) }
	d.rename = func(from, to string) error {
		if err := fail("rename", nil); err != nil {
			return err
		}
		return os.Rename(from, to)
	}
	return d
}

func namesBeside(t *testing.T, path string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	must(t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// TestFailuresOfTheDisk lets each step fail: the old file stays as it was, a new one does not stay, and no keys are left beside them.
func TestFailuresOfTheDisk(t *testing.T) {
	for _, fault := range []error{syscall.EIO, syscall.ENOSPC} {
		for _, step := range []string{"lock", "write", "sync", "close", "rename", "sync of the directory"} {
			t.Run(step+" "+fault.Error(), func(t *testing.T) {
				path := newFile(t)
				before, err := os.ReadFile(path)
				must(t, err)
				err = failing(t, step, fault).change(t.Context(), path, Rotate("orders", created))
				if !errors.Is(err, fault) || !strings.Contains(err.Error(), step) {
					t.Errorf("change: %v", err)
				}
				after, err2 := os.ReadFile(path)
				must(t, err2)
				changed := step == "sync of the directory" // it has its name already
				if bytes.Equal(before, after) == changed || errors.Is(err, ErrUnconfirmed) != changed || errors.Is(err, ErrNoLock) != (step == "lock") {
					t.Errorf("the file changed: %t, %v", !bytes.Equal(before, after), err)
				}
				if got := namesBeside(t, path); !slices.Equal(got, []string{"keyring.yaml"}) {
					t.Errorf("the directory has %q", got)
				}
				must(t, Change(t.Context(), path, Rotate("orders", created)))
				if step == "rename" || step == "lock" {
					return // a new file has its name from the start, and nobody else changes it
				}
				path = filepath.Join(t.TempDir(), "new.yaml")
				if err := failing(t, step, fault).create(path, created); !errors.Is(err, fault) {
					t.Errorf("create: %v", err)
				}
				if got := namesBeside(t, path); len(got) != 0 {
					t.Errorf("after create the directory has %q", got)
				}
				must(t, Create(path, created))
			})
		}
	}
}

// TestFailuresOfReads: a server goes on with the keys that it has, and says that they may be old ones.
func TestFailuresOfReads(t *testing.T) {
	path := newFile(t)
	k := load(t, path)
	read, generation := k.source.read, k.Generation()
	must(t, Change(t.Context(), path, Disable("orders")))
	k.source.read = func() ([]byte, error) { return nil, &fs.PathError{Op: "read", Path: path, Err: syscall.EIO} }
	if changed, err := k.Reload(); changed || !errors.Is(err, syscall.EIO) || !strings.Contains(err.Error(), path) {
		t.Errorf("reload: %t, %v", changed, err)
	}
	if _, err := k.Resolve("alias/orders", "", ""); err != nil || !k.Stats().Stale || k.Generation() != generation {
		t.Errorf("the keys have changed: %v, %+v", err, k.Stats())
	}
	k.source.read = func() ([]byte, error) { // a read that ends early, at the end of a line
		text, err := read()
		cut := bytes.LastIndexByte(text[:len(text)/2], '\n')
		return text[:cut+1], err
	}
	if changed, err := k.Reload(); changed || err == nil {
		t.Errorf("half a file: %t, %v", changed, err)
	}
	k.source.read = read
	if changed, err := k.Reload(); !changed || err != nil || k.Stats().Stale {
		t.Errorf("when it can be read again: %t, %v", changed, err)
	}
	if _, err := k.Resolve("alias/orders", "", ""); !errors.Is(err, ErrDisabled) {
		t.Errorf("the change is not taken over: %v", err)
	}
}

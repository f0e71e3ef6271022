package keyring

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// Errors of [Change] to test for.
var (
	// ErrUnconfirmed means that a keyring file has been changed, and that it may be as before when the power fails: the disk did not confirm it.
	ErrUnconfirmed = errors.New("the change may not outlive a power failure")
	// ErrBusy means that other changes of the file have not ended for half a minute.
	ErrBusy = errors.New("the keyring is being changed by another command")
	// ErrNoLock means that the file system does not lock the file, so that two changes at once could undo each other.
	ErrNoLock = errors.New("the keyring cannot be locked")
)

// lockWait is how long a change waits for others, and lockInterval how often it looks.
const (
	lockWait     = 30 * time.Second
	lockInterval = 50 * time.Millisecond
)

// disk does what may fail when a file is changed.
type disk struct {
	lock        func(ctx context.Context, l *flock.Flock) (bool, error)
	write       func(f *os.File, text []byte) (int, error)
	sync, close func(f *os.File) error
	rename      func(from, to string) error
}

var machine = disk{tryLock, (*os.File).Write, (*os.File).Sync, (*os.File).Close, os.Rename}

// Create writes a new keyring file with the keys that every keyring has. It fails with fs.ErrExist if there is a file. After any other error there
// is none.
func Create(path string, now time.Time) error { return machine.create(path, now) }

// Change edits a keyring file. Whoever reads it meanwhile sees it as it was or as it is afterwards, and two changes at once are made one after the
// other; ctx bounds the wait for others. Owner, group and mode stay, or nothing is changed and the error is fs.ErrPermission. After any error but
// ErrUnconfirmed the file is as it was.
func Change(ctx context.Context, path string, edit Edit) error {
	return machine.change(ctx, path, edit)
}

func (d disk) create(path string, now time.Time) error {
	s := &set{}
	for _, name := range []string{MessageKey, SecretKey} {
		key, err := newKey(name, now)
		if err != nil {
			return err
		}
		s.keys = append(s.keys, key)
	}
	text, err := s.format()
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = d.fill(f, text)
	if err == nil {
		err = d.syncDirectory(path)
	}
	if err != nil {
		_ = os.Remove(path)
	}
	return err
}

func (d disk) change(ctx context.Context, path string, edit Edit) error {
	path, err := filepath.EvalSymlinks(path) // a link stays one
	if err != nil {
		return err
	}
	held, err := d.hold(ctx, path)
	if err != nil {
		return err
	}
	defer held.Close()
	s, err := readFile(path)
	if err != nil {
		return err
	}
	if err := edit(s); err != nil {
		return err
	}
	text, err := s.format()
	if err != nil {
		return err
	}
	if _, err := parse(text); err != nil {
		return err
	}
	return d.replace(path, text)
}

// hold lets one process at a time change a file: it returns the lock of the file that has the name when it was got.
func (d disk) hold(ctx context.Context, path string) (*flock.Flock, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, lockWait, ErrBusy)
	defer cancel()
	for {
		l := flock.New(path, flock.SetFlag(os.O_RDONLY))
		switch _, err := d.lock(ctx, l); {
		case err != nil && ctx.Err() != nil:
			return nil, fmt.Errorf("%s: %w", path, context.Cause(ctx))
		case err != nil:
			return nil, fmt.Errorf("%s: %w: %w", path, ErrNoLock, err)
		}
		locked, err := l.Stat()
		if err == nil {
			var named os.FileInfo
			if named, err = os.Stat(path); err == nil && os.SameFile(locked, named) {
				return l, nil
			}
		}
		_ = l.Close()
		if err != nil {
			return nil, err
		}
	}
}

func tryLock(ctx context.Context, l *flock.Flock) (bool, error) {
	return l.TryLockContext(ctx, lockInterval)
}

// partialNames says how the names begin and end of files that are to take the place of a file; a number is between.
func partialNames(path string) (begin, end string) {
	return "." + filepath.Base(path) + ".", ".partial"
}

// replace puts a file with this text in the place of another that the caller has locked.
func (d disk) replace(path string, text []byte) error {
	sweep(path)
	old, err := os.Stat(path)
	if err != nil {
		return err
	}
	begin, end := partialNames(path)
	f, err := os.CreateTemp(filepath.Dir(path), begin+"*"+end) // with mode 0600
	if err != nil {
		return err
	}
	if err = keepOwner(f, old); err == nil {
		err = f.Chmod(old.Mode().Perm())
	}
	if err != nil {
		_ = f.Close()
		err = fmt.Errorf("%s: %w", path, err)
	} else {
		err = d.fill(f, text)
	}
	if err == nil {
		err = d.rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
		return err
	}
	if err := d.syncDirectory(path); err != nil {
		return fmt.Errorf("%s: %w: %w", path, ErrUnconfirmed, err)
	}
	return nil
}

// sweep removes what changes that were killed have left beside a file: keys are in it. What cannot be removed does not stop the next change.
func sweep(path string) {
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		return
	}
	begin, end := partialNames(path)
	for _, e := range entries {
		rest, begins := strings.CutPrefix(e.Name(), begin)
		number, ends := strings.CutSuffix(rest, end)
		if _, err := strconv.ParseUint(number, 10, 64); begins && ends && err == nil { // with more than a number it is of a longer name
			_ = os.Remove(filepath.Join(filepath.Dir(path), e.Name()))
		}
	}
}

// fill writes and closes a file, durably but for its name.
func (d disk) fill(f *os.File, text []byte) error {
	_, err := d.write(f, text)
	if err == nil {
		err = d.sync(f)
	}
	if closed := d.close(f); err == nil {
		err = closed
	}
	return err
}

// syncDirectory makes the name of a file durable.
func (d disk) syncDirectory(path string) error {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return d.sync(dir)
}

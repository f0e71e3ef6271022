package keyring

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// An Edit changes the keys of a file.
type Edit func(s *set) error

// Create writes a new keyring file with the keys that every keyring has. It fails with fs.ErrExist if there is a file.
func Create(path string, now time.Time) error {
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
	return writeAndSync(f, path, text)
}

// Change edits a keyring file. Whoever reads it meanwhile sees it as it was or as it is afterwards; owner, group and mode stay, or nothing is
// changed and the error is fs.ErrPermission.
func Change(path string, edit Edit) error {
	path, err := filepath.EvalSymlinks(path) // a link stays one
	if err != nil {
		return err
	}
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
	old, err := os.Stat(path)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".new-*") // with mode 0600
	if err != nil {
		return err
	}
	if err = keepOwner(f, old); err == nil {
		err = f.Chmod(old.Mode().Perm())
	}
	if err != nil {
		_ = f.Close()
		_ = os.Remove(f.Name())
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := writeAndSync(f, f.Name(), text); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		_ = os.Remove(f.Name())
		return err
	}
	return syncDirectory(path)
}

// writeAndSync writes a new file to the disk, and removes it if that fails.
func writeAndSync(f *os.File, path string, text []byte) error {
	_, err := f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		_ = os.Remove(path)
		return err
	}
	return syncDirectory(path)
}

func syncDirectory(path string) error {
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// Add adds a key with these aliases, for the queues of these accounts, or of all.
func Add(name string, aliases, accounts []string, now time.Time) Edit {
	return func(s *set) error {
		if err := checkName(name); err != nil {
			return err
		}
		key, err := newKey(name, now)
		if err != nil {
			return err
		}
		key.Aliases, key.Accounts = aliases, accounts
		s.keys = append(s.keys, key)
		return nil
	}
}

// Rotate adds a version to a key: from now on it seals with that one.
func Rotate(name string, now time.Time) Edit {
	return onKey(name, func(key *Key) error { return key.rotate(now) })
}

// Enable and Disable change the state of a key.
func Enable(name string) Edit { return setEnabled(name, true) }

// Disable makes a key unusable until Enable.
func Disable(name string) Edit { return setEnabled(name, false) }

func setEnabled(name string, enabled bool) Edit {
	return onKey(name, func(key *Key) error { key.Enabled = enabled; return nil })
}

// Forget takes a version out of a key. What it has sealed can never be opened again. The newest stays, and so does what digests are made
// with: they are the same afterwards.
func Forget(name string, version uint32) Edit {
	return onKey(name, func(key *Key) error {
		i := slices.IndexFunc(key.Versions, func(v Version) bool { return v.Number == version })
		switch i {
		case -1:
			return fmt.Errorf("version %d of key %s: %w", version, name, ErrNotFound)
		case len(key.Versions) - 1:
			return fmt.Errorf("version %d of key %s is the newest: rotate the key first", version, name)
		}
		if i == 0 && key.Name == SecretKey {
			key.digestSecret = key.secretOfDigests()
		}
		key.Versions = slices.Delete(key.Versions, i, i+1)
		return nil
	})
}

// onKey edits the key with this name, alias or id.
func onKey(name string, edit func(*Key) error) Edit {
	return func(s *set) error {
		key := s.find(aliasPrefix + strings.TrimPrefix(name, aliasPrefix))
		if key == nil {
			key = s.find(name)
		}
		if key == nil {
			return fmt.Errorf("%s: %w", name, ErrNotFound)
		}
		return edit(key)
	}
}

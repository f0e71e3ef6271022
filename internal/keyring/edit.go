package keyring

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// An Edit changes the keys of a file.
type Edit func(s *set) error

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

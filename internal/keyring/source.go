package keyring

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/staunchmq/staunch/internal/clock"
	"github.com/staunchmq/staunch/internal/reload"
)

// source is where the text of a keyring comes from.
type source struct {
	name string // as it was configured
	read func() ([]byte, error)

	// mu is held while the source is read, too: or an older text could take the place of a newer one.
	mu   sync.Mutex
	last []byte // the text that was taken over last; guarded by mu
}

// builtinSource is a source in words that is none.
const builtinSource = "built-in"

// sizeMax is the largest text of a keyring, in bytes.
const sizeMax = 1 << 20

// Load reads a keyring from a source:
//
//	file:PATH         a file. Its owner alone may be able to write it, and others may not be able to read it
//	env:NAME          the environment variable NAME, which has the text of such a file
//	credential:NAME   the systemd credential NAME: a file in $CREDENTIALS_DIRECTORY
//
// An empty source is none: see [New]. The source "built-in" is none either, and says so in words.
func Load(text string) (*Keyring, error) {
	if text == "" || text == builtinSource {
		return &Keyring{inWords: text != ""}, nil
	}
	s, err := parseSource(text)
	if err != nil {
		return nil, err
	}
	k := &Keyring{source: s}
	if _, err := k.Reload(); err != nil {
		return nil, err
	}
	return k, nil
}

// FilePath returns the path of a source that is a file.
func FilePath(text string) (path string, ok bool) {
	path, ok = strings.CutPrefix(text, "file:")
	return path, ok && path != ""
}

func parseSource(text string) (*source, error) {
	kind, value, _ := strings.Cut(text, ":")
	s := &source{name: text}
	switch {
	case value == "":
	case kind == "file":
		s.read = func() ([]byte, error) { return readPrivate(value) }
		return s, nil
	case kind == "env":
		s.read = func() ([]byte, error) {
			text := os.Getenv(value)
			if text == "" {
				return nil, fmt.Errorf("the environment variable %s is not set", value)
			}
			return []byte(text), nil
		}
		return s, nil
	case kind == "credential" && filepath.Base(value) == value:
		s.read = func() ([]byte, error) {
			directory := os.Getenv("CREDENTIALS_DIRECTORY")
			if directory == "" {
				return nil, errors.New("CREDENTIALS_DIRECTORY is not set: systemd sets it for units with LoadCredential= or LoadCredentialEncrypted=")
			}
			return readLimited(filepath.Join(directory, value))
		}
		return s, nil
	}
	return nil, errors.New("a keyring is file:PATH, env:NAME or credential:NAME")
}

// readFile reads the keys of a file.
func readFile(path string) (*set, error) {
	text, err := readPrivate(path)
	if err != nil {
		return nil, err
	}
	s, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return s, nil
}

// readPrivate reads a file that others can neither read nor write. A group may read it: that is how Kubernetes gives out secrets.
func readPrivate(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	const open = fs.FileMode(0o027)
	if mode := info.Mode().Perm(); mode&open != 0 {
		return nil, fmt.Errorf("%s has the mode %#o, so others can get at it: chmod 600 %s", path, mode, path)
	}
	return readLimited(path)
}

func readLimited(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > sizeMax {
		return nil, fmt.Errorf("%s is larger than %d bytes: it is no keyring", path, sizeMax)
	}
	return os.ReadFile(path)
}

// List returns the keys of a source, for people.
func List(text string) ([]*Key, error) {
	k, err := Load(text)
	if err != nil {
		return nil, err
	}
	s := k.loaded.Load()
	if s == nil {
		return nil, errors.New("the built-in keys are in the data directory")
	}
	return s.keys, nil
}

// Reload reads the source again, and tells whether it has changed. With an error the keys stay as they were.
func (k *Keyring) Reload() (changed bool, err error) {
	if k.source == nil {
		return false, nil
	}
	k.source.mu.Lock()
	defer k.source.mu.Unlock()
	defer func() { k.stale.Store(err != nil) }()
	text, err := k.source.read()
	if err != nil {
		return false, fmt.Errorf("keyring %s: %w", k.source.name, err)
	}
	if bytes.Equal(text, k.source.last) {
		return false, nil
	}
	s, err := parse(text)
	if err != nil {
		return false, fmt.Errorf("keyring %s: %w", k.source.name, err)
	}
	k.source.last = text
	k.loaded.Store(s)
	k.generation.Add(1)
	return true, nil
}

// reloadInterval is how often the source is read again. It is small, and in the page cache.
const reloadInterval = 2 * time.Second

// Run reads the source again as it changes, until ctx ends. It returns nil.
func (k *Keyring) Run(ctx context.Context, c clock.Clock, log *slog.Logger) error {
	if k.source == nil {
		return nil
	}
	return reload.Run(ctx, reload.Options{
		Clock: c, Every: reloadInterval, Look: k.Reload,
		Changed: func() { log.Info("the keyring has changed", "keyring", k.source.name) },
		Failed:  func(err error) { log.Error("the keyring was not read again; its keys stay as they were", "error", err) },
	})
}

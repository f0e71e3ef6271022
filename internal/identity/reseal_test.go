package identity_test

import (
	"bytes"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/staunchmq/staunch/internal/catalog"
	"github.com/staunchmq/staunch/internal/clock"
	"github.com/staunchmq/staunch/internal/identity"
	"github.com/staunchmq/staunch/internal/keyring"
)

// ringFixture is a fixture with a keyring in a file, and with keys whose secrets were sealed by a built-in key, and by two versions of the
// file's.
func ringFixture(t *testing.T) (f *fixture, path string, keys []*identity.NewKey) {
	t.Helper()
	f = newFixture(t)
	f.user("ann")
	keys = append(keys, f.key("ann"))
	path = filepath.Join(t.TempDir(), "ring.yaml")
	must(t, keyring.Create(path, time.Unix(0, 0)))
	ring, err := keyring.Load("file:" + path)
	must(t, err)
	must(t, ring.UseBuiltin([]byte("a secret of the server")))
	f.keys = ring
	f.Service = identity.New(identity.Options{Catalog: f.catalog, Sealer: f.keys, Clock: clock.System()})
	keys = append(keys, f.key("ann"), f.key(""))
	f.edit(path, keyring.Rotate(keyring.SecretKey, time.Unix(0, 0)))
	keys = append(keys, f.key(""))
	return f, path, keys
}

func (f *fixture) edit(path string, edit keyring.Edit) {
	f.Helper()
	must(f.T, keyring.Change(f.Context(), path, edit))
	_, err := f.keys.Reload()
	must(f.T, err)
}

// secretsOf returns what a directory over a catalog and a keyring knows of keys.
func secretsOf(c *catalog.Catalog, ring *keyring.Keyring, keys []*identity.NewKey) (secrets []string) {
	dir := identity.NewDirectory(identity.DirectoryOptions{Catalog: c, Sealer: ring, Clock: clock.System(), Logger: slog.New(slog.DiscardHandler)})
	for _, k := range keys {
		got, _ := dir.AccessKey(k.ID)
		secrets = append(secrets, got.Secret)
	}
	return secrets
}

// TestResealedSecretsOutliveOldVersions seals all secrets anew, forgets the old version, and replays each beginning of what was written: at
// none is a secret lost.
func TestResealedSecretsOutliveOldVersions(t *testing.T) {
	f, path, keys := ringFixture(t)
	var want []string
	for _, k := range keys {
		want = append(want, k.Secret)
	}
	_, err := f.UpdateKey(t.Context(), &identity.UpdateKeyInput{ID: keys[0].ID})
	must(t, err)
	written := len(f.journal)
	done, err := f.ResealKeys(t.Context())
	if err != nil || done != (identity.Resealed{Resealed: 3}) {
		t.Fatalf("%+v, %v", done, err)
	}
	if done, err := f.ResealKeys(t.Context()); err != nil || done != (identity.Resealed{}) {
		t.Errorf("again: %+v, %v", done, err)
	}
	for end := written; end <= len(f.journal); end++ {
		c := catalog.New()
		for _, change := range f.journal[:end] {
			must(t, c.Apply(change))
		}
		if got := secretsOf(c, f.keys, keys); strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("after %d of %d changes: %q", end-written, len(f.journal)-written, got)
		}
	}
	f.edit(path, keyring.Forget(keyring.SecretKey, 1))
	if got := secretsOf(f.catalog, f.keys, keys); strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("without the old version: %q", got)
	}
	if k := f.catalog.View().Identities().Key(keys[0].ID); !k.Inactive || k.Created != keys[0].Created || k.User == "" {
		t.Errorf("the key has changed otherwise: %+v", k)
	}
	for _, change := range f.journal {
		for _, secret := range want {
			if bytes.Contains(change, []byte(secret)) {
				t.Error("a secret is in the journal")
			}
		}
	}
}

// What cannot be opened stays, and does not keep the rest from being sealed anew.
func TestResealLeavesWhatCannotBeOpened(t *testing.T) {
	f, path, keys := ringFixture(t)
	damaged := *f.catalog.View().Identities().Key(keys[2].ID)
	damaged.Sealed = bytes.Clone(f.catalog.View().Identities().Key(keys[1].ID).Sealed) // sealed elsewhere
	must(t, f.catalog.Update(t.Context(), func(*catalog.View) (catalog.Change, error) { return catalog.PutAccessKey{Key: damaged}, nil }))
	done, err := f.ResealKeys(t.Context())
	if err != nil || done.Resealed != 2 || done.Failed != 1 || !errors.Is(done.Problem, keyring.ErrSealed) || !strings.Contains(done.Problem.Error(), keys[2].ID) {
		t.Errorf("%+v, %v", done, err)
	}
	if now := f.catalog.View().Identities().Key(keys[2].ID).Sealed; !bytes.Equal(now, damaged.Sealed) {
		t.Error("what could not be opened was changed")
	}
	f.edit(path, keyring.Rotate(keyring.SecretKey, time.Unix(0, 0)))
	f.edit(path, keyring.Disable(keyring.SecretKey))
	done, err = f.ResealKeys(t.Context())
	if err != nil || done.Resealed != 0 || done.Failed != 4 || !errors.Is(done.Problem, keyring.ErrDisabled) && !errors.Is(done.Problem, keyring.ErrSealed) {
		t.Errorf("disabled: %+v, %v", done, err)
	}
}

package server

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/staunchmq/staunch/internal/catalog"
	"github.com/staunchmq/staunch/internal/clock"
	"github.com/staunchmq/staunch/internal/identity"
	"github.com/staunchmq/staunch/internal/keyring"
)

// direct commits changes of a catalog at once.
type direct struct{ *catalog.Catalog }

func (d direct) AppendDefinition(_ context.Context, change []byte, _ bool) error {
	return d.Apply(change)
}

func TestRootKeyIsMadeOnTheFirstStartAlone(t *testing.T) {
	c, keys := catalog.New(), keyring.New()
	c.Attach(direct{c})
	if err := keys.UseBuiltin([]byte("secret")); err != nil {
		t.Fatal(err)
	}
	start := func() *identity.NewKey {
		service := identity.New(identity.Options{Catalog: c, Sealer: keys, Clock: clock.System()})
		key, err := EnsureRootKey(t.Context(), service, "000000000000")
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	if key := start(); key == nil || key.Account != "000000000000" || key.User != "" || key.Secret == "" {
		t.Errorf("the first start makes %+v", key)
	}
	if key := start(); key != nil {
		t.Errorf("the second start makes %s", key.ID)
	}
	if _, err := EnsureRootKey(t.Context(), identity.New(identity.Options{Catalog: catalog.New(), Sealer: keys, Clock: clock.System()}), "000000000000"); err == nil {
		t.Error("no error from a catalog that cannot be changed")
	}
}

func TestAdminTokenIsMadeOnceForItsOwner(t *testing.T) {
	var lines bytes.Buffer
	log := slog.New(slog.NewTextHandler(&lines, nil))
	file := filepath.Join(t.TempDir(), "admin-token")
	token, err := adminToken(file, log)
	if err != nil || len(token) < tokenCharsMin {
		t.Fatalf("token of %d characters, %v", len(token), err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if again, err := adminToken(file, log); again != token || err != nil {
		t.Errorf("the second start has another token, %v", err)
	}
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if fresh, err := adminToken(file, log); err != nil || fresh == token || len(fresh) < tokenCharsMin {
		t.Errorf("after a crash had left an empty file: %d characters, %v", len(fresh), err)
	}
	if err := os.WriteFile(file, []byte("short\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := adminToken(file, log); err == nil || !strings.Contains(err.Error(), "at least 16") || strings.Contains(err.Error(), "short\n") {
		t.Errorf("a short token: %v", err)
	}
	if _, err := adminToken(filepath.Join(file, "none"), log); err == nil || !strings.Contains(err.Error(), "--admin-token-file") {
		t.Errorf("a directory that does not exist: %v", err)
	}
	if err := os.WriteFile(file, []byte("canary of two words\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := adminToken(file, log); err == nil || !strings.Contains(err.Error(), "more than a token") || strings.Contains(err.Error(), "canary") {
		t.Errorf("a token that commands could not send: %v", err)
	}
	if lines.Len() > 0 {
		t.Errorf("warned of its own file: %s", lines.String())
	}
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(token), 0); err != nil {
		t.Fatal(err)
	}
	if got, err := adminToken(file, log); got != token || err != nil || !strings.Contains(lines.String(), "chmod 600") {
		t.Errorf("a file that others can read: %v, logged %q", err, lines.String())
	}
	unknown, err := adminToken("", log)
	other, _ := adminToken("", log)
	if err != nil || unknown == other || len(unknown) < tokenCharsMin {
		t.Errorf("without a file: %v", err)
	}
	names, err := os.ReadDir(filepath.Dir(file))
	if err != nil || len(names) != 1 {
		t.Errorf("%d files are left, %v", len(names), err)
	}
}

package keyring

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/staunchmq/staunch/internal/clock"
)

var created = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// newFile makes a keyring file with a further key, orders.
func newFile(t testing.TB) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "keyring.yaml")
	must(t, Create(path, created))
	must(t, Change(t.Context(), path, Add("orders", []string{"arn:aws:kms:eu-west-1:111122223333:key/k"}, nil, created)))
	return path
}

func load(t testing.TB, path string) *Keyring {
	t.Helper()
	k, err := Load("file:" + path)
	must(t, err)
	return k
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestSealedOpensInItsContextAlone(t *testing.T) {
	builtin := New()
	must(t, builtin.UseBuiltin([]byte("secret")))
	for name, k := range map[string]*Keyring{"file": load(t, newFile(t)), "built-in": builtin} {
		t.Run(name, func(t *testing.T) {
			plain := []byte("a secret of the server")
			sealed, err := k.Seal(plain, []byte("context"))
			must(t, err)
			if len(sealed) != len(plain)+Overhead || bytes.Contains(sealed, plain) {
				t.Errorf("sealed %q", sealed)
			}
			opened, err := k.Open(sealed, []byte("context"))
			if err != nil || !bytes.Equal(opened, plain) {
				t.Errorf("opened %q, %v", opened, err)
			}
			if _, err := k.Open(sealed, []byte("other")); !errors.Is(err, ErrSealed) {
				t.Errorf("in another context: %v", err)
			}
			again, err := k.Seal(plain, []byte("context"))
			must(t, err)
			if bytes.Equal(again, sealed) {
				t.Error("the nonce is not new")
			}
			for i := range sealed {
				for _, bit := range []byte{1, 0x80} {
					changed := bytes.Clone(sealed)
					changed[i] ^= bit
					if _, err := k.Open(changed, []byte("context")); err == nil {
						t.Errorf("opened with byte %d changed", i)
					}
				}
				if _, err := k.Open(sealed[:i], []byte("context")); err == nil {
					t.Errorf("opened %d bytes of it", i)
				}
			}
		})
	}
}

func TestAnotherKeyDoesNotOpen(t *testing.T) {
	one, other := load(t, newFile(t)), load(t, newFile(t))
	sealed, err := one.Seal([]byte("x"), nil)
	must(t, err)
	if _, err := other.Open(sealed, nil); !errors.Is(err, ErrNotFound) {
		t.Errorf("with another keyring: %v", err)
	}
	// The same ciphertext under the id of a key that is there.
	id, err := one.Resolve("alias/orders", "", "")
	must(t, err)
	copy(sealed[1:], id[:])
	if _, err := one.Open(sealed, nil); !errors.Is(err, ErrSealed) {
		t.Errorf("with another key: %v", err)
	}
}

func TestBuiltinKeysOpenBesideASource(t *testing.T) {
	builtin := New()
	must(t, builtin.UseBuiltin([]byte("secret")))
	sealed, err := builtin.Seal([]byte("x"), nil)
	must(t, err)
	k := load(t, newFile(t))
	must(t, k.UseBuiltin([]byte("secret")))
	if _, err := k.Open(sealed, nil); err != nil {
		t.Errorf("open: %v", err)
	}
	own, err := k.Seal([]byte("x"), nil)
	must(t, err)
	if _, err := builtin.Open(own, nil); !errors.Is(err, ErrNotFound) {
		t.Errorf("a source is configured, and yet the built-in keys seal: %v", err)
	}
	if _, err := New().Seal([]byte("x"), nil); !errors.Is(err, ErrNotFound) {
		t.Errorf("without any key: %v", err)
	}
}

func TestRotationKeepsOldVersions(t *testing.T) {
	path := newFile(t)
	k := load(t, path)
	id, err := k.Resolve("alias/orders", "", "")
	must(t, err)
	first, err := k.SealWith(id, []byte("1"), nil)
	must(t, err)
	digest, err := k.Digest([]byte("d"))
	must(t, err)
	must(t, Change(t.Context(), path, Rotate("orders", created)))
	must(t, Change(t.Context(), path, Rotate(SecretKey, created)))
	if changed, err := k.Reload(); err != nil || !changed {
		t.Fatalf("reload: %v, %v", changed, err)
	}
	second, err := k.SealWith(id, []byte("2"), nil)
	must(t, err)
	for i, sealed := range [][]byte{first, second} {
		by, version, err := SealedBy(sealed)
		must(t, err)
		if by != id || int(version) != i+1 {
			t.Errorf("sealed by %v version %d", by, version)
		}
		if _, err := k.Open(sealed, nil); err != nil {
			t.Error(err)
		}
	}
	if after, err := k.Digest([]byte("d")); err != nil || !bytes.Equal(after, digest) {
		t.Errorf("the digest has changed: %v", err)
	}
	must(t, Change(t.Context(), path, Forget("orders", 1)))
	_, err = k.Reload()
	must(t, err)
	if _, err := k.Open(first, nil); !errors.Is(err, ErrNotFound) {
		t.Errorf("a version that is gone: %v", err)
	}
	for name, edit := range map[string]Edit{"the newest": Forget("orders", 2), "one that is not there": Forget("orders", 1)} {
		if err := Change(t.Context(), path, edit); err == nil {
			t.Errorf("%s can be forgotten", name)
		}
	}
}

// Digests stay when the versions go that they were made with, one after the other.
func TestDigestsOutliveVersions(t *testing.T) {
	path := newFile(t)
	k := load(t, path)
	digest := func() []byte {
		t.Helper()
		d, err := k.Digest([]byte("a"), []byte("b"))
		must(t, err)
		return d
	}
	secret, err := k.Seal([]byte("s"), nil)
	must(t, err)
	before := digest()
	for version := range uint32(3) {
		must(t, Change(t.Context(), path, Rotate(SecretKey, created)))
		must(t, Change(t.Context(), path, Forget(SecretKey, version+1)))
		_, err := k.Reload()
		must(t, err)
		if !bytes.Equal(digest(), before) {
			t.Errorf("the digest has changed with version %d", version+1)
		}
	}
	if _, err := k.Open(secret, nil); !errors.Is(err, ErrNotFound) {
		t.Errorf("a version that is gone: %v", err)
	}
	text, err := os.ReadFile(path)
	must(t, err)
	if _, err := parse(bytes.Replace(text, []byte("digest:"), []byte("digest2:"), 1)); err == nil || strings.Count(string(text), "digest:") != 1 {
		t.Errorf("%s: %v", text, err)
	}
}

func TestOutdated(t *testing.T) {
	path := newFile(t)
	k, builtin := load(t, path), New()
	must(t, builtin.UseBuiltin([]byte("secret")))
	expect := func(what string, sealed []byte, want bool) {
		t.Helper()
		if got, err := k.Outdated(sealed); got != want || err != nil {
			t.Errorf("%s: %v, %v", what, got, err)
		}
	}
	first, err := k.Seal([]byte("s"), nil)
	must(t, err)
	expect("just sealed", first, false)
	orders, err := k.Resolve("alias/orders", "", "")
	must(t, err)
	other, err := k.SealWith(orders, []byte("s"), nil)
	must(t, err)
	expect("by another key", other, true)
	own, err := builtin.Seal([]byte("s"), nil)
	must(t, err)
	expect("by a built-in key", own, true)
	must(t, Change(t.Context(), path, Rotate(SecretKey, created)))
	_, err = k.Reload()
	must(t, err)
	expect("by an older version", first, true)
	if _, err := k.Outdated([]byte("s")); !errors.Is(err, ErrSealed) {
		t.Errorf("something else: %v", err)
	}
	if _, err := New().Outdated(first); !errors.Is(err, ErrNotFound) {
		t.Errorf("without keys: %v", err)
	}
}

func TestResolve(t *testing.T) {
	path := newFile(t)
	must(t, Change(t.Context(), path, Add("own", nil, []string{"000000000001"}, created)))
	must(t, Change(t.Context(), path, Add("off", nil, nil, created)))
	must(t, Change(t.Context(), path, Disable("off")))
	k := load(t, path)
	orders, err := k.Resolve("alias/orders", "", "")
	must(t, err)
	const region, account = "us-east-1", "000000000000"
	tests := []struct {
		keyID, account string
		want           error
	}{
		{"alias/orders", account, nil},
		{orders.String(), account, nil},
		{"arn:aws:kms:us-east-1:000000000000:alias/orders", account, nil},
		{"arn:aws:kms:us-east-1:000000000000:key/" + orders.String(), account, nil},
		{"arn:aws:kms:eu-west-1:111122223333:key/k", account, nil},
		{"arn:aws:kms:us-west-2:000000000000:alias/orders", account, ErrNotFound},
		{"arn:aws:kms:us-east-1:000000000001:alias/orders", account, ErrNotFound},
		{"arn:aws:kms:us-east-1:000000000000:key/alias/orders", account, ErrNotFound},
		{"orders", account, ErrNotFound},
		{"alias/none", account, ErrNotFound},
		{"", account, ErrNotFound},
		{"alias/aws/sqs", account, nil},
		{"alias/own", "000000000001", nil},
		{"alias/own", account, ErrAccess},
		{"alias/off", account, ErrDisabled},
		{"alias/staunch/secrets", account, ErrUsage},
	}
	for _, tc := range tests {
		if _, err := k.Resolve(tc.keyID, region, tc.account); !errors.Is(err, tc.want) {
			t.Errorf("%s for %s: %v, want %v", tc.keyID, tc.account, err, tc.want)
		}
	}
	builtin := New()
	must(t, builtin.UseBuiltin([]byte("secret")))
	if _, err := builtin.Resolve("alias/aws/sqs", region, account); err != nil {
		t.Errorf("built-in: %v", err)
	}
	if _, err := builtin.Resolve("alias/orders", region, account); !errors.Is(err, ErrNotFound) {
		t.Errorf("built-in: %v", err)
	}
}

func TestFollows(t *testing.T) {
	one, other := load(t, newFile(t)), load(t, newFile(t))
	none, err := Load("")
	must(t, err)
	inWords, err := Load("built-in")
	must(t, err)
	for _, tc := range []struct {
		k    *Keyring
		of   string
		want bool
	}{
		{one, "", true}, {one, one.Identity(), true}, {one, other.Identity(), false},
		{none, "", true}, {none, one.Identity(), false}, {inWords, one.Identity(), true},
	} {
		if got := tc.k.Follows(tc.of); got != tc.want {
			t.Errorf("%q follows %q: %t", tc.k.Identity(), tc.of, got)
		}
	}
}

func TestSources(t *testing.T) {
	path := newFile(t)
	text, err := os.ReadFile(path)
	must(t, err)
	t.Setenv("KEYRING_TEXT", string(text))
	t.Setenv("CREDENTIALS_DIRECTORY", filepath.Dir(path))
	t.Setenv("EMPTY", "")
	for _, source := range []string{"file:" + path, "env:KEYRING_TEXT", "credential:keyring.yaml"} {
		k, err := Load(source)
		if err != nil || k.Identity() == "" {
			t.Errorf("%s: %v", source, err)
		}
	}
	for _, source := range []string{"", "built-in"} {
		if k, err := Load(source); err != nil || k.Identity() != "" {
			t.Errorf("%s: %v", source, err)
		}
	}
	must(t, os.Chmod(path, 0o640))
	if _, err := Load("file:" + path); err != nil {
		t.Errorf("readable by a group: %v", err)
	}
	must(t, os.Chmod(path, 0o644))
	for _, source := range []string{"file:" + path, "file:" + path + "x", "file:", "env:", "env:EMPTY", "credential:../x", "credential:x", "vault:x", path} {
		if _, err := Load(source); err == nil {
			t.Errorf("%s: no error", source)
		}
	}
}

// TestNoErrorShowsASecret breaks a keyring in every line, and looks for its secrets in the errors.
func TestNoErrorShowsASecret(t *testing.T) {
	path := newFile(t)
	text, err := os.ReadFile(path)
	must(t, err)
	s, err := parse(text)
	must(t, err)
	var secrets []string
	for _, key := range s.keys {
		secrets = append(secrets, base64.StdEncoding.EncodeToString(key.Versions[0].secret))
	}
	lines := strings.SplitAfter(string(text), "\n")
	refused := 0
	for i := range lines {
		for _, with := range []string{"", "%s" + lines[i], "- " + lines[i], strings.Replace(lines[i], ": ", ": [", 1), strings.Replace(lines[i], ": ", ": !!int ", 1), strings.Replace(lines[i], ": ", "", 1)} {
			broken := strings.Join(append(append(append([]string{}, lines[:i]...), with), lines[i+1:]...), "")
			_, err := parse([]byte(broken))
			if err == nil {
				continue
			}
			refused++
			for _, secret := range secrets {
				if strings.Contains(err.Error(), secret[:8]) {
					t.Errorf("line %d as %q: %v", i+1, with, err)
				}
			}
		}
	}
	if refused < len(lines) {
		t.Errorf("%d of the broken keyrings were refused", refused)
	}
}

func TestParseRefuses(t *testing.T) {
	text, err := os.ReadFile(newFile(t))
	must(t, err)
	replace := func(old, with string) string { return strings.Replace(string(text), old, with, 1) }
	tests := map[string]string{
		"empty":           "",
		"format":          replace("format: 1", "format: 2"),
		"unknown field":   replace("state:", "status:"),
		"state":           replace("state: enabled", "state: on"),
		"name":            replace("name: orders", "name: or ders"),
		"same name":       replace("name: orders", "name: aws/sqs"),
		"missing key":     replace("name: aws/sqs", "name: sqs"),
		"id":              replace("id: ", "id: x"),
		"version 0":       replace("version: 1", "version: 0"),
		"short secret":    replace("secret: ", "secret: AAAA#"),
		"account":         replace("aliases:", "accounts: [\"1\"]\n    aliases:"),
		"second document": string(text) + "---\nformat: 1\n",
	}
	for name, text := range tests {
		if _, err := parse([]byte(text)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// One flipped bit anywhere in the file: it is refused, or has the same keys. What the bit may change unnoticed are comments, dates, and
// texts that people choose (aliases).
func TestOneFlippedBitInTheFile(t *testing.T) {
	path := newFile(t)
	must(t, Change(t.Context(), path, Rotate(SecretKey, created)))
	must(t, Change(t.Context(), path, Forget(SecretKey, 1))) // now it has every member that a file can have
	text, err := os.ReadFile(path)
	must(t, err)
	keys := func(s *set) (all []string) {
		for _, k := range s.keys {
			all = append(all, fmt.Sprintf("%v %v %v %v %x", k.ID, k.Name, k.Enabled, k.Accounts, k.digestSecret))
			for _, v := range k.Versions {
				all = append(all, fmt.Sprintf("%d %x", v.Number, v.secret))
			}
		}
		return all
	}
	whole, err := parse(text)
	must(t, err)
	want, refused := keys(whole), 0
	for bit := range len(text) * 8 {
		damaged := bytes.Clone(text)
		damaged[bit/8] ^= 1 << (bit % 8)
		s, err := parse(damaged)
		if err != nil {
			refused++
		} else if got := keys(s); !slices.Equal(got, want) {
			t.Errorf("bit %d of byte %d: %q, was %q", bit%8, bit/8, got, want)
		}
	}
	if refused < len(text) {
		t.Errorf("%d of %d bits were refused", refused, len(text)*8)
	}
}

func TestKeysWithoutCheck(t *testing.T) {
	text, err := os.ReadFile(newFile(t))
	must(t, err)
	without := regexp.MustCompile("(?m)^ *check: .*\n").ReplaceAll(text, nil)
	if s, err := parse(without); err != nil || len(without) == len(text) || len(s.keys) < 2 {
		t.Errorf("a file that was written by hand: %v", err)
	}
}

func TestChangeKeepsTheFileWhole(t *testing.T) {
	path := newFile(t)
	before, err := os.ReadFile(path)
	must(t, err)
	if err := Create(path, created); !errors.Is(err, fs.ErrExist) {
		t.Errorf("create over a file: %v", err)
	}
	for name, edit := range map[string]Edit{
		"the same name again": Add("orders", nil, nil, created), "a bad name": Add("or ders", nil, nil, created),
		"an alias in use": Add("other", []string{"alias/orders"}, nil, created), "an unknown key": Rotate("none", created),
	} {
		if err := Change(t.Context(), path, edit); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	after, err := os.ReadFile(path)
	must(t, err)
	if !bytes.Equal(before, after) {
		t.Error("an edit that failed has changed the file")
	}
	must(t, Change(t.Context(), path, Disable("alias/orders")))
	must(t, Change(t.Context(), path, Enable("orders")))
	if after, err = os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("disabled and enabled again it is\n%s, %v", after, err)
	}
	names, err := os.ReadDir(filepath.Dir(path))
	must(t, err)
	info, err := names[0].Info()
	must(t, err)
	if len(names) != 1 || info.Mode().Perm() != 0o600 {
		t.Errorf("left: %v, mode %v", names, info.Mode())
	}
}

func TestChangesAtOnceAreAllThere(t *testing.T) {
	path := newFile(t)
	names := make([]string, 20)
	var wg sync.WaitGroup
	for i := range names {
		names[i] = fmt.Sprint("key-", i)
		wg.Go(func() {
			if err := Change(t.Context(), path, Add(names[i], nil, nil, created)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	k := load(t, path)
	for _, name := range names {
		if _, err := k.Resolve("alias/"+name, "", ""); err != nil {
			t.Error(err)
		}
	}
}

// A command that was killed has left keys beside the file. What belongs to other keyrings stays, whatever their names.
func TestChangeSweepsLeftovers(t *testing.T) {
	path := newFile(t)
	left := interrupted(t, path)
	if left == "" {
		t.Fatal("a change makes no file")
	}
	others := []string{
		"keyring.yaml.new-2027", "keyring.yaml.new-x", "keyring.yaml.123.partial", ".keyring.yaml..partial", ".keyring.yaml.partial",
		".keyring.yaml.old.123.partial", ".other.yaml.123.partial", ".keyring.yaml.123.partial.yaml",
	}
	for _, name := range others {
		must(t, os.WriteFile(filepath.Join(filepath.Dir(path), name), []byte("secret"), 0o600))
	}
	must(t, os.WriteFile(filepath.Join(filepath.Dir(path), left), []byte("secret"), 0o600))
	must(t, Change(t.Context(), path, Rotate("orders", created)))
	want := append(others, "keyring.yaml")
	slices.Sort(want)
	if diff := cmp.Diff(want, namesBeside(t, path)); diff != "" {
		t.Errorf("the directory (-want +got):\n%s", diff)
	}
}

// interrupted returns the name of the file that a change of another has made when it is killed.
func interrupted(t *testing.T, path string) (name string) {
	d := machine
	d.write = func(f *os.File, _ []byte) (int, error) {
		name = filepath.Base(f.Name())
		return 0, syscall.EIO
	}
	if err := d.change(t.Context(), path, Rotate("orders", created)); !errors.Is(err, syscall.EIO) {
		t.Fatal(err)
	}
	return name
}

// A change waits for another one, for half a minute, or as long as its context lets it.
func TestChangeWaitsForAnother(t *testing.T) {
	path := newFile(t)
	before, err := os.ReadFile(path)
	must(t, err)
	synctest.Test(t, func(t *testing.T) {
		other, err := machine.hold(t.Context(), path)
		must(t, err)
		start := time.Now()
		if err := Change(t.Context(), path, Disable("orders")); !errors.Is(err, ErrBusy) || time.Since(start) != 30*time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- Change(ctx, path, Disable("orders")) }()
		synctest.Wait()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) || errors.Is(err, ErrBusy) {
			t.Errorf("cancelled: %v", err)
		}
		after, err := os.ReadFile(path)
		must(t, err)
		if !bytes.Equal(before, after) {
			t.Error("the file was changed")
		}
		go func() { done <- Change(t.Context(), path, Disable("orders")) }()
		time.Sleep(10 * time.Second)
		must(t, other.Close())
		must(t, <-done)
	})
	if _, err := load(t, path).Resolve("alias/orders", "", ""); !errors.Is(err, ErrDisabled) {
		t.Errorf("after the wait nothing was changed: %v", err)
	}
}

func TestRunReadsChanges(t *testing.T) {
	path := newFile(t)
	synctest.Test(t, func(t *testing.T) {
		k := load(t, path)
		var log bytes.Buffer
		done := make(chan struct{})
		ctx := t.Context()
		go func() {
			defer close(done)
			if err := k.Run(ctx, clock.System(), slog.New(slog.NewTextHandler(&log, nil))); err != nil {
				t.Error(err)
			}
		}()
		id, err := k.Resolve("alias/orders", "", "")
		must(t, err)
		must(t, Change(t.Context(), path, Disable("orders")))
		if _, err := k.SealWith(id, nil, nil); err != nil {
			t.Errorf("before it is read again: %v", err)
		}
		time.Sleep(reloadInterval + 1)
		synctest.Wait()
		if _, err := k.SealWith(id, nil, nil); !errors.Is(err, ErrDisabled) {
			t.Errorf("disabled: %v", err)
		}
		must(t, os.WriteFile(path, []byte("nonsense"), 0o600))
		time.Sleep(10 * reloadInterval)
		synctest.Wait()
		if _, err := k.SealWith(id, nil, nil); !errors.Is(err, ErrDisabled) {
			t.Errorf("a file that cannot be read has changed the keys: %v", err)
		}
		if n := strings.Count(log.String(), "level=ERROR"); n != 1 {
			t.Errorf("%d errors in the log: %s", n, log.String())
		}
	})
}

// FuzzOpen opens anything. Only what was sealed opens, in this process or in another with the same keys.
func FuzzOpen(f *testing.F) {
	k := New()
	must(f, k.UseBuiltin([]byte("secret")))
	sealed, err := k.Seal([]byte("plain"), []byte("context"))
	must(f, err)
	f.Add(sealed)
	f.Add(sealed[:Overhead])
	f.Fuzz(func(t *testing.T, data []byte) {
		plain, err := k.Open(data, []byte("context"))
		if err == nil && string(plain) != "plain" || err != nil && bytes.Equal(data, sealed) {
			t.Errorf("opened %q, %v", plain, err)
		}
	})
}

// FuzzParse reads any document. What is accepted is written as it was read.
func FuzzParse(f *testing.F) {
	text, err := os.ReadFile(newFile(f))
	must(f, err)
	f.Add(text)
	f.Add(bytes.Replace(text, []byte("    versions:"), []byte("    digest:\n      secret: AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n    versions:"), 1))
	f.Add([]byte("format: 1\nkeys: []\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := parse(text)
		if err != nil {
			return
		}
		written, err := s.format()
		must(t, err)
		again, err := parse(written)
		must(t, err)
		if twice, err := again.format(); err != nil || !bytes.Equal(twice, written) {
			t.Errorf("%s became %s, %v", written, twice, err)
		}
	})
}

func TestNewest(t *testing.T) {
	path := newFile(t)
	k := load(t, path)
	builtin := New()
	for _, k := range []*Keyring{k, builtin} {
		must(t, k.UseBuiltin([]byte("secret")))
	}
	own, err := builtin.Resolve("alias/aws/sqs", "", "")
	must(t, err)
	if id, version, err := builtin.Newest(own); id != own || version != 1 || err != nil {
		t.Errorf("built-in: %v %d, %v", id, version, err)
	}
	orders, err := k.Resolve("alias/orders", "", "")
	must(t, err)
	messages, err := k.Resolve("alias/aws/sqs", "", "")
	must(t, err)
	must(t, Change(t.Context(), path, Rotate("orders", created)))
	must(t, Change(t.Context(), path, Disable("orders")))
	_, err = k.Reload()
	must(t, err)
	if id, version, err := k.Newest(orders); id != orders || version != 2 || err != nil {
		t.Errorf("rotated: %v %d, %v", id, version, err)
	}
	if id, version, err := k.Newest(own); id != messages || version != 1 || err != nil {
		t.Errorf("built-in, with a source: %v %d, %v", id, version, err)
	}
	if _, _, err := k.Newest(KeyID{}); !errors.Is(err, ErrNotFound) {
		t.Errorf("none: %v", err)
	}
}

func TestStats(t *testing.T) {
	path := newFile(t)
	k := load(t, path)
	orders, err := k.Resolve("alias/orders", "", "")
	must(t, err)
	sealed, err := k.SealWith(orders, []byte("m"), nil)
	must(t, err)
	_, err = k.Open(sealed, nil)
	must(t, err)
	_, _ = k.Open(sealed, []byte("elsewhere"))
	_, _ = k.SealWith(KeyID{}, nil, nil)
	must(t, Change(t.Context(), path, Rotate("orders", created)))
	must(t, Change(t.Context(), path, Disable("orders")))
	_, err = k.Reload()
	must(t, err)
	_, _ = k.Open(sealed, nil)
	must(t, os.WriteFile(path, []byte("nonsense"), 0o600))
	if _, err := k.Reload(); err == nil {
		t.Error("nonsense is read")
	}
	want := Stats{Enabled: 2, Disabled: 1, Versions: 4, Stale: true}
	want.Seals[OK], want.Seals[NotFound] = 1, 1
	want.Opens[OK], want.Opens[Damaged], want.Opens[Disabled] = 1, 1, 1
	if got := k.Stats(); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

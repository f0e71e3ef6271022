package credentials

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/clock"
)

const secret = "wJalrXUtnFEMI/K7MDENG="

const good = `
# comment
[default]
aws_access_key_id = AKIAROOT
aws_secret_access_key=` + secret + `

; another
[ orders ]
  aws_access_key_id	= AKIAORDERS
aws_secret_access_key = ` + secret + `
account = 111111111111
user = orders@example.com
policy = {"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sqs:*","Resource":"*"}}
`

func TestParse(t *testing.T) {
	got, err := parse(strings.ReplaceAll(good, "\n", "\r\n"), "000000000042")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]api.AccessKey{
		"AKIAROOT": {Secret: secret, Principal: api.Principal{Account: "000000000042", ARN: "arn:aws:iam::000000000042:root", UserID: "000000000042"}},
		"AKIAORDERS": {Secret: secret, Principal: api.Principal{Account: "111111111111", ARN: "arn:aws:iam::111111111111:user/orders@example.com",
			UserID: "AIDA7NM4BAYY2HZ3NEIFB"}},
	}
	if diff := cmp.Diff(want, got.keys); diff != "" {
		t.Error(diff)
	}
	if len(got.policies) != 1 || len(got.policies["AIDA7NM4BAYY2HZ3NEIFB"]) != 1 {
		t.Errorf("policies %v", got.policies)
	}
}

func TestParseRefuses(t *testing.T) {
	section := func(lines ...string) string {
		return "[a]\naws_access_key_id = AKIA\naws_secret_access_key = " + secret + "\n" + strings.Join(lines, "\n")
	}
	for text, want := range map[string]string{
		section(`policy = {"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`):   "line 1: section [a]: a policy belongs to a user; the root of an account may do everything there",
		section("user = u", "policy = {}"):                                                 "line 1: section [a]: the policy cannot be used: the policy has no Statement",
		section("user = u", "policy = "+strings.Repeat(" ", 1)+strings.Repeat("x", 10241)): "line 1: section [a]: the policy has 10241 bytes; at most 10240 are allowed",
		"account = 1":                            "line 1: a section such as [default] must come first",
		"[":                                      "line 1: a section is a name in brackets, such as [default]",
		"[a":                                     "line 1: a section is a name in brackets, such as [default]",
		section("x"):                             "line 4: want name = value",
		section("region = x"):                    `line 4: unknown name "region"; there are aws_access_key_id, aws_secret_access_key, account, user and policy`,
		section("user ="):                        "line 4: user has no value",
		section("user = a b"):                    "line 1: section [a]: user must be 1 to 64 letters, digits and any of _+=,.@-",
		section("account = 1"):                   "line 1: section [a]: account must be 12 digits",
		section(section()):                       "line 4: section [a]: the access key id AKIA is there twice",
		"\n[a]":                                  "line 2: section [a]: aws_access_key_id must be 3 to 128 letters, digits and underscores",
		section("aws_secret_access_key = short"): "line 1: section [a]: aws_secret_access_key must have at least 16 characters",
		section(strings.Repeat(secret, 3) + "=x"): `line 4: unknown name "` + "wJalrXUtnFEMI/K7MDENG" + `"; there are aws_access_key_id, aws_secret_access_key, account, user and policy`,
	} {
		if _, err := parse(text, "000000000000"); err == nil || err.Error() != want {
			t.Errorf("%q:\ngot  %v\nwant %s", text, err, want)
		}
	}
}

// write puts a file of keys in place, as Kubernetes does: at once.
func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func TestSetFollowsTheFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "credentials")
		write(t, path, good)
		turned := clock.NewManual(clock.System().Now())
		var log bytes.Buffer
		s, err := Open(Options{File: path, Account: "000000000000", RootID: "AKIAENV", RootSecret: secret, Clock: turned, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() { _ = s.Run(ctx) }()
		look := func() {
			synctest.Wait()
			turned.Advance(readInterval)
			synctest.Wait()
		}
		expect := func(logged string, ids ...string) {
			t.Helper()
			log.Reset()
			look()
			look()
			for _, id := range ids {
				if key, ok := s.AccessKey(id); !ok || key.Secret != secret {
					t.Errorf("%s is %v, %v", id, key.Principal, ok)
				}
			}
			if s.Len() != len(ids) {
				t.Errorf("%d keys, want %d", s.Len(), len(ids))
			}
			if logged == "" && log.Len() > 0 || !strings.Contains(log.String(), logged) || strings.Contains(log.String(), secret) {
				t.Errorf("logged %s", log.String())
			}
		}
		expect("", "AKIAROOT", "AKIAORDERS", "AKIAENV")
		write(t, path, strings.ReplaceAll(good, "AKIAORDERS", "AKIANEW"))
		expect("read the access keys again", "AKIAROOT", "AKIANEW", "AKIAENV")
		write(t, path, "nonsense")
		expect("the access keys stay as they were", "AKIAROOT", "AKIANEW", "AKIAENV")
		expect("", "AKIAROOT", "AKIANEW", "AKIAENV") // said once
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		expect("no such file", "AKIAROOT", "AKIANEW", "AKIAENV")
		// A file that is being written: cut after its secret, the section of a user is one of the root.
		half, _, _ := strings.Cut(good, "account")
		for _, text := range []string{half, good} {
			write(t, path, text)
			log.Reset()
			look()
			if _, ok := s.AccessKey("AKIAORDERS"); ok || log.Len() > 0 {
				t.Errorf("a file that is being written was taken over: %s", &log)
			}
		}
		expect("read the access keys again", "AKIAROOT", "AKIAORDERS", "AKIAENV")
		if key, _ := s.AccessKey("AKIAORDERS"); !strings.HasSuffix(key.Principal.ARN, ":user/orders@example.com") {
			t.Errorf("the key is one of %s", key.Principal.ARN)
		}
		write(t, path, "# no keys but that of the root\n")
		expect("read the access keys again", "AKIAENV")
	})
}

func TestHas(t *testing.T) {
	path := filepath.Join(t.TempDir(), "credentials")
	write(t, path, good)
	s, err := Open(Options{File: path, Account: "000000000000"})
	if err != nil {
		t.Fatal(err)
	}
	for arn, want := range map[string]bool{
		"arn:aws:iam::000000000000:root":                    true,
		"arn:aws:iam::111111111111:root":                    true, // it has a user
		"arn:aws:iam::222222222222:root":                    false,
		"arn:aws:iam::111111111111:user/orders@example.com": true,
		"arn:aws:iam::000000000000:user/orders@example.com": false,
		"arn:aws:iam::111111111111:user/other":              false,
		"arn:aws:iam::111111111111:role/orders":             false,
		"":                                                  false,
	} {
		if got := s.Has(arn); got != want {
			t.Errorf("%q: %t", arn, got)
		}
	}
}

func TestOpen(t *testing.T) {
	directory := t.TempDir()
	path := func(name, text string) string {
		p := filepath.Join(directory, name)
		write(t, p, text)
		return p
	}
	open := path("open", good)
	if err := os.Chmod(open, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name         string
		options      Options
		fails, warns string
	}{
		{"file", Options{File: path("good", good)}, "", ""},
		{"root alone", Options{RootID: "AKIAENV", RootSecret: secret}, "", ""},
		{"readable by others", Options{File: open}, "", "chmod 600"},
		{"empty", Options{File: path("empty", "")}, "there is no access key in it", ""},
		{"large", Options{File: path("large", strings.Repeat("#", bytesMax+1))}, "it is larger than 1048576 bytes", ""},
		{"not there", Options{File: filepath.Join(directory, "no")}, "no such file", ""},
		{"an ID twice", Options{File: path("good", good), RootID: "AKIAROOT", RootSecret: secret}, "access key AKIAROOT is also that of the root (STAUNCH_ROOT_ACCESS_KEY_ID)", ""},
		{"weak secret", Options{RootID: "AKIAENV", RootSecret: "short"}, "the access key of the root: aws_secret_access_key must have at least 16 characters", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var log bytes.Buffer
			tc.options.Account, tc.options.Logger = "000000000000", slog.New(slog.NewTextHandler(&log, nil))
			s, err := Open(tc.options)
			if tc.fails == "" && (err != nil || s.Len() == 0) || tc.fails != "" && (err == nil || !strings.Contains(err.Error(), tc.fails)) {
				t.Errorf("got %v", err)
			}
			if tc.warns == "" && log.Len() > 0 || !strings.Contains(log.String(), tc.warns) {
				t.Errorf("logged %s", log.String())
			}
		})
	}
}

package cli_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/staunchmq/staunch/internal/config"
	"github.com/staunchmq/staunch/internal/server"
)

// startServer runs a real server on dir and returns its addresses and what stops it.
func startServer(t *testing.T, dir string, settings ...string) (at config.Addresses, stop func()) {
	t.Helper()
	flags := map[string]string{"listen": "127.0.0.1:0", "admin-listen": "127.0.0.1:0", "data": dir, "shards": "2"}
	for i := 0; i < len(settings); i += 2 {
		flags[settings[i]] = settings[i+1]
	}
	cfg, _, err := config.Load(config.Sources{Flags: flags})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ready, ended := make(chan config.Addresses, 1), make(chan error, 1)
	go func() {
		ended <- server.Run(ctx, cfg, slog.New(slog.DiscardHandler), func(a config.Addresses) { ready <- a })
	}()
	select {
	case at = <-ready:
	case err := <-ended:
		t.Fatal(err)
	}
	return at, func() {
		t.Helper()
		http.DefaultClient.CloseIdleConnections()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

// sendSome creates a queue and sends messages to it.
func sendSome(t *testing.T, api string, count int) {
	t.Helper()
	callAPI(t, api, "CreateQueue", `{"QueueName":"q"}`)
	for i := range count {
		callAPI(t, api, "SendMessage", fmt.Sprintf(`{"QueueUrl":"http://x/000000000000/q","MessageBody":"secret body %d"}`, i))
	}
}

// callAPI does an action and returns the body of its answer.
func callAPI(t *testing.T, api, action, body string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+api, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	r.Header.Set("X-Amz-Target", "AmazonSQS."+action)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", action, text, err)
	}
	return string(text)
}

// expect runs a command and fails unless it ends with the code and says the words, on standard output or standard error.
func expect(t *testing.T, code int, words string, args ...string) (stdout string) {
	t.Helper()
	got, stdout, stderr := run(nil, args...)
	text := stdout + stderr
	if got != code {
		t.Errorf("%q: exit code %d, want %d\n%s", args, got, code, text)
	}
	for _, w := range strings.Split(words, " … ") {
		if !strings.Contains(text, w) {
			t.Errorf("%q does not say %q:\n%s", args, w, text)
		}
	}
	return stdout
}

func TestBackupCheckRestore(t *testing.T) {
	tmp := t.TempDir()
	data, file, restored := filepath.Join(tmp, "data"), filepath.Join(tmp, "b.backup"), filepath.Join(tmp, "restored")
	at, stop := startServer(t, data)
	sendSome(t, at.API, 20)
	url, token := "http://"+at.Admin, filepath.Join(data, "admin-token")

	// While it runs.
	expect(t, 0, "records of 2 shards", "backup", "create", file, "--url", url, "--admin-token-file", token)
	expect(t, 2, "is there already … Choose another name", "backup", "create", file, "--url", url, "--admin-token-file", token)
	expect(t, 0, "FOUND … sound", "journal", "check", "--url", url, "--admin-token-file", token)
	expect(t, 2, "already in use … staunch journal check --url http", "journal", "check", "--data", data)
	expect(t, 2, "already in use … --backup FILE", "journal", "dump", "--data", data)
	expect(t, 2, "choose one", "backup", "create", filepath.Join(tmp, "x"), "--data", data, "--url", url)
	expect(t, 1, "refuses the admin token", "backup", "create", filepath.Join(tmp, "x"), "--url", url, "--admin-token-file", "/dev/null")
	expect(t, 0, "staunch-", "backup", "create", tmp, "--url", url, "--admin-token-file", token)
	expect(t, 1, "read the admin token", "backup", "create", filepath.Join(tmp, "x"), "--url", url, "--admin-token-file", filepath.Join(tmp, "none"))
	expect(t, 1, "more than a token", "backup", "create", filepath.Join(tmp, "x"), "--url", url, "--admin-token-file", filepath.Join(data, "FORMAT"))
	stop()

	// When it has stopped.
	expect(t, 0, "sound", "journal", "check", "--data", data)
	if out := expect(t, 0, `"messages": 20`, "journal", "check", "--data", data, "-o", "json"); strings.Contains(out, "damaged") {
		t.Errorf("a sound directory: %s", out)
	}
	offline := filepath.Join(tmp, "offline.backup")
	expect(t, 0, "records of 2 shards", "backup", "create", offline, "--data", data)
	expect(t, 0, "sound", "backup", "verify", offline)
	expect(t, 0, "20 messages", "restore", file, "--data", restored)
	expect(t, 2, "is not empty … Restore into a directory", "restore", file, "--data", restored)
	at, stop = startServer(t, restored)
	sendSome(t, at.API, 1)
	stop()
	expect(t, 0, `"messages": 21`, "journal", "check", "--data", restored, "-o", "json")

	// Nothing half is left, and what is there belongs to its owner alone.
	names, err := os.ReadDir(tmp)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range names {
		if strings.Contains(n.Name(), "partial") || strings.Contains(n.Name(), "restoring") {
			t.Errorf("%s is left", n.Name())
		}
		if info, err := n.Info(); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", n.Name(), info.Mode())
		}
	}
	testDamage(t, tmp, data, offline)
}

// testDamage changes bytes of a data directory and of a backup.
func testDamage(t *testing.T, tmp, data, file string) {
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	cut := filepath.Join(tmp, "cut.backup")
	if err := os.WriteFile(cut, whole[:len(whole)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	expect(t, 1, "is not complete … Make a new backup", "backup", "verify", cut)
	expect(t, 1, "is not complete", "restore", cut, "--data", filepath.Join(tmp, "never"))
	flipped := bytes.Clone(whole)
	flipped[len(flipped)/2] ^= 1
	if err := os.WriteFile(cut, flipped, 0o600); err != nil {
		t.Fatal(err)
	}
	expect(t, 1, cut, "backup", "verify", cut)
	expect(t, 1, "is not a backup … This backup cannot be used", "backup", "verify", filepath.Join(data, "FORMAT"))
	expect(t, 1, "is not a backup … This backup cannot be used", "restore", filepath.Join(data, "FORMAT"), "--data", filepath.Join(tmp, "never"))
	expect(t, 1, "is not a backup … This backup cannot be used", "journal", "dump", "--backup", filepath.Join(data, "FORMAT"))
	expect(t, 2, "no such file", "backup", "verify", filepath.Join(tmp, "none"))

	tables, err := filepath.Glob(filepath.Join(data, "journal", "*.sst"))
	if err != nil || len(tables) == 0 {
		t.Fatal(tables, err)
	}
	for _, table := range tables {
		content, err := os.ReadFile(table)
		if err != nil {
			t.Fatal(err)
		}
		content[100] ^= 1 // in a block of records
		if err := os.WriteFile(table, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	expect(t, 1, "DAMAGED … journal is damaged … checksum … Stop the server and keep the directory", "journal", "check", "--data", data)
	expect(t, 1, "damaged … Stop the server and keep the directory", "backup", "create", filepath.Join(tmp, "bad.backup"), "--data", data)
	if names, _ := filepath.Glob(filepath.Join(tmp, "*bad*")); len(names) != 0 {
		t.Errorf("%v is left of a backup that failed", names)
	}
}

func TestDump(t *testing.T) {
	tmp := t.TempDir()
	data, file := filepath.Join(tmp, "data"), filepath.Join(tmp, "b.backup")
	at, stop := startServer(t, data)
	sendSome(t, at.API, 5)
	callAPI(t, at.API, "CreateQueue", `{"QueueName":"plain","Attributes":{"SqsManagedSseEnabled":"false"}}`)
	callAPI(t, at.API, "SendMessage", `{"QueueUrl":"http://x/000000000000/plain","MessageBody":"plain body"}`)
	stop()
	out := expect(t, 0, `"kind":"sent"`, "journal", "dump", "--data", data)
	if strings.Contains(out, "plain body") {
		t.Error("bodies are shown unasked")
	}
	if !strings.Contains(out, `"kind":"definition_set_secret","fields":{"secret_bytes":32}`) {
		t.Errorf("the secret is not left out:\n%s", out)
	}
	bodies := expect(t, 0, `plain body … "sealed":{"key_id":"`, "journal", "dump", "--data", data, "--bodies")
	if strings.Count(bodies, "\n") != strings.Count(out, "\n") || strings.Contains(bodies, "secret body") {
		t.Errorf("with bodies:\n%s", bodies)
	}
	expect(t, 0, "records", "backup", "create", file, "--data", data)
	if again := expect(t, 0, "", "journal", "dump", "--backup", file); again != out {
		t.Errorf("the backup gives another list:\n%s", again)
	}
	lines := strings.SplitAfter(strings.TrimSuffix(out, "\n"), "\n")
	part := expect(t, 0, "", "journal", "dump", "--data", data, "--shard", "0", "--from", "2", "--to", "2")
	if part == "" || !slices.Contains(lines, part) || !strings.Contains(part, `"record":2,`) {
		t.Errorf("record 2 of shard 0:\n%s", part)
	}
	expect(t, 2, "there are shards 0 to 1", "journal", "dump", "--data", data, "--shard", "2")
	expect(t, 2, "--to 1 is before --from 2", "journal", "dump", "--data", data, "--from", "2", "--to", "1")
	expect(t, 2, "is not a data directory", "journal", "dump", "--data", tmp+"/none")
}

package cli_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/staunchmq/staunch/internal/admin"
	"github.com/staunchmq/staunch/internal/datadir"
	"github.com/staunchmq/staunch/internal/metrics"
)

// flipByte changes a byte of a file where it is.
func flipByte(t *testing.T, path string, at int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var b [1]byte
	if _, err := f.ReadAt(b[:], at); err != nil {
		t.Fatal(err)
	}
	b[0] ^= 1
	if _, err := f.WriteAt(b[:], at); err != nil {
		t.Fatal(err)
	}
}

// newestFile returns the file of a pattern that comes last.
func newestFile(t *testing.T, pattern ...string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(pattern...))
	if err != nil || len(files) == 0 {
		t.Fatalf("%v: %v, %v", pattern, files, err)
	}
	return files[len(files)-1]
}

// TestCheckOfAServerGoesOnBehindDamage compares what a check says through a server with what it says of the directory itself.
func TestCheckOfAServerGoesOnBehindDamage(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	at, stop := startServer(t, data)
	for i := range 8 { // so that both shards have something
		callAPI(t, at.API, "CreateQueue", fmt.Sprintf(`{"QueueName":"q%d"}`, i))
		callAPI(t, at.API, "SendMessage", fmt.Sprintf(`{"QueueUrl":"http://x/000000000000/q%d","MessageBody":"body"}`, i))
	}
	stop()
	const token = "0123456789abcdef"
	tokenFile := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(tokenFile, []byte(token), 0o600); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(admin.New(admin.Options{Registry: metrics.New(metrics.Options{}), Ready: func() error { return nil }, Token: token,
		Backup: func(ctx context.Context, w io.Writer) error {
			v, err := datadir.Open(data, nil)
			if err != nil {
				return err
			}
			_, err = datadir.Backup(ctx, w, v, time.Now(), nil)
			return errors.Join(err, v.Close())
		}}))
	defer server.Close()
	same := func(code, damaged int) {
		t.Helper()
		offline, wantOut, wantErr := run(nil, "journal", "check", "--data", data)
		online, out, text := run(nil, "journal", "check", "--url", server.URL, "--admin-token-file", tokenFile)
		if offline != code || strings.Count(wantOut, "DAMAGED") != damaged || strings.Count(wantErr, "checksum mismatch") != damaged {
			t.Errorf("offline: exit code %d\n%s%s", offline, wantOut, wantErr)
		}
		if text = strings.ReplaceAll(text, server.URL, data); online != offline || out != wantOut || text != wantErr {
			t.Errorf("online: exit code %d\n%s%s\nwant that of offline, %d:\n%s%s", online, out, text, offline, wantOut, wantErr)
		}
	}
	same(0, 0)
	tables, err := filepath.Glob(filepath.Join(data, "journal", "*.sst"))
	if err != nil || len(tables) != 2 {
		t.Fatalf("tables %v, not one for each shard; %v", tables, err)
	}
	for i, table := range tables {
		flipByte(t, table, 100) // in a block of records
		same(1, i+1)
	}
	file := filepath.Join(t.TempDir(), "bad.backup")
	expect(t, 1, "data/journal is damaged … checksum mismatch … docs/operations/damage.md", "backup", "create", file, "--url", server.URL, "--admin-token-file", tokenFile)
	if _, err := os.Stat(file); err == nil {
		t.Error("there is a backup of what is damaged")
	}
}

// TestCheckFindsDamagedFiles damages what a running server has in memory, and TAILS when it has stopped.
func TestCheckFindsDamagedFiles(t *testing.T) {
	tmp := t.TempDir()
	data, file := filepath.Join(tmp, "data"), filepath.Join(tmp, "b.backup")
	at, stop := startServer(t, data)
	sendSome(t, at.API, 20)
	url, token := "http://"+at.Admin, filepath.Join(data, "admin-token")
	online := []string{"--url", url, "--admin-token-file", token}
	check := append([]string{"journal", "check"}, online...)

	log, manifest := newestFile(t, data, "journal", "*.log"), newestFile(t, data, "journal", "MANIFEST-*")
	for _, damaged := range []string{manifest, log} {
		expect(t, 0, "sound", check...)
		flipByte(t, damaged, 30)
		expect(t, 1, "sound … has files that are damaged or cannot be read: … "+damaged+" is damaged: there is no valid data at byte … Make a backup now … docs/operations/damage.md", check...)
		if damaged == manifest {
			flipByte(t, damaged, 30)
		}
	}
	expect(t, 0, "warning: a file of the server is damaged … "+log, append([]string{"backup", "create", file}, online...)...)
	expect(t, 0, "sound", "backup", "verify", file)
	stop()
	expect(t, 0, "sound", "journal", "check", "--data", data) // what is in the log is in tables now

	tails := filepath.Join(data, "TAILS")
	flipByte(t, tails, 40)
	expect(t, 1, "sound … has files that are damaged or cannot be read: … "+tails+" is damaged: … A start makes it again … docs/operations/damage.md", "journal", "check", "--data", data)
	_, stop = startServer(t, data)
	stop()
	expect(t, 0, "sound", "journal", "check", "--data", data)
}

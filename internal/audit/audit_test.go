package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func entry() *Entry {
	return &Entry{
		Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600)), RequestID: "r-1", Action: "sqs:CreateQueue", Resource: "arn:aws:sqs:us-east-1:000000000000:q",
		Principal: "arn:aws:iam::000000000000:root", AccessKeyID: "AKIA", Verified: true, SourceIP: "192.0.2.1", TLS: true, Decision: Allowed, Status: 200,
	}
}

func TestForm(t *testing.T) {
	var out bytes.Buffer
	l, err := Open(Options{Stdout: &out})
	if err != nil {
		t.Fatal(err)
	}
	l.Record(entry())
	const want = `{"time":"2026-01-02T02:04:05Z","request_id":"r-1","action":"sqs:CreateQueue","resource":"arn:aws:sqs:us-east-1:000000000000:q",` +
		`"principal":"arn:aws:iam::000000000000:root","access_key_id":"AKIA","verified":true,"source_ip":"192.0.2.1","tls":true,"decision":"allowed","status":200}` + "\n"
	if out.String() != want {
		t.Errorf("got  %swant %s", out.String(), want)
	}
}

// TestClientsCannotMakeLines: what a client made up is one short text, whatever is in it.
func TestClientsCannotMakeLines(t *testing.T) {
	var out bytes.Buffer
	l, err := Open(Options{Stdout: &out})
	if err != nil {
		t.Fatal(err)
	}
	e := entry()
	e.AccessKeyID = "AKIA\"}\n{\"time\":\"\xff" + strings.Repeat("é", 10_000)
	e.Resource = strings.Repeat("\x00", 10_000)
	e.Reason, e.Principal = strings.Repeat("<", 1<<20), strings.Repeat("p", 1<<20)
	l.Record(e)
	var got Entry
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || strings.Count(out.String(), "\n") != 1 || out.Len() > 3000+6*ReasonMax+ReasonMax || len(got.Reason) > ReasonMax+3 || len(got.Principal) > ReasonMax+3 {
		t.Errorf("%d bytes, %v: %s", out.Len(), err, out.String())
	}
	if e.AccessKeyID[0] != 'A' || len(e.Resource) != 10_000 || len(e.Reason) != 1<<20 {
		t.Error("the entry of the caller was changed")
	}
}

func lines(t *testing.T, path string) int {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Count(text, []byte("\n"))
}

func TestFileIsOpenedAgain(t *testing.T) {
	defer goleak.VerifyNone(t)
	path := filepath.Join(t.TempDir(), "audit.jsonl")
	l, err := Open(Options{Path: path, Bytes: 1 << 20, Keep: 2})
	if err != nil {
		t.Fatal(err)
	}
	l.Record(entry())
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if err := os.Rename(path, path+".old"); err != nil {
		t.Fatal(err)
	}
	l.Record(entry())
	if err := l.Reopen(); err != nil {
		t.Fatal(err)
	}
	l.Record(entry())
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if a, b := lines(t, path+".old"), lines(t, path); a != 2 || b != 1 {
		t.Errorf("%d lines before and %d after", a, b)
	}
	if again, err := Open(Options{Path: path, Bytes: 1 << 20, Keep: 2}); err != nil {
		t.Error(err)
	} else {
		again.Record(entry())
		if err := again.Close(); err != nil || lines(t, path) != 2 {
			t.Errorf("%v; a log that was there is not continued", err)
		}
	}
}

func TestFilesAreRenamedAndDeleted(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "audit.jsonl")
	l, err := Open(Options{Path: path, Bytes: 1 << 20, Keep: 2})
	if err != nil {
		t.Fatal(err)
	}
	size, n := 0, 0
	for ; size < 5<<20; n++ {
		l.Record(entry())
		size += 330
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	// What is too old is deleted in a goroutine, for which Close waits.
	files, err := os.ReadDir(dir)
	if err != nil || len(files) != 3 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, f := range files {
		if info, err := f.Info(); err != nil || info.Size() > 1<<20 || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", f.Name(), info, err)
		}
	}
}

func TestLostEntries(t *testing.T) {
	if _, err := Open(Options{Path: filepath.Join(t.TempDir(), "none", "audit.jsonl")}); err == nil {
		t.Error("a directory that does not exist is taken")
	}
	var log bytes.Buffer
	lost, out := 0, &broken{}
	l, err := Open(Options{Stdout: out, Logger: slog.New(slog.NewTextHandler(&log, nil)), Lost: func() { lost++ }})
	if err != nil {
		t.Fatal(err)
	}
	l.Record(entry())
	l.Record(entry())
	out.works = true
	l.Record(entry())
	out.works = false
	l.Record(entry())
	if lost != 3 || strings.Count(log.String(), "are lost") != 2 {
		t.Errorf("%d entries lost: %s", lost, log.String())
	}
}

type broken struct{ works bool }

func (b *broken) Write(p []byte) (int, error) {
	if b.works {
		return len(p), nil
	}
	return 0, errors.New("no")
}

package chaos

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

const (
	backupFillers     = 160 // messages that lie in the server, so that a backup takes its time, and fill more than a memtable
	backupFillerBytes = 64 << 10
	backupTables      = backupFillers * backupFillerBytes / 3 // as large the tables are with them, and no more without
	backupSends       = 1000                                  // acknowledged after a purge: more than makes two checkpoints of each shard, which trim the journal
	backupWriters     = 1
	backupConsumers   = 1
	exitInterrupted   = 130
)

// TestInterruptedBackups ends `backup create`, `backup verify` and `restore` with SIGKILL, SIGINT and SIGTERM at random moments, most of
// them after the first write, while the clients of TestKill work with the server. Nothing half may be left that is taken for whole, the
// same command must work after it, and the server must not notice: its history keeps the rules, and its disk space comes back.
// STAUNCH_CHAOS_KILLS sets how many are ended; the seed is printed.
func TestInterruptedBackups(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	data := t.TempDir()
	b := &backupRun{bin: binary(t), data: data, dir: t.TempDir(), random: rand.New(rand.NewPCG(seed, 0)), took: make(map[string]time.Duration)}
	// Small memtables, which a small reserve brings, and small checkpoints, so that little traffic trims the journal.
	b.server = start(t, b.bin, data, "--checkpoint-bytes", "64KiB", "--shards", "2", "--disk-reserve", "32MiB")
	defer func() { b.server.kill() }()
	r := newKillRun(t, client(func() string { return b.server.address }))
	filler := createQueue(t.Context(), t, r.client, "filler", nil)
	b.fill(t, r.client, filler)
	b.sound = filepath.Join(b.dir, "sound.backup")
	b.expect(t, 0, "records of 2 shards", b.create(b.sound)...)
	b.expect(t, 0, "messages", "restore", b.sound, "--data", filepath.Join(b.dir, "uninterrupted"))

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var clients sync.WaitGroup
	r.run(ctx, &clients, backupWriters, backupConsumers)
	var sends atomic.Int64
	go func() {
		for range r.acked {
			sends.Add(1)
		}
	}()
	signals := []syscall.Signal{syscall.SIGKILL, syscall.SIGINT, syscall.SIGTERM}
	count := disturbanceCount(t, 12)
	for i := range count / 2 {
		to := []string{filepath.Join(b.dir, "created"), filepath.Join(b.dir, "created", "x.backup")}[i%2]
		b.interruptCreate(t, signals[i/2%3], to)
	}
	before, purged := b.purge(t, r.client, filler), sends.Load()
	for i := range count / 4 {
		b.interruptRestore(t, signals[i%3])
		b.interruptVerify(t, signals[i%3])
	}
	b.expect(t, 0, "sound", "backup", "verify", b.sound)
	for began := time.Now(); sends.Load() < purged+backupSends && time.Since(began) < patience; {
		time.Sleep(10 * time.Millisecond)
	}
	cancel()
	clients.Wait()
	r.finish(t)
	b.spaceComesBack(t, before)
	if err := b.server.stop(); err != nil { // which waits until nothing reads its files any more
		t.Errorf("after SIGTERM: %v", err)
	}
}

// backupRun is the commands that are interrupted.
type backupRun struct {
	bin, data, dir string
	sound          string // a backup
	server         *process
	random         *rand.Rand
	took           map[string]time.Duration // by a command that did its work to the end
}

// fill sends what makes backups large.
func (b *backupRun) fill(t *testing.T, c *sqs.Client, queueURL string) {
	t.Helper()
	const batch = 10
	for range backupFillers / batch {
		entries := make([]types.SendMessageBatchRequestEntry, batch)
		for i := range entries {
			body := strings.Repeat(fmt.Sprintf("%016x", b.random.Uint64()), backupFillerBytes/16)
			entries[i] = types.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), MessageBody: &body}
		}
		out, err := c.SendMessageBatch(t.Context(), &sqs.SendMessageBatchInput{QueueUrl: &queueURL, Entries: entries})
		if err != nil || len(out.Failed) > 0 {
			t.Fatalf("%v, %v", err, out)
		}
	}
}

func (b *backupRun) create(to string) []string {
	return []string{"backup", "create", to, "--url", "http://" + b.server.admin, "--admin-token-file", filepath.Join(b.data, "admin-token")}
}

// command returns a command of the binary.
func (b *backupRun) command(ctx context.Context, args ...string) (*exec.Cmd, *strings.Builder) {
	cmd, out := exec.CommandContext(ctx, b.bin, args...), &strings.Builder{}
	cmd.Env = withoutSettings()
	cmd.Stdout, cmd.Stderr = out, out
	return cmd, out
}

// expect runs a command, which must end with the code and say the words.
func (b *backupRun) expect(t *testing.T, code int, words string, args ...string) {
	t.Helper()
	if got, out := b.do(t, args...); got != code || !strings.Contains(out, words) {
		t.Errorf("%q ended with %d, want %d and %q:\n%s", args, got, code, words, out)
	}
}

// do runs a command and returns its exit code and what it said.
func (b *backupRun) do(t *testing.T, args ...string) (code int, out string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd, text := b.command(ctx, args...)
	began := time.Now()
	err := cmd.Run()
	if ended := (*exec.ExitError)(nil); ctx.Err() != nil || err != nil && !errors.As(err, &ended) {
		t.Fatalf("%q: %v after %v:\n%s", args, err, time.Since(began), text)
	}
	if err == nil { // what is refused is so at once
		b.took[args[0]+args[1]] = time.Since(began)
	}
	return cmd.ProcessState.ExitCode(), text.String()
}

// interrupt starts a command and ends it, after a part of the time that such a command takes: counted from its start, or more often from
// when there is anything in the directory that it writes to. It returns the exit code, -1 if the signal ended it, and what it said.
func (b *backupRun) interrupt(t *testing.T, signal syscall.Signal, writes string, args ...string) (code int, out string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd, text := b.command(ctx, args...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait() // the state says how
	}()
	since := "its start"
	if writes != "" && b.random.IntN(4) > 0 {
		since = "it wrote"
		for len(contents(t, writes)) == 0 && !closed(ended) {
			time.Sleep(100 * time.Microsecond)
		}
	}
	moment := time.Duration(b.random.Int64N(int64(max(b.took[args[0]+args[1]], time.Millisecond))))
	select {
	case <-ended:
	case <-time.After(moment):
	}
	_ = cmd.Process.Signal(signal) // it may have ended
	<-ended
	if ctx.Err() != nil {
		t.Fatalf("%q did not end within %v of %v:\n%s", args, patience, signal, text)
	}
	t.Logf("%s %s, %v %v after %s: ended with %d", args[0], filepath.Base(args[1]), signal, moment, since, cmd.ProcessState.ExitCode())
	return cmd.ProcessState.ExitCode(), text.String()
}

// check says what is wrong with how an interrupted command ended: SIGKILL ends it as it is, and so does another signal before it listens,
// or when it no longer does, between its result and its end.
func (b *backupRun) check(t *testing.T, signal syscall.Signal, code int, out string) {
	t.Helper()
	switch {
	case code == 0, code == -1 && (signal == syscall.SIGKILL || !strings.HasPrefix(out, "staunch:")):
	case code == exitInterrupted && signal != syscall.SIGKILL && strings.HasPrefix(out, "staunch: interrupted"):
	default:
		t.Errorf("after %v it ended with %d and said %q", signal, code, out)
	}
}

func (b *backupRun) interruptCreate(t *testing.T, signal syscall.Signal, to string) {
	dir := filepath.Join(b.dir, "created")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	code, out := b.interrupt(t, signal, dir, b.create(to)...)
	b.check(t, signal, code, out)
	partial := slices.DeleteFunc(contents(t, dir), func(name string) bool { return !strings.HasPrefix(name, ".") })
	whole := slices.DeleteFunc(contents(t, dir), func(name string) bool { return strings.HasPrefix(name, ".") })
	if len(partial) > 0 && signal != syscall.SIGKILL || len(partial)+len(whole) > 1 || code == exitInterrupted && len(whole) > 0 {
		t.Errorf("after %v and exit code %d there are %v and %v", signal, code, partial, whole)
	}
	for _, name := range partial {
		b.notTakenForWhole(t, filepath.Join(dir, name))
	}
	again, out := b.do(t, b.create(to)...)
	for began := time.Now(); again == 1 && strings.Contains(out, "one at a time") && time.Since(began) < patience; {
		again, out = b.do(t, b.create(to)...) // the server has not noticed yet that nobody reads the first one
	}
	wasThere := again == 2 && strings.Contains(out, "Choose another name") && len(whole) > 0
	if again != 0 && !wasThere {
		t.Errorf("once more, beside %v and %v, it ended with %d:\n%s", partial, whole, again, out)
	}
	for _, name := range slices.DeleteFunc(contents(t, dir), func(name string) bool { return slices.Contains(partial, name) }) {
		b.expect(t, 0, "sound", "backup", "verify", filepath.Join(dir, name))
	}
}

// notTakenForWhole looks whether the rest of a backup is refused everywhere. When everything had been written and only the name was
// missing, it is taken everywhere.
func (b *backupRun) notTakenForWhole(t *testing.T, file string) {
	t.Helper()
	dir := filepath.Join(b.dir, "partial")
	defer func() { _ = os.RemoveAll(dir) }()
	code, out := b.do(t, "backup", "verify", file)
	if code == 0 {
		b.expect(t, 0, "messages", "restore", file, "--data", dir)
		b.expect(t, 0, "sound", "journal", "check", "--data", dir)
		return
	}
	if code != 1 || !strings.Contains(out, "is not complete") {
		t.Errorf("verified, the rest of a backup gives %d:\n%s", code, out)
	}
	b.expect(t, 1, "is not complete", "restore", file, "--data", dir)
	b.expect(t, 2, "is not a data directory", "journal", "check", "--data", dir)
}

func (b *backupRun) interruptRestore(t *testing.T, signal syscall.Signal) {
	dir := filepath.Join(b.dir, "restored")
	defer func() { _ = os.RemoveAll(dir) }()
	code, out := b.interrupt(t, signal, dir, "restore", b.sound, "--data", dir)
	b.check(t, signal, code, out)
	left := contents(t, dir)
	if code == exitInterrupted && slices.ContainsFunc(left, func(name string) bool { return name != "LOCK" }) {
		t.Errorf("after %v there is %v", signal, left)
	}
	whole := slices.Contains(left, "FORMAT")
	if checked, out := b.do(t, "journal", "check", "--data", dir); whole && checked != 0 || !whole && checked != 2 {
		t.Errorf("of %v, a check says %d:\n%s", left, checked, out)
	}
	if whole {
		b.expect(t, 2, "is not empty", "restore", b.sound, "--data", dir)
	} else {
		if len(left) > 1 { // more than a lock file
			b.expect(t, 1, "rest of a restore", "serve", "--data", dir, "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0")
		}
		b.expect(t, 0, "messages", "restore", b.sound, "--data", dir)
	}
	b.expect(t, 0, "sound", "journal", "check", "--data", dir)
}

func (b *backupRun) interruptVerify(t *testing.T, signal syscall.Signal) {
	code, out := b.interrupt(t, signal, "", "backup", "verify", b.sound)
	b.check(t, signal, code, out)
}

// purge empties the queue and returns how large the tables of the journal were.
func (b *backupRun) purge(t *testing.T, c *sqs.Client, queueURL string) int64 {
	t.Helper()
	before := stored(t, b.data)
	if before < backupTables {
		t.Fatalf("%d bytes are in tables; the test wants more than %d", before, backupTables)
	}
	if _, err := c.PurgeQueue(t.Context(), &sqs.PurgeQueueInput{QueueUrl: &queueURL}); err != nil {
		t.Fatal(err)
	}
	return before
}

// spaceComesBack waits until the tables of the journal have lost what was purged: a backup that still held its view would keep it.
func (b *backupRun) spaceComesBack(t *testing.T, before int64) {
	t.Helper()
	began := time.Now()
	for stored(t, b.data) > backupTables {
		if time.Since(began) > patience {
			t.Fatalf("%d bytes on disk before the purge, %d %v after it", before, stored(t, b.data), patience)
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Logf("%d bytes on disk before the purge, %d after it", before, stored(t, b.data))
}

// stored returns how large the tables of a data directory are. Its logs are used again and again, and say nothing.
func stored(t *testing.T, data string) (bytes int64) {
	t.Helper()
	tables, err := filepath.Glob(filepath.Join(data, "journal", "*.sst"))
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		if info, err := os.Stat(table); err == nil { // the server may have removed it meanwhile
			bytes += info.Size()
		}
	}
	return bytes
}

// contents returns the names in a directory that may not be there.
func contents(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

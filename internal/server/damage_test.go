package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/staunchmq/staunch/internal/config"
	"github.com/staunchmq/staunch/internal/journal"
	"github.com/staunchmq/staunch/internal/server"
)

// node is a server in this process.
type node struct {
	t        *testing.T
	endpoint string
	at       config.Addresses
	stop     context.CancelFunc
	ended    chan error
	log      *lines
}

// lines is a log. It is safe for concurrent use.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// startNode starts a server on a data directory, or returns why it does not start.
func startNode(t *testing.T, data string) (*node, error) {
	t.Helper()
	return startNodeWith(t, config.Sources{Flags: map[string]string{"data": data, "checkpoint-bytes": "64KiB", "shards": "2", "disk-reserve": "32MiB"}})
}

// startNodeWith starts a server with these settings on a free port.
func startNodeWith(t *testing.T, sources config.Sources) (*node, error) {
	t.Helper()
	maps.Copy(sources.Flags, map[string]string{"listen": "127.0.0.1:0", "admin-listen": ""})
	cfg, _, err := config.Load(sources)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	n := &node{t: t, stop: stop, ended: make(chan error, 1), log: &lines{}}
	ready := make(chan config.Addresses, 1)
	go func() {
		n.ended <- server.Run(ctx, cfg, slog.New(slog.NewTextHandler(n.log, nil)), func(a config.Addresses) { ready <- a })
	}()
	select {
	case a := <-ready:
		n.at, n.endpoint = a, "http://"+a.API
		return n, nil
	case err := <-n.ended:
		stop()
		return nil, err
	}
}

func (n *node) close() error {
	n.stop()
	return <-n.ended
}

// call calls an action. out gets the answer; status is that of HTTP.
func (n *node) call(action string, in map[string]any, out any) (status int) {
	n.t.Helper()
	body, err := json.Marshal(in)
	if err != nil {
		n.t.Fatal(err)
	}
	r, err := http.NewRequest(http.MethodPost, n.endpoint, bytes.NewReader(body))
	if err != nil {
		n.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	r.Header.Set("X-Amz-Target", "AmazonSQS."+action)
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=00")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		n.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		n.t.Fatal(err)
	}
	if answer.StatusCode == http.StatusOK && out != nil && len(text) > 0 {
		if err := json.Unmarshal(text, out); err != nil {
			n.t.Fatal(err)
		}
	}
	return answer.StatusCode
}

func (n *node) must(action string, in map[string]any, out any) {
	n.t.Helper()
	if status := n.call(action, in, out); status != http.StatusOK {
		n.t.Fatalf("%s: status %d\n%s", action, status, n.log)
	}
}

type received struct {
	Messages []struct{ Body, ReceiptHandle string }
}

var damageQueues = []string{"a", "b", "c"}

func (n *node) url(queue string) string { return n.endpoint + "/000000000000/" + queue }

// fill makes queues, sends messages and deletes some, over several checkpoints and restarts of the store. It returns what is there.
func fill(t *testing.T, data string, rounds int) (bodies []string) {
	t.Helper()
	random := rand.New(rand.NewPCG(7, 7))
	for round := range rounds {
		n, err := startNode(t, data)
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range damageQueues {
			n.must("CreateQueue", map[string]any{"QueueName": q, "Attributes": map[string]string{"VisibilityTimeout": "3600"}}, nil)
			for i := range 40 {
				noise := make([]byte, 300)
				for i := range noise {
					noise[i] = byte(random.Uint32())
				}
				body := fmt.Sprintf("%s-%d-%d-%x", q, round, i, noise)
				n.must("SendMessage", map[string]any{"QueueUrl": n.url(q), "MessageBody": body}, nil)
				bodies = append(bodies, body)
			}
			var got received
			n.must("ReceiveMessage", map[string]any{"QueueUrl": n.url(q), "MaxNumberOfMessages": 10}, &got)
			for _, m := range got.Messages {
				n.must("DeleteMessage", map[string]any{"QueueUrl": n.url(q), "ReceiptHandle": m.ReceiptHandle}, nil)
				bodies = slices.DeleteFunc(bodies, func(b string) bool { return b == m.Body })
			}
		}
		if round == rounds-1 {
			// Everything that was acknowledged is synced: a copy of now is what a crash of the machine leaves.
			copyDir(t, data, data+"-crashed")
		}
		if err := n.close(); err != nil {
			t.Fatal(err)
		}
	}
	return bodies
}

// memoryDir returns a directory for a test, in memory if the machine has that: hundreds of starts wait for a disk otherwise.
func memoryDir(t *testing.T) string {
	t.Helper()
	const shared, enough = "/dev/shm", 512 << 20
	if u, err := vfs.Default.GetDiskUsage(shared); err != nil || u.AvailBytes < enough {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp(shared, "staunch-damage-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// copyDir copies a directory. A server may be using it: when it is not the same afterwards, file by file, the copy begins again. One that is
// shows the directory as it was at the end of the copy.
func copyDir(t *testing.T, from, to string) {
	t.Helper()
	for {
		err := os.CopyFS(to, os.DirFS(from))
		if err == nil && sameFiles(t, from, to) {
			return
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		if err := os.RemoveAll(to); err != nil {
			t.Fatal(err)
		}
	}
}

// sameFiles tells whether two directories have the same files.
func sameFiles(t *testing.T, a, b string) bool {
	t.Helper()
	content := func(dir string) map[string]string {
		all := make(map[string]string)
		err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			text, err := os.ReadFile(filepath.Join(dir, path))
			all[path] = string(text)
			return err
		})
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	// The copy is there whole.
	return maps.Equal(content(a), content(b))
}

// files lists the files of a directory that have any content, by their path in it.
func files(t *testing.T, dir string) (list []string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if info, err := d.Info(); err != nil || info.Size() == 0 {
			return err
		}
		list = append(list, path)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// outcome is what came of a damaged directory.
type outcome string

const (
	right       outcome = "everything right"
	refusal     outcome = "the start was refused"
	unreadable  outcome = "messages that cannot be read, and it says so"
	wrong       outcome = "WRONG"
	unspeakable outcome = "refused without a word of where and what to do"
)

// open starts a server on a directory, reads all messages and says what came of it.
func open(t *testing.T, dir string, want []string) (outcome, string) {
	t.Helper()
	n, err := startNode(t, dir)
	if err != nil {
		if text := err.Error(); !strings.Contains(text, dir) || !strings.Contains(text, "backup") && !errors.Is(err, journal.ErrNewerFormat) {
			return unspeakable, text
		}
		return refusal, err.Error()
	}
	defer func() {
		if err := n.close(); err != nil {
			t.Errorf("close: %v", err)
		}
	}()
	var got []string
	failed := 0
	for _, q := range damageQueues {
		for {
			var r received
			status := n.call("ReceiveMessage", map[string]any{"QueueUrl": n.url(q), "MaxNumberOfMessages": 10}, &r)
			if status == http.StatusOK && len(r.Messages) == 0 {
				break
			}
			if status >= 500 {
				failed++
			} else if status != http.StatusOK {
				return wrong, fmt.Sprintf("ReceiveMessage from %s: status %d", q, status)
			}
			for _, m := range r.Messages {
				got = append(got, m.Body)
			}
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if slices.Equal(got, want) {
		return right, ""
	}
	for _, body := range got {
		if _, ok := slices.BinarySearch(want, body); !ok {
			return wrong, fmt.Sprintf("received %.40q, which should not be there", body)
		}
	}
	text := n.log.String()
	if failed > 0 && len(want)-len(got) <= 10*failed && strings.Contains(text, "damaged at record") && strings.Contains(text, dir) {
		return unreadable, text
	}
	return wrong, fmt.Sprintf("%d messages of %d, %d receives failed; the log:\n%s", len(got), len(want), failed, text)
}

// eachKind returns one file of each kind: those whose names differ in their numbers alone are of one.
func eachKind(files []string) []string {
	number, seen := regexp.MustCompile("[0-9]+"), make(map[string]bool)
	return slices.DeleteFunc(slices.Clone(files), func(path string) bool {
		kind := number.ReplaceAllString(path, "N")
		defer func() { seen[kind] = true }()
		return seen[kind]
	})
}

// TestOneFlippedBit flips one bit anywhere in any file of a data directory and starts the server on it: in one file of each kind first, and
// then in any. STAUNCH_DAMAGE_SEEDS sets how many are tried for a directory that was closed, and as many for one that a crash has left;
// each has its own seed, which is named.
func TestOneFlippedBit(t *testing.T) {
	seeds := 9
	if v := os.Getenv("STAUNCH_DAMAGE_SEEDS"); v != "" {
		var err error
		if seeds, err = strconv.Atoi(v); err != nil {
			t.Fatal(err)
		}
	}
	data := filepath.Join(memoryDir(t), "data")
	want := fill(t, data, 3)
	for _, dir := range []string{data, data + "-crashed"} {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			whole := filepath.Join(memoryDir(t), "whole")
			copyDir(t, dir, whole)
			if got, text := open(t, whole, want); got != right {
				t.Fatalf("without damage: %s: %s", got, text)
			}
			counts := make(map[outcome]int)
			list := files(t, dir)
			kinds := eachKind(list)
			for _, kind := range []string{"FORMAT", "TAILS", "journal/MANIFEST-", "journal/OPTIONS-", "journal/0", "checkpoints/0/"} {
				if !slices.ContainsFunc(kinds, func(path string) bool { return strings.HasPrefix(path, kind) }) {
					t.Errorf("there is no file %s… among %q", kind, kinds)
				}
			}
			for seed := range seeds {
				random := rand.New(rand.NewPCG(uint64(seed), 0))
				damaged := filepath.Join(memoryDir(t), "damaged")
				copyDir(t, dir, damaged)
				path, within := list[random.IntN(len(list))], int64(math.MaxInt64)
				if seed < len(kinds) {
					path = kinds[seed]
					if strings.HasSuffix(path, ".sst") {
						within = 256 // Pebble looks for the bit at each read, from the beginning of a block: seconds at its end
					}
				}
				bit := flip(t, filepath.Join(damaged, path), within, random)
				got, text := open(t, damaged, want)
				counts[got]++
				if got == wrong || got == unspeakable {
					t.Errorf("seed %d, bit %d of byte %d of %s: %s: %s", seed, bit%8, bit/8, path, got, text)
				}
				if err := os.RemoveAll(damaged); err != nil {
					t.Fatal(err)
				}
			}
			t.Logf("%d flipped bits in %d files, of kinds such as %q: %v", seeds, len(list), kinds, counts)
		})
	}
}

// flip flips a bit of the first bytes of a file and returns which.
func flip(t *testing.T, path string, within int64, random *rand.Rand) (bit int64) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	bit = random.Int64N(min(int64(len(b)), within) * 8)
	b[bit/8] ^= 1 << (bit % 8)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return bit
}

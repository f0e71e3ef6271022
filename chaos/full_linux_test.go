package chaos

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"
)

const (
	fullDiskBytes  = 160 << 20
	fullBodyBytes  = 32 << 10
	fullVisibility = 5 * time.Second
	fullStays      = 4 * time.Second
)

// TestFullDisk fills a small disk by sending, drains it, fills it to the last byte from outside, and makes room again: sends are
// refused with an error that says why, all else goes on as long as it can, and one process does all of it without losing a message.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	data := smallDisk(t, fullDiskBytes)
	server := start(t, binary(t), filepath.Join(data, "staunch"), "--disk-reserve", "64MiB", "--checkpoint-bytes", "4MiB", "--shards", "2")
	defer func() { server.kill() }()
	f := &fullRun{killRun: &killRun{}, h: newHistory(fullVisibility)}
	f.client = client(func() string { return server.address })
	f.url = createQueue(t.Context(), t, f.client, "full", map[string]string{"VisibilityTimeout": fmt.Sprint(int(fullVisibility.Seconds()))})

	f.fill(t)
	filled, _ := f.h.counts()
	if expectRefused(t, server, true); filled < 100 {
		t.Fatalf("only %d sends before the disk was full", filled)
	}
	// Every message can be received and deleted, and that makes room.
	f.drain(t, f.url, f.h)
	_, deleted := f.h.counts()
	t.Logf("%d sends were acknowledged, then refused; %d messages received and deleted meanwhile", filled, deleted)
	if deleted < filled*99/100 { // the answers of a few may be lost
		t.Errorf("%d of %d messages could be received and deleted with a full disk", deleted, filled)
	}
	f.resume(t, "everything was deleted")
	expectRefused(t, server, false)

	// Somebody else takes the rest, to the last byte.
	for range 10 {
		f.send(t.Context())
	}
	filler := fillUp(t, data, 0)
	expectRefused(t, server, true) // what is sent before the server has seen it may find no place, and then waits until the disk is cleared
	f.refused(t, "send", func() error { return f.send(t.Context()) })
	f.refused(t, "receive", func() error {
		_, err := f.receive(t.Context(), f.url, f.h, func() bool { return false })
		return err
	})
	time.Sleep(fullStays) // so that the store's own work meets the full disk
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	f.resume(t, "the disk was cleared")
	expectRefused(t, server, false)

	f.drain(t, f.url, f.h)
	for _, fault := range f.h.finish() {
		t.Error(fault)
	}
	if err := server.stop(); err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
}

// TestFullDiskUnderLoad lets somebody fill the disk, again and again, while the clients of TestKill work: nearly, so that receives and
// deletes go on; to the last byte; and to the last byte with a kill before it is cleared. Every history is checked.
func TestFullDiskUnderLoad(t *testing.T) {
	t.Parallel()
	disk, bin := smallDisk(t, fullDiskBytes), binary(t)
	serve := func() *process {
		return start(t, bin, filepath.Join(disk, "staunch"), "--disk-reserve", "64MiB", "--checkpoint-bytes", "1MiB", "--shards", "2")
	}
	server := serve()
	defer func() { server.kill() }()
	var address atomic.Pointer[string]
	address.Store(&server.address)
	r := newKillRun(t, client(func() string { return *address.Load() }))
	ctx, cancel := context.WithCancel(t.Context())
	var clients sync.WaitGroup
	r.run(ctx, &clients, killWriters, killConsumers)
	for _, phase := range []struct {
		name string
		left int64
		kill bool
	}{{"nearly full", 56 << 20, false}, {"full", 0, false}, {"full, and kill -9", 0, true}} {
		for range 500 {
			<-r.acked
		}
		filler := fillUp(t, disk, phase.left)
		expectRefused(t, server, true)
		sent, deleted := r.all()
		time.Sleep(killVisibility + 500*time.Millisecond) // until all that was in flight is due, and dead letters want to move
		sentThen, deletedThen := r.all()
		t.Logf("%s: %d sends and %d deletes acknowledged before, %d and %d more meanwhile", phase.name, sent, deleted, sentThen-sent, deletedThen-deleted)
		if phase.left > 0 && deletedThen == deleted {
			t.Errorf("%s: nothing was deleted", phase.name)
		}
		if phase.kill {
			server.kill()
		}
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
		if phase.kill {
			server = serve()
			address.Store(&server.address)
		}
		expectRefused(t, server, false)
	}
	for range 500 {
		<-r.acked
	}
	cancel()
	clients.Wait()
	r.finish(t)
	if err := server.stop(); err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
}

// all returns how many sends and deletes of all queues were acknowledged.
func (r *killRun) all() (sent, deleted int) {
	for _, h := range []*history{r.standard, r.fifo, r.work} {
		s, d := h.counts()
		sent, deleted = sent+s, deleted+d
	}
	return sent, deleted
}

// fullRun is the clients of one queue of large messages.
type fullRun struct {
	*killRun
	url string
	h   *history

	mu   sync.Mutex
	sent int
}

// send sends one message of noise. What is refused for want of space was not sent.
func (f *fullRun) send(ctx context.Context) error {
	noise := make([]byte, fullBodyBytes/2)
	_, _ = rand.Read(noise) // never fails
	f.mu.Lock()
	f.sent++
	body := fmt.Sprintf("%d-%s", f.sent, hex.EncodeToString(noise))
	f.mu.Unlock()
	f.h.sending(body, "")
	_, err := f.client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &f.url, MessageBody: &body})
	if err == nil {
		f.h.sent(body)
	}
	return err
}

// fill sends until the disk is full.
func (f *fullRun) fill(t *testing.T) {
	var writers sync.WaitGroup
	for range 4 {
		writers.Go(func() {
			for range fullDiskBytes / fullBodyBytes {
				if err := f.send(t.Context()); err != nil {
					if !isDiskFull(err) {
						t.Errorf("send to a full disk: %v", err)
					}
					return
				}
			}
			t.Error("the disk is larger than it is")
		})
	}
	writers.Wait()
}

// refused waits until a request is refused because the disk is full. The server looks ten times a second how full it is, and may have looked
// last when there was room for a little.
func (f *fullRun) refused(t *testing.T, what string, ask func() error) {
	t.Helper()
	for began := time.Now(); ; {
		err := ask()
		if isDiskFull(err) {
			return
		}
		if err != nil || time.Since(began) > patience {
			t.Fatalf("%s without any space: %v", what, err)
		}
	}
}

// resume waits until a send succeeds.
func (f *fullRun) resume(t *testing.T, after string) {
	t.Helper()
	began := time.Now()
	for {
		err := f.send(t.Context())
		if err == nil {
			break
		}
		if !isDiskFull(err) || time.Since(began) > patience {
			t.Fatalf("send %v after %s: %v", time.Since(began), after, err)
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Logf("sends were accepted again %v after %s", time.Since(began).Round(10*time.Millisecond), after)
}

// expectRefused waits until those who run the server see this: it is ready, and it says whether sends are refused. The store's own work may
// take and give space for a while.
func expectRefused(t *testing.T, p *process, refused bool) {
	t.Helper()
	want := "\nstaunch_disk_sends_refused 0\n"
	if refused {
		want = "\nstaunch_disk_sends_refused 1\n"
	}
	for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		status, ready := p.get(t, "/readyz?verbose")
		if status != http.StatusOK {
			t.Errorf("/readyz?verbose = %d %q", status, ready)
		}
		_, metrics := p.get(t, "/metrics")
		if strings.Contains(ready, "sends") == refused && strings.Contains(metrics, want) && strings.Contains(metrics, "\nstaunch_disk_free_bytes ") {
			return
		}
		if time.Since(began) > patience {
			t.Errorf("with sends refused %v, /readyz?verbose says %q and the metrics do not have %q", refused, ready, want)
			return
		}
	}
}

func (p *process) get(t *testing.T, path string) (status int, text string) {
	t.Helper()
	answer, err := http.Get("http://" + p.admin + path)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(b)
}

// isDiskFull reports whether an error is the one that says so.
func isDiskFull(err error) bool {
	var e smithy.APIError
	return errors.As(err, &e) && e.ErrorCode() == "ServiceUnavailable" && strings.Contains(e.ErrorMessage(), "disk is full")
}

// smallDisk returns a directory that is a file system of its own, in memory. The test is skipped where it may not make one.
func smallDisk(t *testing.T, bytes int) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", bytes)); err != nil {
		t.Skipf("SKIPPED: a full disk is tested on a small tmpfs, and this user may not mount one (root may): %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount %s: %v", dir, err)
		}
	})
	return dir
}

// fillUp takes the space of a disk but for so many bytes, and returns the file that has it.
func fillUp(t *testing.T, dir string, left int64) string {
	t.Helper()
	path := filepath.Join(dir, "filler")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for chunk := make([]byte, 64<<10); err == nil; {
		var disk syscall.Statfs_t
		if err := syscall.Statfs(dir, &disk); err != nil {
			t.Fatal(err)
		}
		if left > 0 && int64(disk.Bavail)*disk.Bsize <= left {
			return path
		}
		_, err = f.Write(chunk)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("fill the disk: %v", err)
	}
	return path
}

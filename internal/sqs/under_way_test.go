package sqs

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/keyring"
)

// TestKeysTakenOver waits for what was begun with older keys, and for nothing else.
func TestKeysTakenOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ring.yaml")
	if err := keyring.Create(path, time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	keys, err := keyring.Load("file:" + path)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		rotate := func() {
			if err := keyring.Change(t.Context(), path, keyring.Rotate(keyring.MessageKey, time.Unix(0, 0))); err != nil {
				t.Fatal(err)
			}
			if changed, err := keys.Reload(); err != nil || !changed {
				t.Fatal(changed, err)
			}
		}
		u := newUnderWay(keys)
		wait := func(ctx context.Context) <-chan error {
			done := make(chan error, 1)
			go func() { done <- u.wait(ctx) }()
			synctest.Wait()
			return done
		}
		ended := func(done <-chan error) bool {
			synctest.Wait()
			return len(done) == 1
		}
		first, second := u.begin(), u.begin()
		if !ended(wait(t.Context())) {
			t.Error("what has the present keys is waited for")
		}
		rotate()
		third := u.begin()
		rotate()
		fourth := u.begin()
		ctx, cancel := context.WithCancel(t.Context())
		done, given := wait(t.Context()), wait(ctx)
		for i, generation := range []uint64{first, third, fourth} {
			u.end(generation)
			if ended(done) {
				t.Errorf("it ends with older keys in use, after %d", i)
			}
		}
		cancel()
		if err := <-given; !errors.Is(err, context.Canceled) {
			t.Errorf("nobody waits any more: %v", err)
		}
		u.end(second)
		if !ended(done) || <-done != nil {
			t.Error("it does not end")
		}
		if len(u.count) != 0 {
			t.Errorf("left: %v", u.count)
		}
	})
}

// TestKeysTakenOverWaitsForSends looks, at the moment when a shard is given messages that were encrypted with older keys, whether they are
// waited for.
func TestKeysTakenOverWaitsForSends(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ring.yaml")
	if err := keyring.Create(path, time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	inBubble(t, func(t *testing.T, h *harness) {
		keys, err := keyring.Load("file:" + path)
		if err != nil {
			t.Fatal(err)
		}
		h.options.Keys = keys
		h.restart()
		source, target, body := h.create("source"), h.create("target"), "b"
		waited := make(map[string]bool)
		look := func(method string) error {
			if method != "Send" && method != "Arrive" {
				return nil
			}
			if err := keyring.Change(t.Context(), path, keyring.Rotate(keyring.MessageKey, time.Unix(0, 0))); err != nil {
				return err
			}
			if _, err := keys.Reload(); err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			waited[method] = errors.Is(h.KeysTakenOver(ctx), context.DeadlineExceeded)
			return nil
		}
		for _, f := range h.faults {
			f.failBefore(look)
		}
		expect := func(what, method string) {
			t.Helper()
			if !waited[method] {
				t.Errorf("%s: it is not waited for", what)
			}
			clear(waited)
			if err := h.KeysTakenOver(t.Context()); err != nil {
				t.Errorf("%s: afterwards: %v", what, err)
			}
		}
		h.send(source, body)
		expect("a send", "Send")
		entries := []api.SendMessageBatchRequestEntry{{Id: &body, MessageBody: &body}}
		if _, err := h.SendMessageBatch(t.Context(), h.caller, &api.SendMessageBatchInput{QueueUrl: source, Entries: entries}); err != nil {
			t.Fatal(err)
		}
		expect("a batch", "Send")
		h.set(target, "VisibilityTimeout", "0")
		h.set(source, h.redrive(target, "1")...)
		h.receive(source)
		time.Sleep(time.Minute)
		h.receive(source)
		expect("a dead letter, which keeps its content", "Arrive")
		h.startTask(target, "", 0)
		time.Sleep(time.Minute)
		synctest.Wait()
		expect("a move task", "Arrive")
	})
}

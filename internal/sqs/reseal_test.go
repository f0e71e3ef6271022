package sqs

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/keyring"
	"github.com/staunchmq/staunch/internal/queue"
	"github.com/staunchmq/staunch/internal/shard"
)

// rewrap lets all shards encrypt anew, and returns what they did in all.
func (h *harness) rewrap() (all shard.Rewritten) {
	h.t.Helper()
	r := h.Resealer()
	for _, f := range h.faults {
		done, err := f.Client.(*shard.Shard).Rewrite(h.t.Context(), r.Reseal)
		if err != nil {
			h.t.Fatal(err)
		}
		all.Rewritten += done.Rewritten
		all.Failed += done.Failed
		if done.Err != nil {
			all.Err = done.Err
		}
	}
	return all
}

// TestRewrapLetsOldVersionsGo has messages in every state under old versions, encrypts them anew, and forgets the versions.
func TestRewrapLetsOldVersionsGo(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		k := h.withKeys()
		dead := h.create("dead", "KmsMasterKeyId", "alias/b")
		url := h.create("q", "KmsMasterKeyId", "alias/a", "KmsDataKeyReusePeriodSeconds", "86400")
		h.set(url, h.redrive(dead, "1")...)
		plain := h.create("plain", "SqsManagedSseEnabled", "false")
		fifo := h.createFIFO("f", "KmsMasterKeyId", "alias/a", "ContentBasedDeduplication", "true")
		h.send(plain, "plain")
		h.send(url, "dead")
		h.receive(url, visibility(0))
		h.receive(url) // moves it
		h.send(url, "visible")
		h.send(url, "delayed", func(in *api.SendMessageInput) { in.DelaySeconds = new(int64(60)) })
		held := h.receive(url) // "visible"
		inGroup := func(in *api.SendMessageInput) { in.MessageGroupId = new("g") }
		first := h.send(fifo, "one", inGroup)
		h.send(fifo, "two", inGroup)

		k.change(keyring.Rotate("a", time.Now()))
		h.send(url, "after the rotation")
		if done := h.rewrap(); done.Rewritten != 5 || done.Failed != 0 {
			t.Errorf("%+v", done)
		}
		h.send(url, "new") // the reuse period is a day
		if done := h.rewrap(); done.Rewritten != 0 || done.Failed != 0 {
			t.Errorf("again: %+v", done)
		}
		k.change(keyring.Forget("a", 1))
		h.restart()
		if len(held) != 1 || held[0].Body != "visible" {
			t.Fatalf("held %q", bodies(held))
		}
		if again := h.send(fifo, "one", inGroup); again.MessageId != first.MessageId {
			t.Error("a duplicate is not recognised any more")
		}
		if err := h.delete(url, held[0].ReceiptHandle); err != nil {
			t.Errorf("a receipt handle of before: %v", err)
		}
		time.Sleep(time.Minute)
		got := h.drain(url)
		slices.Sort(got)
		if !slices.Equal(got, []string{"after the rotation", "delayed", "new"}) {
			t.Errorf("received %q", got)
		}
		for url, want := range map[string][]string{dead: {"dead"}, plain: {"plain"}, fifo: {"one", "two"}} {
			if got := h.drain(url); !slices.Equal(got, want) {
				t.Errorf("%s: received %q", url, got)
			}
		}
	})
}

// TestMoveTaskOutlivesAnOldVersion has a target that refuses messages until the version that encrypted them at first is forgotten.
func TestMoveTaskOutlivesAnOldVersion(t *testing.T) {
	for _, err := range []error{shard.ErrDiskFull, shard.ErrUnavailable} {
		t.Run(err.Error(), func(t *testing.T) {
			inBubble(t, func(t *testing.T, h *harness) {
				k := h.withKeys()
				dead := h.create("dead", "KmsMasterKeyId", "alias/a")
				q := h.create("q", append(h.redrive(dead, "1"), "KmsMasterKeyId", "alias/a")...)
				h.deadLetter(q, "one", "two")
				for _, f := range h.faults {
					f.failBefore(times(1_000_000, "Arrive", err))
				}
				h.startTask(dead, "", 0)
				time.Sleep(10 * time.Second)
				k.change(keyring.Rotate("a", time.Now()))
				if done := h.rewrap(); done.Rewritten != 2 || done.Failed != 0 {
					t.Errorf("%+v", done)
				}
				k.change(keyring.Forget("a", 1))
				for _, f := range h.faults {
					f.failBefore(nil)
				}
				time.Sleep(time.Minute)
				if got := h.tasksOf(dead)[0]; got.Status != "COMPLETED" || got.ApproximateNumberOfMessagesMoved != 2 {
					t.Errorf("task %+v", got)
				}
				h.restart() // no data keys are in memory
				if got := h.drain(q); !slices.Equal(got, []string{"one", "two"}) {
					t.Errorf("received %q", got)
				}
			})
		})
	}
}

// TestForgetWaitsForDeadLetters has a dead letter read before all messages are encrypted anew, and put into its target after that.
func TestForgetWaitsForDeadLetters(t *testing.T) {
	onBothShards(t, false, func(t *testing.T, h *harness, q, dead string) {
		k := h.withKeys()
		h.set(q, "KmsMasterKeyId", "alias/a")
		h.send(q, "m")
		h.exhaust(q)
		k.change(keyring.Rotate("a", time.Now()))
		arrived := 0
		for _, f := range h.faults {
			f.failBefore(func(method string) error {
				if method != "Arrive" {
					return nil
				}
				arrived++
				if done := h.rewrap(); done.Rewritten != 1 || done.Failed != 0 {
					t.Errorf("before it arrives: %+v", done)
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				if err := h.KeysTakenOver(ctx); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("the old version could be forgotten: %v", err)
				}
				return nil
			})
		}
		h.receive(q) // moves it
		if arrived != 1 {
			t.Fatalf("%d dead letters arrived", arrived)
		}
		if err := h.KeysTakenOver(t.Context()); err != nil {
			t.Error(err)
		}
		if done := h.rewrap(); done.Rewritten != 1 || done.Failed != 0 {
			t.Errorf("after it has arrived: %+v", done)
		}
		k.change(keyring.Forget("a", 1))
		h.restart()
		if got := h.drain(dead); !slices.Equal(got, []string{"m"}) {
			t.Errorf("received %q", got)
		}
	})
}

// TestMoveTaskLosesItsKey has a target that refuses messages, and then a key that cannot be used: they are put back.
func TestMoveTaskLosesItsKey(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		k := h.withKeys()
		dead, target := h.create("dead"), h.create("target", "KmsMasterKeyId", "alias/a", "KmsDataKeyReusePeriodSeconds", "60")
		h.deadLetter(h.create("q", h.redrive(dead, "1")...), "one", "two")
		for _, f := range h.faults {
			f.failBefore(times(1_000_000, "Arrive", shard.ErrDiskFull))
		}
		h.startTask(dead, target, 0)
		time.Sleep(10 * time.Second)
		k.change(keyring.Disable("a"))
		time.Sleep(2 * time.Minute)
		if got := h.tasksOf(dead)[0]; got.Status != "FAILED" || got.FailureReason != api.KmsDisabled.QueryCode {
			t.Errorf("task %+v", got)
		}
		if got := h.counts(dead); got != [3]string{"2", "0", "0"} {
			t.Errorf("the dead-letter queue has %v", got)
		}
	})
}

// TestForgetWithoutRewrap forgets a version that no message needs, long before the data keys that were made with it are used up.
func TestForgetWithoutRewrap(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		k := h.withKeys()
		managed, kms := h.create("managed"), h.create("kms", "KmsMasterKeyId", "alias/a", "KmsDataKeyReusePeriodSeconds", "86400")
		for _, url := range []string{managed, kms} {
			h.send(url, "before")
			h.drain(url)
		}
		for _, name := range []string{keyring.MessageKey, "a"} {
			k.change(keyring.Rotate(name, time.Now()))
		}
		for _, url := range []string{managed, kms} {
			h.send(url, "rotated")
			all := h.contents(url)
			if _, version, _ := sealedBy(t, all[len(all)-1]); version != 2 {
				t.Errorf("%s: encrypted with version %d after the rotation", url, version)
			}
		}
		for _, name := range []string{keyring.MessageKey, "a"} {
			k.change(keyring.Forget(name, 1))
		}
		for _, url := range []string{managed, kms} {
			h.send(url, "forgotten")
			if got := h.drain(url); !slices.Equal(got, []string{"rotated", "forgotten"}) {
				t.Errorf("%s: received %q", url, got)
			}
		}
	})
}

// TestRewrapWithoutTheKeys leaves alone what it cannot open, and says why.
func TestRewrapWithoutTheKeys(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		k := h.withKeys()
		url := h.create("q", "KmsMasterKeyId", "alias/a")
		h.send(url, "m")
		k.change(keyring.Disable("a"))
		if done := h.rewrap(); done != (shard.Rewritten{}) {
			t.Errorf("under the newest version of a disabled key: %+v", done)
		}
		k.change(keyring.Rotate("a", time.Now()))
		if done := h.rewrap(); done.Rewritten != 0 || done.Failed != 1 || !errors.Is(done.Err, keyring.ErrDisabled) {
			t.Errorf("disabled: %+v", done)
		}
		k.change(keyring.Enable("a"))
		k.change(keyring.Forget("a", 1))
		if done := h.rewrap(); done.Rewritten != 0 || done.Failed != 1 || !errors.Is(done.Err, keyring.ErrNotFound) {
			t.Errorf("forgotten: %+v", done)
		}
		_, err := h.ReceiveMessage(t.Context(), h.caller, &api.ReceiveMessageInput{QueueUrl: url})
		checkError(t, "receive", err, api.KmsNotFound, "")
	})
}

// TestResealBindsAsBefore looks at one content: a new data key, and the same binding to message and queue.
func TestResealBindsAsBefore(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		k := h.withKeys()
		url := h.create("q", "KmsMasterKeyId", "alias/a")
		h.send(url, "m")
		old := h.contents(url)[0]
		k.change(keyring.Rotate("a", time.Now()))
		id := queue.MessageID{1}
		if _, err := h.Resealer().Reseal(id, old); !errors.Is(err, errContent) {
			t.Errorf("as another message: %v", err)
		}
		if again, err := h.Resealer().Reseal(id, []byte{contentVersion}); again != nil || err != nil {
			t.Errorf("not encrypted: %x, %v", again, err)
		}
		if _, err := h.Resealer().Reseal(id, old[:20]); !errors.Is(err, errContent) {
			t.Errorf("cut short: %v", err)
		}
		before := bytes.Clone(old)
		got := h.receive(url)
		parsed, err := uuid.Parse(got[0].MessageId)
		if err != nil {
			t.Fatal(err)
		}
		fresh, err := h.Resealer().Reseal(queue.MessageID(parsed), old)
		if err != nil || !bytes.Equal(old, before) {
			t.Fatalf("the old content changed: %t, %v", !bytes.Equal(old, before), err)
		}
		was, _ := parseSealed(old)
		is, err := parseSealed(fresh)
		if err != nil || is.version != 2 || is.queue != was.queue || is.keyID != was.keyID || bytes.Equal(is.wrapped, was.wrapped) {
			t.Errorf("version %d, queue %d, %v", is.version, is.queue, err)
		}
	})
}

package sqs

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/journal"
	"github.com/staunchmq/staunch/internal/keyring"
	"github.com/staunchmq/staunch/internal/queue"
	"github.com/staunchmq/staunch/internal/shard"
)

// keys is a keyring file and the keyring of a service.
type keys struct {
	t    testing.TB
	path string
	*keyring.Keyring
}

// withKeys gives the service a keyring with the keys a, b and c.
func (h *harness) withKeys() *keys {
	h.t.Helper()
	k := &keys{t: h.t, path: filepath.Join(h.t.TempDir(), "keyring")}
	if err := keyring.Create(k.path, time.Now()); err != nil {
		h.t.Fatal(err)
	}
	for _, name := range []string{"a", "b", "c"} {
		k.change(keyring.Add(name, nil, nil, time.Now()))
	}
	h.useKeys(k)
	return k
}

// useKeys restarts the service with what the file says.
func (h *harness) useKeys(k *keys) {
	h.t.Helper()
	loaded, err := keyring.Load("file:" + k.path)
	if err != nil {
		h.t.Fatal(err)
	}
	k.Keyring, h.options.Keys = loaded, loaded
	h.restart()
}

// change edits the file, and lets the service read it if it is in use.
func (k *keys) change(e keyring.Edit) {
	k.t.Helper()
	if err := keyring.Change(k.t.Context(), k.path, e); err != nil {
		k.t.Fatal(err)
	}
	if k.Keyring == nil {
		return
	}
	if _, err := k.Reload(); err != nil {
		k.t.Fatal(err)
	}
}

// contents returns the stored contents of all messages that were ever sent to a queue or moved there, oldest first.
func (h *harness) contents(url string) [][]byte {
	h.t.Helper()
	var all [][]byte
	id := h.partition(h.t.(*testing.T), url)
	for _, j := range h.journals {
		err := j.Read(h.t.Context(), 1, func(_ journal.Seq, rec []byte) error {
			return shard.DecodeRecord(rec, func(c shard.StoredChange) error {
				if sent, ok := c.Change.(*queue.Sent); ok && c.Partition == id {
					all = append(all, bytes.Clone(sent.Message.Content))
				}
				return nil
			})
		})
		if err != nil {
			h.t.Fatal(err)
		}
	}
	return all
}

// inJournals tells whether a text is anywhere in the journals.
func (h *harness) inJournals(text string) bool {
	h.t.Helper()
	found := false
	for _, j := range h.journals {
		first, _, err := j.Tail(h.t.Context())
		if err != nil {
			h.t.Fatal(err)
		}
		err = j.Read(h.t.Context(), first, func(_ journal.Seq, rec []byte) error {
			found = found || bytes.Contains(rec, []byte(text))
			return nil
		})
		if err != nil {
			h.t.Fatal(err)
		}
	}
	return found
}

// sealedBy returns which key and version a content is sealed with, and its data key; "" if it is not.
func sealedBy(t testing.TB, data []byte) (key keyring.KeyID, version uint32, dataKey string) {
	t.Helper()
	if !isSealed(data) {
		return key, 0, ""
	}
	c, err := parseSealed(data)
	if err != nil {
		t.Fatal(err)
	}
	return c.keyID, c.version, string(c.wrapped)
}

var encryptions = []struct {
	name       string
	attributes []string
	encrypted  bool
}{
	{"SSE-SQS", nil, true},
	{"SSE-KMS", []string{"KmsMasterKeyId", "alias/a"}, true},
	{"off", []string{"SqsManagedSseEnabled", "false"}, false},
}

func TestEncryptedMessagesAreNotInTheJournals(t *testing.T) {
	for _, tc := range encryptions {
		t.Run(tc.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, h *harness) {
				h.withKeys()
				h.caller.SenderID = "canary-sender"
				url := h.createFIFO("q", tc.attributes...)
				text := func(s string) api.MessageAttributeValue {
					return api.MessageAttributeValue{DataType: new("String"), StringValue: &s}
				}
				sum := sha256.Sum256([]byte("canary-body"))
				h.set(url, "ContentBasedDeduplication", "true")
				sent := h.send(url, "canary-body", func(in *api.SendMessageInput) {
					in.MessageGroupId = new("group")
					in.MessageAttributes = map[string]api.MessageAttributeValue{"canary-name": text("canary-value")}
					in.MessageSystemAttributes = map[string]api.MessageAttributeValue{traceHeader: text("canary-trace")}
				})
				h.send(url, "other", func(in *api.SendMessageInput) {
					in.MessageGroupId, in.MessageDeduplicationId = new("other"), new("canary-dedup")
				})
				secrets := []string{"canary-body", "canary-name", "canary-value", "canary-trace", "canary-sender", "canary-dedup", hex.EncodeToString(sum[:])}
				for _, secret := range secrets {
					if h.inJournals(secret) == tc.encrypted {
						t.Errorf("%s in the journals: %t", secret, !tc.encrypted)
					}
				}
				md5, err := hex.DecodeString(sent.MD5OfMessageBody)
				if err != nil || h.inJournals(string(md5)) == tc.encrypted {
					t.Errorf("digest of the body in the journals: %t, %v", !tc.encrypted, err)
				}
				h.restart()
				got := h.receive(url)
				if len(got) != 2 || got[0].Body != "canary-body" || *got[0].MessageAttributes["canary-name"].StringValue != "canary-value" ||
					got[0].Attributes["SenderId"] != "canary-sender" || got[0].Attributes[traceHeader] != "canary-trace" ||
					got[0].Attributes["MessageDeduplicationId"] != hex.EncodeToString(sum[:]) || got[1].Attributes["MessageDeduplicationId"] != "canary-dedup" ||
					got[0].MD5OfBody != sent.MD5OfMessageBody {
					t.Errorf("received %+v", got)
				}
			})
		})
	}
}

// TestDuplicatesAreRecognised sends the same to a FIFO queue in every way and across every switch.
func TestDuplicatesAreRecognisedAcrossEncryption(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		k := h.withKeys()
		url := h.createFIFO("q", "ContentBasedDeduplication", "true")
		send := func(body string, dedup *string) string {
			return h.send(url, body, func(in *api.SendMessageInput) { in.MessageGroupId, in.MessageDeduplicationId = new("g"), dedup }).MessageId
		}
		first := send("body", nil)
		hash := new(bodyHash("body"))
		steps := []struct {
			name   string
			change func()
		}{
			{"at once", func() {}},
			{"after a rotation", func() { k.change(keyring.Rotate(keyring.SecretKey, time.Now())) }},
			{"without encryption", func() { h.set(url, "SqsManagedSseEnabled", "false") }},
			{"with a KMS key", func() { h.set(url, "KmsMasterKeyId", "alias/b") }},
			{"after a restart", h.restart},
		}
		for _, step := range steps {
			step.change()
			if got := send("body", nil); got != first {
				t.Errorf("%s: the same body is no duplicate", step.name)
			}
			if got := send("another body", hash); got != first {
				t.Errorf("%s: the hash of the body as an ID is no duplicate", step.name)
			}
		}
		h.set(url, "KmsMasterKeyId", "")
		plain := send("x", new("id"))
		h.set(url, "SqsManagedSseEnabled", "true")
		if got := send("y", new("id")); got != plain {
			t.Error("what was accepted without encryption is no duplicate with it")
		}
		if got := send("z", nil); got == first || got == plain {
			t.Error("a duplicate of something else")
		}
	})
}

func TestHiddenIDsCannotBeSent(t *testing.T) {
	if isID(hiddenDeduplicationID) {
		t.Error("a client can send a deduplication ID that looks like one that is hidden")
	}
}

// TestKeyErrors names keys that cannot be used.
func TestKeyErrors(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		k := h.withKeys()
		k.change(keyring.Add("theirs", nil, []string{"111122223333"}, time.Now()))
		k.change(keyring.Disable("c"))
		tests := []struct {
			key  string
			kind *api.ErrorKind
			text string
		}{
			{"alias/none", api.KmsNotFound, ""},
			{"1234abcd-12ab-34cd-56ef-1234567890ab", api.KmsNotFound, ""},
			{"arn:aws:kms:us-west-2:000000000000:alias/a", api.KmsNotFound, ""},
			{"alias/c", api.KmsDisabled, ""},
			{"alias/staunch/secrets", api.KmsInvalidKeyUsage, ""},
			{"alias/theirs", api.KmsAccessDenied, "User: arn:aws:iam::000000000000:root is not authorized to perform: kms:GenerateDataKey on resource: arn:aws:kms:us-east-1:000000000000:alias/theirs"},
		}
		for _, tc := range tests {
			url := h.create("q", "KmsMasterKeyId", tc.key) // which checks nothing
			send := func(*harness) error {
				_, err := h.SendMessage(t.Context(), h.caller, &api.SendMessageInput{QueueUrl: url, MessageBody: new("b")})
				return err
			}
			batch := func(*harness) error {
				_, err := h.SendMessageBatch(t.Context(), h.caller, &api.SendMessageBatchInput{QueueUrl: url, Entries: []api.SendMessageBatchRequestEntry{{Id: new("1"), MessageBody: new("b")}}})
				return err
			}
			receive := func(*harness) error {
				_, err := h.ReceiveMessage(t.Context(), h.caller, &api.ReceiveMessageInput{QueueUrl: url})
				return err
			}
			checkErrors(t, h, []errorCase{
				{tc.key + ": send", send, tc.kind, tc.text}, {tc.key + ": batch", batch, tc.kind, tc.text}, {tc.key + ": receive", receive, tc.kind, tc.text},
			})
			if got := h.counts(url); got != [3]string{"0", "0", "0"} {
				t.Errorf("%s: counts %v", tc.key, got)
			}
			h.deleteQueue(url)
			time.Sleep(time.Minute + time.Second)
		}
	})
}

// TestDataKeyReusePeriod looks at which data keys encrypt, and lets a key be disabled.
func TestDataKeyReusePeriod(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		k := h.withKeys()
		url := h.create("q", "KmsMasterKeyId", "alias/a", "KmsDataKeyReusePeriodSeconds", "60")
		other := h.create("other", "KmsMasterKeyId", "alias/a", "KmsDataKeyReusePeriodSeconds", "60")
		for range 4 { // at 0 s, 29 s, 58 s, 87 s
			h.send(url, "x")
			time.Sleep(29 * time.Second)
		}
		h.send(other, "x")
		var used []string
		for _, url := range []string{url, other} {
			for _, data := range h.contents(url) {
				_, _, dataKey := sealedBy(t, data)
				used = append(used, dataKey)
			}
		}
		if used[0] != used[1] || used[1] != used[2] || used[2] == used[3] || used[3] == used[4] {
			t.Errorf("data keys %x", used)
		}
		// The data key of the fourth message, at 87 s, is good until 147 s, unless the keyring changes. Now it is 116 s.
		h.receive(url, visibility(0))
		k.change(keyring.Disable("a"))
		in := &api.SendMessageInput{QueueUrl: url, MessageBody: new("b")}
		_, err := h.SendMessage(t.Context(), h.caller, in)
		checkError(t, "send when the key is disabled", err, api.KmsDisabled, "")
		_, err = h.ReceiveMessage(t.Context(), h.caller, &api.ReceiveMessageInput{QueueUrl: url})
		checkError(t, "receive when the key is disabled", err, api.KmsDisabled, "")
		if got := h.counts(url); got != [3]string{"4", "0", "0"} {
			t.Errorf("a receive that failed has taken messages: %v", got)
		}
		k.change(keyring.Enable("a"))
		if got := h.drain(url); len(got) != 4 {
			t.Errorf("enabled again, received %q", got)
		}
	})
}

func TestRotationWhileServing(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		k := h.withKeys()
		url := h.create("q", "KmsMasterKeyId", "alias/a", "KmsDataKeyReusePeriodSeconds", "60")
		for i := range 3 {
			h.send(url, string(rune('1'+i)))
			k.change(keyring.Rotate("a", time.Now()))
			time.Sleep(time.Minute)
		}
		for i, data := range h.contents(url) {
			if _, version, _ := sealedBy(t, data); version != uint32(i+1) {
				t.Errorf("message %d is encrypted with version %d", i, version)
			}
		}
		h.restart()
		if got := h.drain(url); !slices.Equal(got, []string{"1", "2", "3"}) {
			t.Errorf("received %q", got)
		}
	})
}

// TestCopiedMessagesStayReadable lets encrypted messages be copied forward, their records be trimmed, and the service start again.
func TestCopiedMessagesStayReadable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, 1)
		defer func() { h.stop() }()
		var copied atomic.Int64
		h.tune = func(o *shard.Options) {
			o.CheckpointBytes, o.CleanRate, o.BodyCacheBytes = 20_000, 1<<50, 1
			o.Observed.Cleaned = func(bytes int64) { copied.Add(bytes) }
		}
		k := h.withKeys()
		standard := h.create("q", "KmsMasterKeyId", "alias/a")
		fifo := h.createFIFO("fifo", "KmsMasterKeyId", "alias/a")
		want := []string{"the first " + strings.Repeat("s", 500), "the second", "the third"}
		for i, body := range want {
			h.send(standard, body)
			h.send(fifo, body, func(in *api.SendMessageInput) {
				in.MessageGroupId, in.MessageDeduplicationId = new("g"), new(fmt.Sprint(i))
			})
		}
		_, sent, err := h.journals[0].Tail(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		k.change(keyring.Rotate("a", time.Now()))
		busy := h.create("busy")
		for i := range 400 {
			h.send(busy, fmt.Sprint(i, strings.Repeat("x", 900)))
			h.drain(busy)
			synctest.Wait() // for a checkpoint on its way
		}
		if first, _, err := h.journals[0].Tail(t.Context()); err != nil || first <= sent || copied.Load() == 0 {
			t.Fatalf("the journal begins at record %d (%v), the last message is in %d; %d bytes were copied", first, err, sent, copied.Load())
		}
		for _, body := range want {
			if h.inJournals(body) {
				t.Errorf("%.10q is in the journal as it is", body)
			}
		}
		h.restart()
		for _, url := range []string{standard, fifo} {
			if got := h.drain(url); !slices.Equal(got, want) {
				t.Errorf("%s: received %.20q", url, got)
			}
		}
	})
}

// TestSwitchesKeepOldMessagesReadable sends one message in each state of a queue and receives them all at the end.
func TestSwitchesKeepOldMessagesReadable(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		url := h.create("q") // with the built-in keys
		h.send(url, "built-in")
		k := h.withKeys()
		want := []string{"built-in"}
		for _, attributes := range [][]string{
			nil, {"KmsMasterKeyId", "alias/a"}, {"KmsMasterKeyId", "alias/b"}, {"KmsMasterKeyId", "", "SqsManagedSseEnabled", "true"}, {"SqsManagedSseEnabled", "false"},
		} {
			if attributes != nil {
				h.set(url, attributes...)
			}
			body := strings.Join(attributes, " ") + "."
			want = append(want, body)
			h.send(url, body)
		}
		var ids []keyring.KeyID
		for _, data := range h.contents(url) {
			id, _, _ := sealedBy(t, data)
			ids = append(ids, id)
		}
		seen := map[keyring.KeyID]bool{}
		for i, id := range ids {
			if seen[id] && i != 4 || i == 4 && id != ids[1] {
				t.Errorf("message %d: encrypted with %s", i, id)
			}
			seen[id] = true
		}
		h.useKeys(k)
		if got := h.drain(url); !slices.Equal(got, want) {
			t.Errorf("received %q, want %q", got, want)
		}
	})
}

// TestUnreadableMessagesStay receives from queues where the keys of some messages are disabled.
func TestUnreadableMessagesStay(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		k := h.withKeys()
		standard, fifo := h.create("q"), h.createFIFO("q")
		for _, url := range []string{standard, fifo} {
			var edit []func(*api.SendMessageInput)
			if url == fifo {
				edit = append(edit, inGroup("g"))
			}
			h.set(url, "KmsMasterKeyId", "alias/a")
			h.send(url, "1", edit...)
			h.set(url, "KmsMasterKeyId", "alias/b")
			h.send(url, "2", edit...)
		}
		k.change(keyring.Disable("a"))
		if got := bodies(h.receive(standard)); !slices.Equal(got, []string{"2"}) {
			t.Errorf("from the standard queue: %q", got)
		}
		for name, url := range map[string]string{"FIFO: nothing behind it may be received": fifo, "standard: there is nothing else": standard} {
			if url == standard {
				time.Sleep(31 * time.Second)
				h.drainReadable(url)
				time.Sleep(31 * time.Second)
			}
			_, err := h.ReceiveMessage(t.Context(), h.caller, &api.ReceiveMessageInput{QueueUrl: url, MaxNumberOfMessages: new(int64(10))})
			checkError(t, name, err, api.KmsDisabled, "")
		}
		k.change(keyring.Enable("a"))
		time.Sleep(31 * time.Second)
		if got := h.drain(standard); !slices.Equal(got, []string{"1"}) {
			t.Errorf("from the standard queue: %q", got)
		}
		if got := h.drain(fifo); !slices.Equal(got, []string{"1", "2"}) {
			t.Errorf("from the FIFO queue: %q", got)
		}
	})
}

// drainReadable receives once and deletes what it got.
func (h *harness) drainReadable(url string) {
	h.t.Helper()
	for _, m := range h.receive(url) {
		if err := h.delete(url, m.ReceiptHandle); err != nil {
			h.t.Fatal(err)
		}
	}
}

// TestMovesAcrossKeys takes a message through a dead-letter queue with another key and back.
func TestMovesAcrossKeys(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		k := h.withKeys()
		id := func(name string) keyring.KeyID {
			id, err := k.Resolve("alias/"+name, "", "")
			if err != nil {
				t.Fatal(err)
			}
			return id
		}
		check := func(what, url string, want keyring.KeyID) {
			t.Helper()
			all := h.contents(url)
			if got, _, _ := sealedBy(t, all[len(all)-1]); got != want {
				t.Errorf("%s is encrypted with %s, want %s", what, got, want)
			}
		}
		dead := h.create("dead", "KmsMasterKeyId", "alias/b")
		q := h.create("q", append(h.redrive(dead, "1"), "KmsMasterKeyId", "alias/a")...)
		h.deadLetter(q, "body")
		check("the dead letter", dead, id("a")) // AWS: a dead letter keeps its state
		if got := bodies(h.receive(dead, visibility(0))); !slices.Equal(got, []string{"body"}) {
			t.Fatalf("the dead letter: %q", got)
		}
		h.startTask(dead, "", 0)
		synctest.Wait()
		check("what a move task has moved", q, id("a"))
		h.deadLetter(q)
		c := h.create("c", "KmsMasterKeyId", "alias/c")
		h.startTask(dead, c, 0)
		synctest.Wait()
		check("what was moved elsewhere", c, id("c"))
		k.change(keyring.Disable("a"))
		time.Sleep(time.Hour)
		if got := h.receive(c); len(got) != 1 || got[0].Body != "body" {
			t.Errorf("received %+v", got)
		}

		// A task that cannot decrypt or encrypt fails and leaves the messages where they are.
		k.change(keyring.Enable("a"))
		h.deadLetter(q, "other")
		for _, disabled := range []string{"a", "b"} {
			target := h.create("b", "KmsMasterKeyId", "alias/b")
			k.change(keyring.Disable(disabled))
			time.Sleep(time.Hour)
			h.startTask(dead, target, 0)
			synctest.Wait()
			task := h.tasksOf(dead)[0]
			if task.Status != "FAILED" || task.FailureReason != "KMS.DisabledException" || h.counts(dead) != [3]string{"1", "0", "0"} || h.counts(target)[0] != "0" {
				t.Errorf("%s is disabled: task %+v, counts %v", disabled, task, h.counts(dead))
			}
			k.change(keyring.Enable(disabled))
		}
		plain := h.create("plain", "SqsManagedSseEnabled", "false")
		h.startTask(dead, plain, 0)
		synctest.Wait()
		if !h.inJournals("other") || !slices.Equal(h.drain(plain), []string{"other"}) {
			t.Error("a task into a queue without encryption does not store plain messages")
		}
	})
}

func TestFIFODeadLettersKeepTheirEncryption(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		h.withKeys()
		dead := h.createFIFO("dead", "SqsManagedSseEnabled", "false")
		q := h.createFIFO("q", append(h.redrive(dead, "1"), "KmsMasterKeyId", "alias/a")...)
		h.deadLetter(q, "canary-body")
		got := h.receive(dead)
		if len(got) != 1 || got[0].Body != "canary-body" || got[0].Attributes["MessageDeduplicationId"] != got[0].MessageId || h.inJournals("canary") {
			t.Errorf("dead letter %+v", got)
		}
	})
}

// TestStartWithoutTheKeyring starts on data whose keyring is missing, is another one, or was given up in words.
func TestStartWithoutTheKeyring(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		k := h.withKeys()
		url := h.create("q")
		h.send(url, "body")
		own, err := keyring.Load("file:" + k.path)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "another")
		if err := keyring.Create(path, time.Now()); err != nil {
			t.Fatal(err)
		}
		another, err := keyring.Load("file:" + path)
		if err != nil {
			t.Fatal(err)
		}
		for name, keys := range map[string]*keyring.Keyring{"without one": keyring.New(), "with another one": another} {
			h.options.Keys = keys
			refused := New(h.options)
			if err := refused.Run(t.Context()); !errors.Is(err, errKeyring) {
				t.Errorf("%s: %v", name, err)
			}
		}
		given, err := keyring.Load("built-in")
		if err != nil {
			t.Fatal(err)
		}
		h.options.Keys = given
		h.restart()
		_, err = h.ReceiveMessage(t.Context(), h.caller, &api.ReceiveMessageInput{QueueUrl: url})
		checkError(t, "the key is gone", err, api.KmsNotFound, "")
		h.send(url, "new")
		if got := bodies(h.receive(url)); !slices.Equal(got, []string{"new"}) {
			t.Errorf("received %q", got)
		}
		h.options.Keys = own
		h.restart()
		time.Sleep(31 * time.Second)
		if got := h.drain(url); !slices.Equal(got, []string{"body", "new"}) && !slices.Equal(got, []string{"new", "body"}) {
			t.Errorf("with its keyring again: %q", got)
		}
	})
}

// TestErrorsAndLogsShowNoContent provokes errors about messages that cannot be read.
func TestErrorsAndLogsShowNoContent(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		var log bytes.Buffer
		h.options.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		k := h.withKeys()
		url := h.create("q", "KmsMasterKeyId", "alias/a")
		h.send(url, "canary-body")
		h.set(url, "KmsMasterKeyId", "", "SqsManagedSseEnabled", "true")
		h.send(url, "canary-other")
		k.change(keyring.Disable("a"))
		time.Sleep(time.Hour)
		h.receive(url)
		if text := log.String(); !strings.Contains(text, "left out of a receive") || strings.Contains(text, "canary") {
			t.Errorf("log: %s", text)
		}
	})
}

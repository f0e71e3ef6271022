package sqs

import (
	"bytes"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/staunchmq/staunch/internal/catalog"
	"github.com/staunchmq/staunch/internal/clock"
	"github.com/staunchmq/staunch/internal/keyring"
	"github.com/staunchmq/staunch/internal/queue"
)

// TestRecordsCannotBeSwapped gives messages the contents of others.
func TestRecordsCannotBeSwapped(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		h.withKeys()
		a, b := h.create("a", "KmsMasterKeyId", "alias/a"), h.create("b", "KmsMasterKeyId", "alias/b")
		ids := [][]byte{}
		for _, url := range []string{a, a, b} {
			id := h.send(url, "body").MessageId
			raw, err := hex.DecodeString(strings.ReplaceAll(id, "-", ""))
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, raw)
		}
		contents := append(h.contents(a), h.contents(b)...)
		queueA, err := h.queue(h.caller, a)
		if err != nil {
			t.Fatal(err)
		}
		queueB, err := h.queue(h.caller, b)
		if err != nil {
			t.Fatal(err)
		}
		message := func(id, content []byte, source string) *queue.Message {
			return &queue.Message{ID: queue.MessageID(id), Content: content, Source: source}
		}
		if _, err := h.sealer.open(queueA, message(ids[0], contents[0], "")); err != nil {
			t.Fatalf("its own: %v", err)
		}
		if _, err := h.sealer.open(queueB, message(ids[0], contents[0], "arn")); err != nil {
			t.Fatalf("as a dead letter: %v", err)
		}
		if _, err := h.sealer.open(queueA, message(ids[0], contents[1], "")); !errors.Is(err, errContent) {
			t.Errorf("the content of another message: %v", err)
		}
		if _, err := h.sealer.open(queueA, message(ids[2], contents[2], "")); !errors.Is(err, errContent) {
			t.Errorf("the content of another queue: %v", err)
		}
		// The header of the other message, with the ciphertext of this one.
		one, err := parseSealed(contents[0])
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range []int{1, 2} {
			other, err := parseSealed(contents[i])
			if err != nil {
				t.Fatal(err)
			}
			if bytes.Equal(one.header, other.header) {
				continue
			}
			mixed := slices.Concat(other.header, one.sealed)
			if _, err := h.sealer.open(queueB, message(ids[0], mixed, "arn")); err == nil {
				t.Error("opened under the header of another queue")
			}
		}
		for i := range contents[0] {
			changed := bytes.Clone(contents[0])
			changed[i] ^= 4
			if _, err := h.sealer.open(queueA, message(ids[0], changed, "arn")); err == nil {
				t.Errorf("opened with byte %d changed", i)
			}
			if _, err := h.sealer.open(queueA, message(ids[0], contents[0][:i], "arn")); err == nil {
				t.Errorf("opened %d bytes of it", i)
			}
		}
	})
}

// TestSealerForgets makes more data keys than are kept.
func TestSealerForgets(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		url := h.create("q")
		q, err := h.queue(h.caller, url)
		if err != nil {
			t.Fatal(err)
		}
		for range dataKeysMax + 10 {
			other := *q
			other.ID++
			q = &other
			k, err := h.sealer.dataKey(q)
			if err != nil {
				t.Fatal(err)
			}
			data, err := k.seal(queue.MessageID{}, &content{Body: "b"})
			if err != nil {
				t.Fatal(err)
			}
			if c, err := h.sealer.open(q, &queue.Message{Content: data}); err != nil || c.Body != "b" {
				t.Fatal(err)
			}
		}
		if a, b := len(h.sealer.sealing), len(h.sealer.opening); a > dataKeysMax || b > dataKeysMax {
			t.Errorf("%d and %d data keys are kept", a, b)
		}
	})
}

// newTestSealer returns a sealer with built-in keys.
func newTestSealer(t testing.TB) *sealer {
	t.Helper()
	k := keyring.New()
	if err := k.UseBuiltin([]byte("secret")); err != nil {
		t.Fatal(err)
	}
	return newSealer(k, clock.System())
}

// FuzzOpenSealed opens anything as the content of a message. Nothing but what was sealed opens, in this process or in another with the
// same keys, and nothing panics.
func FuzzOpenSealed(f *testing.F) {
	s, q := newTestSealer(f), &catalog.Queue{ID: 1, Attributes: defaultAttributes(false)}
	k, err := s.dataKey(q)
	if err != nil {
		f.Fatal(err)
	}
	sealed, err := k.seal(queue.MessageID{}, &content{Body: "body", DeduplicationID: "d"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(sealed)
	f.Add((&content{Body: "body"}).encode())
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := s.open(q, &queue.Message{Content: data})
		if err == nil && isSealed(data) && (c.Body != "body" || c.DeduplicationID != "d") || err != nil && bytes.Equal(data, sealed) {
			t.Errorf("opened %+v, %v", c, err)
		}
		if _, err := decodeOpened(data); err != nil && !errors.Is(err, errContent) {
			t.Errorf("%v", err)
		}
		_, _ = ReadStored(data)
	})
}

func BenchmarkSeal(b *testing.B) {
	s := newTestSealer(b)
	for _, name := range []string{"plain", "encrypted"} {
		q := &catalog.Queue{ID: 1, Attributes: catalog.Attributes{SQSManagedSSE: name == "encrypted"}}
		c := content{SenderID: "AIDAEXAMPLE", Body: strings.Repeat("x", 1024)}
		var data []byte
		b.Run("store/"+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				k, err := s.dataKey(q)
				if err != nil {
					b.Fatal(err)
				}
				if data, err = k.seal(queue.MessageID{}, &c); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("read/"+name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.open(q, &queue.Message{Content: data}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

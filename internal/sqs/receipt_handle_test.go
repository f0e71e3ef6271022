package sqs

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"testing"

	"pgregory.net/rapid"

	"github.com/staunchmq/staunch/internal/catalog"
	"github.com/staunchmq/staunch/internal/queue"
)

func TestReceiptHandleRoundTrips(t *testing.T) {
	signer := newHandleSigner([]byte("secret"))
	rapid.Check(t, func(t *rapid.T) {
		p := queue.ID(rapid.Uint64().Draw(t, "partition"))
		h := queue.Handle{
			Ref:      queue.Ref{Record: rapid.Uint64().Draw(t, "record"), Index: rapid.Uint32().Draw(t, "index")},
			Receives: rapid.Uint32().Draw(t, "receives"),
		}
		text := signer.encode(p, h)
		if len(text) > receiptHandleMax {
			t.Fatalf("the handle has %d characters", len(text))
		}
		gotP, gotH, ok := signer.decode(text)
		if !ok || gotP != p || gotH != h {
			t.Fatalf("decoded %d %+v %v, want %d %+v", gotP, gotH, ok, p, h)
		}
	})
}

func TestReceiptHandleIsNotForged(t *testing.T) {
	signer := newHandleSigner([]byte("secret"))
	text := signer.encode(7, queue.Handle{Ref: queue.Ref{Record: 3, Index: 1}, Receives: 1})
	refused := func(what, text string) {
		if _, _, ok := signer.decode(text); ok {
			t.Errorf("%s is accepted: %s", what, text)
		}
	}
	for i := range len(text) {
		other := byte('A')
		if text[i] == other {
			other = 'B'
		}
		refused("a changed character", text[:i]+string(other)+text[i+1:])
	}
	refused("nothing", "")
	refused("garbage", "garbage")
	refused("garbage of the right length", "????????????????????????????????????????????????????")
	refused("a longer handle", text+"A")
	refused("a shorter handle", text[:len(text)-1])
	refused("a handle under another secret", newHandleSigner([]byte("other")).encode(7, queue.Handle{Receives: 1}))
}

// Every receive makes another handle, and handles survive a restart: the secret is in the catalog.
func TestReceiptHandleNamesTheReceive(t *testing.T) {
	signer, same := newHandleSigner([]byte("secret")), newHandleSigner([]byte("secret"))
	first := signer.encode(7, queue.Handle{Receives: 1})
	if first == signer.encode(7, queue.Handle{Receives: 2}) {
		t.Error("two receives have the same handle")
	}
	if first != same.encode(7, queue.Handle{Receives: 1}) {
		t.Error("the handle depends on more than the secret")
	}
}

func BenchmarkReceiptHandle(b *testing.B) {
	signer := newHandleSigner([]byte("secret"))
	h := queue.Handle{Ref: queue.Ref{Record: 1 << 40, Index: 17}, Receives: 3}
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			signer.encode(7, h)
		}
	})
	text := signer.encode(7, h)
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, _, ok := signer.decode(text); !ok {
				b.Fatal("refused")
			}
		}
	})
}

// FuzzReceiptHandle: whatever a client sends, what is accepted is exactly what encode makes, also when somebody knew the secret.
func FuzzReceiptHandle(f *testing.F) {
	signer := newHandleSigner([]byte("secret"))
	for _, h := range []queue.Handle{{}, {Ref: queue.Ref{Record: 3, Index: 1}, Receives: 1}, {Ref: queue.Ref{Record: 1<<64 - 1, Index: 1<<32 - 1}, Receives: 1<<32 - 1}} {
		f.Add(signer.encode(queue.ID(h.Ref.Record), h))
	}
	f.Add(newHandleSigner([]byte("other")).encode(7, queue.Handle{Receives: 1}))
	f.Add("")
	f.Add("????????????????????????????????????????????????????")
	f.Add("AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")
	f.Fuzz(func(t *testing.T, text string) {
		if p, h, ok := signer.decode(text); ok && signer.encode(p, h) != text {
			t.Errorf("%q is accepted, and is %q", text, signer.encode(p, h))
		}
		var b handleBench
		b.mac = hmac.New(sha256.New, []byte("secret"))
		copy(b.data[:], text)
		copy(b.data[handlePayload:], b.sign())
		signed := base64.RawURLEncoding.EncodeToString(b.data[:])
		p, h, ok := signer.decode(signed)
		if ok != (b.data[0] == handleVersion) || ok && signer.encode(p, h) != signed {
			t.Errorf("signed payload %x is accepted: %t, as %d %+v", b.data[:handlePayload], ok, p, h)
		}
	})
}

// FuzzTokens: task handles and page tokens are not signed. What is accepted names a source, or a queue, and encodes again.
func FuzzTokens(f *testing.F) {
	f.Add(taskHandle{TaskID: "a", SourceARN: "arn:aws:sqs:us-east-1:000000000000:q"}.encode())
	f.Add(base64.RawURLEncoding.EncodeToString([]byte(`{"request":"3244421341483603138","after":{"account":"1","region":"r","name":"n"}}`)))
	f.Add("e30=")
	f.Add("e30")
	f.Fuzz(func(t *testing.T, text string) {
		if h, ok := decodeTaskHandle(text); ok {
			if again, ok := decodeTaskHandle(h.encode()); !ok || again != h {
				t.Errorf("task handle %+v is %+v, %t", h, again, ok)
			}
		}
		if p, err := newPage(nil, &text, "ListQueues"); (err == nil) == (p == nil) || err == nil && p.after == (catalog.Key{}) {
			t.Errorf("page %+v, %v", p, err)
		}
	})
}

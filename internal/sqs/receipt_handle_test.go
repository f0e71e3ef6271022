package sqs

import (
	"testing"

	"pgregory.net/rapid"

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

package journal_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"flag"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/staunchmq/staunch/internal/journal"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func sealed(t testing.TB, h journal.Header, changes ...string) []byte {
	t.Helper()
	b := journal.NewRecord(nil, h)
	for _, c := range changes {
		b.Add([]byte(c))
	}
	rec, err := b.Seal()
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

var example = journal.Header{
	Shard: 7, Epoch: 3, Seq: 0x0102030405060708, LogTimeMS: 1_700_000_000_123,
	Prev: journal.Sum{0xa0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0xaf},
}

// TestRecordBytes holds the format of version 1: what it reads is on disks.
func TestRecordBytes(t *testing.T) {
	golden := filepath.Join("testdata", "record-v1.hex")
	rec := sealed(t, example, "first change", "", "third")
	if *update {
		if err := os.WriteFile(golden, []byte(hex.Dump(rec)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), hex.Dump(rec)); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
}

func TestRecordComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := journal.Header{
			Shard: rapid.Uint32().Draw(t, "shard"), Epoch: rapid.Uint64().Draw(t, "epoch"),
			Seq:       journal.Seq(rapid.Uint64Min(1).Draw(t, "seq")),
			LogTimeMS: rapid.Int64().Draw(t, "time"),
			Prev:      journal.Sum(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "prev")),
		}
		want := rapid.SliceOf(rapid.SliceOf(rapid.Byte())).Draw(t, "changes")
		b := journal.NewRecord(make([]byte, 10, 100), h)
		for _, c := range want {
			if rapid.Bool().Draw(t, "discard") {
				b.Begin()
				b.Buf = append(b.Buf, "half a change"...)
				b.Discard()
			}
			b.Begin()
			b.Buf = append(b.Buf, c...)
			b.End()
		}
		if b.Changes() != len(want) {
			t.Fatalf("Changes = %d, want %d", b.Changes(), len(want))
		}
		rec, err := b.Seal()
		if err != nil {
			t.Fatal(err)
		}
		got, changes, err := journal.Parse(rec)
		if err != nil || got != h || changes.Len() != len(want) {
			t.Fatalf("Parse = %+v, %d changes, %v", got, changes.Len(), err)
		}
		for i, c := range changes.All() {
			at, ok := changes.At(i)
			if !bytes.Equal(c, want[i]) || !ok || !bytes.Equal(at, c) {
				t.Fatalf("change %d = %x and %x, want %x", i, c, at, want[i])
			}
		}
		if _, ok := changes.At(len(want)); ok {
			t.Fatal("a change more than there are")
		}
	})
}

func TestEveryFlippedBitIsSeen(t *testing.T) {
	rec := sealed(t, example, "first change", "second")
	for bit := range len(rec) * 8 {
		b := bytes.Clone(rec)
		b[bit/8] ^= 1 << (bit % 8)
		if _, _, err := journal.Parse(b); !errors.Is(err, journal.ErrDamaged) {
			t.Errorf("bit %d: %v", bit, err)
		}
	}
	for n := range rec {
		if _, _, err := journal.Parse(rec[:n]); !errors.Is(err, journal.ErrDamaged) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
	if _, _, err := journal.Parse(append(bytes.Clone(rec), 0)); !errors.Is(err, journal.ErrDamaged) {
		t.Errorf("one byte more: %v", err)
	}
}

// reseal makes the CRC right again after f has changed a record.
func reseal(rec []byte, f func(b []byte)) []byte {
	b := bytes.Clone(rec)
	f(b)
	table := crc32.MakeTable(crc32.Castagnoli)
	binary.LittleEndian.PutUint32(b[60:], crc32.Update(crc32.Checksum(b[:60], table), table, b[64:]))
	return b
}

// TestParseRefuses changes records and makes their CRC right again: then the other checks must find it.
func TestParseRefuses(t *testing.T) {
	rec := sealed(t, example, "first change", "second")
	tests := []struct {
		name   string
		change func(b []byte)
		want   error
	}{
		{"another magic", func(b []byte) { b[0] = 'X' }, journal.ErrDamaged},
		{"version 0", func(b []byte) { b[4] = 0 }, journal.ErrDamaged},
		{"version 2", func(b []byte) { b[4] = 2 }, journal.ErrNewerFormat},
		{"flags", func(b []byte) { b[6] = 1 }, journal.ErrDamaged},
		{"number 0", func(b []byte) { clear(b[24:32]) }, journal.ErrDamaged},
		{"body too long", func(b []byte) { b[56]++ }, journal.ErrDamaged},
		{"body too short", func(b []byte) { b[56]-- }, journal.ErrDamaged},
		{"a change more", func(b []byte) { b[12]++ }, journal.ErrDamaged},
		{"a change less", func(b []byte) { b[12]-- }, journal.ErrDamaged},
		{"four billion changes", func(b []byte) { copy(b[12:], "\xff\xff\xff\xff") }, journal.ErrDamaged},
		{"change too long", func(b []byte) { b[64]++ }, journal.ErrDamaged},
		{"change of 4 GiB", func(b []byte) { copy(b[64:], "\xff\xff\xff\xff") }, journal.ErrDamaged},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, _, err := journal.Parse(reseal(rec, tt.change)); !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
		})
	}
}

func TestSealRefuses(t *testing.T) {
	if _, err := journal.NewRecord(nil, journal.Header{}).Seal(); err == nil {
		t.Error("a record without a number was sealed")
	}
	b := journal.NewRecord(nil, example)
	b.Begin()
	b.Buf = append(b.Buf, make([]byte, journal.RecordBytesMax)...)
	b.End()
	if _, err := b.Seal(); err == nil {
		t.Error("a record larger than the limit was sealed")
	}
}

func TestBuilderDoesNotAllocateInAReusedBuffer(t *testing.T) {
	buf := make([]byte, 0, 4096)
	change := bytes.Repeat([]byte("x"), 100)
	var b journal.Builder
	n := testing.AllocsPerRun(100, func() {
		b.Reset(buf, example)
		for range 10 {
			b.Begin()
			b.Buf = append(b.Buf, change...)
			b.End()
		}
		rec, _ := b.Seal()
		_, changes, _ := journal.Parse(rec)
		for range changes.All() {
		}
	})
	if n != 0 {
		t.Errorf("%v allocations for building, parsing and walking a record", n)
	}
}

func TestVerify(t *testing.T) {
	first := sealed(t, journal.Header{Shard: 7, Seq: 1}, "a")
	second := sealed(t, journal.Header{Shard: 7, Seq: 2, Prev: journal.Hash(first)}, "b")
	if _, _, err := journal.Verify(journal.Sum{}, 0, first); err != nil {
		t.Errorf("first: %v", err)
	}
	if _, _, err := journal.Verify(journal.Hash(first), 1, second); err != nil {
		t.Errorf("second: %v", err)
	}
	for name, f := range map[string]func() error{
		"wrong hash":   func() error { _, _, err := journal.Verify(journal.Hash(second), 1, second); return err },
		"wrong number": func() error { _, _, err := journal.Verify(journal.Hash(first), 2, second); return err },
		"damaged":      func() error { _, _, err := journal.Verify(journal.Hash(first), 1, second[:70]); return err },
	} {
		if err := f(); !errors.Is(err, journal.ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestChain(t *testing.T) {
	h := journal.Header{Shard: 7, Seq: 1, Epoch: 5, LogTimeMS: 100}
	first := sealed(t, h, "a")
	c := journal.NewChain(7)
	if _, _, err := c.Next(first); err != nil {
		t.Fatal(err)
	}
	next := journal.Header{Shard: 7, Seq: 2, Epoch: 5, LogTimeMS: 100, Prev: journal.Hash(first)}
	for name, change := range map[string]func(h *journal.Header){
		"shard":  func(h *journal.Header) { h.Shard = 8 },
		"number": func(h *journal.Header) { h.Seq = 3 },
		"hash":   func(h *journal.Header) { h.Prev[15]++ },
		"epoch":  func(h *journal.Header) { h.Epoch = 4 },
		"time":   func(h *journal.Header) { h.LogTimeMS = 99 },
	} {
		wrong := next
		change(&wrong)
		before := c
		_, _, err := c.Next(sealed(t, wrong, "b"))
		var d *journal.DamagedError
		if !errors.As(err, &d) || d.Shard != 7 || d.Seq != 2 {
			t.Errorf("another %s: %v", name, err)
		}
		if c != before {
			t.Errorf("another %s: the chain went on", name)
		}
	}
	stored, err := journal.ParseChain(7, c.AppendTo(nil))
	if err != nil || stored != c {
		t.Errorf("stored chain = %+v, %v; want %+v", stored, err, c)
	}
	second := sealed(t, next, "b")
	for name, c := range map[string]journal.Chain{
		"itself": c, "stored": stored, "after": journal.ChainAfter(7, 1, journal.Hash(first)), "from": journal.ChainFrom(7, 2),
	} {
		if _, _, err := c.Next(second); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if hash, known := c.Hash(); c.Seq() != 2 || hash != journal.Hash(second) || !known {
			t.Errorf("%s: at record %d with hash %x, %v", name, c.Seq(), hash, known)
		}
	}
	b := c.AppendTo(nil)
	for i := range b {
		damaged := slices.Clone(b)
		damaged[i] ^= 4
		if _, err := journal.ParseChain(7, damaged); !errors.Is(err, journal.ErrDamaged) {
			t.Errorf("byte %d of a stored chain changed: %v", i, err)
		}
	}
	if _, err := journal.ParseChain(7, b[1:]); !errors.Is(err, journal.ErrDamaged) {
		t.Errorf("cut chain: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	rec := sealed(f, example, "first change", "", "third")
	f.Add(rec)
	f.Add(sealed(f, example))
	f.Add(rec[:70])
	f.Add(reseal(rec, func(b []byte) { copy(b[12:], "\xff\xff\xff\xff") }))
	f.Add(reseal(rec, func(b []byte) { copy(b[64:], "\xff\xff\xff\xff") }))
	f.Fuzz(func(t *testing.T, rec []byte) {
		try := func(rec []byte) {
			h, changes, err := journal.Parse(rec)
			if err != nil {
				return
			}
			// What can be parsed is exactly what Builder makes of it.
			b := journal.NewRecord(nil, h)
			for _, c := range changes.All() {
				b.Add(c)
			}
			again, err := b.Seal()
			if err != nil || !bytes.Equal(again, rec) {
				t.Errorf("parsed and built again: %x, %v; was %x", again, err, rec)
			}
		}
		try(rec)
		if len(rec) >= journal.HeaderBytes {
			try(reseal(rec, func([]byte) {})) // past the CRC
			try(reseal(rec, func(b []byte) {
				copy(b, "STRC\x01\x00\x00\x00")
				binary.LittleEndian.PutUint32(b[56:], uint32(len(b)-64))
			}))
		}
	})
}

func BenchmarkRecord(b *testing.B) {
	change := bytes.Repeat([]byte("x"), 1024)
	var r journal.Builder
	buf := make([]byte, 0, 256<<10)
	b.SetBytes(128 << 10)
	for b.Loop() {
		r.Reset(buf, example)
		for range 128 {
			r.Begin()
			r.Buf = append(r.Buf, change...)
			r.End()
		}
		rec, err := r.Seal()
		if err != nil {
			b.Fatal(err)
		}
		if _, _, err := journal.Parse(rec); err != nil {
			b.Fatal(err)
		}
		journal.Hash(rec)
	}
}

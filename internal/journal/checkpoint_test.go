package journal_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"

	"github.com/zeebo/xxh3"

	"github.com/staunchmq/staunch/internal/journal"
)

func checkpoint(t testing.TB, state []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	err := journal.WriteCheckpoint(&b, 7, 100, func(w io.Writer) error {
		_, err := w.Write(state)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// rehash makes the hash of a checkpoint right again after f has changed it.
func rehash(b []byte, f func(b []byte)) []byte {
	b = bytes.Clone(b)
	f(b)
	if len(b) >= 16 {
		sum := xxh3.Hash128(b[:len(b)-16]).Bytes()
		copy(b[len(b)-16:], sum[:])
	}
	return b
}

func readCheckpoint(b []byte) ([]byte, error) {
	r, err := journal.ReadCheckpoint(bytes.NewReader(b), int64(len(b)), 7, 100)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	return io.ReadAll(r)
}

func TestCheckpointRefuses(t *testing.T) {
	b := checkpoint(t, []byte("the state"))
	if state, err := readCheckpoint(b); err != nil || string(state) != "the state" {
		t.Fatalf("checkpoint = %q, %v", state, err)
	}
	tests := []struct {
		name   string
		change func(b []byte)
		want   error
	}{
		{"another magic", func(b []byte) { b[0] = 'X' }, journal.ErrDamaged},
		{"version 2", func(b []byte) { b[4] = 2 }, journal.ErrNewerFormat},
		{"flags", func(b []byte) { b[6] = 1 }, journal.ErrNewerFormat},
		{"another shard", func(b []byte) { b[8]++ }, journal.ErrDamaged},
		{"another number", func(b []byte) { b[16]++ }, journal.ErrDamaged},
		{"another length", func(b []byte) { b[len(b)-24]++ }, journal.ErrDamaged},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := readCheckpoint(rehash(b, tt.change)); !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
		})
	}
}

// FuzzReadCheckpoint looks for bytes that get past the hash and do harm behind it.
func FuzzReadCheckpoint(f *testing.F) {
	f.Add(checkpoint(f, []byte("the state")))
	f.Add(checkpoint(f, bytes.Repeat([]byte("state"), 1000)))
	f.Fuzz(func(t *testing.T, b []byte) {
		sound := rehash(b, func(b []byte) {
			if len(b) >= 56 {
				copy(b, "STCK\x01\x00\x00\x00\x07\x00\x00\x00\x00\x00\x00\x00\x64\x00\x00\x00\x00\x00\x00\x00")
				binary.LittleEndian.PutUint64(b[len(b)-24:], uint64(len(b)-32))
			}
		})
		r, err := journal.ReadCheckpoint(bytes.NewReader(sound), int64(len(sound)), 7, 100)
		if err != nil {
			return
		}
		defer func() { _ = r.Close() }()
		_, _ = io.Copy(io.Discard, io.LimitReader(r, 1<<20)) // must end, one way or the other
	})
}

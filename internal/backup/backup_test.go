package backup_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/staunchmq/staunch/internal/backup"
	"github.com/staunchmq/staunch/internal/journal"
	"github.com/staunchmq/staunch/internal/journal/journaltest"
)

// fake is a view in memory.
type fake []*fakeShard

func (f fake) Shards() int { return len(f) }

func (f fake) Shard(_ context.Context, shard uint32) (journal.ShardView, error) {
	return f[shard], f[shard].lost
}

func (f fake) Close() error { return nil }

type fakeShard struct {
	base        journal.Chain
	records     [][]byte
	checkpoints []journal.Seq
	states      map[journal.Seq][]byte // nil: damaged
	readError   error                  // in place of the last record
	firstError  error                  // in place of the first one
	lost        error                  // in place of all
}

func (s *fakeShard) Base() journal.Chain { return s.base }

func (s *fakeShard) Last() journal.Seq { return s.base.Seq() + journal.Seq(len(s.records)) }

func (s *fakeShard) Checkpoints() []journal.Seq { return s.checkpoints }

func (s *fakeShard) Load(_ context.Context, seq journal.Seq) (io.ReadCloser, error) {
	if s.states[seq] == nil {
		return nil, &journal.DamagedError{Store: "checkpoints/0/7.ckpt", Seq: seq, Reason: "checkpoint: its hash is wrong"}
	}
	return io.NopCloser(bytes.NewReader(s.states[seq])), nil
}

func (s *fakeShard) Read(ctx context.Context, from journal.Seq, fn func(journal.Seq, []byte) error) error {
	for i, rec := range s.records {
		if err := ctx.Err(); err != nil {
			return err
		}
		if i == 0 && s.firstError != nil {
			return s.firstError
		}
		if i == len(s.records)-1 && s.readError != nil {
			return s.readError
		}
		if err := fn(s.base.Seq()+journal.Seq(i)+1, rec); err != nil {
			return err
		}
	}
	return nil
}

// newFake returns a view of three shards: one with trimmed records and two checkpoints, a whole one, and
// an empty one.
func newFake(t *testing.T) fake { return newFakeOf(t, 100) }

// newFakeOf returns one whose large states and records have size bytes.
func newFakeOf(t *testing.T, size int) fake {
	t.Helper()
	w := journaltest.NewWriter(0)
	trimmed := &fakeShard{base: journal.NewChain(0), checkpoints: []journal.Seq{8, 7}}
	for range 5 {
		_, rec := w.Next(t, "gone")
		if _, _, err := trimmed.base.Next(rec); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 6 {
		_, rec := w.Next(t, fmt.Sprint("change ", i), strings.Repeat("x", size))
		trimmed.records = append(trimmed.records, rec)
	}
	trimmed.states = map[journal.Seq][]byte{8: bytes.Repeat([]byte("state 8 "), size), 7: []byte("state 7")}
	whole := &fakeShard{base: journal.NewChain(1)}
	w = journaltest.NewWriter(1)
	_, rec := w.Next(t, "first")
	whole.records = [][]byte{rec}
	return fake{trimmed, whole, {base: journal.NewChain(2)}}
}

var options = backup.WriteOptions{Created: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), Program: "test"}

func write(t *testing.T, v journal.View) []byte {
	t.Helper()
	var b bytes.Buffer
	if _, err := backup.Write(t.Context(), &b, v, options); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// read reads a whole backup as a View is read, and returns it as a fake.
func read(ctx context.Context, b []byte) (fake, error) {
	a, err := backup.Open("file", bytes.NewReader(b))
	if err != nil {
		return nil, err
	}
	defer a.Close()
	var f fake
	for i := range uint32(a.Shards()) {
		s, err := a.Shard(ctx, i)
		if err != nil {
			return nil, err
		}
		got := &fakeShard{base: s.Base(), checkpoints: s.Checkpoints()}
		for _, seq := range s.Checkpoints() {
			r, err := s.Load(ctx, seq)
			if err != nil {
				return nil, err
			}
			state, err := io.ReadAll(r)
			if err != nil {
				return nil, err
			}
			if got.states == nil {
				got.states = map[journal.Seq][]byte{}
			}
			got.states[seq] = state
		}
		if err := s.Read(ctx, 0, func(_ journal.Seq, rec []byte) error { got.records = append(got.records, bytes.Clone(rec)); return nil }); err != nil {
			return nil, err
		}
		if got.Last() != s.Last() {
			return nil, fmt.Errorf("Last = %d after records up to %d", s.Last(), got.Last())
		}
		f = append(f, got)
	}
	_, err = a.Finish(ctx)
	return f, err
}

func TestRoundTrip(t *testing.T) {
	want := newFakeOf(t, 1_000_000) // more than a part
	got, err := read(t.Context(), write(t, want))
	if err != nil {
		t.Fatal(err)
	}
	same := cmp.Options{cmp.AllowUnexported(fakeShard{}), cmp.Comparer(bytes.Equal), cmp.Comparer(func(a, b journal.Chain) bool { return bytes.Equal(a.AppendTo(nil), b.AppendTo(nil)) })}
	if !cmp.Equal(want, got, same) {
		t.Error("what was read is not what was written")
	}
	a, err := backup.Open("file", bytes.NewReader(write(t, want)))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	h := a.Header()
	if !h.Created.Equal(options.Created.Truncate(time.Second)) || h.Program != "test" || h.Records() != 7 {
		t.Errorf("header %+v", h)
	}
	records := 0
	m, err := a.ReadAll(t.Context(), func(n int) { records += n })
	if err != nil || records != 7 || m.Shards[0].Records != 6 || len(m.Shards[0].Checkpoints) != 2 {
		t.Errorf("%d records, manifest %+v, %v", records, m, err)
	}
}

func TestWhatIsReadTwiceIsRefused(t *testing.T) {
	a, err := backup.Open("file", bytes.NewReader(write(t, newFake(t))))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if _, err := a.Shard(t.Context(), 1); err != nil {
		t.Errorf("passing over a shard: %v", err)
	}
	if _, err := a.Shard(t.Context(), 0); err == nil {
		t.Error("a shard behind the reader was found")
	}
}

// TestCutOffIsFound cuts a backup at many places.
func TestCutOffIsFound(t *testing.T) {
	b := write(t, newFake(t))
	for n := 0; n < len(b); n += 1 + n/20 {
		if _, err := read(t.Context(), b[:n]); !errors.Is(err, backup.ErrIncomplete) {
			t.Errorf("%d of %d bytes: %v", n, len(b), err)
		}
	}
}

// TestDamageIsFound changes each byte, or drops it.
func TestDamageIsFound(t *testing.T) {
	v := newFake(t)[1:2]
	v[0].base = journal.NewChain(0)
	w := journaltest.NewWriter(0)
	_, rec := w.Next(t, "first")
	v[0].records = [][]byte{rec}
	b := write(t, v)
	for i := range b {
		for name, change := range map[string]func([]byte) []byte{
			"flipped": func(b []byte) []byte { b[i] ^= 0x10; return b },
			"dropped": func(b []byte) []byte { return append(b[:i], b[i+1:]...) },
		} {
			if _, err := read(t.Context(), change(bytes.Clone(b))); err == nil && !sameContent(t, b, change(bytes.Clone(b))) {
				t.Errorf("byte %d %s: nothing was found", i, name)
			}
		}
	}
}

// sameContent reports whether both decompress to the same, in which case a changed byte meant nothing.
func sameContent(t *testing.T, a, b []byte) bool {
	t.Helper()
	d, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	first, err := d.DecodeAll(a, nil)
	if err != nil {
		t.Fatal(err)
	}
	second, err := d.DecodeAll(b, nil)
	return err == nil && bytes.Equal(first, second)
}

// TestHashCoversEverything changes the archive behind the checksums of the compression.
func TestHashCoversEverything(t *testing.T) {
	b := recompress(t, write(t, newFake(t)), func(b []byte) []byte {
		i := bytes.Index(b, []byte("state 7"))
		b[i] = 'S'
		return b
	})
	if _, err := read(t.Context(), b); !errors.Is(err, journal.ErrDamaged) || !strings.Contains(err.Error(), "its entries have the hash") {
		t.Errorf("read: %v", err)
	}
}

func TestNewerFormatIsRefused(t *testing.T) {
	b := recompress(t, write(t, newFake(t)), func(b []byte) []byte {
		return bytes.Replace(b, []byte(`"format": 1`), []byte(`"format": 2`), 1)
	})
	if _, err := read(t.Context(), b); !errors.Is(err, journal.ErrNewerFormat) {
		t.Errorf("read: %v", err)
	}
}

func recompress(t *testing.T, b []byte, change func([]byte) []byte) []byte {
	t.Helper()
	d, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	plain, err := d.DecodeAll(b, nil)
	if err != nil {
		t.Fatal(err)
	}
	e, err := zstd.NewWriter(nil, zstd.WithWindowSize(1<<20))
	if err != nil {
		t.Fatal(err)
	}
	return e.EncodeAll(change(plain), nil)
}

func TestOtherFilesAreRefused(t *testing.T) {
	for _, content := range []string{"hello, this is a text and not a backup", "\x28\xb5\x2f\xfd\x04\x00\x01\x00\x00"} {
		if _, err := read(t.Context(), []byte(content)); err == nil {
			t.Errorf("%q was read", content)
		}
	}
}

func TestDamagedCheckpointIsLeftOut(t *testing.T) {
	v := newFake(t)
	v[0].states[8] = nil
	var b bytes.Buffer
	m, err := backup.Write(t.Context(), &b, v, options)
	if err != nil || !strings.Contains(m.Shards[0].Checkpoints[0].Damaged, "its hash is wrong") {
		t.Fatalf("manifest %+v, %v", m, err)
	}
	if _, err := read(t.Context(), b.Bytes()); !errors.Is(err, journal.ErrDamaged) || !strings.Contains(err.Error(), "checkpoints/0/7.ckpt") {
		t.Errorf("Load of the damaged one: %v", err)
	}
	// Without the other one there is no state.
	v[0].states[7] = nil
	b.Reset()
	if _, err := backup.Write(t.Context(), &b, v, options); !errors.Is(err, journal.ErrDamaged) {
		t.Errorf("Write without a checkpoint: %v", err)
	}
	said, end := readDamaged(t, b.Bytes())
	if want := "shard 0: 6 records; shard 1: 1 records; shard 2: 0 records; "; said != want {
		t.Errorf("without a checkpoint there is %q, want %q", said, want)
	}
	if !errors.Is(end, backup.ErrFailed) || !errors.Is(end, journal.ErrDamaged) || !strings.Contains(end.Error(), "no sound checkpoint") {
		t.Errorf("Finish: %v", end)
	}
}

// readDamaged reads a backup as a check does: what is wrong with one shard does not end it. It says what was in each shard, and how
// the backup ends.
func readDamaged(t *testing.T, b []byte) (said string, end error) {
	t.Helper()
	a, err := backup.Open("file", bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	wrong := func(err error) {
		if errors.Is(err, backup.ErrFailed) {
			said += "given up; "
			return
		}
		if !errors.Is(err, journal.ErrDamaged) {
			t.Fatal(err)
		}
		said += err.Error() + "; "
	}
	for i := range uint32(a.Shards()) {
		s, err := a.Shard(t.Context(), i)
		if err != nil {
			wrong(err)
			continue
		}
		for _, seq := range s.Checkpoints() {
			r, err := s.Load(t.Context(), seq)
			if errors.Is(err, journal.ErrDamaged) {
				continue
			}
			if err == nil {
				_, err = io.ReadAll(r)
			}
			if err != nil {
				wrong(err)
			}
		}
		records := 0
		err = s.Read(t.Context(), 0, func(journal.Seq, []byte) error { records++; return nil })
		said += fmt.Sprintf("shard %d: %d records; ", i, records)
		if err != nil {
			wrong(err)
		}
	}
	_, end = a.Finish(t.Context())
	return said, end
}

// TestDamagedShardLeavesTheOthers: each shard says for itself what is wrong with it, and the whole is no backup.
func TestDamagedShardLeavesTheOthers(t *testing.T) {
	damaged := func(shard uint32, seq journal.Seq) error {
		return &journal.DamagedError{Store: "data/journal", Shard: shard, Seq: seq, Reason: "a block is damaged"}
	}
	const (
		first  = "data/journal is damaged at record 11 of shard 0: a block is damaged; "
		second = "data/journal is damaged at record 1 of shard 1: a block is damaged; "
		third  = "data/journal is damaged at record 5 of shard 2: a block is damaged; "
	)
	for _, tt := range []struct {
		name   string
		change func(v fake)
		want   string
		end    string
	}{
		{"records of the first", func(v fake) { v[0].readError = damaged(0, 11) },
			"shard 0: 5 records; " + first + "shard 1: 1 records; shard 2: 0 records; shard 3: 1 records; ", "record 11 of shard 0"},
		{"all records of the first", func(v fake) { v[0].firstError = damaged(0, 11) },
			"shard 0: 0 records; " + first + "shard 1: 1 records; shard 2: 0 records; shard 3: 1 records; ", "record 11 of shard 0"},
		{"records of two", func(v fake) { v[0].readError, v[1].readError = damaged(0, 11), damaged(1, 1) },
			"shard 0: 5 records; " + first + "shard 1: 0 records; " + second + "shard 2: 0 records; shard 3: 1 records; ", "record 1 of shard 1"},
		{"all of two", func(v fake) { v[0].lost, v[2].lost = damaged(0, 11), damaged(2, 5) },
			first + "shard 1: 1 records; " + third + "shard 3: 1 records; ", "record 5 of shard 2"},
		{"a disk that cannot be read behind it", func(v fake) { v[0].readError, v[1].readError = damaged(0, 11), errors.New("input/output error") },
			"shard 0: 5 records; " + first + "shard 1: 0 records; given up; given up; given up; ", "input/output error"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := append(newFakeOf(t, 1_000_000), newFake(t)[1])
			v[3].base = journal.NewChain(3)
			w := journaltest.NewWriter(3)
			_, rec := w.Next(t, "first")
			v[3].records = [][]byte{rec}
			tt.change(v)
			var b bytes.Buffer
			if _, err := backup.Write(t.Context(), &b, v, options); !errors.Is(err, journal.ErrDamaged) {
				t.Errorf("Write: %v", err)
			}
			said, end := readDamaged(t, b.Bytes())
			if said != tt.want {
				t.Errorf("there is %q, want %q", said, tt.want)
			}
			if !errors.Is(end, backup.ErrFailed) || !strings.Contains(end.Error(), tt.end) {
				t.Errorf("Finish: %v", end)
			}
			if onlyDamage := !strings.Contains(tt.end, "output"); errors.Is(end, journal.ErrDamaged) != onlyDamage {
				t.Errorf("Finish says of damage: %v", end)
			}
			a, err := backup.Open("file", bytes.NewReader(b.Bytes()))
			if err != nil {
				t.Fatal(err)
			}
			defer a.Close()
			if _, err := a.ReadAll(t.Context(), nil); !errors.Is(err, journal.ErrDamaged) {
				t.Errorf("ReadAll: %v", err)
			}
		})
	}
}

func TestDamagedFilesOfTheSourceAreNoted(t *testing.T) {
	o := options
	o.DamagedFiles = []error{&journal.DamagedError{Store: "data/FORMAT", Reason: "the file is missing"}}
	var b bytes.Buffer
	if _, err := backup.Write(t.Context(), &b, newFake(t), o); err != nil {
		t.Fatal(err)
	}
	a, err := backup.Open("file", bytes.NewReader(b.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if got := a.Header().DamagedFiles; len(got) != 1 || got[0] != "data/FORMAT is damaged: the file is missing" {
		t.Errorf("the header has %q", got)
	}
	if _, err := a.ReadAll(t.Context(), nil); err != nil {
		t.Errorf("ReadAll: %v", err)
	}
}

func TestWriteEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var b bytes.Buffer
	if _, err := backup.Write(ctx, &b, newFake(t), options); !errors.Is(err, context.Canceled) {
		t.Errorf("Write: %v", err)
	}
	full := errors.New("no space left")
	if _, err := backup.Write(t.Context(), failing{full}, newFake(t), options); !errors.Is(err, full) {
		t.Errorf("Write to a full disk: %v", err)
	}
	if _, err := backup.Open("file", iotestReader{full}); !errors.Is(err, full) {
		t.Errorf("Open of what cannot be read: %v", err)
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

type iotestReader struct{ err error }

func (r iotestReader) Read([]byte) (int, error) { return 0, r.err }

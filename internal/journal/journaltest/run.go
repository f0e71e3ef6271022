package journaltest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/staunchmq/staunch/internal/journal"
)

// Shard is the shard whose journal a Harness holds.
const Shard = 3

// Harness is one stored journal under test. It is empty at first.
type Harness interface {
	// Open opens the journal. The suite closes it before it opens it again.
	Open() (journal.Journal, error)

	// Alter replaces a stored record by what f returns, nil to remove it. The journal is closed.
	Alter(t *testing.T, seq journal.Seq, f func([]byte) []byte)

	// AlterCheckpoint replaces the stored bytes of a checkpoint by what f returns. The journal is closed.
	AlterCheckpoint(t *testing.T, seq journal.Seq, f func([]byte) []byte)
}

// Run runs the suite. New returns a new Harness for each test.
func Run(t *testing.T, newHarness func(t *testing.T) Harness) {
	tests := []struct {
		name string
		test func(t *testing.T, s *suite)
	}{
		{"EmptyJournal", testEmpty},
		{"RecordsComeBackInOrder", testOrder},
		{"PipelinedAppendsKeepTheirOrder", testPipeline},
		{"AppendBehindTheTailIsAConflict", testConflict},
		{"AppendAfterAnotherRecordIsAConflict", testConflictByHash},
		{"AppendOfAWrongRecordIsInvalid", testInvalid},
		{"FailureOfOneFailsThoseBehindIt", testFailureSpreads},
		{"RecordsSurviveReopening", testReopen},
		{"ReadFromTheMiddle", testReadMiddle},
		{"ReadStopsAtAnError", testReadStops},
		{"TrimRemovesAPrefix", testTrim},
		{"TrimOfEverythingKeepsTheNumbers", testTrimAll},
		{"FlippedBitIsFound", testFlippedBit},
		{"FlippedBitInTheNewestIsFound", testFlippedNewest},
		{"GapIsFound", testGap},
		{"ForeignRecordIsFound", testForeign},
		{"RewrittenHistoryIsFound", testRewritten},
		{"DamageDoesNotHinderTrim", testTrimDamaged},
		{"GetWhileAppending", testConcurrent},
		{"ClosedJournalRefuses", testClosed},
		{"CheckpointsAreSavedAndLoaded", testCheckpoint},
		{"TwoCheckpointsAreKept", testCheckpointsKept},
		{"DamagedCheckpointIsReported", testCheckpointDamaged},
		{"InterruptedCheckpointLeavesNothing", testCheckpointInterrupted},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &suite{t: t, harness: newHarness(t), w: NewWriter(Shard)}
			t.Cleanup(func() {
				if s.j != nil {
					_ = s.j.Close()
				}
			})
			tt.test(t, s)
		})
	}
}

// suite is what one test works with.
type suite struct {
	t       *testing.T
	harness Harness
	j       journal.Journal // open, or nil
	w       Writer
	records [][]byte // all that were appended; number n is at n-1
}

func (s *suite) open() journal.Journal {
	s.t.Helper()
	s.close()
	j, err := s.harness.Open()
	if err != nil {
		s.t.Fatalf("open: %v", err)
	}
	s.j = j
	return j
}

func (s *suite) close() {
	s.t.Helper()
	if s.j != nil {
		if err := s.j.Close(); err != nil {
			s.t.Fatalf("close: %v", err)
		}
		s.j = nil
	}
}

// fill appends n records and waits for them.
func (s *suite) fill(n int) {
	s.t.Helper()
	for range n {
		expect, rec := s.w.Next(s.t, fmt.Sprintf("change of record %d", len(s.records)+1), "another")
		s.records = append(s.records, rec)
		if err := s.j.Append(expect, rec).Wait(); err != nil {
			s.t.Fatalf("append record %d: %v", expect+1, err)
		}
	}
}

func (s *suite) wantTail(first, last journal.Seq) {
	s.t.Helper()
	f, l, err := s.j.Tail(context.Background())
	if err != nil || f != first || l != last {
		s.t.Fatalf("Tail = %d, %d, %v; want %d, %d", f, l, err, first, last)
	}
}

// wantRead checks that reading from from gives the records from there on.
func (s *suite) wantRead(from journal.Seq) {
	s.t.Helper()
	got, err := s.read(from)
	if err != nil {
		s.t.Fatalf("Read(%d): %v", from, err)
	}
	if diff := cmp.Diff(s.records[from-1:], got); diff != "" {
		s.t.Fatalf("Read(%d) (-want +got):\n%s", from, diff)
	}
}

func (s *suite) read(from journal.Seq) (recs [][]byte, err error) {
	next := from
	err = s.j.Read(context.Background(), from, func(seq journal.Seq, rec []byte) error {
		if seq != next {
			s.t.Fatalf("Read gives record %d, want %d", seq, next)
		}
		next++
		recs = append(recs, bytes.Clone(rec))
		return nil
	})
	return recs, err
}

func wantError(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: error %v, want %v", what, err, want)
	}
}

// wantDamage checks that err says that record seq of Shard is damaged.
func wantDamage(t *testing.T, what string, err error, seq journal.Seq) {
	t.Helper()
	var d *journal.DamagedError
	if !errors.As(err, &d) || !errors.Is(err, journal.ErrDamaged) {
		t.Fatalf("%s: error %v, want damage", what, err)
	}
	if d.Shard != Shard || d.Seq != seq || d.Reason == "" {
		t.Errorf("%s: damage %+v, want shard %d, record %d, and a reason", what, d, Shard, seq)
	}
}

func flip(bit int) func([]byte) []byte {
	return func(b []byte) []byte {
		b[bit/8] ^= 1 << (bit % 8)
		return b
	}
}

func testEmpty(t *testing.T, s *suite) {
	j := s.open()
	s.wantTail(1, 0)
	if recs, err := s.read(1); err != nil || len(recs) != 0 {
		t.Errorf("Read(1) = %d records, %v; want none", len(recs), err)
	}
	_, err := s.read(2)
	wantError(t, "Read(2)", err, journal.ErrNotFound)
	_, err = j.Get(context.Background(), 1)
	wantError(t, "Get(1)", err, journal.ErrNotFound)
	_, err = j.Get(context.Background(), 0)
	wantError(t, "Get(0)", err, journal.ErrTrimmed)
	wantError(t, "Trim(1)", j.Trim(context.Background(), 1), journal.ErrNotFound)
	if err := j.Trim(context.Background(), 0); err != nil {
		t.Errorf("Trim(0): %v", err)
	}
	s.open()
	s.wantTail(1, 0)
}

func testOrder(t *testing.T, s *suite) {
	j := s.open()
	s.fill(20)
	s.wantTail(1, 20)
	s.wantRead(1)
	for i, want := range s.records {
		got, err := j.Get(context.Background(), journal.Seq(i+1))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("Get(%d) = %d bytes, %v; want the record", i+1, len(got), err)
		}
	}
}

func testPipeline(t *testing.T, s *suite) {
	j := s.open()
	const n = 50
	var pending []journal.Pending
	for range n {
		expect, rec := s.w.Next(t, strings.Repeat("x", 1000))
		s.records = append(s.records, rec)
		pending = append(pending, j.Append(expect, rec))
	}
	// In any order, from any goroutine, more than once.
	var wg sync.WaitGroup
	for _, p := range slices.Backward(pending) {
		wg.Go(func() {
			for range 2 {
				if err := p.Wait(); err != nil {
					t.Errorf("Wait: %v", err)
				}
			}
		})
	}
	wg.Wait()
	s.wantTail(1, n)
	s.wantRead(1)
	s.open()
	s.wantRead(1)
}

func testConflict(t *testing.T, s *suite) {
	j := s.open()
	s.fill(1)
	stale := s.w
	s.fill(2)
	expect, rec := stale.Next(t, "stale")
	wantError(t, "Append of record 2 again", j.Append(expect, rec).Wait(), journal.ErrConflict)
	s.wantTail(1, 3)
	s.fill(1)
	s.wantRead(1)
}

func testConflictByHash(t *testing.T, s *suite) {
	j := s.open()
	s.fill(1)
	stale := s.w
	s.fill(1)
	stale.Next(t, "what the other owner takes for record 2")
	expect, rec := stale.Next(t, "stale")
	if expect != 2 {
		t.Fatalf("the test is wrong: %d", expect)
	}
	wantError(t, "Append after another record 2", j.Append(expect, rec).Wait(), journal.ErrConflict)
	s.wantTail(1, 2)
	s.fill(1)
	s.wantRead(1)
}

func testInvalid(t *testing.T, s *suite) {
	j := s.open()
	s.w.Header.Epoch = 5
	s.fill(3)
	next := func(change func(h *journal.Header)) []byte {
		h := s.w.Header
		h.Seq++
		change(&h)
		rec, err := journal.NewRecord(nil, h).Seal()
		if err != nil {
			t.Fatal(err)
		}
		return rec
	}
	good := next(func(*journal.Header) {})
	for name, rec := range map[string][]byte{
		"nothing":               nil,
		"garbage":               bytes.Repeat([]byte("garbage "), 20),
		"flipped bit":           flip(300)(bytes.Clone(good)),
		"cut":                   good[:len(good)-1],
		"other shard":           next(func(h *journal.Header) { h.Shard++ }),
		"other number":          next(func(h *journal.Header) { h.Seq++ }),
		"older epoch":           next(func(h *journal.Header) { h.Epoch-- }),
		"log time running back": next(func(h *journal.Header) { h.LogTimeMS-- }),
	} {
		wantError(t, name, j.Append(3, rec).Wait(), journal.ErrInvalid)
	}
	beyond := next(func(h *journal.Header) { h.Seq += 2 })
	if err := j.Append(5, beyond).Wait(); err == nil {
		t.Error("append beyond the tail: no error")
	}
	s.wantTail(1, 3)
	s.fill(1) // none of that hurts
	s.wantRead(1)
}

func testFailureSpreads(t *testing.T, s *suite) {
	j := s.open()
	s.fill(2)
	before := s.w
	expect, rec := s.w.Next(t, "damaged before it is appended")
	rec = flip(300)(bytes.Clone(rec))
	pending := []journal.Pending{j.Append(expect, rec)}
	for range 3 {
		pending = append(pending, j.Append(s.w.Next(t, "behind it")))
	}
	for i, p := range pending {
		wantError(t, fmt.Sprintf("append %d", i), p.Wait(), journal.ErrInvalid)
	}
	s.wantTail(1, 2)
	s.w = before
	s.fill(3)
	s.wantRead(1)
}

func testReopen(t *testing.T, s *suite) {
	s.open()
	for i := range 4 {
		s.fill(3)
		s.open()
		s.wantTail(1, journal.Seq(3*(i+1)))
		s.wantRead(1)
	}
}

func testReadMiddle(t *testing.T, s *suite) {
	s.open()
	s.fill(6)
	for from := journal.Seq(1); from <= 6; from++ {
		s.wantRead(from)
	}
	if recs, err := s.read(7); err != nil || len(recs) != 0 {
		t.Errorf("Read(7) = %d records, %v; want none", len(recs), err)
	}
	_, err := s.read(8)
	wantError(t, "Read(8)", err, journal.ErrNotFound)
	_, err = s.read(0)
	wantError(t, "Read(0)", err, journal.ErrTrimmed)
}

func testReadStops(t *testing.T, s *suite) {
	j := s.open()
	s.fill(6)
	stop := errors.New("stop")
	n := 0
	err := j.Read(context.Background(), 1, func(seq journal.Seq, rec []byte) error {
		// The journal may be used meanwhile.
		if _, err := j.Get(context.Background(), seq); err != nil {
			t.Errorf("Get(%d) in Read: %v", seq, err)
		}
		if n++; seq == 3 {
			return stop
		}
		return nil
	})
	if err != stop || n != 3 {
		t.Errorf("Read = %v after %d records, want the callback's error after 3", err, n)
	}
	ctx, cancel := context.WithCancel(context.Background())
	n = 0
	err = j.Read(ctx, 1, func(journal.Seq, []byte) error { cancel(); n++; return nil })
	if !errors.Is(err, context.Canceled) || n != 1 {
		t.Errorf("Read with a cancelled context = %v after %d records", err, n)
	}
}

func testTrim(t *testing.T, s *suite) {
	s.open()
	s.fill(10)
	for _, upTo := range []journal.Seq{1, 4, 4, 2, 7} {
		if err := s.j.Trim(context.Background(), upTo); err != nil {
			t.Fatalf("Trim(%d): %v", upTo, err)
		}
	}
	for range 2 { // before and after reopening
		s.wantTail(8, 10)
		s.wantRead(8)
		s.wantRead(9)
		for _, seq := range []journal.Seq{1, 7} {
			_, err := s.j.Get(context.Background(), seq)
			wantError(t, fmt.Sprintf("Get(%d)", seq), err, journal.ErrTrimmed)
			_, err = s.read(seq)
			wantError(t, fmt.Sprintf("Read(%d)", seq), err, journal.ErrTrimmed)
		}
		wantError(t, "Trim(11)", s.j.Trim(context.Background(), 11), journal.ErrNotFound)
		s.open()
	}
	s.fill(2)
	s.wantRead(8)
}

func testTrimAll(t *testing.T, s *suite) {
	s.open()
	s.fill(5)
	if err := s.j.Trim(context.Background(), 5); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		s.wantTail(6, 5)
		if recs, err := s.read(6); err != nil || len(recs) != 0 {
			t.Errorf("Read(6) = %d records, %v; want none", len(recs), err)
		}
		_, err := s.read(7)
		wantError(t, "Read(7)", err, journal.ErrNotFound)
		s.open()
	}
	// What was trimmed still counts for what comes next.
	stale := NewWriter(Shard)
	expect, rec := stale.Next(t, "a new beginning")
	wantError(t, "Append of record 1 again", s.j.Append(expect, rec).Wait(), journal.ErrConflict)
	wrong := s.w
	wrong.Header.Prev[0] ^= 1
	expect, rec = wrong.Next(t, "after another record 5")
	wantError(t, "Append after another record 5", s.j.Append(expect, rec).Wait(), journal.ErrConflict)
	s.fill(2)
	s.open()
	s.wantTail(6, 7)
	s.wantRead(6)
}

// testFlippedBit flips bits all over a record in the middle: Get of it and every Read that comes across it must say so.
func testFlippedBit(t *testing.T, s *suite) {
	s.open()
	s.fill(5)
	bits := len(s.records[2]) * 8
	for bit := 0; bit < bits; bit += 37 {
		s.close()
		s.harness.Alter(t, 3, flip(bit))
		s.open()
		what := fmt.Sprintf("bit %d", bit)
		_, err := s.j.Get(context.Background(), 3)
		wantDamage(t, what+": Get(3)", err, 3)
		for from := journal.Seq(1); from <= 3; from++ {
			recs, err := s.read(from)
			wantDamage(t, what+": Read", err, 3)
			if len(recs) != int(3-from) {
				t.Errorf("%s: Read(%d) gave %d records", what, from, len(recs))
			}
		}
		s.wantRead(4) // was not asked for the damaged one
		if _, err := s.j.Get(context.Background(), 4); err != nil {
			t.Errorf("%s: Get(4): %v", what, err)
		}
		s.close()
		s.harness.Alter(t, 3, flip(bit))
	}
	s.open()
	s.wantRead(1)
}

func testFlippedNewest(t *testing.T, s *suite) {
	s.open()
	s.fill(5)
	s.close()
	s.harness.Alter(t, 5, flip(450))
	j, err := s.harness.Open()
	if err == nil {
		s.j = j
		_, err = s.read(1)
	}
	wantDamage(t, "Open or Read", err, 5)
}

func testGap(t *testing.T, s *suite) {
	s.open()
	s.fill(5)
	s.close()
	s.harness.Alter(t, 3, func([]byte) []byte { return nil })
	s.open()
	_, err := s.read(1)
	wantDamage(t, "Read(1)", err, 3)
	_, err = s.read(3)
	wantDamage(t, "Read(3)", err, 3)
	_, err = s.j.Get(context.Background(), 3)
	wantDamage(t, "Get(3)", err, 3)
	s.wantRead(4)
}

func testForeign(t *testing.T, s *suite) {
	s.open()
	s.fill(5)
	s.close()
	foreign := NewWriter(Shard + 1)
	foreign.Header = s.w.Header
	foreign.Header.Shard, foreign.Header.Seq = Shard+1, 2
	_, other := foreign.Next(t, "of another shard")
	s.harness.Alter(t, 3, func([]byte) []byte { return other })
	s.harness.Alter(t, 4, func([]byte) []byte { return s.records[1] })
	s.open()
	_, err := s.j.Get(context.Background(), 3)
	wantDamage(t, "Get of another shard's record", err, 3)
	_, err = s.j.Get(context.Background(), 4)
	wantDamage(t, "Get of another record", err, 4)
	_, err = s.read(1)
	wantDamage(t, "Read", err, 3)
}

// testRewritten replaces a record by a sound one of the same number: only the chain can tell.
func testRewritten(t *testing.T, s *suite) {
	s.open()
	s.fill(2)
	other := s.w
	s.fill(3)
	_, rewritten := other.Next(t, "another record 3")
	s.close()
	s.harness.Alter(t, 3, func([]byte) []byte { return rewritten })
	s.open()
	if _, err := s.j.Get(context.Background(), 3); err != nil {
		t.Errorf("Get looks at one record only, but: %v", err)
	}
	_, err := s.read(1)
	wantDamage(t, "Read(1)", err, 4)
	_, err = s.read(4)
	wantDamage(t, "Read(4)", err, 4)
}

func testTrimDamaged(t *testing.T, s *suite) {
	s.open()
	s.fill(5)
	s.close()
	s.harness.Alter(t, 3, flip(450))
	s.open()
	if err := s.j.Trim(context.Background(), 3); err != nil {
		t.Fatalf("Trim: %v", err)
	}
	s.wantRead(4)
	s.open()
	s.wantTail(4, 5)
	s.wantRead(4)
	s.fill(2)
	s.wantRead(4)
}

func testConcurrent(t *testing.T, s *suite) {
	j := s.open()
	const n = 200
	ctx := context.Background()
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				first, last, err := j.Tail(ctx)
				if err != nil || first > last+1 {
					t.Errorf("Tail = %d, %d, %v", first, last, err)
					return
				}
				for _, seq := range []journal.Seq{first, last} {
					rec, err := j.Get(ctx, seq)
					if errors.Is(err, journal.ErrTrimmed) || errors.Is(err, journal.ErrNotFound) {
						continue
					}
					if err != nil {
						t.Errorf("Get(%d): %v", seq, err)
						return
					}
					if h, _, err := journal.Parse(rec); err != nil || h.Seq != seq {
						t.Errorf("Get(%d) = record %d, %v", seq, h.Seq, err)
					}
				}
				err = j.Read(ctx, first, func(journal.Seq, []byte) error { return nil })
				if err != nil && !errors.Is(err, journal.ErrTrimmed) {
					t.Errorf("Read(%d): %v", first, err)
					return
				}
			}
		})
	}
	for i := range n {
		s.fill(1)
		if i%20 == 19 {
			if err := j.Trim(ctx, journal.Seq(i-10)); err != nil {
				t.Errorf("Trim: %v", err)
			}
		}
	}
	close(stop)
	wg.Wait()
	s.wantTail(190, n)
	s.wantRead(190)
}

func testClosed(t *testing.T, s *suite) {
	j := s.open()
	s.fill(2)
	expect, rec := s.w.Next(t, "in flight while it is closed")
	p := j.Append(expect, rec)
	for range 2 {
		if err := j.Close(); err != nil {
			t.Fatalf("Close: %v", err)
		}
	}
	if err := p.Wait(); err != nil {
		t.Errorf("append that was started before Close: %v", err)
	}
	s.records = append(s.records, rec)
	ctx := context.Background()
	_, _, err := j.Tail(ctx)
	wantError(t, "Tail", err, journal.ErrClosed)
	_, err = j.Get(ctx, 1)
	wantError(t, "Get", err, journal.ErrClosed)
	wantError(t, "Read", j.Read(ctx, 1, nil), journal.ErrClosed)
	wantError(t, "Trim", j.Trim(ctx, 1), journal.ErrClosed)
	wantError(t, "Append", j.Append(s.w.Next(t)).Wait(), journal.ErrClosed)
	s.j = nil
	s.open()
	s.wantTail(1, 3)
	s.wantRead(1)
}

// save stores a checkpoint whose state is text.
func (s *suite) save(seq journal.Seq, text string) {
	s.t.Helper()
	err := s.j.Checkpoints().Save(context.Background(), seq, func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	})
	if err != nil {
		s.t.Fatalf("Save(%d): %v", seq, err)
	}
}

func (s *suite) load(seq journal.Seq) (string, error) {
	r, err := s.j.Checkpoints().Load(context.Background(), seq)
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(r)
	if err != nil {
		s.t.Fatalf("Load(%d) gave a reader that fails: %v", seq, err)
	}
	if err := r.Close(); err != nil {
		s.t.Fatalf("Load(%d): close: %v", seq, err)
	}
	return string(text), nil
}

func (s *suite) wantList(want ...journal.Seq) {
	s.t.Helper()
	got, err := s.j.Checkpoints().List(context.Background())
	if err != nil || !slices.Equal(got, want) {
		s.t.Fatalf("List = %v, %v; want %v", got, err, want)
	}
}

func testCheckpoint(t *testing.T, s *suite) {
	s.open()
	s.wantList()
	_, err := s.load(1)
	wantError(t, "Load of none", err, journal.ErrNotFound)
	long := strings.Repeat("a state of some size, ", 200_000)
	for seq, text := range map[journal.Seq]string{7: long, 9: ""} {
		s.save(seq, text)
		if got, err := s.load(seq); err != nil || got != text {
			t.Errorf("Load(%d) = %d bytes, %v; want %d", seq, len(got), err, len(text))
		}
	}
	s.save(9, "again")
	s.open()
	s.wantList(9, 7)
	if got, err := s.load(9); err != nil || got != "again" {
		t.Errorf("Load(9) = %q, %v", got, err)
	}
	if got, err := s.load(7); err != nil || got != long {
		t.Errorf("Load(7) = %d bytes, %v", len(got), err)
	}
	err = s.j.Checkpoints().Save(context.Background(), 0, func(io.Writer) error { return nil })
	wantError(t, "Save(0)", err, journal.ErrInvalid)
}

func testCheckpointsKept(t *testing.T, s *suite) {
	s.open()
	s.save(10, "ten")
	s.save(20, "twenty")
	r, err := s.j.Checkpoints().Load(context.Background(), 10)
	if err != nil {
		t.Fatal(err)
	}
	s.save(30, "thirty")
	s.wantList(30, 20)
	if text, err := io.ReadAll(r); err != nil || string(text) != "ten" {
		t.Errorf("reading a checkpoint that is removed meanwhile: %q, %v", text, err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	_, err = s.load(10)
	wantError(t, "Load(10)", err, journal.ErrNotFound)
	s.save(5, "older than both")
	s.wantList(30, 20)
}

func testCheckpointDamaged(t *testing.T, s *suite) {
	state := strings.Repeat("state ", 100)
	alter := map[string]func([]byte) []byte{
		"cut":    func(b []byte) []byte { return b[:len(b)-1] },
		"empty":  func(b []byte) []byte { return nil },
		"other":  func(b []byte) []byte { return bytes.Repeat([]byte("x"), len(b)) },
		"longer": func(b []byte) []byte { return append(b, 0) },
	}
	size := 0
	s.open()
	s.save(10, "ten")
	s.save(20, state)
	s.close()
	s.harness.AlterCheckpoint(t, 20, func(b []byte) []byte { size = len(b); return b })
	for bit := 0; bit < size*8; bit += 41 {
		alter[fmt.Sprintf("bit %d", bit)] = flip(bit)
	}
	for name, f := range alter {
		s.open()
		s.save(20, state)
		s.close()
		s.harness.AlterCheckpoint(t, 20, f)
		s.open()
		s.wantList(20, 10)
		_, err := s.load(20)
		wantDamage(t, name, err, 20)
		if got, err := s.load(10); err != nil || got != "ten" {
			t.Errorf("%s: the older one: %q, %v", name, got, err)
		}
	}
}

func testCheckpointInterrupted(t *testing.T, s *suite) {
	s.open()
	s.save(10, "ten")
	broken := errors.New("the state cannot be written")
	err := s.j.Checkpoints().Save(context.Background(), 20, func(w io.Writer) error {
		if _, err := io.WriteString(w, strings.Repeat("half a state", 100_000)); err != nil {
			return err
		}
		return broken
	})
	wantError(t, "Save that fails", err, broken)
	ctx, cancel := context.WithCancel(context.Background())
	err = s.j.Checkpoints().Save(ctx, 20, func(w io.Writer) error {
		cancel()
		_, err := io.WriteString(w, "too late")
		return err
	})
	wantError(t, "Save that is cancelled", err, context.Canceled)
	s.wantList(10)
	_, err = s.load(20)
	wantError(t, "Load(20)", err, journal.ErrNotFound)
	s.open()
	s.wantList(10)
	s.save(20, "twenty")
	s.wantList(20, 10)
}

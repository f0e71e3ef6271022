package shard

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/staunchmq/staunch/internal/journal"
	"github.com/staunchmq/staunch/internal/journal/memjournal"
	"github.com/staunchmq/staunch/internal/queue"
)

// filledJournal returns a journal with some records, and how many there are.
func filledJournal(t *testing.T, o Options) (*memjournal.Journal, journal.Seq) {
	t.Helper()
	j := memjournal.New(0)
	o.Journal = j
	s := newStepper(t, o)
	s.configure(standard, standardSettings())
	for range 20 {
		s.ask(sendRequest(standard, make([]byte, 100)))
		s.rest()
	}
	return j, s.last
}

// How much of the journal is live is known from the start, and not only when a checkpoint has been saved.
func TestOpenKnowsHowMuchIsLive(t *testing.T) {
	j := memjournal.New(0)
	s := newStepper(t, Options{Journal: j, CheckpointBytes: 4000})
	s.configure(standard, standardSettings())
	for range 100 {
		s.ask(sendRequest(standard, make([]byte, 1000)))
		s.rest()
	}
	again, err := Open(t.Context(), Options{Journal: j, Clock: s.options.Clock})
	if err != nil {
		t.Fatal(err)
	}
	u := again.Usage()
	if u.LiveBytes < 100*1000 || u.LiveBytes > u.JournalBytes {
		t.Errorf("%d bytes of %d are live", u.LiveBytes, u.JournalBytes)
	}
	s.ask(&purge{to: toPartition(standard)})
	s.rest()
	if again, err = Open(t.Context(), Options{Journal: j, Clock: s.options.Clock}); err != nil {
		t.Fatal(err)
	}
	if u := again.Usage(); u.LiveBytes != 0 {
		t.Errorf("%d bytes are live after a purge", u.LiveBytes)
	}
}

func TestOpenRefusesADamagedRecord(t *testing.T) {
	for name, alter := range map[string]func([]byte) []byte{
		"flipped bit": func(rec []byte) []byte { rec[len(rec)-1] ^= 1; return rec },
		"missing":     func([]byte) []byte { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			j, _ := filledJournal(t, Options{})
			if err := j.Alter(7, alter); err != nil {
				t.Fatal(err)
			}
			_, err := Open(t.Context(), Options{Journal: j, Clock: newStepper(t, Options{}).options.Clock})
			var damaged *journal.DamagedError
			if !errors.As(err, &damaged) || damaged.Seq != 7 {
				t.Errorf("%v, want a DamagedError of record 7", err)
			}
		})
	}
}

// appendChanges appends a record with the given changes to a journal.
func appendChanges(t *testing.T, j *memjournal.Journal, changes ...[]byte) {
	t.Helper()
	_, last, err := j.Tail(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	h := journal.Header{Epoch: 1_000_000, Seq: last + 1, LogTimeMS: 1 << 50}
	if last > 0 {
		rec, err := j.Get(t.Context(), last)
		if err != nil {
			t.Fatal(err)
		}
		h.Prev = journal.Hash(rec)
	}
	b := journal.NewRecord(nil, h)
	for _, c := range changes {
		b.Add(c)
	}
	rec, err := b.Seal()
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Append(last, rec).Wait(); err != nil {
		t.Fatal(err)
	}
}

func TestOpenRefusesChangesThatItCannotRead(t *testing.T) {
	sent := func(p byte) []byte { return (&queue.Sent{}).Append([]byte{p}) }
	tests := []struct {
		name   string
		change []byte
		want   error // nil: any
	}{
		{"unknown kind of the shard", []byte{0, 99}, journal.ErrNewerFormat},
		{"unknown kind of a partition", []byte{1, 99}, nil},
		{"empty", nil, nil},
		{"empty of the shard", []byte{0}, journal.ErrDamaged},
		{"partition that does not exist", sent(50), journal.ErrDamaged},
		{"end of a partition that does not exist", []byte{0, kindDropped, 50}, journal.ErrDamaged},
		{"definition where there are none", []byte{0, kindDefinition, 1}, journal.ErrDamaged},
		{"delete of what is not there", (&queue.Deleted{Ref: queue.Ref{Record: 99}}).Append([]byte{1}), journal.ErrDamaged},
		{"cut off", sent(1)[:10], nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			j, last := filledJournal(t, Options{})
			appendChanges(t, j, sent(1), test.change)
			_, err := Open(t.Context(), Options{Journal: j, Clock: newStepper(t, Options{}).options.Clock})
			if err == nil || test.want != nil && !errors.Is(err, test.want) {
				t.Fatalf("%v, want %v", err, test.want)
			}
			if _, n, _ := j.Tail(t.Context()); n != last+1 {
				t.Errorf("the journal was changed: %d records", n)
			}
			t.Log(err)
		})
	}
}

func damage(b []byte) []byte {
	b[len(b)/2] ^= 1
	return b
}

func TestDamagedCheckpoints(t *testing.T) {
	j := memjournal.New(0)
	live := newStepper(t, Options{Journal: j, Definitions: &definitionList{}})
	live.configure(standard, standardSettings())
	for i := range 20 {
		live.ask(sendRequest(standard, make([]byte, 100)))
		live.ask(&define{asked: newAsked(), change: []byte{byte(i)}})
		live.rest()
		if i == 10 || i == 15 {
			state, err := live.appendCheckpoint(nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := live.saveCheckpoint(live.last, 1, state); err != nil {
				t.Fatal(err)
			}
		}
	}
	want := stateAt(t, live.Shard, live.now())
	open := func(j *memjournal.Journal) (*Shard, error) {
		return Open(t.Context(), Options{Journal: j, Clock: live.options.Clock, Definitions: &definitionList{}})
	}
	checkpoints := func(j *memjournal.Journal) []journal.Seq {
		list, err := j.Checkpoints().List(t.Context())
		if err != nil || len(list) != 2 {
			t.Fatalf("checkpoints %v, %v", list, err)
		}
		return list
	}
	alter := func(j *memjournal.Journal, seq journal.Seq) {
		if err := j.AlterCheckpoint(seq, damage); err != nil {
			t.Fatal(err)
		}
	}

	t.Run("newest damaged", func(t *testing.T) {
		j := j.Clone()
		alter(j, checkpoints(j)[0])
		s, err := open(j)
		if err != nil {
			t.Fatal(err)
		}
		if got := stateAt(t, s, live.now()); string(got) != string(want) {
			t.Errorf("%s\nwant\n%s", got, want)
		}
	})
	t.Run("both damaged, journal whole", func(t *testing.T) {
		j := j.Clone()
		for _, seq := range checkpoints(j) {
			alter(j, seq)
		}
		s, err := open(j)
		if err != nil {
			t.Fatal(err)
		}
		if got := stateAt(t, s, live.now()); string(got) != string(want) {
			t.Errorf("%s\nwant\n%s", got, want)
		}
	})
	t.Run("both damaged, journal trimmed", func(t *testing.T) {
		j := j.Clone()
		for _, seq := range checkpoints(j) {
			alter(j, seq)
		}
		if err := j.Trim(t.Context(), 2); err != nil {
			t.Fatal(err)
		}
		if _, err := open(j); !errors.Is(err, journal.ErrTrimmed) || !errors.Is(err, journal.ErrDamaged) {
			t.Errorf("%v, want ErrTrimmed, which is damage", err)
		}
	})
}

// Of a single checkpoint nothing is removed: should it be damaged, the records from the first on are what there is.
func TestFirstCheckpointTrimsNothing(t *testing.T) {
	j, last := filledJournal(t, Options{})
	s := newStepper(t, Options{Journal: j})
	for _, c := range []struct{ at, trimmed journal.Seq }{{last - 5, 0}, {last, last - 5}} {
		if trimmed, err := s.saveCheckpoint(c.at, last+1, []byte("state")); err != nil || trimmed != c.trimmed {
			t.Errorf("the checkpoint at %d has trimmed up to %d, %v; want %d", c.at, trimmed, err, c.trimmed)
		}
	}
	if first, _, err := j.Tail(t.Context()); err != nil || first != last-4 {
		t.Errorf("the journal begins at %d, %v", first, err)
	}
}

// A shard that has started, and has nothing to write, may still save a checkpoint. It is one of the records, not of the shard's start.
func TestCheckpointBeforeTheFirstRecordOfAnOwner(t *testing.T) {
	j, last := filledJournal(t, Options{})
	whole := j.Clone()
	s := newStepper(t, Options{Journal: j})
	state, err := s.appendCheckpoint(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.saveCheckpoint(last, 1, state); err != nil {
		t.Fatal(err)
	}
	var states [2][]byte
	for i, j := range []*memjournal.Journal{j, whole} {
		s, err := Open(t.Context(), Options{Journal: j, Clock: s.options.Clock})
		if err != nil {
			t.Fatal(err)
		}
		if states[i], err = s.State(); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(states[0], states[1]) {
		t.Errorf("from the checkpoint:\n%x\nfrom the records:\n%x", states[0], states[1])
	}
}

func TestCheckpointThatIsNotOfThisJournal(t *testing.T) {
	j, last := filledJournal(t, Options{})
	s := newStepper(t, Options{Journal: j})
	s.lastHash[0] ^= 1
	state, err := s.appendCheckpoint(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.saveCheckpoint(last-1, 1, state); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Options{Journal: j, Clock: s.options.Clock}); !errors.Is(err, journal.ErrDamaged) {
		t.Errorf("%v, want ErrDamaged", err)
	}
}

func TestCheckpointThatTheJournalDoesNotReach(t *testing.T) {
	j, last := filledJournal(t, Options{})
	s := newStepper(t, Options{Journal: j})
	state, err := s.appendCheckpoint(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.saveCheckpoint(last+5, 1, state); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Options{Journal: j, Clock: s.options.Clock}); !errors.Is(err, journal.ErrNotFound) || !errors.Is(err, journal.ErrDamaged) {
		t.Errorf("%v, want ErrNotFound, which is damage: acknowledged records are missing", err)
	}
}

func TestCheckpointsOfOtherVersions(t *testing.T) {
	j, last := filledJournal(t, Options{})
	whole := j.Clone()
	s := newStepper(t, Options{Journal: j})
	state, err := s.appendCheckpoint(nil)
	if err != nil {
		t.Fatal(err)
	}
	state[0] = stateVersion + 1
	if _, err := s.saveCheckpoint(last, 1, state); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Options{Journal: j, Clock: s.options.Clock}); !errors.Is(err, journal.ErrNewerFormat) {
		t.Errorf("newer: %v, want ErrNewerFormat", err)
	}
	// What cannot be read for any other reason is passed over, and leaves nothing behind.
	state[0] = stateVersion
	bad := [][]byte{{0}, append(slices.Clone(state), 0)}
	for n := 0; n < len(state); n += 1 + len(state)/20 {
		bad = append(bad, state[:n])
	}
	for _, bad := range append(bad, state[:len(state)-1]) {
		if _, err := s.saveCheckpoint(last, 1, bad); err != nil {
			t.Fatal(err)
		}
		again, err := Open(t.Context(), Options{Journal: j, Clock: s.options.Clock})
		if err != nil {
			t.Errorf("state of %d bytes: %v", len(bad), err)
			continue
		}
		requireSameAsJournal(t, again, whole)
	}
}

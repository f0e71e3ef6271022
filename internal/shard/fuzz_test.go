package shard

import (
	"bytes"
	"context"
	"testing"

	"github.com/staunchmq/staunch/internal/clock"
	"github.com/staunchmq/staunch/internal/journal"
	"github.com/staunchmq/staunch/internal/journal/memjournal"
)

// filled returns a shard with two kinds of queue, and messages in several states.
func filled(t testing.TB) (*stepper, *memjournal.Journal) {
	j := memjournal.New(0)
	s := newStepper(t, Options{Journal: j})
	s.configure(standard, standardSettings())
	s.configure(fifo, fifoSettings())
	for i := range byte(5) {
		s.ask(sendRequest(standard, []byte{i}, []byte{i, i}))
		grouped := sendRequest(fifo, []byte{i})
		grouped.messages[0].Group, grouped.messages[0].DeduplicationID = "g", string('a'+rune(i))
		s.ask(grouped)
		s.rest()
	}
	s.ask(receiveRequest(s.Shard, standard, 3, 0))
	s.ask(receiveRequest(s.Shard, fifo, 1, 0))
	s.rest()
	return s, j
}

// FuzzRestore: a checkpoint whose hash is right and whose content is not is refused, or is a state like any other.
func FuzzRestore(f *testing.F) {
	s, _ := filled(f)
	state, err := s.appendCheckpoint(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(state)
	f.Add(state[:len(state)/2])
	f.Add([]byte{stateVersionNoBook})
	f.Fuzz(func(t *testing.T, data []byte) {
		restore := func(data []byte) (*Shard, error) {
			s := &Shard{}
			s.clear()
			return s, s.restore(100, data)
		}
		s, err := restore(data)
		if err != nil {
			return
		}
		first, err := s.appendCheckpoint(nil)
		if err != nil {
			t.Fatal(err)
		}
		again, err := restore(first)
		if err != nil {
			t.Fatal(err)
		}
		if second, err := again.appendCheckpoint(nil); err != nil || !bytes.Equal(first, second) {
			t.Fatalf("%x, encoded again %x, %v", first, second, err)
		}
	})
}

// FuzzReplay puts a record whose checksums are right behind a journal, with two changes that are anything: the shard does not open, or its
// state is one that a checkpoint can hold, and a check of the journal finds what opening does.
func FuzzReplay(f *testing.F) {
	_, j := filled(f)
	var last []byte
	var changes [][]byte
	err := j.Read(context.Background(), 1, func(_ journal.Seq, rec []byte) error {
		last = bytes.Clone(rec)
		_, all, err := journal.Parse(rec)
		if err != nil {
			return err
		}
		for _, c := range all.All() {
			changes = append(changes, bytes.Clone(c))
		}
		return nil
	})
	if err != nil {
		f.Fatal(err)
	}
	for i, c := range changes {
		f.Add(c, changes[len(changes)-1-i])
	}
	f.Add([]byte{byte(shardItself), kindTime, 0}, []byte{byte(shardItself), kindDropped, byte(standard)})
	header, _, err := journal.Parse(last)
	if err != nil {
		f.Fatal(err)
	}
	header.Seq, header.Prev = header.Seq+1, journal.Hash(last)
	f.Fuzz(func(t *testing.T, first, second []byte) {
		b := journal.NewRecord(nil, header)
		b.Add(first)
		b.Add(second)
		rec, err := b.Seal()
		if err != nil {
			t.Skip(err)
		}
		j := j.Clone()
		if err := j.Append(header.Seq-1, rec).Wait(); err != nil {
			t.Fatal(err)
		}
		s, err := Open(t.Context(), Options{Journal: j, Clock: clock.NewManual(newStepper(t, Options{}).options.Clock.Now())})
		decodeErr := DecodeRecord(rec, func(StoredChange) error { return nil })
		report, checkErr := Check(t.Context(), 0, view(t, j), CheckOptions{})
		if err != nil {
			if checkErr == nil && report.Sound() {
				t.Fatalf("sound, but: %v", err)
			}
			return
		}
		if decodeErr != nil {
			t.Fatalf("it opens, but: %v", decodeErr)
		}
		state, err := s.appendCheckpoint(nil)
		if err != nil {
			t.Fatal(err)
		}
		again := &Shard{}
		again.clear()
		if err := again.restore(header.Seq, state); err != nil {
			t.Fatal(err)
		}
	})
}

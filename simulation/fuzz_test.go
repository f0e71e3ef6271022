package simulation_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/staunchmq/staunch/internal/clock"
	"github.com/staunchmq/staunch/internal/journal"
	"github.com/staunchmq/staunch/internal/journal/memjournal"
	"github.com/staunchmq/staunch/internal/queue"
	"github.com/staunchmq/staunch/internal/shard"
)

// later is a time behind everything that happens in these journals.
var later = clock.NewManual(time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC))

// written is a journal that a shard with a standard and a FIFO queue has written, with two checkpoints.
func written(f *testing.F) *memjournal.Journal {
	ctx, stop := context.WithCancel(context.Background())
	j := memjournal.New(0)
	s, err := shard.Open(ctx, shard.Options{Journal: j, Clock: clock.System(), CheckpointBytes: 1000})
	if err != nil {
		f.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	must := func(err error) {
		if err != nil {
			f.Fatal(err)
		}
	}
	const standard, fifo, other = queue.ID(1), queue.ID(2), queue.ID(3)
	must(s.Configure(ctx, standard, queue.Settings{VisibilityTimeout: 30_000, Retention: 1 << 50, MaxReceives: 2, DeadLetter: other}))
	must(s.Configure(ctx, fifo, queue.Settings{FIFO: true, VisibilityTimeout: 30_000, Retention: 1 << 50}))
	must(s.Configure(ctx, other, queue.Settings{VisibilityTimeout: 30_000, Retention: 1 << 50}))
	saved := func() bool { // beside the shard's loop, in its own time
		list, err := j.Checkpoints().List(ctx)
		must(err)
		return len(list) == journal.CheckpointsKept
	}
	for i := 0; i < 20 || !saved(); i++ {
		for _, p := range []queue.ID{standard, fifo} {
			_, err := s.Send(ctx, p, []shard.SendMessage{{Group: "g", DeduplicationID: fmt.Sprint(i), Content: bytes.Repeat([]byte{byte(i)}, 40)}})
			must(err)
		}
	}
	for _, p := range []queue.ID{standard, fifo} {
		r, err := s.Receive(ctx, p, shard.ReceiveRequest{Max: 3})
		must(err)
		_, err = s.Delete(ctx, p, []queue.Handle{r.Messages[0].Handle})
		must(err)
	}
	_, err = s.BeginMove(ctx, standard, 1, other)
	must(err)
	must(s.Purge(ctx, other, 0))
	must(s.Drop(ctx, other))
	stop()
	must(<-ended)
	return j
}

func open(j *memjournal.Journal) (*shard.Shard, error) {
	return shard.Open(context.Background(), shard.Options{Journal: j, Clock: later})
}

// state returns what a shard over the journal is in.
func state(t testing.TB, s *shard.Shard) []byte {
	t.Helper()
	b, err := s.State()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// withCheckpoint returns a copy of the journal whose newest checkpoint, at its last record, says that.
func withCheckpoint(t testing.TB, j *memjournal.Journal, data []byte) *memjournal.Journal {
	t.Helper()
	j = j.Clone()
	_, last, err := j.Tail(context.Background())
	if err == nil {
		err = j.Checkpoints().Save(context.Background(), last, func(w io.Writer) error {
			_, err := w.Write(data)
			return err
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// checkState: what a shard holds can be saved, and a shard that starts from that holds the same.
func checkState(t *testing.T, j *memjournal.Journal, s *shard.Shard) {
	t.Helper()
	first := state(t, s)
	old := bytes.Clone(first)
	old[0] = 1 // State is the layout of the first version of checkpoints
	again, err := open(withCheckpoint(t, j, old))
	if err != nil {
		t.Fatal(err)
	}
	if second := state(t, again); !bytes.Equal(first, second) {
		t.Fatalf("%x, from a checkpoint of it %x", first, second)
	}
}

// FuzzCheckpoint: a checkpoint whose hash is right and whose content is anything is refused, and an older one used, or is a state like any
// other. One of a newer format is not passed over.
func FuzzCheckpoint(f *testing.F) {
	j := written(f)
	list, err := j.Checkpoints().List(context.Background())
	if err != nil {
		f.Fatal(err)
	}
	for _, seq := range list {
		r, err := j.Checkpoints().Load(context.Background(), seq)
		if err != nil {
			f.Fatal(err)
		}
		data, err := io.ReadAll(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		f.Add(data[:len(data)/2])
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		j := withCheckpoint(t, j, data)
		s, err := open(j)
		if errors.Is(err, journal.ErrNewerFormat) {
			return
		}
		if err != nil {
			t.Fatal(err) // there is the other checkpoint
		}
		checkState(t, j, s)
	})
}

// FuzzRecord puts a record whose checksums are right behind a journal, with two changes that are anything: the shard does not open, or what
// it holds is a state like any other, and the record can be listed.
func FuzzRecord(f *testing.F) {
	j := written(f)
	var last []byte
	var changes [][]byte
	first, _, err := j.Tail(context.Background())
	if err == nil {
		err = j.Read(context.Background(), first, func(_ journal.Seq, rec []byte) error {
			last = bytes.Clone(rec)
			_, all, err := journal.Parse(rec)
			for _, c := range all.All() {
				changes = append(changes, bytes.Clone(c))
			}
			return err
		})
	}
	if err != nil {
		f.Fatal(err)
	}
	for i, c := range changes {
		f.Add(c, changes[len(changes)-1-i])
	}
	f.Add([]byte{0, 3, 0}, []byte{0, 1, 1}) // the time, and the removal of partition 1
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
		listed := shard.DecodeRecord(rec, func(shard.StoredChange) error { return nil })
		s, err := open(j)
		if err != nil {
			return
		}
		if listed != nil {
			t.Fatalf("it opens, but: %v", listed)
		}
		checkState(t, j, s)
	})
}

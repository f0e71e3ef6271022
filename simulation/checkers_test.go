package simulation_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/staunchmq/staunch/internal/journal"
	"github.com/staunchmq/staunch/internal/queue"
	"github.com/staunchmq/staunch/internal/shard"
	"github.com/staunchmq/staunch/simulation"
)

// A faulty shard does one thing wrong, now and then.
type faulty struct {
	shard.Client
	mu    sync.Mutex
	calls int // guarded by mu
}

// nth tells whether this is one of the calls to get wrong: every so many.
func (f *faulty) nth(n int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	return f.calls%n == 0
}

type losesSends struct{ *faulty }

func (f *losesSends) Send(ctx context.Context, p queue.ID, m []shard.SendMessage) ([]queue.SendResult, error) {
	if f.nth(7) {
		results := make([]queue.SendResult, len(m))
		for i := range m {
			results[i] = queue.SendResult{Ref: queue.Ref{Record: 1 << 40, Index: uint32(f.calls)}, ID: m[i].ID}
		}
		return results, nil
	}
	return f.Client.Send(ctx, p, m)
}

type losesDeletes struct{ *faulty }

func (f *losesDeletes) Delete(ctx context.Context, p queue.ID, h []queue.Handle) ([]error, error) {
	if f.nth(3) {
		return make([]error, len(h)), nil
	}
	return f.Client.Delete(ctx, p, h)
}

type losesPurges struct{ *faulty }

func (f *losesPurges) Purge(context.Context, queue.ID, time.Duration) error { return nil }

// deliversTwice answers a receive with what an earlier one got, as if it had just been received.
type deliversTwice struct {
	*faulty
	old map[queue.ID][]shard.ReceivedMessage
}

func (f *deliversTwice) Receive(ctx context.Context, p queue.ID, in shard.ReceiveRequest) (*shard.ReceiveResult, error) {
	r, err := f.Client.Receive(ctx, p, in)
	if err != nil || len(r.Moves) > 0 {
		return r, err
	}
	if f.nth(4) && len(r.Messages) == 0 && f.old[p] != nil {
		again := f.old[p]
		for i := range again {
			again[i].Handle.Receives++
		}
		return &shard.ReceiveResult{Messages: again}, nil
	}
	if len(r.Messages) > 0 && (in.Visibility == nil || *in.Visibility > 5*time.Second) {
		f.old[p] = slices.Clone(r.Messages)
	}
	return r, nil
}

type miscounts struct{ *faulty }

func (f *miscounts) Receive(ctx context.Context, p queue.ID, in shard.ReceiveRequest) (*shard.ReceiveResult, error) {
	r, err := f.Client.Receive(ctx, p, in)
	if err == nil && f.nth(5) {
		for i := range r.Messages {
			r.Messages[i].Handle.Receives += 3
		}
	}
	return r, err
}

type breaksOrder struct{ *faulty }

func (f *breaksOrder) Receive(ctx context.Context, p queue.ID, in shard.ReceiveRequest) (*shard.ReceiveResult, error) {
	r, err := f.Client.Receive(ctx, p, in)
	if err == nil {
		slices.Reverse(r.Messages)
	}
	return r, err
}

// skipsFirst keeps the first message of an answer to itself: the next one in its group is delivered before it.
type skipsFirst struct{ *faulty }

func (f *skipsFirst) Receive(ctx context.Context, p queue.ID, in shard.ReceiveRequest) (*shard.ReceiveResult, error) {
	r, err := f.Client.Receive(ctx, p, in)
	if err == nil && len(r.Messages) > 1 {
		r.Messages = r.Messages[1:]
	}
	return r, err
}

// forgetsDuplicates takes every message for a new one.
type forgetsDuplicates struct{ *faulty }

func (f *forgetsDuplicates) Send(ctx context.Context, p queue.ID, m []shard.SendMessage) ([]queue.SendResult, error) {
	m = slices.Clone(m)
	for i := range m {
		if m[i].DeduplicationID != "" && f.nth(3) {
			m[i].DeduplicationID += string(m[i].ID[:])
		}
	}
	return f.Client.Send(ctx, p, m)
}

// arrivesTwice lets dead letters arrive once more, after their move was settled.
type arrivesTwice struct {
	*faulty
	last map[queue.ID][]shard.Arrival
}

func (f *arrivesTwice) Arrive(ctx context.Context, p queue.ID, a []shard.Arrival) error {
	f.last[p] = a
	return f.Client.Arrive(ctx, p, a)
}

func (f *arrivesTwice) Settle(ctx context.Context, p queue.ID, o []queue.Origin) error {
	err := f.Client.Settle(ctx, p, o)
	if err == nil && f.last[p] != nil {
		return f.Client.Arrive(ctx, p, f.last[p])
	}
	return err
}

type losesDeadLetters struct{ *faulty }

func (f *losesDeadLetters) Arrive(context.Context, queue.ID, []shard.Arrival) error { return nil }

type miscountsQueues struct{ *faulty }

func (f *miscountsQueues) Stats(ctx context.Context, p queue.ID) (queue.Stats, error) {
	s, err := f.Client.Stats(ctx, p)
	if s.Visible > 2 {
		s.Visible--
	}
	return s, err
}

type failsInside struct{ *faulty }

func (f *failsInside) Stats(context.Context, queue.ID) (queue.Stats, error) {
	return queue.Stats{}, errors.New("not an answer")
}

// wrongCheckpoints saves states that no records come to: the epoch is another one.
type wrongCheckpoints struct{ journal.Journal }

func (j wrongCheckpoints) Checkpoints() journal.Checkpoints {
	return alteredCheckpoints{j.Journal.Checkpoints()}
}

type alteredCheckpoints struct{ journal.Checkpoints }

func (c alteredCheckpoints) Save(ctx context.Context, seq journal.Seq, write func(io.Writer) error) error {
	return c.Checkpoints.Save(ctx, seq, func(w io.Writer) error {
		var state bytes.Buffer
		if err := write(&state); err != nil {
			return err
		}
		const epoch = 17 // where it is in a state: see the shard's checkpoint.go
		state.Bytes()[epoch]++
		_, err := w.Write(state.Bytes())
		return err
	})
}

// copiesOthers reads, where a message was copied forward, the content of another one.
type copiesOthers struct {
	journal.Journal
	other []byte
}

func (j *copiesOthers) Get(ctx context.Context, seq journal.Seq) ([]byte, error) {
	rec, err := j.Journal.Get(ctx, seq)
	if err != nil {
		return nil, err
	}
	h, changes, err := journal.Parse(rec)
	if err != nil {
		return nil, err
	}
	b := journal.NewRecord(nil, h)
	for _, data := range changes.All() {
		id, n := binary.Uvarint(data)
		if id != 0 && queue.HoldsMessage(data[n:]) {
			c, err := queue.DecodeChange(data[n:])
			if err != nil {
				return nil, err
			}
			switch c := c.(type) {
			case *queue.Sent:
				j.other = bytes.Clone(c.Message.Content)
			case *queue.Copied:
				if j.other != nil {
					c.Message.Content = j.other
					data = c.Append(data[:n:n])
				}
			}
		}
		b.Add(data)
	}
	return b.Seal()
}

// ignoresDamage takes a damaged record for the end of the journal.
type ignoresDamage struct{ journal.Journal }

func (j ignoresDamage) Read(ctx context.Context, from journal.Seq, fn func(journal.Seq, []byte) error) error {
	if err := j.Journal.Read(ctx, from, fn); !errors.Is(err, journal.ErrDamaged) {
		return err
	}
	return nil
}

func inShards(wrap func(*faulty) shard.Client) simulation.Options {
	return simulation.Options{Wrap: func(c shard.Client) shard.Client { return wrap(&faulty{Client: c}) }}
}

func inJournals(wrap simulation.WrapJournal) simulation.Options {
	return simulation.Options{WrapJournal: wrap}
}

// Every checker finds the fault that it is for, within a few seeds.
func TestCheckersFindTheirFaults(t *testing.T) {
	const seeds = 60
	tests := []struct {
		fault   string
		options simulation.Options
		rule    string
	}{
		{"an acknowledged send is lost", inShards(func(f *faulty) shard.Client { return &losesSends{f} }), "lost"},
		{"an acknowledged delete is lost", inShards(func(f *faulty) shard.Client { return &losesDeletes{f} }), "deletes"},
		{"a purge does nothing", inShards(func(f *faulty) shard.Client { return &losesPurges{f} }), "purge"},
		{"a message is delivered twice", inShards(func(f *faulty) shard.Client {
			return &deliversTwice{f, make(map[queue.ID][]shard.ReceivedMessage)}
		}), "visibility"},
		{"receives are counted wrongly", inShards(func(f *faulty) shard.Client { return &miscounts{f} }), "receive counts"},
		{"a receive answers in the wrong order", inShards(func(f *faulty) shard.Client { return &breaksOrder{f} }), "order"},
		{"a receive skips the first of a group", inShards(func(f *faulty) shard.Client { return &skipsFirst{f} }), "order"},
		{"deduplication forgets", inShards(func(f *faulty) shard.Client { return &forgetsDuplicates{f} }), "deduplication"},
		{"a dead letter arrives twice", inShards(func(f *faulty) shard.Client {
			return &arrivesTwice{f, make(map[queue.ID][]shard.Arrival)}
		}), "once"},
		{"a dead letter is lost", inShards(func(f *faulty) shard.Client { return &losesDeadLetters{f} }), "lost"},
		{"a queue miscounts its messages", inShards(func(f *faulty) shard.Client { return &miscountsQueues{f} }), "counts"},
		{"an error is none of SQS's", inShards(func(f *faulty) shard.Client { return &failsInside{f} }), "internal error"},
		{"a checkpoint is not what the records come to", inJournals(func(j journal.Journal) journal.Journal { return wrongCheckpoints{j} }), "state"},
		{"a message is copied forward with the content of another", inJournals(func(j journal.Journal) journal.Journal {
			return &copiesOthers{Journal: j}
		}), "internal error"}, // it cannot be decrypted in the place of the other
		{"damage is passed over", inJournals(func(j journal.Journal) journal.Journal { return ignoresDamage{j} }), "damage"},
	}
	for _, test := range tests {
		t.Run(test.fault, func(t *testing.T) {
			seen := make(map[string]int)
			for seed := uint64(1); seed <= seeds; seed++ {
				r := run(t, seed, test.options)
				for _, v := range r.Violations {
					seen[v.Rule]++
				}
				if slices.ContainsFunc(r.Violations, func(v simulation.Violation) bool { return v.Rule == test.rule }) {
					return
				}
			}
			t.Errorf("%d seeds, and none that breaks the rule %q; broken were %v", seeds, test.rule, seen)
		})
	}
}

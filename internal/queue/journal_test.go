package queue

import (
	"fmt"

	"pgregory.net/rapid"
)

// journal is the Log of the tests: it keeps the records of one shard in memory.
type journal struct {
	records []record
	open    ID // the partition of the change that is being written
}

type record struct {
	time    int64
	changes []loggedChange
}

type loggedChange struct {
	partition ID
	data      []byte
}

// at begins a new record, with the given time, unless the newest one is still empty.
func (j *journal) at(now int64) {
	if n := len(j.records); n > 0 && len(j.records[n-1].changes) == 0 {
		j.records[n-1].time = now
		return
	}
	j.records = append(j.records, record{time: now})
}

func (j *journal) Begin(p ID) []byte {
	j.open = p
	return nil
}

func (j *journal) End(buffer []byte) Ref {
	r := &j.records[len(j.records)-1]
	r.changes = append(r.changes, loggedChange{partition: j.open, data: buffer})
	return Ref{Record: uint64(len(j.records)), Index: uint32(len(r.changes) - 1)}
}

// message reads a message from its place, as the owner of a shard does.
func (j *journal) message(t rapid.TB, at Ref) Message {
	t.Helper()
	_, m, err := DecodeMessage(j.records[at.Record-1].changes[at.Index].data, at)
	if err != nil {
		t.Fatalf("message at %v: %v", at, err)
	}
	return m
}

// end returns the Ref of the next change.
func (j *journal) end() Ref {
	n := len(j.records)
	return Ref{Record: uint64(n), Index: uint32(len(j.records[n-1].changes))}
}

// replay builds the partitions from nothing but the records, as a shard does after a restart.
func (j *journal) replay(t rapid.TB) map[ID]*Partition {
	t.Helper()
	partitions := make(map[ID]*Partition)
	j.apply(t, Ref{}, func(id ID) *Partition {
		if partitions[id] == nil {
			partitions[id] = New(id)
		}
		return partitions[id]
	})
	return partitions
}

// apply applies the changes from a Ref on to their partitions; those of a partition that is nil are left out.
func (j *journal) apply(t rapid.TB, from Ref, partition func(ID) *Partition) {
	t.Helper()
	for i, r := range j.records {
		for k, logged := range r.changes {
			ref := Ref{Record: uint64(i + 1), Index: uint32(k)}
			p := partition(logged.partition)
			if p == nil || ref.Compare(from) < 0 {
				continue
			}
			c, err := DecodeChange(logged.data)
			if err != nil {
				t.Fatalf("change %v: %v", ref, err)
			}
			if again := c.Append(nil); string(again) != string(logged.data) {
				t.Fatalf("change %v: decoded and encoded again it is different: %x, was %x", ref, again, logged.data)
			}
			p.Advance(r.time)
			p.Apply(r.time, ref, c)
		}
	}
}

// checkReplay reports whether the partition is what its records say: replay equals live, to the byte.
func (j *journal) checkReplay(t rapid.TB, now int64, live *Partition) {
	t.Helper()
	live.Advance(now)
	replayed := j.replay(t)[live.id]
	replayed.Advance(now)
	if diff := compare(live, replayed); diff != "" {
		t.Fatalf("partition %d: replay differs from live: %s", live.id, diff)
	}
}

// checkTail reports whether the partition is what a checkpoint of it and the changes after it say.
func (j *journal) checkTail(t rapid.TB, now int64, checkpoint []byte, from Ref, live *Partition) {
	t.Helper()
	p, err := DecodeCheckpoint(live.id, checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	j.apply(t, from, func(id ID) *Partition {
		if id == live.id {
			return p
		}
		return nil
	})
	p.Advance(now)
	if diff := compare(live, p); diff != "" {
		t.Fatalf("partition %d: a checkpoint and the changes after it differ from live: %s", live.id, diff)
	}
}

// compare says how two partitions differ in what can be seen of them.
func compare(a, b *Partition) string {
	if x, y := a.AppendCheckpoint(nil), b.AppendCheckpoint(nil); string(x) != string(y) {
		return fmt.Sprintf("checkpoints\n%x\n%x", x, y)
	}
	if x, y := a.Stats(), b.Stats(); x != y {
		return fmt.Sprintf("stats %+v, %+v", x, y)
	}
	if x, y := a.CanReceive(), b.CanReceive(); x != y {
		return fmt.Sprintf("can receive %t, %t", x, y)
	}
	at, ok := a.Deadline()
	if at2, ok2 := b.Deadline(); at != at2 || ok != ok2 {
		return fmt.Sprintf("deadlines %d %t, %d %t", at, ok, at2, ok2)
	}
	return ""
}

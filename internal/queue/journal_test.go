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

// replay builds the partitions from nothing but the records, as a shard does after a restart.
func (j *journal) replay(t rapid.TB) map[ID]*Partition {
	t.Helper()
	partitions := make(map[ID]*Partition)
	for i, r := range j.records {
		for k, logged := range r.changes {
			c, err := DecodeChange(logged.data)
			if err != nil {
				t.Fatalf("record %d, change %d: %v", i+1, k, err)
			}
			if again := c.Append(nil); string(again) != string(logged.data) {
				t.Fatalf("record %d, change %d: decoded and encoded again it is different: %x, was %x", i+1, k, again, logged.data)
			}
			p := partitions[logged.partition]
			if p == nil {
				p = New(logged.partition)
				partitions[logged.partition] = p
			}
			p.Advance(r.time)
			p.Apply(r.time, Ref{Record: uint64(i + 1), Index: uint32(k)}, c)
		}
	}
	return partitions
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

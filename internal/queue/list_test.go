package queue

import (
	"slices"
	"strings"
	"testing"
	"unsafe"

	"pgregory.net/rapid"
)

func TestListIsFirstInFirstOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var l list[int]
		var want []int
		next := 1
		for _, n := range rapid.SliceOf(rapid.IntRange(-200, 200)).Draw(t, "pushes and pops") {
			for ; n > 0; n-- {
				l.push(next)
				want = append(want, next)
				next++
			}
			for ; n < 0 && len(want) > 0; n++ {
				if *l.front() != want[0] {
					t.Fatalf("front is %d, want %d", *l.front(), want[0])
				}
				l.pop()
				want = want[1:]
			}
			if !slices.Equal(l.live(), want) || l.empty() != (len(want) == 0) {
				t.Fatalf("%v, want %v", l.live(), want)
			}
			if kept := cap(l.items); kept > 64+4*(len(want)+200) {
				t.Fatalf("room for %d is kept for %d", kept, len(want))
			}
		}
	})
}

func TestEmptiedTableGivesItsMemoryBack(t *testing.T) {
	var items table[int, int]
	for i := range 2 * tableKept {
		items.set(i, i)
	}
	for i := range 2 * tableKept {
		if v, ok := items.get(i); !ok || v != i {
			t.Fatalf("item %d is %d %t", i, v, ok)
		}
		items.delete(i)
	}
	if items.items != nil {
		t.Error("the map is kept")
	}
}

func TestSequenceNumbersGrow(t *testing.T) {
	refs := []Ref{{}, {Record: 1}, {Record: 1, Index: 1}, {Record: 1, Index: 1<<20 - 1}, {Record: 2}, {Record: 1<<42 - 1}, {Record: 1 << 42}}
	last := ""
	for _, r := range refs {
		s := r.SequenceNumber()
		if len(s) != 20 || s <= last {
			t.Errorf("the sequence number of %v is %s, after %s", r, s, last)
		}
		last = s
	}
}

// Strings of a request are parts of it: what is kept must not keep the whole request.
func TestKeptStringsAreCopies(t *testing.T) {
	request := strings.Repeat("x", 1000)
	within := func(s string) bool {
		at, from := uintptr(unsafe.Pointer(unsafe.StringData(s))), uintptr(unsafe.Pointer(unsafe.StringData(request)))
		return at >= from && at < from+uintptr(len(request))
	}
	q := newBench(Settings{FIFO: true})
	q.Send(q.time, &q.log, NewMessage{Message: Message{Group: request[:10], DeduplicationID: request[10:20]}})
	hashMask = 0
	defer func() { hashMask = ^uint64(0) }()
	q.Send(q.time, &q.log, NewMessage{Message: Message{Group: request[:10], DeduplicationID: request[10:21]}})
	q.Send(q.time, &q.log, NewMessage{Message: Message{Group: request[:10], DeduplicationID: request[10:22]}})
	if len(q.dedup.clashes.items) == 0 {
		t.Fatal("no hashes clash")
	}
	if _, err := q.Receive(q.time, &q.log, ReceiveOptions{Max: 1, Attempt: request[20:30]}); err != nil {
		t.Fatal(err)
	}
	for name, g := range q.groups.items {
		if within(name) || within(g.name) {
			t.Error("the group is a part of the request")
		}
	}
	for key := range q.dedup.clashes.items {
		if within(key.dedup) || within(key.group) {
			t.Error("the key of a deduplication ID is a part of the request")
		}
	}
	for id, a := range q.attempts.byID.items {
		if within(id) || within(a.id) {
			t.Error("the attempt ID is a part of the request")
		}
	}
}

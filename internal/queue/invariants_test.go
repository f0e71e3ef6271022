package queue

import (
	"slices"

	"pgregory.net/rapid"
)

// checkInvariants counts and compares everything that the partition keeps in more than one place.
func checkInvariants(t rapid.TB, p *Partition) {
	t.Helper()
	fail := func(format string, args ...any) {
		t.Helper()
		t.Fatalf("partition %d: invariant: "+format, append([]any{p.id}, args...)...)
	}
	counted := checkEntries(p, fail)
	for name, g := range p.groups.items {
		if g.name != name || g.tail.empty() && g.entries == 0 {
			fail("group %q is kept under %q without messages", g.name, name)
		}
		checkTail(p, g, fail)
		checkLine(p, g, fail)
		for i := range g.tail.live() {
			x := g.tail.at(i)
			if p.tailVisible(&x) {
				counted.Visible += int64(x.count)
			} else {
				counted.Delayed += int64(x.count)
			}
		}
		flying := 0
		for _, e := range p.entries.Items() {
			if e.group == g && e.state == inFlight {
				flying++
			}
		}
		if g.inFlight != flying {
			fail("group %q counts %d in flight, there are %d", name, g.inFlight, flying)
		}
		if flying > 0 {
			counted.GroupsInFlight++
		}
		if busy, _ := p.busy.Get(g); (busy == g) != (!p.settings.FIFO && name != "" && flying >= noisyInFlight) {
			fail("group %q with %d in flight: busy is %t", name, flying, busy == g)
		}
	}
	if p.stats != counted {
		fail("stats %+v, counted %+v", p.stats, counted)
	}
	checkDelays(p, fail)
	checkMemory(p, fail)
	checkPlaces(p, fail)
}

// checkPlaces: every message that has a place of its own is there, and runs are as long as they can be.
func checkPlaces(p *Partition, fail func(string, ...any)) {
	if p.places.runs == nil {
		return
	}
	live := make(map[Ref]bool)
	for run := range p.Live() {
		for i := range run.Count {
			live[Ref{Record: run.Ref.Record, Index: run.Ref.Index + i}] = true
		}
	}
	var last Stored
	p.places.runs.Scan(func(run Stored) bool {
		if run.Count == 0 || run.continues(last) || run.Ref.Record == last.Ref.Record && uint64(run.Ref.Index) < last.end() {
			fail("the places of %+v after %+v", run, last)
		}
		for i := range run.Count {
			if ref := (Ref{Record: run.Ref.Record, Index: run.Ref.Index + i}); !live[ref] {
				fail("message %v has a place and is not there", ref)
			}
		}
		last = run
		return true
	})
	if p.places.runs.Len() == 0 {
		fail("an empty table of places is kept")
	}
}

// checkEntries looks at every message that has an entry, and returns the counts of their states.
func checkEntries(p *Partition, fail func(string, ...any)) (counted Stats) {
	carried, due := 0, 0
	for _, e := range p.entries.Items() {
		ref := e.ref
		if found, _ := p.entry(ref); found != e || p.groups.items[e.group.name] != e.group {
			fail("message %v: its entry is not found, or is in group %q", ref, e.group.name)
		}
		if found, _ := p.bySent.Get(e); found != e {
			fail("message %v is not in bySent", ref)
		}
		carriedEntry, _ := p.moving.Get(e)
		isMoving := carriedEntry == e
		scheduled, _ := p.deadlines.Get(e)
		returned := false
		if e.group.returned != nil {
			found, _ := e.group.returned.Get(e)
			returned = found == e
		}
		_, hot := slices.BinarySearchFunc(e.group.hot, ref, func(e *entry, ref Ref) int { return e.ref.Compare(ref) })
		if isMoving != (e.state == moving) || (scheduled == e) != (e.state == delayed || e.state == inFlight) ||
			returned != (e.state == visible && !p.settings.FIFO) || hot != p.settings.FIFO {
			fail("message %v in state %d: moving %t, scheduled %t, returned %t, hot %t", ref, e.state, isMoving, scheduled == e, returned, hot)
		}
		switch e.state {
		case visible:
			counted.Visible++
		case delayed:
			counted.Delayed++
			due++
		case inFlight:
			counted.InFlight++
			due++
		case moving:
			carried++
		}
		if (e.state == delayed || e.state == inFlight) && e.at <= p.now {
			fail("message %v was due at %d, now it is %d", ref, e.at, p.now)
		}
		if e.sent+p.settings.Retention <= p.now {
			fail("message %v is past its retention", ref)
		}
	}
	if p.bySent.Len() != p.entries.Len() || p.deadlines.Len() != due || p.moving.Len() != carried {
		fail("%d entries, %d by age; %d deadlines of %d; %d moving of %d",
			p.entries.Len(), p.bySent.Len(), p.deadlines.Len(), due, p.moving.Len(), carried)
	}
	return counted
}

// checkTail: the tail is in order, counts right, and comes after all entries of a FIFO group.
func checkTail(p *Partition, g *group, fail func(string, ...any)) {
	var last Ref
	for i, e := range g.hot {
		if i > 0 && last.Compare(e.ref) >= 0 {
			fail("group %q: %v is not after %v", g.name, e.ref, last)
		}
		last = e.ref
	}
	var count, sent int64
	for i := range g.tail.live() {
		x := g.tail.at(i)
		if x.count == 0 || last.Compare(x.first()) >= 0 || x.sent < sent || x.arrival != nil && x.count != 1 {
			fail("group %q: extent %+v after %v", g.name, x, last)
		}
		if x.sent+p.settings.Retention <= p.now {
			fail("group %q: extent %+v is past its retention", g.name, x)
		}
		last = Ref{Record: x.record, Index: x.index + x.count - 1}
		sent = x.sent
		count += int64(x.count)
	}
	entries := 0
	for _, e := range p.entries.Items() {
		if e.group == g {
			entries++
		}
	}
	if g.tail.count != count || g.entries != entries || len(g.hot) > entries {
		fail("group %q counts %d and %d messages, there are %d and %d", g.name, g.tail.count, g.entries, count, entries)
	}
	found, _ := p.oldest.Get(g)
	if aging := !g.tail.empty(); g.aging != aging || (found == g) != aging ||
		aging && (g.oldest != g.tail.front().sent || g.oldestRef != g.tail.first()) {
		fail("group %q: its place among the oldest is wrong", g.name)
	}
}

// checkLine: the group is in line if and only if it has something to hand out, at the place of its first message.
func checkLine(p *Partition, g *group, fail func(string, ...any)) {
	at, ref, ok := p.head(g)
	found, _ := p.ready.Get(g)
	if ok != g.ready || (found == g) != ok || ok && (at != g.readyAt || ref != g.readyRef) {
		fail("group %q stands in line: %t at %d %v; it should: %t at %d %v", g.name, g.ready, g.readyAt, g.readyRef, ok, at, ref)
	}
}

func checkDelays(p *Partition, fail func(string, ...any)) {
	var hidden, sent int64
	for _, h := range p.delays.live() {
		if p.groups.items[h.group.name] != h.group || h.sent < sent {
			fail("delays hold %d messages of %q, sent at %d after %d", h.count, h.group.name, h.sent, sent)
		}
		sent = h.sent
		hidden += h.count
	}
	if p.settings.FIFO && hidden != p.stats.Delayed {
		fail("delays hold %d messages, %d are delayed", hidden, p.stats.Delayed)
	}
	ready, oldest := 0, 0
	for _, g := range p.groups.items {
		if g.ready {
			ready++
		}
		if g.aging {
			oldest++
		}
	}
	if p.ready.Len() != ready || p.oldest.Len() != oldest {
		fail("%d groups in line of %d, %d among the oldest of %d", p.ready.Len(), ready, p.oldest.Len(), oldest)
	}
}

// checkMemory: what is remembered of sends and receives is in order of age, not too old, and found by what it is asked for.
func checkMemory(p *Partition, fail func(string, ...any)) {
	var at int64
	latest := make(map[dedupKey]place)
	count := 0
	for place, a := range p.dedup.all() {
		if count == 0 && a.at != p.dedup.oldest {
			fail("the oldest deduplication ID is from %d, not %d", a.at, p.dedup.oldest)
		}
		count++
		if a.at < at || a.at+DeduplicationWindow <= p.now {
			fail("deduplication ID %q, accepted at %d, after %d", a.dedup, a.at, at)
		}
		at = a.at
		latest[p.dedup.key(a.group, a.dedup)] = place
	}
	for k, want := range latest {
		if at, ok := p.dedup.find(k, p.dedup.hash(k)); !ok || at != want {
			fail("deduplication ID %v is found at %v (%t), want %v", k, at, ok, want)
		}
	}
	if n := len(p.dedup.latest.items) + len(p.dedup.clashes.items); p.dedup.byGroup != p.settings.DeduplicateByGroup || n < len(latest) || count != p.dedup.count {
		fail("deduplication by group %t: %d of %d IDs are found, %d of %d are there", p.dedup.byGroup, n, len(latest), count, p.dedup.count)
	}
	if hashMask == ^uint64(0) && len(p.dedup.latest.items) != len(latest) {
		fail("%d deduplication IDs can be found, there are %d", len(p.dedup.latest.items), len(latest))
	}
	attempted := 0
	p.attempts.byAge.Scan(func(t *attempt) bool {
		if found, _ := p.attempts.lookup(t.id); found != t || len(t.entries) == 0 || t.at+AttemptWindow <= p.now {
			fail("attempt %q at %d with %d messages", t.id, t.at, len(t.entries))
		}
		for _, e := range t.entries {
			of, _ := p.attempts.of.get(e)
			found, _ := p.entry(e.ref)
			if of != t || e.state != inFlight || found != e {
				fail("attempt %q: message %v in state %d", t.id, e.ref, e.state)
			}
		}
		attempted += len(t.entries)
		return true
	})
	attempted -= len(p.attempts.of.items)
	if attempted != 0 || len(p.attempts.byID.items) != p.attempts.byAge.Len() {
		fail("attempts hold %d messages too many; %d IDs, %d by age", attempted, len(p.attempts.byID.items), p.attempts.byAge.Len())
	}
}

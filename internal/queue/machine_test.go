package queue

import (
	"cmp"
	"encoding/binary"
	"flag"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func init() { _ = flag.Set("rapid.steps", "80") } // operations of one run on average; the command line wins

// TestMachine does random operations on two queues that are each other's dead-letter queue, and on a naive model of each.
// Queues are deleted and made anew, too. After each operation the answers are the model's, the invariants hold, and replay equals live.
func TestMachine(t *testing.T) {
	t.Run("standard", func(t *testing.T) { rapid.Check(t, func(t *rapid.T) { runMachine(t, machine{}) }) })
	t.Run("fair", func(t *testing.T) { rapid.Check(t, func(t *rapid.T) { runMachine(t, machine{fair: true}) }) })
	t.Run("fifo", func(t *testing.T) {
		rapid.Check(t, func(t *rapid.T) {
			hashMask = draw(t, "hash mask", ^uint64(0), 1) // with the second, hashes clash
			defer func() { hashMask = ^uint64(0) }()
			runMachine(t, machine{fifo: true})
		})
	})
}

// TestSnapshotIsOfItsBeginning does the operations that change what a snapshot shares with its partition, on queues with messages of many
// records, and lets much happen between the beginning of a snapshot and its end.
func TestSnapshotIsOfItsBeginning(t *testing.T) {
	for _, kind := range []machine{{}, {fifo: true}} {
		t.Run(fmt.Sprintf("fifo=%t", kind.fifo), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				m := newMachine(t, kind)
				m.patient = true
				send := func(t *rapid.T) { m.Cut(t); m.Send(t) } // a record of its own
				t.Repeat(map[string]func(*rapid.T){
					"Send": send, "Send more": send, "Send even more": send, "Receive": m.Receive, "Receive more": m.Receive, "Delete": m.Delete,
					"ChangeVisibility": m.ChangeVisibility, "Tick": m.Tick, "Purge": m.Purge, "BeginMove": m.BeginMove, "Arrive": m.Arrive,
					"EndMove": m.EndMove, "Settle": m.Settle, "Copy": m.Copy, "Snapshot": m.Snapshot, "Snapshot on": m.Snapshot,
				})
			})
		})
	}
}

func runMachine(t *rapid.T, kind machine) {
	t.Repeat(rapid.StateMachineActions(newMachine(t, kind)))
}

func newMachine(t *rapid.T, kind machine) *machine {
	m := &machine{fifo: kind.fifo, fair: kind.fair, log: new(journal), now: 1_700_000_000_000}
	m.log.at(m.now)
	m.queues = []*machineQueue{m.newQueue(), m.newQueue()}
	for _, q := range m.queues {
		m.configure(t, q)
	}
	m.touched = m.queues[0]
	return m
}

type machine struct {
	fifo    bool
	fair    bool // so many messages in flight that groups are noisy
	patient bool // snapshots are not collected for long
	log     *journal
	now     int64
	queues  []*machineQueue
	touched *machineQueue // by the latest operation
	sends   int
	created ID // how many queues were
}

type machineQueue struct {
	*Partition
	model   *model
	handles []Handle // of all receives
	origins []Origin // of all arrivals
	late    bool     // not all that time has brought is done

	snapshot *Snapshot // that is being collected, if any
	then     []byte    // the checkpoint at its beginning
	thenAt   Ref       // of the next change then
}

func (m *machine) newQueue() *machineQueue {
	m.created++
	return &machineQueue{Partition: New(m.created), model: &model{now: m.now}}
}

// enter draws the queue of an operation. Like a shard, it advances a partition when something happens to it, but not once more
// within the same record.
func (m *machine) enter(t *rapid.T) *machineQueue {
	q := rapid.SampledFrom(m.queues).Draw(t, "queue")
	m.advance(q)
	return q
}

func (m *machine) advance(q *machineQueue) {
	if q.now < m.now || q.late {
		q.Advance(m.now)
		q.late = false
	}
	q.model.advance(m.now)
	m.touched = q
}

func (m *machine) other(q *machineQueue) *machineQueue {
	if q == m.queues[0] {
		return m.queues[1]
	}
	return m.queues[0]
}

func draw[T any](t *rapid.T, label string, values ...T) T {
	return rapid.SampledFrom(values).Draw(t, label)
}

func optional(ms int64) *int64 {
	if ms < 0 {
		return nil
	}
	return &ms
}

// Tick lets time pass, often to just before or just at the next deadline. All changes of a record have the same time.
func (m *machine) Tick(t *rapid.T) {
	step := draw[int64](t, "step", -2, -1, -1, 1, 1, 999, 1000, 5000, 29_999, 30_000, 60_000, 240_000, 43_200_000)
	if m.fair && step > 1000 {
		step = 1
	}
	to := m.now + step
	if step < 0 {
		at, ok := m.touched.Deadline()
		if !ok {
			return
		}
		to = max(m.now, at+step+1) // just at it, or 1 ms before
	}
	m.now = to
	m.log.at(m.now)
}

// Cut ends the record that is being built.
func (m *machine) Cut(*rapid.T) { m.log.at(m.now) }

// Idle lets a shard look at a partition that nothing happens to.
func (m *machine) Idle(t *rapid.T) { m.enter(t) }

// Late lets a shard do a part of what time has brought.
func (m *machine) Late(t *rapid.T) {
	q := rapid.SampledFrom(m.queues).Draw(t, "queue")
	budget := rapid.IntRange(0, 3).Draw(t, "messages")
	left, done := q.AdvanceSome(m.now, budget)
	if !done && left > 0 || left < 0 || left > budget {
		t.Fatalf("%d of %d left, done: %t", left, budget, done)
	}
	if q.late = !done; done {
		m.advance(q)
	}
}

// Snapshot begins a snapshot, or collects more of it: what it says is what a checkpoint said at its beginning, and with the changes after
// it is what there is now.
func (m *machine) Snapshot(t *rapid.T) {
	q := rapid.SampledFrom(m.queues).Draw(t, "queue")
	if q.snapshot == nil {
		q.then = q.AppendCheckpoint(nil)
		q.thenAt = m.log.end()
		q.snapshot = q.Partition.Snapshot()
	}
	if m.patient && draw(t, "wait", true, true, true, false) {
		return
	}
	if left := q.snapshot.Collect(rapid.IntRange(0, 3).Draw(t, "messages")); left > 0 {
		if got := q.snapshot.Append(nil); string(got) != string(q.then) {
			t.Fatalf("the snapshot is\n%x, the partition was\n%x", got, q.then)
		}
		q.snapshot = nil
		m.advance(q)
		m.log.checkTail(t, m.now, q.then, q.thenAt, q.Partition)
	}
}

// Restart goes on with what a checkpoint holds.
func (m *machine) Restart(t *rapid.T) {
	q := rapid.SampledFrom(m.queues).Draw(t, "queue")
	p, err := DecodeCheckpoint(q.id, q.AppendCheckpoint(nil))
	if err != nil {
		t.Fatal(err)
	}
	q.Partition = p
	m.advance(q)
}

// Recreate deletes a queue and makes another in its place: nothing of the former one is in it. The other queue still has the former one
// for its dead letters until it is told otherwise, remembers what came from there, and what was on its way there arrives in the new one.
func (m *machine) Recreate(t *rapid.T) {
	if !draw(t, "really", true, false, false, false) {
		return
	}
	i := rapid.IntRange(0, 1).Draw(t, "queue")
	m.queues[i] = m.newQueue()
	m.configure(t, m.queues[i])
	m.touched = m.queues[i]
}

func (m *machine) Configure(t *rapid.T) { m.configure(t, m.enter(t)) }

func (m *machine) configure(t *rapid.T, q *machineQueue) {
	s := Settings{
		FIFO:              m.fifo,
		VisibilityTimeout: draw[int64](t, "visibility", 0, 1000, 30_000, 30_000),
		Delay:             draw[int64](t, "queue delay", 0, 0, 0, 5000, 90_000),
		Retention:         draw[int64](t, "retention", 60_000, 300_000, 345_600_000),
	}
	if m.fifo {
		s.DeduplicateByGroup = rapid.Bool().Draw(t, "deduplicate by group")
	}
	if m.fair {
		s.VisibilityTimeout, s.Retention = 60_000, 345_600_000
	}
	if s.MaxReceives = draw[uint32](t, "max receives", 0, 1, 2, 4); s.MaxReceives > 0 {
		s.DeadLetter = m.other(q).id
	}
	q.Configure(m.now, m.log, s)
	q.late = true // a shorter retention ends messages
	m.advance(q)
	q.model.configure(s)
}

func (m *machine) Send(t *rapid.T) {
	q := m.enter(t)
	group := draw(t, "group", "", "", "a", "b")
	var delay *int64
	if m.fifo {
		group = draw(t, "group", "a", "a", "b", "c")
	} else {
		delay = optional(draw[int64](t, "delay", -1, -1, 0, 1000, 90_000))
	}
	count := draw(t, "count", 1, 1, 2, 3, 35)
	if m.fair {
		group, count = draw(t, "group", "", "a", "b", "c"), draw(t, "count", 1, 1, 30, 33, 60)
	}
	for range count {
		m.sends++
		message := Message{Group: group, Content: fmt.Append(nil, m.sends)}
		binary.BigEndian.PutUint64(message.ID[:], uint64(m.sends))
		if m.fifo {
			message.DeduplicationID = cmp.Or(draw(t, "dedup", "x", "y", "", "", "", ""), fmt.Sprint(m.sends))
		}
		other := ""
		if m.fifo {
			other = draw(t, "other dedup", "", "", "x", "y")
		}
		first, duplicate := q.model.duplicate(group, message.DeduplicationID)
		if !duplicate && other != "" {
			first, duplicate = q.model.duplicate(group, other)
		}
		got := q.Send(m.now, m.log, NewMessage{Message: message, Delay: delay, OtherDeduplicationID: other})
		if got.Duplicate != duplicate || duplicate && (got.Ref != first.ref || got.ID != first.id) {
			t.Fatalf("send: %+v, want duplicate %t of %+v", got, duplicate, first)
		}
		if !duplicate {
			q.model.send(got.Ref, message, delay)
		}
	}
}

func (m *machine) Receive(t *rapid.T) {
	q := m.enter(t)
	o := ReceiveOptions{
		Max:        draw(t, "max", 1, 2, 3, 10, 50),
		Visibility: optional(draw[int64](t, "visibility", -1, -1, -1, 0, 1000, 60_000, 43_200_000)),
	}
	if m.fifo {
		o.Attempt = draw(t, "attempt", "", "", "", "try1", "try2")
	}
	if m.fair {
		o.Max = draw(t, "max", 1, 2, 29, 30, 31, 60, 300)
	}
	taken, dead, wantErr := q.model.receive(o.Max, o.Visibility, o.Attempt)
	got, err := q.Receive(m.now, m.log, o)
	if err != wantErr {
		t.Fatalf("receive: error %v, want %v", err, wantErr)
	}
	sameDeliveries(t, "receive", got.Messages, taken)
	sameDeliveries(t, "dead", got.Dead, dead)
	for _, x := range taken {
		if x.flying && x.invisible != got.Until {
			t.Fatalf("received until %d, want %d", got.Until, x.invisible)
		}
	}
	for _, d := range got.Messages {
		q.handles = append(q.handles, d.Handle)
	}
}

func sameDeliveries(t *rapid.T, what string, got []Delivery, want []*modelMessage) {
	t.Helper()
	var expected []Delivery
	for _, x := range want {
		expected = append(expected, x.delivery())
	}
	if !slices.Equal(got, expected) {
		t.Fatalf("%s: %v, want %v", what, got, expected)
	}
}

// handle draws a receipt handle: of any receive, with a liking for the latest.
func (m *machine) handle(t *rapid.T, q *machineQueue) Handle {
	n := len(q.handles)
	if n == 0 {
		t.Skip("no handles")
	}
	if draw(t, "which", "latest", "any") == "latest" {
		return q.handles[n-1-rapid.IntRange(0, min(n, 10)-1).Draw(t, "back")]
	}
	return q.handles[rapid.IntRange(0, n-1).Draw(t, "handle")]
}

func (m *machine) Delete(t *rapid.T) {
	q := m.enter(t)
	h := m.handle(t, q)
	if got, want := q.Delete(m.now, m.log, h), q.model.delete(h); got != want {
		t.Fatalf("delete %v: %v, want %v", h, got, want)
	}
}

func (m *machine) ChangeVisibility(t *rapid.T) {
	q := m.enter(t)
	h := m.handle(t, q)
	timeout := draw[int64](t, "timeout", 0, 1000, 30_000, 43_199_000, 43_200_000)
	c := VisibilityChange{Handle: h, Timeout: timeout}
	if draw(t, "as it was left", true, false, false) {
		c.Until = m.now + 30_000
		if x := q.model.find(h.Ref); x != nil && x.invisible != 0 && draw(t, "until", true, true, false) {
			c.Until = x.invisible
		}
	}
	got := q.ChangeVisibility(m.now, m.log, c)
	if want := q.model.changeVisibility(c); got != want {
		t.Fatalf("change visibility %+v: %v, want %v", c, got, want)
	}
}

func (m *machine) Purge(t *rapid.T) {
	if draw(t, "really", true, false, false) && !m.fair {
		q := m.enter(t)
		if got, want := q.Purge(m.now, m.log, 60_000), q.model.purge(60_000); got != want {
			t.Fatalf("purge: %v, want %v", got, want)
		}
	}
}

func (m *machine) BeginMove(t *rapid.T) {
	q := m.enter(t)
	limit := draw(t, "max", 1, 2, 40)
	got := q.BeginMove(m.now, m.log, limit, m.other(q).id)
	sameDeliveries(t, "begin move", got, q.model.beginMove(limit, m.other(q).id))
}

// Arrive brings messages that are moving to their target, as dead letters or as new messages; sometimes once more.
func (m *machine) Arrive(t *rapid.T) {
	from := m.enter(t)
	q := m.other(from)
	fresh := rapid.Bool().Draw(t, "new")
	m.advance(q)
	for _, move := range allMoving(from.Partition) {
		if !draw(t, "arrives", true, true, false) {
			continue
		}
		message := m.log.message(t, move.At)
		message.Receives, message.FirstReceived, message.Source = move.Handle.Receives, move.FirstReceived, "arn"
		if fresh {
			message.Sent, message.Receives, message.FirstReceived, message.Source = 0, 0, 0, ""
		}
		m.arrive(q, Origin{Partition: from.id, Ref: move.Handle.Ref}, message)
	}
	if len(q.origins) > 0 {
		m.arrive(q, rapid.SampledFrom(q.origins).Draw(t, "again"), Message{Group: "a", Sent: m.now})
	}
}

func (m *machine) arrive(q *machineQueue, origin Origin, message Message) {
	known := slices.Contains(q.model.origins, origin)
	r := m.log.records[len(m.log.records)-1]
	q.Arrive(m.now, m.log, origin, message)
	if !known {
		q.origins = append(q.origins, origin)
		q.model.arrive(Ref{Record: uint64(len(m.log.records)), Index: uint32(len(r.changes))}, origin, message)
	}
}

func (m *machine) EndMove(t *rapid.T) {
	q := m.enter(t)
	moved := rapid.Bool().Draw(t, "moved")
	var refs []Ref
	for _, move := range allMoving(q.Partition) {
		if draw(t, "ends", true, true, false) {
			refs = append(refs, move.Handle.Ref)
		}
	}
	if len(q.handles) > 0 {
		refs = append(refs, m.handle(t, q).Ref) // of a message that may not be moving
		refs = slices.CompactFunc(refs, func(a, b Ref) bool { return a == b })
	}
	before := allMoving(q.Partition)
	q.EndMove(m.now, m.log, refs, moved)
	if got, want := q.StillMoving(before), allMoving(q.Partition); !slices.Equal(got, want) {
		t.Fatalf("still moving %v, want %v", got, want)
	}
	for i := range before {
		before[i].Target++
	}
	if got := q.StillMoving(before); len(got) > 0 {
		t.Fatalf("still moving to another target: %v", got)
	}
	for _, ref := range refs {
		q.model.endMove(ref, moved)
	}
}

func (m *machine) Settle(t *rapid.T) {
	q := m.enter(t)
	var origins []Origin
	for _, o := range q.origins {
		if rapid.Bool().Draw(t, "settle") {
			origins = append(origins, o)
		}
	}
	q.Settle(m.now, m.log, origins)
	q.model.settle(origins)
}

// Copy writes messages anew: runs of them, as cleaning does, and single ones. Now and then one that has gone, or is elsewhere.
func (m *machine) Copy(t *rapid.T) {
	q := m.enter(t)
	if len(q.model.messages) == 0 {
		t.Skip("no messages")
	}
	from := rapid.IntRange(0, len(q.model.messages)-1).Draw(t, "from")
	for i, x := range q.model.messages[from:min(from+draw(t, "count", 1, 2, 40), len(q.model.messages))] {
		content := m.log.message(t, x.place())
		if i%7 == 6 {
			if q.Copy(m.now, m.log, x.ref, Ref{Record: 1 << 50}, content) || q.Copy(m.now, m.log, Ref{Record: 1 << 50}, Ref{Record: 1 << 50}, content) {
				t.Fatal("copied what is not there")
			}
			continue
		}
		if !q.Copy(m.now, m.log, x.ref, x.place(), content) {
			t.Fatalf("message %v was not copied from %v", x.ref, x.place())
		}
		r := m.log.records[len(m.log.records)-1]
		x.at = Ref{Record: uint64(len(m.log.records)), Index: uint32(len(r.changes) - 1)}
	}
}

// checkPlaces: what is live is what the model has, in the places where it was written last, and the contents there are those that were sent.
func (m *machine) checkPlaces(t *rapid.T, q *machineQueue) {
	places := make(map[Ref]Ref)
	for run := range q.Live() {
		for i := range run.Count {
			ref, at := run.Ref, run.At
			ref.Index += i
			at.Index += i
			if _, twice := places[ref]; twice {
				t.Fatalf("message %v is live twice", ref)
			}
			places[ref] = at
		}
	}
	for _, x := range q.model.messages {
		if at, ok := places[x.ref]; !ok || at != x.place() || q.Place(x.ref) != at {
			t.Fatalf("message %v is read from %v (%t), %v, want %v", x.ref, at, ok, q.Place(x.ref), x.place())
		}
		if got, want := m.log.message(t, x.place()), m.log.message(t, x.ref); string(got.Content) != string(want.Content) || got.ID != want.ID {
			t.Fatalf("message %v: %+v, was %+v", x.ref, got, want)
		}
	}
	if len(places) != len(q.model.messages) {
		t.Fatalf("%d messages are live of %d", len(places), len(q.model.messages))
	}
}

// Check looks at the queue that the latest operation touched.
func (m *machine) Check(t *rapid.T) {
	q := m.touched
	if q.now < m.now || q.late { // time has passed, and nobody has looked at all of what it brought
		return
	}
	m.checkModel(t, q)
	checkInvariants(t, q.Partition)
	before := q.AppendCheckpoint(nil)
	q.Advance(m.now)
	if after := q.AppendCheckpoint(nil); string(before) != string(after) {
		t.Fatalf("something was due after a change:\n%x\n%x", before, after)
	}
	m.log.checkReplay(t, m.now, q.Partition)
	checkRoundTrip(t, q.Partition)
	checkDeadline(t, q.Partition)
}

func (m *machine) checkModel(t *rapid.T, q *machineQueue) {
	if got, want := q.Stats(), q.model.stats(); got != want {
		t.Fatalf("stats %+v, want %+v", got, want)
	}
	if got, want := q.CanReceive(), q.model.canReceive(); got != want {
		t.Fatalf("can receive: %t, want %t", got, want)
	}
	var moving []Move
	for _, x := range q.model.messages {
		if x.moving {
			moving = append(moving, Move{Delivery: x.delivery(), Target: x.target})
		}
	}
	if got := allMoving(q.Partition); !slices.Equal(got, moving) {
		t.Fatalf("moving %v, want %v", got, moving)
	}
	slices.SortFunc(q.model.origins, func(a, b Origin) int { return a.Ref.Compare(b.Ref) })
	if got := q.Unsettled(); !slices.Equal(got, q.model.origins) {
		t.Fatalf("unsettled %v, want %v", got, q.model.origins)
	}
	m.checkPlaces(t, q)
}

// allMoving lists all moves, in small pages.
func allMoving(p *Partition) []Move {
	var all []Move
	var after Ref
	for {
		page := p.Moving(after, 3)
		if len(page) == 0 {
			return all
		}
		all, after = append(all, page...), page[len(page)-1].Handle.Ref
	}
}

func checkRoundTrip(t rapid.TB, p *Partition) {
	t.Helper()
	copied := copyOf(t, p)
	if diff := compare(p, copied); diff != "" {
		t.Fatalf("the partition of a checkpoint differs: %s", diff)
	}
	checkInvariants(t, copied)
}

func copyOf(t rapid.TB, p *Partition) *Partition {
	t.Helper()
	copied, err := DecodeCheckpoint(p.id, p.AppendCheckpoint(nil))
	if err != nil {
		t.Fatal(err)
	}
	return copied
}

// checkDeadline: Advance changes something at the deadline and nothing before it.
func checkDeadline(t rapid.TB, p *Partition) {
	t.Helper()
	at, ok := p.Deadline()
	if !ok {
		at = p.now + 1<<40
	}
	if at <= p.now {
		t.Fatalf("the deadline %d has passed, now it is %d", at, p.now)
	}
	early, due := copyOf(t, p), copyOf(t, p)
	early.Advance(at - 1)
	if early.now = p.now; compare(early, p) != "" {
		t.Fatalf("something has changed 1 ms before the deadline: %s", compare(early, p))
	}
	due.Advance(at)
	if due.now = p.now; ok && compare(due, p) == "" {
		t.Fatalf("nothing has changed at the deadline %d", at)
	}
}

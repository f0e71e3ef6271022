package shard

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/staunchmq/staunch/internal/journal"
	"github.com/staunchmq/staunch/internal/journal/memjournal"
	"github.com/staunchmq/staunch/internal/queue"
)

const cleanedCheckpointBytes = 20_000

// journalBytes returns the size of all records.
func (r *running) journalBytes() (n int) {
	r.t.Helper()
	first, _ := r.tail(r.t)
	err := r.journal.Read(r.ctx, journal.Seq(first), func(_ journal.Seq, rec []byte) error {
		n += len(rec)
		return nil
	})
	if err != nil {
		r.t.Fatal(err)
	}
	return n
}

// turnOver sends messages, receives them and deletes all but every n-th of them; n = 0 keeps none. It returns the bodies that are left.
func (r *running) turnOver(p queue.ID, messages, keepEvery int) (left []string) {
	r.t.Helper()
	for i := range messages {
		body := fmt.Sprintf("%s %d %s", r.t.Name(), i, strings.Repeat("x", 900))
		r.send(p, body)
		result := r.receive(p, 1)
		if keepEvery > 0 && i%keepEvery == 0 {
			left = append(left, body)
			continue
		}
		if errs, err := r.Delete(r.ctx, p, handles(result)); err != nil || errs[0] != nil {
			r.t.Fatal(err, errs)
		}
		synctest.Wait()
	}
	return left
}

// liveBytes returns what messages with these bodies take in a journal: the body is their deduplication ID too.
func liveBytes(bodies []string) (n int) {
	for _, b := range bodies {
		n += 2*len(b) + 40
	}
	return n
}

// drainAll receives and deletes all messages of a partition, in order.
func (r *running) drainAll(p queue.ID) (got []string) {
	r.t.Helper()
	for {
		result := r.receive(p, 10)
		if len(result.Messages) == 0 {
			return got
		}
		got = append(got, bodies(result)...)
		if _, err := r.Delete(r.ctx, p, handles(result)); err != nil {
			r.t.Fatal(err)
		}
	}
}

func TestStragglersDoNotHoldOnToTheJournal(t *testing.T) {
	for _, tt := range []struct {
		name  string
		rate  int64
		clean bool
	}{{"cleaned", 1 << 50, true}, {"switched off", -1, false}} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var copied atomic.Int64
				r := run(t, func(o *Options) {
					o.CheckpointBytes, o.CleanRate, o.BodyCacheBytes = cleanedCheckpointBytes, tt.rate, 1
					o.Observed.Cleaned = func(n int64) { copied.Add(n) }
				})
				left := r.turnOver(standard, 2000, 50)
				live, cleaned := liveBytes(left), copied.Load()
				bound := 2*live + 6*cleanedCheckpointBytes
				if n := r.journalBytes(); (n <= bound) != tt.clean {
					t.Errorf("%d bytes of journal for %d live bytes, bound %d; %d were copied", n, live, bound, cleaned)
				}
				// The ledger counts a block until all of it is trimmed: its requests, and the copies of the passes that fall into it.
				most := r.journalBytes() + blockRecords*2000 + 2*live
				if u := r.Usage(); tt.clean && (cleaned == 0 || u.JournalBytes < int64(r.journalBytes()) || u.JournalBytes > int64(most) ||
					u.LiveBytes < int64(live)*9/10 || u.LiveBytes > int64(live)*12/10) {
					t.Errorf("usage %+v; %d bytes of journal, %d live, %d copied", u, r.journalBytes(), live, cleaned)
				}
				if report := check(t, view(t, r.journal.Clone())); !report.Sound() || report.Messages != int64(len(left)) {
					t.Errorf("a check finds %d messages; %v %v", report.Messages, report.Damaged, report.BadCheckpoints)
				}
				time.Sleep(time.Minute)
				if got := r.drainAll(standard); !slices.Equal(got, left) {
					t.Errorf("%d messages are left, want %d", len(got), len(left))
				}
			})
		})
	}
}

// A queue that nobody reads, before a busy one in the same journal.
func TestDeadQueueDoesNotHoldOnToTheJournalOfABusyOne(t *testing.T) {
	for name, dead := range map[string]queue.ID{"standard": other, "fifo": fifo} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := run(t, func(o *Options) { o.CheckpointBytes, o.CleanRate, o.BodyCacheBytes = cleanedCheckpointBytes, 1<<50, 1 })
				var want []string
				for i := range 30 {
					var batch []string
					for k := range 10 {
						batch = append(batch, fmt.Sprintf("%d.%d %s", i, k, strings.Repeat("y", 500)))
					}
					r.send(dead, batch...)
					want = append(want, batch...)
				}
				live := liveBytes(want)
				for range 5 { // each turns the whole journal over
					r.turnOver(standard, 400, 0)
					if n, bound := r.journalBytes(), 2*live+6*cleanedCheckpointBytes; n > bound {
						t.Errorf("%d bytes of journal for %d live bytes, bound %d", n, live, bound)
					}
				}
				if first, _ := r.tail(t); first < 100 {
					t.Errorf("the journal begins at record %d: nothing was copied", first)
				}
				again, err := Open(t.Context(), Options{Journal: r.journal.Clone(), Clock: r.options.Clock})
				if err != nil {
					t.Fatal(err)
				}
				if runs := again.partitions[dead].Live(); count(runs) > len(want)/5 {
					t.Errorf("%d runs for %d messages: their places are kept one by one", count(runs), len(want))
				}
				if got := r.drainAll(dead); !slices.Equal(got, want) {
					t.Errorf("%d messages, want %d in the order in which they were sent", len(got), len(want))
				}
			})
		})
	}
}

func count[T any](seq func(func(T) bool)) (n int) {
	for range seq {
		n++
	}
	return n
}

// The records that were copied go while the rest is copied: the copies do not come on top of the journal. What comes in meanwhile does.
func TestCleaningTrimsAsItCopies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const rate = 1 << 20
		var copied atomic.Int64
		r := run(t, func(o *Options) {
			o.CheckpointBytes, o.CleanRate, o.BodyCacheBytes = cleanedCheckpointBytes, rate, 1
			o.Observed.Cleaned = func(n int64) { copied.Add(n) }
		})
		for i := range 200 {
			var batch []string
			for k := range 10 {
				batch = append(batch, fmt.Sprintf("%d.%d %s", i, k, strings.Repeat("y", 500)))
			}
			r.send(other, batch...)
			synctest.Wait()
		}
		live := r.journalBytes()
		for copied.Load() < int64(live)*9/10 {
			// About 100 KB a second come in, for four seconds: a fifth of what is live. The copies on top of it would break the bound.
			if n, bound := r.journalBytes(), 2*live+live/4+8*cleanedCheckpointBytes; n > bound {
				t.Fatalf("%d bytes of journal for %d live bytes when %d were copied, bound %d", n, live, copied.Load(), bound)
			}
			r.turnOver(standard, 5, 0)
			time.Sleep(100 * time.Millisecond)
			synctest.Wait()
		}
	})
}

// What names a message goes on naming it when it is copied: receipt handles, sequence numbers, moves.
func TestCopiedMessagesKeepTheirNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, func(o *Options) { o.CheckpointBytes, o.CleanRate, o.BodyCacheBytes = cleanedCheckpointBytes, 1<<50, 1 })
		visibility := 10 * time.Hour
		r.send(other, "in flight", "moving", "waiting")
		sent := r.send(fifo, "ordered")
		held, err := r.Receive(r.ctx, other, ReceiveRequest{Max: 1, Visibility: &visibility})
		if err != nil {
			t.Fatal(err)
		}
		moves, err := r.BeginMove(r.ctx, other, 1, standard)
		if err != nil || len(moves) != 1 {
			t.Fatal(moves, err)
		}
		before, _ := r.tail(t)
		r.turnOver(standard, 400, 0)
		if after, _ := r.tail(t); after <= before+100 {
			t.Fatalf("the journal still begins at record %d", after)
		}
		moving, _, err := r.ReadMoving(r.ctx, other, moves)
		if err != nil || len(moving) != 1 || string(moving[0].Content) != "moving" || moving[0].Ref != moves[0].Handle.Ref {
			t.Errorf("moving %+v, %v", moving, err)
		}
		if got := r.receive(fifo, 1); len(got.Messages) != 1 || got.Messages[0].Handle.Ref != sent[0].Ref || string(got.Messages[0].Content) != "ordered" {
			t.Errorf("received %+v, sent %+v", got.Messages, sent)
		}
		if again := r.send(fifo, "ordered"); !again[0].Duplicate || again[0].Ref != sent[0].Ref {
			t.Errorf("sent again: %+v", again)
		}
		errs, err := r.Delete(r.ctx, other, handles(held))
		if err != nil || errs[0] != nil {
			t.Errorf("delete: %v %v", errs, err)
		}
		if err := r.EndMove(r.ctx, other, []queue.Ref{moves[0].Handle.Ref}, true); err != nil {
			t.Error(err)
		}
		if got := r.drainAll(other); !slices.Equal(got, []string{"waiting"}) {
			t.Errorf("left: %q", got)
		}
	})
}

// A message can be copied, and its old record trimmed, between the decision to hand it out and the reading.
func TestMessageThatIsCopiedBeforeItIsReadIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		j := memjournal.New(0)
		s := newStepper(t, Options{Journal: j, BodyCacheBytes: 1})
		s.configure(standard, standardSettings())
		s.ask(sendRequest(standard, []byte("gone"), []byte("copied")))
		s.rest()
		r := receiveRequest(s.Shard, standard, 2, 0)
		s.ask(r)
		s.rest()
		picked := r.result.Messages[1]
		m, err := s.read(standard, picked.Handle.Ref)
		if err != nil {
			t.Fatal(err)
		}
		s.copyOne(standard, picked.Handle.Ref, m)
		_, last, _ := j.Tail(t.Context())
		if err := j.Trim(t.Context(), last-1); err != nil {
			t.Fatal(err)
		}
		messages, err := s.received(standard, r.result.Messages)
		if err != nil || len(messages) != 1 || string(messages[0].Content) != "copied" {
			t.Errorf("read %+v, %v", messages, err)
		}
		// A place that holds another message is damage, whatever led there.
		if _, err := s.messageAt(t.Context(), queue.Ref{Record: 2, Index: 0}, s.partitions[standard].Place(picked.Handle.Ref)); err == nil {
			t.Error("the content of another message was read")
		}
	})
}

// copyOne copies a message forward, outside any plan.
func (s *stepper) copyOne(p queue.ID, ref queue.Ref, m queue.Message) {
	s.t.Helper()
	q := s.partitions[p]
	if !q.Copy(s.enter(q), s.building, ref, q.Place(ref), m) {
		s.t.Fatalf("message %v was not copied", ref)
	}
	s.rest()
}

// TestCleaningKeepsToItsRate counts what is copied in a time.
func TestCleaningKeepsToItsRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const rate = 10_000
		var copied atomic.Int64
		r := run(t, func(o *Options) {
			o.CheckpointBytes, o.CleanRate = cleanedCheckpointBytes, rate
			o.Observed.Cleaned = func(n int64) { copied.Add(n) }
		})
		left := r.turnOver(standard, 1000, 20)
		for second := range int64(600) {
			time.Sleep(time.Second)
			if most := (second+1)*rate + 10_000; copied.Load() > most { // a batch is at least a message
				t.Fatalf("%d bytes were copied in %d s at %d bytes a second", copied.Load(), second+1, rate)
			}
		}
		if n, bound := r.journalBytes(), 2*liveBytes(left)+6*cleanedCheckpointBytes; copied.Load() == 0 || n > bound {
			t.Errorf("%d bytes of journal are left, bound %d; %d bytes were copied", n, bound, copied.Load())
		}
		before := copied.Load()
		time.Sleep(time.Hour)
		if copied.Load() != before {
			t.Errorf("%d bytes were copied when all was done", copied.Load()-before)
		}
	})
}

// While room is scarce only what frees much is copied, and nothing when there is none.
func TestCleaningWhileRoomIsScarce(t *testing.T) {
	s := newStepper(t, Options{})
	s.cleaning = &cleaning{}
	for _, tt := range []struct {
		room   journal.Room
		sparse bool
		want   bool
	}{
		{journal.RoomForAll, false, true}, {journal.RoomForAll, true, true},
		{journal.RoomToFree, false, false}, {journal.RoomToFree, true, true},
		{journal.NoRoom, false, false}, {journal.NoRoom, true, false},
	} {
		s.room, s.cleaning.sparse = tt.room, tt.sparse
		if got := s.mayClean(); got != tt.want {
			t.Errorf("%+v: %t", tt, got)
		}
	}
}

// Cleaning gives way to checkpoints, which free what it has copied, and to the end of the shard.
func TestWhatCleaningWaitsFor(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(s *Shard)
		want   bool
	}{
		"nothing":                    {func(*Shard) {}, true},
		"there is no plan":           {func(s *Shard) { s.cleaning = nil }, false},
		"records are being read":     {func(s *Shard) { s.cleaning.reading = true }, false},
		"a checkpoint is saved":      {func(s *Shard) { s.checkpointing = true }, false},
		"the shard stops":            {func(s *Shard) { s.noWaits = true }, false},
		"a checkpoint is due":        {func(s *Shard) { s.reclaimable = true }, false},
		"the disk was full just now": {func(s *Shard) { s.fullUntil = s.now() + 1 }, false},
		"the disk was full just now, and the plan frees much": {func(s *Shard) { s.fullUntil, s.cleaning.sparse = s.now()+1, true }, true},
		"nothing fitted just now":                             {func(s *Shard) { s.fullUntil, s.cleaning.sparse, s.nothingFits = s.now()+1, true, true }, false},
	} {
		s := newStepper(t, Options{})
		s.cleaning = &cleaning{}
		tt.change(s.Shard)
		if got := s.mayClean(); got != tt.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// A plan that has copied nothing frees nothing: no checkpoint is taken for it.
func TestCleaningThatCopiedNothing(t *testing.T) {
	for _, copied := range []int64{0, 1} {
		s := newStepper(t, Options{})
		s.cleaning = &cleaning{copied: copied}
		s.clean()
		if s.cleaning != nil || s.cleaned != (copied > 0) {
			t.Errorf("%d bytes were copied: %+v, cleaned: %t", copied, s.cleaning, s.cleaned)
		}
	}
}

// What is copied needs room as what is new does: a full disk that refuses it takes deletes.
func TestCopiesBringSomethingNew(t *testing.T) {
	s := newStepper(t, Options{})
	s.configure(standard, standardSettings())
	s.ask(sendRequest(standard, make([]byte, 100)))
	s.rest()
	c := newCleaning(s.collectAll().messages(), 1, s.last, false)
	seq, _ := c.records.first()
	for _, copies := range []bool{true, false} { // the second time it is elsewhere already
		s.newRecord()
		if l := s.readFound(c, seq); l.err != nil || len(c.found) != 1 {
			t.Fatalf("%d messages were found, %v", len(c.found), l.err)
		}
		if n := s.copyBatch(c); (n > 0) != copies || s.building.grows != copies {
			t.Errorf("%d bytes were copied; the record brings something new: %t", n, s.building.grows)
		}
	}
}

// A plan that is dropped for one that frees more needs a checkpoint, which makes that.
func TestPlanThatIsDropped(t *testing.T) {
	for _, tt := range []struct {
		room    journal.Room
		sparse  bool
		dropped bool
	}{
		{journal.RoomForAll, false, false}, {journal.RoomToFree, false, true}, {journal.NoRoom, false, true},
		{journal.RoomForAll, true, false}, {journal.RoomToFree, true, false},
	} {
		s := newStepper(t, Options{})
		s.cleaning, s.room = &cleaning{sparse: tt.sparse}, tt.room
		s.lookAtPlan()
		if (s.cleaning == nil) != tt.dropped || s.cleaned != tt.dropped {
			t.Errorf("%+v: plan %+v, a checkpoint is wanted: %t", tt, s.cleaning, s.cleaned)
		}
	}
}

// Trimming ends at the checkpoint before, and so does a plan.
func TestPlanEndsAtTheCheckpointBefore(t *testing.T) {
	const blocks, before = 99, 20*blockRecords + 10
	c := &collection{before: before}
	v := survey{needed: 1, live: make([]int64, blocks)}
	for range blocks {
		c.ledger.blocks = append(c.ledger.blocks, block{bytes: 1000, messages: 10, messageBytes: 1000})
		c.ledger.bytes += 1000
	}
	v.live[0], v.bytes = 1, 100
	if p := c.plan(v, 100); p == nil || p.records.last != before {
		t.Errorf("plan %+v", p)
	}
	v.needed = before
	if p := c.plan(v, 100); p == nil {
		t.Error("no plan for a message in the last record")
	}
	v.needed = before + 1
	if p := c.plan(v, 100); p != nil {
		t.Errorf("nothing is in the way, and there is a plan %+v", p)
	}
	v.needed = 1
	for i := range 20 { // all that may be trimmed is live
		v.live[i] = 10
	}
	v.bytes = 20_000
	if p := c.plan(v, 100); p != nil {
		t.Errorf("all is live, and there is a plan %+v", p)
	}
}

// What a message at the beginning holds on to is freed while room is scarce, though half of the journal is live.
func TestPlanWhileRoomIsScarce(t *testing.T) {
	const blocks, full = 99, 10 // messages in a block
	c := &collection{before: blocks*blockRecords - 1}
	v := survey{needed: 1, live: make([]int64, blocks)}
	for i := range v.live {
		c.ledger.blocks = append(c.ledger.blocks, block{bytes: 1000, messages: full, messageBytes: 1000})
		c.ledger.bytes += 1000
		switch {
		case i == 0:
			v.live[i] = 1
		case i >= blocks/2+1:
			v.live[i] = full
		}
		v.bytes += c.ledger.liveBytes(i, v.live[i])
	}
	for _, tt := range []struct {
		scarce          bool
		checkpointBytes int64
		last            journal.Seq // of the plan; 0: there is none
	}{
		{false, 100, c.before},
		{false, 1000, 0},
		{true, 1000, c.ledger.end(56)}, // 7,100 of 57,000 bytes are live
		{true, 25_000, 0},
	} {
		c.scarce = tt.scarce
		p := c.plan(v, tt.checkpointBytes)
		if (p != nil) != (tt.last > 0) || p != nil && (p.sparse != tt.scarce || p.records.last != tt.last) {
			t.Errorf("%+v: %+v", tt, p)
		}
	}
}

// A plan from before room was scarce gives way to one that frees much: a message that stays does not hold on to the journal.
func TestPlanGivesWayWhenRoomGetsScarce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, func(o *Options) { o.CheckpointBytes, o.CleanRate, o.BodyCacheBytes = cleanedCheckpointBytes, 1000, 1 })
		left := r.turnOver(standard, 200, 4)
		synctest.Wait()
		if c := r.cleaning; c == nil || c.sparse {
			t.Fatalf("the plan is %+v", c)
		}
		r.journal.SetRoom(journal.RoomToFree)
		time.Sleep(time.Minute) // all are visible again
		before := r.journalBytes()
		for {
			var gone []queue.Handle
			for _, m := range r.receive(standard, 10).Messages {
				if string(m.Content) != left[0] {
					gone = append(gone, m.Handle)
				}
			}
			if len(gone) == 0 {
				break
			}
			if _, err := r.Delete(r.ctx, standard, gone); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if n := r.journalBytes(); n > 2*cleanedCheckpointBytes {
			t.Errorf("%d of %d bytes of journal are left for one message", n, before)
		}
		if got := r.drainAll(standard); !slices.Equal(got, left[:1]) {
			t.Errorf("received %.40q", got)
		}
	})
}

// Cleaning does no more of what time has brought to a partition than requests do: it waits until the partition is up to date.
func TestCleaningWaitsForALatePartition(t *testing.T) {
	s := massDue(t)
	s.options.CleanRate = 1 << 50
	s.cleaning = newCleaning(s.partitions[standard].Live(), 1, s.last, true)
	for turns := int64(1); s.cleaning != nil; turns++ {
		if err := s.Shard.turn(); err != nil {
			t.Fatal(err)
		}
		s.saving.Wait()
		for len(s.committer) > 0 {
			s.settle(<-s.committer)
		}
		if n := s.partitions[standard].Stats().Visible; n > turns*fewAtATime*2 {
			t.Fatalf("%d messages are visible after %d turns", n, turns)
		}
		if turns > manyDue {
			t.Fatal("cleaning has not come to an end")
		}
	}
	s.rest()
	for run := range s.partitions[standard].Live() {
		if run.At == run.Ref {
			t.Errorf("%d messages from %v on were not copied", run.Count, run.Ref)
		}
	}
	requireSameAsJournal(t, s.Shard, s.options.Journal.(*memjournal.Journal))
}

// TestCleaningReadsALittleAtATime, and passes over records that were trimmed meanwhile.
func TestCleaningReadsALittleAtATime(t *testing.T) {
	s := newStepper(t, Options{CleanRate: -1})
	s.configure(standard, standardSettings())
	const records = 16
	for range records {
		s.ask(sendRequest(standard, make([]byte, cleanReadBytes/4)))
		s.rest()
	}
	c := newCleaning(s.collectAll().messages(), 1, s.last, false)
	trimmed, _ := c.records.first()
	if err := s.options.Journal.Trim(t.Context(), trimmed); err != nil {
		t.Fatal(err)
	}
	for turns := 1; ; turns++ {
		seq, ok := c.records.first()
		if !ok {
			if turns < records/4 {
				t.Errorf("all was read in %d turns", turns)
			}
			break
		}
		if l := s.readFound(c, seq); l.err != nil || l.bytes > 2*cleanReadBytes {
			t.Fatalf("%d bytes were read at once, %v", l.bytes, l.err)
		}
	}
	if len(c.found) != records-1 {
		t.Errorf("%d messages were found, want %d", len(c.found), records-1)
	}
}

// TestReadForADroppedPlan: what was read for a plan that was dropped meanwhile says nothing to the next one, nor to none.
func TestReadForADroppedPlan(t *testing.T) {
	s := newStepper(t, Options{})
	dropped, next := &cleaning{reading: true}, &cleaning{reading: true}
	for _, l := range []landing{{cleaning: dropped, bytes: 1000}, {cleaning: dropped, err: journal.ErrDamaged}} {
		for _, s.cleaning = range []*cleaning{nil, next} {
			now := s.cleaning
			s.foundSome(l)
			if s.cleaning != now || !next.reading || !next.nextAt.IsZero() {
				t.Errorf("%+v has changed the plan: %+v", l, s.cleaning)
			}
		}
	}
	// Its own lets it wait as long as reading that takes at the rate.
	s.foundSome(landing{cleaning: next, bytes: 2 * defaultCleanRate})
	if wait := next.nextAt.Sub(s.options.Clock.Now()); next.reading || wait != 2*time.Second {
		t.Errorf("%+v, to go on in %v", next, wait)
	}
}

func TestCleaningStopsAtARecordThatCannotBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t, func(o *Options) { o.CheckpointBytes, o.CleanRate, o.BodyCacheBytes = cleanedCheckpointBytes, 1<<50, 1 })
		r.send(other, "poor")
		_, seq := r.tail(t)
		if err := r.journal.Alter(journal.Seq(seq), damage); err != nil {
			t.Fatal(err)
		}
		r.turnOver(standard, 300, 0)
		if first, _ := r.tail(t); first > seq {
			t.Errorf("the journal begins at record %d: the damaged record %d is gone", first, seq)
		}
		if stats, err := r.Stats(context.Background(), other); err != nil || stats.Visible != 1 {
			t.Errorf("%+v, %v", stats, err)
		}
	})
}

// A checkpoint of the first version has no ledger: the records before it are counted.
func TestLedgerOfAnOldCheckpoint(t *testing.T) {
	j, last := filledJournal(t, Options{})
	s := newStepper(t, Options{Journal: j})
	want := s.ledger
	if len(want.blocks) == 0 || want.bytes == 0 || want.blocks[0].messages == 0 {
		t.Fatalf("ledger %+v", want)
	}
	state, err := s.appendState(nil)
	if err != nil {
		t.Fatal(err)
	}
	state[0] = stateVersionNoBook
	newer, err := s.appendCheckpoint(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string][]byte{"without": state, "with": newer} {
		if _, err := s.saveCheckpoint(last, 1, data); err != nil {
			t.Fatal(err)
		}
		again := reopened(t, j, Options{Clock: s.options.Clock})
		if again.checkpointSeq != last {
			t.Errorf("%s: the checkpoint was not used", name)
		}
		if got := again.ledger; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: ledger %+v, want %+v", name, got, want)
		}
	}

	// Records that come after it are counted once, and one before it that cannot be read is not in the way.
	if _, err := s.saveCheckpoint(last, 1, state); err != nil {
		t.Fatal(err)
	}
	s.ask(sendRequest(standard, []byte("after it")))
	s.rest()
	again := reopened(t, j, Options{Clock: s.options.Clock})
	if got := again.ledger; fmt.Sprint(got) != fmt.Sprint(s.ledger) || again.last == last {
		t.Errorf("with a record after it: ledger %+v, want %+v", got, s.ledger)
	}
	if err := j.Alter(3, damage); err != nil {
		t.Fatal(err)
	}
	if again := reopened(t, j, Options{Clock: s.options.Clock}); again.last != s.last {
		t.Errorf("with a damaged record before it, it ends at record %d", again.last)
	}
}

// The ledger is an estimate where it knows too little: never more than a block holds, and never without a sense.
func TestLedgerEstimates(t *testing.T) {
	l := ledger{first: 1, blocks: []block{{}, {bytes: 500, messages: 2, messageBytes: 100}, {bytes: 700}}, bytes: 1200}
	for _, tt := range []struct {
		block    int
		messages int64
		want     int64
	}{{0, 0, 0}, {0, 3, 0}, {1, 0, 0}, {1, 1, 50}, {1, 2, 100}, {1, 3, 100}} {
		if got := l.liveBytes(tt.block, tt.messages); got != tt.want {
			t.Errorf("%d live messages in block %d: %d bytes, want %d", tt.messages, tt.block, got, tt.want)
		}
	}
	for after, want := range map[journal.Seq]int64{0: 1200, l.begin(1) - 1: 1200, l.begin(1): 700, l.end(1): 700, l.begin(2): 0, l.end(2): 0} {
		if got := l.bytesAfter(after); got != want {
			t.Errorf("after record %d: %d bytes, want %d", after, got, want)
		}
	}
}

func TestLedgerForgetsWhatIsTrimmed(t *testing.T) {
	var l ledger
	rec := func(seq journal.Seq) []byte {
		b := journal.NewRecord(nil, journal.Header{Seq: seq})
		b.Add([]byte{1, 2, 3})
		data, err := b.Seal()
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	for seq := journal.Seq(100); seq < 1000; seq++ {
		l.add(seq, rec(seq))
	}
	for _, upTo := range []journal.Seq{0, 126, 127, 500, 999, 2000} {
		l.trim(upTo)
		var bytes int64
		for i, b := range l.blocks {
			bytes += b.bytes
			if l.end(i) <= upTo {
				t.Errorf("trimmed up to %d: a block ends at %d", upTo, l.end(i))
			}
		}
		if _, ok := l.find(upTo + 1); ok != (upTo >= 126 && upTo < 1023) || bytes != l.bytes {
			t.Errorf("trimmed up to %d: the next record is there: %t; %d bytes, counted %d", upTo, ok, l.bytes, bytes)
		}
	}
	l.add(2001, rec(2001))
	if _, ok := l.find(2001); !ok || len(l.blocks) != 1 {
		t.Errorf("after everything was trimmed: %+v", l)
	}
}

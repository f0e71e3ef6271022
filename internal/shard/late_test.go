package shard

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/staunchmq/staunch/internal/clock"
	"github.com/staunchmq/staunch/internal/journal"
	"github.com/staunchmq/staunch/internal/journal/memjournal"
	"github.com/staunchmq/staunch/internal/queue"
)

const (
	// manyDue is how many messages are due at once in these tests, and fewAtATime how many a shard brings up to date in one turn.
	manyDue     = 1000
	fewAtATime  = 10
	dueInMS     = 5000
	dueMessages = 100 // in one request
)

// massDue returns a shard with many messages in the partition standard that become visible at one moment, which has come.
func massDue(t *testing.T) *stepper {
	s := newStepper(t, Options{TurnMessagesMax: fewAtATime})
	s.configure(standard, standardSettings())
	s.configure(other, standardSettings())
	s.configure(fifo, fifoSettings())
	delay := int64(dueInMS)
	for range manyDue / dueMessages {
		r := sendRequest(standard, make([][]byte, dueMessages)...)
		for i := range r.messages {
			r.messages[i].Delay = &delay
		}
		s.ask(r)
	}
	s.rest()
	s.options.Clock.(*clock.Manual).Advance(dueInMS * time.Millisecond)
	return s
}

func statsRequest(p queue.ID) *statistics { return &statistics{to: toPartition(p)} }

// While a partition is brought up to date, others are served, and its own requests wait and keep their order.
func TestManyDeadlinesHoldUpNobodyElse(t *testing.T) {
	s := massDue(t)
	receive, purge, stats := receiveRequest(s.Shard, standard, 1, 0), &purge{to: toPartition(standard)}, statsRequest(standard)
	move := &beginMove{to: toPartition(standard), max: 1, target: other}
	elsewhere := statsRequest(other)
	for _, r := range []request{receive, move, purge, stats, elsewhere} {
		s.ask(r)
	}
	if err := s.Shard.turn(); err != nil {
		t.Fatal(err)
	}
	if !elsewhere.answered() {
		t.Error("a request to another partition waits")
	}
	if stats.answered() || len(s.behind) != 4 || !s.hasWork() {
		t.Fatalf("answered: %t, %d requests are behind", stats.answered(), len(s.behind))
	}
	turns := 0
	for ; len(s.behind) > 0; turns++ {
		if err := s.Shard.turn(); err != nil {
			t.Fatal(err)
		}
	}
	if turns < manyDue/fewAtATime-2 {
		t.Errorf("all was brought up to date in %d turns", turns)
	}
	for len(s.committer) > 0 {
		s.flying = append(s.flying, <-s.committer)
	}
	s.rest()
	if len(receive.result.Messages) != 1 || len(move.moves) != 1 || stats.stats != (queue.Stats{}) {
		t.Errorf("received %d messages, moved %d, after the purge there are %+v", len(receive.result.Messages), len(move.moves), stats.stats)
	}
	requireSameAsJournal(t, s.Shard, s.options.Journal.(*memjournal.Journal))
}

// Requests to a late partition, and to one that has something due all the time, hold up nobody else, however many they are; and all are
// decided in order.
func TestManyRequestsToALatePartitionHoldUpNobodyElse(t *testing.T) {
	const many = 3 * stepMax
	s := massDue(t)
	manual := s.options.Clock.(*clock.Manual)
	busy := sendRequest(other, make([][]byte, 10_000)...)
	for i := range busy.messages {
		at := int64(5 * i)
		busy.messages[i].Delay = &at
	}
	s.ask(busy)
	s.oneTurn()
	receives := make([]*receive, many)
	sends := make([]*send, many)
	for i := range many {
		receives[i], sends[i] = receiveRequest(s.Shard, standard, 1, 0), sendRequest(other, []byte{})
		s.ask(receives[i])
		s.ask(sends[i])
	}
	elsewhere := statsRequest(fifo)
	s.ask(elsewhere)
	s.options.Clock = tickingClock{manual, time.Millisecond}
	const turns, least = 10, 50
	for range turns {
		s.oneTurn()
	}
	if !elsewhere.answered() || !sends[least-1].answered() {
		t.Errorf("after %d turns, answered: elsewhere: %t, where something is due all the time, request %d: %t",
			turns, elsewhere.answered(), least, sends[least-1].answered())
	}
	if !s.partitions[standard].late || s.partitions[other].Stats().Delayed == 0 {
		t.Fatal("the test is too short: nothing is late, or due, any more")
	}
	s.options.Clock = manual
	s.rest()
	for i, r := range receives {
		if !r.answered() || len(r.result.Messages) != min(1, max(0, manyDue-i)) {
			t.Fatalf("receive %d: answered: %t, %d messages", i, r.answered(), len(r.result.Messages))
		}
		if i > 0 && i < manyDue && receives[i-1].result.Messages[0].Handle.Ref.Compare(r.result.Messages[0].Handle.Ref) >= 0 {
			t.Fatalf("receive %d has an older message than the one before it", i)
		}
	}
	for i := range sends[1:] {
		if sends[i].results[0].Ref.Compare(sends[i+1].results[0].Ref) >= 0 {
			t.Fatalf("send %d was decided after the next", i)
		}
	}
}

// A receive that waits on a partition that is late gets its message once the partition is up to date.
func TestWaitingReceiveOfALatePartition(t *testing.T) {
	s := massDue(t)
	s.options.Clock.(*clock.Manual).Advance(-time.Second) // log time stays; the poll waits all the same
	poll := receiveRequest(s.Shard, standard, 1, time.Minute)
	s.ask(poll)
	s.rest()
	s.options.Clock.(*clock.Manual).Advance(2 * time.Second)
	s.rest()
	if !poll.answered() || len(poll.result.Messages) != 1 {
		t.Errorf("answered: %t, %+v", poll.answered(), poll.result)
	}
}

// Requests that wait for a late partition are decided after the state was built anew, too.
func TestRequestsBehindOutliveAReset(t *testing.T) {
	s := massDue(t)
	receive, stats := receiveRequest(s.Shard, standard, 1, 0), statsRequest(standard)
	s.ask(receive)
	s.ask(stats)
	if err := s.Shard.turn(); err != nil {
		t.Fatal(err)
	}
	if len(s.behind) != 2 {
		t.Fatalf("%d requests are behind", len(s.behind))
	}
	if err := s.reset(ErrUnavailable); err != nil {
		t.Fatal(err)
	}
	s.rest()
	if len(receive.result.Messages) != 1 || stats.stats.Visible != manyDue-1 {
		t.Errorf("received %d messages, there are %+v", len(receive.result.Messages), stats.stats)
	}
}

// A shard that stops, or fails, leaves no request behind.
func TestStopWhilePartitionsAreLate(t *testing.T) {
	for _, fails := range []bool{false, true} {
		t.Run(fmt.Sprintf("fails=%t", fails), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := run(t, func(o *Options) { o.TurnMessagesMax = 1 })
				r.shortDelay(t)
				time.Sleep(dueInMS * time.Millisecond)
				if fails {
					r.gate.failWith(func(journal.Seq, []byte) memjournal.Fault { return memjournal.Fault{Err: errors.New("a defect")} })
				}
				var calls []*call
				for range 5 {
					c := &call{}
					go func() {
						_, c.err = r.Receive(context.Background(), standard, ReceiveRequest{Max: 1})
						c.done.Store(true)
					}()
					calls = append(calls, c)
				}
				r.cancel()
				<-r.ended
				synctest.Wait()
				for i, c := range calls {
					if !c.answered() {
						t.Errorf("request %d was not answered", i)
					}
				}
			})
		})
	}
}

// shortDelay sends messages that are visible after dueInMS.
func (r *running) shortDelay(t *testing.T) {
	delay := dueInMS * time.Millisecond
	for range manyDue / dueMessages {
		m := make([]SendMessage, dueMessages)
		for i := range m {
			m[i].Delay = &delay
		}
		if _, err := r.Send(r.ctx, standard, m); err != nil {
			t.Fatal(err)
		}
	}
}

// A checkpoint that is collected while requests change everything is the state that its records give, and the records that it needs
// stay.
func TestCheckpointIsCollectedWhileRequestsGoOn(t *testing.T) {
	s := newStepper(t, Options{TurnMessagesMax: fewAtATime, CheckpointBytes: 30_000})
	s.configure(standard, standardSettings())
	s.configure(fifo, fifoSettings())
	manual := s.options.Clock.(*clock.Manual)
	delay := int64(dueInMS)
	slow := false
	for i := range 400 {
		r := sendRequest(standard, []byte("a"), []byte("b"))
		r.messages[i%2].Delay = &delay
		s.ask(r)
		f := sendRequest(fifo, []byte("c"), []byte("d"))
		for k := range f.messages {
			f.messages[k].Group, f.messages[k].DeduplicationID = fmt.Sprint("group", i%50), fmt.Sprint(i, k)
		}
		s.ask(f)
		for _, p := range []queue.ID{standard, fifo} {
			got := receiveRequest(s.Shard, p, 3, 0)
			s.ask(got)
			s.oneTurn()
			if i%3 == 0 {
				d := &deletion{to: toPartition(p)}
				for _, m := range got.result.Messages {
					d.handles = append(d.handles, m.Handle)
				}
				s.ask(d)
			}
			s.oneTurn()
		}
		slow = slow || s.collecting != nil
		manual.Advance(50 * time.Millisecond)
	}
	s.rest()
	if !slow {
		t.Fatal("no checkpoint took more than one turn to collect")
	}
	j := s.options.Journal.(*memjournal.Journal)
	v := view(t, j)
	if len(v.checkpoints) != 2 {
		t.Fatalf("checkpoints %v", v.checkpoints)
	}
	if report := check(t, v); !report.Sound() {
		t.Errorf("%v, %v", report.Damaged, report.BadCheckpoints)
	}
	requireSameAsJournal(t, s.Shard, j)
}

// oneTurn takes one turn, and lets what it has handed to the journal land.
func (s *stepper) oneTurn() {
	if err := s.Shard.turn(); err != nil {
		s.t.Fatal(err)
	}
	for len(s.committer) > 0 {
		s.flying = append(s.flying, <-s.committer)
	}
	for len(s.flying) > 0 {
		s.land()
	}
	s.saving.Wait()
}

// A fence comes after what waits for its partition, and after what is on its way to the disk.
func TestFenceWaitsForAllBefore(t *testing.T) {
	s := massDue(t)
	sent, elsewhere, after := sendRequest(standard, []byte("late")), sendRequest(other, []byte("at once")), sendRequest(other, []byte("after"))
	f := &fence{newAsked()}
	for _, r := range []request{sent, elsewhere, f, after} {
		s.ask(r)
	}
	if err := s.Shard.turn(); err != nil {
		t.Fatal(err)
	}
	if len(s.behind) != 2 || f.answered() {
		t.Fatalf("%d requests are behind; the fence is answered: %t", len(s.behind), f.answered())
	}
	for landed := 0; ; landed++ {
		s.turn()
		if f.answered() || len(s.flying) == 0 {
			break
		}
		if sent.answered() && !f.answered() && landed > manyDue {
			t.Fatal("the fence waits longer than what was before it")
		}
		s.land()
	}
	if !f.answered() || f.err != nil || !sent.answered() || !elsewhere.answered() {
		t.Errorf("the fence is answered: %t, %v; what came before it: %t, %t", f.answered(), f.err, sent.answered(), elsewhere.answered())
	}
	s.rest()
	if !after.answered() {
		t.Error("what comes after the fence is not answered")
	}
}

// A fence does not wait for what came in after it, though that waits for a partition that is late too.
func TestFenceKeepsItsPlaceAmongWhatIsBehind(t *testing.T) {
	s := massDue(t)
	later := sendRequest(other, make([][]byte, 2*manyDue)...)
	soon := int64(1)
	for i := range later.messages {
		later.messages[i].Delay = &soon
	}
	s.ask(later)
	s.oneTurn()
	s.options.Clock.(*clock.Manual).Advance(time.Millisecond)
	before, f, after := statsRequest(standard), &fence{newAsked()}, statsRequest(other)
	for _, r := range []request{before, f, after} {
		s.ask(r)
	}
	for !f.answered() {
		s.oneTurn()
	}
	if !before.answered() || after.answered() {
		t.Errorf("when the fence is answered, what came before it is: %t, and what came after it: %t", before.answered(), after.answered())
	}
}

// A fence waits for a send that its client has given up.
func TestFenceWaitsForWhatNobodyWaitsFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t)
		r.gate.close()
		ctx, cancel := context.WithCancel(t.Context())
		gone := startErr(func() error {
			_, err := r.Send(ctx, standard, messages("a"))
			return err
		})
		cancel()
		synctest.Wait()
		if !gone.answered() || !errors.Is(gone.err, context.Canceled) {
			t.Fatalf("the send: %v", gone.err)
		}
		fence := startErr(func() error { return r.Fence(t.Context()) })
		if fence.answered() {
			t.Fatal("the fence does not wait for the record")
		}
		r.gate.pass()
		if !fence.answered() || fence.err != nil {
			t.Errorf("the fence is answered: %t, %v", fence.answered(), fence.err)
		}
		r.gate.open()
	})
}

package loadgen

import (
	"context"
	"testing"
	"time"
)

func TestLedgerFinds(t *testing.T) {
	at := func(number uint64, group int) stamp { return stamp{number: number, group: group} }
	for name, c := range map[string]struct {
		events func(l *ledger)
		want   Checks
	}{
		"nothing wrong": {func(l *ledger) {
			l.noteReceived(at(0, 0))
			l.noteDeleted(0)
			l.noteReceived(at(2, 1)) // another group
			l.noteDeleted(2)
			l.noteReceived(at(1, 0))
			l.noteDeleted(1)
		}, Checks{Received: 3, Deleted: 3}},
		"a lost message": {func(l *ledger) {
			l.noteReceived(at(0, 0))
			l.noteDeleted(0)
			l.noteReceived(at(1, 0))
			l.noteDeleted(1)
		}, Checks{Received: 2, Deleted: 2, Lost: 1}},
		"a duplicate": {func(l *ledger) {
			for n := range uint64(3) {
				l.noteReceived(at(n, int(n)))
			}
			l.noteReceived(at(1, 1))
			for n := range uint64(3) {
				l.noteDeleted(n)
			}
		}, Checks{Received: 3, Deleted: 3, Duplicates: 1}},
		"a deleted message that came back": {func(l *ledger) {
			for n := range uint64(3) {
				l.noteReceived(at(n, int(n)))
				l.noteDeleted(n)
			}
			l.noteReceived(at(1, 1))
			l.noteDeleted(1)
		}, Checks{Received: 3, Deleted: 3, Resurrected: 1}},
		"a group out of order": {func(l *ledger) {
			for _, n := range []uint64{1, 0, 2} {
				l.noteReceived(at(n, 2))
				l.noteDeleted(n)
			}
		}, Checks{Received: 3, Deleted: 3, Disordered: 1}},
		"a message without a delete": {func(l *ledger) {
			for n := range uint64(3) {
				l.noteReceived(at(n, int(n)))
			}
			l.noteDeleted(0)
			l.noteDeleted(2)
		}, Checks{Received: 3, Deleted: 2, Undeleted: 1}},
		"a number that was never taken": {func(l *ledger) {
			for n := range uint64(4) {
				l.noteReceived(at(n, 0))
				l.noteDeleted(n)
			}
		}, Checks{Received: 3, Deleted: 3, Damaged: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			r := &run{ledger: newLedger(3)}
			r.ledger.noteSent(r.ledger.take(2), 2)
			r.ledger.noteSent(r.ledger.take(1), 1)
			c.events(r.ledger)
			c.want.Sent = 3
			got := r.checks(true)
			if got != c.want {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
			if whole := got.Lost+got.Undeleted == 0; whole != r.ledger.complete() {
				t.Errorf("complete: %v", !whole)
			}
			violated := (&Result{Checks: got}).Violations() != nil
			if violated == (name == "nothing wrong") {
				t.Errorf("violations: %v", violated)
			}
		})
	}
}

func TestLedgerOverManyChunks(t *testing.T) {
	l := newLedger(0)
	first := l.take(3*chunkMessages + 5)
	l.noteSent(first, 3*chunkMessages+5)
	if got := l.missing(); got != 3*chunkMessages+5 {
		t.Errorf("%d are missing", got)
	}
}

func TestBodiesAreRecognised(t *testing.T) {
	b := newBodies(7, 200, 1)
	want := stamp{number: 123456, group: 77, due: 5 * time.Second}
	body := b.append(nil, want)
	if got, foreign, damaged := b.parse(body); got != want || foreign || damaged || len(body) != 200 {
		t.Errorf("%+v, foreign %v, damaged %v, %d bytes", got, foreign, damaged, len(body))
	}
	for i := range body {
		other := append([]byte(nil), body...)
		other[i] ^= 2
		if s, foreign, damaged := b.parse(other); s == want && !foreign && !damaged {
			t.Errorf("a change at %d is not seen", i)
		}
	}
	if _, foreign, _ := newBodies(8, 200, 1).parse(body); !foreign {
		t.Error("another run takes the body for its own")
	}
	if _, _, damaged := b.parse(body[:199]); !damaged {
		t.Error("a cut body is not seen")
	}
	if _, foreign, _ := b.parse([]byte("short")); !foreign {
		t.Error("a short body is not foreign")
	}
}

func TestProducersWaitForConsumers(t *testing.T) {
	a := newAhead(20, 10)
	for _, step := range []struct {
		deleted int
		pass    int // requests of 10 that are let pass then
	}{
		{0, 2}, // 20 messages
		{9, 0},
		{1, 1},
		{100, 2}, // more than were sent: not more than at the beginning
	} {
		a.deleted(step.deleted)
		passed := 0
		for a.wait(context.Background(), 0) {
			passed++
		}
		if passed != step.pass {
			t.Errorf("after %d deleted messages %d requests pass, want %d", step.deleted, passed, step.pass)
		}
	}
}

// TestPaceCountsFromWhenARequestWasDue: turns have their moments, whoever takes them and whenever.
func TestPaceCountsFromWhenARequestWasDue(t *testing.T) {
	r := &run{began: time.Now().Add(-time.Hour)} // all is long due
	p := &pace{run: r, batch: 10, until: time.Second, rate: 100, giveUp: forever}
	for i := range 10 {
		if n, due := p.next(t.Context()); n != 10 || due != time.Duration(i)*100*time.Millisecond {
			t.Errorf("turn %d: %d messages at %v", i, n, due)
		}
	}
	if n, _ := p.next(t.Context()); n != 0 {
		t.Error("an eleventh turn in a second of ten")
	}
	late := &pace{run: r, batch: 10, until: time.Second, rate: 100, giveUp: time.Minute}
	if n, _ := late.next(t.Context()); n != 0 || late.unsent.Load() != 100 {
		t.Errorf("after giving up: %d messages, %d unsent", n, late.unsent.Load())
	}
}

// TestOneIsSentInAnyCase: a producer that comes to run when the time is over sends all the same.
func TestOneIsSentInAnyCase(t *testing.T) {
	r := &run{began: time.Now().Add(-time.Hour)}
	for name, rate := range map[string]float64{"at once": 0, "paced": 100} {
		p := &pace{run: r, batch: 10, start: 2 * time.Second, until: time.Second, rate: rate, giveUp: forever}
		for i, want := range []int{10, 0} {
			if n, _ := p.next(t.Context()); n != want {
				t.Errorf("%s: turn %d has %d messages, want %d", name, i, n, want)
			}
		}
	}
}

func TestRecorderLooksAtItsWindow(t *testing.T) {
	for name, c := range map[string]struct {
		paced        bool
		times, count int64
	}{
		"answers count":         {false, 1, 1},
		"what was due is timed": {true, 2, 1}, // also what a slow server answers after the end
	} {
		t.Run(name, func(t *testing.T) {
			rec := &recorder{paced: c.paced}
			rec.begin(10*time.Second, 20*time.Second)
			rec.note(opSend, 1*time.Second, 2*time.Second, 1)
			rec.note(opSend, 12*time.Second, 13*time.Second, 1)
			rec.note(opSend, 19*time.Second, 25*time.Second, 1)
			rec.note(opSend, 26*time.Second, 27*time.Second, 1)
			tally := rec.ops[opSend]
			if tally.times.TotalCount() != c.times || tally.messages != c.count {
				t.Errorf("%d times, %d messages", tally.times.TotalCount(), tally.messages)
			}
		})
	}
}

func TestReceivingIsCut(t *testing.T) {
	r := &run{o: &Options{DrainTimeout: 24 * time.Hour}, began: time.Now().Add(-time.Hour), ledger: newLedger(0)}
	r.ledger.noteSent(r.ledger.take(2), 2)
	r.ledger.noteReceived(stamp{number: 0})
	if !r.awaitEmpty(nil, time.Minute) {
		t.Error("something came an hour after the last minute, and receiving goes on")
	}
	r.ledger.noteReceived(stamp{number: 1})
	r.ledger.noteDeleted(0)
	r.ledger.noteDeleted(1)
	if r.awaitEmpty(nil, time.Minute) {
		t.Error("all is deleted, and there is said to be more")
	}
}

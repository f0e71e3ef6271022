package loadgen

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// TestProgressIsOfThePhase: what was sent and deleted before a phase is not done by it, and a phase that receives the rest has that before it.
func TestProgressIsOfThePhase(t *testing.T) {
	send := func(l *ledger, n int) { l.noteSent(l.take(n), n) }
	remove := func(l *ledger, n int) {
		for range n {
			l.noteDeleted(uint64(l.deleted.Load()))
		}
	}
	for name, c := range map[string]struct {
		phase phase
		moves func(l *ledger, n int)
		want  string
	}{
		"sends so many":         {phase{producers: 1, messages: 40}, send, "250ms: 5 of 40, 20 a second; 500ms: 20 of 40, 60 a second; "},
		"sends for a while":     {phase{producers: 1}, send, "250ms: 5 of 0, 20 a second; 500ms: 20 of 0, 60 a second; "},
		"deletes for a while":   {phase{consumers: 1}, remove, "250ms: 5 of 0, 20 a second; 500ms: 20 of 0, 60 a second; "},
		"deletes what there is": {phase{consumers: 1, empties: true}, remove, "250ms: 5 of 70, 20 a second; 500ms: 20 of 70, 60 a second; "},
		"sends and deletes": {phase{producers: 1, consumers: 1, empties: true}, func(l *ledger, n int) { send(l, 2*n); remove(l, n) },
			"250ms: 5 of 0, 20 a second; 500ms: 20 of 0, 60 a second; "},
		"has no messages": {phase{}, func(*ledger, int) {}, "250ms: 0 of 0, 0 a second; 500ms: 0 of 0, 0 a second; "},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				told := ""
				r := &run{o: &Options{}, began: time.Now(), ledger: newLedger(0), progress: func(at Progress) {
					told += fmt.Sprintf("%v: %d of %d, %.0f a second; ", at.Elapsed, at.Done, at.Total, at.Rate)
				}}
				send(r.ledger, 100)
				remove(r.ledger, 30)
				stop := r.showing(c.phase, 0)
				c.moves(r.ledger, 5) // at once: whoever tells it may not even run yet
				time.Sleep(progressEvery + time.Millisecond)
				c.moves(r.ledger, 15)
				time.Sleep(progressEvery)
				stop()
				if told != c.want {
					t.Errorf("it told %q, want %q", told, c.want)
				}
			})
		})
	}
}

package chaos

import (
	"strings"
	"testing"
	"time"
)

// A checker that finds nothing proves nothing: each rule is shown to find its fault.
func TestHistoryFindsFaults(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	tests := []struct {
		name string
		do   func(h *history)
		want string
	}{
		{"lost message", func(h *history) {
			h.sending("a", "")
			h.sent("a")
		}, "never came"},
		{"message after delete", func(h *history) {
			h.sending("a", "")
			h.sent("a")
			h.received("a", "id", 1, at(1), at(1))
			h.deleting("a")
			h.deleteDone("a", at(1), at(2))
			h.received("a", "id", 2, at(90), at(90))
		}, "came back"},
		{"within the visibility timeout", func(h *history) {
			h.sending("a", "")
			h.received("a", "id", 1, at(1), at(1))
			h.received("a", "id", 2, at(5), at(5))
		}, "handed out again"},
		{"receive count stands still", func(h *history) {
			h.sending("a", "")
			h.received("a", "id", 1, at(1), at(1))
			h.received("a", "id", 1, at(90), at(90))
		}, "receive count 1 after 1"},
		{"doubled", func(h *history) {
			h.sending("a", "g")
			h.received("a", "id", 1, at(1), at(1))
			h.received("a", "other", 2, at(90), at(90))
		}, "there twice"},
		{"out of order", func(h *history) {
			h.sending("a", "g")
			h.sent("a")
			h.sending("b", "g")
			h.received("b", "id", 1, at(1), at(1))
			h.received("a", "id2", 1, at(1), at(1))
		}, "came before"},
		{"receive count jumps", func(h *history) {
			h.sending("a", "")
			h.receiveLost()
			h.received("a", "id", 2, at(1), at(1))
			h.received("a", "id", 4, at(90), at(90))
		}, "receive count 4 after 2"},
		{"two holders of a group", func(h *history) {
			h.sending("a", "g")
			h.sending("b", "g")
			h.received("a", "id", 1, at(1), at(1))
			h.received("b", "id2", 1, at(5), at(5))
		}, "was in flight"},
		{"in neither queue", func(h *history) {
			h.moves = true
			h.sending("a", "")
			h.sent("a")
			h.received("a", "id", 1, at(1), at(1))
		}, "neither"},
		{"in both queues", func(h *history) {
			h.moves = true
			h.sending("a", "")
			h.received("a", "id", 1, at(1), at(1))
			h.remains("a", "work", "id")
			h.remains("a", "dead", "id")
		}, "in [dead as id work as id]"},
		{"back from the dead-letter queue after its delete", func(h *history) {
			h.moves = true
			h.sending("a", "")
			h.received("a", "id", 3, at(1), at(1))
			h.deleting("a")
			h.deleteDone("a", at(1), at(2))
			h.received("a", "new", 1, at(90), at(90))
		}, "came back"},
		{"moved while in flight", func(h *history) {
			h.moves = true
			h.sending("a", "")
			h.received("a", "id", 3, at(1), at(1))
			h.received("a", "new", 1, at(5), at(5))
		}, "handed out again"},
		{"invented", func(h *history) { h.received("a", "id", 1, at(1), at(1)) }, "nobody sent"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := newHistory(10 * time.Second)
			tt.do(h)
			if got := strings.Join(h.finish(), "\n"); !strings.Contains(got, tt.want) {
				t.Errorf("faults are %q, want one with %q", got, tt.want)
			}
		})
	}
}

func TestHistoryAcceptsMoves(t *testing.T) {
	h := newHistory(time.Second)
	h.moves = true
	for _, body := range []string{"a", "b"} {
		h.sending(body, "")
		h.sent(body)
		h.received(body, "id of "+body, 2, time.Unix(1, 0), time.Unix(1, 0))
	}
	h.deleting("a")
	h.deleteDone("a", time.Unix(1, 0), time.Unix(2, 0))            // too late: it had moved
	h.received("a", "new id", 1, time.Unix(3, 0), time.Unix(3, 0)) // redriven
	h.remains("a", "work", "new id")
	h.remains("b", "dead", "id of b")
	if faults := h.finish(); len(faults) > 0 {
		t.Error(faults)
	}
}

func TestHistoryAcceptsACleanRun(t *testing.T) {
	h := newHistory(time.Second)
	h.sending("a", "g")
	h.sent("a")
	h.sending("b", "g") // not acknowledged: it may come or not
	h.received("a", "1", 1, time.Unix(1, 0), time.Unix(1, 0))
	h.receiveLost()
	h.received("a", "1", 3, time.Unix(9, 0), time.Unix(9, 0)) // the answer of receive 2 was lost
	h.received("b", "2", 1, time.Unix(9, 0), time.Unix(9, 0)) // in the same answer
	h.deleting("a")
	h.deleteDone("a", time.Unix(9, 0), time.Unix(10, 0))
	h.received("b", "2", 2, time.Unix(11, 0), time.Unix(11, 0))
	h.remains("b", "q", "2")
	h.remains("b", "q", "2") // the answer of its delete was lost
	if faults := h.finish(); len(faults) > 0 {
		t.Error(faults)
	}
}

package simulation

import (
	"context"
	"math"
	"sync/atomic"
)

// outcome is how an operation went, as far as its client knows.
type outcome int

const (
	unknown outcome = iota // or still on its way
	done
	refused // nothing was changed
)

func (o outcome) String() string { return [...]string{"unknown", "done", "refused"}[o] }

// operation is one call of the API.
type operation struct {
	number int
	action string
	about  string
	// start and end are steps: an operation that ended before another began came before it.
	start, end int
	// earliest and latest bound the log time at which the operation took effect, in Unix ms.
	earliest, latest int64
	outcome          outcome

	cancel   context.CancelFunc
	answered atomic.Bool
	err      error         // set before answered
	heard    func() string // books a successful answer, and says what it was
}

// before tells whether o had ended when other began.
func (o *operation) before(other *operation) bool { return o.ended() && o.end < other.start }

// ended is false for operations whose answer never came: they may take effect at any later time.
func (o *operation) ended() bool { return o.end > 0 && o.outcome != unknown }

// until is the step after which the operation had no further effect.
func (o *operation) until() int {
	if o.ended() {
		return o.end
	}
	return math.MaxInt
}

// send is a message that a client sent. Its body is like no other's.
type send struct {
	*operation
	result       outcome // of this entry
	queue        int
	body         string
	group, dedup string
	id, sequence string // as answered
}

// receive is a ReceiveMessage.
type receive struct {
	*operation
	queue         int
	attempt       string
	visibility    int64 // ms; the least that it can be
	ownVisibility bool  // it brought a visibility timeout
}

// delivery is a message in the answer of a receive.
type delivery struct {
	*receive
	at       int // its place in the answer
	id, body string
	handle   string
	count    int
	group    string
	sequence string
}

// deletion is a DeleteMessage, or an entry of a batch.
type deletion struct {
	*operation
	result outcome
	of     *delivery
}

// change is a ChangeMessageVisibility, or an entry of a batch.
type change struct {
	*operation
	result  outcome
	of      *delivery
	timeout int64 // ms
}

// wipe is a PurgeQueue or a DeleteQueue.
type wipe struct {
	*operation
	queue int
	whole bool // the queue goes too
}

// found is a message that was in a queue when everything was over.
type found struct {
	queue    int
	id, body string
}

// history is what clients did and heard, and what queues were ever set to.
type history struct {
	begun int

	sends      []*send
	receives   []*receive
	deliveries []*delivery
	deletions  []*deletion
	changes    []*change
	wipes      []*wipe
	found      []found

	bySendBody map[string]*send
	byID       map[string][]*delivery // in the order in which they were heard of

	// What could be at some time, whether it was answered or not:
	edges        [queueCount][queueCount]bool // messages may go from one queue to the other
	dead         [queueCount]bool             // the queue had a redrive policy
	taskFrom     [queueCount]int              // when a move task out of the queue was first started
	maxReceives  [queueCount]int              // the least that its redrive policy had
	retentionMS  [queueCount]int64            // the least
	visibilityMS [queueCount]int64            // the least
	rescoped     [queueCount]bool             // deduplication was by group for a while
}

func newHistory() history {
	h := history{bySendBody: make(map[string]*send), byID: make(map[string][]*delivery)}
	for q := range queueCount {
		h.taskFrom[q] = math.MaxInt
		h.maxReceives[q] = math.MaxInt
		h.retentionMS[q] = 4 * 24 * 3600 * 1000
		h.visibilityMS[q] = 30 * 1000
	}
	return h
}

// reach returns the queues that a message of q may get to, q included.
func (h *history) reach(q int) [queueCount]bool {
	var seen [queueCount]bool
	var visit func(int)
	visit = func(q int) {
		if seen[q] {
			return
		}
		seen[q] = true
		for next, ok := range h.edges[q] {
			if ok {
				visit(next)
			}
		}
	}
	visit(q)
	return seen
}

// fed tells whether messages may come to q from other queues.
func (h *history) fed(q int) bool {
	for from := range h.edges {
		if h.edges[from][q] {
			return true
		}
	}
	return false
}

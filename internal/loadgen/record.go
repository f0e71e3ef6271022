package loadgen

import (
	"math"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// operation is something whose time is measured.
type operation int

const (
	opSend operation = iota
	opReceive
	opDelete
	opDelivery // from when a message was due, or its send began, to when a receive with it was answered
	operations
)

var operationNames = [operations]string{"send", "receive", "delete", "delivery"}

// Histograms count nanoseconds, from a microsecond to 5 minutes, with three digits. What takes longer counts as 5 minutes.
const (
	histogramMin    = int64(time.Microsecond)
	histogramMax    = int64(5 * time.Minute)
	histogramDigits = 3
)

// forever is a moment of the run that never comes.
const forever = time.Duration(math.MaxInt64)

// recorder adds up what happens in a window of time. It is safe for concurrent use.
type recorder struct {
	paced bool // there is a rate: a time counts when its request was due in the window, else when it was answered in it

	mu       sync.Mutex // guards what follows
	from, to time.Duration
	ops      [operations]tally
	empty    int64 // receives without a message
}

type tally struct {
	times              *hdrhistogram.Histogram
	requests, messages int64 // answered in the window
}

// begin forgets everything and opens a window, in times of the run.
func (r *recorder) begin(from, to time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.from, r.to, r.empty = from, to, 0
	for i := range r.ops {
		r.ops[i] = tally{times: hdrhistogram.New(histogramMin, histogramMax, histogramDigits)}
	}
}

// note records a request with n messages that was due, or begun, at one moment and answered at another.
func (r *recorder) note(op operation, due, answered time.Duration, n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := &r.ops[op]
	in := r.within(answered)
	if in {
		t.requests++
		t.messages += int64(n)
	}
	if r.paced {
		in = r.within(due)
	}
	if in {
		_ = t.times.RecordValue(min(max(int64(answered-due), histogramMin), histogramMax)) // it is in the range
	}
}

func (r *recorder) noteEmpty(answered time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.within(answered) {
		r.empty++
	}
}

func (r *recorder) within(t time.Duration) bool { return t >= r.from && t < r.to }

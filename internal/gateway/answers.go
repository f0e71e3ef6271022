package gateway

import (
	"context"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/staunchmq/staunch/internal/api"
)

const (
	// contentBytesMax is the largest content of a message: the 1 MiB of SQS, and what is stored beside it.
	contentBytesMax = 1<<20 + 64<<10
	// roomWait is how long a receive waits for room after it has taken messages. Clients that read have made room by then.
	roomWait = 5 * time.Second
	// pinned is how often a content is in memory beside the encoded answer: as it was stored, and as it goes into the answer.
	pinned = 2
	// What a byte of content can take in an encoded answer: JSON escapes with one more byte, XML with up to five.
	jsonGrowth, xmlGrowth = 2, 6
)

// answers is the memory for large answers, over all connections: MaxAnswersBytes. It is safe for concurrent use.
type answers struct {
	max     int64
	free    *semaphore.Weighted
	used    atomic.Int64
	waiting atomic.Int64 // how many wait for some
}

func newAnswers(max int64) *answers { return &answers{max: max, free: semaphore.NewWeighted(max)} }

// AnswerBytes returns how much of MaxAnswersBytes is in use.
func (h *Handler) AnswerBytes() int64 { return h.answers.used.Load() }

// room is what one answer has of it: before it is encoded, all that it could need; then what it takes, until it is written. It
// implements api.Room.
type room struct {
	*answers
	perByte int64 // what a byte of content takes at the most
	taken   int64
}

// newRoom returns the memory for the answer, of which it has none yet.
func (x *exchange) newRoom() room {
	r := room{answers: x.answers, perByte: pinned + jsonGrowth}
	if x.protocol.isQuery() {
		r.perByte = pinned + xmlGrowth
	}
	return r
}

// Free implements api.Room. What needs no room is in a buffer of up to keptBytes once it is encoded.
func (r *room) Free() int { return int(keptBytes / r.perByte) }

// Fits implements api.Room.
func (r *room) Fits(n int) int {
	if r.waiting.Load() > 0 {
		return 0
	}
	return min(n, int(max(0, r.max-r.used.Load())/(contentBytesMax*r.perByte)))
}

// Take implements api.Room.
func (r *room) Take(ctx context.Context, n int) bool {
	r.hold(0)
	bytes := min(int64(n)*contentBytesMax*r.perByte, r.max)
	if !r.free.TryAcquire(bytes) {
		r.waiting.Add(1)
		defer r.waiting.Add(-1)
		ctx, cancel := context.WithTimeout(ctx, roomWait)
		defer cancel()
		if err := r.free.Acquire(ctx, bytes); err != nil {
			return false
		}
	}
	r.used.Add(bytes)
	r.taken = bytes
	return true
}

// Keep implements api.Room.
func (r *room) Keep(bytes int) { r.hold(int64(bytes) * r.perByte) }

// hold gives back all but so many bytes.
func (r *room) hold(bytes int64) {
	if less := r.taken - bytes; less > 0 {
		r.used.Add(-less)
		r.taken = bytes
		r.free.Release(less)
	}
}

// expects is how large the encoded answer is likely to be, if it is large.
func (r *room) expects() int64 {
	if r.taken == 0 {
		return 0
	}
	return r.taken / r.perByte * 9 / 8
}

// encoded leaves the answer the memory that it takes from now on, which is that of its buffer. A large one of an action that is not a
// receive, a list for instance, has taken none before, and is refused if there is none.
func (r *room) encoded(b *buffer, a *api.Action) error {
	size := int64(cap(b.bytes))
	switch {
	case r.taken > 0:
		r.hold(size)
	case size > keptBytes && !a.Waits:
		if !r.free.TryAcquire(size) {
			return api.ServiceUnavailable.Newf("The server is writing as many large answers as its memory allows. Try again.")
		}
		r.used.Add(size)
		r.taken = size
	}
	return nil
}

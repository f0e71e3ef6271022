package loadgen

import (
	"context"
	"sync/atomic"
	"time"
)

// pace tells producers when to send how much. It is safe for concurrent use.
type pace struct {
	run   *run
	batch int

	left  *atomic.Int64 // messages to be sent; nil: until the time is over
	ahead *ahead        // nil: producers do not wait for consumers

	start, until time.Duration
	rate         float64 // messages a second; 0: at once
	giveUp       time.Duration
	turns        atomic.Int64
	unsent       atomic.Int64 // messages that were due and not sent
}

// next returns how many messages to send and when they are due, and returns at that moment. n is 0 when there is nothing more to send.
func (p *pace) next(ctx context.Context) (n int, due time.Duration) {
	now := p.run.now()
	switch {
	case p.left != nil:
		over := p.left.Add(int64(-p.batch))
		return int(max(min(int64(p.batch), over+int64(p.batch)), 0)), now
	case p.rate == 0:
		if !p.ahead.wait(ctx, p.until-now) || p.turns.Add(1) > 1 && now >= p.until { // one is sent in any case
			return 0, now
		}
		return p.batch, p.run.now()
	}
	turn := p.turns.Add(1) - 1
	due = p.start + time.Duration(float64(turn)*float64(p.batch)/p.rate*float64(time.Second))
	if due >= p.until && turn > 0 { // here, too
		return 0, due
	}
	if now >= p.giveUp || ctx.Err() != nil {
		p.unsent.Add(int64(p.batch))
		return p.skip()
	}
	sleepUntil(ctx, p.run, due)
	return p.batch, due
}

// skip counts all that is left as unsent.
func (p *pace) skip() (n int, due time.Duration) {
	for {
		turn := p.turns.Add(1) - 1
		due = p.start + time.Duration(float64(turn)*float64(p.batch)/p.rate*float64(time.Second))
		if due >= p.until {
			return 0, due
		}
		p.unsent.Add(int64(p.batch))
	}
}

// sleepUntil waits for a moment of the run. The last two milliseconds it leaves to the kernel, whose timers are finer than the runtime's.
func sleepUntil(ctx context.Context, r *run, due time.Duration) {
	const coarse = 2 * time.Millisecond
	if left := due - r.now(); left > coarse {
		timer := time.NewTimer(left - coarse)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
	}
	if left := due - r.now(); left > 0 {
		preciseSleep(left)
	}
}

// ahead keeps producers from running away from consumers: a token stands for the messages of one request. A nil *ahead lets them run.
type ahead struct {
	tokens chan struct{}
	batch  int64
	done   atomic.Int64 // messages deleted
}

func newAhead(messages, batch int) *ahead {
	a := &ahead{tokens: make(chan struct{}, max(messages/batch, 1)), batch: int64(batch)}
	for range cap(a.tokens) {
		a.tokens <- struct{}{}
	}
	return a
}

// wait takes a token and returns true, or false when there was none for so long.
func (a *ahead) wait(ctx context.Context, most time.Duration) bool {
	if ctx.Err() != nil {
		return false
	}
	if a == nil {
		return true
	}
	select {
	case <-a.tokens:
		return true
	default:
	}
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-a.tokens:
		return true
	case <-timer.C:
	case <-ctx.Done():
	}
	return false
}

// deleted gives tokens back for n messages.
func (a *ahead) deleted(n int) {
	if a == nil {
		return
	}
	now := a.done.Add(int64(n))
	for range now/a.batch - (now-int64(n))/a.batch {
		select {
		case a.tokens <- struct{}{}:
		default: // a message was deleted that no token stood for: of a send that was not answered
		}
	}
}

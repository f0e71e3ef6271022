package clock

import (
	"slices"
	"sync"
	"time"
)

// A Manual is a Clock that stands still until it is turned by Advance or Set.
//
// Turning fires every timer that has come due before it returns. What the goroutines that receive the firings do next
// is not waited for.
type Manual struct {
	mu    sync.Mutex
	now   time.Time      // guarded by mu
	armed []*manualTimer // guarded by mu; Invariant: ordered by due, then by time of arming
}

// NewManual returns a clock that stands at start.
func NewManual(start time.Time) *Manual { return &Manual{now: start} }

// Now returns the time at which the clock stands.
func (m *Manual) Now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

// NewTimer returns a timer that fires when the clock has been turned d forward.
func (m *Manual) NewTimer(d time.Duration) Timer {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := &manualTimer{clock: m, c: make(chan time.Time, 1)}
	m.arm(t, d)
	return t
}

// Advance turns the clock forward by d and fires what has come due. A negative d turns it back and fires nothing.
func (m *Manual) Advance(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.turn(m.now.Add(d))
}

// Set turns the clock to t and fires what has come due. With a t before Now it plays a wall clock that was set back:
// nothing fires, and timers keep the moment at which they are due.
func (m *Manual) Set(t time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.turn(t)
}

// Next returns when the earliest armed timer is due, or false when none is armed. A test turns the clock there to make
// exactly the next thing happen.
func (m *Manual) Next() (due time.Time, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.armed) == 0 {
		return time.Time{}, false
	}
	return m.armed[0].due, true
}

// turn moves the clock to t and fires. The caller holds mu.
func (m *Manual) turn(t time.Time) {
	m.now = t
	due := 0
	for due < len(m.armed) && !m.armed[due].due.After(t) {
		m.armed[due].c <- t // never blocks: an armed timer's channel is empty and has room for one
		due++
	}
	m.armed = slices.Delete(m.armed, 0, due)
}

// arm sets t to fire d from now; at once when d is not positive. The caller holds mu and has disarmed t.
func (m *Manual) arm(t *manualTimer, d time.Duration) {
	if d <= 0 {
		t.c <- m.now
		return
	}
	t.due = m.now.Add(d)
	at, _ := slices.BinarySearchFunc(m.armed, t.due, func(other *manualTimer, due time.Time) int {
		return other.due.Compare(due)
	})
	m.armed = slices.Insert(m.armed, at, t)
}

// disarm takes t out of the armed timers, takes an unreceived firing back, and reports whether t was armed. The
// caller holds mu.
func (m *Manual) disarm(t *manualTimer) bool {
	select {
	case <-t.c:
	default:
	}
	at := slices.Index(m.armed, t)
	if at < 0 {
		return false
	}
	m.armed = slices.Delete(m.armed, at, at+1)
	return true
}

type manualTimer struct {
	clock *Manual
	c     chan time.Time
	due   time.Time // guarded by clock.mu
}

func (t *manualTimer) C() <-chan time.Time { return t.c }

func (t *manualTimer) Stop() bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	return t.clock.disarm(t)
}

func (t *manualTimer) Reset(d time.Duration) bool {
	t.clock.mu.Lock()
	defer t.clock.mu.Unlock()
	wasArmed := t.clock.disarm(t)
	t.clock.arm(t, d)
	return wasArmed
}

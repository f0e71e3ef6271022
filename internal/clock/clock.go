// Package clock says what time it is and wakes those who wait for a time.
//
// It exists so that the parts of Staunch which live in time (delays, visibility timeouts, retention, long polls) take
// their time as a value that somebody hands to them. A server is handed System; a test, or a program that embeds a
// server for its own tests, is handed a Manual that stands still until it is turned. The package knows nothing of
// queues. Everything in it is safe for use from several goroutines.
package clock

import "time"

// A Clock tells the time and makes timers that follow it.
type Clock interface {
	// Now returns the current time. The difference of two readings of one System clock is measured by the monotonic
	// clock of the machine, so it is not disturbed when the wall clock is set. Readings of a Manual go where the test
	// puts them, backwards too.
	Now() time.Time

	// NewTimer returns a timer that fires once, d from now. A d of zero or less fires at once.
	NewTimer(d time.Duration) Timer
}

// A Timer fires once on its channel. It can be stopped and set again, as often as wanted.
type Timer interface {
	// C returns the channel on which the timer sends the time when it fires. It is the same channel for the life of
	// the timer and it is never closed.
	C() <-chan time.Time

	// Stop disarms the timer and reports whether it was still armed. After Stop nothing more is received from C
	// until Reset: a firing that nobody had received yet is taken back.
	Stop() bool

	// Reset arms the timer to fire d from now, whatever its state was, and reports whether it was still armed. As
	// with Stop, a firing of the earlier setting is never received after Reset.
	Reset(d time.Duration) bool
}

// System returns the clock of the machine.
func System() Clock { return system{} }

type system struct{}

func (system) Now() time.Time { return time.Now() }

func (system) NewTimer(d time.Duration) Timer { return systemTimer{time.NewTimer(d)} }

// systemTimer is a time.Timer. Since Go 1.23 its Stop and Reset take an unreceived firing back, which is what Timer
// promises.
type systemTimer struct{ timer *time.Timer }

func (t systemTimer) C() <-chan time.Time { return t.timer.C }

func (t systemTimer) Stop() bool { return t.timer.Stop() }

func (t systemTimer) Reset(d time.Duration) bool { return t.timer.Reset(d) }

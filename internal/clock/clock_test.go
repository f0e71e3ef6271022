package clock_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/staunchmq/staunch/internal/clock"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// fired returns what t has sent, without waiting.
func fired(t clock.Timer) (at time.Time, ok bool) {
	select {
	case at = <-t.C():
		return at, true
	default:
		return time.Time{}, false
	}
}

func TestSystemFollowsTheMachine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := clock.System()
		before := c.Now()
		timer := c.NewTimer(3 * time.Second)
		<-timer.C()
		if got := c.Now().Sub(before); got != 3*time.Second {
			t.Errorf("the timer fired after %v, want 3s", got)
		}
		if timer.Reset(time.Minute) {
			t.Error("Reset reports that a timer which had fired was armed")
		}
		if !timer.Stop() {
			t.Error("Stop reports that an armed timer was not")
		}
		time.Sleep(2 * time.Minute)
		if _, ok := fired(timer); ok {
			t.Error("a stopped timer fired")
		}
	})
}

func TestSystemReadingsAreMonotonic(t *testing.T) {
	// A time with a monotonic reading prints it; Round(0) takes it off.
	now := clock.System().Now()
	if now == now.Round(0) {
		t.Error("Now has no monotonic reading")
	}
}

func TestManualStandsStill(t *testing.T) {
	c := clock.NewManual(start)
	if got := c.Now(); !got.Equal(start) {
		t.Errorf("Now() = %v, want %v", got, start)
	}
	c.Advance(90 * time.Minute)
	if got, want := c.Now(), start.Add(90*time.Minute); !got.Equal(want) {
		t.Errorf("after Advance, Now() = %v, want %v", got, want)
	}
	c.Set(start.Add(-time.Hour))
	if got, want := c.Now(), start.Add(-time.Hour); !got.Equal(want) {
		t.Errorf("after Set, Now() = %v, want %v", got, want)
	}
}

func TestManualFiresWhatIsDue(t *testing.T) {
	c := clock.NewManual(start)
	early, late, now := c.NewTimer(time.Second), c.NewTimer(time.Minute), c.NewTimer(0)
	if _, ok := fired(now); !ok {
		t.Error("a timer of no time did not fire at once")
	}
	c.Advance(time.Second - 1)
	if _, ok := fired(early); ok {
		t.Error("a timer fired before its time")
	}
	c.Advance(1)
	if at, ok := fired(early); !ok || !at.Equal(start.Add(time.Second)) {
		t.Errorf("at its time the timer sent %v, %v", at, ok)
	}
	if due, ok := c.Next(); !ok || !due.Equal(start.Add(time.Minute)) {
		t.Errorf("Next() = %v, %v", due, ok)
	}
	c.Advance(time.Hour)
	if _, ok := fired(late); !ok {
		t.Error("a timer that was passed over did not fire")
	}
	if _, ok := c.Next(); ok {
		t.Error("Next names a timer that has fired")
	}
}

func TestManualFiresOnce(t *testing.T) {
	c := clock.NewManual(start)
	timer := c.NewTimer(time.Second)
	c.Advance(time.Second)
	fired(timer)
	c.Advance(time.Hour)
	if _, ok := fired(timer); ok {
		t.Error("a timer fired twice")
	}
}

func TestManualSetBackFiresNothing(t *testing.T) {
	c := clock.NewManual(start)
	timer := c.NewTimer(time.Second)
	c.Set(start.Add(-time.Hour))
	c.Advance(time.Hour)
	if _, ok := fired(timer); ok {
		t.Error("a timer fired before the moment at which it was due")
	}
	c.Advance(time.Second)
	if _, ok := fired(timer); !ok {
		t.Error("a timer did not fire when its moment came again")
	}
}

func TestManualTakesUnreceivedFiringsBack(t *testing.T) {
	c := clock.NewManual(start)
	timer := c.NewTimer(time.Second)
	c.Advance(time.Second)
	if timer.Stop() {
		t.Error("Stop reports that a timer which had fired was armed")
	}
	if _, ok := fired(timer); ok {
		t.Error("a firing was received after Stop")
	}

	timer.Reset(time.Second)
	c.Advance(time.Second)
	timer.Reset(time.Second)
	if _, ok := fired(timer); ok {
		t.Error("a firing was received after Reset")
	}
	c.Advance(time.Second)
	if _, ok := fired(timer); !ok {
		t.Error("a timer that was set again did not fire")
	}
}

func TestNextIsTheEarliestArmedTimer(t *testing.T) {
	c := clock.NewManual(start)
	c.NewTimer(2 * time.Minute)
	second := c.NewTimer(time.Second)
	c.NewTimer(time.Minute)
	second.Stop()
	for _, want := range []time.Duration{time.Minute, 2 * time.Minute} {
		due, ok := c.Next()
		if !ok || due.Sub(start) != want {
			t.Fatalf("Next() = %v after the start, %v; want %v", due.Sub(start), ok, want)
		}
		c.Set(due)
	}
	if due, ok := c.Next(); ok {
		t.Errorf("Next() = %v when nothing is armed", due)
	}
}

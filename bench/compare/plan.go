package main

import (
	"fmt"
	"os"
	"time"
)

// plan knows how long everything will take, and gets better at it as it goes on.
type plan struct {
	began       time.Time
	total, done time.Duration // as estimated before
}

// add puts something on the plan.
func (p *plan) add(estimate time.Duration) { p.total += estimate }

// drop takes something off that is not done after all.
func (p *plan) drop(estimate time.Duration) { p.total -= estimate }

// finish notes that something on the plan is done.
func (p *plan) finish(estimate time.Duration) { p.done += estimate }

// stretch is how much longer things take than was estimated, once enough is done to say so.
func (p *plan) stretch() float64 {
	if p.done < 30*time.Second {
		return 1
	}
	return time.Since(p.began).Seconds() / p.done.Seconds()
}

// expect returns how long something will take that was estimated.
func (p *plan) expect(estimate time.Duration) time.Duration {
	return time.Duration(float64(estimate) * p.stretch())
}

// left returns how long everything still takes.
func (p *plan) left() time.Duration { return p.expect(max(0, p.total-p.done)) }

// say writes a line of progress.
func (p *plan) say(format string, values ...any) {
	at := ""
	if !p.began.IsZero() {
		at = fmt.Sprintf("[%v, about %v to go] ", time.Since(p.began).Round(time.Second), p.left().Round(time.Second))
	}
	fmt.Fprintf(os.Stderr, at+format+"\n", values...)
}

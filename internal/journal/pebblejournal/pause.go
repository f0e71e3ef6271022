package pebblejournal

import (
	"sync"
	"time"

	"github.com/staunchmq/staunch/internal/clock"
)

// Pebble tries again at once what has failed, for ever. These bound how often.
const (
	pauseMin = 10 * time.Millisecond
	pauseMax = time.Second
)

// pause is how long something must wait that has failed: longer each time.
type pause struct {
	mu   sync.Mutex
	time time.Duration // guarded by mu
}

// after tells how it has ended.
func (p *pause) after(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil {
		p.time = 0
		return
	}
	p.time = min(max(2*p.time, pauseMin), pauseMax)
}

// rest waits as long as the last failures ask for, or until stop is closed.
func (p *pause) rest(c clock.Clock, stop <-chan struct{}) {
	p.mu.Lock()
	pause := p.time
	p.mu.Unlock()
	rest(c, pause, stop)
}

// rest waits so long, or until stop is closed.
func rest(c clock.Clock, pause time.Duration, stop <-chan struct{}) {
	if pause <= 0 {
		return
	}
	timer := c.NewTimer(pause)
	select {
	case <-timer.C():
	case <-stop:
		timer.Stop()
	}
}

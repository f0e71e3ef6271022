package pebblejournal

import (
	"sync"
	"time"

	"github.com/staunchmq/staunch/internal/clock"
)

const (
	// Pebble tries a failed flush or compaction again at once, for ever. These bound how often.
	pauseMin = 10 * time.Millisecond
	pauseMax = time.Second

	// unreadableAge is how long what could not be read is not read again, and how long the log says nothing more of it: what damaged it
	// may have been on the way from the disk.
	unreadableAge = time.Minute
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

// saidMax is how many names a said remembers. With more, all are forgotten.
const saidMax = 1024

// said remembers of what the log has said something a moment ago.
type said struct {
	clock clock.Clock

	mu    sync.Mutex
	until map[string]time.Time // guarded by mu
}

// before reports whether something was said of name a moment ago. If not, it will be now.
func (s *said) before(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock.Now()
	if now.Before(s.until[name]) {
		return true
	}
	if s.until == nil || len(s.until) >= saidMax {
		s.until = make(map[string]time.Time)
	}
	s.until[name] = now.Add(unreadableAge)
	return false
}

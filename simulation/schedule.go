package simulation

import (
	"slices"
	"strings"
	"sync"
)

// schedule holds what is about to happen on a node. Goroutines of the node wait in it; the world lets one go at a time.
type schedule struct {
	mu   sync.Mutex
	held []*held // guarded by mu, as all here
	over bool    // nothing is held any more
}

// held is one thing that is about to happen.
type held struct {
	name    string
	release chan struct{}
}

// pause waits for its turn. The name tells equal things from different ones: the order of the held is that of their names, so that it
// does not depend on which goroutine came first.
func (s *schedule) pause(name string) {
	s.mu.Lock()
	if s.over {
		s.mu.Unlock()
		return
	}
	h := &held{name: name, release: make(chan struct{})}
	s.held = append(s.held, h)
	s.mu.Unlock()
	<-h.release
}

// waiting returns what is held, in the order of the names. Nothing may be moving meanwhile.
func (s *schedule) waiting() []*held {
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.SortStableFunc(s.held, func(a, b *held) int { return strings.Compare(a.name, b.name) })
	return slices.Clone(s.held)
}

// release lets one go.
func (s *schedule) release(h *held) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held = slices.DeleteFunc(s.held, func(other *held) bool { return other == h })
	close(h.release)
}

// end lets everything go, from now on.
func (s *schedule) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	for _, h := range s.held {
		close(h.release)
	}
	s.held = nil
}

func (s *schedule) isOver() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.over
}

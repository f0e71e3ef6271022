package pebblejournal

import (
	"sync"
	"time"

	"github.com/staunchmq/staunch/internal/clock"
)

const (
	// recentAge is how long what is damaged is not read again, and how long the log says nothing more of it: what damaged it may have been
	// on the way from the disk.
	recentAge = time.Minute

	// recentMax is how many keys a recent remembers. With more, all are forgotten.
	recentMax = 1024
)

// recent remembers for recentAge what there was of each key.
type recent[K comparable, V any] struct {
	clock clock.Clock

	mu      sync.Mutex
	entries map[K]recentEntry[V] // guarded by mu
}

type recentEntry[V any] struct {
	value V
	until time.Time
}

// add remembers a value, and reports whether nothing was remembered of its key before. If something was, that stays.
func (r *recent[K, V]) add(key K, value V) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.clock.Now()
	if now.Before(r.entries[key].until) {
		return false
	}
	if r.entries == nil || len(r.entries) >= recentMax {
		r.entries = make(map[K]recentEntry[V])
	}
	r.entries[key] = recentEntry[V]{value, now.Add(recentAge)}
	return true
}

// get returns what is remembered of a key.
func (r *recent[K, V]) get(key K) (value V, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e := r.entries[key]; r.clock.Now().Before(e.until) {
		return e.value, true
	}
	return value, false
}

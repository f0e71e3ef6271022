package pebblejournal

import (
	"sync"
	"time"

	"github.com/staunchmq/staunch/internal/clock"
	"github.com/staunchmq/staunch/internal/journal"
)

// unreadableMax is how many damaged records are remembered. With more, all are forgotten.
const unreadableMax = 1024

// unreadable remembers records that were found damaged a moment ago. Pebble takes seconds of CPU to read a damaged block of a table,
// because it tries which bit was flipped, and whoever receives the messages in it asks again and again.
type unreadable struct {
	clock clock.Clock

	mu    sync.Mutex
	found map[journal.Seq]damagedRecord // guarded by mu
}

type damagedRecord struct {
	err   error
	until time.Time
}

// add remembers that a record is damaged.
func (u *unreadable) add(seq journal.Seq, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.found == nil || len(u.found) >= unreadableMax {
		u.found = make(map[journal.Seq]damagedRecord)
	}
	u.found[seq] = damagedRecord{err, u.clock.Now().Add(unreadableAge)}
}

// err returns how a record was found damaged; nil if it may be read.
func (u *unreadable) err(seq journal.Seq) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	d, ok := u.found[seq]
	if ok && !u.clock.Now().Before(d.until) {
		delete(u.found, seq)
		return nil
	}
	return d.err
}

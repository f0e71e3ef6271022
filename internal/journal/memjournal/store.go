package memjournal

import (
	"fmt"
	"sync"

	"github.com/staunchmq/staunch/internal/journal"
)

// Store holds the logs of a number of shards. It implements journal.Store.
type Store struct {
	logs []*Journal // the first handle of each log

	mu     sync.Mutex
	closed bool
	open   []*Journal // handles that Journal gave out
}

var _ journal.Store = (*Store)(nil)

// NewStore returns a Store of empty logs.
func NewStore(shards int) *Store {
	s := &Store{}
	for i := range shards {
		s.logs = append(s.logs, New(uint32(i)))
	}
	return s
}

// Shards implements journal.Store.
func (s *Store) Shards() int { return len(s.logs) }

// Journal implements journal.Store. Unlike a store on disk it gives out as many handles as are asked for: competing owners.
func (s *Store) Journal(shard uint32) (journal.Journal, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, journal.ErrClosed
	}
	if int64(shard) >= int64(len(s.logs)) {
		return nil, fmt.Errorf("%w: shard %d of %d", journal.ErrNotFound, shard, len(s.logs))
	}
	j := s.logs[shard].Open()
	s.open = append(s.open, j)
	return j, nil
}

// Clone returns a Store with a Clone of every log: what a crash at this moment would leave.
func (s *Store) Clone() *Store {
	c := &Store{}
	for _, j := range s.logs {
		c.logs = append(c.logs, j.Clone())
	}
	return c
}

// Close implements journal.Store.
func (s *Store) Close() error {
	s.mu.Lock()
	s.closed = true
	open := s.open
	s.open = nil
	s.mu.Unlock()
	for _, j := range open {
		_ = j.Close() // never fails
	}
	return nil
}

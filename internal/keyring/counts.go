package keyring

import (
	"errors"
	"sync/atomic"
)

// Results of sealing and opening, as they are counted.
const (
	OK = iota
	NotFound
	Disabled
	Damaged // or sealed elsewhere
	Failed  // the system gave no random bytes
	results
)

// counts are how often was sealed and opened, by result.
type counts struct{ seals, opens [results]atomic.Int64 }

func (c *counts) sealed(err error) error { return count(&c.seals, err) }

func (c *counts) opened(err error) error { return count(&c.opens, err) }

// count counts a result, and returns it.
func count(c *[results]atomic.Int64, err error) error {
	result := Failed
	switch {
	case err == nil:
		result = OK
	case errors.Is(err, ErrNotFound):
		result = NotFound
	case errors.Is(err, ErrDisabled):
		result = Disabled
	case errors.Is(err, ErrSealed):
		result = Damaged
	}
	c[result].Add(1)
	return err
}

// Stats is what a keyring has and has done.
type Stats struct {
	// Enabled and Disabled count the keys that seal, or would; Versions their versions.
	Enabled, Disabled, Versions int
	// Seals and Opens count since the start, by result: of data keys and of secrets of the server.
	Seals, Opens [results]int64
	// Stale is true while the source cannot be read again, so that the keys may be old ones.
	Stale bool
}

// Stats returns what there is now.
func (k *Keyring) Stats() Stats {
	stats := Stats{Stale: k.stale.Load()}
	s := k.loaded.Load()
	if s == nil {
		s = k.builtin.Load()
	}
	if s != nil {
		for _, key := range s.keys {
			stats.Versions += len(key.Versions)
			if key.Enabled {
				stats.Enabled++
			} else {
				stats.Disabled++
			}
		}
	}
	for i := range results {
		stats.Seals[i], stats.Opens[i] = k.counts.seals[i].Load(), k.counts.opens[i].Load()
	}
	return stats
}

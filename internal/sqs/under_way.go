package sqs

import (
	"context"
	"sync"

	"github.com/staunchmq/staunch/internal/keyring"
)

// underWay counts what is being encrypted and given to shards, by the generation of the keyring in which it began.
type underWay struct {
	keys *keyring.Keyring

	mu    sync.Mutex
	count map[uint64]int // guarded by mu
	// fewer is closed when a generation has nothing left under way; nil while nobody waits for that. Guarded by mu.
	fewer chan struct{}
}

func newUnderWay(keys *keyring.Keyring) *underWay {
	return &underWay{keys: keys, count: make(map[uint64]int)}
}

// begin comes before a data key is asked for. The caller gives what it returns to end when the shard has answered, or will not be asked.
func (u *underWay) begin() (generation uint64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	generation = u.keys.Generation()
	u.count[generation]++
	return generation
}

func (u *underWay) end(generation uint64) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.count[generation]--; u.count[generation] > 0 {
		return
	}
	delete(u.count, generation)
	if u.fewer != nil {
		close(u.fewer)
		u.fewer = nil
	}
}

// wait returns when nothing is under way that began before the keyring had its present keys.
func (u *underWay) wait(ctx context.Context) error {
	for now := u.keys.Generation(); ; {
		fewer := u.olderThan(now)
		if fewer == nil {
			return nil
		}
		select {
		case <-fewer:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// olderThan returns a channel that is closed when there may be less under way; nil if nothing is that began before a generation.
func (u *underWay) olderThan(generation uint64) <-chan struct{} {
	u.mu.Lock()
	defer u.mu.Unlock()
	for began := range u.count {
		if began >= generation {
			continue
		}
		if u.fewer == nil {
			u.fewer = make(chan struct{})
		}
		return u.fewer
	}
	return nil
}

// KeysTakenOver returns when every message that was encrypted before the keyring had its present keys has been given to its shard: later
// ones are encrypted with these. Dead letters keep the encryption that they had when they were read, so it waits for all that are under way.
// What a shard was given may still be on its way to the disk.
func (s *Service) KeysTakenOver(ctx context.Context) error {
	if err := s.sealer.underWay.wait(ctx); err != nil {
		return err
	}
	return s.carrier.awaitBrought(ctx)
}

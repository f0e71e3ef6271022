package server

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/staunchmq/staunch/internal/admin"
	"github.com/staunchmq/staunch/internal/keyring"
	"github.com/staunchmq/staunch/internal/metrics"
	"github.com/staunchmq/staunch/internal/queue"
	"github.com/staunchmq/staunch/internal/shard"
)

// rewrap encrypts every message and every secret anew that is not under the newest version of its key.
func (s *server) rewrap(ctx context.Context, looked *atomic.Int64) (result admin.Rewrapped, err error) {
	n := s.node.Load()
	if n == nil {
		return result, errors.New("the server is starting or stopping")
	}
	if _, err := s.reloadKeyring(ctx); err != nil { // so that a rotation of a moment ago counts
		return result, err
	}
	secrets, err := n.identities.ResealKeys(ctx)
	if err != nil {
		return admin.Rewrapped{Secrets: secrets.Resealed}, fmt.Errorf("secrets of access keys: %w", err)
	}
	result, err = rewrapShards(ctx, n.shards, func() shard.RewriteFunc {
		resealer := n.service.Resealer()
		return func(id queue.MessageID, content []byte) ([]byte, error) {
			looked.Add(1)
			return resealer.Reseal(id, content)
		}
	})
	result.Secrets, result.SecretsFailed = secrets.Resealed, secrets.Failed
	if secrets.Problem != nil {
		result.SecretsProblem = secrets.Problem.Error()
	}
	return result, err
}

// rewriter is what a rewrap needs of a *shard.Shard.
type rewriter interface {
	ID() uint32
	Rewrite(ctx context.Context, f shard.RewriteFunc) (shard.Rewritten, error)
}

// rewrapShards goes over all shards, each time with a function of its own for each, until a pass finds nothing to do that is not the first: a message
// that was under way in one pass, or moved from shard to shard, is found in the next.
func rewrapShards[S rewriter](ctx context.Context, shards []S, reseal func() shard.RewriteFunc) (result admin.Rewrapped, err error) {
	for first := true; ; first = false {
		before := result.Rewrapped
		result.Failed, result.Problem = 0, ""
		for _, s := range shards {
			done, err := s.Rewrite(ctx, reseal())
			if err != nil {
				return result, fmt.Errorf("shard %d: %w", s.ID(), err)
			}
			result.Rewrapped += done.Rewritten
			if result.Failed += done.Failed; done.Err != nil {
				result.Problem = done.Err.Error()
			}
		}
		if !first && result.Rewrapped == before {
			return result, nil
		}
	}
}

// reloadKeyring reads the keyring. When it returns nil, everything that was encrypted with older versions of its keys is in the journals,
// also what is under way for a client that has gone: a look at these, afterwards, finds all that there will ever be.
func (s *server) reloadKeyring(ctx context.Context) (newest map[string]uint32, err error) {
	changed, err := s.keyring.Reload()
	if changed {
		s.log.Info("the keyring has changed")
	}
	if err != nil {
		return nil, err
	}
	newest = s.keyring.NewestVersions()
	n := s.node.Load()
	if n == nil {
		return nil, errors.New("the server is starting or stopping")
	}
	if err := n.service.KeysTakenOver(ctx); err != nil {
		return nil, fmt.Errorf("wait for what was encrypted before: %w", err)
	}
	for _, sh := range n.shards {
		if err := sh.Fence(ctx); err != nil {
			return nil, fmt.Errorf("shard %d: wait for what was encrypted before: %w", sh.ID(), err)
		}
	}
	if err := n.identities.Settle(ctx); err != nil {
		return nil, fmt.Errorf("wait for secrets that were encrypted before: %w", err)
	}
	return newest, nil
}

// keyringResults are the names of results in the metrics.
var keyringResults = [...]string{
	keyring.OK: "ok", keyring.NotFound: "not_found", keyring.Disabled: "disabled", keyring.Damaged: "damaged", keyring.Failed: "error",
}

func keyringSample(s keyring.Stats) metrics.KeyringSample {
	sample := metrics.KeyringSample{
		Enabled: s.Enabled, Disabled: s.Disabled, Versions: s.Versions, Stale: s.Stale,
		Seals: make(map[string]int64), Opens: make(map[string]int64),
	}
	for result, name := range keyringResults {
		sample.Seals[name], sample.Opens[name] = s.Seals[result], s.Opens[result]
	}
	return sample
}

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
)

// rewrap encrypts every message anew that is not under the newest version of its key. It goes over all shards until a pass finds nothing to
// do: a message that was under way in one pass, or moved from shard to shard, is found in the next.
func (s *server) rewrap(ctx context.Context, looked *atomic.Int64) (result admin.Rewrapped, err error) {
	n := s.node.Load()
	if n == nil {
		return result, errors.New("the server is starting or stopping")
	}
	// So that a rotation of a moment ago counts.
	if changed, err := s.keyring.Reload(); err != nil {
		return result, err
	} else if changed {
		s.log.Info("the keyring has changed")
	}
	for {
		pass := result.Rewrapped
		result.Failed, result.Problem = 0, ""
		resealer := n.service.Resealer()
		reseal := func(id queue.MessageID, content []byte) ([]byte, error) {
			looked.Add(1)
			return resealer.Reseal(id, content)
		}
		for _, shard := range n.shards {
			done, err := shard.Rewrite(ctx, reseal)
			if err != nil {
				return result, fmt.Errorf("shard %d: %w", shard.ID(), err)
			}
			result.Rewrapped += done.Rewritten
			if result.Failed += done.Failed; done.Err != nil {
				result.Problem = done.Err.Error()
			}
		}
		if result.Rewrapped == pass {
			return result, nil
		}
	}
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

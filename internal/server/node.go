package server

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/staunchmq/staunch/internal/access"
	"github.com/staunchmq/staunch/internal/arn"
	"github.com/staunchmq/staunch/internal/catalog"
	"github.com/staunchmq/staunch/internal/clock"
	"github.com/staunchmq/staunch/internal/config"
	"github.com/staunchmq/staunch/internal/gateway"
	"github.com/staunchmq/staunch/internal/identity"
	"github.com/staunchmq/staunch/internal/keyring"
	"github.com/staunchmq/staunch/internal/lifecycle"
	"github.com/staunchmq/staunch/internal/metrics"
	"github.com/staunchmq/staunch/internal/queue"
	"github.com/staunchmq/staunch/internal/shard"
	"github.com/staunchmq/staunch/internal/sqs"
	"github.com/staunchmq/staunch/internal/sts"
)

// node is the shards of this process and the service over them.
type node struct {
	log     *slog.Logger
	catalog *catalog.Catalog
	shards  []*shard.Shard
	service *sqs.Service

	identities *identity.Service
	directory  *identity.Directory
	authorizer *access.Authorizer
}

// openNode replays all shards and starts nothing.
func openNode(ctx context.Context, cfg *config.Config, log *slog.Logger, m *metrics.Registry, st store, keys *keyring.Keyring, exists existsFunc) (*node, error) {
	n := &node{log: log, catalog: catalog.New()}
	count := st.Shards()
	clients := make([]shard.Client, count)
	for i := range count {
		j, err := st.Journal(uint32(i))
		if err != nil {
			return nil, fmt.Errorf("open the journal of shard %d: %w", i, err)
		}
		observed := m.Shard(i)
		o := shard.Options{
			ID:              uint32(i),
			Journal:         j,
			Clock:           clock.System(),
			Logger:          log,
			CheckpointBytes: cfg.CheckpointBytes,
			BodyCacheBytes:  max(1, cfg.BodyCacheBytes/int64(count)),
			InboxBytesMax:   max(1, cfg.PendingBytes/int64(count)),
			CleanRate:       cleanRate(cfg),
			WaitingMax:      max(1, cfg.MaxWaitingReceives/count),
			Observed: shard.Observer{
				Appended: func(bytes int, took time.Duration) { observed.Appended(took, bytes) },
				Cleaned:  observed.Cleaned,
				Panicked: m.Panicked,
			},
		}
		if i == 0 {
			o.Definitions = n.catalog
		}
		s, err := shard.Open(ctx, o)
		if err != nil {
			return nil, fmt.Errorf("replay shard %d: %w", i, err)
		}
		m.CollectShard(i, func() metrics.ShardSample { return metrics.ShardSample(s.Usage()) })
		n.shards = append(n.shards, s)
		clients[i] = s
	}
	n.catalog.Attach(n.shards[0])
	n.service = sqs.New(sqs.Options{
		Catalog:       n.catalog,
		Shards:        clients,
		Keys:          keys,
		Clock:         clock.System(),
		RecreateDelay: cfg.RecreateDelay,
		PurgeInterval: cfg.PurgeInterval,
		Exists:        exists,
		Logger:        log,
	})
	n.openIdentities(keys)
	return n, nil
}

// cleanRate returns the rate as a shard takes it.
func cleanRate(cfg *config.Config) int64 {
	if cfg.CleanRate == 0 {
		return -1
	}
	return cfg.CleanRate
}

// run starts the shards and the service. The service stops before the shards do: its goroutine ends the group of the shards.
func (n *node) run(core *lifecycle.Group) {
	core.Go("node", func(ctx context.Context) error {
		shards := lifecycle.New(context.WithoutCancel(ctx))
		for i, s := range n.shards {
			shards.Go(fmt.Sprintf("shard %d", i), s.Run)
		}
		services := lifecycle.New(ctx)
		services.Go("sqs", n.service.Run)
		services.Go("identities", n.directory.Run)
		services.Go("shards", func(ctx context.Context) error {
			select {
			case <-ctx.Done():
				return nil
			case <-shards.Context().Done():
				return context.Cause(shards.Context())
			}
		})
		err := services.Wait()
		shards.Stop()
		if stopped := shards.Wait(); stopped != nil {
			return stopped
		}
		return err
	})
}

func (n *node) stopWaiting(ctx context.Context) {
	for _, s := range n.shards {
		if err := s.StopWaiting(ctx); err != nil {
			n.log.Debug("waiting receives were not ended", "shard", s.ID(), "error", err)
		}
	}
}

// samplesTimeout bounds how long a scrape of the metrics waits for a busy shard.
const samplesTimeout = 5 * time.Second

// samples reads the counts of all queues for the metrics. Those of queues on a shard that does not answer are unknown.
func (n *node) samples(yield func(metrics.QueueSample)) {
	ctx, cancel := context.WithTimeout(context.Background(), samplesTimeout)
	defer cancel()
	stats := make([]map[queue.ID]queue.Stats, len(n.shards)) // nil for a shard that does not say
	for i, s := range n.shards {
		var err error
		if stats[i], err = s.AllStats(ctx); err != nil {
			n.log.Warn("a shard did not say its counts; its queues are not in this scrape of the metrics", "shard", i, "error", err)
		}
	}
	now := clock.System().Now()
	for q := range n.catalog.View().All() {
		sample := metrics.QueueSample{Account: q.Key.Account, Region: q.Key.Region, Queue: q.Key.Name}
		oldest := int64(0)
		for _, p := range q.Partitions {
			st := stats[p.Shard][p.ID]
			sample.Unknown = sample.Unknown || stats[p.Shard] == nil
			sample.Visible += int(st.Visible)
			sample.InFlight += int(st.InFlight)
			sample.Delayed += int(st.Delayed)
			if st.OldestSent != 0 && (oldest == 0 || st.OldestSent < oldest) {
				oldest = st.OldestSent
			}
		}
		if oldest != 0 {
			sample.OldestAge = max(0, now.Sub(time.UnixMilli(oldest)))
		}
		yield(sample)
	}
}

// highThroughput reports whether a queue is exempt from AWS's quota for FIFO queues.
func (n *node) highThroughput(q arn.ARN) bool {
	record := n.catalog.View().Lookup(catalog.Key{Account: q.Account, Region: q.Region, Name: q.Name})
	return record != nil && record.Attributes.ThroughputPerGroup
}

func gatewayOptions(cfg *config.Config, log *slog.Logger, m *metrics.Registry, n *node) gateway.Options {
	return gateway.Options{
		SQS:            n.service,
		STS:            sts.Service{},
		ClockSkew:      cfg.AuthClockSkew,
		SignedRegions:  cfg.AuthRegions,
		Region:         cfg.Region,
		Account:        cfg.Account,
		PublicURL:      cfg.PublicURL,
		QueueURLStyle:  string(cfg.QueueURLStyle),
		Domain:         cfg.Domain,
		TrustedProxies: cfg.TrustedProxies,
		Rates: gateway.Rates{
			Account: cfg.RateAccount, Queue: cfg.RateQueue, FIFO: cfg.FIFOQuota == config.FIFOQuotaAWS,
			HighThroughput: n.highThroughput, Throttled: m.Throttled,
		},
		AuditMessages:    cfg.AuditMessages,
		MaxBodyBytes:     cfg.MaxBodyBytes,
		MaxBufferedBytes: cfg.BodyBufferBytes,
		MaxAnswersBytes:  cfg.AnswerBufferBytes,
		BodyTimeout:      cfg.BodyTimeout,
		AnswerTimeout:    cfg.AnswerTimeout,
		Logger:           log,
		Observe: func(action, code string, _ int, seconds float64) {
			m.Request(action, code, time.Duration(seconds*float64(time.Second)))
		},
		ObservePanic: m.Panicked,
	}
}

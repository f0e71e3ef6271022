package metrics

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// ShardSample is what a shard holds of what settings bound.
type ShardSample struct {
	JournalBytes, LiveBytes                        int64
	BodyCacheBytes, BodyCacheHits, BodyCacheMisses int64
	PendingBytes                                   int64
	WaitingReceives                                int64
}

// shardCollector asks a shard at each scrape.
type shardCollector struct {
	sample       func() ShardSample
	descriptions [len(shardMetrics)]*prometheus.Desc
}

var shardMetrics = [...]struct {
	name, help string
	kind       prometheus.ValueType
	value      func(*ShardSample) int64
}{
	{"staunch_journal_stored_bytes", "Bytes of the records that the journal holds, by shard.",
		prometheus.GaugeValue, func(s *ShardSample) int64 { return s.JournalBytes }},
	{"staunch_journal_live_bytes", "Bytes of them that are messages which are still there, by shard: an estimate, as of the start or the newest checkpoint.",
		prometheus.GaugeValue, func(s *ShardSample) int64 { return s.LiveBytes }},
	{"staunch_body_cache_bytes", "Memory of the body cache, by shard. The setting body-cache-bytes bounds the sum.",
		prometheus.GaugeValue, func(s *ShardSample) int64 { return s.BodyCacheBytes }},
	{"staunch_body_cache_hits_total", "Bodies that were read from the body cache, by shard.",
		prometheus.CounterValue, func(s *ShardSample) int64 { return s.BodyCacheHits }},
	{"staunch_body_cache_misses_total", "Bodies that were not in the body cache and were read from the journal, by shard.",
		prometheus.CounterValue, func(s *ShardSample) int64 { return s.BodyCacheMisses }},
	{"staunch_pending_request_bytes", "Requests that have come in and are not decided, by shard. The setting pending-bytes bounds the sum.",
		prometheus.GaugeValue, func(s *ShardSample) int64 { return s.PendingBytes }},
	{"staunch_waiting_receives", "Long polls that are waiting for a message, by shard.",
		prometheus.GaugeValue, func(s *ShardSample) int64 { return s.WaitingReceives }},
}

// CollectShard lets each scrape read what the shard with this number holds. It is called once a shard.
func (r *Registry) CollectShard(number int, sample func() ShardSample) {
	c := &shardCollector{sample: sample}
	for i, m := range shardMetrics {
		c.descriptions[i] = prometheus.NewDesc(m.name, m.help, nil, prometheus.Labels{"shard": strconv.Itoa(number)})
	}
	r.prometheus.MustRegister(c)
}

// Describe implements prometheus.Collector.
func (c *shardCollector) Describe(descriptions chan<- *prometheus.Desc) {
	for _, d := range c.descriptions {
		descriptions <- d
	}
}

// Collect implements prometheus.Collector.
func (c *shardCollector) Collect(collected chan<- prometheus.Metric) {
	s := c.sample()
	for i, m := range shardMetrics {
		collected <- prometheus.MustNewConstMetric(c.descriptions[i], m.kind, float64(m.value(&s)))
	}
}

package metrics

import (
	"cmp"
	"slices"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// A QueueSample is the state of one queue at one moment.
type QueueSample struct {
	Account, Region, Queue string

	// Unknown tells that the figures below could not be read. The queue counts as one that exists; its figures are left out,
	// and so are those of a sum that it belongs to.
	Unknown bool

	Visible, InFlight, Delayed int

	// OldestAge is how long ago the oldest message of the queue was sent; zero for an empty queue.
	OldestAge time.Duration
}

// QueueStats calls yield once for every queue that exists, in any order. It may be called at any time, and again before
// an earlier call has returned.
type QueueStats func(yield func(QueueSample))

// CollectQueues makes stats the source of the per-queue metrics. It is called for each scrape. Before the first call of
// CollectQueues there are no per-queue metrics.
func (r *Registry) CollectQueues(stats QueueStats) { r.queues.stats.Store(&stats) }

var (
	queueLabels   = []string{"account", "region", "queue"}
	queueMessages = prometheus.NewDesc("staunch_queue_messages",
		"Messages in the queue, by state: visible, in_flight or delayed. The counts are exact.",
		append(slices.Clone(queueLabels), "state"), nil)
	queueOldest = prometheus.NewDesc("staunch_queue_oldest_message_age_seconds",
		"Time since the oldest message of the queue was sent; 0 when it is empty.", queueLabels, nil)
	queueTotal = prometheus.NewDesc("staunch_queues",
		"Queues that exist.", nil, nil)
	queuesSummed = prometheus.NewDesc("staunch_metrics_queues_summed",
		`Queues beyond metrics-max-queues. They are not exported one by one but summed under queue="_other" (age: the oldest).`,
		nil, nil)
)

// queueCollector turns the samples of a QueueStats into metrics, one scrape at a time. When there are more queues than
// limit, those that come first by account, region and name are exported one by one, so that a series does not come and go
// between scrapes.
type queueCollector struct {
	limit int
	stats atomic.Pointer[QueueStats]
}

// Describe implements prometheus.Collector.
func (c *queueCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{queueMessages, queueOldest, queueTotal, queuesSummed} {
		ch <- desc
	}
}

// Collect implements prometheus.Collector.
func (c *queueCollector) Collect(ch chan<- prometheus.Metric) {
	stats := c.stats.Load()
	if stats == nil {
		return
	}
	var samples []QueueSample
	(*stats)(func(s QueueSample) { samples = append(samples, s) })
	total := len(samples)

	summed := 0
	if total > c.limit {
		slices.SortFunc(samples, compareNames)
		summed = total - c.limit
		other := sum(samples[c.limit:])
		samples = append(samples[:c.limit], other)
	}
	for _, s := range samples {
		if !s.Unknown {
			sendSample(ch, s)
		}
	}
	ch <- prometheus.MustNewConstMetric(queueTotal, prometheus.GaugeValue, float64(total))
	ch <- prometheus.MustNewConstMetric(queuesSummed, prometheus.GaugeValue, float64(summed))
}

func compareNames(a, b QueueSample) int {
	return cmp.Or(
		cmp.Compare(a.Account, b.Account),
		cmp.Compare(a.Region, b.Region),
		cmp.Compare(a.Queue, b.Queue),
	)
}

// sum adds samples up under the name Other. Its age is that of the oldest message of all.
func sum(samples []QueueSample) QueueSample {
	total := QueueSample{Account: Other, Region: Other, Queue: Other}
	for _, s := range samples {
		total.Unknown = total.Unknown || s.Unknown
		total.Visible += s.Visible
		total.InFlight += s.InFlight
		total.Delayed += s.Delayed
		total.OldestAge = max(total.OldestAge, s.OldestAge)
	}
	return total
}

func sendSample(ch chan<- prometheus.Metric, s QueueSample) {
	send := func(desc *prometheus.Desc, value float64, more ...string) {
		labels := append([]string{s.Account, s.Region, s.Queue}, more...)
		ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	send(queueMessages, float64(s.Visible), "visible")
	send(queueMessages, float64(s.InFlight), "in_flight")
	send(queueMessages, float64(s.Delayed), "delayed")
	send(queueOldest, s.OldestAge.Seconds())
}

// CollectDeadLetters lets each scrape read what dead letters on their way take. It is called once.
func (r *Registry) CollectDeadLetters(carried func() int64) {
	r.prometheus.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "staunch_dead_letter_buffer_bytes",
		Help: "Memory for dead letters that are on their way into their queue: at most 8 times 8 MiB; more of them wait.",
	}, func() float64 { return float64(carried()) }))
}

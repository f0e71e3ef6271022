// Package metrics counts and measures what a server does.
//
// There is one Registry per server. Its methods are the list of what Staunch measures: the parts of the server report
// to it (Request, Shard, Fsync, Panicked, Throttled), and figures that some part already keeps are read when somebody asks for
// them (CollectQueues, CollectDisk, CollectShard, CollectConnections, CollectCertificate, CollectKeyring). The package knows nothing of queues beyond the
// numbers it is given, and it is the only one,
// with admin, that knows Prometheus. Everything in it is safe for use from several goroutines, and what is called per
// request or per record neither locks nor allocates once its series exists.
//
// No label takes values without a limit: queues beyond a limit are summed, and so are request series.
package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/staunchmq/staunch/internal/version"
)

// Other is the label value under which series beyond a limit are summed. No AWS account, region or action has it.
const Other = "_other"

// Options is what a Registry is made from.
type Options struct {
	// Build is shown as the labels of staunch_build_info.
	Build version.Info

	// MaxQueues is how many queues are exported one by one; the rest are summed. Zero sums all.
	MaxQueues int
}

// A Registry holds the metrics of one server. Make one with New.
type Registry struct {
	prometheus *prometheus.Registry
	requests   *requests
	journal    journal
	edge       edge
	panics     prometheus.Counter
	queues     *queueCollector
	disk       *diskCollector
}

// New returns a registry with every metric of Staunch, of the Go runtime and of the process. Metrics without labels
// are zero from the start.
func New(options Options) *Registry {
	r := &Registry{
		prometheus: prometheus.NewRegistry(),
		requests:   newRequests(),
		journal:    newJournal(),
		edge:       newEdge(),
		panics: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "staunch_panics_total",
			Help: "Panics that were recovered. Any is a defect of Staunch; the log has the stack.",
		}),
		queues: &queueCollector{limit: options.MaxQueues},
		disk:   &diskCollector{},
	}
	r.prometheus.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		buildInfo(options.Build),
		r.requests.count, r.requests.duration,
		r.journal.append, r.journal.fsync, r.journal.records, r.journal.bytes, r.journal.cleaned,
		r.edge.refused, r.edge.throttled, r.edge.lost,
		r.panics,
		r.queues,
		r.disk,
	)
	return r
}

// Gatherer returns what a scrape reads.
func (r *Registry) Gatherer() prometheus.Gatherer { return r.prometheus }

// Panicked counts one recovered panic.
func (r *Registry) Panicked() { r.panics.Inc() }

func buildInfo(build version.Info) prometheus.Collector {
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name:        "staunch_build_info",
		Help:        "Always 1; the labels say which build this is.",
		ConstLabels: prometheus.Labels{"version": build.Version, "commit": build.Commit, "go": build.Go},
	})
	info.Set(1)
	return info
}

// latency returns the options of a histogram of seconds. A scraper that asks for native histograms gets them, with
// buckets 10% apart; any other gets the buckets given.
func latency(name, help string, buckets []float64) prometheus.HistogramOpts {
	return prometheus.HistogramOpts{
		Name:                            name,
		Help:                            help,
		Buckets:                         buckets,
		NativeHistogramBucketFactor:     1.1,
		NativeHistogramMaxBucketNumber:  160, // the default of OpenTelemetry's exponential histogram
		NativeHistogramMinResetDuration: time.Hour,
	}
}

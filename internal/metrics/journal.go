package metrics

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// diskBuckets reach from a flash disk with a safe cache to a spinning one under load.
var diskBuckets = []float64{
	.00005, .0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5,
}

// journal measures the journals and the shards that own them.
type journal struct {
	append  *prometheus.HistogramVec
	fsync   prometheus.Histogram
	records prometheus.Counter
	bytes   prometheus.Counter
	cleaned prometheus.Counter
}

func newJournal() journal {
	return journal{
		append: prometheus.NewHistogramVec(latency(
			"staunch_journal_append_seconds",
			"Time from handing a record to the journal until it is durable, by shard.",
			diskBuckets,
		), []string{"shard"}),
		fsync: prometheus.NewHistogram(latency(
			"staunch_journal_fsync_seconds",
			"Time that the disk took for one sync of the journal.",
			diskBuckets,
		)),
		records: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "staunch_journal_records_total",
			Help: "Records made durable. Each holds the changes of all requests that were decided together.",
		}),
		bytes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "staunch_journal_bytes_total",
			Help: "Bytes of the records made durable.",
		}),
		cleaned: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "staunch_journal_cleaned_bytes_total",
			Help: "Bytes of messages that were copied forward, so that the journal before them can be removed.",
		}),
	}
}

// Fsync measures one sync of a journal to its disk.
func (r *Registry) Fsync(took time.Duration) { r.journal.fsync.Observe(took.Seconds()) }

// A Shard reports for one shard.
type Shard struct {
	append  prometheus.Observer
	records prometheus.Counter
	bytes   prometheus.Counter
	cleaned prometheus.Counter
}

// Shard returns the metrics of the shard with this number. Its series exist from then on.
func (r *Registry) Shard(number int) *Shard {
	label := strconv.Itoa(number)
	return &Shard{
		append:  r.journal.append.WithLabelValues(label),
		records: r.journal.records,
		bytes:   r.journal.bytes,
		cleaned: r.journal.cleaned,
	}
}

// Appended counts one record of this many bytes that became durable after took.
func (s *Shard) Appended(took time.Duration, bytes int) {
	s.append.Observe(took.Seconds())
	s.records.Inc()
	s.bytes.Add(float64(bytes))
}

// Cleaned counts the bytes of messages that were copied forward.
func (s *Shard) Cleaned(bytes int64) { s.cleaned.Add(float64(bytes)) }

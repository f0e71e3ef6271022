package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// edge counts what the server takes in, and what it refuses before anything is done.
type edge struct {
	refused   *prometheus.CounterVec
	throttled *prometheus.CounterVec
	lost      prometheus.Counter
}

func newEdge() edge {
	e := edge{
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "staunch_connections_refused_total",
			Help: "Connections to the API that were closed at once, by the limit they were beyond: total or address.",
		}, []string{"limit"}),
		throttled: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "staunch_requests_throttled_total",
			Help: "Requests that got RequestThrottled because of a rate, by what limits it: account, queue or fifo.",
		}, []string{"limit"}),
		lost: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "staunch_audit_entries_lost_total",
			Help: "Entries that could not be written to the audit log. The log says why.",
		}),
	}
	for _, limit := range []string{"total", "address"} {
		e.refused.WithLabelValues(limit)
	}
	for _, limit := range []string{"account", "queue", "fifo"} {
		e.throttled.WithLabelValues(limit)
	}
	return e
}

// ConnectionRefused counts one connection that was closed because of a limit.
func (r *Registry) ConnectionRefused(limit string) { r.edge.refused.WithLabelValues(limit).Inc() }

// Throttled counts one request that was refused because of a rate.
func (r *Registry) Throttled(limit string) { r.edge.throttled.WithLabelValues(limit).Inc() }

// AuditLost counts one entry that is not in the audit log.
func (r *Registry) AuditLost() { r.edge.lost.Inc() }

// CollectConnections lets each scrape read how many connections to the API there are. It is called once.
func (r *Registry) CollectConnections(open func() int64) {
	r.prometheus.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "staunch_connections",
		Help: "Connections to the API that are open.",
	}, func() float64 { return float64(open()) }))
}

// CollectBodies lets each scrape read what large bodies of requests take. It is called once.
func (r *Registry) CollectBodies(buffered func() int64) {
	r.prometheus.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "staunch_body_buffer_bytes",
		Help: "Memory for bodies of requests larger than 64 KiB that are being read or decoded. The setting body-buffer-bytes bounds it.",
	}, func() float64 { return float64(buffered()) }))
}

// CollectAnswers lets each scrape read what large answers take. It is called once.
func (r *Registry) CollectAnswers(used func() int64) {
	r.prometheus.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "staunch_answer_buffer_bytes",
		Help: "Memory for answers with more than 64 KiB of messages that are being made or written. The setting answer-buffer-bytes bounds it.",
	}, func() float64 { return float64(used()) }))
}

// CollectCertificate lets each scrape read when the certificate of a listener ends. It is called once for each, "api" and "admin".
func (r *Registry) CollectCertificate(listener string, notAfter func() time.Time) {
	r.prometheus.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name:        "staunch_tls_certificate_not_after_timestamp_seconds",
		Help:        "When the TLS certificate of the listener ends, in Unix time.",
		ConstLabels: prometheus.Labels{"listener": listener},
	}, func() float64 { return float64(notAfter().Unix()) }))
}

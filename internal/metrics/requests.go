package metrics

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// maxRequestSeries limits the pairs of action and code that are told apart. 23 actions with their error codes are a few
// hundred; the limit holds if some caller passes on what a client made up.
const maxRequestSeries = 2000

// requestBuckets reach from a request that is answered from memory to the longest long poll (AWS: 20 s).
var requestBuckets = []float64{
	.00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 20, 30,
}

// requests counts API requests and measures how long they took.
type requests struct {
	count    *prometheus.CounterVec
	duration *prometheus.HistogramVec

	series sync.Map // requestKey -> *requestSeries

	mu    sync.Mutex
	known int // guarded by mu; how many keys series has
}

type requestKey struct{ action, code string }

type requestSeries struct {
	count    prometheus.Counter
	duration prometheus.Observer
}

func newRequests() *requests {
	return &requests{
		count: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "staunch_api_requests_total",
			Help: "API requests answered, by action and by code: OK, or the code of the error.",
		}, []string{"action", "code"}),
		duration: prometheus.NewHistogramVec(latency(
			"staunch_api_request_duration_seconds",
			"Time from the first byte of a request to its answer, by action. Long polls count with their wait.",
			requestBuckets,
		), []string{"action"}),
	}
}

// Request counts one answered API request. code is "OK" or the code of the error. After 2,000 different pairs of action
// and code, new pairs are counted with both labels Other.
func (r *Registry) Request(action, code string, took time.Duration) {
	s := r.requests.get(requestKey{action, code})
	s.count.Inc()
	s.duration.Observe(took.Seconds())
}

func (r *requests) get(key requestKey) *requestSeries {
	if s, ok := r.series.Load(key); ok {
		return s.(*requestSeries)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if s, ok := r.series.Load(key); ok {
		return s.(*requestSeries)
	}
	full := r.known >= maxRequestSeries
	if full {
		key = requestKey{Other, Other}
		if s, ok := r.series.Load(key); ok {
			return s.(*requestSeries)
		}
	}
	s := &requestSeries{
		count:    r.count.WithLabelValues(key.action, key.code),
		duration: r.duration.WithLabelValues(key.action),
	}
	r.series.Store(key, s)
	r.known++
	return s
}

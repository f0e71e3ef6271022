package metrics

import "github.com/prometheus/client_golang/prometheus"

// KeyringSample is what a keyring has, and has done since the start.
type KeyringSample struct {
	Enabled, Disabled, Versions int
	// Stale is true while the source of the keys cannot be read again.
	Stale bool
	// Seals and Opens count by result: ok, not_found, disabled, damaged or error.
	Seals, Opens map[string]int64
}

// CollectKeyring lets each scrape read what the keyring has and does. It is called once.
func (r *Registry) CollectKeyring(read func() KeyringSample) {
	r.prometheus.MustRegister(keyringCollector(read))
}

type keyringCollector func() KeyringSample

var (
	keyringKeys = prometheus.NewDesc("staunch_keyring_keys",
		"Keys of the keyring, by their state: enabled or disabled.", []string{"state"}, nil)
	keyringVersions = prometheus.NewDesc("staunch_keyring_versions",
		"Versions of all keys of the keyring.", nil, nil)
	keyringStale = prometheus.NewDesc("staunch_keyring_stale",
		"1 while the keyring cannot be read again, so that changes of it have no effect; else 0. The log says why.", nil, nil)
	keyringOperations = prometheus.NewDesc("staunch_keyring_operations_total",
		"Data keys and secrets that were wrapped (seal) and unwrapped (open) with keys of the keyring, by result: ok, not_found, disabled, "+
			"damaged or error.", []string{"operation", "result"}, nil)
)

// Describe implements prometheus.Collector.
func (c keyringCollector) Describe(descriptions chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{keyringKeys, keyringVersions, keyringStale, keyringOperations} {
		descriptions <- d
	}
}

// Collect implements prometheus.Collector.
func (c keyringCollector) Collect(collected chan<- prometheus.Metric) {
	s := c()
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		collected <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	gauge(keyringKeys, float64(s.Enabled), "enabled")
	gauge(keyringKeys, float64(s.Disabled), "disabled")
	gauge(keyringVersions, float64(s.Versions))
	stale := 0.0
	if s.Stale {
		stale = 1
	}
	gauge(keyringStale, stale)
	for operation, counts := range map[string]map[string]int64{"seal": s.Seals, "open": s.Opens} {
		for result, n := range counts {
			collected <- prometheus.MustNewConstMetric(keyringOperations, prometheus.CounterValue, float64(n), operation, result)
		}
	}
}

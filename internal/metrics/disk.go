package metrics

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// DiskSample is the state of the disk that the data directory is on.
type DiskSample struct {
	FreeBytes    uint64
	SendsRefused bool // because too little is free
	CacheBytes   int64
}

// diskCollector asks for the state of the disk at each scrape.
type diskCollector struct {
	sample atomic.Pointer[func() DiskSample]
}

var (
	diskFree = prometheus.NewDesc("staunch_disk_free_bytes",
		"Space free for this server on the disk of the data directory.", nil, nil)
	diskRefused = prometheus.NewDesc("staunch_disk_sends_refused",
		"1 while less than disk-reserve is free and nothing new is taken in, else 0.", nil, nil)
	diskCache = prometheus.NewDesc("staunch_journal_cache_bytes",
		"Memory of blocks that were read from the data directory. The setting journal-cache-bytes, and room for what is not yet in files, bound it.", nil, nil)
)

// CollectDisk lets each scrape read the state of the disk. Without it there are no metrics of a disk.
func (r *Registry) CollectDisk(sample func() DiskSample) { r.disk.sample.Store(&sample) }

// Describe implements prometheus.Collector.
func (c *diskCollector) Describe(descriptions chan<- *prometheus.Desc) {
	descriptions <- diskFree
	descriptions <- diskRefused
	descriptions <- diskCache
}

// Collect implements prometheus.Collector.
func (c *diskCollector) Collect(collected chan<- prometheus.Metric) {
	sample := c.sample.Load()
	if sample == nil {
		return
	}
	s := (*sample)()
	refused := 0.0
	if s.SendsRefused {
		refused = 1
	}
	collected <- prometheus.MustNewConstMetric(diskFree, prometheus.GaugeValue, float64(s.FreeBytes))
	collected <- prometheus.MustNewConstMetric(diskRefused, prometheus.GaugeValue, refused)
	collected <- prometheus.MustNewConstMetric(diskCache, prometheus.GaugeValue, float64(s.CacheBytes))
}

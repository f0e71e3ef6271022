package metrics_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"github.com/staunchmq/staunch/internal/metrics"
	"github.com/staunchmq/staunch/internal/version"
)

func newRegistry(maxQueues int) *metrics.Registry {
	return metrics.New(metrics.Options{
		Build:     version.Info{Version: "1.2.3", Commit: "abc", Go: "go1.26.8"},
		MaxQueues: maxQueues,
	})
}

func TestBuildInfo(t *testing.T) {
	expect(t, newRegistry(0), `
# HELP staunch_build_info Always 1; the labels say which build this is.
# TYPE staunch_build_info gauge
staunch_build_info{commit="abc",go="go1.26.8",version="1.2.3"} 1
`, "staunch_build_info")
}

func TestRequestsByActionAndCode(t *testing.T) {
	r := newRegistry(0)
	r.Request("SendMessage", "OK", time.Millisecond)
	r.Request("SendMessage", "OK", time.Millisecond)
	r.Request("SendMessage", "QueueDoesNotExist", time.Millisecond)
	expect(t, r, `
# HELP staunch_api_requests_total API requests answered, by action and by code: OK, or the code of the error.
# TYPE staunch_api_requests_total counter
staunch_api_requests_total{action="SendMessage",code="OK"} 2
staunch_api_requests_total{action="SendMessage",code="QueueDoesNotExist"} 1
`, "staunch_api_requests_total")
	if got := len(family(t, r, "staunch_api_request_duration_seconds")); got != 1 {
		t.Errorf("%d duration series, want one per action", got)
	}
	if got := observations(t, r, "staunch_api_request_duration_seconds"); got != 3 {
		t.Errorf("%d durations, want 3", got)
	}
}

func TestRequestSeriesAreLimited(t *testing.T) {
	r := newRegistry(0)
	var done sync.WaitGroup
	for worker := range 4 {
		done.Go(func() {
			for i := range 1000 {
				r.Request(fmt.Sprintf("Made%dUp%d", worker, i), "InvalidAction", time.Millisecond)
			}
		})
	}
	done.Wait()
	if got, want := len(family(t, r, "staunch_api_requests_total")), 2001; got != want {
		t.Errorf("%d series of 4000 made-up actions, want %d", got, want)
	}
	if got := value(t, r, "staunch_api_requests_total", "_other"); got != 2000 {
		t.Errorf("%v requests counted as _other, want 2000", got)
	}
}

func TestJournalAndShards(t *testing.T) {
	r := newRegistry(0)
	zero, one := r.Shard(0), r.Shard(1)
	zero.Appended(time.Millisecond, 100)
	one.Appended(time.Millisecond, 20)
	one.Appended(time.Millisecond, 3)
	one.Cleaned(50)
	r.CollectShard(0, func() metrics.ShardSample { return metrics.ShardSample{} })
	r.CollectShard(1, func() metrics.ShardSample {
		return metrics.ShardSample{JournalBytes: 1, LiveBytes: 2, BodyCacheBytes: 3, BodyCacheHits: 4, BodyCacheMisses: 5, PendingBytes: 6, WaitingReceives: 7}
	})
	r.Fsync(time.Millisecond)
	r.Panicked()
	expect(t, r, `
# HELP staunch_body_cache_bytes Memory of the body cache, by shard. The setting body-cache-bytes bounds the sum.
# TYPE staunch_body_cache_bytes gauge
staunch_body_cache_bytes{shard="0"} 0
staunch_body_cache_bytes{shard="1"} 3
# HELP staunch_body_cache_hits_total Bodies that were read from the body cache, by shard.
# TYPE staunch_body_cache_hits_total counter
staunch_body_cache_hits_total{shard="0"} 0
staunch_body_cache_hits_total{shard="1"} 4
# HELP staunch_body_cache_misses_total Bodies that were not in the body cache and were read from the journal, by shard.
# TYPE staunch_body_cache_misses_total counter
staunch_body_cache_misses_total{shard="0"} 0
staunch_body_cache_misses_total{shard="1"} 5
# HELP staunch_journal_bytes_total Bytes of the records made durable.
# TYPE staunch_journal_bytes_total counter
staunch_journal_bytes_total 123
# HELP staunch_journal_cleaned_bytes_total Bytes of messages that were copied forward, so that the journal before them can be removed.
# TYPE staunch_journal_cleaned_bytes_total counter
staunch_journal_cleaned_bytes_total 50
# HELP staunch_journal_live_bytes Bytes of them that are messages which are still there, by shard: an estimate, as of the start or the newest checkpoint.
# TYPE staunch_journal_live_bytes gauge
staunch_journal_live_bytes{shard="0"} 0
staunch_journal_live_bytes{shard="1"} 2
# HELP staunch_journal_records_total Records made durable. Each holds the changes of all requests that were decided together.
# TYPE staunch_journal_records_total counter
staunch_journal_records_total 3
# HELP staunch_journal_stored_bytes Bytes of the records that the journal holds, by shard.
# TYPE staunch_journal_stored_bytes gauge
staunch_journal_stored_bytes{shard="0"} 0
staunch_journal_stored_bytes{shard="1"} 1
# HELP staunch_panics_total Panics that were recovered. Any is a defect of Staunch; the log has the stack.
# TYPE staunch_panics_total counter
staunch_panics_total 1
# HELP staunch_pending_request_bytes Requests that have come in and are not decided, by shard. The setting pending-bytes bounds the sum.
# TYPE staunch_pending_request_bytes gauge
staunch_pending_request_bytes{shard="0"} 0
staunch_pending_request_bytes{shard="1"} 6
# HELP staunch_waiting_receives Long polls that are waiting for a message, by shard.
# TYPE staunch_waiting_receives gauge
staunch_waiting_receives{shard="0"} 0
staunch_waiting_receives{shard="1"} 7
`, "staunch_body_cache_bytes", "staunch_body_cache_hits_total", "staunch_body_cache_misses_total", "staunch_journal_bytes_total",
		"staunch_journal_cleaned_bytes_total", "staunch_journal_live_bytes", "staunch_journal_records_total", "staunch_journal_stored_bytes",
		"staunch_panics_total", "staunch_pending_request_bytes", "staunch_waiting_receives")
	for name, want := range map[string]uint64{
		"staunch_journal_append_seconds": 3,
		"staunch_journal_fsync_seconds":  1,
	} {
		if got := observations(t, r, name); got != want {
			t.Errorf("%s has %d observations, want %d", name, got, want)
		}
	}
}

func TestDiskIsReadAtScrape(t *testing.T) {
	r := newRegistry(0)
	expect(t, r, "", "staunch_disk_free_bytes", "staunch_disk_sends_refused")
	sample := metrics.DiskSample{}
	r.CollectDisk(func() metrics.DiskSample { return sample })
	sample = metrics.DiskSample{FreeBytes: 12345, SendsRefused: true}
	expect(t, r, `
# HELP staunch_disk_free_bytes Space free for this server on the disk of the data directory.
# TYPE staunch_disk_free_bytes gauge
staunch_disk_free_bytes 12345
# HELP staunch_disk_sends_refused 1 while less than disk-reserve is free and nothing new is taken in, else 0.
# TYPE staunch_disk_sends_refused gauge
staunch_disk_sends_refused 1
`, "staunch_disk_free_bytes", "staunch_disk_sends_refused")
}

func TestQueuesAreReadAtScrape(t *testing.T) {
	r := newRegistry(10)
	expect(t, r, "", "staunch_queue_messages", "staunch_queues")

	visible := 1
	r.CollectQueues(func(yield func(metrics.QueueSample)) {
		yield(metrics.QueueSample{
			Account: "000000000000", Region: "us-east-1", Queue: "orders",
			Visible: visible, InFlight: 2, Delayed: 3, OldestAge: 1500 * time.Millisecond,
		})
	})
	visible = 40
	expect(t, r, `
# HELP staunch_metrics_queues_summed Queues beyond metrics-max-queues. They are not exported one by one but summed under queue="_other" (age: the oldest).
# TYPE staunch_metrics_queues_summed gauge
staunch_metrics_queues_summed 0
# HELP staunch_queue_messages Messages in the queue, by state: visible, in_flight or delayed. The counts are exact.
# TYPE staunch_queue_messages gauge
staunch_queue_messages{account="000000000000",queue="orders",region="us-east-1",state="delayed"} 3
staunch_queue_messages{account="000000000000",queue="orders",region="us-east-1",state="in_flight"} 2
staunch_queue_messages{account="000000000000",queue="orders",region="us-east-1",state="visible"} 40
# HELP staunch_queue_oldest_message_age_seconds Time since the oldest message of the queue was sent; 0 when it is empty.
# TYPE staunch_queue_oldest_message_age_seconds gauge
staunch_queue_oldest_message_age_seconds{account="000000000000",queue="orders",region="us-east-1"} 1.5
# HELP staunch_queues Queues that exist.
# TYPE staunch_queues gauge
staunch_queues 1
`, "staunch_queue_messages", "staunch_queue_oldest_message_age_seconds", "staunch_queues", "staunch_metrics_queues_summed")
}

func TestQueuesBeyondTheLimitAreSummed(t *testing.T) {
	r := newRegistry(1)
	r.CollectQueues(func(yield func(metrics.QueueSample)) {
		yield(metrics.QueueSample{Account: "2", Region: "r", Queue: "a", Visible: 5, OldestAge: time.Second})
		yield(metrics.QueueSample{Account: "1", Region: "r", Queue: "z", Visible: 1, OldestAge: time.Hour})
		yield(metrics.QueueSample{Account: "2", Region: "r", Queue: "b", Visible: 70, OldestAge: time.Minute})
	})
	expect(t, r, `
# HELP staunch_metrics_queues_summed Queues beyond metrics-max-queues. They are not exported one by one but summed under queue="_other" (age: the oldest).
# TYPE staunch_metrics_queues_summed gauge
staunch_metrics_queues_summed 2
# HELP staunch_queue_messages Messages in the queue, by state: visible, in_flight or delayed. The counts are exact.
# TYPE staunch_queue_messages gauge
staunch_queue_messages{account="1",queue="z",region="r",state="delayed"} 0
staunch_queue_messages{account="1",queue="z",region="r",state="in_flight"} 0
staunch_queue_messages{account="1",queue="z",region="r",state="visible"} 1
staunch_queue_messages{account="_other",queue="_other",region="_other",state="delayed"} 0
staunch_queue_messages{account="_other",queue="_other",region="_other",state="in_flight"} 0
staunch_queue_messages{account="_other",queue="_other",region="_other",state="visible"} 75
# HELP staunch_queue_oldest_message_age_seconds Time since the oldest message of the queue was sent; 0 when it is empty.
# TYPE staunch_queue_oldest_message_age_seconds gauge
staunch_queue_oldest_message_age_seconds{account="1",queue="z",region="r"} 3600
staunch_queue_oldest_message_age_seconds{account="_other",queue="_other",region="_other"} 60
`, "staunch_queue_messages", "staunch_queue_oldest_message_age_seconds", "staunch_metrics_queues_summed")
}

// Zeros in place of figures that nobody knows would end alerts on a backlog.
func TestQueuesWithUnknownFiguresAreCountedAlone(t *testing.T) {
	const other = `staunch_queue_oldest_message_age_seconds{account="_other",queue="_other",region="_other"} 1` + "\n"
	for limit, sum := range map[int]string{2: other, 1: ""} { // with 1 the unknown queue is in the sum
		r := newRegistry(limit)
		r.CollectQueues(func(yield func(metrics.QueueSample)) {
			yield(metrics.QueueSample{Account: "1", Region: "r", Queue: "c", Visible: 2, OldestAge: time.Second})
			yield(metrics.QueueSample{Account: "1", Region: "r", Queue: "b", Unknown: true})
			yield(metrics.QueueSample{Account: "1", Region: "r", Queue: "a", Visible: 1, OldestAge: time.Minute})
		})
		expect(t, r, `
# HELP staunch_queue_oldest_message_age_seconds Time since the oldest message of the queue was sent; 0 when it is empty.
# TYPE staunch_queue_oldest_message_age_seconds gauge
staunch_queue_oldest_message_age_seconds{account="1",queue="a",region="r"} 60
`+sum+`# HELP staunch_queues Queues that exist.
# TYPE staunch_queues gauge
staunch_queues 3
`, "staunch_queue_oldest_message_age_seconds", "staunch_queues")
		if got, want := len(family(t, r, "staunch_queue_messages")), 3*limit; got != want {
			t.Errorf("limit %d: %d series of messages, want %d", limit, got, want)
		}
	}
}

func TestNamesAndHelpFollowTheConventions(t *testing.T) {
	r := newRegistry(10)
	r.Request("SendMessage", "OK", time.Millisecond)
	r.Shard(0).Appended(time.Millisecond, 1)
	r.CollectQueues(func(yield func(metrics.QueueSample)) { yield(metrics.QueueSample{Queue: "q"}) })
	r.CollectDisk(func() metrics.DiskSample { return metrics.DiskSample{} })
	families, err := r.Gatherer().Gather()
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestHotPathDoesNotAllocate(t *testing.T) {
	r := newRegistry(0)
	shard := r.Shard(0)
	allocs := testing.AllocsPerRun(100, func() {
		r.Request("SendMessage", "OK", time.Millisecond)
		shard.Appended(time.Millisecond, 100)
	})
	if allocs > 1 { // the key of the series, which the map may move to the heap
		t.Errorf("%v allocations per request", allocs)
	}
}

package shard

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/staunchmq/staunch/internal/clock"
	"github.com/staunchmq/staunch/internal/journal"
	"github.com/staunchmq/staunch/internal/journal/memjournal"
	"github.com/staunchmq/staunch/internal/journal/pebblejournal"
	"github.com/staunchmq/staunch/internal/queue"
)

const benchBody = 100

// benchmark runs call, which handles perCall messages, from 1, 32 and 128 goroutines over each kind of journal. prepare is told how many
// calls there will be.
func benchmark(b *testing.B, perCall int, prepare func(*testing.B, *Shard, int), call func(ctx context.Context, s *Shard) error) {
	for _, kind := range []string{"mem", "pebble"} {
		for _, goroutines := range []int{1, 32, 128} {
			b.Run(fmt.Sprintf("%s/%d", kind, goroutines), func(b *testing.B) {
				s := benchShard(b, kind)
				prepare(b, s, b.N)
				var left atomic.Int64
				left.Store(int64(b.N))
				b.ReportAllocs()
				b.ResetTimer()
				var wg sync.WaitGroup
				for range goroutines {
					wg.Go(func() {
						for left.Add(-1) >= 0 {
							if err := call(b.Context(), s); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				wg.Wait()
				b.StopTimer()
				b.ReportMetric(float64(b.N*perCall)/b.Elapsed().Seconds(), "messages/s")
			})
		}
	}
}

func benchShard(b *testing.B, kind string) *Shard {
	var j journal.Journal = memjournal.New(0)
	if kind == "pebble" {
		store, err := pebblejournal.Open(b.TempDir(), pebblejournal.Options{})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() {
			if err := store.Close(); err != nil {
				b.Error(err)
			}
		})
		if j, err = store.Journal(0); err != nil {
			b.Fatal(err)
		}
	}
	s, err := Open(b.Context(), Options{Journal: j, Clock: clock.System()})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- s.Run(ctx) }()
	b.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	})
	settings := standardSettings()
	settings.VisibilityTimeout = day / 2
	if err := s.Configure(ctx, standard, settings); err != nil {
		b.Fatal(err)
	}
	return s
}

// fill sends that many messages.
func fill(b *testing.B, s *Shard, n int) {
	b.Helper()
	batch := make([]SendMessage, 1000)
	for i := range batch {
		batch[i].Content = make([]byte, benchBody)
	}
	for n > 0 {
		if _, err := s.Send(b.Context(), standard, batch[:min(n, len(batch))]); err != nil {
			b.Fatal(err)
		}
		n -= len(batch)
	}
}

func BenchmarkSend(b *testing.B) {
	message := []SendMessage{{Content: make([]byte, benchBody)}}
	benchmark(b, 1, func(*testing.B, *Shard, int) {}, func(ctx context.Context, s *Shard) error {
		_, err := s.Send(ctx, standard, message)
		return err
	})
}

// BenchmarkReceiveAndDelete receives ten messages at a time from a backlog, and deletes them: in flight there must be room.
func BenchmarkReceiveAndDelete(b *testing.B) {
	prepare := func(b *testing.B, s *Shard, calls int) { fill(b, s, 10*calls) }
	benchmark(b, 10, prepare, func(ctx context.Context, s *Shard) error {
		r, err := s.Receive(ctx, standard, ReceiveRequest{Max: 10})
		if err != nil {
			return err
		}
		_, err = s.Delete(ctx, standard, handles(r))
		return err
	})
}

// BenchmarkReceive receives one message at a time; they come back at once, so that there is always one.
func BenchmarkReceive(b *testing.B) {
	prepare := func(b *testing.B, s *Shard, _ int) { fill(b, s, 10_000) }
	var visibility time.Duration
	benchmark(b, 1, prepare, func(ctx context.Context, s *Shard) error {
		_, err := s.Receive(ctx, standard, ReceiveRequest{Max: 1, Visibility: &visibility})
		return err
	})
}

// BenchmarkDelete deletes one message at a time. They have arrived from another partition: such a message can be deleted without
// having been received.
func BenchmarkDelete(b *testing.B) {
	var next atomic.Int64
	prepare := func(b *testing.B, s *Shard, calls int) {
		next.Store(0)
		arrivals := make([]Arrival, 0, 1000)
		for n := range calls {
			arrivals = append(arrivals, Arrival{Origin: queue.Origin{Ref: queue.Ref{Record: uint64(n)}}})
			if len(arrivals) == cap(arrivals) || n == calls-1 {
				if err := s.Arrive(b.Context(), standard, arrivals); err != nil {
					b.Fatal(err)
				}
				arrivals = arrivals[:0]
			}
		}
	}
	benchmark(b, 1, prepare, func(ctx context.Context, s *Shard) error {
		n := next.Add(1) - 1
		ref := queue.Ref{Record: 2 + uint64(n/1000), Index: uint32(n % 1000)} // record 1 configures
		_, err := s.Delete(ctx, standard, []queue.Handle{{Ref: ref}})
		return err
	})
}

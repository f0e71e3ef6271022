package pebblejournal

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/staunchmq/staunch/internal/journal"
)

// noise returns n bytes that do not compress.
func noise(n int) []byte {
	rng := rand.New(rand.NewPCG(uint64(n), 7))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

// grouper is a shard's loop reduced to its commits: it takes all changes that wait, makes one record of them, and has at most
// two records in flight.
type grouper struct {
	j        journal.Journal
	requests chan request
	header   journal.Header
}

type request struct {
	change []byte
	done   chan<- error
}

const recordBytes = 128 << 10 // DESIGN section 6

func (g *grouper) run() (records int) {
	flight := make(chan struct{}, 2)
	var wg sync.WaitGroup
	defer wg.Wait()
	for r := range g.requests {
		flight <- struct{}{}
		g.header.Seq++
		g.header.LogTimeMS++
		b := journal.NewRecord(nil, g.header)
		waiting := []chan<- error{r.done}
		b.Add(r.change)
	collect:
		for b.Len() < recordBytes {
			select {
			case r, ok := <-g.requests:
				if !ok {
					break collect
				}
				b.Add(r.change)
				waiting = append(waiting, r.done)
			default:
				break collect
			}
		}
		rec, err := b.Seal()
		if err != nil {
			panic(err)
		}
		p := g.j.Append(g.header.Seq-1, rec)
		g.header.Prev = journal.Hash(rec)
		records++
		wg.Go(func() {
			err := p.Wait()
			<-flight
			for _, done := range waiting {
				done <- err
			}
		})
	}
	return records
}

// BenchmarkAppend measures durable changes of 1 KiB on the disk of the temporary directory (set TMPDIR). Each producer waits for
// its change before it makes the next.
func BenchmarkAppend(b *testing.B) {
	for _, producers := range []int{1, 32, 1024} {
		b.Run(fmt.Sprintf("producers=%d", producers), func(b *testing.B) {
			o := Options{FS: vfs.Default, Shards: 1}
			var mu sync.Mutex
			var syncs int
			var syncing time.Duration
			o.Events.Synced = func(d time.Duration) {
				mu.Lock()
				defer mu.Unlock()
				syncs++
				syncing += d
			}
			s := mustOpen(b, b.TempDir(), o)
			g := &grouper{j: mustJournal(b, s, 0), requests: make(chan request, producers)}
			records := make(chan int)
			go func() { records <- g.run() }()
			change := noise(1024)
			b.SetBytes(int64(len(change)))
			b.ResetTimer()
			var wg sync.WaitGroup
			for i := range producers {
				wg.Go(func() {
					done := make(chan error, 1)
					for range (b.N + producers - 1 - i) / producers {
						g.requests <- request{change, done}
						if err := <-done; err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.StopTimer()
			close(g.requests)
			n := <-records
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "changes/s")
			b.ReportMetric(float64(b.N)/float64(n), "changes/record")
			b.ReportMetric(float64(syncing.Microseconds())/float64(syncs), "µs/fsync")
			mustClose(b, s)
		})
	}
}

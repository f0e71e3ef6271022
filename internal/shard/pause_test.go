package shard

import (
	"fmt"
	"testing"
	"time"
)

// BenchmarkCheckpointPause takes a checkpoint of a shard with messages in all kinds of state, and reports how long the loop is held
// up: by its longest turn, and by all together. What encodes and saves the checkpoint runs beside it.
func BenchmarkCheckpointPause(b *testing.B) {
	for _, messages := range []int{100_000, 1_000_000} {
		b.Run(fmt.Sprintf("standard=%d,delayed=%d,fifo=%d", messages, messages, messages), func(b *testing.B) {
			s := newStepper(b, Options{CheckpointBytes: 1 << 40})
			s.configure(standard, standardSettings())
			s.configure(fifo, fifoSettings())
			s.configure(other, standardSettings())
			delay := int64(900_000)
			for i := range messages / 100 {
				plain, delayed, grouped := sendRequest(standard, make([][]byte, 100)...), sendRequest(other, make([][]byte, 100)...), sendRequest(fifo, make([][]byte, 100)...)
				for k := range 100 {
					delayed.messages[k].Delay = &delay
					n := i*100 + k
					grouped.messages[k].Group, grouped.messages[k].DeduplicationID = fmt.Sprint("group", n%(messages/10)), fmt.Sprint(n)
				}
				for _, r := range []request{plain, delayed, grouped} {
					s.ask(r)
				}
				s.rest()
			}
			var longest, total time.Duration
			checkpoints := 0
			for b.Loop() {
				checkpoints++
				s.ask(sendRequest(standard, nil)) // so that the checkpoint is of another record
				s.rest()
				for began := false; !began || s.collecting != nil; began = true {
					start := time.Now()
					if !began {
						s.collecting = s.snapshot()
					}
					s.collect()
					took := time.Since(start)
					longest, total = max(longest, took), total+took
				}
				s.saving.Wait()
				if err := s.Shard.turn(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(longest.Microseconds())/1000, "longest-ms")
			b.ReportMetric(float64(total.Microseconds())/1000/float64(checkpoints), "held-up-ms/op")
		})
	}
}

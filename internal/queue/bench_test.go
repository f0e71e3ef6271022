package queue

import (
	"encoding/binary"
	"fmt"
	"runtime"
	"testing"
)

// discard is a Log that only counts.
type discard struct {
	buffer []byte
	record uint64
	index  uint32
}

func (d *discard) Begin(ID) []byte { return d.buffer[:0] }

func (d *discard) End(buffer []byte) Ref {
	d.buffer = buffer
	d.index++
	return Ref{Record: d.record, Index: d.index - 1}
}

func (d *discard) next() { d.record, d.index = d.record+1, 0 }

// bench is a partition with time and a log.
type bench struct {
	*Partition
	log  discard
	time int64
	sent uint64
}

func newBench(s Settings) *bench {
	b := &bench{Partition: New(1), time: 1_700_000_000_000}
	b.log.next()
	if s.Retention == 0 {
		s.Retention = 345_600_000
	}
	if s.VisibilityTimeout == 0 {
		s.VisibilityTimeout = 30_000
	}
	b.Advance(b.time)
	b.Configure(b.time, &b.log, s)
	return b
}

// tick begins a record, 1 ms later.
func (b *bench) tick() {
	b.time++
	b.log.next()
	b.Advance(b.time)
}

func (b *bench) send(group string) {
	b.sent++
	m := NewMessage{Message: Message{Group: group}}
	binary.BigEndian.PutUint64(m.ID[:], b.sent)
	if b.settings.FIFO {
		m.DeduplicationID = fmt.Sprint(b.sent)
	}
	b.Send(b.time, &b.log, m)
}

// fill sends n messages, ten to a record, and lets the deduplication window pass.
func (b *bench) fill(n int, group func(i int) string) {
	for i := range n {
		if i%10 == 0 {
			b.tick()
		}
		b.send(group(i))
	}
	b.time += DeduplicationWindow
	b.tick()
}

func noGroup(int) string { return "" }

func inGroups(n int) func(int) string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("group-%d", i)
	}
	return func(i int) string { return names[i%n] }
}

func (b *bench) receive(tb testing.TB, limit int) []Delivery {
	r, err := b.Receive(b.time, &b.log, ReceiveOptions{Max: limit})
	if err != nil {
		tb.Fatal(err)
	}
	return r.Messages
}

func (b *bench) delete(tb testing.TB, deliveries []Delivery) {
	for _, d := range deliveries {
		if err := b.Delete(b.time, &b.log, d.Handle); err != nil {
			tb.Fatal(err)
		}
	}
}

// BenchmarkCycle is one message sent, one received, one deleted, with messages waiting: the cost must not grow with them.
func BenchmarkCycle(b *testing.B) {
	for _, backlog := range []int{0, 100_000, 1_000_000} {
		for _, kind := range []struct {
			name  string
			fifo  bool
			group func(int) string
		}{
			{"standard", false, noGroup},
			{"standard in 1000 groups", false, inGroups(1000)},
			{"fifo in 1000 groups", true, inGroups(1000)},
			{"fifo in 100000 groups", true, inGroups(100_000)},
		} {
			b.Run(fmt.Sprintf("%s/waiting=%d", kind.name, backlog), func(b *testing.B) {
				q := newBench(Settings{FIFO: kind.fifo})
				q.fill(backlog, kind.group)
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					q.tick()
					q.send(kind.group(i))
					q.delete(b, q.receive(b, 1))
				}
			})
		}
	}
}

// BenchmarkReceiveBatch is ten messages received and deleted, with many in flight.
func BenchmarkReceiveBatch(b *testing.B) {
	for _, flying := range []int{0, 100_000} {
		b.Run(fmt.Sprintf("in flight=%d", flying), func(b *testing.B) {
			q := newBench(Settings{VisibilityTimeout: VisibilityTotalMax})
			q.fill(flying, noGroup)
			q.receive(b, max(flying, 1))
			b.ReportAllocs()
			for b.Loop() {
				q.tick()
				for range 10 {
					q.send("")
				}
				q.delete(b, q.receive(b, 10))
			}
		})
	}
}

// BenchmarkStuckGroup serves 1000 FIFO groups while another one is locked and has so many messages waiting.
func BenchmarkStuckGroup(b *testing.B) {
	for _, stuck := range []int{1, 1_000_000} {
		b.Run(fmt.Sprintf("waiting=%d", stuck), func(b *testing.B) {
			q := newBench(Settings{FIFO: true, VisibilityTimeout: VisibilityTotalMax})
			q.fill(stuck, func(int) string { return "stuck" })
			q.receive(b, 1)
			group := inGroups(1000)
			q.fill(1000, group)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				q.tick()
				got := q.receive(b, 1)
				q.send(group(int(got[0].Handle.Ref.Record)))
				q.delete(b, got)
			}
		})
	}
}

// BenchmarkNoisyGroup serves a quiet group of a standard queue while another one is noisy and has a million messages waiting.
func BenchmarkNoisyGroup(b *testing.B) {
	q := newBench(Settings{VisibilityTimeout: VisibilityTotalMax})
	q.fill(1_000_000, func(int) string { return "noisy" })
	q.receive(b, 1000)
	b.ReportAllocs()
	for b.Loop() {
		q.tick()
		q.send("quiet")
		q.delete(b, q.receive(b, 1))
	}
}

// BenchmarkLongerDelay is how long a longer delay of a FIFO queue holds up its shard, whether it hides what there is or not.
func BenchmarkLongerDelay(b *testing.B) {
	const second = 1000
	for _, groups := range []int{100_000, 1_000_000} {
		for _, delay := range []int64{60 * second, 900 * second} {
			b.Run(fmt.Sprintf("%d groups/%d s", groups, delay/second), func(b *testing.B) {
				for range b.N {
					b.StopTimer()
					q := newBench(Settings{FIFO: true})
					q.fill(groups, func(i int) string { return fmt.Sprint(i * 7919 % groups) }) // sent five minutes ago
					b.StartTimer()
					q.Configure(q.time, &q.log, Settings{FIFO: true, Delay: delay, Retention: q.settings.Retention})
				}
			})
		}
	}
}

// BenchmarkMemory reports the bytes that a message costs in each way of waiting, and what is left when all are gone.
func BenchmarkMemory(b *testing.B) {
	const messages = 1_000_000
	var none int64
	minute := int64(60_000)
	for _, kind := range []struct {
		name     string
		settings Settings
		group    func(int) string
		then     func(b *testing.B, q *bench)
	}{
		{"standard", Settings{}, noGroup, nil},
		{"standard in 1000 groups", Settings{}, inGroups(1000), nil},
		{"standard, received once", Settings{}, noGroup, func(b *testing.B, q *bench) {
			for q.groups.items[""].tail.count > 0 {
				r, err := q.Receive(q.time, &q.log, ReceiveOptions{Max: messages, Visibility: &none})
				if err != nil || len(r.Messages) == 0 {
					b.Fatal(err)
				}
			}
		}},
		{"fifo in 1 group", Settings{FIFO: true}, inGroups(1), nil},
		{"fifo in 1000 groups", Settings{FIFO: true}, inGroups(1000), nil},
		{"fifo in 100000 groups", Settings{FIFO: true}, inGroups(100_000), nil},
		{"fifo in 1000000 groups", Settings{FIFO: true}, inGroups(messages), nil},
		{"delayed, standard", Settings{Delay: 10 * minute}, noGroup, nil},
		{"delayed, fifo in 1000 groups", Settings{FIFO: true, Delay: 10 * minute}, inGroups(1000), nil},
	} {
		b.Run(kind.name, func(b *testing.B) {
			before := heap()
			q := newBench(kind.settings)
			q.fill(messages, kind.group)
			if kind.then != nil {
				kind.then(b, q)
			}
			b.ReportMetric(float64(heap()-before)/messages, "B/message")
			q.time += q.settings.Retention
			q.Advance(q.time)
			b.ReportMetric(float64(heap()-before)/1024, "KiB-left")
			b.ReportMetric(0, "ns/op")
			runtime.KeepAlive(q)
		})
	}
	b.Run("deduplication", func(b *testing.B) {
		q := newBench(Settings{FIFO: true})
		before := heap()
		for i := range messages {
			if i%100 == 0 {
				q.tick()
			}
			q.send("g")
		}
		q.Configure(q.time, &q.log, Settings{FIFO: true, Retention: 1}) // leaves the deduplication IDs alone
		q.tick()
		b.ReportMetric(float64(heap()-before)/messages, "B/message")
		q.time += DeduplicationWindow
		q.Advance(q.time)
		b.ReportMetric(float64(heap()-before)/1024, "KiB-left")
		b.ReportMetric(0, "ns/op")
		runtime.KeepAlive(q)
	})
	b.Run("arrived, standard", func(b *testing.B) {
		q := newBench(Settings{})
		before := heap()
		var origins []Origin
		for i := range messages {
			if i%100 == 0 {
				q.tick()
				q.Settle(q.time, &q.log, origins)
				origins = origins[:0]
			}
			o := Origin{Partition: 2, Ref: Ref{Record: uint64(i)}}
			origins = append(origins, o)
			q.Arrive(q.time, &q.log, o, Message{Receives: 1, FirstReceived: 1})
		}
		b.ReportMetric(float64(heap()-before)/messages, "B/message")
		q.time += q.settings.Retention
		q.Advance(q.time)
		b.ReportMetric(float64(heap()-before)/1024, "KiB-left")
		b.ReportMetric(0, "ns/op")
		runtime.KeepAlive(q)
	})
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestCostDoesNotGrowWithTheBacklog counts allocations, which do not depend on the machine.
func TestCostDoesNotGrowWithTheBacklog(t *testing.T) {
	for _, fifo := range []bool{false, true} {
		cost := func(backlog int) float64 {
			q := newBench(Settings{FIFO: fifo, VisibilityTimeout: VisibilityTotalMax})
			q.fill(backlog, func(int) string { return "a" })
			q.receive(t, 1) // locks the FIFO group
			return testing.AllocsPerRun(2000, func() {
				q.tick()
				q.send("b")
				q.delete(t, q.receive(t, 1))
			})
		}
		few, many := cost(10), cost(100_000)
		if many > few+2 {
			t.Errorf("fifo %t: %v allocations with 10 messages waiting, %v with 100,000", fifo, few, many)
		}
	}
}

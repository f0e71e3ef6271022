package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/staunchmq/staunch/internal/loadgen"
)

// ahead is how many messages producers may be in front of consumers.
const ahead = 4

// drainTimeout is how long nothing may come before the rest counts as lost.
const drainTimeout = 10 * time.Second

// measurement is one run.
type measurement struct {
	o              loadgen.Options
	began          time.Time
	from, to       time.Time
	sent, received atomic.Int64 // in all
	inSent, inDone atomic.Int64 // answered in the window

	mu       sync.Mutex
	delivery *hdrhistogram.Histogram // guarded by mu
}

func measure(ctx context.Context, b broker, o loadgen.Options) (*loadgen.Result, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	m := &measurement{o: o, began: time.Now(), delivery: hdrhistogram.New(1000, int64(5*time.Minute), 3)}
	m.from = m.began.Add(o.WarmUp)
	m.to = m.from.Add(o.Duration)
	var producers, consumers sync.WaitGroup
	try := func(err error) {
		if err != nil {
			cancel(err)
		}
	}
	consumed := o.Scenario == loadgen.RoundTrip
	var produced atomic.Bool
	for range o.Connections {
		producers.Go(func() { try(m.produce(ctx, b, consumed)) })
		if consumed {
			consumers.Go(func() { try(m.consume(ctx, b, &produced)) })
		}
	}
	producers.Wait()
	produced.Store(true)
	consumers.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	return m.result(consumed), nil
}

func (m *measurement) inWindow(t time.Time) bool { return !t.Before(m.from) && t.Before(m.to) }

func (m *measurement) produce(ctx context.Context, b broker, consumed bool) error {
	send, err := b.producer(ctx)
	if err != nil {
		return err
	}
	bodies := make([][]byte, m.o.Batch)
	for i := range bodies {
		bodies[i] = make([]byte, m.o.Size)
		for k := range bodies[i] {
			bodies[i][k] = byte('!' + rand.IntN(90))
		}
	}
	for time.Now().Before(m.to) {
		if consumed && m.sent.Load()-m.received.Load() > int64(ahead*m.o.Connections*m.o.Batch) {
			time.Sleep(200 * time.Microsecond)
			continue
		}
		for _, body := range bodies {
			binary.BigEndian.PutUint64(body, uint64(time.Since(m.began)))
		}
		if err := send(ctx, bodies); err != nil {
			return fmt.Errorf("send: %w", err)
		}
		m.sent.Add(int64(len(bodies)))
		if m.inWindow(time.Now()) {
			m.inSent.Add(int64(len(bodies)))
		}
	}
	return nil
}

func (m *measurement) consume(ctx context.Context, b broker, produced *atomic.Bool) error {
	receive, err := b.consumer(ctx)
	if err != nil {
		return err
	}
	for last := time.Now(); ; {
		if produced.Load() && m.received.Load() >= m.sent.Load() {
			return nil
		}
		bodies, ack, err := receive(ctx, m.o.Batch)
		if err != nil {
			return fmt.Errorf("receive: %w", err)
		}
		now := time.Now()
		if len(bodies) == 0 {
			if produced.Load() && now.Sub(last) > drainTimeout {
				return errors.New("messages were sent and never received")
			}
			continue
		}
		m.note(bodies, now)
		if err := ack(); err != nil {
			return fmt.Errorf("acknowledge: %w", err)
		}
		last = time.Now()
		m.received.Add(int64(len(bodies)))
		if m.inWindow(last) {
			m.inDone.Add(int64(len(bodies)))
		}
	}
}

// note records how long messages took.
func (m *measurement) note(bodies [][]byte, now time.Time) {
	if !m.inWindow(now) {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, body := range bodies {
		_ = m.delivery.RecordValue(int64(now.Sub(m.began)) - int64(binary.BigEndian.Uint64(body))) // minutes are in its range
	}
}

func (m *measurement) result(consumed bool) *loadgen.Result {
	p := loadgen.Phase{Name: m.o.Scenario, Seconds: m.o.Duration.Seconds(), Messages: m.inSent.Load()}
	if consumed {
		p.Messages = m.inDone.Load()
		ms := func(percent float64) float64 { return float64(m.delivery.ValueAtQuantile(percent)) / 1e6 }
		p.Operations = []loadgen.Operation{{Name: "delivery", Messages: p.Messages, P50: ms(50), P90: ms(90), P99: ms(99), P999: ms(99.9), Max: ms(100)}}
	}
	p.Rate = float64(p.Messages) / p.Seconds
	return &loadgen.Result{
		Scenario: m.o.Scenario, Started: m.began, Producers: m.o.Connections, Consumers: m.o.Connections, Size: m.o.Size, Batch: m.o.Batch,
		Phases: []loadgen.Phase{p}, Checks: loadgen.Checks{Sent: m.sent.Load(), Received: m.received.Load(), Deleted: m.received.Load()},
	}
}

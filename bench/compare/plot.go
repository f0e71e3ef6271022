package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/staunchmq/staunch/internal/loadgen"
)

// The names of the plots, as in -plots.
const (
	plotThroughput = "throughput"
	plotLatency    = "latency"
	plotMemory     = "memory"
	plotRecovery   = "recovery"
)

// plot measures what the plots show.
func (c *comparison) plot(ctx context.Context) error {
	wanted := strings.Split(c.o.plots, ",")
	if c.o.plots == "all" {
		wanted = []string{plotThroughput, plotLatency, plotMemory, plotRecovery}
	}
	want := func(name string) bool { return slices.Contains(wanted, name) }
	if want(plotThroughput) {
		if err := c.plotThroughput(ctx); err != nil {
			return err
		}
	}
	if want(plotLatency) {
		if err := c.plotLatency(ctx); err != nil {
			return err
		}
	}
	servers := c.running
	c.stop() // what follows starts each by itself, empty
	if want(plotMemory) || want(plotRecovery) {
		memory, recovery, err := c.plotBacklog(ctx, servers)
		if err != nil {
			return err
		}
		if want(plotMemory) {
			c.Plots = append(c.Plots, memory)
		}
		if want(plotRecovery) {
			c.Plots = append(c.Plots, recovery)
		}
	}
	return nil
}

// plotThroughput measures sends over numbers of connections.
func (c *comparison) plotThroughput(ctx context.Context) error {
	p := chart{Name: plotThroughput, Title: "SendMessage, messages of 1 KiB", X: "connections", Y: "messages per second", LogX: true, LogY: true}
	for _, connections := range []int{1, 2, 4, 8, 16, 32, 64, 128} {
		for _, s := range c.running {
			o := loadgen.Options{Scenario: loadgen.Send, Connections: connections, Duration: c.o.duration, WarmUp: c.o.warm}
			r, err := c.one(ctx, s, o)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				say("plot of throughput, %d connections, %s: %v", connections, s.name, err)
				continue
			}
			say("plot of throughput, %d connections, %s: %.0f messages/s", connections, s.name, rate(r))
			if rate(r) > 0 {
				p.add(s.name, false, float64(connections), rate(r))
			}
		}
	}
	c.Plots = append(c.Plots, p)
	return nil
}

// plotLatency measures the time from send to receive at rates, until a server does not keep up.
func (c *comparison) plotLatency(ctx context.Context) error {
	p := chart{
		Name: plotLatency, Title: "From send to receive, one message a request, 16+16 connections (dashed: p99)", X: "messages per second", Y: "milliseconds",
		LogX: true, LogY: true,
	}
	left := slices.DeleteFunc(slices.Clone(c.running), func(s *process) bool { return s.drive != nil })
	for _, load := range []float64{50, 100, 200, 500, 1000, 2000, 5000, 10_000} {
		var kept []*process
		for _, s := range left {
			o := loadgen.Options{Scenario: loadgen.LongPoll, Connections: 16, Rate: load, Duration: c.o.duration, WarmUp: c.o.warm, DrainTimeout: 3 * time.Second}
			r, err := c.one(ctx, s, o)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil || rate(r) < 0.95*load {
				say("plot of latency, %.0f messages/s, %s: it does not keep up (%v)", load, s.name, err)
				continue
			}
			x, y := delivery(p50)(r), delivery(p99)(r)
			say("plot of latency, %.0f messages/s, %s: p50 %.2f ms, p99 %.2f ms", load, s.name, x, y)
			p.add(s.name, false, load, x)
			p.add(s.name+" p99", true, load, y)
			kept = append(kept, s)
		}
		left = kept
	}
	slices.SortStableFunc(p.Lines, func(a, b line) int {
		return strings.Compare(strings.TrimSuffix(a.Name, " p99"), strings.TrimSuffix(b.Name, " p99"))
	})
	c.Plots = append(c.Plots, p)
	return nil
}

// fillTimeout is how long a server may take for one step of a backlog.
const fillTimeout = 2 * time.Minute

// plotBacklog fills queues and measures memory, and how long a server that keeps its messages takes from its start after kill -9 to the
// first message received.
func (c *comparison) plotBacklog(ctx context.Context, servers []*process) (memory, recovery chart, err error) {
	memory = chart{Name: plotMemory, Title: "Memory with messages waiting, 1 KiB each", X: "messages waiting", Y: "MiB resident", LogY: true}
	recovery = chart{Name: plotRecovery, Title: "From start after kill -9 to the first message received", X: "messages waiting", Y: "seconds", LogY: true}
	for _, s := range servers {
		if s.drive != nil {
			continue
		}
		err := c.backlogOf(ctx, s, &memory, &recovery)
		if ctx.Err() != nil {
			return memory, recovery, ctx.Err()
		}
		if err != nil {
			say("plots of the backlog, %s: %v", s.name, err)
		}
	}
	return memory, recovery, nil
}

func (c *comparison) backlogOf(ctx context.Context, old *process, memory, recovery *chart) error {
	s, err := old.rival.start(ctx, old.program, filepath.Join(c.o.scratch, "backlog", old.name))
	if err != nil {
		return err
	}
	defer func() { s.kill() }()
	o := loadgen.Options{Scenario: loadgen.SendBatch, Endpoint: s.endpoint, Keys: keys, Connections: 16, NoVerify: true}
	if o.Queue, err = loadgen.CreateQueue(ctx, o, "backlog"); err != nil {
		return err
	}
	have := 0
	for _, part := range []float64{0.01, 0.1, 0.25, 0.5, 1} {
		o.Messages = int(float64(c.o.backlog)*part) - have
		have += o.Messages
		filling, cancel := context.WithTimeout(ctx, fillTimeout)
		_, err := loadgen.Run(filling, o, nil)
		cancel()
		if err != nil {
			return fmt.Errorf("filling up to %d: %w", have, err)
		}
		_, bytes, err := loadgen.ProcessUsage(s.cmd.Process.Pid)
		if err != nil {
			return err
		}
		memory.add(s.name, false, float64(have), float64(bytes)/(1<<20))
		text := fmt.Sprintf("%d MiB resident", bytes>>20)
		if s.keeper {
			took, err := s.recover(ctx, o)
			if err != nil {
				return fmt.Errorf("recovery with %d: %w", have, err)
			}
			recovery.add(s.name, false, float64(have), took.Seconds())
			text += fmt.Sprintf(", back after %.2f s", took.Seconds())
		}
		say("plots of the backlog, %d messages, %s: %s", have, s.name, text)
	}
	return nil
}

// recover kills the process, starts it again, and returns how long that took until a message was received.
func (s *process) recover(ctx context.Context, o loadgen.Options) (time.Duration, error) {
	s.signal(syscall.SIGKILL)
	<-s.ended
	begin := time.Now()
	if err := s.launch(ctx); err != nil {
		return 0, err
	}
	n, err := loadgen.Receive(ctx, o)
	if err == nil && n == 0 {
		err = errors.New("nothing is there to receive")
	}
	return time.Since(begin), err
}

package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
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

var allPlots = []string{plotThroughput, plotLatency, plotMemory, plotRecovery}

// What the plots measure besides what the rounds have measured.
var (
	plotConnections = []int{1, 4, 16}
	plotRates       = []float64{50, 200, 1000, 3000, 10_000}
	backlogParts    = []float64{0.001, 0.01, 0.1, 0.3, 1}
)

// fillTime is how long a server may be filled for the plots of backlogs.
const fillTime = 25 * time.Second

func (c *comparison) wants(plot string) bool { return slices.Contains(c.o.plots, plot) }

// hasBacklog tells whether the plots of backlogs have a rival.
func (r *rival) hasBacklog() bool { return r.drive == nil && r.yardstick == "" }

// inPlots tells whether the plot of throughput has a rival: of the yardsticks the one that targets are about.
func (r *rival) inPlots() bool { return r.yardstick == "" || r.name == "floor" }

// estimateRest is about how long everything takes that comes after the rounds.
func (c *comparison) estimateRest() (d time.Duration) {
	if c.o.short {
		return 0
	}
	d = idleTime + settleTime
	for _, s := range c.running {
		if c.wants(plotThroughput) && s.inPlots() {
			d += time.Duration(len(plotConnections)) * c.estimate()
		}
		if s.hasBacklog() {
			d += time.Second // it starts once more
			if c.wants(plotLatency) {
				d += time.Duration(len(plotRates)) * c.estimate()
			}
			if c.wants(plotMemory) || c.wants(plotRecovery) {
				d += fillTime
			}
		}
	}
	return d
}

// plot measures what the plots show. It ends all rivals.
func (c *comparison) plot(ctx context.Context) error {
	if c.wants(plotThroughput) {
		if err := c.plotThroughput(ctx); err != nil {
			return err
		}
	}
	if c.wants(plotLatency) {
		if err := c.plotLatency(ctx); err != nil {
			return err
		}
	}
	servers := c.running
	c.stop() // what follows starts each by itself, empty
	if !c.wants(plotMemory) && !c.wants(plotRecovery) {
		return nil
	}
	memory, recovery, err := c.plotBacklog(ctx, servers)
	if err != nil {
		return err
	}
	if c.wants(plotMemory) {
		c.Plots = append(c.Plots, memory)
	}
	if c.wants(plotRecovery) {
		c.Plots = append(c.Plots, recovery)
	}
	return nil
}

// plotThroughput shows sends over numbers of connections: those that the rounds have measured, and some more.
func (c *comparison) plotThroughput(ctx context.Context) error {
	p := chart{Name: plotThroughput, Title: "SendMessage, messages of 1 KiB", X: "connections", Y: "messages per second", LogX: true, LogY: true}
	for _, s := range c.running {
		if !s.inPlots() {
			continue
		}
		for _, connections := range plotConnections {
			more := cell{scenario: loadgen.Send, connections: connections}
			r, err := c.one(ctx, s, more.options(c.o.duration, c.o.warm, false))
			if ctx.Err() != nil {
				return ctx.Err()
			}
			c.plan.finish(c.estimate())
			if err != nil {
				c.note("plot of throughput, %d connections, %s: %s", connections, s.name, oneLine(err))
				continue
			}
			c.plan.say("plot of throughput, %d connections, %s: %.0f messages/s", connections, s.label(), rate(r))
			if rate(r) > 0 {
				p.add(s.label(), false, float64(connections), rate(r))
			}
		}
		for _, known := range []cell{send32, send128} {
			if y := median(c.figures(known, s.name, rate)); y > 0 {
				p.add(s.label(), false, float64(known.connections), y)
			}
		}
	}
	c.Plots = append(c.Plots, p)
	return nil
}

// keepsUp is which part of the messages that were due a server must have handed out in time, to have a place in the plot.
const keepsUp = 0.9

// plotLatency measures the time from send to receive at rates, until a server does not keep up.
func (c *comparison) plotLatency(ctx context.Context) error {
	p := chart{
		Name: plotLatency, Title: "From send to receive, one message a request, 16+16 connections (dashed: p99)", X: "messages per second", Y: "milliseconds",
		LogX: true, LogY: true,
	}
	left := slices.DeleteFunc(slices.Clone(c.running), func(s *process) bool { return !s.hasBacklog() })
	for i, load := range plotRates {
		var kept []*process
		for _, s := range left {
			at := cell{scenario: loadgen.LongPoll, connections: longPoll.connections, rate: load}
			r, err := c.one(ctx, s, at.options(c.o.duration, c.o.warm, false))
			if ctx.Err() != nil {
				return ctx.Err()
			}
			c.plan.finish(c.estimate())
			if err != nil || rate(r) < keepsUp*load {
				reason := "it does not keep up"
				if err != nil {
					reason = oneLine(err)
				}
				c.plan.say("plot of latency, %.0f messages/s, %s: %s", load, s.label(), reason)
				continue
			}
			x, y := delivery(p50)(r), delivery(p99)(r)
			c.plan.say("plot of latency, %.0f messages/s, %s: p50 %.2f ms, p99 %.2f ms", load, s.label(), x, y)
			p.add(s.label(), false, load, x)
			p.add(s.label()+" p99", true, load, y)
			kept = append(kept, s)
		}
		c.plan.drop(time.Duration(len(left)-len(kept)) * c.estimate() * time.Duration(len(plotRates)-i-1))
		left = kept
	}
	c.Plots = append(c.Plots, p)
	return nil
}

// plotBacklog fills queues and measures memory, and how long a server that keeps its messages takes from its start after kill -9 to the
// first message received.
func (c *comparison) plotBacklog(ctx context.Context, servers []*process) (memory, recovery chart, err error) {
	memory = chart{Name: plotMemory, Title: "Memory with messages waiting, 1 KiB each", X: "messages waiting", Y: "MiB resident", LogX: true, LogY: true}
	recovery = chart{Name: plotRecovery, Title: "From start after kill -9 to the first message received", X: "messages waiting", Y: "seconds", LogX: true, LogY: true}
	for _, s := range servers {
		if !s.hasBacklog() {
			continue
		}
		err := c.backlogOf(ctx, s, &memory, &recovery)
		if ctx.Err() != nil {
			return memory, recovery, ctx.Err()
		}
		c.plan.finish(fillTime)
		if err != nil {
			c.note("plots of backlogs, %s: %s", s.name, oneLine(err))
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
	if o.Queue, err = createQueue(ctx, s, "backlog"); err != nil {
		return err
	}
	have, filled := 0, time.Duration(0)
	for _, part := range backlogParts {
		o.Messages = int(float64(c.o.backlog)*part) - have
		if o.Messages <= 0 {
			continue
		}
		began := time.Now()
		filling, cancel := context.WithTimeout(ctx, fillTime-filled)
		_, err := loadgen.Run(filling, o, nil)
		timeOver := filling.Err() != nil
		cancel()
		filled += time.Since(began)
		if timeOver {
			c.plan.say("plots of backlogs, %s: more than %d messages cannot be sent in %v", s.label(), have, fillTime)
			return nil
		}
		if err != nil {
			return fmt.Errorf("after %d messages: %w", have, err)
		}
		have += o.Messages
		_, bytes, err := loadgen.ProcessUsage(s.cmd.Process.Pid)
		if err != nil {
			return err
		}
		memory.add(s.label(), false, float64(have), float64(bytes)/(1<<20))
		text := fmt.Sprintf("%d MiB resident", bytes>>20)
		if s.survives() {
			took, err := s.recover(ctx, o.Queue)
			if err != nil {
				return fmt.Errorf("recovery with %d messages: %w", have, err)
			}
			recovery.add(s.label(), false, float64(have), took.Seconds())
			text += fmt.Sprintf(", back after %.2f s", took.Seconds())
		}
		c.plan.say("plots of backlogs, %s, %d messages: %s", s.label(), have, text)
	}
	return nil
}

// recover kills the process, starts it again, and returns how long that took until a message was received. The message stays in flight.
func (s *process) recover(ctx context.Context, queueURL string) (time.Duration, error) {
	s.signal(syscall.SIGKILL)
	<-s.ended
	begin := time.Now()
	if err := s.launch(ctx); err != nil {
		return 0, err
	}
	client, err := loadgen.NewClient(ctx, loadgen.Options{Endpoint: s.endpoint, Keys: keys})
	if err != nil {
		return 0, err
	}
	defer client.Close()
	var out struct{ Messages []struct{ MessageId string } }
	if err := client.Do("ReceiveMessage", map[string]any{"QueueUrl": queueURL, "WaitTimeSeconds": 20}, &out); err != nil {
		return 0, err
	}
	if len(out.Messages) == 0 {
		return 0, errors.New("nothing is there to receive, within 20 seconds")
	}
	return time.Since(begin), nil
}

package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/staunchmq/staunch/internal/loadgen"
)

// idle is how a server is that has nothing to do.
type idle struct {
	Rival    string  `json:"rival"`
	Label    string  `json:"label"`
	Start    float64 `json:"start_seconds"`  // of an empty data directory to the first answer
	Resident int64   `json:"resident_bytes"` // 0: it ended before that could be read
	CPU      float64 `json:"cpu_percent"`    // of one core
}

// idleTime is how long the CPU time of an idle server is counted. It comes in steps of 10 ms.
const (
	idleTime   = 20 * time.Second
	settleTime = 5 * time.Second
)

// A start is measured so often, as long as all together take no longer.
const (
	starts    = 5
	startTime = 2 * time.Second
)

// startOften starts a rival on empty directories and returns the last one, and how long a start took until the first answer, in the middle.
func (c *comparison) startOften(ctx context.Context, old *process) (s *process, seconds float64, err error) {
	var times []float64
	for began := time.Now(); ; s.kill() {
		begin := time.Now()
		if s, err = old.rival.start(ctx, old.program, filepath.Join(c.o.scratch, "idle", fmt.Sprintf("%s-%d", old.name, len(times)))); err != nil {
			return nil, 0, err
		}
		times = append(times, time.Since(begin).Seconds())
		if len(times) == starts || time.Since(began) > startTime {
			return s, median(times), nil
		}
	}
}

// measureIdle starts each server on an empty directory, creates a queue, and looks what it uses. It measures all at once.
func (c *comparison) measureIdle(ctx context.Context) error {
	type one struct {
		*process
		cpu time.Duration
	}
	var list []one
	defer func() {
		for _, s := range list {
			s.kill()
		}
	}()
	for _, old := range c.running {
		if old.drive != nil || old.yardstick != "" {
			continue
		}
		c.plan.say("starting %s on an empty directory", old.label())
		s, took, err := c.startOften(ctx, old)
		if err != nil {
			c.note("%s did not start a second time, to be looked at when idle: %s", old.name, oneLine(err))
			continue
		}
		list = append(list, one{process: s})
		c.Idle = append(c.Idle, idle{Rival: s.name, Label: s.label(), Start: took})
		if _, err := createQueue(ctx, s, "idle"); err != nil {
			c.note("%s, idle: %s", s.name, oneLine(err))
		}
	}
	c.plan.say("looking at %d idle servers for %v", len(list), idleTime)
	select { // what starting has begun goes on for a while
	case <-time.After(settleTime):
	case <-ctx.Done():
		return ctx.Err()
	}
	for i := range list {
		list[i].cpu, _, _ = loadgen.ProcessUsage(list[i].cmd.Process.Pid) // it fails below too
	}
	select {
	case <-time.After(idleTime):
	case <-ctx.Done():
		return ctx.Err()
	}
	for i, s := range list {
		cpu, resident, err := loadgen.ProcessUsage(s.cmd.Process.Pid)
		if err != nil {
			c.note("%s, idle: %s", s.name, oneLine(err))
			continue
		}
		c.Idle[i].Resident, c.Idle[i].CPU = resident, 100*(cpu-s.cpu).Seconds()/idleTime.Seconds()
	}
	return nil
}

func (c *comparison) reportIdle(b *strings.Builder) {
	if len(c.Idle) == 0 {
		return
	}
	fmt.Fprintf(b, "**Idle, with one queue and no traffic for %v** (CPU time is counted in steps of 10 ms)\n\n| | empty directory to first answer | resident | CPU of one core |\n|---|---:|---:|---:|\n", idleTime)
	for _, i := range c.Idle {
		used := "– | –"
		if i.Resident > 0 {
			used = fmt.Sprintf("%d MiB | %.2f %%", i.Resident>>20, i.CPU)
		}
		fmt.Fprintf(b, "| %s | %.0f ms | %s |\n", i.Label, 1000*i.Start, used)
	}
	b.WriteString("\n")
}

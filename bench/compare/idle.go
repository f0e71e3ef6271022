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
	Start    float64 `json:"start_seconds"` // of an empty data directory to the first answer
	Resident int64   `json:"resident_bytes"`
	CPU      float64 `json:"cpu_percent"` // of one core
}

// idleTime is how long the CPU time of an idle server is counted. It comes in steps of 10 ms.
const (
	idleTime   = 20 * time.Second
	settleTime = 5 * time.Second
)

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
		begin := time.Now()
		s, err := old.rival.start(ctx, old.program, filepath.Join(c.o.scratch, "idle", old.name))
		if err != nil {
			c.note("%s did not start a second time, to be looked at when idle: %s", old.name, oneLine(err))
			continue
		}
		list = append(list, one{process: s})
		c.Idle = append(c.Idle, idle{Rival: s.name, Label: s.label(), Start: time.Since(begin).Seconds()})
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
		fmt.Fprintf(b, "| %s | %.0f ms | %d MiB | %.2f %% |\n", i.Label, 1000*i.Start, i.Resident>>20, i.CPU)
	}
	b.WriteString("\n")
}

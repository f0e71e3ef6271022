package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/staunchmq/staunch/internal/loadgen"
)

// comparison is one run of this program. Its exported fields are what -json writes.
type comparison struct {
	o       options
	running []*process

	Machine string            `json:"machine"`
	Began   time.Time         `json:"began"`
	Rivals  []described       `json:"rivals"`
	Skipped map[string]string `json:"skipped"` // name to reason
	Results []measured        `json:"results"`
	Idle    []idle            `json:"idle,omitempty"`
	Plots   []chart           `json:"plots,omitempty"`
}

type described struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Keeps   string `json:"keeps"`
	Speaks  string `json:"speaks"`
}

// measured is what a rival did in a cell in a round.
type measured struct {
	Round  int             `json:"round"`
	Cell   string          `json:"cell"`
	Rival  string          `json:"rival"`
	Result *loadgen.Result `json:"result,omitempty"`
	Fault  string          `json:"fault,omitempty"` // what failed, or what the checks found
}

// obtain gets and starts rivals; those with which that fails it notes.
func (c *comparison) obtain(ctx context.Context, list []*rival) {
	c.Skipped = make(map[string]string)
	for _, r := range list {
		if ctx.Err() != nil {
			return
		}
		say("obtaining and starting %s", r.name)
		s, err := c.startRival(ctx, r)
		if err != nil {
			say("  skipped: %v", err)
			c.Skipped[r.name] = strings.Join(strings.Fields(err.Error()), " ")
			continue
		}
		c.running = append(c.running, s)
		speaks := r.speaks
		if speaks == "" {
			speaks = "SQS"
		}
		c.Rivals = append(c.Rivals, described{r.name, s.program.version, r.keeps, speaks})
		s.signal(syscall.SIGSTOP)
	}
}

func (c *comparison) startRival(ctx context.Context, r *rival) (*process, error) {
	dir := filepath.Join(c.o.cache, r.name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	p, err := r.obtain(ctx, dir)
	if err != nil {
		return nil, err
	}
	return r.start(ctx, p, filepath.Join(c.o.scratch, r.name))
}

// stop ends all that runs.
func (c *comparison) stop() {
	for _, s := range c.running {
		s.kill()
	}
	c.running = nil
}

func (c *comparison) measure(ctx context.Context, cells []cell) error {
	for round := range c.o.rounds {
		for _, cell := range cells {
			for _, s := range c.running {
				if cell.scenario == loadgen.FIFO && !s.fifo || s.drive != nil && !driven(cell.scenario) {
					continue
				}
				m := measured{Round: round + 1, Cell: cell.String(), Rival: s.name}
				o := cell.options()
				o.Duration, o.WarmUp = c.o.duration, c.o.warm
				if c.o.short {
					o.DrainTimeout = slowest / 2 // a disk that stalls for a while loses nothing
				}
				var err error
				m.Result, err = c.one(ctx, s, o)
				if ctx.Err() != nil {
					return ctx.Err()
				}
				if err != nil {
					m.Fault = err.Error()
				} else if err := m.Result.Violations(); err != nil {
					m.Fault = err.Error()
				}
				c.Results = append(c.Results, m)
				say("round %d of %d, %s, %s: %s", m.Round, c.o.rounds, m.Cell, m.Rival, m)
			}
		}
	}
	return nil
}

func (m measured) String() string {
	text := m.Fault
	if m.Result != nil {
		text = fmt.Sprintf("%.0f messages/s %s", m.Result.Phases[0].Rate, m.Fault)
	}
	return strings.ReplaceAll(text, "\n", "; ")
}

// firstWarmUp is how long that takes. A JVM needs it.
const firstWarmUp = 15 * time.Second

// warmUp lets every rival work for a while, so that those that compile as they run have done so.
func (c *comparison) warmUp(ctx context.Context) {
	for _, s := range c.running {
		say("warming up %s", s.name)
		if _, err := c.one(ctx, s, loadgen.Options{Scenario: loadgen.RoundTrip, Connections: 8, Duration: firstWarmUp}); err != nil {
			say("  %v", err) // what matters fails again
		}
	}
}

// slowest is how much longer than it should a measurement may take, until what was sent has been received again.
const slowest = time.Minute

// one lets a rival run for one measurement.
func (c *comparison) one(ctx context.Context, s *process, o loadgen.Options) (*loadgen.Result, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, o.Duration+o.WarmUp+slowest, fmt.Errorf("the rest was not received within %v", slowest))
	defer cancel()
	s.signal(syscall.SIGCONT)
	defer s.signal(syscall.SIGSTOP)
	if s.drive != nil {
		return s.drive(ctx, s, o)
	}
	o.Endpoint, o.Keys, o.ServerPID = s.endpoint, keys, s.cmd.Process.Pid
	return loadgen.Run(ctx, o, nil)
}

// ownViolations returns the faults of Staunch and the floor.
func (c *comparison) ownViolations() error {
	var wrong []error
	for _, r := range rivals() {
		if !r.own {
			continue
		}
		if reason, skipped := c.Skipped[r.name]; skipped {
			wrong = append(wrong, fmt.Errorf("%s did not start: %s", r.name, reason))
		}
		for _, m := range c.Results {
			if m.Rival == r.name && m.Fault != "" {
				wrong = append(wrong, fmt.Errorf("%s, %s: %s", r.name, m.Cell, m.Fault))
			}
		}
	}
	return errors.Join(wrong...)
}

// ratios returns, for each round in which both did a cell, the figure of a as a multiple of that of b.
func (c *comparison) ratios(cell, a, b string, figure func(*loadgen.Result) float64) (list []float64) {
	of := func(round int, rival string) float64 {
		for _, m := range c.Results {
			if m.Round == round && m.Cell == cell && m.Rival == rival && m.Result != nil {
				return figure(m.Result)
			}
		}
		return 0
	}
	for round := range c.o.rounds {
		if x, y := of(round+1, a), of(round+1, b); x > 0 && y > 0 {
			list = append(list, x/y)
		}
	}
	return list
}

// figures returns a figure of a rival in a cell, one for each round that has it.
func (c *comparison) figures(cell, rival string, figure func(*loadgen.Result) float64) (list []float64) {
	for _, m := range c.Results {
		if m.Cell == cell && m.Rival == rival && m.Result != nil {
			list = append(list, figure(m.Result))
		}
	}
	return list
}

// median returns the middle value, the mean of both with an even number; 0 without values.
func median(list []float64) float64 {
	if len(list) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(list))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

func (c *comparison) save(file string) error {
	text, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o644)
}

// machine describes where this runs: cores, and how long one fsync takes on the disk that is measured.
func machine(dir string) string {
	text := fmt.Sprintf("%d cores, %s/%s", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH)
	f, err := os.CreateTemp(dir, "fsync")
	if err != nil {
		return text
	}
	defer os.Remove(f.Name())
	defer f.Close()
	var times []float64
	block := make([]byte, 4096)
	for range 500 {
		begin := time.Now()
		if _, err := f.Write(block); err != nil || f.Sync() != nil {
			return text
		}
		times = append(times, float64(time.Since(begin).Microseconds())/1000)
	}
	slices.Sort(times)
	return fmt.Sprintf("%s; write of 4 KiB and fsync p50 %.2f ms, p99 %.2f ms", text, times[len(times)/2], times[len(times)*99/100])
}

func say(format string, values ...any) { fmt.Fprintf(os.Stderr, format+"\n", values...) }

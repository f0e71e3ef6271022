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

	"github.com/staunchmq/staunch/bench/disk"
	"github.com/staunchmq/staunch/internal/loadgen"
)

// comparison is one run of this program. Its exported fields are what -json writes.
type comparison struct {
	o       options
	plan    plan
	running []*process

	Machine string            `json:"machine"`
	Began   time.Time         `json:"began"`
	Took    float64           `json:"took_seconds"`
	Rounds  int               `json:"rounds"` // that were measured to their end
	Rivals  []described       `json:"rivals"`
	Skipped map[string]string `json:"skipped"` // name to reason
	Fsync   []fsyncTimes      `json:"fsync"`   // of the disk, each round
	Results []measured        `json:"results"`
	Idle    []idle            `json:"idle,omitempty"`
	Plots   []chart           `json:"plots,omitempty"`
	Notes   []string          `json:"notes,omitempty"` // what else there is to say, of servers that ended, for example
}

type described struct {
	Name      string     `json:"name"`
	Version   string     `json:"version"`
	Keeps     durability `json:"keeps"`
	Yardstick string     `json:"yardstick,omitempty"`
	Speaks    string     `json:"speaks"`
}

// fsyncTimes are those of a plain write and fsync, in milliseconds.
type fsyncTimes struct {
	P50 float64 `json:"p50_ms"`
	P99 float64 `json:"p99_ms"`
}

// measured is what a rival did in a cell in a round.
type measured struct {
	Round  int             `json:"round"`
	Cell   string          `json:"cell"`
	Rival  string          `json:"rival"`
	Result *loadgen.Result `json:"result,omitempty"`
	Fault  string          `json:"fault,omitempty"`  // what failed, or what the checks found
	Silent bool            `json:"silent,omitempty"` // the fault is that no message was done in time
}

// oneLine writes an error as a line.
func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

// note keeps something for the report, once.
func (c *comparison) note(format string, values ...any) {
	text := fmt.Sprintf(format, values...)
	c.plan.say("%s", text)
	if !slices.Contains(c.Notes, text) {
		c.Notes = append(c.Notes, text)
	}
}

// obtain gets and starts rivals; those with which that fails it notes.
func (c *comparison) obtain(ctx context.Context, list []*rival) {
	c.Skipped = make(map[string]string)
	for i, r := range list {
		if ctx.Err() != nil {
			return
		}
		c.plan.say("obtaining and starting %s, %d of %d", r.name, i+1, len(list))
		s, err := c.startRival(ctx, r)
		if err != nil {
			c.plan.say("  skipped: %v", err)
			c.Skipped[r.name] = oneLine(err)
			continue
		}
		c.running = append(c.running, s)
		speaks := r.speaks
		if speaks == "" {
			speaks = sqs
		}
		c.Rivals = append(c.Rivals, described{r.name, s.program.version, r.keeps, r.yardstick, speaks})
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

// overhead is about how much longer than its duration a measurement takes: connecting, emptying the queue.
const overhead = 1500 * time.Millisecond

// estimate is about how long one measurement takes.
func (c *comparison) estimate() time.Duration { return c.o.duration + c.o.warm + overhead }

// estimateRound is about how long a round takes.
func (c *comparison) estimateRound(cells []cell) (d time.Duration) {
	for _, s := range c.running {
		for _, cell := range cells {
			if s.measures(cell) {
				d += c.estimate()
			}
		}
	}
	return d
}

// measure goes through all cells, round after round, as long as there is time for another one and for what comes after.
func (c *comparison) measure(ctx context.Context, cells []cell) error {
	each := c.estimateRound(cells)
	for round := 1; round <= c.o.rounds; round++ {
		if after := c.plan.expect(each) + c.plan.expect(c.estimateRest()); round > 1 && time.Since(c.plan.began)+after > c.o.limit {
			c.note("rounds: %d of %d, because there is a limit of %v", round-1, c.o.rounds, c.o.limit)
			c.plan.drop(time.Duration(c.o.rounds-round+1) * each)
			return nil
		}
		p50, p99, err := disk.Fsync(c.o.scratch, fsyncs)
		if err != nil {
			return err
		}
		c.Fsync = append(c.Fsync, fsyncTimes{milliseconds(p50), milliseconds(p99)})
		for _, cell := range cells {
			order := slices.Clone(c.running)
			if round%2 == 0 { // what one leaves behind, in caches and in the disk, is not always the same one's to bear
				slices.Reverse(order)
			}
			for _, s := range order {
				if !s.measures(cell) {
					continue
				}
				if err := c.measureCell(ctx, round, cell, s); err != nil {
					return err
				}
				c.plan.finish(c.estimate())
			}
		}
		c.Rounds = round
		if err := c.save(); err != nil {
			return err
		}
	}
	return nil
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// shortDrain is the time for what a test of losses receives: a disk that stalls for a while loses nothing.
const shortDrain = 90 * time.Second

// measureCell lets a rival do a cell. What it does wrong is noted; only the end of ctx is an error.
func (c *comparison) measureCell(ctx context.Context, round int, cell cell, s *process) error {
	m := measured{Round: round, Cell: cell.String(), Rival: s.name}
	o := cell.options(c.o.duration, c.o.warm, round == 1)
	if c.o.short {
		o.DrainTimeout, o.DrainLimit = shortDrain, shortDrain
	}
	result, err := c.one(ctx, s, o)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	m.Result = result
	if err == nil {
		err = result.Violations()
	}
	if m.Silent = err == nil && rate(result) == 0; m.Silent {
		err = fmt.Errorf("no message in %v", c.o.duration)
	}
	if err != nil {
		m.Fault = oneLine(err)
	}
	c.Results = append(c.Results, m)
	c.plan.say("round %d of %d, %s, %s: %s", round, c.o.rounds, m.Cell, s.label(), m)
	if !s.runs() {
		c.revive(ctx, s)
	}
	return nil
}

// revive starts a rival again that has ended, on an empty directory. If that fails it is measured no more.
func (c *comparison) revive(ctx context.Context, s *process) {
	c.note("%s ended by itself and was started again on an empty directory: %s", s.name, lastLine(s.log()))
	if err := os.RemoveAll(s.data); err == nil {
		if err = os.MkdirAll(s.data, 0o755); err == nil {
			err = s.launch(ctx)
		}
		if err == nil {
			s.signal(syscall.SIGSTOP)
			return
		}
	}
	c.note("%s could not be started again", s.name)
	c.running = slices.DeleteFunc(c.running, func(other *process) bool { return other == s })
}

func (m measured) String() string {
	if m.Result == nil {
		return m.Fault
	}
	text := fmt.Sprintf("%.0f messages/s", rate(m.Result))
	if m.Result.Checks.Left > 0 && m.Result.Checks.Received > 0 {
		text += fmt.Sprintf(" (%d left unchecked)", m.Result.Checks.Left)
	}
	return strings.TrimSpace(text + " " + m.Fault)
}

// firstWarmUp is how long a rival works before the first round, if it does not say otherwise.
const firstWarmUp = 3 * time.Second

func (r *rival) warms() time.Duration {
	if r.warmUp > 0 {
		return r.warmUp
	}
	return firstWarmUp
}

// warmUp lets every rival work for a while, so that those that compile as they run have done so.
func (c *comparison) warmUp(ctx context.Context) {
	for _, s := range c.running {
		c.plan.say("warming up %s", s.label())
		if _, err := c.one(ctx, s, roundTrip.options(s.warms(), 0, true)); err != nil {
			c.plan.say("  %v", err) // what matters fails again
		}
		c.plan.finish(s.warms() + overhead)
	}
}

// slowest is how much longer than it should a measurement may take until its server counts as hung.
const slowest = 20 * time.Second

// one lets a rival run for one measurement.
func (c *comparison) one(ctx context.Context, s *process, o loadgen.Options) (*loadgen.Result, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, o.Duration+o.WarmUp+o.DrainLimit+slowest, fmt.Errorf("it was not done %v after its time", slowest))
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
			if m.Rival == r.name && m.Fault != "" && !m.Silent { // times are no faults
				wrong = append(wrong, fmt.Errorf("%s, %s: %s", r.name, m.Cell, m.Fault))
			}
		}
	}
	return errors.Join(wrong...)
}

// ratios returns, for each round in which both did theirs, the figure of one rival in a cell as a multiple of another's.
func (c *comparison) ratios(cellA cell, a string, cellB cell, b string) (list []float64) {
	of := func(round int, cell cell, rival string) float64 {
		for _, m := range c.Results {
			if m.Round == round && m.Cell == cell.String() && m.Rival == rival && m.Result != nil {
				return rate(m.Result)
			}
		}
		return 0
	}
	for round := range c.Rounds {
		if x, y := of(round+1, cellA, a), of(round+1, cellB, b); x > 0 && y > 0 {
			list = append(list, x/y)
		}
	}
	return list
}

// figures returns a figure of a rival in a cell, one for each round that has it.
func (c *comparison) figures(cell cell, rival string, figure func(*loadgen.Result) float64) (list []float64) {
	for _, m := range c.Results {
		if m.Cell == cell.String() && m.Rival == rival && m.Result != nil {
			if v := figure(m.Result); v > 0 { // else there is a fault that says so
				list = append(list, v)
			}
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

// save writes what there is so far.
func (c *comparison) save() error {
	if c.o.json == "" {
		return nil
	}
	c.Took = time.Since(c.Began).Seconds()
	text, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(c.o.json, append(text, '\n'), 0o644)
}

// fsyncs is how many times the disk is asked in each round.
const fsyncs = 500

// machine describes where this runs.
func machine() string {
	text := fmt.Sprintf("%d cores, %s/%s", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH)
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return text
	}
	_, model, _ := strings.Cut(string(info), "model name")
	model, _, _ = strings.Cut(strings.TrimLeft(model, "\t :"), "\n")
	if model != "" {
		text += ", " + model
	}
	return text
}

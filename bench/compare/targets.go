package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/staunchmq/staunch/internal/loadgen"
)

// verdict is one row of the table of targets.
type verdict struct {
	scenario, target, figure string
	known, met               bool
}

func (v verdict) String() string {
	met := "not measured"
	switch {
	case v.known && v.met:
		met = "yes"
	case v.known:
		met = "**no**"
	}
	return fmt.Sprintf("| %s | %s | %s | %s |", v.scenario, v.target, v.figure, met)
}

// targets returns the table of what Staunch is to be, and what it was.
func (c *comparison) targets() (rows []verdict) {
	for _, t := range []struct {
		cells []cell
		least float64
	}{{[]cell{send32, send128}, 0.80}, {[]cell{batch8, batch32}, 0.75}, {[]cell{roundTrip}, 0.70}} {
		for _, cell := range t.cells {
			v := c.atLeast(cell.String(), t.least, "of the floor", c.ratios(cell, "staunch", cell, "floor"))
			if list := c.ratios(cell, "staunch", cell, "floor-preallocated"); len(list) > 0 {
				v.figure += fmt.Sprintf("; %.2f of the floor on a preallocated file", median(list))
			}
			rows = append(rows, v)
		}
	}
	inMemory, onDisk := c.rivalsThat(memory), c.rivalsThat(fsynced, unsynced)
	rows = append(rows, c.against(roundTrip, "staunch-memory", 2, inMemory, "memory-only"))
	for _, cell := range []cell{batch8, batch32, roundTrip} {
		rows = append(rows, c.against(cell, "staunch", 1.3, inMemory, "memory-only"))
	}
	for _, cell := range []cell{send32, batch8, batch32, roundTrip} {
		rows = append(rows, c.against(cell, "staunch", 5, onDisk, "durable"))
	}
	rows = append(rows, c.atLeast("FIFO queue, 64 groups, "+roundTrip.String(), 0.8, "of the standard queue", c.ratios(fifo, "staunch", roundTrip, "staunch")))
	rows = append(rows, c.longPollTargets()...)
	rows = append(rows, c.idleTargets()...)
	for _, cell := range []cell{send32, batch8, roundTrip} {
		rows = append(rows, c.atLeast("signatures verified, "+cell.String(), 0.9, "of unverified", c.ratios(cell, "staunch", cell, "staunch-unverified")))
	}
	return rows
}

// atLeast is a row about a ratio: its median over the rounds counts.
func (c *comparison) atLeast(scenario string, least float64, of string, ratios []float64) verdict {
	v := verdict{scenario: scenario, target: fmt.Sprintf(">= %.2f %s", least, of), figure: "–"}
	if len(ratios) == 0 {
		return v
	}
	v.figure, v.known, v.met = spread("%.2f", ratios), true, median(ratios) >= least
	return v
}

// spread writes the median, and the lowest and the highest.
func spread(format string, list []float64) string {
	text := number(format, median(list))
	if len(list) > 1 {
		text += fmt.Sprintf(" ("+format+"–"+format+")", slices.Min(list), slices.Max(list))
	}
	return text
}

// rivalsThat returns the servers of others that speak SQS and keep messages in one of these ways.
func (c *comparison) rivalsThat(keep ...durability) (names []string) {
	for _, r := range c.Rivals {
		if r.Speaks == sqs && r.Yardstick == "" && !strings.HasPrefix(r.Name, "staunch") && slices.Contains(keep, r.Keeps) {
			names = append(names, r.Name)
		}
	}
	return names
}

// against is a row about the fastest of some rivals.
func (c *comparison) against(cell cell, of string, least float64, names []string, kind string) verdict {
	v := verdict{scenario: of + ", " + cell.String(), target: fmt.Sprintf(">= %.1f times the fastest %s server", least, kind), figure: "–"}
	fastest := ""
	for _, name := range names {
		list := c.ratios(cell, of, cell, name)
		if len(list) > 0 && (fastest == "" || median(list) < median(c.ratios(cell, of, cell, fastest))) {
			fastest = name
		}
	}
	if fastest == "" {
		return v
	}
	list := c.ratios(cell, of, cell, fastest)
	v.figure = fmt.Sprintf("%s times %s", spread("%.2f", list), fastest)
	v.known, v.met = true, median(list) >= least
	return v
}

// longPollTargets are about the time from send to receive, with the disk's own time beside it.
func (c *comparison) longPollTargets() (rows []verdict) {
	for _, t := range []struct {
		name string
		more float64 // milliseconds
		raw  func(fsyncTimes) float64
		of   func(loadgen.Operation) float64
	}{
		{"p50", 1, func(f fsyncTimes) float64 { return f.P50 }, p50},
		{"p99", 5, func(f fsyncTimes) float64 { return f.P99 }, p99},
	} {
		var disk []float64
		for _, f := range c.Fsync {
			disk = append(disk, t.raw(f))
		}
		raw, took := median(disk), c.figures(longPoll, "staunch", delivery(t.of))
		rows = append(rows, verdict{
			scenario: fmt.Sprintf("%s, send to receive, %s", longPoll, t.name), target: fmt.Sprintf("<= raw fsync (%.2f ms) + %.0f ms", raw, t.more),
			figure: spread("%.2f", took) + " ms", known: len(took) > 0, met: median(took) <= raw+t.more,
		})
	}
	return rows
}

func (c *comparison) idleTargets() []verdict {
	rows := []verdict{
		{scenario: "idle, one queue", target: "< 40 MiB resident", figure: "–"},
		{scenario: "idle, one queue", target: "< 0.1 % of a core", figure: "–"},
		{scenario: "start, empty data directory, to the first answer", target: "< 100 ms", figure: "–"},
	}
	for _, i := range c.Idle {
		if i.Rival != "staunch" {
			continue
		}
		for k, f := range []struct {
			format      string
			value, most float64
		}{{"%.1f MiB", float64(i.Resident) / (1 << 20), 40}, {"%.2f %%", i.CPU, 0.1}, {"%.0f ms", 1000 * i.Start, 100}} {
			rows[k].figure, rows[k].known, rows[k].met = fmt.Sprintf(f.format, f.value), i.Resident > 0, f.value < f.most
		}
	}
	return rows
}

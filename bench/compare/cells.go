package main

import (
	"fmt"
	"time"

	"github.com/staunchmq/staunch/internal/loadgen"
)

// cell is one column of the tables: a scenario and how it is run.
type cell struct {
	scenario    string
	connections int // producers, and as many consumers
	rate        float64
}

func (c cell) String() string {
	switch c.scenario {
	case loadgen.Send, loadgen.SendBatch:
		return fmt.Sprintf("%s, %d connections", c.scenario, c.connections)
	case loadgen.LongPoll:
		return fmt.Sprintf("%s, %.0f messages/s", c.scenario, c.rate)
	default:
		return fmt.Sprintf("%s, %d+%d connections", c.scenario, c.connections, c.connections)
	}
}

// drainTime is how long what a server was sent may be received after a measurement, and how long nothing may come then.
const drainTime = 5 * time.Second

// options returns how the cell is measured. What single sends and batches leave in the queue is received, to see that nothing is lost,
// when verified says so: it takes longer than the measurement.
func (c cell) options(duration, warm time.Duration, verified bool) loadgen.Options {
	o := loadgen.Options{
		Scenario: c.scenario, Connections: c.connections, Rate: c.rate, Duration: duration, WarmUp: warm,
		DrainTimeout: drainTime, DrainLimit: max(drainTime, duration),
	}
	if (c.scenario == loadgen.Send || c.scenario == loadgen.SendBatch) && !verified {
		o.NoVerify, o.DrainTimeout, o.DrainLimit = true, 0, 0
	}
	return o
}

// measures tells whether a rival does a cell.
func (r *rival) measures(c cell) bool {
	switch {
	case r.drive != nil:
		return driven(c.scenario)
	case c.scenario == loadgen.FIFO:
		return r.fifo
	case c.scenario == loadgen.LongPoll:
		return r.yardstick == "" // the raw fsync is that of a latency
	default:
		return true
	}
}

// The cells that the targets are about.
var (
	send32    = cell{scenario: loadgen.Send, connections: 32}
	send128   = cell{scenario: loadgen.Send, connections: 128}
	batch8    = cell{scenario: loadgen.SendBatch, connections: 8}
	batch32   = cell{scenario: loadgen.SendBatch, connections: 32}
	roundTrip = cell{scenario: loadgen.RoundTrip, connections: 8}
	fifo      = cell{scenario: loadgen.FIFO, connections: 8}
	longPoll  = cell{scenario: loadgen.LongPoll, connections: 16, rate: 200}
)

var (
	allCells   = []cell{send32, send128, batch8, batch32, roundTrip, fifo, longPoll}
	shortCells = []cell{send32, batch8, roundTrip}
)

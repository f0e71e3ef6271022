package main

import (
	"fmt"

	"github.com/staunchmq/staunch/internal/loadgen"
)

// cell is one line of the table: a scenario and how it is run.
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

func (c cell) options() loadgen.Options {
	return loadgen.Options{Scenario: c.scenario, Connections: c.connections, Rate: c.rate}
}

var allCells = []cell{
	{scenario: loadgen.Send, connections: 32},
	{scenario: loadgen.Send, connections: 128},
	{scenario: loadgen.SendBatch, connections: 8},
	{scenario: loadgen.SendBatch, connections: 32},
	{scenario: loadgen.RoundTrip, connections: 8},
	{scenario: loadgen.FIFO, connections: 8},
	{scenario: loadgen.LongPoll, connections: 8, rate: 200},
}

var shortCells = []cell{
	{scenario: loadgen.Send, connections: 32},
	{scenario: loadgen.SendBatch, connections: 8},
	{scenario: loadgen.RoundTrip, connections: 8},
}

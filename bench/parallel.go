package main

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// step does one thing over a connection and returns how many messages that was. With more = false the connection is done.
type step func(c *client) (messages int, more bool, err error)

// outcome is what all connections did together.
type outcome struct {
	messages int
	took     time.Duration
	steps    []time.Duration // how long each step took, sorted
}

func (r outcome) rate() float64 { return float64(r.messages) / r.took.Seconds() }

// each returns what of d a message took.
func (r outcome) each(d time.Duration) time.Duration { return d / time.Duration(max(1, r.messages)) }

func (r outcome) String() string {
	at := func(percent int) time.Duration {
		if len(r.steps) == 0 {
			return 0
		}
		return r.steps[min(len(r.steps)*percent/100, len(r.steps)-1)].Round(time.Microsecond)
	}
	return fmt.Sprintf("%9.0f messages/s   latency p50 %v  p99 %v", r.rate(), at(50), at(99))
}

// parallel runs steps one after the other on each of o.connections connections.
func (o *options) parallel(endpoint string, do step) (outcome, error) {
	var group sync.WaitGroup
	var mu sync.Mutex
	var all outcome
	var failed error
	start := time.Now()
	for range o.connections {
		group.Go(func() {
			one, err := drive(endpoint, do)
			mu.Lock()
			defer mu.Unlock()
			all.messages += one.messages
			all.steps = append(all.steps, one.steps...)
			failed = errors.Join(failed, err)
		})
	}
	group.Wait()
	all.took = time.Since(start)
	slices.Sort(all.steps)
	return all, failed
}

func drive(endpoint string, do step) (one outcome, err error) {
	c, err := dial(endpoint)
	if err != nil {
		return one, err
	}
	defer c.Close()
	for now := time.Now(); ; {
		n, more, err := do(c)
		if err != nil || !more {
			return one, err
		}
		one.messages += n
		end := time.Now()
		one.steps = append(one.steps, end.Sub(now))
		now = end
	}
}

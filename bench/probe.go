package main

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// probe sends, receives and deletes one message after the other on a queue of its own, and notes how long each request took.
type probe struct {
	url     string
	client  *client
	ended   atomic.Bool
	group   sync.WaitGroup
	err     error
	request []time.Duration
}

// newProbe makes a probe on a new queue.
func (o *options) newProbe(endpoint string) (*probe, error) {
	url, err := o.createQueue(endpoint)
	if err != nil {
		return nil, err
	}
	c, err := dial(endpoint)
	return &probe{url: url, client: c}, err
}

func (p *probe) start() {
	p.group.Go(func() {
		for { // once in any case, however short the time is
			if p.err = p.once(); p.err != nil || p.ended.Load() {
				return
			}
			time.Sleep(time.Millisecond)
		}
	})
}

func (p *probe) once() error {
	began := time.Now()
	if err := p.client.Do("SendMessage", request{"QueueUrl": p.url, "MessageBody": "probe"}, nil); err != nil {
		return err
	}
	sent := time.Now()
	n, err := p.client.receiveDelete(p.url)
	if err != nil {
		return err
	}
	if n != 1 {
		return fmt.Errorf("the probe received %d messages of the one that it sent", n)
	}
	p.request = append(p.request, sent.Sub(began), time.Since(sent)/2) // a receive and a delete
	return nil
}

// stalls is what a probe saw: the longest request, and the one that is longer than 99 of 100.
type stalls struct {
	requests     int
	p99, longest time.Duration
}

func (s stalls) String() string {
	return fmt.Sprintf("longest request %v, p99 %v, of %d", s.longest.Round(100*time.Microsecond), s.p99.Round(100*time.Microsecond), s.requests)
}

// stop ends the probe.
func (p *probe) stop() (stalls, error) {
	p.ended.Store(true)
	p.group.Wait()
	p.client.Close()
	if p.err != nil || len(p.request) == 0 {
		return stalls{}, errors.Join(errors.New("the probe failed"), p.err)
	}
	slices.Sort(p.request)
	return stalls{len(p.request), p.request[len(p.request)*99/100], p.request[len(p.request)-1]}, nil
}

// probeDuring runs a probe while do runs.
func (o *options) probeDuring(endpoint string, do func() error) (stalls, error) {
	p, err := o.newProbe(endpoint)
	if err != nil {
		return stalls{}, err
	}
	p.start()
	err = do()
	s, probeErr := p.stop()
	return s, errors.Join(err, probeErr)
}

// startProbed starts a server with one shard and prints what a probe sees while nothing else goes on.
func (o *options) startProbed() (*server, error) {
	s, err := o.startServer("--shards", "1")
	if err != nil {
		return nil, err
	}
	base, err := o.probeDuring(s.endpoint, func() error { time.Sleep(o.duration); return nil })
	if err != nil {
		s.stop()
		return nil, err
	}
	fmt.Printf("nothing else going on:   %v\n", base)
	return s, nil
}

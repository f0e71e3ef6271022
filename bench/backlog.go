package main

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"
)

// shortQueue is how many messages the queue has that the deep one is compared with.
const shortQueue = 200_000

// turns is how often the deep queue and what it is compared with take turns, so that whatever else the machine does meets both.
const turns = 3

// backlog fills a queue with messages that nobody receives, and measures what that does to the server: the rate of sends on the way and
// against an empty server, its memory, the disk, how long a restart after kill -9 takes, and how fast the queue drains compared with a short one.
func (o *options) backlog() error {
	s, err := o.startServer()
	if err != nil {
		return err
	}
	defer func() { s.stop() }()
	url, err := o.createQueue(s.endpoint)
	if err != nil {
		return err
	}
	before := diskUsed(o.data)
	if err := o.fillInParts(s, url); err != nil {
		return err
	}
	if err := errors.Join(s.checkResident(mostResidentBacklog), awaitCounts(s.endpoint, url, counts{visible: o.messages})); err != nil {
		return err
	}
	sent := float64(o.messages) * float64(o.size)
	fmt.Printf("disk against bytes sent: %.2f\n", float64(diskUsed(o.data)-before)/sent)
	if err := o.sendAgainstEmpty(s, url); err != nil {
		return err
	}
	if s, err = o.killAndReceive(s, url); err != nil {
		return err
	}
	return o.drainAgainstShort(s, url)
}

// sendAgainstEmpty sends to the deep queue and to one of an empty server by turns.
func (o *options) sendAgainstEmpty(deep *server, deepURL string) error {
	other := *o
	var err error
	if other.data, err = os.MkdirTemp(o.data, "empty-"); err != nil {
		return err
	}
	defer os.RemoveAll(other.data)
	empty, err := other.startServer()
	if err != nil {
		return err
	}
	defer empty.stop()
	emptyURL, err := o.createQueue(empty.endpoint)
	if err != nil {
		return err
	}
	var rates [2]float64 // deep, empty
	for range turns {
		for i, to := range []struct {
			*server
			url, name string
		}{{deep, deepURL, "deep queue:             "}, {empty, emptyURL, "queue of another server:"}} {
			cpu := to.cpu()
			result, err := o.fill(to.endpoint, to.url, min(shortQueue, o.messages))
			if err != nil {
				return err
			}
			rates[i] += result.rate()
			fmt.Printf("send to the %s %v, %v of CPU a message\n", to.name, result, result.each(to.cpu()-cpu))
		}
	}
	fmt.Printf("  %.2f of the empty server's rate (target: 1)\n", rates[0]/rates[1])
	return nil
}

// drainAgainstShort drains the deep queue and short ones by turns.
func (o *options) drainAgainstShort(s *server, deepURL string) error {
	shortURL, err := o.createQueue(s.endpoint)
	if err != nil {
		return err
	}
	var rates [2]float64 // deep, short
	for turn := range turns {
		if _, err := o.fill(s.endpoint, shortURL, min(shortQueue, o.messages)); err != nil {
			return err
		}
		for i, queue := range []struct{ url, name string }{{deepURL, "deep"}, {shortURL, "short"}} {
			cpu := s.cpu()
			profiled := s.profileCPU(o.profiles, fmt.Sprintf("drain-%s-%d", queue.name, turn))
			result, err := o.drain(s.endpoint, queue.url)
			if err != nil {
				return err
			}
			rates[i] += result.rate()
			fmt.Printf("drain of a %-6s queue: %v, %v of CPU a message\n", queue.name, result, result.each(s.cpu()-cpu))
			if err := profiled(); err != nil {
				return err
			}
		}
	}
	fmt.Printf("  %.2f of the short queue's rate (target: 0.90), resident %d MiB\n", rates[0]/rates[1], s.resident()>>20)
	return nil
}

// fillInParts sends the backlog in ten parts and prints each as it is done.
func (o *options) fillInParts(s *server, url string) error {
	const parts = 10
	var first float64
	for part := range parts {
		cpu := s.cpu()
		profiled := s.profileCPU(o.profiles, fmt.Sprintf("send-%02d", part))
		result, err := o.fill(s.endpoint, url, o.messages/parts)
		if err := errors.Join(err, profiled()); err != nil {
			return err
		}
		if part == 0 {
			first = result.rate()
		}
		// What a message costs says more than the rate where others use the machine too.
		each := result.each(s.cpu() - cpu)
		left := time.Duration(float64(parts-part-1) * float64(result.took)).Round(time.Second)
		fmt.Printf("send, %3d %% done: %v, %.2f of the first part's rate, %v of CPU a message; resident %d MiB, disk %d MiB; about %v to go\n",
			(part+1)*100/parts, result, result.rate()/first, each, s.resident()>>20, diskUsed(o.data)>>20, left)
	}
	return nil
}

// fill sends n messages in batches of ten.
func (o *options) fill(endpoint, url string, n int) (outcome, error) {
	batch := batches(url, o.size)
	shown := showProgress("fill", n)
	defer shown.end()
	var left atomic.Int64
	left.Store(int64(n))
	return o.parallel(endpoint, func(c *client) (int, bool, error) {
		if left.Add(-10) < 0 {
			return 0, false, nil
		}
		_, err := c.Send("SendMessageBatch", batch())
		shown.done.Add(10)
		return 10, true, err
	})
}

// drain receives and deletes for o.duration, or until shortQueue messages or all are gone.
func (o *options) drain(endpoint, url string) (outcome, error) {
	end := time.Now().Add(o.duration)
	var done atomic.Int64
	return o.parallel(endpoint, func(c *client) (int, bool, error) {
		if !time.Now().Before(end) || done.Load() >= shortQueue {
			return 0, false, nil
		}
		n, err := c.receiveDelete(url)
		done.Add(int64(n))
		return n, n > 0, err
	})
}

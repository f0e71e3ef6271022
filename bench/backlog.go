package main

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// shortQueue is how many messages the queue has that the deep one is compared with.
const shortQueue = 200_000

// backlog fills a queue with messages that nobody receives, and measures what that does to the server: the rate of sends on the way,
// its memory, the disk, how long a restart after kill -9 takes, and how fast the queue drains compared with a short one.
func (o *options) backlog() error {
	s, err := o.startServer()
	if err != nil {
		return err
	}
	defer func() { s.stop() }()
	short, err := o.shortDrain(s)
	if err != nil {
		return err
	}
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

	if s, err = o.killAndReceive(s, url); err != nil {
		return err
	}

	deep, err := o.drain(s.endpoint, url)
	if err != nil {
		return err
	}
	fmt.Printf("drain of the backlog:   %v\n  %.2f of the short queue's rate, resident %d MiB\n", deep, deep.rate()/short.rate(), s.resident()>>20)
	return nil
}

func (o *options) shortDrain(s *server) (outcome, error) {
	url, err := o.createQueue(s.endpoint)
	if err != nil {
		return outcome{}, err
	}
	if _, err := o.fill(s.endpoint, url, min(shortQueue, o.messages)); err != nil {
		return outcome{}, err
	}
	result, err := o.drain(s.endpoint, url)
	fmt.Printf("drain of a short queue: %v\n", result)
	return result, err
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
		each := (s.cpu() - cpu) / time.Duration(max(1, result.messages))
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

// drain receives and deletes for o.duration, or until the queue is empty.
func (o *options) drain(endpoint, url string) (outcome, error) {
	end := time.Now().Add(o.duration)
	return o.parallel(endpoint, func(c *client) (int, bool, error) {
		if !time.Now().Before(end) {
			return 0, false, nil
		}
		n, err := c.receiveDelete(url)
		return n, n > 0, err
	})
}

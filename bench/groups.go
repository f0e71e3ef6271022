package main

import (
	"fmt"
	"sync/atomic"
	"time"
)

// stuckGroup drains two FIFO queues by turns: both have half of the messages in many groups, and one of them has the other half in
// one more group, whose first message is in flight for hours.
func (o *options) stuckGroup() error {
	s, err := o.startServer("--shards", "1")
	if err != nil {
		return err
	}
	defer s.stop()
	plain, err := o.createFIFO(s.endpoint)
	if err != nil {
		return err
	}
	stuck, err := o.createFIFO(s.endpoint)
	if err != nil {
		return err
	}
	others := o.messages / 2
	if err := o.fillStuck(s, stuck, o.messages-others); err != nil {
		return err
	}
	inGroups := func(kind string) message {
		return func(i int) request {
			return request{"MessageGroupId": fmt.Sprintf("group-%d", i%(o.groups-1)), "MessageDeduplicationId": fmt.Sprint(kind, i)}
		}
	}
	for _, q := range []struct{ name, url string }{{"queue with a stuck group", stuck}, {"queue without", plain}} {
		result, err := o.fillWith(s.endpoint, q.url, "fill the "+q.name, others, inGroups("other"))
		if err != nil {
			return err
		}
		fmt.Printf("send to the %s: %v\n", q.name, result)
	}
	fmt.Printf("resident with all messages waiting: %d MiB\n", s.resident()>>20)
	return o.drainByTurns(s, plain, stuck, others)
}

// fillStuck sends n messages of one group and takes the first of them.
func (o *options) fillStuck(s *server, url string, n int) error {
	_, err := o.fillWith(s.endpoint, url, "fill the stuck group", n, func(i int) request {
		return request{"MessageGroupId": "stuck", "MessageDeduplicationId": fmt.Sprint("stuck", i)}
	})
	if err != nil {
		return err
	}
	c, err := dial(s.endpoint)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.Do("ReceiveMessage", request{"QueueUrl": url, "VisibilityTimeout": 43_200}, nil); err != nil {
		return err
	}
	return awaitCounts(s.endpoint, url, counts{visible: n - 1, inFlight: 1})
}

// drainByTurns drains n messages of each queue in ten parts, and checks that these are all that can be received.
func (o *options) drainByTurns(s *server, plain, stuck string, n int) error {
	const parts = 10
	var without, with outcome
	for part := 1; part <= parts; part++ {
		share := n/parts + 1
		for _, q := range []struct {
			url string
			all *outcome
		}{{plain, &without}, {stuck, &with}} {
			result, err := o.drainSome(s.endpoint, q.url, share)
			if err != nil {
				return err
			}
			q.all.messages += result.messages
			q.all.took += result.took
		}
		fmt.Printf("drain, %3d %% done: %.0f messages/s without a stuck group, %.0f with; resident %d MiB\n",
			100*part/parts, without.rate(), with.rate(), s.resident()>>20)
	}
	if without.messages != n || with.messages != n {
		return fmt.Errorf("received %d and %d messages of the groups that are not stuck, there were %d each", without.messages, with.messages, n)
	}
	fmt.Printf("drain beside the stuck group: %.2f of the rate without one (target: 0.80 or more)\n", with.rate()/without.rate())
	return awaitCounts(s.endpoint, stuck, counts{visible: o.messages - n - 1, inFlight: 1})
}

// drainSome receives and deletes about n messages, or until the queue is empty.
func (o *options) drainSome(endpoint, url string, n int) (outcome, error) {
	var taken atomic.Int64
	began := time.Now()
	result, err := o.parallel(endpoint, func(c *client) (int, bool, error) {
		if taken.Load() >= int64(n) {
			return 0, false, nil
		}
		got, err := c.receiveDelete(url)
		taken.Add(int64(got))
		return got, got > 0, err
	})
	result.took = time.Since(began)
	return result, err
}

package main

import (
	"fmt"
	"sync/atomic"
	"time"
)

// manyQueues creates queues of which one in a hundred gets a message, lists them, kills the server and starts it again.
func (o *options) manyQueues() error {
	s, err := o.startServer()
	if err != nil {
		return err
	}
	defer func() { s.stop() }()
	if err := o.createMany(s); err != nil {
		return err
	}
	fmt.Printf("resident with %d queues: %d MiB (target: below 200)\n", o.queues, s.resident()>>20)
	if err := s.checkResident(mostResidentQueues); err != nil {
		return err
	}
	if err := o.listMany(s); err != nil {
		return err
	}
	if s, err = o.killAndReceive(s, s.endpoint+"/000000000000/"+queueName(0)); err != nil {
		return err
	}
	return o.listMany(s)
}

func queueName(i int) string { return fmt.Sprintf("bench-%05d", i) }

func (o *options) createMany(s *server) error {
	shown := showProgress("create queues", o.queues)
	defer shown.end()
	var next atomic.Int64
	result, err := o.parallel(s.endpoint, func(c *client) (int, bool, error) {
		i := int(next.Add(1)) - 1
		if i >= o.queues {
			return 0, false, nil
		}
		url, err := c.CreateQueue(queueName(i), nil)
		if err == nil && i%100 == 0 {
			err = c.Do("SendMessage", request{"QueueUrl": url, "MessageBody": randomText(o.size)}, nil)
		}
		shown.done.Add(1)
		return 1, true, err
	})
	if err == nil {
		fmt.Printf("create %d queues: %.0f a second\n", o.queues, result.rate())
	}
	return err
}

// listMany lists all queues by pages of 1,000, and hundred of them by their prefix.
func (o *options) listMany(s *server) error {
	c, err := dial(s.endpoint)
	if err != nil {
		return err
	}
	defer c.Close()
	began, total, pages := time.Now(), 0, 0
	for token := ""; pages == 0 || token != ""; pages++ {
		in := request{"MaxResults": 1000}
		if token != "" {
			in["NextToken"] = token
		}
		var n int
		if n, token, err = c.listQueues(in); err != nil {
			return err
		}
		total += n
	}
	all := time.Since(began)
	began = time.Now()
	const prefixes = 100
	for i := range prefixes {
		prefix := queueName(i * o.queues / prefixes)
		n, _, err := c.listQueues(request{"QueueNamePrefix": prefix})
		if err != nil || n != 1 {
			return fmt.Errorf("ListQueues with the prefix %s: %d queues, error %v", prefix, n, err)
		}
	}
	fmt.Printf("ListQueues: a page of 1,000 in %v, by prefix in %v (target: milliseconds)\n",
		(all / time.Duration(pages)).Round(10*time.Microsecond), (time.Since(began) / prefixes).Round(time.Microsecond))
	if total != o.queues {
		return fmt.Errorf("ListQueues lists %d queues of %d", total, o.queues)
	}
	return nil
}

func (c *client) listQueues(in request) (n int, token string, err error) {
	var out struct {
		QueueUrls []string
		NextToken string
	}
	err = c.Do("ListQueues", in, &out)
	return len(out.QueueUrls), out.NextToken, err
}

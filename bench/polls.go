package main

import (
	"context"
	"fmt"
	"sync"
	"syscall"
	"time"
)

// pollSeconds is how long a long poll waits: the most that SQS allows.
const pollSeconds = 20

// pollBody is what is sent to one of the polls.
const pollBody = "for the one that has waited longest"

// poll waits for that message.
func (c *client) poll(url string) error {
	var out struct{ Messages []struct{ Body string } }
	err := c.Do("ReceiveMessage", request{"QueueUrl": url, "WaitTimeSeconds": pollSeconds}, &out)
	if err == nil && (len(out.Messages) != 1 || out.Messages[0].Body != pollBody) {
		err = fmt.Errorf("the first poll that was answered got %v", out.Messages)
	}
	return err
}

// longPolls lets receives wait, measures the server while they do, and sends a message to one.
func (o *options) longPolls() error {
	if err := needFiles(o.polls); err != nil {
		return err
	}
	s, err := o.startServer()
	if err != nil {
		return err
	}
	defer s.stop()
	for {
		began, err := o.pollAtOnce(s)
		if err == nil || time.Since(began) < pollSeconds*time.Second || o.polls == 1 {
			return err
		}
		fmt.Printf("  the machine is too slow: the first of %d polls ended before all was seen (%v)\n", o.polls, err)
		o.polls /= 2
	}
}

// pollAtOnce lets o.polls receives wait on new queues, measures the server, and sends a message to the first queue. What it sees means
// nothing when the receives, the first of which waits since began, have ended by then.
func (o *options) pollAtOnce(s *server) (began time.Time, err error) {
	const queues = 100
	var urls [queues]string
	for i := range urls {
		if urls[i], err = o.createQueue(s.endpoint); err != nil {
			return time.Now(), err
		}
	}
	before := s.resident()
	began = time.Now()
	ctx, end := context.WithCancel(context.Background())
	var polls sync.WaitGroup
	defer polls.Wait()
	defer end()
	answers := make(chan error, o.polls) // of the polls of the first queue
	for i := range o.polls {
		c, err := dialUntil(ctx, s.endpoint)
		if err != nil {
			return began, err
		}
		polls.Go(func() {
			defer c.Close()
			err := c.poll(urls[i%queues])
			if i%queues == 0 {
				answers <- err
			}
		})
	}
	if err := s.awaitMetric("staunch_waiting_receives", float64(o.polls)); err != nil {
		return began, err
	}
	fmt.Printf("%d polls wait after %v: resident %d MiB (target: below 400), %d B each\n",
		o.polls, time.Since(began).Round(time.Millisecond), s.resident()>>20, (s.resident()-before)/int64(o.polls))
	if err := s.checkResident(mostResidentPolls); err != nil {
		return began, err
	}
	idle := min(o.duration, pollSeconds*time.Second-time.Since(began)-5*time.Second)
	if idle > 0 {
		cpu := s.cpu()
		time.Sleep(idle)
		fmt.Printf("idle for %v: %.2f %% of a core (target: below 2 %%)\n", idle.Round(time.Second), 100*(s.cpu()-cpu).Seconds()/idle.Seconds())
	}

	sender, err := dial(s.endpoint)
	if err != nil {
		return began, err
	}
	defer sender.Close()
	sent := time.Now()
	if err := sender.Do("SendMessage", request{"QueueUrl": urls[0], "MessageBody": pollBody}, nil); err != nil {
		return began, err
	}
	if err := <-answers; err != nil {
		return began, err
	}
	fmt.Printf("send to a queue with waiting polls, until one has the message: %v\n", time.Since(sent).Round(10*time.Microsecond))
	return began, nil
}

// needFiles fails unless this process, and so the server, may have a connection for each of n polls.
func needFiles(n int) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	if need := uint64(n) + 1000; limit.Max < need {
		return fmt.Errorf("%d polls need %d open files, the hard limit is %d: raise it (ulimit -Hn %d, as root) or use fewer with -polls", n, need, limit.Max, need)
	}
	// The Go runtime has raised the soft limit of this process to the hard one, and does so in the server.
	return nil
}

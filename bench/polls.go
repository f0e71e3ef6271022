package main

import (
	"bytes"
	"fmt"
	"syscall"
	"time"
)

// pollSeconds is how long a long poll waits: the most that SQS allows.
const pollSeconds = 20

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
	conns := make([]*conn, o.polls)
	for i := range conns {
		if conns[i], err = dial(s.endpoint); err != nil {
			return time.Now(), err
		}
		defer conns[i].Close()
	}
	began = time.Now()
	for i, c := range conns {
		if _, err := c.Write(request(s.endpoint, "ReceiveMessage", map[string]any{
			"QueueUrl": urls[i%queues], "WaitTimeSeconds": pollSeconds})); err != nil {
			return began, err
		}
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
	const body = "for the one that has waited longest"
	answers := make(chan error)
	for i := 0; i < o.polls; i += queues {
		go func() {
			answer, err := conns[i].answer()
			if err == nil && !bytes.Contains(answer, []byte(body)) {
				err = fmt.Errorf("the first poll that was answered got %.200s", answer)
			}
			answers <- err
		}()
	}
	sent := time.Now()
	if _, err := sender.do(request(s.endpoint, "SendMessage", map[string]any{"QueueUrl": urls[0], "MessageBody": body})); err != nil {
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

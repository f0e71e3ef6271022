package main

import (
	"errors"
	"fmt"
	"syscall"
	"time"
)

// deadlines lets many deadlines of one queue pass while a probe sends and receives on another queue of the same shard: visibility
// timeouts all at once, delays of messages over ten seconds, and delays all at once. For "all at once" the server is stopped
// (SIGSTOP) while they pass, and the probe begins when it goes on.
func (o *options) deadlines() error {
	s, err := o.startProbed()
	if err != nil {
		return err
	}
	defer s.stop()
	sends, err := o.timeoutsAtOnce(s)
	if err != nil {
		return err
	}
	// The delays must not end before all is sent.
	each := 2 * sends.took / time.Duration(sends.messages)
	if err := o.delaysEnd(s, each, o.window, false); err != nil {
		return err
	}
	return o.delaysEnd(s, each, time.Second, true)
}

// timeoutsAtOnce returns what the sends took.
func (o *options) timeoutsAtOnce(s *server) (sends outcome, err error) {
	url, err := o.createQueue(s.endpoint)
	if err != nil {
		return sends, err
	}
	if sends, err = o.fillWith(s.endpoint, url, "fill", o.inFlight, func(int) request { return nil }); err != nil {
		return sends, err
	}
	due, err := o.receiveUntil(s, url, 2*time.Second+3*sends.took) // receives take about twice as long as the same number of sends
	if err != nil {
		return sends, err
	}
	seen, err := o.pass(s, due, time.Second, true, func() error { return awaitCounts(s.endpoint, url, counts{visible: o.inFlight}) })
	fmt.Printf("%9d timeouts at once:        %v (target: 100ms)\n", o.inFlight, seen)
	return sends, err
}

// receiveUntil receives all messages, so that their timeouts end at once, at due. They have to be received by then: when that takes longer
// than it may, they are received again with twice the time.
func (o *options) receiveUntil(s *server, url string, within time.Duration) (due time.Time, err error) {
	for ; ; within *= 2 {
		due = time.Now().Add(within)
		visibility := func() int { return max(1, int(time.Until(due)/time.Second)+1) }
		if _, err := o.receiveAll(s.endpoint, url, "receive", o.inFlight, visibility); err != nil {
			return due, err
		}
		err := awaitCounts(s.endpoint, url, counts{inFlight: o.inFlight})
		if time.Now().Before(due) {
			return due, err
		}
		fmt.Printf("  the machine is too slow: the first timeouts ended before the last message was received within %v\n", within)
		if err := awaitCounts(s.endpoint, url, counts{visible: o.inFlight}); err != nil {
			return due, err
		}
	}
}

// delaysEnd sends messages whose delays end within window. Sending takes at most so long for each.
func (o *options) delaysEnd(s *server, each, window time.Duration, atOnce bool) error {
	url, err := o.createQueue(s.endpoint)
	if err != nil {
		return err
	}
	before := s.resident()
	// A delay is 900 s at the most, in whole seconds.
	due := time.Now().Add(2*time.Second + time.Duration(o.messages)*each)
	var late bool
	_, err = o.fillWith(s.endpoint, url, "send with delays", o.messages, func(i int) request {
		left := time.Until(due.Add(window * time.Duration(i%1000) / 1000))
		late = late || left < 0
		return request{"DelaySeconds": min(900, max(1, int(left/time.Second)))}
	})
	if err != nil {
		return err
	}
	if late || time.Now().After(due) {
		fmt.Println("  the machine is too slow: some delays ended before all messages were sent")
	}
	fmt.Printf("%9d delayed messages: resident %d MiB, %d B each\n", o.messages, s.resident()>>20, (s.resident()-before)/int64(o.messages))
	seen, err := o.pass(s, due, window, atOnce, func() error { return awaitCounts(s.endpoint, url, counts{visible: o.messages}) })
	how := fmt.Sprintf("over %v", window)
	if atOnce {
		how = "at once"
	}
	fmt.Printf("%9d delays end %-12s   %v (target: 100ms)\n", o.messages, how+":", seen)
	return err
}

// pass lets the time from due on pass, for window, and probes until then and until check returns; atOnce, with the server stopped
// meanwhile.
func (o *options) pass(s *server, due time.Time, window time.Duration, atOnce bool, check func() error) (stalls, error) {
	if !atOnce {
		return o.probeDuring(s.endpoint, func() error {
			time.Sleep(time.Until(due.Add(window)))
			return check()
		})
	}
	after := min(time.Second, o.duration)
	time.Sleep(time.Until(due.Add(-time.Second)))
	p, err := o.newProbe(s.endpoint)
	if err != nil {
		return stalls{}, err
	}
	if err := s.signal(syscall.SIGSTOP); err != nil {
		return stalls{}, err
	}
	time.Sleep(time.Until(due.Add(window + after)))
	if err := s.signal(syscall.SIGCONT); err != nil {
		return stalls{}, err
	}
	p.start()
	err = check()
	time.Sleep(after)
	seen, probeErr := p.stop()
	return seen, errors.Join(err, probeErr)
}

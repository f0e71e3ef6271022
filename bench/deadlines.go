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
	s, err := o.startServer("--shards", "1")
	if err != nil {
		return err
	}
	defer s.stop()
	base, err := o.probeDuring(s.endpoint, func() error { time.Sleep(o.duration); return nil })
	if err != nil {
		return err
	}
	fmt.Printf("nothing else going on:             %v\n", base)
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
	if sends, err = o.fillWith(s.endpoint, url, "fill", o.inFlight, func(int) map[string]any { return nil }); err != nil {
		return sends, err
	}
	// Receives take about twice as long as the same number of sends.
	due := time.Now().Add(2*time.Second + 3*sends.took)
	if _, err := o.receiveAll(s.endpoint, url, "receive", o.inFlight, func() int { return int(time.Until(due)/time.Second) + 1 }); err != nil {
		return sends, err
	}
	if err := awaitCounts(s.endpoint, url, counts{inFlight: o.inFlight}); err != nil {
		return sends, fmt.Errorf("before the timeouts: %w", err)
	}
	seen, err := o.pass(s, due, time.Second, true, func() error { return awaitCounts(s.endpoint, url, counts{visible: o.inFlight}) })
	fmt.Printf("%9d timeouts at once:        %v (target: 100ms)\n", o.inFlight, seen)
	return sends, err
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
	_, err = o.fillWith(s.endpoint, url, "send with delays", o.messages, func(i int) map[string]any {
		left := time.Until(due.Add(window * time.Duration(i%1000) / 1000))
		late = late || left < 0
		return map[string]any{"DelaySeconds": min(900, max(1, int(left/time.Second)))}
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

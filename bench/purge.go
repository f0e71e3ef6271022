package main

import (
	"fmt"
	"maps"
	"time"
)

// purge fills a queue and purges it, fills it again and lets all expire by a shorter retention, with a probe on another queue of the
// same shard, and waits until the disk has its space back.
func (o *options) purge() error {
	s, err := o.startProbed()
	if err != nil {
		return err
	}
	defer s.stop()
	err = o.fillAndEmpty(s, "purge", "PurgeQueue", nil)
	if err != nil || !o.expiry {
		return err
	}
	return o.fillAndEmpty(s, "expiry", "SetQueueAttributes", request{"Attributes": map[string]string{"MessageRetentionPeriod": "60"}})
}

// fillAndEmpty fills a queue and does what empties it.
func (o *options) fillAndEmpty(s *server, what, action string, in request) error {
	empty := diskUsed(o.data)
	url, err := o.createQueue(s.endpoint)
	if err != nil {
		return err
	}
	if _, err := o.fill(s.endpoint, url, o.messages); err != nil {
		return err
	}
	if err := awaitCounts(s.endpoint, url, counts{visible: o.messages}); err != nil {
		return err
	}
	if action == "SetQueueAttributes" {
		fmt.Println("  waiting for the last message to be a minute old")
		time.Sleep(time.Minute)
	}
	full, resident := diskUsed(o.data), s.resident()
	c, err := dial(s.endpoint)
	if err != nil {
		return err
	}
	defer c.Close()
	var began time.Time
	var answered, emptied time.Duration
	around := min(time.Second, o.duration)
	seen, err := o.probeDuring(s.endpoint, func() error {
		time.Sleep(around)
		all := request{"QueueUrl": url}
		maps.Copy(all, in)
		began = time.Now()
		if err := c.Do(action, all, nil); err != nil {
			return err
		}
		answered = time.Since(began)
		err := awaitCounts(s.endpoint, url, counts{})
		emptied = time.Since(began)
		time.Sleep(around)
		return err
	})
	if err != nil {
		return err
	}
	fmt.Printf("%s of %d messages: answered in %v, none left after %v; meanwhile elsewhere: %v (target: 100ms)\n",
		what, o.messages, answered.Round(10*time.Microsecond), emptied.Round(time.Millisecond), seen)
	return o.awaitSpace(s, what, began, empty, full, resident)
}

// awaitSpace waits until the space of what is gone is back: nine tenths of it, but for what stays whatever there is: the records
// since the older checkpoint, and files that the journal will write again.
func (o *options) awaitSpace(s *server, what string, began time.Time, empty, full, resident int64) error {
	const (
		patience = 3 * time.Minute
		kept     = 256 << 20
	)
	for time.Since(began) < patience {
		if used := diskUsed(o.data); used <= empty+(full-empty)/10+kept {
			fmt.Printf("%s: disk from %d MiB to %d MiB after %v, resident from %d MiB to %d MiB\n",
				what, full>>20, used>>20, time.Since(began).Round(time.Second), resident>>20, s.resident()>>20)
			return nil
		}
		time.Sleep(time.Second)
	}
	return fmt.Errorf("%s: the disk still holds %d MiB of %d MiB after %v", what, diskUsed(o.data)>>20, full>>20, patience)
}

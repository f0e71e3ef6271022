package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"time"
)

// keepEvery: of so many messages one is never deleted.
const keepEvery = 1000

// stragglers measures what messages that stay do to a journal that others go through, with cleaning and without, in turn: how many bytes
// are stored for how many that are live, and how fast the others are. First one in a thousand messages of a queue stays, then a backlog that
// nobody reads lies before a busy queue. Checkpoints come often, so that a few hundred MB show what days would.
func (o *options) stragglers() error {
	for _, part := range []struct {
		name        string
		dead, every int
	}{
		{fmt.Sprintf("1 in %d messages stays", keepEvery), 0, keepEvery},
		{fmt.Sprintf("%d messages that nobody reads before a busy queue", o.messages/8), o.messages / 8, 0},
	} {
		fmt.Println(part.name)
		var rates [2][]float64
		for round := range 2 * o.rounds {
			clean := round%2 == 0
			r := &turnover{options: o, dead: part.dead, every: part.every, clean: clean, dir: filepath.Join(o.data, strconv.Itoa(round))}
			rate, err := r.run()
			if err != nil {
				return fmt.Errorf("%s, cleaning %t: %w", part.name, clean, err)
			}
			rates[round%2] = append(rates[round%2], rate)
			if err := os.RemoveAll(r.dir); err != nil {
				return err
			}
		}
		fmt.Printf("  rate with cleaning %.2f of the rate without\n", sum(rates[0])/sum(rates[1]))
	}
	return nil
}

func sum(values []float64) (s float64) {
	for _, v := range values {
		s += v
	}
	return s
}

// turnover sends messages and deletes them, but for some, on one server.
type turnover struct {
	*options
	dead, every int
	clean       bool
	dir         string

	server     *server
	url        string
	done, kept atomic.Int64
	began      time.Time
}

func (t *turnover) run() (rate float64, err error) {
	settings := []string{"--shards", "1", "--checkpoint-bytes", strconv.Itoa(t.checkpointBytes)}
	if !t.clean {
		settings = append(settings, "--clean-rate", "0")
	}
	on := *t.options
	on.data = t.dir
	if t.server, err = on.startServer(settings...); err != nil {
		return 0, err
	}
	defer t.server.stop()
	if t.dead > 0 {
		url, err := on.createQueue(t.server.endpoint)
		if err != nil {
			return 0, err
		}
		if _, err := on.fill(t.server.endpoint, url, t.dead); err != nil {
			return 0, err
		}
	}
	if t.url, err = on.createQueue(t.server.endpoint); err != nil {
		return 0, err
	}
	t.began = time.Now()
	batch := batches(t.url, t.size)
	result, err := on.parallel(t.server.endpoint, func(c *client) (int, bool, error) {
		n := t.done.Add(10)
		if n > int64(t.messages) {
			return 0, false, nil
		}
		if _, err := c.Send("SendMessageBatch", batch()); err != nil {
			return 0, false, err
		}
		if err := t.receiveSome(c); err != nil {
			return 0, false, err
		}
		if n%int64(max(t.messages/4/10*10, 10)) == 0 {
			return 10, true, t.report(fmt.Sprintf("%3d %%", n*100/int64(t.messages)))
		}
		return 10, true, nil
	})
	if err != nil {
		return 0, err
	}
	return result.rate(), t.check()
}

// receiveSome receives up to ten messages and deletes them, but for those that stay.
func (t *turnover) receiveSome(c *client) error {
	var out received
	if err := c.Do("ReceiveMessage", request{"QueueUrl": t.url, "MaxNumberOfMessages": 10, "VisibilityTimeout": 43_200}, &out); err != nil {
		return err
	}
	var handles []string
	for _, m := range out.Messages {
		if t.every > 0 && (t.kept.Load() == 0 || t.done.Load()/int64(t.every) > t.kept.Load()) {
			t.kept.Add(1)
			continue
		}
		handles = append(handles, m.ReceiptHandle)
	}
	return c.delete(t.url, handles)
}

// live returns about how many bytes the messages take that are there.
func (t *turnover) live() int64 { return (t.kept.Load() + int64(t.dead)) * int64(t.size+100) }

// bound is what the journal may have: twice what is live, and what lies between a few checkpoints.
func (t *turnover) bound() int64 { return 2*t.live() + 8*int64(t.checkpointBytes) }

func (t *turnover) report(when string) error {
	stored, err := t.server.metric("staunch_journal_stored_bytes")
	if err != nil {
		return err
	}
	copied, err := t.server.metric("staunch_journal_cleaned_bytes_total")
	if err != nil {
		return err
	}
	fmt.Printf("  cleaning %-5t %s: %6.1f s, live %6.1f MiB, stored %7.1f MiB, copied %6.1f MiB, disk %5d MiB, resident %d MiB\n", t.clean, when,
		time.Since(t.began).Seconds(), mebibytes(t.live()), mebibytes(stored), mebibytes(copied), diskUsed(t.dir)>>20, t.server.resident()>>20)
	return nil
}

func mebibytes[N int64 | float64](n N) float64 { return float64(n) / (1 << 20) }

// goOn sends, receives and deletes a little more: a journal is trimmed at checkpoints, which come with what is written.
func (t *turnover) goOn(c *client) error {
	if _, err := c.Send("SendMessageBatch", batches(t.url, t.size)()); err != nil {
		return err
	}
	return t.receiveSome(c)
}

// check goes on until cleaning has come to its end, and looks at the bound. Without cleaning the bound must be broken, or the numbers are too
// small to show anything.
func (t *turnover) check() error {
	c, err := dial(t.server.endpoint)
	if err != nil {
		return err
	}
	defer c.Close()
	deadline := time.Now().Add(3 * time.Minute)
	for {
		stored, err := t.server.metric("staunch_journal_stored_bytes")
		if err != nil {
			return err
		}
		switch within := stored <= float64(t.bound()); {
		case within && t.clean:
			return t.report("end  ")
		case !within && !t.clean:
			return t.report("end  ")
		case !t.clean:
			return fmt.Errorf("without cleaning %.0f bytes are stored, no more than the bound of %d: too few messages to show anything", stored, t.bound())
		case time.Now().After(deadline):
			return fmt.Errorf("%.0f bytes are stored, the bound is %d for %d live bytes", stored, t.bound(), t.live())
		}
		if err := t.goOn(c); err != nil {
			return err
		}
	}
}

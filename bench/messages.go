package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"sync/atomic"
	"time"
)

// message is what fill asks for message number i beside its body.
type message func(i int) request

// fillWith sends n messages in batches of ten, message(i) with a body each, and shows how far it is.
func (o *options) fillWith(endpoint, url, what string, n int, message message) (outcome, error) {
	shown := showProgress(what, n)
	defer shown.end()
	var bodies [variants]string
	for i := range bodies {
		bodies[i] = randomText(o.size)
	}
	var next atomic.Int64
	return o.parallel(endpoint, func(c *client) (int, bool, error) {
		first := int(next.Add(10)) - 10
		if first >= n {
			return 0, false, nil
		}
		var entries []request
		for i := first; i < min(first+10, n); i++ {
			entry := request{"Id": fmt.Sprint(i - first), "MessageBody": bodies[i%variants]}
			maps.Copy(entry, message(i))
			entries = append(entries, entry)
		}
		var out struct{ Failed []json.RawMessage }
		if err := c.Do("SendMessageBatch", request{"QueueUrl": url, "Entries": entries}, &out); err != nil {
			return 0, false, err
		}
		if len(out.Failed) > 0 {
			return 0, false, fmt.Errorf("%s: %d of a batch failed: %s", what, len(out.Failed), out.Failed)
		}
		shown.done.Add(int64(len(entries)))
		return len(entries), true, nil
	})
}

// receiveAll receives n messages, which stay in flight for the timeout that visibility returns.
func (o *options) receiveAll(endpoint, url, what string, n int, visibility func() int) (outcome, error) {
	shown := showProgress(what, n)
	defer shown.end()
	var left atomic.Int64
	left.Store(int64(n))
	return o.parallel(endpoint, func(c *client) (int, bool, error) {
		most := min(left.Add(-10)+10, 10)
		if most <= 0 {
			return 0, false, nil
		}
		var out received
		if err := c.Do("ReceiveMessage", request{"QueueUrl": url, "MaxNumberOfMessages": most, "VisibilityTimeout": visibility()}, &out); err != nil {
			return 0, false, err
		}
		left.Add(most - int64(len(out.Messages)))
		shown.done.Add(int64(len(out.Messages)))
		return len(out.Messages), len(out.Messages) > 0, nil
	})
}

// counts are the numbers of messages that GetQueueAttributes says.
type counts struct{ visible, inFlight, delayed int }

func (c *client) counts(url string) (n counts, err error) {
	var out struct{ Attributes map[string]string }
	if err := c.Do("GetQueueAttributes", request{"QueueUrl": url, "AttributeNames": []string{"All"}}, &out); err != nil {
		return n, err
	}
	for name, field := range map[string]*int{
		"ApproximateNumberOfMessages":           &n.visible,
		"ApproximateNumberOfMessagesNotVisible": &n.inFlight,
		"ApproximateNumberOfMessagesDelayed":    &n.delayed,
	} {
		if _, err := fmt.Sscan(out.Attributes[name], field); err != nil {
			return n, fmt.Errorf("%s = %q: %w", name, out.Attributes[name], err)
		}
	}
	return n, nil
}

// awaitCounts waits until the queue has these counts, and fails when it has not after a while.
func awaitCounts(endpoint, url string, want counts) error {
	c, err := dial(endpoint)
	if err != nil {
		return err
	}
	defer c.Close()
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		got, err := c.counts(url)
		if err != nil || got == want {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("the queue has %+v messages, not %+v", got, want)
		}
	}
}

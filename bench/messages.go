package main

import (
	"encoding/json"
	"fmt"
	"sync/atomic"
	"time"
)

// message is what fill asks for message number i beside its body.
type message func(i int) map[string]any

// fillWith sends n messages in batches of ten, message(i) with a body each, and shows how far it is.
func (o *options) fillWith(endpoint, url, what string, n int, message message) (outcome, error) {
	shown := showProgress(what, n)
	defer shown.end()
	var bodies [variants]string
	for i := range bodies {
		bodies[i] = randomText(o.size)
	}
	var next atomic.Int64
	return o.parallel(endpoint, func(c *conn) (int, bool, error) {
		first := int(next.Add(10)) - 10
		if first >= n {
			return 0, false, nil
		}
		var entries []map[string]any
		for i := first; i < min(first+10, n); i++ {
			entry := map[string]any{"Id": fmt.Sprint(i - first), "MessageBody": bodies[i%variants]}
			for k, v := range message(i) {
				entry[k] = v
			}
			entries = append(entries, entry)
		}
		answer, err := c.do(request(endpoint, "SendMessageBatch", map[string]any{"QueueUrl": url, "Entries": entries}))
		if err != nil {
			return 0, false, err
		}
		var out struct{ Failed []json.RawMessage }
		if err := json.Unmarshal(answer, &out); err != nil || len(out.Failed) > 0 {
			return 0, false, fmt.Errorf("%s: %d of a batch failed: %s", what, len(out.Failed), answer)
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
	return o.parallel(endpoint, func(c *conn) (int, bool, error) {
		most := min(left.Add(-10)+10, 10)
		if most <= 0 {
			return 0, false, nil
		}
		answer, err := c.do(request(endpoint, "ReceiveMessage", map[string]any{
			"QueueUrl": url, "MaxNumberOfMessages": most, "VisibilityTimeout": visibility()}))
		if err != nil {
			return 0, false, err
		}
		var out struct{ Messages []json.RawMessage }
		if err := json.Unmarshal(answer, &out); err != nil {
			return 0, false, err
		}
		left.Add(most - int64(len(out.Messages)))
		shown.done.Add(int64(len(out.Messages)))
		return len(out.Messages), len(out.Messages) > 0, nil
	})
}

// counts are the numbers of messages that GetQueueAttributes says.
type counts struct{ visible, inFlight, delayed int }

func queueCounts(c *conn, endpoint, url string) (n counts, err error) {
	answer, err := c.do(request(endpoint, "GetQueueAttributes", map[string]any{"QueueUrl": url, "AttributeNames": []string{"All"}}))
	if err != nil {
		return n, err
	}
	var out struct{ Attributes map[string]string }
	if err := json.Unmarshal(answer, &out); err != nil {
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
		got, err := queueCounts(c, endpoint, url)
		if err != nil || got == want {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("the queue has %+v messages, not %+v", got, want)
		}
	}
}

package loadgen

import (
	"context"
	"time"
)

// CreateQueue creates a queue as Run would, with a name that is the caller's, and returns its URL. It uses Endpoint, Protocol, Keys and Region of the
// options.
func CreateQueue(ctx context.Context, o Options, name string) (url string, err error) {
	err = withConn(ctx, o, func(r *run, c *conn) error {
		url, err = r.askURL(c, "CreateQueue", c.wire.appendCreate(nil, name, [][2]string{{"VisibilityTimeout", visibility}}))
		return err
	})
	return url, err
}

// Receive receives once, up to ten messages and without waiting, from Queue, which must be a URL, and returns how many came. They stay in flight.
func Receive(ctx context.Context, o Options) (messages int, err error) {
	err = withConn(ctx, o, func(_ *run, c *conn) error {
		answer, err := c.do("ReceiveMessage", c.wire.appendReceive(nil, batchMax, 0))
		if err != nil {
			return err
		}
		list, err := c.wire.received(answer, nil)
		messages = len(list)
		return err
	})
	return messages, err
}

// withConn calls do with a connection that is closed afterwards.
func withConn(ctx context.Context, o Options, do func(r *run, c *conn) error) error {
	o.Scenario = Send // any: none is run
	o, err := o.complete()
	if err != nil {
		return err
	}
	r := &run{o: &o, queue: o.Queue, began: time.Now()}
	if r.endpoint, err = parseEndpoint(o.Endpoint); err != nil {
		return err
	}
	c, err := r.connect(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	return do(r, c)
}

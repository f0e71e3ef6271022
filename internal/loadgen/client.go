package loadgen

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// Client asks a server one thing after the other over a connection of its own, for what scenarios do not do. It belongs to one goroutine.
type Client struct{ conn *conn }

// NewClient returns a client for the Endpoint, Keys and Region of the options. It connects when it is first asked, and every request ends with ctx.
// It speaks JSON.
func NewClient(ctx context.Context, o Options) (*Client, error) {
	o.Scenario = Send // any: none is run
	o.Protocol = JSON
	o, err := o.complete()
	if err != nil {
		return nil, err
	}
	r := &run{o: &o, began: time.Now()}
	if r.endpoint, err = parseEndpoint(o.Endpoint); err != nil {
		return nil, err
	}
	c, err := r.connect(ctx)
	return &Client{c}, err
}

// Close closes the connection.
func (c *Client) Close() { c.conn.close() }

// Send asks for an action with its input as JSON, and returns the answer, valid until the next call. An answer that is no success is an error.
func (c *Client) Send(action string, input []byte) ([]byte, error) { return c.conn.do(action, input) }

// Do asks for an action with an input that is encoded as JSON, and decodes the answer into output unless that is nil.
func (c *Client) Do(action string, input, output any) error {
	in, err := json.Marshal(input)
	if err != nil {
		return err
	}
	answer, err := c.Send(action, in)
	if err != nil || output == nil {
		return err
	}
	if err := json.Unmarshal(answer, output); err != nil {
		return fmt.Errorf("%s answered what is not JSON: %w", action, err)
	}
	return nil
}

// CreateQueue creates a queue, with a visibility timeout that is longer than any run, and returns its URL.
func (c *Client) CreateQueue(name string, attributes map[string]string) (url string, err error) {
	answer, err := c.Send("CreateQueue", c.conn.wire.appendCreate(nil, name, withVisibility(attributes)))
	if err != nil {
		return "", err
	}
	return c.conn.wire.queueURL(answer)
}

package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/staunchmq/staunch/internal/loadgen"
)

// client asks a server one thing after the other. Requests are signed, as those of real clients are; what is started here does not look at it.
type client struct{ *loadgen.Client }

func dial(endpoint string) (*client, error) { return dialUntil(context.Background(), endpoint) }

// dialUntil returns a client whose requests end with ctx.
func dialUntil(ctx context.Context, endpoint string) (*client, error) {
	c, err := loadgen.NewClient(ctx, loadgen.Options{Endpoint: endpoint, Keys: loadgen.Keys{AccessKey: "test", SecretKey: "test"}})
	return &client{c}, err
}

func (o *options) createQueue(endpoint string) (string, error) { return o.create(endpoint, "", nil) }

func (o *options) createFIFO(endpoint string) (string, error) {
	return o.create(endpoint, ".fifo", map[string]string{"FifoQueue": "true"})
}

func (o *options) create(endpoint, suffix string, attributes map[string]string) (string, error) {
	c, err := dial(endpoint)
	if err != nil {
		return "", err
	}
	defer c.Close()
	all := map[string]string{"SqsManagedSseEnabled": strconv.FormatBool(o.encrypted)}
	for name, value := range attributes {
		all[name] = value
	}
	return c.CreateQueue(fmt.Sprintf("bench-%d%s", time.Now().UnixNano(), suffix), all)
}

// request is an action's input.
type request map[string]any

// received are the messages of an answer.
type received struct {
	Messages []struct{ ReceiptHandle string }
}

// delete deletes the messages with these handles, ten at the most.
func (c *client) delete(url string, handles []string) error {
	if len(handles) == 0 {
		return nil
	}
	var entries []request
	for i, handle := range handles {
		entries = append(entries, request{"Id": strconv.Itoa(i), "ReceiptHandle": handle})
	}
	return c.Do("DeleteMessageBatch", request{"QueueUrl": url, "Entries": entries}, nil)
}

// receiveDelete receives up to ten messages and deletes them.
func (c *client) receiveDelete(url string) (int, error) {
	var out received
	if err := c.Do("ReceiveMessage", request{"QueueUrl": url, "MaxNumberOfMessages": 10}, &out); err != nil {
		return 0, err
	}
	var handles []string
	for _, m := range out.Messages {
		handles = append(handles, m.ReceiptHandle)
	}
	return len(handles), c.delete(url, handles)
}

// variants is how many different bodies the same kind of send has, so that what is sent does not compress to nothing.
const variants = 64

// batches returns a function that returns inputs of SendMessageBatch: ten messages of size random letters and digits each.
func batches(url string, size int) func() []byte {
	var list [variants][]byte
	for i := range list {
		text := fmt.Appendf(nil, `{"QueueUrl":%q,"Entries":[`, url)
		for id := range 10 {
			if id > 0 {
				text = append(text, ',')
			}
			text = fmt.Appendf(text, `{"Id":"%d","MessageBody":"%s"}`, id, randomText(size))
		}
		list[i] = append(text, "]}"...)
	}
	var next atomic.Uint64
	return func() []byte { return list[next.Add(1)%variants] }
}

func randomText(size int) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	b := make([]byte, size)
	for i := range b {
		b[i] = letters[rand.IntN(len(letters))]
	}
	return string(b)
}

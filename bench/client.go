package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

func (o *options) createQueue(endpoint string) (string, error) {
	return create(endpoint, fmt.Sprintf(`{"QueueName":"%s","Attributes":{"SqsManagedSseEnabled":"%t"}}`, newName(), o.encrypted))
}

func (o *options) createFIFO(endpoint string) (string, error) {
	return create(endpoint, fmt.Sprintf(`{"QueueName":"%s.fifo","Attributes":{"FifoQueue":"true","SqsManagedSseEnabled":"%t"}}`, newName(), o.encrypted))
}

func newName() string { return fmt.Sprintf("bench-%d", time.Now().UnixNano()) }

func create(endpoint, in string) (string, error) {
	req, err := http.NewRequest(http.MethodPost, endpoint, strings.NewReader(in))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.0")
	req.Header.Set("X-Amz-Target", "AmazonSQS.CreateQueue")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	var out struct{ QueueUrl string }
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil || out.QueueUrl == "" {
		return "", fmt.Errorf("create a queue: HTTP %d %v", resp.StatusCode, err)
	}
	return out.QueueUrl, nil
}

// request returns a whole HTTP request.
func request(endpoint, action string, in map[string]any) []byte {
	body, err := json.Marshal(in)
	if err != nil {
		panic(err)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "POST / HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-amz-json-1.0\r\nX-Amz-Target: AmazonSQS.%s\r\n"+
		"Authorization: AWS4-HMAC-SHA256 Credential=test/20250101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=00\r\n"+
		"Content-Length: %d\r\n\r\n", strings.TrimPrefix(endpoint, "http://"), action, len(body))
	b.Write(body)
	return b.Bytes()
}

// conn is a keep-alive connection with one request on the way.
type conn struct {
	net.Conn
	in  *bufio.Reader
	buf []byte
}

// do sends a request and returns the body of the answer, valid until the next call. Anything but 200 is an error.
func (c *conn) do(request []byte) ([]byte, error) {
	if _, err := c.Write(request); err != nil {
		return nil, err
	}
	return c.answer()
}

// answer reads the answer to a request that was written.
func (c *conn) answer() ([]byte, error) {
	status, length := "", 0
	for first := true; ; first = false {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return nil, err
		}
		if first {
			status = string(line)
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		if name, value, ok := bytes.Cut(line, []byte(": ")); ok && bytes.EqualFold(name, []byte("Content-Length")) {
			fmt.Sscan(string(value), &length)
		}
	}
	c.buf = slices.Grow(c.buf[:0], length)[:length]
	if _, err := io.ReadFull(c.in, c.buf); err != nil {
		return nil, err
	}
	if !strings.HasPrefix(status, "HTTP/1.1 200") {
		return nil, fmt.Errorf("%s %s", strings.TrimSpace(status), c.buf)
	}
	return c.buf, nil
}

// receiveDelete receives up to ten messages and deletes them.
func receiveDelete(c *conn, endpoint, url string) (int, error) {
	body, err := c.do(request(endpoint, "ReceiveMessage", map[string]any{"QueueUrl": url, "MaxNumberOfMessages": 10}))
	if err != nil {
		return 0, err
	}
	var out struct {
		Messages []struct{ ReceiptHandle string }
	}
	if err := json.Unmarshal(body, &out); err != nil || len(out.Messages) == 0 {
		return 0, err
	}
	var entries []map[string]any
	for i, m := range out.Messages {
		entries = append(entries, map[string]any{"Id": fmt.Sprint(i), "ReceiptHandle": m.ReceiptHandle})
	}
	_, err = c.do(request(endpoint, "DeleteMessageBatch", map[string]any{"QueueUrl": url, "Entries": entries}))
	return len(out.Messages), err
}

// variants is how many different requests the same kind of send is made of, so that what is sent does not compress to nothing.
const variants = 64

// sends returns requests that send messages of size random letters and digits each: one a request, or with batch ten.
func sends(endpoint, url string, size int, batch bool) func() []byte {
	var requests [variants][]byte
	for i := range requests {
		if !batch {
			requests[i] = request(endpoint, "SendMessage", map[string]any{"QueueUrl": url, "MessageBody": randomText(size)})
			continue
		}
		var entries []map[string]any
		for id := range 10 {
			entries = append(entries, map[string]any{"Id": fmt.Sprint(id), "MessageBody": randomText(size)})
		}
		requests[i] = request(endpoint, "SendMessageBatch", map[string]any{"QueueUrl": url, "Entries": entries})
	}
	var next atomic.Uint64
	return func() []byte { return requests[next.Add(1)%variants] }
}

func randomText(size int) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	b := make([]byte, size)
	for i := range b {
		b[i] = letters[rand.IntN(len(letters))]
	}
	return string(b)
}

func dial(endpoint string) (*conn, error) {
	c, err := net.Dial("tcp", strings.TrimPrefix(endpoint, "http://"))
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c, in: bufio.NewReaderSize(c, 64<<10)}, nil
}

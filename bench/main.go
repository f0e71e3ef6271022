// Command bench measures how many messages a server takes in and hands out.
//
// It starts the server that -bin names on an empty data directory, or measures the one at -endpoint, and runs scenarios one after
// the other: send (one message a request), send-batch (ten a request) and receive-delete (ten a request, of what was sent before).
// Requests are written and answers read by hand over keep-alive connections, so that the generator takes little of the machine
// that it shares with the server. Figures are messages per second; they mean little without the machine and the disk: with
// -raw-fsync it also prints how long one fsync takes there.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

type options struct {
	bin, endpoint, data, journal string
	connections                  int
	size                         int
	duration                     time.Duration
	rawFsync                     bool
}

func main() {
	var o options
	flag.StringVar(&o.bin, "bin", "bin/staunch", "server to start")
	flag.StringVar(&o.endpoint, "endpoint", "", "measure the server at this http:// endpoint instead of starting one")
	flag.StringVar(&o.data, "data", "", "data directory of the server that is started (default: a temporary one)")
	flag.StringVar(&o.journal, "journal", "disk", "journal of the server that is started: disk (every answer fsynced) or memory")
	flag.IntVar(&o.connections, "connections", 32, "number of connections")
	flag.IntVar(&o.size, "size", 1024, "body of a message in bytes")
	flag.DurationVar(&o.duration, "duration", 5*time.Second, "length of each scenario")
	flag.BoolVar(&o.rawFsync, "raw-fsync", true, "measure a plain fsync of the data directory's disk first")
	flag.Parse()
	if err := run(o); err != nil {
		log.Fatal(err)
	}
}

func run(o options) error {
	if o.data == "" {
		dir, err := os.MkdirTemp("", "staunch-bench-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		o.data = dir
	}
	if o.rawFsync {
		if err := measureFsync(o.data); err != nil {
			return err
		}
	}
	durability := "as the server at " + o.endpoint + " has it"
	if o.endpoint == "" {
		stop, err := o.startServer()
		if err != nil {
			return err
		}
		defer stop()
		durability = "every answer fsynced"
		if o.journal == "memory" {
			durability = "memory only"
		}
	}
	fmt.Printf("%d connections, bodies of %d bytes, %v a scenario, %s\n", o.connections, o.size, o.duration, durability)
	url, err := createQueue(o.endpoint)
	if err != nil {
		return err
	}
	body := strings.Repeat("x", o.size)
	send := request(o.endpoint, "SendMessage", map[string]any{"QueueUrl": url, "MessageBody": body})
	var entries []map[string]any
	for i := range 10 {
		entries = append(entries, map[string]any{"Id": fmt.Sprint(i), "MessageBody": body})
	}
	batch := request(o.endpoint, "SendMessageBatch", map[string]any{"QueueUrl": url, "Entries": entries})
	if err := o.measure("send", func(c *conn) (int, error) { _, err := c.do(send); return 1, err }); err != nil {
		return err
	}
	if err := o.measure("send-batch", func(c *conn) (int, error) { _, err := c.do(batch); return 10, err }); err != nil {
		return err
	}
	return o.measure("receive-delete", func(c *conn) (int, error) { return receiveDelete(c, o.endpoint, url) })
}

var endpointPattern = regexp.MustCompile(`http://127\.0\.0\.1:\d+`)

func (o *options) startServer() (stop func(), err error) {
	cmd := exec.Command(o.bin, "serve", "--listen", "127.0.0.1:0", "--admin-listen", "", "--data", o.data, "--journal", o.journal, "--log-level", "warn")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s (build it with 'make build'): %w", o.bin, err)
	}
	stop = func() { _ = cmd.Process.Signal(syscall.SIGTERM); _ = cmd.Wait() }
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if o.endpoint = endpointPattern.FindString(lines.Text()); o.endpoint != "" {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return stop, nil
		}
	}
	stop()
	return nil, errors.New("the server ended without printing its endpoint")
}

// measureFsync prints how long writing 4 KiB and an fsync take.
func measureFsync(dir string) error {
	f, err := os.CreateTemp(dir, "fsync-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	took := make([]time.Duration, 200)
	block := make([]byte, 4096)
	for i := range took {
		start := time.Now()
		if _, err := f.Write(block); err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			return err
		}
		took[i] = time.Since(start)
	}
	slices.Sort(took)
	fmt.Printf("raw fsync of an appended 4 KiB: p50 %v, p99 %v\n", took[len(took)/2], took[len(took)*99/100])
	return nil
}

func createQueue(endpoint string) (string, error) {
	name := fmt.Sprintf("bench-%d", time.Now().UnixNano())
	req, err := http.NewRequest(http.MethodPost, endpoint, strings.NewReader(`{"QueueName":"`+name+`"}`))
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

// measure runs one request after the other on every connection and prints the messages per second and the latency.
func (o *options) measure(name string, do func(*conn) (messages int, err error)) error {
	var group sync.WaitGroup
	var mu sync.Mutex
	var messages int
	var latencies []time.Duration
	var failed error
	start := time.Now()
	for range o.connections {
		group.Go(func() {
			n, took, err := o.drive(start.Add(o.duration), do)
			mu.Lock()
			defer mu.Unlock()
			messages += n
			latencies = append(latencies, took...)
			failed = errors.Join(failed, err)
		})
	}
	group.Wait()
	elapsed := time.Since(start)
	if failed != nil {
		return fmt.Errorf("%s: %w", name, failed)
	}
	slices.Sort(latencies)
	n := len(latencies)
	fmt.Printf("%-15s %9.0f messages/s   latency p50 %v  p99 %v\n", name, float64(messages)/elapsed.Seconds(),
		latencies[n/2].Round(time.Microsecond), latencies[n*99/100].Round(time.Microsecond))
	return nil
}

func (o *options) drive(until time.Time, do func(*conn) (int, error)) (messages int, took []time.Duration, err error) {
	dialed, err := net.Dial("tcp", strings.TrimPrefix(o.endpoint, "http://"))
	if err != nil {
		return 0, nil, err
	}
	defer dialed.Close()
	c := &conn{Conn: dialed, in: bufio.NewReaderSize(dialed, 64<<10)}
	for now := time.Now(); now.Before(until); {
		n, err := do(c)
		if err != nil {
			return messages, took, err
		}
		messages += n
		end := time.Now()
		took = append(took, end.Sub(now))
		now = end
	}
	return messages, took, nil
}

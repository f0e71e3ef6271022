package loadgen

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// endpoint is where a server is.
type endpoint struct {
	secure  bool
	host    string // as the Host header has it
	address string // host:port
	path    string // of JSON requests
}

func parseEndpoint(text string) (*endpoint, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.RawQuery != "" || u.User != nil {
		return nil, fmt.Errorf("endpoint %q is not an http:// or https:// URL", text)
	}
	e := &endpoint{secure: u.Scheme == "https", host: u.Host, path: "/"}
	if u.Path != "" {
		e.path = u.EscapedPath()
	}
	port := u.Port()
	if port == "" {
		port = "80"
		if e.secure {
			port = "443"
		}
	}
	e.address = net.JoinHostPort(u.Hostname(), port)
	return e, nil
}

// conn is a keep-alive connection with at most one request on the way. It belongs to one goroutine.
type conn struct {
	endpoint *endpoint
	wire     wire
	signer   *signer // nil: requests are not signed

	net    net.Conn // nil: to be dialled
	in     *bufio.Reader
	stop   func() bool // forgets that the context closes net
	ctx    context.Context
	fresh  bool // nothing has been answered on net yet
	head   []byte
	answer []byte
}

// How long a server may take to accept a connection, and to answer a request: longer than any receive waits.
const (
	dialTimeout   = 10 * time.Second
	answerTimeout = waitMax + 40*time.Second
)

func (c *conn) dial() (err error) {
	dialer := net.Dialer{Timeout: dialTimeout}
	if c.endpoint.secure {
		c.net, err = (&tls.Dialer{NetDialer: &dialer}).DialContext(c.ctx, "tcp", c.endpoint.address)
	} else {
		c.net, err = dialer.DialContext(c.ctx, "tcp", c.endpoint.address)
	}
	if err != nil {
		c.net = nil
		return err
	}
	here := c.net
	c.stop = context.AfterFunc(c.ctx, func() { _ = here.Close() })
	if c.in == nil {
		c.in = bufio.NewReaderSize(c.net, 64<<10)
	} else {
		c.in.Reset(c.net)
	}
	c.fresh = true
	return nil
}

func (c *conn) close() {
	if c.net != nil {
		c.stop()
		_ = c.net.Close()
		c.net = nil
	}
}

// StatusError is an answer that was not HTTP 200. The server is there, and speaks.
type StatusError struct {
	action string
	status int
	answer string
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("%s answered HTTP %d: %s", e.action, e.status, e.answer)
}

// do sends the request of an action and returns the answer's body, which is valid until the next call. Anything but HTTP 200 is
// a *StatusError. Servers may close a connection that they have answered on; then the request goes over a new one.
func (c *conn) do(action string, body []byte) ([]byte, error) {
	path, contentType, target := c.wire.head(action)
	if path == "" {
		path = c.endpoint.path
	}
	h := append(c.head[:0], "POST "...)
	h = append(h, path...)
	h = append(h, " HTTP/1.1\r\nHost: "...)
	h = append(h, c.endpoint.host...)
	h = append(h, "\r\nContent-Type: "...)
	h = append(h, contentType...)
	if target != "" {
		h = append(h, "\r\nX-Amz-Target: "...)
		h = append(h, target...)
	}
	h = append(h, "\r\nContent-Length: "...)
	digits := len(h)
	h = strconv.AppendInt(h, int64(len(body)), 10)
	length := h[digits:len(h):len(h)]
	h = append(h, "\r\n"...)
	if c.signer != nil {
		h = c.signer.sign(h, time.Now(), path, contentType, target, length, body)
	}
	h = append(h, "\r\n"...)
	h = append(h, body...)
	c.head = h

	status, err := c.exchange(h)
	if err != nil && !c.fresh && c.ctx.Err() == nil && errors.Is(err, errNoAnswer) {
		c.close()
		status, err = c.exchange(h)
	}
	if err != nil {
		c.close()
		return nil, fmt.Errorf("%s: %w", action, err)
	}
	if status != 200 {
		return nil, &StatusError{action, status, string(c.answer)}
	}
	return c.answer, nil
}

// errNoAnswer is the end of a connection where an answer should begin.
var errNoAnswer = errors.New("the server closed the connection without an answer")

// noAnswer is what became of a connection before the first byte of an answer. A server that closes it while a request is on its way is
// seen as its end, as a reset, or as a write that fails, whichever comes first.
func noAnswer(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
		return fmt.Errorf("%w (%w)", errNoAnswer, err)
	}
	return err
}

// exchange sends a request and reads the answer into c.answer.
func (c *conn) exchange(request []byte) (status int, err error) {
	if c.net == nil {
		if err := c.dial(); err != nil {
			return 0, err
		}
	}
	if err := c.net.SetDeadline(time.Now().Add(answerTimeout)); err != nil {
		return 0, err
	}
	if _, err := c.net.Write(request); err != nil {
		return 0, noAnswer(err)
	}
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		if len(line) == 0 {
			err = noAnswer(err)
		}
		return 0, err
	}
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.")) {
		return 0, fmt.Errorf("the answer begins with %q, which is not HTTP", line)
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, fmt.Errorf("the answer begins with %q", line)
	}
	length, chunked, last, err := c.readHead(line[7] == '0')
	if err != nil {
		return 0, err
	}
	c.answer = c.answer[:0]
	switch {
	case chunked:
		err = c.readChunks()
	case length >= 0:
		err = c.readPart(length)
	default:
		last = true
		c.answer, err = io.ReadAll(c.in)
	}
	c.fresh = false
	if last {
		c.close()
	}
	return status, err
}

// readHead reads the headers of an answer. length is -1 without a Content-Length; last says that the server closes the connection.
func (c *conn) readHead(http10 bool) (length int, chunked, last bool, err error) {
	length, last = -1, http10
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return 0, false, false, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			return length, chunked, last, nil
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch value = bytes.TrimSpace(value); len(name) {
		case len("Content-Length"):
			if bytes.EqualFold(name, []byte("Content-Length")) {
				if length, err = strconv.Atoi(string(value)); err != nil || length < 0 {
					return 0, false, false, fmt.Errorf("the answer has %q", line)
				}
			}
		case len("Transfer-Encoding"):
			chunked = chunked || bytes.EqualFold(name, []byte("Transfer-Encoding")) && bytes.EqualFold(value, []byte("chunked"))
		case len("Connection"):
			if bytes.EqualFold(name, []byte("Connection")) {
				last = bytes.EqualFold(value, []byte("close")) || last && !bytes.EqualFold(value, []byte("keep-alive"))
			}
		}
	}
}

// readPart appends n bytes to the answer.
func (c *conn) readPart(n int) error {
	at := len(c.answer)
	c.answer = slices.Grow(c.answer, n)[:at+n]
	_, err := io.ReadFull(c.in, c.answer[at:])
	return err
}

func (c *conn) readChunks() error {
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return err
		}
		size, _, _ := bytes.Cut(bytes.TrimRight(line, "\r\n"), []byte(";"))
		n, err := strconv.ParseUint(string(size), 16, 31)
		if err != nil {
			return fmt.Errorf("a chunk of the answer begins with %q", line)
		}
		if n > 0 {
			if err := c.readPart(int(n)); err != nil {
				return err
			}
		}
		if _, err := c.in.ReadSlice('\n'); err != nil || n == 0 { // the end of the chunk; servers here send no trailers
			return err
		}
	}
}

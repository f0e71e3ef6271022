package listener

import (
	"bytes"
	"errors"
	"io"
	"net"
	"time"

	"github.com/staunchmq/staunch/internal/clock"
)

// plainTime is how long a client that speaks plain HTTP where TLS is spoken may take to read why it is refused.
const plainTime = 2 * time.Second

// A Refusal answers a client that speaks plain HTTP where TLS is spoken. It reads the request from its first byte, as far as it likes, and
// writes the whole answer.
type Refusal func(w io.Writer, request io.Reader)

// errPlain is why there is no handshake with such a client.
var errPlain = errors.New("the client speaks plain HTTP")

// refusing is a listener below TLS that refuses who speaks plain HTTP.
type refusing struct {
	net.Listener
	clock  clock.Clock
	refuse Refusal
}

func (l refusing) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &refusingConn{Conn: c, listener: l}, nil
}

type refusingConn struct {
	net.Conn
	listener refusing
	begun    bool // a byte has come; it belongs to whoever reads
}

// Read reads from the connection. It fails when the connection begins with the name of a method, after the client was answered. TLS would
// begin with 22 (RFC 8446, section 5.1).
func (c *refusingConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.begun || n == 0 {
		return n, err
	}
	c.begun = true
	if p[0] < 'A' || p[0] > 'Z' {
		return n, err
	}
	c.listener.refuse(c.Conn, io.MultiReader(bytes.NewReader(p[:n]), c.Conn))
	c.end()
	return 0, errPlain
}

// end lets the client read the answer to its end: to close a connection with bytes that nobody has read resets it, and the client may lose
// the answer, or get an error behind it.
func (c *refusingConn) end() {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	}
	_ = c.Conn.SetReadDeadline(c.listener.clock.Now().Add(plainTime))
	_, _ = io.Copy(io.Discard, c.Conn)
}

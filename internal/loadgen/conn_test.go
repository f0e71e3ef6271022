package loadgen

import (
	"bufio"
	"net"
	"net/http"
	"strings"
	"testing"
)

// reset stands for an answer that is a reset of the connection, at once and without waiting for a request.
const reset = "reset"

// serveAnswers accepts connections and answers the requests of each with its texts; then it closes the connection.
func serveAnswers(t *testing.T, connections ...[]string) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for _, texts := range connections {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			in := bufio.NewReader(c)
			for _, text := range texts {
				if text == reset {
					_ = c.(*net.TCPConn).SetLinger(0)
					break
				}
				r, err := http.ReadRequest(in)
				if err != nil {
					t.Error(err)
					break
				}
				_, _ = in.Discard(int(r.ContentLength))
				_, _ = c.Write([]byte(text))
			}
			_ = c.Close()
		}
	}()
	t.Cleanup(func() { _ = listener.Close(); <-done })
	return "http://" + listener.Addr().String()
}

func TestConnReadsAnswers(t *testing.T) {
	const plain = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"
	for name, connections := range map[string][][]string{
		"a length":                       {{plain, plain}},
		"chunks":                         {{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2;x=y\r\nbc\r\n0\r\n\r\n", plain}},
		"HTTP/1.0":                       {{"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc"}, {plain}},
		"the end of the connection":      {{"HTTP/1.0 200 OK\r\n\r\nabc"}, {plain}},
		"Connection: close":              {{"HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 3\r\n\r\nabc"}, {plain}},
		"a connection closed in between": {{plain}, {plain}},
		"a connection reset in between":  {{plain, reset}, {plain}},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := parseEndpoint(serveAnswers(t, connections...))
			if err != nil {
				t.Fatal(err)
			}
			c := &conn{endpoint: e, wire: &jsonWire{}, ctx: t.Context()}
			defer c.close()
			for i := range 2 {
				if answer, err := c.do("ReceiveMessage", []byte("{}")); err != nil || string(answer) != "abc" {
					t.Errorf("answer %d: %q %v", i, answer, err)
				}
			}
		})
	}
}

func TestConnRefusesAnswers(t *testing.T) {
	for text, want := range map[string]string{
		"":                              "without an answer",
		"SSH-2.0-OpenSSH\r\n":           "not HTTP",
		"HTTP/1.1 200 OK\r\nContent-Le": "EOF",
		"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n":                  "Content-Length: -1",
		"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc":                "EOF",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n":     "chunk",
		"HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n\r\nno key":      "HTTP 403: no key",
		"HTTP/1.1 500 Oh\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n": "HTTP 500",
	} {
		e, err := parseEndpoint(serveAnswers(t, []string{text}))
		if err != nil {
			t.Fatal(err)
		}
		c := &conn{endpoint: e, wire: &jsonWire{}, ctx: t.Context()}
		if answer, err := c.do("SendMessage", []byte("{}")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %q %v, want an error with %q", text, answer, err, want)
		}
		c.close()
	}
}

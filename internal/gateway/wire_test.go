package gateway

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/staunchmq/staunch/internal/api"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestWire sends the requests in testdata/wire over a connection and compares the answers byte for byte.
//
// A file holds cases separated by "====". A case is a comment (#), the request, what the service was called with, and
// the response, separated by "----". In a request, line ends stand for CRLF up to the body, the body ends
// before the line end at its end, and Content-Length is added. In a response CRLF stands as a line end, too, and the date is left out.
func TestWire(t *testing.T) {
	files, err := filepath.Glob("testdata/wire/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no golden files", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			golden, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var got strings.Builder
			for i, text := range strings.Split(string(golden), "\n====\n") {
				if i > 0 {
					got.WriteString("====\n")
				}
				request, _, _ := strings.Cut(text, "\n----\n")
				got.WriteString(strings.TrimSuffix(request, "\n") + "\n----\n")
				got.WriteString(answerRaw(t, request))
			}
			if *update {
				if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(golden), got.String()); diff != "" {
				t.Errorf("(-want +got; rewrite with -update)\n%s", diff)
			}
		})
	}
}

// answerRaw sends one request in the notation of the golden files and returns the call and the response in theirs.
func answerRaw(t *testing.T, request string) string {
	t.Helper()
	var call string
	service := fake(func(ctx context.Context, action string, c *api.Caller, in any) (any, error) {
		call = describeCall(t, action, c, in)
		return canned(ctx, action, c, in)
	})
	h := New(Options{SQS: service, Logger: slog.New(slog.DiscardHandler), NewRequestID: func() string { return "00000000-0000-4000-8000-000000000001" }})
	conn := serve(t, NewServer(h, ServerOptions{}))

	for strings.HasPrefix(request, "#") {
		_, request, _ = strings.Cut(request, "\n")
	}
	head, body, _ := strings.Cut(request, "\n\n")
	if body != "" && !strings.Contains(head, "Content-Length:") {
		head += fmt.Sprintf("\nContent-Length: %d", len(body))
	}
	if _, err := io.WriteString(conn, strings.ReplaceAll(head, "\n", "\r\n")+"\r\n\r\n"+body); err != nil {
		t.Fatal(err)
	}
	var raw bytes.Buffer
	response, err := http.ReadResponse(bufio.NewReader(io.TeeReader(conn, &raw)), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		t.Fatal(err)
	}
	answer := strings.ReplaceAll(raw.String(), "\r\n", "\n")
	answer = regexp.MustCompile(`\nDate: .*`).ReplaceAllString(answer, "")
	return call + "----\n" + strings.TrimSuffix(answer, "\n") + "\n"
}

// describeCall says what a service was called with, leaving out absent members.
func describeCall(t *testing.T, action string, c *api.Caller, in any) string {
	t.Helper()
	input, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	input = regexp.MustCompile(`"\w+":null,|,?"\w+":null`).ReplaceAll(input, nil)
	return fmt.Sprintf("%s %s\naccount %s, region %s, key %q, sender %s, base %s, trace %q\n", action, input, c.Account, c.Region, c.AccessKeyID, c.SenderID, c.BaseURL, c.TraceHeader)
}

// serve runs a server for the test on a loopback address and returns a connection to it.
func serve(t *testing.T, server *http.Server) net.Conn {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(Listener(listener))
	}()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = conn.Close()
		_ = server.Close()
		<-done
	})
	return conn
}

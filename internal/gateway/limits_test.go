package gateway

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/staunchmq/staunch/internal/api"
)

// ok is a service that succeeds with nothing to tell.
func ok(context.Context, string, *api.Caller, any) (any, error) { return nil, nil }

// jsonRequest returns a request of the JSON protocol.
func jsonRequest(action string, body io.Reader) *http.Request {
	r := httptest.NewRequest("POST", "/", body)
	r.Header.Set("X-Amz-Target", "AmazonSQS."+action)
	r.Header.Set("Content-Type", "application/x-amz-json-1.0")
	return r
}

// record serves one request.
func record(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// expectError checks status and query code of an answer.
func expectError(t *testing.T, w *httptest.ResponseRecorder, status int, code string) {
	t.Helper()
	if got, _, _ := strings.Cut(w.Header().Get("x-amzn-query-error"), ";"); w.Code != status || got != code {
		t.Errorf("got %d %s %s, want %d %s", w.Code, got, w.Body, status, code)
	}
}

// endless is a body of n bytes of white space that counts what is read.
type endless struct{ n, read int }

func (e *endless) Read(p []byte) (int, error) {
	if e.read >= e.n {
		return 0, io.EOF
	}
	n := min(len(p), e.n-e.read)
	for i := range n {
		p[i] = ' '
	}
	e.read += n
	return n, nil
}

func TestHugeBodiesAreNotBuffered(t *testing.T) {
	h := New(Options{SQS: fake(ok), MaxBodyBytes: 8 << 20})
	for _, announced := range []bool{true, false} {
		body := &endless{n: 100 << 20}
		r := jsonRequest("SendMessage", body)
		r.ContentLength = -1
		if announced {
			r.ContentLength = 100 << 20
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		w := record(h, r)
		runtime.ReadMemStats(&after)
		expectError(t, w, 413, "RequestEntityTooLarge")
		if w.Header().Get("Connection") != "close" {
			t.Error("the connection is kept with the rest of the body on it")
		}
		if announced && body.read > 0 {
			t.Errorf("read %d bytes of a body that was announced as too large", body.read)
		}
		if body.read > 17<<20 {
			t.Errorf("read %d bytes", body.read)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 40<<20 {
			t.Errorf("allocated %d bytes", used)
		}
		if left := h.buffered.Load(); left != 0 {
			t.Errorf("%d bytes still counted", left)
		}
	}
}

func TestBodyAtTheLimit(t *testing.T) {
	h := New(Options{SQS: fake(ok), MaxBodyBytes: 100_000})
	if w := record(h, jsonRequest("SendMessage", strings.NewReader(`{}`+strings.Repeat(" ", 99_998)))); w.Code != 200 {
		t.Errorf("at the limit: %d %s", w.Code, w.Body)
	}
	expectError(t, record(h, jsonRequest("SendMessage", strings.NewReader(`{}`+strings.Repeat(" ", 99_999)))), 413, "RequestEntityTooLarge")
}

func TestLargeBodiesTogetherAreLimited(t *testing.T) {
	started, finish := make(chan struct{}), make(chan struct{})
	h := New(Options{SQS: fake(ok), MaxBufferedBytes: 1300 << 10})
	half := strings.NewReader(`{"MessageBody":"` + strings.Repeat("a", 600<<10))
	slow := io.MultiReader(half, readerFunc(func([]byte) (int, error) {
		close(started)
		<-finish
		return 0, io.EOF
	}))
	first := make(chan *httptest.ResponseRecorder)
	go func() { first <- record(h, jsonRequest("SendMessage", slow)) }()
	<-started
	// A buffer has room for what it holds and at most twice that, depending on the one that it was made from.
	if n := h.BufferedBytes(); n < 600<<10 || n > 1300<<10 {
		t.Errorf("%d bytes are buffered", n)
	}
	expectError(t, record(h, jsonRequest("SendMessage", strings.NewReader(`{}`+strings.Repeat(" ", 800<<10)))), 503, "ServiceUnavailable")
	if w := record(h, jsonRequest("SendMessage", strings.NewReader(`{"MessageBody":"small"}`))); w.Code != 200 {
		t.Errorf("a small request: %d %s", w.Code, w.Body)
	}
	close(finish)
	expectError(t, <-first, 400, "MalformedInput")
	if left := h.buffered.Load(); left != 0 {
		t.Errorf("%d bytes still counted", left)
	}
}

// TestBuffersThatWereLargeBeforeCount reads bodies into buffers that have room for them from the beginning.
func TestBuffersThatWereLargeBeforeCount(t *testing.T) {
	for _, tc := range []struct {
		size    int
		limit   int64
		counted int64 // -1: refused
	}{
		{freeBytes - 1, keptBytes - 1, 0},
		{freeBytes, keptBytes, keptBytes},
		{freeBytes, keptBytes - 1, -1},
	} {
		h := New(Options{SQS: fake(ok), MaxBufferedBytes: tc.limit})
		b := &buffer{bytes: make([]byte, 0, keptBytes)}
		err := b.fill(h, strings.NewReader(strings.Repeat("a", tc.size)))
		switch got := h.buffered.Load(); {
		case tc.counted < 0 && (err == nil || got != 0), tc.counted >= 0 && (err != nil || got != tc.counted || len(b.bytes) != tc.size):
			t.Errorf("a body of %d bytes with a limit of %d: %d are counted, %v; want %d", tc.size, tc.limit, got, err, tc.counted)
		}
		if b.giveBack(); h.buffered.Load() != 0 {
			t.Errorf("%d bytes still counted", h.buffered.Load())
		}
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestGzip(t *testing.T) {
	h := New(Options{SQS: fake(canned), MaxBodyBytes: 1 << 20})
	send := func(encoding string, body []byte) *httptest.ResponseRecorder {
		r := jsonRequest("ListQueueTags", bytes.NewReader(body))
		r.Header.Set("Content-Encoding", encoding)
		return record(h, r)
	}
	compressed := func(s string) []byte {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, _ = io.WriteString(w, s)
		_ = w.Close()
		return b.Bytes()
	}
	if w := send("gzip", compressed(`{"QueueUrl":"full"}`)); w.Code != 200 || !strings.Contains(w.Body.String(), "blue") {
		t.Errorf("gzip: %d %s", w.Code, w.Body)
	}
	if w := send("GZIP", compressed(`{"QueueUrl":"full"}`+strings.Repeat(" ", 500<<10))); w.Code != 200 {
		t.Errorf("gzip, larger: %d %s", w.Code, w.Body)
	}
	if w := send("identity", []byte(`{"QueueUrl":"full"}`)); w.Code != 200 {
		t.Errorf("identity: %d %s", w.Code, w.Body)
	}
	expectError(t, send("gzip", compressed(strings.Repeat(" ", 50<<20))), 413, "RequestEntityTooLarge") // a bomb
	expectError(t, send("gzip", []byte(`{}`)), 400, "MalformedInput")
	expectError(t, send("gzip", compressed(`{"QueueUrl":"full"}`)[:20]), 400, "MalformedInput")
	expectError(t, send("gzip, gzip", compressed(`{}`)), 400, "MalformedInput")
	expectError(t, send("zstd", []byte(`{}`)), 400, "MalformedInput")
	if left := h.buffered.Load(); left != 0 {
		t.Errorf("%d bytes still counted", left)
	}
}

func TestDeepNesting(t *testing.T) {
	h := New(Options{SQS: fake(ok)})
	for _, body := range []string{
		strings.Repeat("[", 200_000),
		strings.Repeat(`{"a":`, 200_000),
		`{"MessageAttributes":` + strings.Repeat(`{"a":`, 200_000),
		`{"x":` + strings.Repeat(`{"a":`, 200_000),
		`{"x":` + strings.Repeat(`[`, 200_000),
	} {
		expectError(t, record(h, jsonRequest("SendMessage", strings.NewReader(body))), 400, "MalformedInput")
	}
}

// serveInBubble runs a server in a synctest bubble and returns a connection to it. Its time is not the world's, so
// the limits are tested with the values that they have in production.
func serveInBubble(t *testing.T, server *http.Server) net.Conn {
	t.Helper()
	listener := &pipeListener{conns: make(chan net.Conn, 1), closed: make(chan struct{})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(Listener(listener))
	}()
	ours, theirs := net.Pipe()
	listener.conns <- theirs
	t.Cleanup(func() {
		_ = ours.Close()
		_ = server.Close()
		<-done
		time.Sleep(time.Second) // net/http lingers for a moment on connections that it closes
	})
	return ours
}

// pipeListener accepts the connections of a channel.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9324} }

// write sends text in the background: a pipe takes no byte that nobody reads.
func write(conn net.Conn, text string) {
	go func() { _, _ = io.WriteString(conn, text) }()
}

// expectClosed reads what is left to read and checks that the server closed the connection after this time, when a deadline of the
// given length was over: see [Listener] for how late that may be.
func expectClosed(t *testing.T, conn net.Conn, after, deadline time.Duration) (answer string) {
	t.Helper()
	start := time.Now()
	data, err := io.ReadAll(conn)
	if took := time.Since(start); err != nil || took < after || took > after+deadline/8+time.Second {
		t.Errorf("closed after %v with %v; want %v", took, err, after)
	}
	return string(data)
}

const sendHeader = "POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: AmazonSQS.SendMessage\r\n"

func TestSlowHeaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := serveInBubble(t, NewServer(New(Options{SQS: fake(ok)}), ServerOptions{}))
		write(conn, "POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Tar")
		if answer := expectClosed(t, conn, 5*time.Second, 5*time.Second); strings.Contains(answer, "200 OK") {
			t.Errorf("got %q", answer)
		}
	})
}

func TestIdleConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := serveInBubble(t, NewServer(New(Options{SQS: fake(ok)}), ServerOptions{}))
		reader := bufio.NewReader(conn)
		for range 2 {
			write(conn, sendHeader+"Content-Length: 2\r\n\r\n{}")
			if response, err := http.ReadResponse(reader, nil); err != nil || response.StatusCode != 200 || response.ContentLength != 2 {
				t.Fatalf("got %v, %v", response, err)
			}
			_, _ = reader.Discard(2)
			time.Sleep(119 * time.Second)
		}
		expectClosed(t, conn, time.Second, 120*time.Second)
	})
}

func TestLargeHeaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := serveInBubble(t, NewServer(New(Options{SQS: fake(ok)}), ServerOptions{}))
		write(conn, "GET / HTTP/1.1\r\nHost: localhost\r\nX-A: "+strings.Repeat("a", 200<<10)+"\r\n\r\n")
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil || response.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("got %v, %v", response, err)
		}
	})
}

func TestSlowBody(t *testing.T) {
	for name, text := range map[string]string{"length known": "Content-Length: 1000\r\n\r\n{", "chunked": "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn := serveInBubble(t, NewServer(New(Options{SQS: fake(ok)}), ServerOptions{}))
				write(conn, sendHeader+text)
				answer := expectClosed(t, conn, 60*time.Second, 60*time.Second)
				if !strings.HasPrefix(answer, "HTTP/1.1 408 ") || !strings.Contains(answer, "RequestTimeoutException") {
					t.Errorf("got %q", answer)
				}
			})
		})
	}
}

// TestUnreadBodyDoesNotHoldConnection sends a request that is refused before its body is read, and then nothing.
func TestUnreadBodyDoesNotHoldConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn := serveInBubble(t, NewServer(New(Options{SQS: fake(ok)}), ServerOptions{}))
		write(conn, "POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: AmazonSQS.Nope\r\nContent-Length: 1000\r\n\r\n{")
		if answer := expectClosed(t, conn, 60*time.Second, 60*time.Second); !strings.HasPrefix(answer, "HTTP/1.1 400 ") {
			t.Errorf("got %q", answer)
		}
	})
}

// TestLongPollOutlivesDeadlines waits in the action beyond the deadlines for body and answer, and idles between two
// requests on one connection, the second of which needs a "100 Continue".
func TestLongPollOutlivesDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		service := fake(func(ctx context.Context, _ string, _ *api.Caller, _ any) (any, error) {
			select {
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-time.After(100 * time.Second):
				return nil, nil
			}
		})
		conn := serveInBubble(t, NewServer(New(Options{SQS: service}), ServerOptions{}))
		reader := bufio.NewReader(conn)
		for range 2 {
			write(conn, "POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: AmazonSQS.ReceiveMessage\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
			if line, err := reader.ReadString('\n'); err != nil || line != "HTTP/1.1 100 Continue\r\n" {
				t.Fatalf("got %q, %v", line, err)
			}
			_, _ = reader.ReadString('\n')
			write(conn, "{}")
			response, err := http.ReadResponse(reader, nil)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(response.Body)
			if response.StatusCode != 200 || string(body) != "{}" || err != nil {
				t.Errorf("got %d %q, %v", response.StatusCode, body, err)
			}
			time.Sleep(100 * time.Second)
		}
	})
}

// TestClientWhoDoesNotRead asks for a large answer and does not take it.
func TestClientWhoDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		service := fake(func(context.Context, string, *api.Caller, any) (any, error) {
			return &api.ReceiveMessageOutput{Messages: []api.Message{{Body: strings.Repeat("a", 1<<20)}}}, nil
		})
		done := make(chan struct{})
		h := New(Options{SQS: service, Observe: func(string, string, int, float64) { close(done) }})
		conn := serveInBubble(t, NewServer(h, ServerOptions{}))
		start := time.Now()
		write(conn, "POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: AmazonSQS.ReceiveMessage\r\nContent-Length: 2\r\n\r\n{}")
		<-done
		if took := time.Since(start); took < 30*time.Second || took > 34*time.Second {
			t.Errorf("the server gave up after %v", took)
		}
	})
}

// TestAnswersOfAllSizes reads answers around the sizes at which they are written in another way, over one connection.
func TestAnswersOfAllSizes(t *testing.T) {
	service := fake(func(_ context.Context, _ string, _ *api.Caller, in any) (any, error) {
		size := int(*in.(*api.ReceiveMessageInput).MaxNumberOfMessages)
		return &api.ReceiveMessageOutput{Messages: []api.Message{{Body: strings.Repeat("a", size)}}}, nil
	})
	conn := serve(t, NewServer(New(Options{SQS: service}), ServerOptions{}))
	reader := bufio.NewReader(conn)
	sizes := []int{0, 1, 20_000, 100_000, 1 << 20}
	for size := wholeMin - 60; size < 4096+60; size++ {
		sizes = append(sizes, size)
	}
	for _, size := range sizes {
		in := fmt.Sprintf(`{"MaxNumberOfMessages":%d}`, size)
		write(conn, fmt.Sprintf("POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: AmazonSQS.ReceiveMessage\r\nContent-Length: %d\r\n\r\n%s", len(in), in))
		response, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Fatalf("body of %d bytes: %v", size, err)
		}
		got, err := io.ReadAll(response.Body)
		want := `{"Messages":[{"Body":"` + strings.Repeat("a", size) + `"}]}`
		if size == 0 {
			want = `{"Messages":[{}]}`
		}
		if err != nil || string(got) != want {
			t.Fatalf("body of %d bytes: read %d bytes, %v", size, len(got), err)
		}
	}
}

// TestRequestsOfImpatientClients sends requests without waiting for the answers, and hangs up before the last.
func TestRequestsOfImpatientClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var heard []error
		service := fake(func(ctx context.Context, _ string, _ *api.Caller, in any) (any, error) {
			if *in.(*api.SendMessageInput).MessageBody == "last" {
				<-release
			}
			heard = append(heard, ctx.Err())
			return sent, nil
		})
		conn := serveInBubble(t, NewServer(New(Options{SQS: service}), ServerOptions{}))
		send := func(body string) string {
			body = `{"MessageBody":"` + body + `"}`
			return fmt.Sprintf("%sContent-Length: %d\r\n\r\n%s", sendHeader, len(body), body)
		}
		write(conn, send("one")+send("two")+send("last"))
		reader := bufio.NewReader(conn)
		for range 2 {
			response, err := http.ReadResponse(reader, nil)
			if err != nil || response.StatusCode != 200 {
				t.Fatalf("got %v, %v", response, err)
			}
			_, _ = io.Copy(io.Discard, response.Body)
		}
		synctest.Wait()
		_ = conn.Close()
		synctest.Wait()
		close(release)
		synctest.Wait()
		if want := []error{nil, nil, nil}; !slices.Equal(heard, want) {
			t.Errorf("the action heard %v: a send goes on when the client hangs up", heard)
		}
	})
}

func TestClientGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var gone error
		service := fake(func(ctx context.Context, _ string, _ *api.Caller, _ any) (any, error) {
			<-ctx.Done()
			gone = ctx.Err()
			return nil, fmt.Errorf("poll: %w", ctx.Err())
		})
		var log bytes.Buffer
		var observed string
		h := New(Options{SQS: service, Logger: slog.New(slog.NewTextHandler(&log, nil)), Observe: func(action, code string, status int, _ float64) {
			observed = fmt.Sprint(action, " ", code, " ", status)
		}})
		conn := serveInBubble(t, NewServer(h, ServerOptions{}))
		write(conn, "POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: AmazonSQS.ReceiveMessage\r\nContent-Length: 2\r\n\r\n{}")
		synctest.Wait()
		_ = conn.Close()
		synctest.Wait()
		if !errors.Is(gone, context.Canceled) {
			t.Error(gone)
		}
		if observed != "ReceiveMessage ServiceUnavailable 503" {
			t.Errorf("observed %s", observed)
		}
		if log.Len() > 0 {
			t.Errorf("logged %s", log.String())
		}
	})
}

func TestPanicEndsOneRequest(t *testing.T) {
	var log bytes.Buffer
	var observed []string
	panics := 0
	h := New(Options{SQS: fake(canned), Logger: slog.New(slog.NewTextHandler(&log, nil)), ObservePanic: func() { panics++ },
		Observe: func(action, code string, status int, seconds float64) {
			observed = append(observed, fmt.Sprint(action, " ", code, " ", status, " ", seconds >= 0))
		}})
	r := jsonRequest("PurgeQueue", strings.NewReader(`{"QueueUrl":"panic"}`))
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=SECRETKEY/20250101/eu-west-1/sqs/aws4_request, Signature=SECRET")
	w := record(h, r)
	expectError(t, w, 500, "InternalFailure")
	expectError(t, record(h, jsonRequest("PurgeQueue", strings.NewReader(`{"QueueUrl":"internal"}`))), 500, "InternalFailure")
	if w := record(h, jsonRequest("PurgeQueue", strings.NewReader(`{"QueueUrl":"empty"}`))); w.Code != 200 || w.Body.Len() != 0 {
		t.Errorf("afterwards: %d %q", w.Code, w.Body)
	}
	record(h, httptest.NewRequest("GET", "/favicon.ico", nil))
	if panics != 1 {
		t.Errorf("%d panics observed", panics)
	}
	want := "[PurgeQueue InternalFailure 500 true PurgeQueue InternalFailure 500 true PurgeQueue  200 true Unknown InvalidAction 404 true]"
	if got := fmt.Sprint(observed); got != want {
		t.Errorf("observed %s\nwant     %s", got, want)
	}
	for _, part := range []string{"index out of range", "canned_test.go", "/secret/path", "action=PurgeQueue", "request_id=" + w.Header().Get("x-amzn-RequestId")} {
		if !strings.Contains(log.String(), part) {
			t.Errorf("the log lacks %q: %s", part, log.String())
		}
	}
	if strings.Contains(log.String(), "SECRET") || strings.Contains(log.String(), "QueueUrl") {
		t.Errorf("the log tells secrets: %s", log.String())
	}
	if strings.Contains(w.Body.String(), "range") {
		t.Errorf("the answer tells secrets: %s", w.Body)
	}
}

func TestBrokenBodies(t *testing.T) {
	h := New(Options{SQS: fake(ok)})
	broken := io.MultiReader(strings.NewReader(`{}`), readerFunc(func([]byte) (int, error) { return 0, errors.New("malformed chunked encoding") }))
	expectError(t, record(h, jsonRequest("SendMessage", broken)), 400, "MalformedInput")

	r := httptest.NewRequest("POST", "/", &endless{n: 17 << 20})
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	expectError(t, record(h, r), 413, "RequestEntityTooLarge")
}

func TestLongActionNamesAreCut(t *testing.T) {
	w := record(New(Options{SQS: fake(ok)}), jsonRequest(strings.Repeat("a", 10_000), strings.NewReader("{}")))
	expectError(t, w, 400, "InvalidAction")
	if w.Body.Len() > 500 {
		t.Errorf("the answer has %d bytes", w.Body.Len())
	}
}

// TestPanicAfterAnswer checks that a panic while an answer is written, or http.ErrAbortHandler, ends the connection.
func TestPanicAfterAnswer(t *testing.T) {
	abort := fake(func(context.Context, string, *api.Caller, any) (any, error) { panic(http.ErrAbortHandler) })
	for name, h := range map[string]*Handler{
		"abort":    New(Options{SQS: abort}),
		"observer": New(Options{SQS: fake(ok), Logger: slog.New(slog.DiscardHandler), Observe: func(string, string, int, float64) { panic("observer") }}),
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if p := recover(); p != http.ErrAbortHandler {
					t.Errorf("panicked with %v", p)
				}
			}()
			record(h, jsonRequest("ListQueues", strings.NewReader("{}")))
			t.Error("did not panic")
		})
	}
}

func TestRequestIDsAreUUIDs(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		id := newRequestID()
		if len(id) != 36 || id[8] != '-' || id[13] != '-' || id[14] != '4' || id[18] != '-' || !strings.Contains("89ab", id[19:20]) || id[23] != '-' || seen[id] {
			t.Fatal(id)
		}
		seen[id] = true
	}
}

package gateway

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/staunchmq/staunch/internal/api"
)

// hoarder hands out messages of one body as far as there is room for them, as the service does.
func hoarder(body string) fake {
	return func(ctx context.Context, action string, c *api.Caller, in any) (any, error) {
		if action != "ReceiveMessage" {
			return &api.ListQueuesOutput{QueueUrls: []string{body}}, nil
		}
		wanted := int(*in.(*api.ReceiveMessageInput).MaxNumberOfMessages)
		if len(body)*wanted > c.Room.Free() {
			if wanted = c.Room.Fits(wanted); wanted == 0 || !c.Room.Take(ctx, wanted) {
				return nil, api.RequestThrottled.New()
			}
			c.Room.Keep(len(body) * wanted)
		}
		out := &api.ReceiveMessageOutput{}
		for range wanted {
			out.Messages = append(out.Messages, api.Message{Body: body})
		}
		return out, nil
	}
}

// ask sends a receive for n messages on a connection, and read reads its answer.
func ask(conn net.Conn, n int) {
	in := fmt.Sprintf(`{"MaxNumberOfMessages":%d}`, n)
	write(conn, fmt.Sprintf("POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: AmazonSQS.ReceiveMessage\r\nContent-Length: %d\r\n\r\n%s", len(in), in))
}

func readAnswer(t *testing.T, conn net.Conn) (status int, body string) {
	t.Helper()
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(response.Body)
	if err != nil {
		t.Error(err)
	}
	return response.StatusCode, string(data)
}

// TestUnreadAnswersTogetherAreLimited lets clients ask for large answers and not read them.
func TestUnreadAnswersTogetherAreLimited(t *testing.T) {
	const limit = 20 << 20
	for _, ending := range []string{"read", "closed", "timed out"} {
		t.Run(ending, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := New(Options{SQS: hoarder(strings.Repeat("a", 1<<20)), MaxAnswersBytes: limit})
				var conns []net.Conn
				for range 30 {
					conn := serveInBubble(t, NewServer(h, ServerOptions{}))
					ask(conn, 2)
					synctest.Wait()
					conns = append(conns, conn)
				}
				if used := h.AnswerBytes(); used < limit-2*contentBytesMax*4 || used > limit {
					t.Errorf("%d bytes are in use", used)
				}
				switch ending {
				case "read":
					served, bytes := 0, 0
					for _, conn := range conns {
						status, body := readAnswer(t, conn)
						switch {
						case status == 200:
							served++
							bytes += len(body)
						case status != 403 || !strings.Contains(body, "RequestThrottled"):
							t.Errorf("%d %.200s", status, body)
						}
					}
					if served < 7 || served > 14 || bytes > limit {
						t.Errorf("%d were served %d bytes", served, bytes)
					}
				case "closed":
					for _, conn := range conns {
						_ = conn.Close()
					}
				case "timed out":
					time.Sleep(34 * time.Second)
				}
				synctest.Wait()
				if used := h.AnswerBytes(); used != 0 {
					t.Errorf("%d bytes are in use in the end", used)
				}
				again := serveInBubble(t, NewServer(h, ServerOptions{}))
				ask(again, 2)
				if status, body := readAnswer(t, again); status != 200 || len(body) < 2<<20 {
					t.Errorf("afterwards: %d %.200s", status, body)
				}
			})
		})
	}
}

// TestReceivesWaitForRoomForAWhile takes the room of two answers at once.
func TestReceivesWaitForRoomForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAnswers(6 << 20)
		first, second := &room{answers: a, perByte: 4}, &room{answers: a, perByte: 4}
		if !first.Take(t.Context(), 1) {
			t.Fatal("no room in an empty house")
		}
		took := make(chan bool)
		try := func() { took <- second.Take(t.Context(), 1) }
		go try()
		synctest.Wait()
		if n := second.Fits(1); n != 0 {
			t.Errorf("%d would fit, though one waits", n)
		}
		first.Keep(100 << 10)
		if !<-took || a.used.Load() != 100<<10*4+second.taken {
			t.Errorf("%d bytes are in use", a.used.Load())
		}
		second.hold(0)
		first.Take(t.Context(), 1)
		began := time.Now()
		go try()
		if <-took || time.Since(began) != roomWait || second.taken != 0 || a.used.Load() != first.taken {
			t.Errorf("took room that there is not, after %v", time.Since(began))
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if second.Take(ctx, 1) || a.waiting.Load() != 0 {
			t.Error("waits for a client that has gone")
		}
		first.hold(0)
		if first.Take(t.Context(), 100); first.taken != a.max {
			t.Errorf("%d bytes for more than there can be", first.taken)
		}
	})
}

// TestAnswersCountAsTheyAreWritten looks at what answers hold while they are written, in each protocol with a body that it escapes most.
func TestAnswersCountAsTheyAreWritten(t *testing.T) {
	body := strings.Repeat(`"`, 1<<20)
	form := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	for _, tc := range []struct {
		name, body string
		header     http.Header
		min        int64
	}{
		{"json", `{"MaxNumberOfMessages":1}`, http.Header{"X-Amz-Target": {"AmazonSQS.ReceiveMessage"}}, 2 << 20},
		{"query", "Action=ReceiveMessage&MaxNumberOfMessages=1", form, 6 << 20},
		{"list", "Action=ListQueues", form, 6 << 20},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := New(Options{SQS: hoarder(body)})
			serve := func() (w *looking) {
				w = &looking{ResponseRecorder: httptest.NewRecorder(), look: h.AnswerBytes}
				r := jsonRequest("", strings.NewReader(tc.body))
				r.Header = tc.header
				h.ServeHTTP(w, r)
				return w
			}
			w := serve()
			if w.Code != 200 || w.used < tc.min || w.used > tc.min*5/4+keptBytes || int64(w.Body.Len()) > w.used {
				t.Errorf("%d, %d bytes in use for %d", w.Code, w.used, w.Body.Len())
			}
			if used := h.AnswerBytes(); used != 0 {
				t.Errorf("%d bytes are in use in the end", used)
			}
			all := &room{answers: h.answers, perByte: 4}
			all.Take(t.Context(), 1000)
			if w := serve(); w.Code != 403 && w.Code != 503 {
				t.Errorf("without room: %d", w.Code)
			}
		})
	}
}

// looking is a ResponseWriter that looks at what is in use when the body is written.
type looking struct {
	*httptest.ResponseRecorder
	look func() int64
	used int64
}

func (w *looking) Write(p []byte) (int, error) {
	w.used = w.look()
	return w.ResponseRecorder.Write(p)
}

package gateway

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/arn"
)

// signedAs is the Authorization header of an account, whose signature nobody looks at.
func signedAs(account string) string {
	return "AWS4-HMAC-SHA256 Credential=" + account + "/20250101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=00"
}

// sends is how many of n requests are not throttled.
func sends(t *testing.T, h *Handler, n int, action, account, queue string) (taken int) {
	t.Helper()
	for range n {
		r := jsonRequest(action, strings.NewReader(fmt.Sprintf(`{"QueueUrl":%q}`, queue)))
		if account != "" {
			r.Header.Set("Authorization", signedAs(account))
		}
		switch w := record(h, r); {
		case w.Code == 200:
			taken++
		case w.Code != 403 || w.Header().Get("X-Amzn-Query-Error") != "RequestThrottled;Sender":
			t.Fatalf("%d %s", w.Code, w.Body)
		}
	}
	return taken
}

func expectTaken(t *testing.T, what string, got, want int) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %d requests were taken, want %d", what, got, want)
	}
}

const accountA, accountB = "111111111111", "222222222222"

func TestRateOfAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var limits []string
		h := New(Options{SQS: fake(ok), Rates: Rates{Account: 5, Throttled: func(limit string) { limits = append(limits, limit) }}})
		expectTaken(t, "at first", sends(t, h, 8, "SendMessage", accountA, "q"), 5)
		expectTaken(t, "another account", sends(t, h, 8, "SendMessage", accountB, "q"), 5)
		expectTaken(t, "nobody's", sends(t, h, 8, "SendMessage", "", "q"), 5)
		time.Sleep(400 * time.Millisecond)
		expectTaken(t, "after 0.4 s", sends(t, h, 8, "ListQueues", accountA, ""), 2)
		time.Sleep(time.Hour)
		expectTaken(t, "after a pause", sends(t, h, 8, "SendMessage", accountA, "q"), 5)
		if got := strings.Join(limits, ""); got != strings.Repeat("account", 3+3+3+6+3) {
			t.Errorf("%s", got)
		}
	})
}

// TestRateOfQueue names one queue in every way there is.
func TestRateOfQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(Options{SQS: fake(ok), Rates: Rates{Queue: 4}})
		expectTaken(t, "by name", sends(t, h, 1, "SendMessage", accountA, "q"), 1)
		expectTaken(t, "by URL", sends(t, h, 1, "ReceiveMessage", accountA, "http://localhost:9324/111111111111/q"), 1)
		expectTaken(t, "by another's URL", sends(t, h, 1, "DeleteMessage", accountB, "https://sqs.eu-west-1.amazonaws.com/111111111111/q"), 1)
		r := jsonRequest("GetQueueUrl", strings.NewReader(`{"QueueName":"q"}`))
		r.Header.Set("Authorization", signedAs(accountA))
		record(h, r)
		expectTaken(t, "once more", sends(t, h, 1, "SendMessage", accountA, "q"), 0)
		expectTaken(t, "another queue", sends(t, h, 5, "SendMessage", accountA, "q2"), 4)
		expectTaken(t, "of the same name", sends(t, h, 5, "SendMessage", accountB, "q"), 4)
		expectTaken(t, "no queue", sends(t, h, 9, "ListQueues", accountB, ""), 9)
	})
}

// TestLongNamesAreNotKept: what no queue can be called has no bucket, and a bucket holds on to nothing but a name.
func TestLongNamesAreNotKept(t *testing.T) {
	h := New(Options{SQS: fake(ok), Rates: Rates{Queue: 1, FIFO: true}})
	long := strings.Repeat("q", 1<<20)
	send := func(action string, in map[string]string) {
		t.Helper()
		body, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		if w := record(h, jsonRequest(action, bytes.NewReader(body))); w.Code != 200 {
			t.Errorf("%s: %d %s", action, w.Code, w.Body)
		}
	}
	for _, suffix := range []string{"", ".fifo"} {
		for range 2 {
			send("SendMessage", map[string]string{"QueueUrl": long + suffix})
			send("SendMessage", map[string]string{"QueueUrl": "http://localhost/" + accountA + "/" + long + suffix})
			send("SendMessage", map[string]string{"QueueUrl": "arn:aws:sqs:us-east-1:" + accountA + ":" + long + suffix})
			send("CreateQueue", map[string]string{"QueueName": long + suffix})
			send("StartMessageMoveTask", map[string]string{"SourceArn": "arn:aws:sqs:us-east-1:" + accountA + ":" + long + suffix})
		}
	}
	if n := len(h.rates.queues.young) + len(h.rates.fifo.young); n != 0 {
		t.Errorf("%d names are kept", n)
	}
	const buckets = 64
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	for i := range buckets {
		send("SendMessage", map[string]string{"QueueUrl": "http://" + long + "/" + accountA + "/" + strconv.Itoa(i)})
	}
	if n, grown := len(h.rates.queues.young), int64(heap())-int64(before); n != buckets || grown > buckets<<19 {
		t.Errorf("%d names are kept with %d bytes", n, grown)
	}
	runtime.KeepAlive(h)
}

func TestFIFOQuota(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(Options{SQS: fake(ok), Rates: Rates{FIFO: true, HighThroughput: func(q arn.ARN) bool { return q.Name == "fast.fifo" }}})
		for _, action := range []string{"SendMessage", "ReceiveMessage", "DeleteMessage"} {
			expectTaken(t, action, sends(t, h, 310, action, accountA, "q.fifo"), 300)
		}
		expectTaken(t, "a batch is a send", sends(t, h, 5, "SendMessageBatch", accountA, "q.fifo"), 0)
		expectTaken(t, "other actions", sends(t, h, 310, "GetQueueAttributes", accountA, "q.fifo"), 310)
		expectTaken(t, "high throughput", sends(t, h, 310, "SendMessage", accountA, "fast.fifo"), 310)
		expectTaken(t, "a standard queue", sends(t, h, 310, "SendMessage", accountA, "q"), 310)
	})
}

// TestDeniedRequestsDoNotCountForTheQueue: strangers cannot use up what a queue may take.
func TestDeniedRequestsDoNotCountForTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := New(Options{SQS: fake(ok), Rates: Rates{Queue: 2}, Authorizer: authorizer(func(c *api.Caller, _ *api.Action, _ any) error {
			if c.Account == accountB {
				return api.AccessDenied.New()
			}
			return nil
		})})
		for range 10 {
			r := jsonRequest("SendMessage", strings.NewReader(`{"QueueUrl":"http://localhost/111111111111/q"}`))
			r.Header.Set("Authorization", signedAs(accountB))
			expectError(t, record(h, r), 403, "AccessDenied")
		}
		expectTaken(t, "its owner", sends(t, h, 3, "SendMessage", accountA, "q"), 2)
	})
}

func TestThrottledInBothProtocols(t *testing.T) {
	stands := func() time.Time { return time.Unix(1e9, 0) }
	h := New(Options{SQS: fake(ok), Rates: Rates{Account: 1}, Now: stands, NewRequestID: func() string { return "id" }})
	record(h, httptest.NewRequest("GET", "/?Action=ListQueues&Version=2012-11-05", nil))
	w := record(h, httptest.NewRequest("GET", "/?Action=ListQueues&Version=2012-11-05", nil))
	const xml = `<Error><Type>Sender</Type><Code>RequestThrottled</Code><Message>Request is throttled.</Message>`
	if w.Code != 403 || !strings.Contains(w.Body.String(), xml) {
		t.Errorf("Query: %d %s", w.Code, w.Body)
	}
	w = record(h, jsonRequest("ListQueues", strings.NewReader("{}")))
	if w.Code != 403 || w.Body.String() != `{"__type":"com.amazonaws.sqs#RequestThrottled","message":"Request is throttled."}` {
		t.Errorf("JSON: %d %s", w.Code, w.Body)
	}
}

// TestSDKBacksOffWhenThrottled sees that AWS's SDK takes the error for what it is, waits and succeeds.
func TestSDKBacksOffWhenThrottled(t *testing.T) {
	var later atomic.Int64
	start := time.Now().Add(time.Hour) // deadlines of connections go by this, too
	now := func() time.Time { return start.Add(time.Duration(later.Load())) }
	server := httptest.NewServer(New(Options{SQS: fake(ok), Rates: Rates{Account: 1}, Now: now}))
	defer server.Close()
	var waits int
	client := sqs.New(sqs.Options{
		Region: "eu-west-1", BaseEndpoint: aws.String(server.URL), Credentials: credentials.NewStaticCredentialsProvider("AKID", "secret", ""),
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
			o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) {
				waits++
				later.Add(int64(time.Second))
				return 0, nil
			})
		}),
	})
	for range 3 {
		if _, err := client.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: aws.String("q"), ReceiptHandle: aws.String("r")}); err != nil {
			t.Fatal(err)
		}
	}
	if waits != 2 {
		t.Errorf("the SDK waited %d times", waits)
	}
}

func TestBucketsAreBounded(t *testing.T) {
	b := buckets{rate: 1}
	now := time.Unix(1e9, 0)
	busy := bucket{queue: "busy"}
	for i := range 5 * bucketsMax {
		b.allow(bucket{queue: fmt.Sprint(i)}, now)
		if i > 0 == b.allow(busy, now) {
			t.Fatalf("after %d others: the bucket in use was forgotten", i)
		}
		if n := len(b.young) + len(b.aged); n > 2*bucketsMax {
			t.Fatalf("%d buckets", n)
		}
	}
	if !b.allow(bucket{queue: "0"}, now) {
		t.Error("a bucket that nobody used for long was kept")
	}
}

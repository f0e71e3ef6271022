package server_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"go.uber.org/goleak"

	"github.com/staunchmq/staunch/internal/config"
)

const (
	hostileSeed = 11
	// attackers send at once; honest messages are sent meanwhile.
	attackers, honestMessages = 20, 100
	// What the process may have at any time during the attack: a goroutine or three for each connection, and bodies of 1 MiB.
	hostileGoroutinesMax, hostileHeapMax = 400, 512 << 20
)

// attacksEach is how many requests each attacker sends. STAUNCH_HOSTILE_REQUESTS sets another number.
var attacksEach = sync.OnceValue(func() int {
	if n, err := strconv.Atoi(os.Getenv("STAUNCH_HOSTILE_REQUESTS")); err == nil {
		return n
	}
	return 75
})

// smuggled is what must never be carried out: it stands where one reader of a request sees its end, and another its middle.
const smuggled = "GET /?Action=CreateQueue&QueueName=smuggled&Version=2012-11-05 HTTP/1.1\r\nHost: a\r\n\r\n"

// framings are requests that can be read in two ways, each followed by what would be smuggled.
var framings = []string{
	"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
	"POST / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n",
	"POST / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 90\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0, 90\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +0\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x0\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 0\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nX: y\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\n\n",
	"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2;a=\nxx\r\n{}\r\n0\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 7\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFFFFFF\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}zz",
	"POST / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\n\x00: b\r\n\r\n",
	"POST / HTTP/1.1 \r\nHost: a\r\n\r\n",
	"POST / HTTP/9.9\r\nHost: a\r\n\r\n",
	"POST / HTTP/1.1\r\n\r\n",
	"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
}

// paths are tried with every method.
var paths = []string{
	"/../../../../etc/passwd", "//000000000000//kept", "/000000000000/kept%00", "/%2e%2e/%2e%2e/", "/000000000000/..%2fkept", "*", "?", "", "/\\..\\", "/;x=1",
	"http://other/000000000000/kept", "/" + strings.Repeat("a/", 10_000), "/?" + strings.Repeat("&", 30_000), "/?Action=%zz", "/?Action=SendMessage&QueueUrl=%",
	"/?Action=CreateQueue&QueueName=..%2f..%2fx", "/?Action=GetQueueUrl&QueueName=" + strings.Repeat("%00", 500), "/000000000000/kept?Action=SendMessage&MessageBody=",
}

// jsonBodies are sent to every action; %d is replaced by a number that changes.
var jsonBodies = sync.OnceValue(func() []string {
	var keys strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&keys, `"k%d":1,`, i)
	}
	return []string{
		`{` + keys.String() + `"QueueUrl":"noise"}`,
		`{"Attributes":{` + keys.String() + `"a":"b"},"QueueUrl":"noise","QueueName":"noise"}`,
		`{"MessageAttributes":{` + strings.Repeat(`"a":{"DataType":"String","StringValue":"x"},`, 5_000) + `"b":{}},"QueueUrl":"noise"}`,
		strings.Repeat(`[`, 100_000), strings.Repeat(`{"a":`, 100_000), `{"QueueUrl":` + strings.Repeat(`{"a":`, 50_000),
		`{"QueueUrl":"noise","DelaySeconds":1e999999999}`, `{"QueueUrl":"noise","MaxNumberOfMessages":` + strings.Repeat("9", 50_000) + `}`,
		`{"QueueUrl":"noise","WaitTimeSeconds":-9223372036854775809}`, `{"QueueUrl":"noise","VisibilityTimeout":0.1}`,
		`{"QueueUrl":"noise","MessageBody":"\ud800"}`, "{\"QueueUrl\":\"noise\",\"MessageBody\":\"\xff\xfe\x00\"}", `{"QueueUrl":"noise","MessageBody":"\u0000"}`,
		`{"QueueUrl":"noise","QueueUrl":"noise"}`, `null`, `[]`, `"x"`, `{`, `{}{}`, "\xef\xbb\xbf{}", `{"QueueUrl":null}`, `{"QueueUrl":["noise"]}`,
		`{"QueueUrl":"noise","MessageBody":"` + strings.Repeat("a", 1_100_000) + `"}`,
		`{"QueueUrl":"noise","Entries":[` + strings.Repeat(`{"Id":"a","MessageBody":"b","ReceiptHandle":"c"},`, 3_000) + `{}]}`,
		`{"QueueUrl":"noise","ReceiptHandle":"` + strings.Repeat("A", 100_000) + `"}`, `{"QueueUrl":"noise","ReceiptHandle":"%d"}`, `{"TaskHandle":"e30=","SourceArn":"arn:aws:sqs:::"}`,
		`{"QueueUrl":"noise","Attributes":{"Policy":"{\"Version\":\"2012-10-17\",\"Statement\":[` + strings.Repeat(`{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"sqs:*\",\"Resource\":\"`+strings.Repeat("*a", 40)+`\"},`, 800) + `{}]}"}}`,
		`{"QueueUrl":"noise","Attributes":{"Policy":"` + strings.Repeat(`[`, 60_000) + `","RedrivePolicy":"` + strings.Repeat(`{\"a\":`, 10_000) + `"}}`,
		`{"QueueUrl":"` + strings.Repeat("/", 60_000) + `"}`, `{"QueueNamePrefix":"` + strings.Repeat("é", 30_000) + `","MaxResults":1,"NextToken":"` + strings.Repeat("A", 5_000) + `"}`,
	}
})

var hostileActions = []string{"SendMessage", "SendMessageBatch", "ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility", "CreateQueue", "SetQueueAttributes", "ListQueues", "StartMessageMoveTask", "CancelMessageMoveTask", "Nope"}

// hostile makes requests.
type hostile struct {
	random *rand.Rand
	bodies []string
}

// bomb is 40 MiB of nothing, compressed.
var bomb = sync.OnceValue(func() string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	for range 40 {
		_, _ = w.Write(make([]byte, 1<<20))
	}
	_ = w.Close()
	return b.String()
})

func newHostile(seed uint64) *hostile {
	return &hostile{random: rand.New(rand.NewPCG(hostileSeed, seed)), bodies: jsonBodies()}
}

func (h *hostile) one(list []string) string { return list[h.random.IntN(len(list))] }

// request returns the bytes to send, and a name for what they are.
func (h *hostile) request() (text, name string) {
	switch h.random.IntN(8) {
	case 0:
		i := h.random.IntN(len(framings))
		return framings[i] + smuggled, fmt.Sprintf("framing %d", i)
	case 1:
		return h.one([]string{"GET", "POST", "DELETE", "OPTIONS", "GE T", "get", strings.Repeat("G", 9_000)}) + " " + h.one(paths) + " HTTP/1.1\r\nHost: a\r\n\r\n", "path"
	case 2:
		return "GET / HTTP/1.1\r\nHost: a\r\n" + h.one([]string{
			strings.Repeat("A: b\r\n", 5_000), "A: " + strings.Repeat("b", 300_000) + "\r\n", strings.Repeat("A", 300_000), "A: b\r\n" + strings.Repeat(" c\r\n", 5_000),
			"Authorization: " + strings.Repeat("AWS4-HMAC-SHA256 ", 3_000) + "\r\n", "Authorization: AWS4-HMAC-SHA256 Credential=" + strings.Repeat("/", 30_000) + "\r\n",
			"Authorization: AWS4-HMAC-SHA256 Credential=a/20250101/us-east-1/sqs/aws4_request, SignedHeaders=" + strings.Repeat("host;", 9_000) + ", Signature=0\r\n",
			"X-Amz-Security-Token: " + strings.Repeat("A", 50_000) + "\r\n", "X-Forwarded-For: " + strings.Repeat("1.1.1.1,", 6_000) + "\r\n",
		}) + "\r\n", "header"
	case 3:
		return h.post("SendMessage", bomb(), "Content-Encoding: gzip\r\n"), "bomb"
	case 4:
		form := h.one([]string{
			"Action=SendMessage&QueueUrl=noise&" + strings.Repeat("a=b&", 50_000), "Action=SetQueueAttributes&QueueUrl=noise&Attribute.99999999999999999999.Name=a",
			"Action=SendMessageBatch&QueueUrl=noise&SendMessageBatchRequestEntry.2147483647.Id=a", "Action=SendMessage&QueueUrl=noise&MessageAttribute.1.Value.StringListValue.4000000000=a",
			"Action=CreateQueue&QueueName=noise&" + strings.Repeat("Tag.1.Key=a&Tag.1.Value=b&", 10_000), "Action=" + strings.Repeat("A", 100_000), "Action=ReceiveMessage&QueueUrl=noise&" + strings.Repeat("AttributeName.1=a.", 20_000),
		})
		return fmt.Sprintf("POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s", len(form), form), "form"
	case 5:
		whole := h.post(h.one(hostileActions), `{"QueueUrl":"noise","QueueName":"noise","MessageBody":"x","ReceiptHandle":"x"}`, "")
		return whole[:h.random.IntN(len(whole))], "cut off"
	case 6:
		damaged := []byte(h.post(h.one([]string{"SendMessage", "ReceiveMessage", "ListQueues"}), `{"QueueUrl":"noise","MessageBody":"x"}`, ""))
		for range 1 + h.random.IntN(6) {
			damaged[h.random.IntN(len(damaged))] = byte(h.random.Uint32())
		}
		return string(damaged), "damaged"
	default:
		body := strings.ReplaceAll(h.one(h.bodies), "%d", fmt.Sprint(h.random.Uint64()))
		return h.post(h.one(hostileActions), body, ""), "JSON"
	}
}

func (h *hostile) post(action, body, header string) string {
	return fmt.Sprintf("POST / HTTP/1.1\r\nHost: a\r\nX-Amz-Target: AmazonSQS.%s\r\nContent-Type: application/x-amz-json-1.0\r\n%sContent-Length: %d\r\n\r\n%s", action, header, len(body), body)
}

// strike sends bytes and reads until the server has closed the connection, which it does because no more comes.
func strike(address, text string) (answer string, err error) {
	c, err := net.Dial("tcp", address)
	if err != nil {
		return "", err
	}
	var writer sync.WaitGroup
	defer writer.Wait()
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(2 * time.Minute)); err != nil { // only a server that hangs meets it
		return "", err
	}
	writer.Go(func() {
		_, _ = io.WriteString(c, text) // the server may hang up before the end
		_ = c.(*net.TCPConn).CloseWrite()
	})
	data, err := io.ReadAll(c)
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return string(data), errors.New("the server neither answers nor closes")
	}
	return string(data), nil // a reset connection is closed, too
}

// peak is the most of what was seen.
type peak struct {
	mu         sync.Mutex
	goroutines int
	heap       uint64
}

func (p *peak) look() {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.goroutines, p.heap = max(p.goroutines, runtime.NumGoroutine()), max(p.heap, m.HeapAlloc)
}

// What the hardened set-up lets each account do in a second, and the bytes of a file of its audit log.
const hostileRate, hostileAuditBytes = 100, 1 << 20

// hardenedSources are the settings of a server with everything on: policies, an audit log of everything, which is nearly full, and rates. The
// credentials file has a user of another account who may do nothing.
func hardenedSources(t *testing.T, audited string) config.Sources {
	t.Helper()
	file := filepath.Join(t.TempDir(), "credentials")
	text := "[weak]\naws_access_key_id = AKIAWEAK\naws_secret_access_key = " + secret + "\naccount = 111122223333\nuser = " + strings.Repeat("w", 64) + "\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	line := `{"action":"` + strings.Repeat("x", 500) + "\"}\n"
	if err := os.WriteFile(audited, []byte(strings.Repeat(line, (hostileAuditBytes-50<<10)/len(line))), 0o600); err != nil {
		t.Fatal(err)
	}
	return config.Sources{Flags: map[string]string{
		"auth": "enforce", "credentials-file": file, "audit-log": audited, "audit-messages": "true", "audit-log-bytes": strconv.Itoa(hostileAuditBytes),
		"audit-log-files": "1", "rate-account": strconv.Itoa(hostileRate), "rate-queue": "1000", "fifo-quota": "aws",
	}}
}

// flood sends signed requests that are not allowed, until each attacker has sent its share and was throttled.
func flood(t *testing.T, endpoint string, transport *http.Transport) {
	client := sqs.New(sqs.Options{Region: "us-east-1", BaseEndpoint: &endpoint, HTTPClient: &http.Client{Transport: transport}, RetryMaxAttempts: 1, Credentials: credentials.NewStaticCredentialsProvider("AKIAWEAK", secret, "")})
	url := endpoint + "/000000000000/" + strings.Repeat("q", 80)
	for sent, wasThrottled := 0, false; sent < attacksEach() || !wasThrottled; sent++ {
		_, err := client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &url, MessageBody: aws.String("x")})
		switch {
		case refused(err, "RequestThrottled", ""):
			wasThrottled = true
		case !refused(err, "AccessDenied", ""):
			t.Errorf("a request that is not allowed: %v", err)
			return
		}
	}
}

// checkAudit looks whether an audit log has kept to its limits, and was begun anew.
func checkAudit(t *testing.T, path string) {
	t.Helper()
	files, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(files) != 2 {
		t.Errorf("%d files, %v, want the file and one that was renamed", len(files), err)
	}
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(filepath.Dir(path), f.Name()))
		if err != nil || len(text) > hostileAuditBytes {
			t.Errorf("%s has %d bytes, %v", f.Name(), len(text), err)
		}
		for line := range bytes.Lines(text) {
			if !json.Valid(line) {
				t.Errorf("%s has the line %q", f.Name(), line)
			}
		}
	}
}

// TestHostileClients fires malformed and adversarial requests at a server while honest clients use it. Every request is answered or its
// connection closed, the server stays within its memory and its audit log, nothing that is smuggled is carried out, and no message is lost.
func TestHostileClients(t *testing.T) {
	for _, auth := range []string{"off", "verify", "enforce"} {
		t.Run("auth "+auth, func(t *testing.T) {
			defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
			sources, audited := config.Sources{Flags: map[string]string{"auth": auth}}, filepath.Join(t.TempDir(), "audit.jsonl")
			hardened, attacks := auth == "enforce", attacksEach()
			if hardened {
				sources, attacks = hardenedSources(t, audited), (attacks+2)/3 // and as many again that are signed
			}
			maps.Copy(sources.Flags, map[string]string{"journal": "memory", "shards": "2", "max-body-bytes": "1MiB"})
			if auth != "off" {
				sources.Environ = []string{"STAUNCH_ROOT_ACCESS_KEY_ID=AKIAROOT", "STAUNCH_ROOT_SECRET_ACCESS_KEY=" + secret}
			}
			n, err := startNodeWith(t, sources)
			if err != nil {
				t.Fatal(err)
			}
			transport := &http.Transport{MaxIdleConnsPerHost: attackers + 1}
			// An honest client that is throttled waits and comes again.
			patient := retry.NewStandard(func(o *retry.StandardOptions) {
				o.MaxAttempts, o.RateLimiter = 1000, ratelimit.None
				o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return time.Second / hostileRate, nil })
			})
			client := sqs.New(sqs.Options{Region: "us-east-1", BaseEndpoint: aws.String(n.endpoint), HTTPClient: &http.Client{Transport: transport}, Retryer: patient, Credentials: credentials.NewStaticCredentialsProvider("AKIAROOT", secret, "")})
			for _, name := range []string{"kept", "noise", "other"} {
				// What is received stays in flight for as long as the test may take.
				attributes := map[string]string{"VisibilityTimeout": "43200"}
				if _, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes}); err != nil {
					t.Fatal(err)
				}
			}
			var most peak
			var group sync.WaitGroup
			for i := range uint64(attackers) {
				group.Go(func() {
					attack(t, strings.TrimPrefix(n.endpoint, "http://"), newHostile(i), attacks, &most)
					if hardened {
						flood(t, n.endpoint, transport)
						most.look()
					}
				})
			}
			var want []string
			for i := range honestMessages {
				body := fmt.Sprintf("message %03d", i)
				if _, err := client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: aws.String("kept"), MessageBody: &body}); err != nil {
					t.Errorf("an honest client: %v", err)
					continue
				}
				want = append(want, body)
			}
			group.Wait()
			forgeHandles(t, client)
			if got := drainQueue(t, client, "kept"); !slices.Equal(got, want) {
				t.Errorf("%d of %d messages are there", len(got), len(want))
			}
			if _, err := client.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("smuggled")}); err == nil {
				t.Error("a smuggled request was carried out")
			}
			t.Logf("at most %d goroutines, %d MiB of heap", most.goroutines, most.heap>>20)
			if most.goroutines > hostileGoroutinesMax || most.heap > hostileHeapMax {
				t.Error("that is too much")
			}
			transport.CloseIdleConnections()
			if err := n.close(); err != nil {
				t.Error(err)
			}
			if hardened {
				checkAudit(t, audited)
			}
			if text := n.log.String(); strings.Contains(text, "panic") || strings.Contains(text, "level=ERROR") {
				t.Errorf("the log: %s", text)
			}
		})
	}
}

func attack(t *testing.T, address string, h *hostile, attacks int, most *peak) {
	for i := range attacks {
		text, name := h.request()
		answer, err := strike(address, text)
		if err != nil {
			t.Errorf("%s: %v\n%.300q", name, err, text)
		}
		if strings.HasPrefix(name, "framing") && strings.Count(answer, "HTTP/1.1 ") > 1 && !strings.HasPrefix(answer, "HTTP/1.1 100") {
			t.Errorf("%s: what follows was answered: %q", name, answer)
		}
		if strings.Contains(answer, "HTTP/1.1 500 ") {
			t.Errorf("%s: the server failed: %.300q\n%s", name, text, answer)
		}
		if i%20 == 0 {
			most.look()
		}
	}
}

// forgeHandles tries to delete messages with receipt handles that are not theirs.
func forgeHandles(t *testing.T, client *sqs.Client) {
	t.Helper()
	out, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: aws.String("kept"), MaxNumberOfMessages: 10})
	if err != nil || len(out.Messages) == 0 {
		t.Fatal(err)
	}
	remove := func(queue, handle string) error {
		_, err := client.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: &queue, ReceiptHandle: &handle})
		return err
	}
	random := rand.New(rand.NewPCG(hostileSeed, 0))
	for _, m := range out.Messages {
		handle := *m.ReceiptHandle
		if remove("other", handle) == nil {
			t.Error("another queue takes the handle")
		}
		for range 20 {
			i := random.IntN(len(handle))
			forged := handle[:i] + string("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef0123456789+/"[random.IntN(44)]) + handle[i+1:]
			if forged != handle && remove("kept", forged) == nil {
				t.Errorf("a handle with a changed character (%d of %d) is taken", i, len(handle))
			}
		}
		if _, err := client.ChangeMessageVisibility(t.Context(), &sqs.ChangeMessageVisibilityInput{QueueUrl: aws.String("kept"), ReceiptHandle: &handle}); err != nil {
			t.Error(err)
		}
	}
}

// drainQueue returns all bodies in order.
func drainQueue(t *testing.T, client *sqs.Client, queue string) (bodies []string) {
	t.Helper()
	for {
		out, err := client.ReceiveMessage(context.WithoutCancel(t.Context()), &sqs.ReceiveMessageInput{QueueUrl: &queue, MaxNumberOfMessages: 10})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Messages) == 0 {
			slices.Sort(bodies)
			return bodies
		}
		for _, m := range out.Messages {
			bodies = append(bodies, *m.Body)
		}
	}
}

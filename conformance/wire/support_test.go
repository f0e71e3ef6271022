package wire

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

const (
	jsonType = "application/x-amz-json-1.0"
	formType = "application/x-www-form-urlencoded; charset=utf-8"
)

var (
	endpoint    = strings.TrimSuffix(environment("SQS_ENDPOINT", "http://127.0.0.1:9324"), "/")
	region      = environment("AWS_REGION", "us-east-1")
	credentials = aws.Credentials{
		AccessKeyID:     environment("AWS_ACCESS_KEY_ID", "test"),
		SecretAccessKey: environment("AWS_SECRET_ACCESS_KEY", "test"),
	}
	uuid = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
)

func environment(name, fallback string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return fallback
}

// answer is an HTTP answer, read to its end.
type answer struct {
	status int
	header http.Header
	body   string
}

// request makes an unsigned request. A path that starts with "http" is a whole URL.
func request(t *testing.T, method, path, body string, header ...string) *http.Request {
	t.Helper()
	if !strings.HasPrefix(path, "http") {
		path = endpoint + path
	}
	r, err := http.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

// do signs and sends a request.
func do(t *testing.T, r *http.Request) answer {
	t.Helper()
	sign(t, r, credentials, "sqs", region, time.Now())
	return send(t, r)
}

// sign puts a signature into the header of a request.
func sign(t *testing.T, r *http.Request, credentials aws.Credentials, service, region string, at time.Time) {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	hash := sha256.Sum256(body)
	err = v4.NewSigner().SignHTTP(r.Context(), credentials, r, hex.EncodeToString(hash[:]), service, region, at)
	if err != nil {
		t.Fatal(err)
	}
}

// send sends a request as it is.
func send(t *testing.T, r *http.Request) answer {
	t.Helper()
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header, string(body)}
}

// viaJSON calls an action in the JSON protocol.
func viaJSON(t *testing.T, action, body string, header ...string) answer {
	t.Helper()
	header = append([]string{"Content-Type", jsonType, "X-Amz-Target", "AmazonSQS." + action}, header...)
	return do(t, request(t, "POST", "/", body, header...))
}

// viaQuery calls an action in the Query protocol. The form is "Name=value&..." with values escaped.
func viaQuery(t *testing.T, action, form string, header ...string) answer {
	t.Helper()
	return viaQueryAt(t, "/", action, form, header...)
}

func viaQueryAt(t *testing.T, path, action, form string, header ...string) answer {
	t.Helper()
	header = append([]string{"Content-Type", formType}, header...)
	return do(t, request(t, "POST", path, "Action="+action+"&Version=2012-11-05&"+form, header...))
}

// newQueue creates a queue that is deleted after the test, and returns its URL. Attributes are a JSON object.
func newQueue(t *testing.T, purpose, attributes string) string {
	t.Helper()
	name := "wire-" + purpose + "-" + strings.ToLower(rand.Text()[:12])
	if attributes == "" {
		attributes = "{}"
	}
	if strings.Contains(attributes, "FifoQueue") {
		name += ".fifo"
	}
	made := viaJSON(t, "CreateQueue", `{"QueueName":"`+name+`","Attributes":`+attributes+`}`)
	var out struct{ QueueUrl string }
	if err := json.Unmarshal([]byte(made.body), &out); err != nil || made.status != 200 || out.QueueUrl == "" {
		t.Fatalf("CreateQueue %s: %+v", name, made)
	}
	t.Cleanup(func() { deleteQueue(t, out.QueueUrl) })
	return out.QueueUrl
}

// deleteQueue deletes a queue after its test, whose own context has ended.
func deleteQueue(t *testing.T, queue string) {
	r := request(t, "POST", "/", `{"QueueUrl":"`+queue+`"}`, "Content-Type", jsonType, "X-Amz-Target", "AmazonSQS.DeleteQueue")
	do(t, r.WithContext(context.Background()))
}

func nameOf(queue string) string {
	return queue[strings.LastIndex(queue, "/")+1:]
}

func pathOf(t *testing.T, queue string) string {
	t.Helper()
	u, err := url.Parse(queue)
	if err != nil {
		t.Fatal(err)
	}
	return u.Path
}

// fill puts a queue's URL, name and ARN into a request or an expected answer.
func fill(text, queue string) string {
	parts := strings.Split(queue, "/")
	name, account := parts[len(parts)-1], parts[len(parts)-2]
	return strings.NewReplacer("{queue}", queue, "{queue:form}", url.QueryEscape(queue), "{name}", name,
		"{arn}", "arn:aws:sqs:"+region+":"+account+":"+name).Replace(text)
}

// sendOne puts a message into a queue; receiveOne takes one and returns its receipt handle.
func sendOne(t *testing.T, queue, body string) {
	t.Helper()
	quoted, _ := json.Marshal(body)
	if got := viaJSON(t, "SendMessage", `{"QueueUrl":"`+queue+`","MessageBody":`+string(quoted)+`}`); got.status != 200 {
		t.Fatalf("SendMessage: %+v", got)
	}
}

func receiveOne(t *testing.T, queue string) (handle, body string) {
	t.Helper()
	got := viaJSON(t, "ReceiveMessage", `{"QueueUrl":"`+queue+`","WaitTimeSeconds":5}`)
	var out struct {
		Messages []struct{ ReceiptHandle, Body string }
	}
	if err := json.Unmarshal([]byte(got.body), &out); err != nil || len(out.Messages) != 1 {
		t.Fatalf("ReceiveMessage: %+v", got)
	}
	return out.Messages[0].ReceiptHandle, out.Messages[0].Body
}

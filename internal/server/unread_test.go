package server_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/staunchmq/staunch/internal/config"
)

// TestClientsThatDoNotReadTheirMessages lets clients ask for ten large messages each, and read no more than the head of the answer. When
// answer-buffer-bytes are in use, the next get fewer messages or are throttled; and when they have gone, every message is still there.
func TestClientsThatDoNotReadTheirMessages(t *testing.T) {
	const limit, clients, messages = 128 << 20, 25, 10
	n, err := startNodeWith(t, config.Sources{Flags: map[string]string{"journal": "memory", "shards": "1", "answer-buffer-bytes": "128MiB", "answer-timeout": "5m"}})
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	client := sqs.New(sqs.Options{Region: "us-east-1", BaseEndpoint: aws.String(n.endpoint), HTTPClient: &http.Client{Transport: transport}, RetryMaxAttempts: 20, Credentials: credentials.NewStaticCredentialsProvider("a", "b", "")})
	if _, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("large")}); err != nil {
		t.Fatal(err)
	}
	for range messages {
		if _, err := client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: aws.String("large"), MessageBody: aws.String(strings.Repeat("a", 1<<20))}); err != nil {
			t.Fatal(err)
		}
	}
	var unread []net.Conn
	var held int64
	throttled := 0
	for range clients {
		c, err := net.Dial("tcp", strings.TrimPrefix(n.endpoint, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := c.(*net.TCPConn).SetReadBuffer(4 << 10); err != nil {
			t.Fatal(err)
		}
		in := `{"QueueUrl":"large","MaxNumberOfMessages":10,"VisibilityTimeout":0}`
		if _, err := fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: a\r\nX-Amz-Target: AmazonSQS.ReceiveMessage\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: %d\r\n\r\n%s", len(in), in); err != nil {
			t.Fatal(err)
		}
		switch answer, err := http.ReadResponse(bufio.NewReader(c), nil); {
		case err != nil:
			t.Fatal(err)
		case answer.StatusCode == http.StatusOK:
			unread, held = append(unread, c), held+answer.ContentLength
		case answer.Header.Get("X-Amzn-Query-Error") == "RequestThrottled;Sender":
			throttled++
		default:
			t.Errorf("%d", answer.StatusCode)
		}
	}
	// The kernel holds a few MiB of each, so that small answers go on: all of them in full would be 250 MiB.
	if all := int64(clients * messages << 20); held < limit/2 || held > all*3/4 {
		t.Errorf("%d answers of %d bytes together are unread, %d clients were throttled", len(unread), held, throttled)
	}
	for _, c := range unread {
		_ = c.Close()
	}
	// The server may not have noticed yet that the last has gone; the SDK asks again.
	seen := 0
	for seen < messages {
		out, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: aws.String("large"), MaxNumberOfMessages: 10})
		if err != nil || len(out.Messages) == 0 {
			t.Fatalf("%d messages are there, then %v", seen, err)
		}
		seen += len(out.Messages)
	}
	transport.CloseIdleConnections()
	if err := n.close(); err != nil {
		t.Error(err)
	}
}

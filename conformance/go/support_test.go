package gosdk

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

const (
	notFound = "AWS.SimpleQueueService.NonExistentQueue"

	// prompt bounds the time from the event that ends a long poll to its answer. It is far below the waits asked for, and far
	// above what a slow machine needs.
	prompt = 10 * time.Second

	// patience is how long something may take that is not asked for by one request.
	patience = 2 * time.Minute
)

// client never retries, since a retry would hide a fault. It checks the digests of bodies, as the SDK does by default.
var client = sqs.New(options)

var options = sqs.Options{
	BaseEndpoint: aws.String(environment("SQS_ENDPOINT", "http://127.0.0.1:9324")),
	Region:       environment("AWS_REGION", "us-east-1"),
	Credentials: credentials.NewStaticCredentialsProvider(
		environment("AWS_ACCESS_KEY_ID", "test"), environment("AWS_SECRET_ACCESS_KEY", "test"), ""),
	Retryer:    aws.NopRetryer{},
	HTTPClient: &http.Client{Timeout: 30 * time.Second},
}

func environment(name, fallback string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return fallback
}

func uniqueName(purpose string) string {
	return "go-" + purpose + "-" + strings.ToLower(rand.Text()[:12])
}

// queue is a queue by its URL. Its methods end the test when a call fails.
type queue struct {
	t    *testing.T
	name string
	url  *string
}

// newQueue creates a queue that is deleted after the test. Attributes come as name, value, name, value...
func newQueue(t *testing.T, purpose string, attributes ...string) queue {
	t.Helper()
	name := uniqueName(purpose)
	values := pairs(attributes)
	if values["FifoQueue"] == "true" {
		name += ".fifo"
	}
	made, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &name, Attributes: values})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, err := client.DeleteQueue(context.Background(), &sqs.DeleteQueueInput{QueueUrl: made.QueueUrl})
		if err != nil && errorCode(err) != notFound {
			t.Error(err)
		}
	})
	return queue{t, name, made.QueueUrl}
}

func pairs(list []string) map[string]string {
	values := map[string]string{}
	for i := 0; i < len(list); i += 2 {
		values[list[i]] = list[i+1]
	}
	return values
}

func (q queue) attributes(names ...types.QueueAttributeName) map[string]string {
	q.t.Helper()
	if len(names) == 0 {
		names = []types.QueueAttributeName{types.QueueAttributeNameAll}
	}
	got, err := client.GetQueueAttributes(q.t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: q.url, AttributeNames: names})
	if err != nil {
		q.t.Fatal(err)
	}
	return got.Attributes
}

func (q queue) arn() string {
	q.t.Helper()
	return q.attributes(types.QueueAttributeNameQueueArn)["QueueArn"]
}

func (q queue) set(attributes ...string) error {
	_, err := client.SetQueueAttributes(q.t.Context(), &sqs.SetQueueAttributesInput{QueueUrl: q.url, Attributes: pairs(attributes)})
	return err
}

func (q queue) send(body string) *sqs.SendMessageOutput {
	q.t.Helper()
	return q.sendInput(&sqs.SendMessageInput{MessageBody: &body})
}

// sendFIFO sends with the body as deduplication ID.
func (q queue) sendFIFO(group, body string) *sqs.SendMessageOutput {
	q.t.Helper()
	return q.sendInput(&sqs.SendMessageInput{MessageBody: &body, MessageGroupId: &group, MessageDeduplicationId: &body})
}

func (q queue) sendInput(in *sqs.SendMessageInput) *sqs.SendMessageOutput {
	q.t.Helper()
	in.QueueUrl = q.url
	out, err := client.SendMessage(q.t.Context(), in)
	if err != nil {
		q.t.Fatal(err)
	}
	return out
}

// receive returns what is there at once, up to ten messages, with all attributes.
func (q queue) receive() []types.Message {
	q.t.Helper()
	return q.receiveInput(&sqs.ReceiveMessageInput{MaxNumberOfMessages: 10})
}

// receiveOne waits for one message.
func (q queue) receiveOne() types.Message {
	q.t.Helper()
	messages := q.receiveInput(&sqs.ReceiveMessageInput{WaitTimeSeconds: 20})
	if len(messages) != 1 {
		q.t.Fatalf("%d messages in %s, want 1", len(messages), q.name)
	}
	return messages[0]
}

func (q queue) receiveInput(in *sqs.ReceiveMessageInput) []types.Message {
	q.t.Helper()
	in.QueueUrl = q.url
	in.MessageSystemAttributeNames = []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll}
	if in.MessageAttributeNames == nil {
		in.MessageAttributeNames = []string{"All"}
	}
	out, err := client.ReceiveMessage(q.t.Context(), in)
	if err != nil {
		q.t.Fatal(err)
	}
	return out.Messages
}

func (q queue) delete(handle *string) error {
	_, err := client.DeleteMessage(q.t.Context(), &sqs.DeleteMessageInput{QueueUrl: q.url, ReceiptHandle: handle})
	return err
}

func (q queue) changeVisibility(handle *string, seconds int32) error {
	_, err := client.ChangeMessageVisibility(q.t.Context(), &sqs.ChangeMessageVisibilityInput{
		QueueUrl: q.url, ReceiptHandle: handle, VisibilityTimeout: seconds,
	})
	return err
}

func bodies(messages []types.Message) []string {
	list := []string{}
	for _, message := range messages {
		list = append(list, aws.ToString(message.Body))
	}
	return list
}

func succeed(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// refuse checks an error's code and HTTP status, and its message unless that is "".
func refuse(t *testing.T, err error, code string, status int, message string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) {
		t.Errorf("got %v, want %s", err, code)
		return
	}
	if api.ErrorCode() != code {
		t.Errorf("code %q (%s), want %q", api.ErrorCode(), api.ErrorMessage(), code)
	}
	if message != "" && api.ErrorMessage() != message {
		t.Errorf("message %q, want %q", api.ErrorMessage(), message)
	}
	var response *smithyhttp.ResponseError
	if errors.As(err, &response) && response.HTTPStatusCode() != status {
		t.Errorf("%s has status %d, want %d", code, response.HTTPStatusCode(), status)
	}
}

// refuseAs is refuse for an error that the SDK has a type for.
func refuseAs[E error](t *testing.T, err error, code string, status int, message string) {
	t.Helper()
	refuse(t, err, code, status, message)
	var want E
	if !errors.As(err, &want) {
		t.Errorf("%v is no %T", err, want)
	}
}

func errorCode(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// wake starts a long poll of 20 s, calls event once it waits, and returns what it got, which must come promptly.
func wake(q queue, event func()) []types.Message {
	q.t.Helper()
	type answer struct {
		out *sqs.ReceiveMessageOutput
		err error
	}
	answers := make(chan answer, 1)
	go func() {
		out, err := client.ReceiveMessage(q.t.Context(), &sqs.ReceiveMessageInput{
			QueueUrl: q.url, MaxNumberOfMessages: 10, WaitTimeSeconds: 20,
		})
		answers <- answer{out, err}
	}()
	select {
	case early := <-answers:
		q.t.Fatalf("the receive did not wait: %v", early)
	case <-time.After(300 * time.Millisecond): // the receive has reached the server
	}
	event()
	select {
	case got := <-answers:
		if got.err != nil {
			q.t.Fatal(got.err)
		}
		return got.out.Messages
	case <-time.After(prompt):
		q.t.Fatalf("no answer within %v", prompt)
	}
	return nil
}

package gosdk

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

const mebibyte = 1 << 20

func text(value string) types.MessageAttributeValue {
	return types.MessageAttributeValue{DataType: aws.String("String"), StringValue: &value}
}

func TestLifeOfAMessage(t *testing.T) {
	t.Parallel()
	q := newQueue(t, "life")
	sent := q.send("message")
	if aws.ToString(sent.MD5OfMessageBody) != "78e731027d8fd50ed642340b7c9a63b3" || sent.MD5OfMessageAttributes != nil || sent.SequenceNumber != nil {
		t.Errorf("sent %+v", sent)
	}
	message := q.receiveOne()
	if aws.ToString(message.Body) != "message" || aws.ToString(message.MessageId) != aws.ToString(sent.MessageId) || aws.ToString(message.MD5OfBody) != aws.ToString(sent.MD5OfMessageBody) {
		t.Errorf("received %+v", message)
	}
	if message.MessageAttributes != nil || message.MD5OfMessageAttributes != nil {
		t.Errorf("attributes that nobody sent: %v", message.MessageAttributes)
	}
	if got := q.receive(); len(got) != 0 {
		t.Errorf("received %v while in flight", bodies(got))
	}
	succeed(t, q.delete(message.ReceiptHandle))
	succeed(t, q.delete(message.ReceiptHandle)) // again: no effect
	if got := q.attributes("ApproximateNumberOfMessagesNotVisible")["ApproximateNumberOfMessagesNotVisible"]; got != "0" {
		t.Errorf("%s in flight after the delete", got)
	}
}

func TestBodiesComeBackAsSent(t *testing.T) {
	t.Parallel()
	q := newQueue(t, "bodies")
	for _, body := range []string{
		"Grüße, 世界, 🦆", `<a href="x">&amp; 'y' ]]></a>`, "line\r\nnext\rlone\n\ttab", "  spaces stay  ", " ",
		"a+b %2B c&d=e;f", `{"json": "\u0041\\"}`, "\ud7ff\ue000\ufffd\U00010000\U0010ffff",
	} {
		q.sendInput(&sqs.SendMessageInput{MessageBody: &body, MessageAttributes: map[string]types.MessageAttributeValue{"same": text(body)}})
		message := q.receiveOne()
		if aws.ToString(message.Body) != body || aws.ToString(message.MessageAttributes["same"].StringValue) != body {
			t.Errorf("sent %q, received %q with attribute %q", body, aws.ToString(message.Body), aws.ToString(message.MessageAttributes["same"].StringValue))
		}
		succeed(t, q.delete(message.ReceiptHandle))
	}
}

func TestMessageAttributes(t *testing.T) {
	t.Parallel()
	q := newQueue(t, "attributes")
	sent := q.sendInput(&sqs.SendMessageInput{
		MessageBody: aws.String("m"),
		MessageAttributes: map[string]types.MessageAttributeValue{
			"color": text("blue"),
			"count": {DataType: aws.String("Number"), StringValue: aws.String("3")},
			"blob":  {DataType: aws.String("Binary"), BinaryValue: []byte{1, 2, 3}},
		},
	})
	const digest = "d838729972a4b70e2d2acd9d59ac847c" // recorded from AWS
	if aws.ToString(sent.MD5OfMessageAttributes) != digest {
		t.Errorf("digest %s, want %s", aws.ToString(sent.MD5OfMessageAttributes), digest)
	}
	message := q.receiveOne()
	got := message.MessageAttributes
	if len(got) != 3 || aws.ToString(got["color"].StringValue) != "blue" || aws.ToString(got["count"].StringValue) != "3" ||
		aws.ToString(got["count"].DataType) != "Number" || !bytes.Equal(got["blob"].BinaryValue, []byte{1, 2, 3}) {
		t.Errorf("attributes %v", got)
	}
	if aws.ToString(message.MD5OfMessageAttributes) != digest {
		t.Errorf("digest %s, want %s", aws.ToString(message.MD5OfMessageAttributes), digest)
	}
}

func TestReceiveReturnsTheAttributesAskedFor(t *testing.T) {
	t.Parallel()
	cases := []struct {
		ask, want []string
		digest    string
	}{
		{[]string{".*"}, []string{"General", "Hello", "Help.Me"}, "4c360f3fdafd970e05fae2f149d997f5"},
		{[]string{"Hel.*"}, []string{"Hello", "Help.Me"}, "83fee93c1bcd8b9a5a923ffacdc636c7"},
		{[]string{"Hello", "General", "None"}, []string{"General", "Hello"}, "fca026605781cb4126a1e9044df24232"},
		{[]string{"hello"}, nil, ""},
	}
	q := newQueue(t, "filter", "VisibilityTimeout", "0")
	q.sendInput(&sqs.SendMessageInput{MessageBody: aws.String("m"), MessageAttributes: map[string]types.MessageAttributeValue{
		"Help.Me": text("Me"), "Hello": text("There"), "General": text("Kenobi"),
	}})
	for _, c := range cases {
		messages := q.receiveInput(&sqs.ReceiveMessageInput{MessageAttributeNames: c.ask})
		if len(messages) != 1 {
			t.Fatalf("%d messages, want 1", len(messages))
		}
		got := slices.Sorted(maps.Keys(messages[0].MessageAttributes))
		if !slices.Equal(got, c.want) || aws.ToString(messages[0].MD5OfMessageAttributes) != c.digest {
			t.Errorf("asked for %v: got %v, %s", c.ask, got, aws.ToString(messages[0].MD5OfMessageAttributes))
		}
	}
}

func TestSystemAttributes(t *testing.T) {
	t.Parallel()
	const trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
	q := newQueue(t, "system")
	sent := q.sendInput(&sqs.SendMessageInput{
		MessageBody: aws.String("m"), MessageGroupId: aws.String("tenant"),
		MessageSystemAttributes: map[string]types.MessageSystemAttributeValue{
			"AWSTraceHeader": {DataType: aws.String("String"), StringValue: aws.String(trace)},
		},
	})
	if got := aws.ToString(sent.MD5OfMessageSystemAttributes); got != "5ae4d5d7636402d80f4eb6d213245a88" {
		t.Errorf("digest of system attributes %s", got)
	}
	got := q.receiveOne().Attributes
	want := []string{
		"AWSTraceHeader", "ApproximateFirstReceiveTimestamp", "ApproximateReceiveCount", "MessageGroupId", "SenderId", "SentTimestamp",
	}
	if names := slices.Sorted(maps.Keys(got)); !slices.Equal(names, want) {
		t.Errorf("system attributes %v, want %v", names, want)
	}
	if got["AWSTraceHeader"] != trace || got["MessageGroupId"] != "tenant" || got["ApproximateReceiveCount"] != "1" || len(got["SentTimestamp"]) != 13 {
		t.Errorf("system attributes %v", got)
	}
}

func TestSizeLimits(t *testing.T) {
	t.Parallel()
	cases := []struct {
		queue queue
		max   int
	}{
		{newQueue(t, "small", "MaximumMessageSize", "1024"), 1024},
		{newQueue(t, "large"), mebibyte},
	}
	for _, c := range cases {
		c.queue.send(strings.Repeat("x", c.max))
		_, err := client.SendMessage(t.Context(), &sqs.SendMessageInput{
			QueueUrl: c.queue.url, MessageBody: aws.String(strings.Repeat("x", c.max+1)),
		})
		refuse(t, err, "InvalidParameterValue", 400,
			fmt.Sprintf("One or more parameters are invalid. Reason: Message must be shorter than %d bytes.", c.max))
		if got := c.queue.receiveOne(); len(aws.ToString(got.Body)) != c.max {
			t.Errorf("%d bytes came back, want %d", len(aws.ToString(got.Body)), c.max)
		}
	}
}

func TestContentErrors(t *testing.T) {
	t.Parallel()
	q := newQueue(t, "content")
	_, err := client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: q.url, MessageBody: aws.String("a\x08")})
	refuseAs[*types.InvalidMessageContents](t, err, "InvalidMessageContents", 400, "")
	_, err = client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: q.url, MessageBody: aws.String("")})
	refuse(t, err, "MissingParameter", 400, "The request must contain the parameter MessageBody.")
	_, err = client.SendMessage(t.Context(), &sqs.SendMessageInput{
		QueueUrl: q.url, MessageBody: aws.String("m"),
		MessageAttributes: map[string]types.MessageAttributeValue{"a": text("")},
	})
	refuse(t, err, "InvalidParameterValue", 400, "Message (user) attribute 'a' must contain a non-empty value of type 'String'.")
	_, err = client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: q.url, MaxNumberOfMessages: 11})
	refuse(t, err, "InvalidParameterValue", 400,
		"Value 11 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.")
}

func TestBatchOfTenWithOneBadEntry(t *testing.T) {
	t.Parallel()
	q := newQueue(t, "batch", "MaximumMessageSize", "1024")
	var entries []types.SendMessageBatchRequestEntry
	for i := range 10 {
		entries = append(entries, types.SendMessageBatchRequestEntry{Id: aws.String(fmt.Sprint("id-", i)), MessageBody: aws.String(fmt.Sprint("m", i))})
	}
	entries[3].MessageBody = aws.String(strings.Repeat("x", 1025))
	sent, err := client.SendMessageBatch(t.Context(), &sqs.SendMessageBatchInput{QueueUrl: q.url, Entries: entries})
	succeed(t, err)
	if len(sent.Successful) != 9 || len(sent.Failed) != 1 {
		t.Fatalf("%d sent, %d failed, want 9 and 1", len(sent.Successful), len(sent.Failed))
	}
	failed := sent.Failed[0]
	const reason = "One or more parameters cannot be validated. Reason: Message must be shorter than 1024 bytes."
	if aws.ToString(failed.Id) != "id-3" || aws.ToString(failed.Code) != "InvalidParameterValue" || !failed.SenderFault || aws.ToString(failed.Message) != reason {
		t.Errorf("failed entry %s %s %v %q", aws.ToString(failed.Id), aws.ToString(failed.Code), failed.SenderFault, aws.ToString(failed.Message))
	}

	var received []types.Message
	for len(received) < 9 {
		messages := q.receiveInput(&sqs.ReceiveMessageInput{MaxNumberOfMessages: 10, WaitTimeSeconds: 2})
		if len(messages) == 0 {
			t.Fatalf("only %d of 9 came", len(received))
		}
		received = append(received, messages...)
	}
	changes := []types.ChangeMessageVisibilityBatchRequestEntry{
		{Id: aws.String("good"), ReceiptHandle: received[0].ReceiptHandle, VisibilityTimeout: 60},
		{Id: aws.String("handle"), ReceiptHandle: aws.String("garbage"), VisibilityTimeout: 60},
		{Id: aws.String("range"), ReceiptHandle: received[1].ReceiptHandle, VisibilityTimeout: 43201},
	}
	changed, err := client.ChangeMessageVisibilityBatch(t.Context(), &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: q.url, Entries: changes})
	succeed(t, err)
	if len(changed.Successful) != 1 || len(changed.Failed) != 2 || aws.ToString(changed.Failed[0].Code) != "ReceiptHandleIsInvalid" ||
		aws.ToString(changed.Failed[1].Code) != "InvalidParameterValue" {
		t.Errorf("changed %v, failed %v", changed.Successful, changed.Failed)
	}
	deletions := []types.DeleteMessageBatchRequestEntry{{Id: aws.String("bad"), ReceiptHandle: aws.String("garbage")}}
	for i, message := range received {
		deletions = append(deletions, types.DeleteMessageBatchRequestEntry{Id: aws.String(fmt.Sprint(i)), ReceiptHandle: message.ReceiptHandle})
	}
	deleted, err := client.DeleteMessageBatch(t.Context(), &sqs.DeleteMessageBatchInput{QueueUrl: q.url, Entries: deletions})
	succeed(t, err)
	if len(deleted.Successful) != 9 || len(deleted.Failed) != 1 || aws.ToString(deleted.Failed[0].Code) != "ReceiptHandleIsInvalid" {
		t.Errorf("deleted %d, failed %v", len(deleted.Successful), deleted.Failed)
	}
}

func TestBatchesAreRefusedWhole(t *testing.T) {
	t.Parallel()
	q := newQueue(t, "whole")
	send := func(body string, ids ...string) error {
		entries := []types.SendMessageBatchRequestEntry{}
		for _, id := range ids {
			entries = append(entries, types.SendMessageBatchRequestEntry{Id: aws.String(id), MessageBody: &body})
		}
		_, err := client.SendMessageBatch(t.Context(), &sqs.SendMessageBatchInput{QueueUrl: q.url, Entries: entries})
		return err
	}
	refuseAs[*types.EmptyBatchRequest](t, send("m"), "AWS.SimpleQueueService.EmptyBatchRequest", 400,
		"There should be at least one SendMessageBatchRequestEntry in the request.")
	refuseAs[*types.TooManyEntriesInBatchRequest](t, send("m", strings.Split("a b c d e f g h i j k", " ")...),
		"AWS.SimpleQueueService.TooManyEntriesInBatchRequest", 400, "Maximum number of entries per request are 10. You have sent 11.")
	refuseAs[*types.BatchEntryIdsNotDistinct](t, send("m", "a", "b", "b"), "AWS.SimpleQueueService.BatchEntryIdsNotDistinct", 400, "Id b repeated.")
	refuseAs[*types.InvalidBatchEntryId](t, send("m", "a b"), "AWS.SimpleQueueService.InvalidBatchEntryId", 400,
		"A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.")
	succeed(t, send(strings.Repeat("x", mebibyte/4), "a", "b", "c", "d"))
	refuseAs[*types.BatchRequestTooLong](t, send(strings.Repeat("x", mebibyte/4+1), "a", "b", "c", "d"),
		"AWS.SimpleQueueService.BatchRequestTooLong", 400, "Batch requests cannot be longer than 1048576 bytes. You have sent 1048580 bytes.")
}

func TestPurge(t *testing.T) {
	t.Parallel()
	q := newQueue(t, "purge")
	q.send("visible")
	q.sendInput(&sqs.SendMessageInput{MessageBody: aws.String("delayed"), DelaySeconds: 900})
	inFlight := q.receiveOne()
	_, err := client.PurgeQueue(t.Context(), &sqs.PurgeQueueInput{QueueUrl: q.url})
	succeed(t, err)
	for name, value := range q.attributes() {
		if strings.HasPrefix(name, "ApproximateNumberOf") && value != "0" {
			t.Errorf("%s = %s after a purge", name, value)
		}
	}
	succeed(t, q.delete(inFlight.ReceiptHandle))
	_, err = client.PurgeQueue(t.Context(), &sqs.PurgeQueueInput{QueueUrl: q.url})
	refuseAs[*types.PurgeQueueInProgress](t, err, "AWS.SimpleQueueService.PurgeQueueInProgress", 403,
		"Only one PurgeQueue operation on "+q.name+" is allowed every 60 seconds.")
}

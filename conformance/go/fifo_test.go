package gosdk

import (
	"fmt"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

func newFIFO(t *testing.T, purpose string, attributes ...string) queue {
	t.Helper()
	return newQueue(t, purpose, append(attributes, "FifoQueue", "true")...)
}

// expect checks the bodies that a receive of up to ten finds at once.
func (q queue) expect(want ...string) []types.Message {
	q.t.Helper()
	got := q.receive()
	if !slices.Equal(bodies(got), append([]string{}, want...)) {
		q.t.Errorf("received %v, want %v", bodies(got), want)
	}
	return got
}

func TestFIFOKeepsOrderAndNumbersMessages(t *testing.T) {
	t.Parallel()
	q := newFIFO(t, "order")
	var numbers []string
	for i := range 5 {
		numbers = append(numbers, aws.ToString(q.sendFIFO("g", fmt.Sprint("m", i)).SequenceNumber))
	}
	twentyDigits := regexp.MustCompile(`^\d{20}$`)
	for i, number := range numbers {
		if !twentyDigits.MatchString(number) || i > 0 && number <= numbers[i-1] {
			t.Errorf("sequence numbers %v", numbers)
		}
	}
	for i, message := range q.expect("m0", "m1", "m2", "m3", "m4") {
		if got := message.Attributes; got["SequenceNumber"] != numbers[i] || got["MessageGroupId"] != "g" || got["MessageDeduplicationId"] != aws.ToString(message.Body) {
			t.Errorf("system attributes of m%d: %v", i, got)
		}
	}
}

func TestFIFOGroupWaitsForItsFirstMessage(t *testing.T) {
	t.Parallel()
	q := newFIFO(t, "lock")
	q.sendFIFO("a", "a1")
	q.sendFIFO("a", "a2")
	q.sendFIFO("b", "b1")
	a1 := q.receiveOne()
	q.expect("b1")
	q.sendFIFO("a", "a3") // sending does not unlock
	q.expect()
	succeed(t, q.delete(a1.ReceiptHandle))
	q.expect("a2", "a3")
}

func TestFIFOHeadReturnsBeforeLaterMessages(t *testing.T) {
	t.Parallel()
	q := newFIFO(t, "head")
	q.sendFIFO("g", "m1")
	q.sendFIFO("g", "m2")
	both := q.expect("m1", "m2")
	q.sendFIFO("g", "m3")
	succeed(t, q.changeVisibility(both[0].ReceiptHandle, 0))
	q.expect("m1") // m2 is in flight, m3 behind it
}

func TestFIFOLongPollWakesWhenAGroupUnlocks(t *testing.T) {
	t.Parallel()
	q := newFIFO(t, "wake")
	q.sendFIFO("g", "m1")
	q.sendFIFO("g", "m2")
	m1 := q.receiveOne()
	got := bodies(wake(q, func() { succeed(t, q.delete(m1.ReceiptHandle)) }))
	if !slices.Equal(got, []string{"m2"}) {
		t.Errorf("received %v", got)
	}
}

func TestFIFOExpiredHandleCannotDelete(t *testing.T) {
	t.Parallel()
	q := newFIFO(t, "expired", "VisibilityTimeout", "1")
	q.sendFIFO("g", "m")
	message := q.receiveOne()
	time.Sleep(1200 * time.Millisecond)
	refuse(t, q.delete(message.ReceiptHandle), "InvalidParameterValue", 400,
		"Value "+aws.ToString(message.ReceiptHandle)+" for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.")
	q.expect("m")
}

func TestFIFODeduplication(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name       string
		attributes []string
		group      string // of the second send
		body       string
		id         *string // nil: by content
		duplicate  bool
	}{
		{"same ID", nil, "a", "other", aws.String("id"), true},
		{"same ID in another group", nil, "b", "other", aws.String("id"), true},
		{"same ID in another group, group scope", []string{"DeduplicationScope", "messageGroup"}, "b", "other", aws.String("id"), false},
		{"same content", []string{"ContentBasedDeduplication", "true"}, "a", "body", nil, true},
		{"other content", []string{"ContentBasedDeduplication", "true"}, "a", "other", nil, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			q := newFIFO(t, "dedup", c.attributes...)
			first := q.sendInput(&sqs.SendMessageInput{MessageBody: aws.String("body"), MessageGroupId: aws.String("a"), MessageDeduplicationId: c.id})
			message := q.receiveOne()
			succeed(t, q.delete(message.ReceiptHandle)) // the memory survives this
			second := q.sendInput(&sqs.SendMessageInput{MessageBody: &c.body, MessageGroupId: &c.group, MessageDeduplicationId: c.id})
			same := aws.ToString(first.MessageId) == aws.ToString(second.MessageId) && aws.ToString(first.SequenceNumber) == aws.ToString(second.SequenceNumber)
			if same != c.duplicate {
				t.Errorf("first %s %s, second %s %s, want duplicate: %v",
					aws.ToString(first.MessageId), aws.ToString(first.SequenceNumber), aws.ToString(second.MessageId), aws.ToString(second.SequenceNumber), c.duplicate)
			}
			if c.duplicate {
				q.expect()
			} else {
				q.expect(c.body)
			}
		})
	}
}

func TestFIFOContentHashIsReadable(t *testing.T) {
	t.Parallel()
	q := newFIFO(t, "hash", "ContentBasedDeduplication", "true")
	q.sendInput(&sqs.SendMessageInput{MessageBody: aws.String("same"), MessageGroupId: aws.String("g")})
	const recorded = "0967115f2813a3541eaef77de9d9d5773f1c0c04314b0bbfe4ff3b3b1c55b5d5" // from AWS
	if got := q.receiveOne().Attributes["MessageDeduplicationId"]; got != recorded {
		t.Errorf("deduplication ID %s, want %s", got, recorded)
	}
}

func TestFIFOSendErrors(t *testing.T) {
	t.Parallel()
	q := newFIFO(t, "errors")
	send := func(in *sqs.SendMessageInput) error {
		in.QueueUrl, in.MessageBody = q.url, aws.String("m")
		_, err := client.SendMessage(t.Context(), in)
		return err
	}
	const noGroup = "The request must contain the parameter MessageGroupId."
	const noID = "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"
	refuse(t, send(&sqs.SendMessageInput{}), "MissingParameter", 400, noGroup)
	refuse(t, send(&sqs.SendMessageInput{MessageGroupId: aws.String("g")}), "InvalidParameterValue", 400, noID)
	refuse(t, send(&sqs.SendMessageInput{MessageGroupId: aws.String("g"), MessageDeduplicationId: aws.String("d"), DelaySeconds: 1}),
		"InvalidParameterValue", 400,
		"Value 1 for parameter DelaySeconds is invalid. Reason: The request include parameter that is not valid for this queue type.")
	_, err := client.SendMessageBatch(t.Context(), &sqs.SendMessageBatchInput{QueueUrl: q.url, Entries: []types.SendMessageBatchRequestEntry{
		{Id: aws.String("good"), MessageBody: aws.String("m"), MessageGroupId: aws.String("g"), MessageDeduplicationId: aws.String("d")},
		{Id: aws.String("bad"), MessageBody: aws.String("m"), MessageDeduplicationId: aws.String("e")},
	}})
	refuse(t, err, "InvalidParameterValue", 400, noGroup)
	q.expect()
}

func TestFIFOReceiveAttemptCanBeRepeated(t *testing.T) {
	t.Parallel()
	q := newFIFO(t, "attempt")
	q.sendFIFO("g", "m1")
	q.sendFIFO("g", "m2")
	attempt := func(id string) []types.Message {
		return q.receiveInput(&sqs.ReceiveMessageInput{MaxNumberOfMessages: 10, ReceiveRequestAttemptId: &id})
	}
	first, again := attempt("one"), attempt("one")
	if len(first) != 2 || len(again) != 2 || aws.ToString(first[0].ReceiptHandle) != aws.ToString(again[0].ReceiptHandle) || aws.ToString(first[1].ReceiptHandle) != aws.ToString(again[1].ReceiptHandle) {
		t.Errorf("first %v, again %v", bodies(first), bodies(again))
	}
	if got := attempt("two"); len(got) != 0 {
		t.Errorf("another attempt received %v", bodies(got))
	}
}

func TestFIFOManyConsumersKeepGroupOrder(t *testing.T) {
	t.Parallel()
	const groups, each, consumers = 8, 10, 6
	q := newFIFO(t, "consumers")
	for i := range each {
		var entries []types.SendMessageBatchRequestEntry
		for g := range groups {
			id := aws.String(fmt.Sprintf("%d-%d", g, i))
			entries = append(entries, types.SendMessageBatchRequestEntry{
				Id: id, MessageBody: id, MessageGroupId: aws.String(fmt.Sprint(g)), MessageDeduplicationId: id,
			})
		}
		_, err := client.SendMessageBatch(t.Context(), &sqs.SendMessageBatchInput{QueueUrl: q.url, Entries: entries})
		succeed(t, err)
	}
	type seen struct{ group, number string }
	var mu sync.Mutex
	var received []seen // guarded by mu; those of a group in the order in which they came, as one is deleted before the next comes
	var wg sync.WaitGroup
	for range consumers {
		wg.Go(func() {
			err := consume(t, q, func(group, number string) {
				mu.Lock()
				received = append(received, seen{group, number})
				mu.Unlock()
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	last := map[string]string{}
	for _, got := range received {
		if got.number <= last[got.group] {
			t.Errorf("group %s: %s after %s", got.group, got.number, last[got.group])
		}
		last[got.group] = got.number
	}
	if len(received) != groups*each {
		t.Errorf("%d messages came, want %d", len(received), groups*each)
	}
}

// consume receives, reports and deletes messages until two polls in a row were empty.
func consume(t *testing.T, q queue, report func(group, number string)) error {
	for empty := 0; empty < 2; {
		out, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{
			QueueUrl: q.url, MaxNumberOfMessages: 3, WaitTimeSeconds: 1,
			MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"},
		})
		if err != nil {
			return err
		}
		empty++
		for _, message := range out.Messages {
			empty = 0
			report(message.Attributes["MessageGroupId"], message.Attributes["SequenceNumber"])
			if err := q.delete(message.ReceiptHandle); err != nil {
				return err
			}
		}
	}
	return nil
}

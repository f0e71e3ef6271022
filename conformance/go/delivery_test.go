package gosdk

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

func TestMessageComesAgainAfterItsVisibilityTimeout(t *testing.T) {
	t.Parallel()
	q := newQueue(t, "timeout", "VisibilityTimeout", "1")
	q.send("m")
	started := time.Now()
	first := q.receiveOne()
	second := q.receiveOne() // a long poll, woken by the timeout
	if waited := time.Since(started); waited < 990*time.Millisecond || waited > prompt {
		t.Errorf("came again after %v, want about 1s", waited)
	}
	if aws.ToString(first.MessageId) != aws.ToString(second.MessageId) || aws.ToString(first.ReceiptHandle) == aws.ToString(second.ReceiptHandle) {
		t.Errorf("first %+v, second %+v", first, second)
	}
	if first.Attributes["ApproximateReceiveCount"] != "1" || second.Attributes["ApproximateReceiveCount"] != "2" {
		t.Errorf("receive counts %s and %s", first.Attributes["ApproximateReceiveCount"], second.Attributes["ApproximateReceiveCount"])
	}
	succeed(t, q.delete(first.ReceiptHandle)) // the old handle still names the message
	if got := q.attributes("ApproximateNumberOfMessagesNotVisible")["ApproximateNumberOfMessagesNotVisible"]; got != "0" {
		t.Errorf("%s in flight after the delete", got)
	}
}

func TestVisibilityChanges(t *testing.T) {
	t.Parallel()
	q := newQueue(t, "change", "VisibilityTimeout", "600")
	q.send("m")
	message := q.receiveOne()
	succeed(t, q.changeVisibility(message.ReceiptHandle, 0))
	again := q.receive()
	if len(again) != 1 {
		t.Fatalf("%d messages after a change to 0, want 1", len(again))
	}
	succeed(t, q.changeVisibility(again[0].ReceiptHandle, 0))
	succeed(t, q.changeVisibility(again[0].ReceiptHandle, 600)) // hides a visible message again
	if got := q.receive(); len(got) != 0 {
		t.Errorf("received %v while hidden", bodies(got))
	}
	refuse(t, q.changeVisibility(message.ReceiptHandle, 43201), "InvalidParameterValue", 400, "")
	succeed(t, q.delete(message.ReceiptHandle))
	refuse(t, q.changeVisibility(message.ReceiptHandle, 10), "InvalidParameterValue", 400, "Value "+aws.ToString(message.ReceiptHandle)+
		" for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change.")
}

func TestReceiptHandlesAreChecked(t *testing.T) {
	t.Parallel()
	q, other := newQueue(t, "handles"), newQueue(t, "handles")
	const message = `The input receipt handle "garbage" is not a valid receipt handle.`
	refuseAs[*types.ReceiptHandleIsInvalid](t, q.delete(aws.String("garbage")), "ReceiptHandleIsInvalid", 404, message)
	refuseAs[*types.ReceiptHandleIsInvalid](t, q.changeVisibility(aws.String("garbage"), 1), "ReceiptHandleIsInvalid", 404, message)
	q.send("m")
	refuseAs[*types.ReceiptHandleIsInvalid](t, other.delete(q.receiveOne().ReceiptHandle), "ReceiptHandleIsInvalid", 404, "")
}

func TestDelays(t *testing.T) {
	t.Parallel()
	q := newQueue(t, "delay")
	q.sendInput(&sqs.SendMessageInput{MessageBody: aws.String("much later"), DelaySeconds: 900})
	if got := q.receive(); len(got) != 0 {
		t.Errorf("received %v before the delay ended", bodies(got))
	}
	if got := q.attributes("ApproximateNumberOfMessagesDelayed")["ApproximateNumberOfMessagesDelayed"]; got != "1" {
		t.Errorf("%s delayed, want 1", got)
	}
	started := time.Now()
	q.sendInput(&sqs.SendMessageInput{MessageBody: aws.String("late"), DelaySeconds: 1})
	if got := aws.ToString(q.receiveOne().Body); got != "late" { // a long poll, woken by the end of the delay
		t.Errorf("received %q", got)
	}
	if waited := time.Since(started); waited < 990*time.Millisecond || waited > prompt {
		t.Errorf("came after %v, want about 1s", waited)
	}
	_, err := client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: q.url, MessageBody: aws.String("m"), DelaySeconds: 901})
	refuse(t, err, "InvalidParameterValue", 400, "Value 901 for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900.")
}

func TestLongPollWakesOnSend(t *testing.T) {
	t.Parallel()
	q := newQueue(t, "wake-send")
	if got := bodies(wake(q, func() { q.send("m") })); !slices.Equal(got, []string{"m"}) {
		t.Errorf("received %v", got)
	}
}

func TestLongPollWakesOnVisibilityChange(t *testing.T) {
	t.Parallel()
	q := newQueue(t, "wake-change", "VisibilityTimeout", "600")
	q.send("m")
	message := q.receiveOne()
	got := bodies(wake(q, func() { succeed(t, q.changeVisibility(message.ReceiptHandle, 0)) }))
	if !slices.Equal(got, []string{"m"}) {
		t.Errorf("received %v", got)
	}
}

func TestLongPollEndsEmpty(t *testing.T) {
	t.Parallel()
	q := newQueue(t, "empty")
	started := time.Now()
	if got := q.receiveInput(&sqs.ReceiveMessageInput{WaitTimeSeconds: 1}); len(got) != 0 {
		t.Errorf("received %v", bodies(got))
	}
	if waited := time.Since(started); waited < 990*time.Millisecond || waited > prompt {
		t.Errorf("waited %v, want 1s", waited)
	}
}

// Each of many waiting receives gets one message, and no message goes to two of them.
func TestManyWaitingReceivesShareTheMessages(t *testing.T) {
	t.Parallel()
	const receivers = 16
	q := newQueue(t, "share")
	ids := make(chan string, receivers)
	for range receivers {
		go func() {
			out, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: q.url, WaitTimeSeconds: 20})
			switch {
			case err != nil:
				ids <- err.Error()
			case len(out.Messages) != 1:
				ids <- "none"
			default:
				ids <- aws.ToString(out.Messages[0].MessageId)
			}
		}()
	}
	sent := map[string]bool{}
	for range receivers {
		sent[*q.send("m").MessageId] = true
	}
	for range receivers {
		id := <-ids
		if !sent[id] {
			t.Errorf("a receive got %q, which is no message or was received twice", id)
		}
		delete(sent, id)
	}
}

// A receive that its client gave up takes no message with it.
func TestAbandonedLongPollTakesNothing(t *testing.T) {
	t.Parallel()
	q := newQueue(t, "abandoned", "VisibilityTimeout", "600")
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	_, err := client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: q.url, WaitTimeSeconds: 20})
	if err == nil {
		t.Fatal("the receive came back before it was given up")
	}
	time.Sleep(2 * time.Second) // the server notices the closed connection; no answer tells when
	q.send("m")
	q.receiveOne()
}

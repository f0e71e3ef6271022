package gosdk

import (
	"encoding/base64"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// newPair creates a source queue and its dead-letter queue, to which messages go after one receive.
func newPair(t *testing.T, purpose string, attributes ...string) (source, dead queue) {
	t.Helper()
	dead = newQueue(t, purpose+"-dead", attributes...)
	policy := fmt.Sprintf(`{"deadLetterTargetArn":"%s","maxReceiveCount":"1"}`, dead.arn())
	return newQueue(t, purpose, append(attributes, "RedrivePolicy", policy)...), dead
}

// useUp receives all of a source's messages once, and once more. It returns when all are in the dead-letter queue.
func useUp(source, dead queue) {
	source.t.Helper()
	count := fmt.Sprint(len(source.receive()))
	source.expect()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		if dead.attributes("ApproximateNumberOfMessages")["ApproximateNumberOfMessages"] == count {
			return
		}
	}
	source.t.Fatalf("the %s messages did not reach the dead-letter queue", count)
}

// finished waits until the newest move task of a queue has ended.
func finished(t *testing.T, arn string) types.ListMessageMoveTasksResultEntry {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		out, err := client.ListMessageMoveTasks(t.Context(), &sqs.ListMessageMoveTasksInput{SourceArn: &arn})
		succeed(t, err)
		if len(out.Results) != 1 {
			t.Fatalf("%d tasks, want 1", len(out.Results))
		}
		if status := aws.ToString(out.Results[0].Status); status != "RUNNING" && status != "CANCELLING" {
			return out.Results[0]
		}
	}
	t.Fatal("the move task did not end")
	return types.ListMessageMoveTasksResultEntry{}
}

func TestMessageGoesToTheDeadLetterQueue(t *testing.T) {
	t.Parallel()
	source, dead := newPair(t, "dlq", "VisibilityTimeout", "0")
	sent := source.sendInput(&sqs.SendMessageInput{
		MessageBody: aws.String("poison"), MessageAttributes: map[string]types.MessageAttributeValue{"k": text("x")},
	})
	source.expect("poison")
	dead.expect() // no move before the next receive
	source.expect()
	message := dead.receiveOne()
	if aws.ToString(message.Body) != "poison" || aws.ToString(message.MessageId) != aws.ToString(sent.MessageId) || aws.ToString(message.MD5OfMessageAttributes) != "a45daa70926828a2f0a1db3418e6feb4" {
		t.Errorf("moved message %+v", message)
	}
	if got := message.Attributes; got["DeadLetterQueueSourceArn"] != source.arn() || got["ApproximateReceiveCount"] != "2" {
		t.Errorf("system attributes %v", got)
	}
	sources, err := client.ListDeadLetterSourceQueues(t.Context(), &sqs.ListDeadLetterSourceQueuesInput{QueueUrl: dead.url})
	succeed(t, err)
	if !slices.Equal(sources.QueueUrls, []string{*source.url}) {
		t.Errorf("sources %v, want %s", sources.QueueUrls, *source.url)
	}
	want := fmt.Sprintf(`{"deadLetterTargetArn":"%s","maxReceiveCount":1}`, dead.arn())
	if got := source.attributes("RedrivePolicy")["RedrivePolicy"]; got != want {
		t.Errorf("redrive policy %s, want %s", got, want)
	}
}

func TestFIFOGroupGoesOnAfterAMove(t *testing.T) {
	t.Parallel()
	source, dead := newPair(t, "fifo", "FifoQueue", "true")
	m1 := source.sendFIFO("g", "m1")
	source.sendFIFO("g", "m2")
	succeed(t, source.changeVisibility(source.receiveOne().ReceiptHandle, 0))
	got := source.receive()
	if len(got) == 0 { // the receive that moved m1 may end empty
		got = source.receive()
	}
	if !slices.Equal(bodies(got), []string{"m2"}) {
		t.Errorf("received %v, want m2", bodies(got))
	}
	if moved := dead.receiveOne(); aws.ToString(moved.Body) != "m1" || moved.Attributes["MessageDeduplicationId"] != aws.ToString(m1.MessageId) {
		t.Errorf("moved %s with deduplication ID %s, want m1 with %s", aws.ToString(moved.Body), moved.Attributes["MessageDeduplicationId"], aws.ToString(m1.MessageId))
	}
}

func TestMoveTaskReturnsMessagesToTheirSource(t *testing.T) {
	t.Parallel()
	source, dead := newPair(t, "move", "VisibilityTimeout", "0")
	old := map[string]bool{}
	for i := range 3 {
		old[*source.send(fmt.Sprint("m", i)).MessageId] = true
	}
	useUp(source, dead)
	started, err := client.StartMessageMoveTask(t.Context(), &sqs.StartMessageMoveTaskInput{SourceArn: aws.String(dead.arn())})
	succeed(t, err)
	if aws.ToString(started.TaskHandle) == "" {
		t.Error("no task handle")
	}
	task := finished(t, dead.arn())
	if aws.ToString(task.Status) != "COMPLETED" || task.ApproximateNumberOfMessagesMoved != 3 || aws.ToInt64(task.ApproximateNumberOfMessagesToMove) != 3 ||
		task.DestinationArn != nil || task.TaskHandle != nil || task.StartedTimestamp < 1_700_000_000_000 {
		t.Errorf("task %s moved %d of %d, destination %q, handle %q, started %d", aws.ToString(task.Status), task.ApproximateNumberOfMessagesMoved,
			aws.ToInt64(task.ApproximateNumberOfMessagesToMove), aws.ToString(task.DestinationArn), aws.ToString(task.TaskHandle), task.StartedTimestamp)
	}
	var back []string
	for len(back) < 3 {
		message := source.receiveOne()
		back = append(back, aws.ToString(message.Body))
		if _, kept := message.Attributes["DeadLetterQueueSourceArn"]; kept || old[aws.ToString(message.MessageId)] || message.Attributes["ApproximateReceiveCount"] != "1" {
			t.Errorf("redriven message %s is not new: %v", aws.ToString(message.MessageId), message.Attributes)
		}
	}
	slices.Sort(back)
	if !slices.Equal(back, []string{"m0", "m1", "m2"}) {
		t.Errorf("%v came back", back)
	}
}

func TestMoveTaskCanBeCancelled(t *testing.T) {
	t.Parallel()
	source, dead := newPair(t, "cancel", "VisibilityTimeout", "0")
	for range 10 {
		source.send("m")
	}
	useUp(source, dead)
	start := &sqs.StartMessageMoveTaskInput{SourceArn: aws.String(dead.arn()), MaxNumberOfMessagesPerSecond: aws.Int32(1)}
	started, err := client.StartMessageMoveTask(t.Context(), start)
	succeed(t, err)
	_, err = client.StartMessageMoveTask(t.Context(), start)
	refuse(t, err, "InvalidParameterValue", 400,
		"There is already a task running. Only one active task is allowed for a source queue arn at a given time.")
	cancelled, err := client.CancelMessageMoveTask(t.Context(), &sqs.CancelMessageMoveTaskInput{TaskHandle: started.TaskHandle})
	succeed(t, err)
	if cancelled.ApproximateNumberOfMessagesMoved >= 10 {
		t.Errorf("%d of 10 moved at 1 message/s", cancelled.ApproximateNumberOfMessagesMoved)
	}
	if task := finished(t, dead.arn()); aws.ToString(task.Status) != "CANCELLED" {
		t.Errorf("status %s, want CANCELLED", aws.ToString(task.Status))
	}
}

func TestMoveTaskErrors(t *testing.T) {
	t.Parallel()
	source, dead := newPair(t, "move-errors")
	const noSource = "The resource that you specified for the SourceArn parameter doesn't exist."
	start := func(source, destination string) error {
		in := &sqs.StartMessageMoveTaskInput{SourceArn: &source}
		if destination != "" {
			in.DestinationArn = &destination
		}
		_, err := client.StartMessageMoveTask(t.Context(), in)
		return err
	}
	refuseAs[*types.ResourceNotFoundException](t, start(dead.arn()+"-none", ""), "ResourceNotFoundException", 404, noSource)
	refuse(t, start(source.arn(), ""), "InvalidParameterValue", 400, "Source queue must be configured as a Dead Letter Queue.")
	refuseAs[*types.ResourceNotFoundException](t, start(dead.arn(), dead.arn()+"-none"), "ResourceNotFoundException", 404,
		"The resource that you specified for the DestinationArn parameter doesn't exist.")
	cancel := func(handle string) error {
		_, err := client.CancelMessageMoveTask(t.Context(), &sqs.CancelMessageMoveTaskInput{TaskHandle: &handle})
		return err
	}
	refuse(t, cancel("garbage"), "InvalidParameterValue", 400, "Value for parameter TaskHandle is invalid.")
	unknown := fmt.Sprintf(`{"taskId":"00000000-0000-4000-8000-000000000000","sourceArn":"%s"}`, dead.arn())
	refuseAs[*types.ResourceNotFoundException](t, cancel(base64.StdEncoding.EncodeToString([]byte(unknown))),
		"ResourceNotFoundException", 404, "Task does not exist.")
	_, err := client.ListMessageMoveTasks(t.Context(), &sqs.ListMessageMoveTasksInput{SourceArn: aws.String(dead.arn() + "-none")})
	refuseAs[*types.ResourceNotFoundException](t, err, "ResourceNotFoundException", 404, noSource)
}

func TestRedrivePolicyErrors(t *testing.T) {
	t.Parallel()
	q, fifo := newQueue(t, "policy"), newFIFO(t, "policy")
	dead := newQueue(t, "policy-dead", "RedriveAllowPolicy", `{"redrivePermission":"denyAll"}`)
	for name, policy := range map[string]string{
		"no JSON":       `x`,
		"empty":         `{}`,
		"no count":      fmt.Sprintf(`{"deadLetterTargetArn":"%s"}`, q.arn()),
		"count of 0":    fmt.Sprintf(`{"deadLetterTargetArn":"%s","maxReceiveCount":0}`, q.arn()),
		"no such queue": fmt.Sprintf(`{"deadLetterTargetArn":"%s-none","maxReceiveCount":1}`, q.arn()),
		"other type":    fmt.Sprintf(`{"deadLetterTargetArn":"%s","maxReceiveCount":1}`, fifo.arn()),
		"not allowed":   fmt.Sprintf(`{"deadLetterTargetArn":"%s","maxReceiveCount":1}`, dead.arn()),
	} {
		t.Run(name, func(t *testing.T) { refuse(t, q.set("RedrivePolicy", policy), "InvalidParameterValue", 400, "") })
	}
}

package sqs

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/shard"
)

func setWith(url string, attributes ...string) func(*harness) error {
	return func(h *harness) error {
		return h.SetQueueAttributes(h.t.Context(), h.caller, &api.SetQueueAttributesInput{QueueUrl: url, Attributes: pairs(attributes)})
	}
}

func TestAllAttributesOfFreshQueues(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		standard := []string{
			"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesDelayed", "ApproximateNumberOfMessagesNotVisible", "CreatedTimestamp",
			"DelaySeconds", "LastModifiedTimestamp", "MaximumMessageSize", "MessageRetentionPeriod", "QueueArn", "ReceiveMessageWaitTimeSeconds",
			"SqsManagedSseEnabled", "VisibilityTimeout",
		}
		fifo := append(slices.Clone(standard), "ContentBasedDeduplication", "DeduplicationScope", "FifoQueue", "FifoThroughputLimit")
		slices.Sort(fifo)
		got := h.get(h.create("q"), "All")
		if diff := cmp.Diff(standard, slices.Sorted(maps.Keys(got))); diff != "" {
			t.Errorf("standard (-want +got):\n%s", diff)
		}
		got = h.get(h.createFIFO("q"), "All")
		if diff := cmp.Diff(fifo, slices.Sorted(maps.Keys(got))); diff != "" {
			t.Errorf("FIFO (-want +got):\n%s", diff)
		}
		now := fmt.Sprint(time.Now().Unix())
		want := map[string]string{
			"ApproximateNumberOfMessages": "0", "ApproximateNumberOfMessagesDelayed": "0", "ApproximateNumberOfMessagesNotVisible": "0",
			"CreatedTimestamp": now, "LastModifiedTimestamp": now, "DelaySeconds": "0", "MaximumMessageSize": "1048576",
			"MessageRetentionPeriod": "345600", "QueueArn": "arn:aws:sqs:us-east-1:000000000000:q.fifo", "ReceiveMessageWaitTimeSeconds": "0",
			"SqsManagedSseEnabled": "true", "VisibilityTimeout": "30", "ContentBasedDeduplication": "false", "DeduplicationScope": "queue",
			"FifoQueue": "true", "FifoThroughputLimit": "perQueue",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("values (-want +got):\n%s", diff)
		}
	})
}

func TestGetQueueAttributes(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		url := h.create("q")
		if got := h.get(url); got != nil {
			t.Errorf("no names: %v", got)
		}
		if got := h.get(url, "Policy", "RedrivePolicy", "RedriveAllowPolicy", "KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds", "FifoQueue"); got != nil {
			t.Errorf("names that the queue does not have: %v", got)
		}
		if got := h.get(url, "DelaySeconds", "DelaySeconds"); len(got) != 1 {
			t.Errorf("a repeated name: %v", got)
		}
		read := func(names ...string) func(*harness) error {
			return func(h *harness) error {
				_, err := h.GetQueueAttributes(t.Context(), h.caller, &api.GetQueueAttributesInput{QueueUrl: url, AttributeNames: names})
				return err
			}
		}
		checkErrors(t, h, []errorCase{
			{"unknown", read("Colour"), api.InvalidAttributeName, "Unknown Attribute Colour."},
			{"empty", read(""), api.InvalidAttributeName, "Unknown Attribute ."},
			{"beside All", read("All", "Colour"), api.InvalidAttributeName, "Unknown Attribute Colour."},
			{"All in lower case", read("all"), api.InvalidAttributeName, "Unknown Attribute all."},
		})
	})
}

func TestSetQueueAttributesErrors(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		q, fifo := h.create("q"), h.createFIFO("q")
		const combination = "The perMessageGroupId value is allowed only when the value for DeduplicationScope is messageGroup"
		checkErrors(t, h, []errorCase{
			{"none", setWith(q), api.MissingParameter, "The request must contain the parameter Attribute.Name."},
			{"unknown", setWith(q, "Colour", "red"), api.InvalidAttributeName, "Unknown Attribute Colour."},
			{"read-only", setWith(q, "QueueArn", "x"), api.InvalidAttributeName, "Unknown Attribute QueueArn."},
			{"a count", setWith(q, "ApproximateNumberOfMessages", "0"), api.InvalidAttributeName, "Unknown Attribute ApproximateNumberOfMessages."},
			{"All", setWith(q, "All", "x"), api.InvalidAttributeName, "Unknown Attribute All."},
			{"FifoQueue on standard", setWith(q, "FifoQueue", "true"), api.InvalidAttributeName, "Unknown Attribute FifoQueue."},
			{"FifoQueue=false on FIFO", setWith(fifo, "FifoQueue", "false"), api.InvalidAttributeValue, "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported."},
			{"FifoQueue=x on FIFO", setWith(fifo, "FifoQueue", "x"), api.InvalidAttributeValue, "Invalid value for the parameter FifoQueue."},
			{"content dedup on standard", setWith(q, "ContentBasedDeduplication", "true"), api.InvalidAttributeName, "Unknown Attribute ContentBasedDeduplication."},
			{"dedup scope on standard", setWith(q, "DeduplicationScope", "queue"), api.InvalidAttributeName, "You can specify the DeduplicationScope only when FifoQueue is set to true."},
			{"throughput limit on standard", setWith(q, "FifoThroughputLimit", "perQueue"), api.InvalidAttributeName, "You can specify the FifoThroughputLimit only when FifoQueue is set to true."},
			{"SSE is not a boolean", setWith(q, "SqsManagedSseEnabled", "1"), api.InvalidAttributeValue, "Invalid value for the parameter SqsManagedSseEnabled."},
			{"KMS key too long", setWith(q, "KmsMasterKeyId", strings.Repeat("k", 2049)), api.InvalidAttributeValue, "Invalid value for the parameter KmsMasterKeyId."},
			{"content dedup is not a boolean", setWith(fifo, "ContentBasedDeduplication", "x"), api.InvalidParameterValue, "Valid values for ContentBasedDeduplication are 'true' | 'false'. Received x"},
			{"dedup scope is another word", setWith(fifo, "DeduplicationScope", "x"), api.InvalidParameterValue, "Valid values for DeduplicationScope are 'messageGroup' | 'queue'. Received x"},
			{"throughput limit is another word", setWith(fifo, "FifoThroughputLimit", "x"), api.InvalidParameterValue, "Valid values for FifoThroughputLimit are 'perQueue' | 'perMessageGroupId'. Received x"},
			{"throughput by group alone", setWith(fifo, "FifoThroughputLimit", "perMessageGroupId"), api.InvalidParameterValue, combination},
			{"unknown queue", setWith("nowhere", "DelaySeconds", "1"), api.QueueDoesNotExist, ""},
		})
		h.set(fifo, "DeduplicationScope", "messageGroup", "FifoThroughputLimit", "perMessageGroupId")
		checkError(t, "scope back alone", setWith(fifo, "DeduplicationScope", "queue")(h), api.InvalidParameterValue, combination)
		h.set(fifo, "DeduplicationScope", "queue", "FifoThroughputLimit", "perQueue", "FifoQueue", "True", "ContentBasedDeduplication", "TRUE")
		if got := h.get(fifo, "ContentBasedDeduplication")["ContentBasedDeduplication"]; got != "true" {
			t.Errorf("ContentBasedDeduplication reads %q", got)
		}
	})
}

func TestSetQueueAttributesIsAllOrNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		url := h.create("q")
		if err := setWith(url, "DelaySeconds", "1", "VisibilityTimeout", "1", "ReceiveMessageWaitTimeSeconds", "21")(h); err == nil {
			t.Fatal("no error")
		}
		got := h.get(url, "DelaySeconds", "VisibilityTimeout")
		if got["DelaySeconds"] != "0" || got["VisibilityTimeout"] != "30" {
			t.Errorf("changed: %v", got)
		}
	})
}

func TestSetQueueAttributesUpdatesLastModified(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		url := h.create("q")
		created := h.get(url, "CreatedTimestamp", "LastModifiedTimestamp")
		time.Sleep(5 * time.Second)
		h.set(url, "DelaySeconds", "1")
		now := h.get(url, "CreatedTimestamp", "LastModifiedTimestamp")
		if now["CreatedTimestamp"] != created["CreatedTimestamp"] || now["LastModifiedTimestamp"] != fmt.Sprint(time.Now().Unix()) {
			t.Errorf("%v, before %v", now, created)
		}
	})
}

// reference/sqs.md 5.2.
func TestEncryptionAttributes(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		url := h.create("q")
		const oneSSE = "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE."
		check := func(step, key, period, sse string) {
			t.Helper()
			want := map[string]string{"SqsManagedSseEnabled": sse}
			if key != "" {
				want["KmsMasterKeyId"], want["KmsDataKeyReusePeriodSeconds"] = key, period
			}
			got := h.get(url, "KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds", "SqsManagedSseEnabled")
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", step, diff)
			}
		}
		check("fresh", "", "", "true")
		h.set(url, "KmsMasterKeyId", "alias/aws/sqs")
		check("with a key", "alias/aws/sqs", "300", "false")
		checkError(t, "SSE beside a key", setWith(url, "SqsManagedSseEnabled", "true")(h), api.InvalidAttributeName, oneSSE)
		h.set(url, "KmsDataKeyReusePeriodSeconds", "60")
		check("with a period", "alias/aws/sqs", "60", "false")
		h.set(url, "KmsMasterKeyId", "")
		check("without the key", "", "", "false")
		h.set(url, "KmsMasterKeyId", "k")
		check("with another key", "k", "300", "false")
		h.set(url, "KmsMasterKeyId", "", "SqsManagedSseEnabled", "true")
		check("back to SSE", "", "", "true")
		h.set(url, "SqsManagedSseEnabled", "False")
		check("no SSE", "", "", "false")
	})
}

func TestCountsAndAgeAreExact(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		url := h.create("q")
		age := func() string { return h.get(url, "ApproximateAgeOfOldestMessage")["ApproximateAgeOfOldestMessage"] }
		if got := age(); got != "0" {
			t.Errorf("age of an empty queue %s", got)
		}
		for i := range 5 {
			h.send(url, fmt.Sprint(i))
		}
		h.send(url, "later", func(in *api.SendMessageInput) { in.DelaySeconds = new(int64(10)) })
		time.Sleep(7 * time.Second)
		h.receive(url, func(in *api.ReceiveMessageInput) { in.MaxNumberOfMessages = new(int64(2)) })
		if got, want := h.counts(url), [3]string{"3", "2", "1"}; got != want {
			t.Errorf("counts %v, want %v", got, want)
		}
		if got := age(); got != "7" {
			t.Errorf("age %s, want 7", got)
		}
	})
}

// Attributes that the partition acts on are in force at once.
func TestAttributesAct(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		url := h.create("q", "VisibilityTimeout", "5", "DelaySeconds", "3", "MessageRetentionPeriod", "60", "ReceiveMessageWaitTimeSeconds", "20")
		h.send(url, "a")
		start := time.Now()
		if got := bodies(h.receive(url)); len(got) != 1 || time.Since(start) != 3*time.Second {
			t.Errorf("received %v after %v, want a after its delay of 3s", got, time.Since(start))
		}
		start = time.Now()
		if got := bodies(h.receive(url)); len(got) != 1 || time.Since(start) != 5*time.Second {
			t.Errorf("received %v after %v, want a after its visibility timeout of 5s", got, time.Since(start))
		}
		h.set(url, "ReceiveMessageWaitTimeSeconds", "0", "DelaySeconds", "0")
		time.Sleep(60 * time.Second)
		if got := h.receive(url); len(got) != 0 {
			t.Errorf("received %v after its retention", bodies(got))
		}
		h.send(url, "b")
		if got := bodies(h.receive(url)); len(got) != 1 {
			t.Errorf("received %v, want b without delay", got)
		}
	})
}

// If the definition is committed and the partition does not follow, the answer is an error, and it follows later.
func TestSetQueueAttributesIsMendedInTheBackground(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		url := h.create("q")
		for _, f := range h.faults {
			f.failBefore(times(3, "Configure", shard.ErrUnavailable))
		}
		checkError(t, "set", setWith(url, "DelaySeconds", "900")(h), api.ServiceUnavailable, "")
		time.Sleep(30 * time.Second)
		h.send(url, "a")
		if got, want := h.counts(url), [3]string{"0", "0", "1"}; got != want {
			t.Errorf("counts %v, want %v: the delay is not in force", got, want)
		}
	})
}

func TestSetQueueAttributesIsMendedByARestart(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		url := h.create("q")
		for _, f := range h.faults {
			f.failBefore(times(1000, "Configure", shard.ErrUnavailable))
		}
		if err := setWith(url, "DelaySeconds", "900")(h); err == nil {
			t.Fatal("no error")
		}
		h.crash()
		h.send(url, "a")
		if got, want := h.counts(url), [3]string{"0", "0", "1"}; got != want {
			t.Errorf("counts %v, want %v: the delay is not in force", got, want)
		}
	})
}

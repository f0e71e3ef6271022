package sqs

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/catalog"
	"github.com/staunchmq/staunch/internal/queue"
	"github.com/staunchmq/staunch/internal/shard"
)

func createWith(name *string, attributes map[string]string, tags map[string]string) func(*harness) error {
	return func(h *harness) error {
		_, err := h.CreateQueue(h.t.Context(), h.caller, &api.CreateQueueInput{QueueName: name, Attributes: attributes, Tags: tags})
		return err
	}
}

func TestCreateQueueErrors(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		h.create("existing", "DelaySeconds", "5")
		create := func(name string, attributes ...string) func(*harness) error {
			return createWith(&name, pairs(attributes), nil)
		}
		const (
			nameRule = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
			fifoRule = "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix and be 1 to 80 in length."
			oneSSE   = "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE."
		)
		checkErrors(t, h, []errorCase{
			{"no name", createWith(nil, nil, nil), api.InvalidParameterValue, "Value for parameter QueueName is invalid. Reason: Must specify a queue name."},
			{"empty name", create(""), api.InvalidParameterValue, "Queue name cannot be empty"},
			{"bad characters", create("a b"), api.InvalidParameterValue, nameRule},
			{"not ASCII", create("ä"), api.InvalidParameterValue, nameRule},
			{"81 characters", create(strings.Repeat("a", 81)), api.InvalidParameterValue, nameRule},
			{"FIFO name without FifoQueue", create("a.fifo"), api.InvalidParameterValue, nameRule},
			{"FIFO name with FifoQueue=false", create("a.fifo", "FifoQueue", "false"), api.InvalidParameterValue, nameRule},
			{"FifoQueue without the suffix", create("a", "FifoQueue", "true"), api.InvalidParameterValue, fifoRule},
			{"FIFO suffix alone", create(".fifo", "FifoQueue", "true"), api.InvalidParameterValue, fifoRule},
			{"FIFO name of 81", create(strings.Repeat("a", 76)+".fifo", "FifoQueue", "true"), api.InvalidParameterValue, fifoRule},
			{"FIFO name with bad characters", create("a.b.fifo", "FifoQueue", "true"), api.InvalidParameterValue, fifoRule},
			{"FifoQueue=false on standard", create("a", "FifoQueue", "false"), api.InvalidAttributeName, "Unknown Attribute FifoQueue."},
			{"FifoQueue is not a boolean", create("a", "FifoQueue", "yes"), api.InvalidAttributeName, "Unknown Attribute FifoQueue."},
			{"content dedup on standard", create("a", "ContentBasedDeduplication", "true"), api.InvalidAttributeName, "Unknown Attribute ContentBasedDeduplication."},
			{"dedup scope on standard", create("a", "DeduplicationScope", "queue"), api.InvalidAttributeName, "You can specify the DeduplicationScope only when FifoQueue is set to true."},
			{"throughput limit on standard", create("a", "FifoThroughputLimit", "perQueue"), api.InvalidAttributeName, "You can specify the FifoThroughputLimit only when FifoQueue is set to true."},
			{"read-only QueueArn", create("a", "QueueArn", "x"), api.InvalidAttributeName, "Unknown Attribute QueueArn."},
			{"read-only CreatedTimestamp", create("a", "CreatedTimestamp", "1"), api.InvalidAttributeName, "Unknown Attribute CreatedTimestamp."},
			{"All", create("a", "All", "1"), api.InvalidAttributeName, "Unknown Attribute All."},
			{"our own attribute", create("a", "ApproximateAgeOfOldestMessage", "1"), api.InvalidAttributeName, "Unknown Attribute ApproximateAgeOfOldestMessage."},
			{"unknown", create("a", "Colour", "red"), api.InvalidAttributeName, "Unknown Attribute Colour."},
			{"out of range", create("a", "DelaySeconds", "901"), api.InvalidAttributeValue, "Invalid value for the parameter DelaySeconds."},
			{"throughput by group alone", create("a.fifo", "FifoQueue", "true", "FifoThroughputLimit", "perMessageGroupId"), api.InvalidParameterValue,
				"The perMessageGroupId value is allowed only when the value for DeduplicationScope is messageGroup"},
			{"both kinds of SSE", create("a", "KmsMasterKeyId", "k", "SqsManagedSseEnabled", "true"), api.InvalidAttributeName, oneSSE},
			{"different value", create("existing", "DelaySeconds", "6"), api.QueueNameExists, "A queue already exists with the same name and a different value for attribute DelaySeconds"},
			{"a value that was a default", create("existing", "VisibilityTimeout", "31"), api.QueueNameExists, "A queue already exists with the same name and a different value for attribute VisibilityTimeout"},
			{"different tags", createWith(new("existing"), nil, map[string]string{"a": "b"}), api.QueueNameExists, "A queue already exists with the same name and a different value for tags"},
			{"bad tags", createWith(new("a"), nil, map[string]string{"a!": "b"}), api.InvalidParameterValue, "Tag keys may only contain unicode letters, digits, whitespace, or one of these symbols: _ . : / = + - @"},
		})
		if _, err := h.GetQueueUrl(t.Context(), h.caller, &api.GetQueueUrlInput{QueueName: new("a")}); !errors.Is(err, api.QueueDoesNotExist) {
			t.Errorf("a failed CreateQueue left a queue behind: %v", err)
		}
		h.create("a") // nor does it block the name
	})
}

func TestCreateQueueIsIdempotent(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		policy := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"sqs:*","Resource":"*"}]}`
		same := `{ "Statement": [{"Principal":"*", "Effect":"Allow","Action":"sqs:*","Resource":"*"}], "Version":"2012-10-17" }`
		dead := h.create("dead")
		url := h.create("q", append(h.redrive(dead, "3"), "VisibilityTimeout", "30", "Policy", policy)...)
		if want := testBase + "/" + testAccount + "/q"; url != want {
			t.Errorf("URL %s, want %s", url, want)
		}
		quoted := `{"maxReceiveCount":"3","deadLetterTargetArn":"` + h.arnOf(dead) + `"}`
		for _, attributes := range [][]string{
			nil, {"VisibilityTimeout", "030"}, {"SqsManagedSseEnabled", "True"}, {"Policy", same}, {"RedrivePolicy", quoted}, {"KmsMasterKeyId", ""},
		} {
			if got := h.create("q", attributes...); got != url {
				t.Errorf("%v: URL %s", attributes, got)
			}
		}
		// Attributes that need each other are looked at together only where they are new.
		fifo := h.create("q.fifo", "FifoQueue", "true", "DeduplicationScope", "messageGroup", "FifoThroughputLimit", "perMessageGroupId")
		for _, attributes := range [][]string{
			nil, {"DeduplicationScope", "messageGroup"}, {"FifoThroughputLimit", "perMessageGroupId"}, {"ContentBasedDeduplication", "false"},
		} {
			if got := h.create("q.fifo", append(attributes, "FifoQueue", "true")...); got != fifo {
				t.Errorf("%v: URL %s", attributes, got)
			}
		}
		// The target of a policy that is in place may be gone.
		h.deleteQueue(dead)
		h.create("q", "RedrivePolicy", quoted)
		// What is compared is the current value.
		h.set(url, "VisibilityTimeout", "40")
		h.create("q", "VisibilityTimeout", "40")
		err := createWith(new("q"), map[string]string{"VisibilityTimeout": "30"}, nil)(h)
		checkError(t, "the value of the creation", err, api.QueueNameExists, "A queue already exists with the same name and a different value for attribute VisibilityTimeout")
	})
}

func TestCreateQueueComparesTagsOnlyIfGiven(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		tags := map[string]string{"team": "blue"}
		for i, given := range []map[string]string{tags, nil, {}, tags} {
			if err := createWith(new("q"), nil, given)(h); err != nil {
				t.Errorf("call %d: %v", i, err)
			}
		}
		out, err := h.ListQueueTags(t.Context(), h.caller, &api.ListQueueTagsInput{QueueUrl: "q"})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tags, out.Tags); diff != "" {
			t.Errorf("tags (-want +got):\n%s", diff)
		}
	})
}

func TestNamesOfDeletedQueuesAreBlocked(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		h.deleteQueue(h.create("q"))
		const text = "You must wait 60 seconds after deleting a queue before you can create another with the same name."
		checkError(t, "at once", createWith(new("q"), nil, nil)(h), api.QueueDeletedRecently, text)
		time.Sleep(59 * time.Second)
		h.restart()
		checkError(t, "after 59 s and a restart", createWith(new("q"), nil, nil)(h), api.QueueDeletedRecently, text)
		time.Sleep(time.Second)
		h.create("q")
	})
}

func TestNameDeletedByAClockThatWasAheadIsFree(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		h.create("q")
		err := h.options.Catalog.Update(t.Context(), func(v *catalog.View) (catalog.Change, error) {
			q := v.Lookup(catalog.Key{Account: h.caller.Account, Region: h.caller.Region, Name: "q"})
			return catalog.DeleteQueue{ID: q.ID, At: h.now() + 1}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		h.create("q")
	})
}

func TestRecreateDelayCanBeSwitchedOff(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		h.options.RecreateDelay = 0
		h.restart()
		url := h.create("q")
		h.send(url, "old")
		h.deleteQueue(url)
		h.create("q")
		if got := h.receive(url); len(got) != 0 {
			t.Errorf("the new queue has the old one's messages: %v", bodies(got))
		}
	})
}

// Edges of every numeric attribute, at creation and later.
func TestAttributeRanges(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		i := 0
		for _, tc := range []struct {
			name      string
			low, high int64
		}{
			{"VisibilityTimeout", 0, 43200}, {"DelaySeconds", 0, 900}, {"MaximumMessageSize", 1024, 1048576},
			{"MessageRetentionPeriod", 60, 1209600}, {"ReceiveMessageWaitTimeSeconds", 0, 20}, {"KmsDataKeyReusePeriodSeconds", 60, 86400},
		} {
			url := h.create("q-" + tc.name)
			for value, ok := range map[string]bool{
				fmt.Sprint(tc.low - 1): false, fmt.Sprint(tc.low): true, fmt.Sprint(tc.high): true, fmt.Sprint(tc.high + 1): false, "00" + fmt.Sprint(tc.high): true,
				"": false, " ": false, "1.5": false, "true": false, "+" + fmt.Sprint(tc.high): false, "99999999999999999999": false, "1e3": false,
			} {
				i++
				name := fmt.Sprint("q", i)
				given := map[string]string{tc.name: value, "KmsMasterKeyId": "alias/k"}
				setErr := h.SetQueueAttributes(t.Context(), h.caller, &api.SetQueueAttributesInput{QueueUrl: url, Attributes: given})
				createErr := createWith(&name, given, nil)(h)
				for what, err := range map[string]error{"set": setErr, "create": createErr} {
					switch {
					case ok && err != nil:
						t.Errorf("%s %s=%q: %v", what, tc.name, value, err)
					case !ok:
						checkError(t, fmt.Sprintf("%s %s=%q", what, tc.name, value), err, api.InvalidAttributeValue, "Invalid value for the parameter "+tc.name+".")
					}
				}
				if ok {
					if got, want := h.get(url, tc.name)[tc.name], strings.TrimLeft(value, "0"); got != want && got != "0" {
						t.Errorf("%s=%q reads %q", tc.name, value, got)
					}
				}
			}
		}
	})
}

// If the definition is committed and the partition cannot be configured, the answer is an error, and the queue works later.
func TestCreateQueueIsMendedInTheBackground(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		for _, f := range h.faults {
			f.failBefore(times(2, "Configure", shard.ErrOverloaded))
		}
		err := createWith(new("q"), nil, nil)(h)
		checkError(t, "create", err, api.RequestThrottled, "")
		_, err = h.SendMessage(t.Context(), h.caller, &api.SendMessageInput{QueueUrl: "q", MessageBody: new("x")})
		checkError(t, "send", err, api.ServiceUnavailable, "The queue is being set up. Try again.")
		time.Sleep(5 * time.Second)
		h.send("q", "x")
	})
}

// A crash between the commit of the definition and the configuration of the partition is mended by the next start.
func TestCreateQueueIsMendedByARestart(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		for _, f := range h.faults {
			f.failBefore(times(1000, "Configure", shard.ErrUnavailable))
		}
		if err := createWith(new("q"), map[string]string{"VisibilityTimeout": "7"}, nil)(h); err == nil {
			t.Fatal("created without a partition")
		}
		h.crash()
		h.send("q", "x")
		if got := h.get("q", "VisibilityTimeout")["VisibilityTimeout"]; got != "7" {
			t.Errorf("VisibilityTimeout %s", got)
		}
	})
}

// Asking again for a queue whose partition failed sets it up.
func TestCreateQueueAgainSetsUp(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		for _, f := range h.faults {
			f.failBefore(times(1, "Configure", shard.ErrDiskFull))
		}
		err := createWith(new("q"), nil, nil)(h)
		checkError(t, "create", err, api.ServiceUnavailable, "The server's disk is full: it takes no more messages until there is room again.")
		h.create("q")
		h.send("q", "x")
	})
}

func TestQueuesSpreadOverShards(t *testing.T) {
	const queues, shards = 1000, 4
	var count [shards]int
	for i := range queues {
		count[shardFor(queue.ID(2*i+2), shards)]++
	}
	for i, n := range count {
		if n < queues/shards/2 || n > queues/shards*2 {
			t.Errorf("shard %d has %d of %d queues", i, n, queues)
		}
	}
}

package sqs

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/staunchmq/staunch/internal/api"
)

func TestRedrivePolicyErrors(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		q, fifo, dead := h.create("q"), h.createFIFO("q"), h.create("dead")
		closed := h.create("closed", "RedriveAllowPolicy", `{"redrivePermission":"denyAll"}`)
		listed := h.create("listed", "RedriveAllowPolicy", `{"redrivePermission":"byQueue","sourceQueueArns":["arn:aws:sqs:us-east-1:000000000000:other"]}`)
		target := func(arn string) string { return fmt.Sprintf(`{"deadLetterTargetArn":"%s","maxReceiveCount":3}`, arn) }
		count := func(n string) string {
			return fmt.Sprintf(`{"deadLetterTargetArn":"%s","maxReceiveCount":%s}`, h.arnOf(dead), n)
		}
		badCount := func(n string) string {
			return "Invalid value for maxReceiveCount: " + n + ", valid values are from 1 to 1000 both inclusive."
		}
		const notAllowed = "The dead-letter queue's redrive allow policy does not allow this queue as a source."
		for _, tc := range []struct{ name, url, policy, reason string }{
			{"not JSON", q, "x", "Redrive policy is not a valid JSON map."},
			{"a list", q, "[]", "Redrive policy is not a valid JSON map."},
			{"null", q, "null", "Redrive policy is not a valid JSON map."},
			{"empty object", q, "{}", "Redrive policy does not contain mandatory attribute: maxReceiveCount."},
			{"no count", q, `{"deadLetterTargetArn":"x"}`, "Redrive policy does not contain mandatory attribute: maxReceiveCount."},
			{"no target", q, `{"maxReceiveCount":3}`, "Redrive policy does not contain mandatory attribute: deadLetterTargetArn."},
			{"more", q, `{"deadLetterTargetArn":"x","maxReceiveCount":3,"colour":"red"}`, "Only following attributes are supported: [maxReceiveCount, deadLetterTargetArn]."},
			{"count 0", q, count("0"), badCount("0")},
			{"count 1001", q, count("1001"), badCount("1001")},
			{"count -1", q, count("-1"), badCount("-1")},
			{"count with a fraction", q, count("1.5"), badCount("1.5")},
			{"count in words", q, count(`"three"`), badCount("three")},
			{"count null", q, count("null"), badCount("null")},
			{"target is a number", q, `{"deadLetterTargetArn":3,"maxReceiveCount":3}`, "Dead-letter target ARN should be fully qualified ARN."},
			{"target is a name", q, target("dead"), "Dead-letter target ARN should be fully qualified ARN."},
			{"target is malformed", q, target("arn:aws:sqs:us-east-1:1:dead"), "Dead-letter target ARN should be fully qualified ARN."},
			{"target is a topic", q, target("arn:aws:sns:us-east-1:000000000000:dead"), "Only SQS queues are valid resources for deadLetterTargetArn."},
			{"unknown target", q, target("arn:aws:sqs:us-east-1:000000000000:nowhere"), "Dead letter target does not exist."},
			{"a target with too long a name", q, target("arn:aws:sqs:us-east-1:000000000000:" + strings.Repeat("q", 81)), "Dead letter target does not exist."},
			{"target in another region", q, target("arn:aws:sqs:eu-west-1:000000000000:dead"), "Dead letter target does not exist."},
			{"target of another account", q, target("arn:aws:sqs:us-east-1:111111111111:dead"), "Deadletter target owner should be same as the source."},
			{"FIFO target of a standard queue", q, target(h.arnOf(fifo)), "Dead-letter queue must be same type of queue as the source."},
			{"standard target of a FIFO queue", fifo, target(h.arnOf(dead)), "Dead-letter queue must be same type of queue as the source."},
			{"target allows nobody", q, target(h.arnOf(closed)), notAllowed},
			{"target allows others", q, target(h.arnOf(listed)), notAllowed},
		} {
			text := "Value " + tc.policy + " for parameter RedrivePolicy is invalid. Reason: " + tc.reason
			checkError(t, "set: "+tc.name, setWith(tc.url, "RedrivePolicy", tc.policy)(h), api.InvalidParameterValue, text)
			if tc.url == q {
				checkError(t, "create: "+tc.name, createWith(new("new"), map[string]string{"RedrivePolicy": tc.policy}, nil)(h), api.InvalidParameterValue, text)
			}
		}
	})
}

func TestRedrivePolicyReadsCanonically(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		dead := h.create("dead")
		want := `{"deadLetterTargetArn":"` + h.arnOf(dead) + `","maxReceiveCount":1000}`
		url := h.create("q", "RedrivePolicy", ` { "maxReceiveCount" : "1000", "deadLetterTargetArn":"`+h.arnOf(dead)+`" }`)
		if got := h.get(url, "All")["RedrivePolicy"]; got != want {
			t.Errorf("RedrivePolicy %s, want %s", got, want)
		}
		h.set(url, "RedrivePolicy", "")
		if got, ok := h.get(url, "All")["RedrivePolicy"]; ok {
			t.Errorf("RedrivePolicy after it was removed: %s", got)
		}
	})
}

func TestRedriveAllowPolicy(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		dead := h.create("dead")
		const arn = `"arn:aws:sqs:us-east-1:000000000000:q"`
		const cannot = "Amazon SQS can't create the redrive allow policy"
		unsupported := "Invalid value for the parameter RedriveAllowPolicy. Reason: " + cannot + ", as it’s in an unsupported format."
		eleven := "[" + strings.TrimSuffix(strings.Repeat(arn+",", 11), ",") + "]"
		ten := "[" + strings.TrimSuffix(strings.Repeat(arn+",", 10), ",") + "]"
		for _, tc := range []struct{ name, policy, text string }{
			{"not JSON", "x", unsupported},
			{"unknown permission", `{"redrivePermission":"maybe"}`, unsupported},
			{"no permission", `{}`, unsupported},
			{"unknown member", `{"redrivePermission":"allowAll","colour":"red"}`, unsupported},
			{"not an ARN", `{"redrivePermission":"byQueue","sourceQueueArns":["q"]}`, unsupported},
			{"byQueue without queues", `{"redrivePermission":"byQueue"}`, "When you specify the byQueue permission type, you must also specify one or more sourceQueueArns values."},
			{"queues without byQueue", `{"redrivePermission":"allowAll","sourceQueueArns":[` + arn + `]}`, "To specify one or more source queue ARNs, you must set redrivePermission to byQueue."},
			{"eleven queues", `{"redrivePermission":"byQueue","sourceQueueArns":` + eleven + `}`, "The maximum number of source queue ARNs you can specify is 10."},
		} {
			text := tc.text
			if text != unsupported {
				text = "Value " + tc.policy + " for parameter RedriveAllowPolicy is invalid. Reason: " + cannot + ". " + text
			}
			checkError(t, tc.name, setWith(dead, "RedriveAllowPolicy", tc.policy)(h), api.InvalidParameterValue, text)
		}
		if _, ok := h.get(dead, "All")["RedriveAllowPolicy"]; ok {
			t.Error("it shows before it was set")
		}
		// A queue can be listed before it exists.
		byQueue := `{ "redrivePermission": "byQueue", "sourceQueueArns": ` + ten + ` }`
		h.set(dead, "RedriveAllowPolicy", byQueue)
		if got := h.get(dead, "RedriveAllowPolicy")["RedriveAllowPolicy"]; got != byQueue {
			t.Errorf("it reads %s", got)
		}
		q := h.create("q", h.redrive(dead, "1")...)
		// Tightening it later leaves what is in place.
		h.set(dead, "RedriveAllowPolicy", `{"redrivePermission":"denyAll"}`)
		h.set(q, "DelaySeconds", "0")
		h.send(q, "a")
		h.receive(q, visibility(0))
		h.receive(q)
		if got := bodies(h.receive(dead)); len(got) != 1 {
			t.Errorf("the dead-letter queue has %v", got)
		}
		h.set(dead, "RedriveAllowPolicy", "")
		h.create("q2", h.redrive(dead, "1")...)
	})
}

func visibility(seconds int64) func(*api.ReceiveMessageInput) {
	return func(in *api.ReceiveMessageInput) { in.VisibilityTimeout = &seconds }
}

func TestAQueueCanBeItsOwnDeadLetterQueue(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		q := h.create("q")
		h.set(q, h.redrive(q, "1")...)
		h.send(q, "a")
		for i := range 3 {
			if got := h.receive(q, visibility(0)); len(got) != 1 {
				t.Fatalf("receive %d: %v", i, bodies(got))
			}
		}
		h.set(q, "RedriveAllowPolicy", `{"redrivePermission":"denyAll"}`)
		if err := setWith(q, h.redrive(q, "2")...)(h); err == nil {
			t.Error("its own RedriveAllowPolicy does not count")
		}
		h.create("self", "RedrivePolicy", `{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:self","maxReceiveCount":1}`)
	})
}

func TestListDeadLetterSourceQueues(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		dead := h.create("dead")
		list := func(in *api.ListDeadLetterSourceQueuesInput) (*api.ListDeadLetterSourceQueuesOutput, error) {
			in.QueueUrl = dead
			return h.ListDeadLetterSourceQueues(t.Context(), h.caller, in)
		}
		out, err := list(&api.ListDeadLetterSourceQueuesInput{})
		if err != nil || out.QueueUrls != nil || out.NextToken != "" {
			t.Errorf("without sources: %+v, %v", out, err)
		}
		var want []string
		for i := range 5 {
			want = append(want, h.create(fmt.Sprint("source-", i), h.redrive(dead, "3")...))
		}
		var got []string
		in := &api.ListDeadLetterSourceQueuesInput{MaxResults: new(int64(2))}
		for range 3 {
			out, err := list(in)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, out.QueueUrls...)
			in.NextToken = &out.NextToken
		}
		if diff := cmp.Diff(want, got); diff != "" || *in.NextToken != "" {
			t.Errorf("sources (-want +got):\n%s\nlast token %q", diff, *in.NextToken)
		}
		_, err = list(&api.ListDeadLetterSourceQueuesInput{MaxResults: new(int64(1001))})
		checkError(t, "too many", err, api.InvalidParameterValue, "Value for parameter MaxResults is invalid. Reason: MaxResults must be an integer between 1 and 1000.")
		_, err = list(&api.ListDeadLetterSourceQueuesInput{NextToken: new("?")})
		checkError(t, "bad token", err, api.InvalidParameterValue, "Invalid or expired next token.")
		_, err = h.ListDeadLetterSourceQueues(t.Context(), h.caller, &api.ListDeadLetterSourceQueuesInput{QueueUrl: "nowhere"})
		checkError(t, "unknown queue", err, api.QueueDoesNotExist, "")
	})
}

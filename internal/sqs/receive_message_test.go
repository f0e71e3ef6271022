package sqs

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/queue"
)

func receiving(url string, edit func(*api.ReceiveMessageInput)) func(*harness) error {
	return func(h *harness) error {
		in := &api.ReceiveMessageInput{QueueUrl: url}
		edit(in)
		_, err := h.ReceiveMessage(h.t.Context(), h.caller, in)
		return err
	}
}

func waiting(seconds int64) func(*api.ReceiveMessageInput) {
	return func(in *api.ReceiveMessageInput) { in.WaitTimeSeconds = &seconds }
}

func TestReceiveMessageErrors(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		q, fifo := h.create("q"), h.createFIFO("q")
		most := func(v int64) func(*harness) error {
			return receiving(q, func(in *api.ReceiveMessageInput) { in.MaxNumberOfMessages = &v })
		}
		wait := func(v int64) func(*harness) error { return receiving(q, waiting(v)) }
		hide := func(v int64) func(*harness) error { return receiving(q, visibility(v)) }
		attempt := func(url, id string) func(*harness) error {
			return receiving(url, func(in *api.ReceiveMessageInput) { in.ReceiveRequestAttemptId = &id })
		}
		const (
			mostRule    = "Value %d for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided."
			waitRule    = "Value %d for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided."
			hideRule    = "Value %d for parameter VisibilityTimeout is invalid. Reason: Must be >= 0 and <= 43200, if provided."
			attemptRule = "Value %s for parameter ReceiveRequestAttemptId is invalid. Reason: ReceiveRequestAttemptId can only include alphanumeric and punctuation characters. 1 to 128 in length."
		)
		long := strings.Repeat("a", 129)
		checkErrors(t, h, []errorCase{
			{"unknown queue", receiving("nowhere", func(*api.ReceiveMessageInput) {}), api.QueueDoesNotExist, ""},
			{"0 messages", most(0), api.InvalidParameterValue, fmt.Sprintf(mostRule, 0)},
			{"11 messages", most(11), api.InvalidParameterValue, fmt.Sprintf(mostRule, 11)},
			{"wait -1", wait(-1), api.InvalidParameterValue, fmt.Sprintf(waitRule, -1)},
			{"wait 21", wait(21), api.InvalidParameterValue, fmt.Sprintf(waitRule, 21)},
			{"visibility -1", hide(-1), api.InvalidParameterValue, fmt.Sprintf(hideRule, -1)},
			{"visibility 43201", hide(43201), api.InvalidParameterValue, fmt.Sprintf(hideRule, 43201)},
			{"attempt on standard", attempt(q, "a"), api.InvalidParameterValue, "Value a for parameter ReceiveRequestAttemptId is invalid. Reason: The request include parameter that is not valid for this queue type."},
			{"empty attempt", attempt(fifo, ""), api.InvalidParameterValue, fmt.Sprintf(attemptRule, "")},
			{"long attempt", attempt(fifo, long), api.InvalidParameterValue, fmt.Sprintf(attemptRule, long)},
			{"unknown attribute", receiving(q, func(in *api.ReceiveMessageInput) { in.AttributeNames = []string{"Colour"} }), api.InvalidAttributeName, "Unknown Attribute Colour."},
			{"unknown system attribute", receiving(q, func(in *api.ReceiveMessageInput) { in.MessageSystemAttributeNames = []string{"All", "DelaySeconds"} }), api.InvalidAttributeName, "Unknown Attribute DelaySeconds."},
		})
		for name, do := range map[string]func(*harness) error{
			"1 message": most(1), "10 messages": most(10), "wait 0": wait(0), "wait 20": wait(20), "visibility 0": hide(0), "visibility 43200": hide(43200),
			"attempt of 128":                       attempt(fifo, strings.Repeat("a", 128)),
			"a queue attribute under the old name": receiving(q, func(in *api.ReceiveMessageInput) { in.AttributeNames = []string{"VisibilityTimeout", "All"} }),
		} {
			if err := do(h); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestInFlightLimit(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		q := h.create("q")
		for _, f := range h.faults {
			f.failBefore(times(2, "Receive", queue.ErrInFlightLimit))
		}
		checkError(t, "short poll", receiving(q, func(*api.ReceiveMessageInput) {})(h), api.OverLimit,
			"Too many messages have been received without being deleted. Please delete your received messages or let them timeout before receiving more.")
		if got := h.receive(q, waiting(1)); len(got) != 0 {
			t.Errorf("long poll: %v", got)
		}
	})
}

func TestReceivedMessage(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		fifo := h.createFIFO("q")
		body := "a <b> & \"c\"\r\n\té \U0001F600 "
		sentAt := time.Now().UnixMilli()
		sent := h.send(fifo, body, func(in *api.SendMessageInput) {
			in.MessageGroupId, in.MessageDeduplicationId = new("g"), new("d")
			in.MessageAttributes = map[string]api.MessageAttributeValue{"color": stringValue("String.label", "blue"), "count": stringValue("Number", "3.0"), "blob": binaryValue("Binary", 1, 2, 3)}
			in.MessageSystemAttributes = map[string]api.MessageAttributeValue{traceHeader: stringValue("String", "Root=1")}
		})
		time.Sleep(1500 * time.Millisecond)
		want := []api.Message{{
			MessageId: sent.MessageId, MD5OfBody: sent.MD5OfMessageBody, Body: body, MD5OfMessageAttributes: sent.MD5OfMessageAttributes,
			Attributes: map[string]string{
				"SenderId": "AIDATEST", "SentTimestamp": fmt.Sprint(sentAt), "ApproximateReceiveCount": "1", "ApproximateFirstReceiveTimestamp": fmt.Sprint(sentAt + 1500),
				"MessageGroupId": "g", "MessageDeduplicationId": "d", "SequenceNumber": sent.SequenceNumber, traceHeader: "Root=1",
			},
			MessageAttributes: map[string]api.MessageAttributeValue{"color": stringValue("String.label", "blue"), "count": stringValue("Number", "3.0"), "blob": binaryValue("Binary", 1, 2, 3)},
		}}
		got := h.receive(fifo, visibility(0))
		want[0].ReceiptHandle = got[0].ReceiptHandle
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("first receive (-want +got):\n%s", diff)
		}
		time.Sleep(time.Second)
		again := h.receive(fifo)
		if again[0].ReceiptHandle == got[0].ReceiptHandle {
			t.Error("two receives have the same handle")
		}
		want[0].Attributes["ApproximateReceiveCount"] = "2"
		want[0].ReceiptHandle = again[0].ReceiptHandle
		if diff := cmp.Diff(want, again); diff != "" {
			t.Errorf("second receive (-want +got):\n%s", diff)
		}
	})
}

func TestSystemAttributeNames(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		q := h.create("q")
		h.send(q, "a", func(in *api.SendMessageInput) { in.MessageGroupId = new("tenant") })
		standard := []string{"ApproximateFirstReceiveTimestamp", "ApproximateReceiveCount", "MessageGroupId", "SenderId", "SentTimestamp"}
		for _, tc := range []struct {
			name     string
			old, new []string
			query    bool
			want     []string
		}{
			{"none", nil, nil, false, nil},
			{"all", nil, []string{"All"}, false, standard},
			{"all by the old name", []string{"All"}, nil, false, standard},
			{"one", nil, []string{"SenderId"}, false, []string{"SenderId"}},
			{"one by the old name", []string{"SentTimestamp"}, nil, false, []string{"SentTimestamp"}},
			{"not applicable", nil, []string{"SequenceNumber", "AWSTraceHeader", "DeadLetterQueueSourceArn", "MessageDeduplicationId"}, false, nil},
			{"both in JSON", []string{"SenderId"}, []string{"All"}, false, standard},
			{"both in Query", []string{"SenderId"}, []string{"All"}, true, []string{"SenderId"}},
		} {
			h.caller.Query = tc.query
			got := h.receive(q, visibility(0), func(in *api.ReceiveMessageInput) { in.AttributeNames, in.MessageSystemAttributeNames = tc.old, tc.new })
			var names []string
			for _, row := range systemAttributes {
				if _, ok := got[0].Attributes[row.name]; ok {
					names = append(names, row.name)
				}
			}
			if fmt.Sprint(sorted(names)) != fmt.Sprint(tc.want) || tc.want == nil && got[0].Attributes != nil {
				t.Errorf("%s: %v, want %v", tc.name, got[0].Attributes, tc.want)
			}
		}
	})
}

// reference/sqs.md 6.6.
func TestMessageAttributeNames(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		q := h.create("q")
		h.send(q, "a", func(in *api.SendMessageInput) {
			in.MessageAttributes = map[string]api.MessageAttributeValue{"Help.Me": stringValue("String", "Me"), "Hello": stringValue("String", "There"), "General": stringValue("String", "Kenobi")}
		})
		const (
			all3 = "4c360f3fdafd970e05fae2f149d997f5"
			hel  = "83fee93c1bcd8b9a5a923ffacdc636c7"
			two  = "fca026605781cb4126a1e9044df24232"
		)
		for _, tc := range []struct {
			names []string
			want  string
			md5   string
		}{
			{nil, "[]", ""}, {[]string{"All"}, "[General Hello Help.Me]", all3}, {[]string{".*"}, "[General Hello Help.Me]", all3}, {[]string{"*"}, "[General Hello Help.Me]", all3},
			{[]string{"Hel.*"}, "[Hello Help.Me]", hel}, {[]string{"Help.*"}, "[Help.Me]", "-"}, {[]string{"Hello", "General"}, "[General Hello]", two},
			{[]string{"hello"}, "[]", ""}, {[]string{"Nothing", "!", ""}, "[]", ""}, {[]string{"Hello", "Hel.*", "Hello"}, "[Hello Help.Me]", hel},
		} {
			got := h.receive(q, visibility(0), func(in *api.ReceiveMessageInput) { in.MessageAttributeNames = tc.names })[0]
			var names []string
			for name := range got.MessageAttributes {
				names = append(names, name)
			}
			if fmt.Sprint(sorted(names)) != tc.want || tc.md5 != "-" && got.MD5OfMessageAttributes != tc.md5 || tc.want == "[]" && got.MessageAttributes != nil {
				t.Errorf("%v: %v %s, want %s %s", tc.names, names, got.MD5OfMessageAttributes, tc.want, tc.md5)
			}
		}
	})
}

func TestReceiveTakesOneMessageByDefault(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		q := h.create("q")
		h.send(q, "a")
		h.send(q, "b")
		out, err := h.ReceiveMessage(t.Context(), h.caller, &api.ReceiveMessageInput{QueueUrl: q})
		if err != nil || len(out.Messages) != 1 || out.Messages[0].Attributes != nil {
			t.Errorf("%+v, %v", out, err)
		}
	})
}

func TestLongPoll(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		q := h.create("q", "ReceiveMessageWaitTimeSeconds", "20")
		start := time.Now()
		if got := h.receive(q); len(got) != 0 || time.Since(start) != 20*time.Second {
			t.Errorf("the queue's wait ended with %v after %v", bodies(got), time.Since(start))
		}
		start = time.Now()
		if got := h.receive(q, waiting(0)); len(got) != 0 || time.Since(start) != 0 {
			t.Errorf("an explicit 0 ended with %v after %v", bodies(got), time.Since(start))
		}
		received := make(chan []api.Message)
		go func() { received <- h.receive(q) }()
		time.Sleep(3 * time.Second)
		start = time.Now()
		h.send(q, "a")
		if got := <-received; len(got) != 1 || time.Since(start) != 0 {
			t.Errorf("a send woke %v after %v", bodies(got), time.Since(start))
		}
	})
}

func TestLongPollOfAClientThatGoesTakesNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		q := h.create("q")
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() {
			_, err := h.ReceiveMessage(ctx, h.caller, &api.ReceiveMessageInput{QueueUrl: q, WaitTimeSeconds: new(int64(20))})
			ended <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("it ended with %v", err)
		}
		h.send(q, "a")
		if got, want := h.counts(q), [3]string{"1", "0", "0"}; got != want {
			t.Errorf("counts %v, want %v", got, want)
		}
	})
}

// The answer to a receive whose response was lost can be had again.
func TestReceiveRequestAttemptID(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		q := h.createFIFO("q")
		h.send(q, "a", inGroup("g"))
		h.send(q, "b", inGroup("g"))
		attempt := func(in *api.ReceiveMessageInput) { in.ReceiveRequestAttemptId = new("attempt") }
		first := h.receive(q, attempt)
		if again := h.receive(q, attempt); len(first) != 2 || cmp.Diff(first, again) != "" {
			t.Errorf("first %v, again %v", bodies(first), bodies(again))
		}
		if other := h.receive(q); len(other) != 0 {
			t.Errorf("without the id: %v", bodies(other))
		}
	})
}

// A receive for which there is no memory leaves the messages where they are, on a long poll as well.
func TestReceiveWithoutRoom(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		q := h.create("q", "VisibilityTimeout", "0")
		h.send(q, strings.Repeat("a", 100<<10))
		h.receive(q) // it is known now that they are large
		h.set(q, "VisibilityTimeout", "30")
		without := *h.caller
		without.Room = noRoom{}
		for _, wait := range []int64{0, 20} {
			_, err := h.ReceiveMessage(h.t.Context(), &without, &api.ReceiveMessageInput{QueueUrl: q, WaitTimeSeconds: &wait})
			if !errors.Is(err, api.RequestThrottled) {
				t.Errorf("with a wait of %d s: %v", wait, err)
			}
		}
		if got := h.receive(q); len(got) != 1 || got[0].Attributes["ApproximateReceiveCount"] != "2" {
			t.Errorf("%d messages", len(got))
		}
	})
}

// noRoom is a Room with nothing left.
type noRoom struct{}

func (noRoom) Free() int                      { return 64 << 10 }
func (noRoom) Fits(int) int                   { return 0 }
func (noRoom) Take(context.Context, int) bool { return false }
func (noRoom) Keep(int)                       {}

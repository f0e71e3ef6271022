package sqs

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/shard"
)

const invalidCharacters = "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF"

func sending(url string, edit func(*api.SendMessageInput)) func(*harness) error {
	return func(h *harness) error {
		in := &api.SendMessageInput{QueueUrl: url, MessageBody: new("body")}
		edit(in)
		_, err := h.SendMessage(h.t.Context(), h.caller, in)
		return err
	}
}

func stringValue(dataType, value string) api.MessageAttributeValue {
	return api.MessageAttributeValue{DataType: &dataType, StringValue: &value}
}

func binaryValue(dataType string, value ...byte) api.MessageAttributeValue {
	return api.MessageAttributeValue{DataType: &dataType, BinaryValue: value}
}

func TestSendMessageErrors(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		q, fifo := h.create("q", "MaximumMessageSize", "1024"), h.createFIFO("q")
		content := h.createFIFO("content", "ContentBasedDeduplication", "true")
		body := func(text string) func(*harness) error {
			return sending(q, func(in *api.SendMessageInput) { in.MessageBody = &text })
		}
		delay := func(url string, v int64) func(*harness) error {
			return sending(url, func(in *api.SendMessageInput) {
				in.DelaySeconds = &v
				if url == fifo {
					in.MessageGroupId, in.MessageDeduplicationId = new("g"), new("d")
				}
			})
		}
		group := func(url, id string) func(*harness) error {
			return sending(url, func(in *api.SendMessageInput) {
				in.MessageGroupId = &id
				if url == fifo {
					in.MessageDeduplicationId = new("d")
				}
			})
		}
		dedup := func(url, id string) func(*harness) error {
			return sending(url, func(in *api.SendMessageInput) {
				in.MessageDeduplicationId = &id
				if url != q {
					in.MessageGroupId = new("g")
				}
			})
		}
		long := strings.Repeat("a", 129)
		const (
			tooLong   = "One or more parameters are invalid. Reason: Message must be shorter than 1024 bytes."
			groupRule = "Value %s for parameter MessageGroupId is invalid. Reason: MessageGroupId can only include alphanumeric and punctuation characters. 1 to 128 in length."
			dedupRule = "Value %s for parameter MessageDeduplicationId is invalid. Reason: MessageDeduplicationId can only include alphanumeric and punctuation characters. 1 to 128 in length."
			delayRule = "Value %d for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900."
			wrongType = "Value %v for parameter %s is invalid. Reason: The request include parameter that is not valid for this queue type."
		)
		checkErrors(t, h, []errorCase{
			{"unknown queue", sending("nowhere", func(*api.SendMessageInput) {}), api.QueueDoesNotExist, ""},
			{"no body", sending(q, func(in *api.SendMessageInput) { in.MessageBody = nil }), api.MissingParameter, "The request must contain the parameter MessageBody."},
			{"empty body", body(""), api.MissingParameter, "The request must contain the parameter MessageBody."},
			{"too long", body(strings.Repeat("a", 1025)), api.InvalidParameterValue, tooLong},
			{"too long with attributes", sending(q, func(in *api.SendMessageInput) {
				in.MessageBody = new(strings.Repeat("a", 1024-len("n")-len("String")))
				in.MessageAttributes = map[string]api.MessageAttributeValue{"n": stringValue("String", "v")}
			}), api.InvalidParameterValue, tooLong},
			{"bad characters", body("a\x00"), api.InvalidMessageContents, invalidCharacters},
			{"delay -1", delay(q, -1), api.InvalidParameterValue, fmt.Sprintf(delayRule, -1)},
			{"delay 901", delay(q, 901), api.InvalidParameterValue, fmt.Sprintf(delayRule, 901)},
			{"delay 901 on FIFO", delay(fifo, 901), api.InvalidParameterValue, fmt.Sprintf(delayRule, 901)},
			{"delay on FIFO", delay(fifo, 1), api.InvalidParameterValue, fmt.Sprintf(wrongType, 1, "DelaySeconds")},
			{"no group on FIFO", sending(fifo, func(in *api.SendMessageInput) { in.MessageDeduplicationId = new("d") }), api.MissingParameter, "The request must contain the parameter MessageGroupId."},
			{"neither group nor dedup id on FIFO", sending(fifo, func(*api.SendMessageInput) {}), api.MissingParameter, "The request must contain the parameter MessageGroupId."},
			{"no dedup id on FIFO", sending(fifo, func(in *api.SendMessageInput) { in.MessageGroupId = new("g") }), api.InvalidParameterValue, "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"},
			{"empty group", group(fifo, ""), api.InvalidParameterValue, fmt.Sprintf(groupRule, "")},
			{"empty group on standard", group(q, ""), api.InvalidParameterValue, fmt.Sprintf(groupRule, "")},
			{"long group", group(fifo, long), api.InvalidParameterValue, fmt.Sprintf(groupRule, long)},
			{"group with a space on standard", group(q, "a b"), api.InvalidParameterValue, fmt.Sprintf(groupRule, "a b")},
			{"dedup id on standard", dedup(q, "d"), api.InvalidParameterValue, fmt.Sprintf(wrongType, "d", "MessageDeduplicationId")},
			{"empty dedup id", dedup(fifo, ""), api.InvalidParameterValue, fmt.Sprintf(dedupRule, "")},
			{"empty dedup id with content", dedup(content, ""), api.InvalidParameterValue, fmt.Sprintf(dedupRule, "")},
			{"long dedup id", dedup(fifo, long), api.InvalidParameterValue, fmt.Sprintf(dedupRule, long)},
		})
		for name, do := range map[string]func(*harness) error{
			"exactly the maximum":      body(strings.Repeat("a", 1024)),
			"the maximum in bytes":     body(strings.Repeat("ä", 512)),
			"delay 0":                  delay(q, 0),
			"delay 900":                delay(q, 900),
			"delay 0 on FIFO":          delay(fifo, 0),
			"a group on standard":      group(q, strings.Repeat("a", 128)),
			"a group of punctuation":   group(q, "!~"),
			"content dedup without id": sending(content, func(in *api.SendMessageInput) { in.MessageGroupId = new("g") }),
			"content dedup with an id": dedup(content, "d"),
			"blank body":               body("  \t\r\n"),
		} {
			if err := do(h); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := sending(q, func(in *api.SendMessageInput) { in.MessageBody = new(strings.Repeat("ä", 513)) })(h); err == nil {
			t.Error("the size is not counted in bytes")
		}
	})
}

// reference/sqs.md 6.3.
func TestMessageAttributeErrors(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		q := h.create("q")
		attribute := func(name string, v api.MessageAttributeValue) func(*harness) error {
			return sending(q, func(in *api.SendMessageInput) {
				in.MessageAttributes = map[string]api.MessageAttributeValue{name: v}
			})
		}
		system := func(name string, v api.MessageAttributeValue) func(*harness) error {
			return sending(q, func(in *api.SendMessageInput) {
				in.MessageSystemAttributes = map[string]api.MessageAttributeValue{name: v}
			})
		}
		eleven := make(map[string]api.MessageAttributeValue)
		for i := range 11 {
			eleven[fmt.Sprint("a", i)] = stringValue("String", "v")
		}
		long := strings.Repeat("n", 257)
		const (
			reserved  = "You can't use message attribute names beginning with 'AWS.' or 'Amazon'. These strings are reserved for internal use."
			badType   = "The type of message (user) attribute 'N' is invalid. You must use only the following supported type prefixes: Binary, Number, String."
			notNumber = "Can't cast the value of message (user) attribute 'N' to a number."
		)
		ok := stringValue("String", "v")
		rows := []struct {
			name string
			do   func(*harness) error
			text string
		}{
			{"eleven", sending(q, func(in *api.SendMessageInput) { in.MessageAttributes = eleven }), "Number of message attributes [11] exceeds the allowed maximum [10]."},
			{"name of 257", attribute(long, ok), "Message (user) attribute name must be shorter than 256 bytes."},
			{"no name", attribute("", ok), "The request must contain non-empty message (user) attribute names."},
			{"AWS.", attribute("AWS.x", ok), reserved},
			{"aws.", attribute("aws.x", ok), reserved},
			{"Amazon.", attribute("Amazon.x", ok), reserved},
			{"dot in front", attribute(".x", ok), "Message (user) attribute name must not begin with character '.'."},
			{"dot at the end", attribute("x.", ok), "Message (user) attribute name must not end with character '.'."},
			{"bad characters", attribute("a!", ok), "Message (user) attribute name 'a!' can only include alphanumeric characters, hyphens, underscores and periods."},
			{"nothing", attribute("N", api.MessageAttributeValue{}), "The message (user) attribute 'N' must contain a non-empty message attribute value."},
			{"no type", attribute("N", api.MessageAttributeValue{StringValue: new("v")}), "The message (user) attribute 'N' must contain a non-empty message attribute type."},
			{"empty type", attribute("N", stringValue("", "v")), "The message (user) attribute 'N' must contain a non-empty message attribute type."},
			{"unknown type", attribute("N", stringValue("Text", "v")), badType},
			{"type in lower case", attribute("N", stringValue("string", "v")), badType},
			{"prefix without dot", attribute("N", stringValue("Strings", "v")), badType},
			{"control character in the label", attribute("N", stringValue("String.\x00", "v")), badType},
			{"no value", attribute("N", api.MessageAttributeValue{DataType: new("String")}), "Message (user) attribute 'N' must contain a non-empty value of type 'String'."},
			{"empty text", attribute("N", stringValue("String", "")), "Message (user) attribute 'N' must contain a non-empty value of type 'String'."},
			{"empty number", attribute("N", stringValue("Number.int", "")), "Message (user) attribute 'N' must contain a non-empty value of type 'Number'."},
			{"empty bytes", attribute("N", api.MessageAttributeValue{DataType: new("Binary"), BinaryValue: []byte{}}), "Message (user) attribute 'N' must contain a non-empty value of type 'Binary'."},
			{"two values", attribute("N", api.MessageAttributeValue{DataType: new("String"), StringValue: new("v"), BinaryValue: []byte{1}}), "Message (user) attribute 'N' must have a single value."},
			{"type of 257", attribute("N", stringValue("String."+strings.Repeat("x", 250), "v")), "Message (user) attribute type must be shorter than 256 bytes."},
			{"binary as text", attribute("N", stringValue("Binary", "v")), "Message (user) attribute 'N' with type 'Binary' must use field 'Binary'."},
			{"text as binary", attribute("N", binaryValue("String", 1)), "Message (user) attribute 'N' with type 'String' must use field 'String'."},
			{"number as binary", attribute("N", binaryValue("Number", 1)), "Message (user) attribute 'N' with type 'Number' must use field 'String'."},
			{"control character", attribute("N", stringValue("String", "\x01")), invalidCharacters},
			{"not a number", attribute("N", stringValue("Number", "one")), notNumber},
			{"39 digits", attribute("N", stringValue("Number.int", strings.Repeat("9", 39))), notNumber},
			{"unknown system attribute", system("Colour", ok), "Message system attribute name 'Colour' is invalid."},
			{"empty system attribute", system(traceHeader, stringValue("String", "")), "Message system attribute 'AWSTraceHeader' must contain a non-empty value of type 'String'."},
			{"system attribute without type", system(traceHeader, api.MessageAttributeValue{StringValue: new("v")}), "The message system attribute 'AWSTraceHeader' must contain a non-empty message attribute type."},
			{"system attribute of another type", system(traceHeader, stringValue("Number", "1")), "The type of message system attribute 'AWSTraceHeader' is invalid. You must use only the following supported type prefixes: String."},
			{"long system attribute", system(traceHeader, stringValue("String", strings.Repeat("x", 8193))), "Message system attribute 'AWSTraceHeader' must be shorter than 8192 bytes."},
		}
		for _, row := range rows {
			checkError(t, row.name, row.do(h), api.InvalidParameterValue, row.text)
		}
		const lists = "Message attribute list values in SendMessage operation are not supported."
		checkErrors(t, h, []errorCase{
			{"string list", attribute("N", api.MessageAttributeValue{DataType: new("String"), StringListValues: []string{"a"}}), api.UnsupportedOperation, lists},
			{"binary list", attribute("N", api.MessageAttributeValue{DataType: new("Binary"), BinaryListValues: [][]byte{{1}}}), api.UnsupportedOperation, lists},
		})
		for name, v := range map[string]api.MessageAttributeValue{
			"attr.1øßä": ok, "Invalid..Name": ok, strings.Repeat("n", 256): ok, "a-b_c.9": ok, "Amazon": ok, "awsome": ok,
			"label": stringValue("String.my type", "v"), "longest": stringValue("String."+strings.Repeat("x", 249), "v"), "bytes": binaryValue("Binary.gif", 0),
		} {
			if err := attribute(name, v)(h); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestSendMessageAnswers(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		q, fifo := h.create("q"), h.createFIFO("q")
		out := h.send(q, "message", func(in *api.SendMessageInput) {
			in.MessageAttributes = map[string]api.MessageAttributeValue{"color": stringValue("String", "blue"), "count": stringValue("Number", "3"), "blob": binaryValue("Binary", 1, 2, 3)}
			in.MessageSystemAttributes = map[string]api.MessageAttributeValue{traceHeader: stringValue("String", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1")}
			in.MessageGroupId = new("tenant")
		})
		want := &api.SendMessageOutput{
			MessageId:                    out.MessageId,
			MD5OfMessageBody:             "78e731027d8fd50ed642340b7c9a63b3",
			MD5OfMessageAttributes:       "d838729972a4b70e2d2acd9d59ac847c",
			MD5OfMessageSystemAttributes: "5ae4d5d7636402d80f4eb6d213245a88",
		}
		if diff := cmp.Diff(want, out); diff != "" || len(out.MessageId) != 36 {
			t.Errorf("standard (-want +got):\n%s", diff)
		}
		out = h.send(fifo, "message", inGroup("g"))
		want = &api.SendMessageOutput{MessageId: out.MessageId, MD5OfMessageBody: "78e731027d8fd50ed642340b7c9a63b3", SequenceNumber: out.SequenceNumber}
		if diff := cmp.Diff(want, out); diff != "" || len(out.SequenceNumber) != 20 {
			t.Errorf("FIFO (-want +got):\n%s", diff)
		}
		// A duplicate is answered with what the original got, and with its own MD5.
		again := h.send(fifo, "other", func(in *api.SendMessageInput) {
			in.MessageGroupId, in.MessageDeduplicationId = new("g"), new("message")
		})
		if again.MessageId != out.MessageId || again.SequenceNumber != out.SequenceNumber || again.MD5OfMessageBody == out.MD5OfMessageBody {
			t.Errorf("duplicate %+v of %+v", again, out)
		}
	})
}

// An explicit DelaySeconds overrides the queue's, 0 too; on FIFO queues 0 means nothing.
func TestDelayOfAMessage(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		q, fifo := h.create("q", "DelaySeconds", "10"), h.createFIFO("q", "DelaySeconds", "10")
		noDelay := func(in *api.SendMessageInput) { in.DelaySeconds = new(int64(0)) }
		h.send(q, "queue's")
		h.send(q, "none", noDelay)
		h.send(q, "own", func(in *api.SendMessageInput) { in.DelaySeconds = new(int64(20)) })
		h.send(fifo, "queue's", inGroup("g"), noDelay)
		for _, step := range []struct {
			wait time.Duration
			want string
		}{{0, "[none]"}, {9 * time.Second, "[]"}, {time.Second, "[queue's]"}, {9 * time.Second, "[]"}, {time.Second, "[own]"}} {
			time.Sleep(step.wait)
			if got := fmt.Sprint(bodies(h.receive(q))); got != step.want {
				t.Errorf("after another %v: %s, want %s", step.wait, got, step.want)
			}
			if got := bodies(h.receive(fifo)); (step.want == "[queue's]") != (len(got) == 1) {
				t.Errorf("FIFO after another %v: %s", step.wait, got)
			}
		}
	})
}

func TestTraceHeader(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		q := h.create("q")
		h.caller.TraceHeader = "Root=http"
		if out := h.send(q, "from HTTP"); out.MD5OfMessageSystemAttributes != "" {
			t.Error("an MD5 of system attributes that were not sent")
		}
		h.send(q, "own", func(in *api.SendMessageInput) {
			in.MessageSystemAttributes = map[string]api.MessageAttributeValue{traceHeader: stringValue("String", "Root=own")}
		})
		h.caller.TraceHeader = "bad\xff"
		h.send(q, "bad")
		got := make(map[string]string)
		for _, m := range h.receive(q) {
			got[m.Body] = m.Attributes[traceHeader]
		}
		if diff := cmp.Diff(map[string]string{"from HTTP": "Root=http", "own": "Root=own", "bad": ""}, got); diff != "" {
			t.Errorf("trace headers (-want +got):\n%s", diff)
		}
	})
}

func TestContentBasedDeduplication(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		q := h.createFIFO("q", "ContentBasedDeduplication", "true")
		group := func(in *api.SendMessageInput) { in.MessageGroupId = new("g") }
		first := h.send(q, "same", group)
		again := h.send(q, "same", group, func(in *api.SendMessageInput) {
			in.MessageAttributes = map[string]api.MessageAttributeValue{"a": stringValue("String", "v")}
		})
		const hash = "0967115f2813a3541eaef77de9d9d5773f1c0c04314b0bbfe4ff3b3b1c55b5d5"
		explicit := h.send(q, "else", group, func(in *api.SendMessageInput) { in.MessageDeduplicationId = new(hash) })
		if again.MessageId != first.MessageId || explicit.MessageId != first.MessageId {
			t.Error("not a duplicate")
		}
		got := h.receive(q)
		if len(got) != 1 || got[0].Attributes["MessageDeduplicationId"] != hash {
			t.Errorf("received %+v", got)
		}
	})
}

func TestShardErrorsOfSend(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		q := h.create("q")
		for _, tc := range []struct {
			name string
			err  error
			kind *api.ErrorKind
			text string
		}{
			{"overloaded", shard.ErrOverloaded, api.RequestThrottled, ""},
			{"disk full", fmt.Errorf("append: %w", shard.ErrDiskFull), api.ServiceUnavailable, "The server's disk is full: it takes no more messages until there is room again."},
			{"unavailable", shard.ErrUnavailable, api.ServiceUnavailable, ""},
		} {
			for _, f := range h.faults {
				f.failBefore(times(1, "Send", tc.err))
			}
			checkError(t, tc.name, sending(q, func(*api.SendMessageInput) {})(h), tc.kind, tc.text)
		}
	})
}

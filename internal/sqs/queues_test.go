package sqs

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/shard"
)

func TestQueueURLForms(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		url := h.create("q")
		for _, form := range []string{
			url, "q", "https://sqs.us-east-1.amazonaws.com/000000000000/q", "https://queue.amazonaws.com/000000000000/q",
			"https://us-west-2.queue.amazonaws.com/000000000000/q", "/000000000000/q", "http://anything:1/prefix/000000000000/q/", testQueueARN,
		} {
			if h.get(form, "QueueArn")["QueueArn"] != testQueueARN {
				t.Errorf("%s is not understood", form)
			}
		}
		for _, form := range []string{
			"", "Q", "nowhere", "http://whatever-incorrect-queue-address", "http://localhost/111111111111/q", "https://sqs.us-east-1.amazonaws.com/000000000000/nowhere",
			"arn:aws:sqs:eu-west-1:000000000000:q", "arn:aws:sns:us-east-1:000000000000:q", "http://localhost/q/000000000000",
		} {
			_, err := h.GetQueueAttributes(t.Context(), h.caller, &api.GetQueueAttributesInput{QueueUrl: form})
			checkError(t, fmt.Sprintf("%q", form), err, api.QueueDoesNotExist, "")
		}
	})
}

func TestRegionsAndAccountsAreApart(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		callers := map[string]*api.Caller{}
		for _, account := range []string{"000000000000", "111111111111"} {
			for _, region := range []string{"us-east-1", "eu-west-1"} {
				h.caller = &api.Caller{Account: account, Region: region, BaseURL: testBase}
				callers[account+region] = h.caller
				url := h.create("q")
				h.send("q", account+region)
				if got, want := h.arnOf("q"), "arn:aws:sqs:"+region+":"+account+":q"; got != want || url != testBase+"/"+account+"/q" {
					t.Errorf("ARN %s, URL %s", got, url)
				}
			}
		}
		for id, caller := range callers {
			h.caller = caller
			if got := bodies(h.receive("q", visibility(0))); len(got) != 1 || got[0] != id {
				t.Errorf("%s receives %v", id, got)
			}
			out, err := h.ListQueues(t.Context(), caller, &api.ListQueuesInput{})
			if err != nil || len(out.QueueUrls) != 1 {
				t.Errorf("%s lists %+v, %v", id, out, err)
			}
		}
		// A URL may name another account's queue; the region is always the caller's.
		h.caller = callers["000000000000us-east-1"]
		if got := bodies(h.receive(testBase + "/111111111111/q")); len(got) != 1 || got[0] != "111111111111us-east-1" {
			t.Errorf("through the URL of another account: %v", got)
		}
	})
}

func TestGetQueueUrl(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		h.create("q")
		h.createFIFO("q")
		find := func(name, owner *string) func(*harness) error {
			return func(h *harness) error {
				_, err := h.GetQueueUrl(t.Context(), h.caller, &api.GetQueueUrlInput{QueueName: name, QueueOwnerAWSAccountId: owner})
				return err
			}
		}
		for _, name := range []string{"q", "q.fifo"} {
			out, err := h.GetQueueUrl(t.Context(), h.caller, &api.GetQueueUrlInput{QueueName: &name, QueueOwnerAWSAccountId: new(testAccount)})
			if err != nil || out.QueueUrl != testBase+"/"+testAccount+"/"+name {
				t.Errorf("%s: %+v, %v", name, out, err)
			}
		}
		checkErrors(t, h, []errorCase{
			{"no name", find(nil, nil), api.InvalidParameterValue, "Value for parameter QueueName is invalid. Reason: Must specify a queue name."},
			{"empty name", find(new(""), nil), api.InvalidParameterValue, "Queue name cannot be empty"},
			{"illegal name", find(new("a b"), nil), api.InvalidParameterValue, "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"},
			{"unknown", find(new("nowhere"), nil), api.QueueDoesNotExist, ""},
			{"other case", find(new("Q"), nil), api.QueueDoesNotExist, ""},
			{"unknown FIFO", find(new("nowhere.fifo"), nil), api.QueueDoesNotExist, ""},
			{"another account", find(new("q"), new("111111111111")), api.QueueDoesNotExist, ""},
			{"bad account", find(new("q"), new("1")), api.InvalidParameterValue, "Value 1 for parameter QueueOwnerAWSAccountId is invalid. Reason: An account id has 12 digits."},
		})
	})
}

func TestListQueues(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		list := func(in *api.ListQueuesInput) *api.ListQueuesOutput {
			t.Helper()
			out, err := h.ListQueues(t.Context(), h.caller, in)
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
		if out := list(&api.ListQueuesInput{}); out.QueueUrls != nil || out.NextToken != "" {
			t.Errorf("without queues: %+v", out)
		}
		var want []string
		for i := range 5 {
			want = append(want, h.create(fmt.Sprint("b", i)))
		}
		a := h.create("a")
		if diff := cmp.Diff(&api.ListQueuesOutput{QueueUrls: append([]string{a}, want...)}, list(&api.ListQueuesInput{})); diff != "" {
			t.Errorf("all (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(&api.ListQueuesOutput{QueueUrls: want}, list(&api.ListQueuesInput{QueueNamePrefix: "b"})); diff != "" {
			t.Errorf("prefix (-want +got):\n%s", diff)
		}
		if out := list(&api.ListQueuesInput{QueueNamePrefix: "B"}); out.QueueUrls != nil {
			t.Errorf("prefix in another case: %+v", out)
		}
		// Pages go on where they were, whatever comes and goes.
		in := &api.ListQueuesInput{QueueNamePrefix: "b", MaxResults: new(int64(2))}
		first := list(in)
		h.deleteQueue(want[1])
		h.create("b1a")
		in.NextToken = &first.NextToken
		second := list(in)
		in.NextToken = &second.NextToken
		third := list(in)
		got := append(append(first.QueueUrls, second.QueueUrls...), third.QueueUrls...)
		if diff := cmp.Diff([]string{want[0], want[1], testBase + "/" + testAccount + "/b1a", want[2], want[3], want[4]}, got); diff != "" || third.NextToken != "" {
			t.Errorf("pages (-want +got):\n%s\nlast token %q", diff, third.NextToken)
		}
		// A page that is exactly full is the last.
		if out := list(&api.ListQueuesInput{QueueNamePrefix: "a", MaxResults: new(int64(1))}); len(out.QueueUrls) != 1 || out.NextToken != "" {
			t.Errorf("the full last page: %+v", out)
		}
		listing := func(in *api.ListQueuesInput) func(*harness) error {
			return func(h *harness) error { _, err := h.ListQueues(t.Context(), h.caller, in); return err }
		}
		const (
			badMax  = "Value for parameter MaxResults is invalid. Reason: MaxResults must be an integer between 1 and 1000."
			changed = "Invalid NextToken value. If you are passing in NextToken, you must not change the other request parameters."
		)
		checkErrors(t, h, []errorCase{
			{"MaxResults 0", listing(&api.ListQueuesInput{MaxResults: new(int64(0))}), api.InvalidParameterValue, badMax},
			{"MaxResults 1001", listing(&api.ListQueuesInput{MaxResults: new(int64(1001))}), api.InvalidParameterValue, badMax},
			{"bad token", listing(&api.ListQueuesInput{NextToken: new("x")}), api.InvalidParameterValue, "Invalid or expired next token."},
			{"empty token", listing(&api.ListQueuesInput{NextToken: new("")}), api.InvalidParameterValue, "Invalid or expired next token."},
			{"other prefix", listing(&api.ListQueuesInput{QueueNamePrefix: "c", MaxResults: in.MaxResults, NextToken: &first.NextToken}), api.InvalidParameterValue, changed},
			{"other page size", listing(&api.ListQueuesInput{QueueNamePrefix: "b", MaxResults: new(int64(3)), NextToken: &first.NextToken}), api.InvalidParameterValue, changed},
		})
	})
}

func TestListQueuesWithoutMaxResultsEndsAt1000(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		for i := range 1001 {
			h.create(fmt.Sprintf("q%04d", i))
		}
		out, err := h.ListQueues(t.Context(), h.caller, &api.ListQueuesInput{})
		if err != nil || len(out.QueueUrls) != 1000 || out.NextToken != "" {
			t.Errorf("%d queues, token %q, %v", len(out.QueueUrls), out.NextToken, err)
		}
		out, err = h.ListQueues(t.Context(), h.caller, &api.ListQueuesInput{MaxResults: new(int64(1000))})
		if err != nil || len(out.QueueUrls) != 1000 || out.NextToken == "" {
			t.Errorf("with MaxResults: %d queues, token %q, %v", len(out.QueueUrls), out.NextToken, err)
		}
	})
}

func TestDeleteQueue(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		url := h.create("q")
		ended := make(chan error)
		go func() {
			_, err := h.ReceiveMessage(context.Background(), h.caller, &api.ReceiveMessageInput{QueueUrl: url, WaitTimeSeconds: new(int64(20))})
			ended <- err
		}()
		synctest.Wait()
		start := time.Now()
		h.deleteQueue(url)
		checkError(t, "the waiting receive", <-ended, api.QueueDoesNotExist, "")
		if took := time.Since(start); took != 0 {
			t.Errorf("it ended %v later", took)
		}
		checkErrors(t, h, []errorCase{
			{"again", func(h *harness) error {
				return h.DeleteQueue(t.Context(), h.caller, &api.DeleteQueueInput{QueueUrl: url})
			}, api.QueueDoesNotExist, ""},
			{"send", func(h *harness) error {
				_, err := h.SendMessage(t.Context(), h.caller, &api.SendMessageInput{QueueUrl: url, MessageBody: new("x")})
				return err
			}, api.QueueDoesNotExist, ""},
		})
	})
}

// If the partition cannot be dropped at once the queue is gone all the same, and the partition goes later.
func TestDeleteQueueIsMendedInTheBackground(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		url := h.create("q")
		for _, f := range h.faults {
			f.failBefore(times(2, "Drop", shard.ErrUnavailable))
		}
		h.deleteQueue(url)
		partitions := func() (n int) {
			for _, s := range h.options.Shards {
				all, err := s.Partitions(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				n += len(all)
			}
			return n
		}
		if n := partitions(); n != 1 {
			t.Errorf("%d partitions, want 1 as yet", n)
		}
		time.Sleep(10 * time.Second)
		if n := partitions(); n != 0 {
			t.Errorf("%d partitions are left", n)
		}
	})
}

func TestPurgeQueue(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		url := h.create("q")
		purge := func(h *harness) error {
			return h.PurgeQueue(t.Context(), h.caller, &api.PurgeQueueInput{QueueUrl: url})
		}
		h.send(url, "visible")
		h.send(url, "in flight")
		h.send(url, "delayed", func(in *api.SendMessageInput) { in.DelaySeconds = new(int64(10)) })
		handle := h.receive(url, func(in *api.ReceiveMessageInput) { in.MaxNumberOfMessages = nil })[0].ReceiptHandle
		if err := purge(h); err != nil {
			t.Fatal(err)
		}
		if got, want := h.counts(url), [3]string{"0", "0", "0"}; got != want {
			t.Errorf("counts %v", got)
		}
		if err := h.delete(url, handle); err != nil {
			t.Errorf("delete of a purged message: %v", err)
		}
		checkErrors(t, h, []errorCase{
			{"change of a purged message", func(h *harness) error { return h.change(url, handle, 5) }, api.InvalidParameterValue,
				"Value " + handle + " for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change."},
			{"again", purge, api.PurgeQueueInProgress, "Only one PurgeQueue operation on q is allowed every 60 seconds."},
			{"unknown queue", func(h *harness) error {
				return h.PurgeQueue(t.Context(), h.caller, &api.PurgeQueueInput{QueueUrl: "nowhere"})
			}, api.QueueDoesNotExist, ""},
		})
		time.Sleep(time.Minute)
		if err := purge(h); err != nil {
			t.Errorf("after a minute: %v", err)
		}
	})
}

func TestPurgeClearsTheDeduplicationMemory(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		url := h.createFIFO("q")
		first := h.send(url, "a", inGroup("g"))
		if err := h.PurgeQueue(t.Context(), h.caller, &api.PurgeQueueInput{QueueUrl: url}); err != nil {
			t.Fatal(err)
		}
		if again := h.send(url, "a", inGroup("g")); again.MessageId == first.MessageId {
			t.Error("the message is still a duplicate")
		}
	})
}

func TestTags(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		url := h.create("q")
		tag := func(tags map[string]string) func(*harness) error {
			return func(h *harness) error {
				return h.TagQueue(t.Context(), h.caller, &api.TagQueueInput{QueueUrl: url, Tags: tags})
			}
		}
		untag := func(keys ...string) func(*harness) error {
			return func(h *harness) error {
				return h.UntagQueue(t.Context(), h.caller, &api.UntagQueueInput{QueueUrl: url, TagKeys: keys})
			}
		}
		check := func(step string, want map[string]string) {
			t.Helper()
			out, err := h.ListQueueTags(t.Context(), h.caller, &api.ListQueueTagsInput{QueueUrl: url})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, out.Tags); diff != "" {
				t.Errorf("%s (-want +got):\n%s", step, diff)
			}
		}
		mustDo := func(do func(*harness) error) {
			t.Helper()
			if err := do(h); err != nil {
				t.Fatal(err)
			}
		}
		check("fresh", nil)
		mustDo(tag(map[string]string{"team": "blue", "Team": "", strings.Repeat("k", 128): strings.Repeat("v", 256), "ключ é_.:/=+-@ 1": "ü"}))
		mustDo(untag(strings.Repeat("k", 128), "ключ é_.:/=+-@ 1"))
		check("added", map[string]string{"team": "blue", "Team": ""})
		mustDo(tag(map[string]string{"team": "red"}))
		h.restart()
		check("overwritten", map[string]string{"team": "red", "Team": ""})
		mustDo(untag("team", "nothing"))
		check("one removed", map[string]string{"Team": ""})
		mustDo(untag("Team"))
		check("all removed", nil)

		many := make(map[string]string)
		for i := range 51 {
			many[fmt.Sprint("k", i)] = ""
		}
		const (
			length  = "Tag keys must be between 1 and 128 characters in length."
			charset = "Tag keys may only contain unicode letters, digits, whitespace, or one of these symbols: _ . : / = + - @"
		)
		checkErrors(t, h, []errorCase{
			{"no tags", tag(nil), api.MissingParameter, "The request must contain the parameter Tags."},
			{"no keys", untag(), api.MissingParameter, "The request must contain the parameter TagKeys."},
			{"empty key", tag(map[string]string{"": "v"}), api.InvalidParameterValue, length},
			{"long key", tag(map[string]string{strings.Repeat("k", 129): "v"}), api.InvalidParameterValue, length},
			{"bad key", tag(map[string]string{"a!": "v"}), api.InvalidParameterValue, charset},
			{"reserved key", tag(map[string]string{"AWS:x": "v"}), api.InvalidParameterValue, "Tag keys must not start with aws:, which is reserved."},
			{"long value", tag(map[string]string{"k": strings.Repeat("v", 257)}), api.InvalidParameterValue, "Tag values must be between 0 and 256 characters in length."},
			{"bad value", tag(map[string]string{"k": "\x00"}), api.InvalidParameterValue, strings.Replace(charset, "keys", "values", 1)},
			{"51 tags", tag(many), api.InvalidParameterValue, "Too many tags added for queue q."},
		})
		delete(many, "k50")
		mustDo(tag(many))
		checkError(t, "the 51st", tag(map[string]string{"more": ""})(h), api.InvalidParameterValue, "Too many tags added for queue q.")
		url = "nowhere"
		checkErrors(t, h, []errorCase{
			{"tag an unknown queue", tag(many), api.QueueDoesNotExist, ""},
			{"untag an unknown queue", untag("k"), api.QueueDoesNotExist, ""},
			{"list of an unknown queue", func(h *harness) error {
				_, err := h.ListQueueTags(t.Context(), h.caller, &api.ListQueueTagsInput{QueueUrl: url})
				return err
			}, api.QueueDoesNotExist, ""},
		})
	})
}

// reference/sqs.md 2.2: that the queue exists is checked before anything else about the request.
func TestEveryQueueActionNeedsAQueue(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		for _, action := range api.Actions {
			if action.Level != api.QueueLevel {
				continue
			}
			for _, url := range []string{"", "nowhere"} {
				in := action.NewInput()
				*action.QueueURL(in) = url
				_, err := action.Invoke(t.Context(), h.Service, h.caller, in)
				checkError(t, action.Name+" of "+url, err, api.QueueDoesNotExist, "")
			}
		}
	})
}

package sqs

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/catalog"
	"github.com/staunchmq/staunch/internal/shard"
)

type taskEntry = api.ListMessageMoveTasksResultEntry

func (h *harness) tasksOf(url string) []taskEntry {
	h.t.Helper()
	out, err := h.ListMessageMoveTasks(h.t.Context(), h.caller, &api.ListMessageMoveTasksInput{SourceArn: new(h.arnOf(url)), MaxResults: new(int64(10))})
	if err != nil {
		h.t.Fatal(err)
	}
	return out.Results
}

// startTask starts a task; destination may be "", rate 0.
func (h *harness) startTask(source, destination string, rate int64) string {
	h.t.Helper()
	in := &api.StartMessageMoveTaskInput{SourceArn: new(h.arnOf(source))}
	if destination != "" {
		in.DestinationArn = new(h.arnOf(destination))
	}
	if rate > 0 {
		in.MaxNumberOfMessagesPerSecond = &rate
	}
	out, err := h.StartMessageMoveTask(h.t.Context(), h.caller, in)
	if err != nil {
		h.t.Fatalf("start: %v", err)
	}
	return out.TaskHandle
}

func (h *harness) cancelMoveTask(handle string) (int64, error) {
	out, err := h.CancelMessageMoveTask(h.t.Context(), h.caller, &api.CancelMessageMoveTaskInput{TaskHandle: &handle})
	if err != nil {
		return 0, err
	}
	return out.ApproximateNumberOfMessagesMoved, nil
}

// deadLetter puts messages into the dead-letter queue of a queue by way of it.
func (h *harness) deadLetter(q string, bodies ...string) {
	h.t.Helper()
	for _, body := range bodies {
		h.send(q, body, func(in *api.SendMessageInput) {
			if strings.HasSuffix(q, fifoSuffix) {
				inGroup("g")(in)
			}
		})
	}
	for len(h.receive(q, visibility(0))) > 0 {
	}
}

func numbered(n int) []string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("%03d", i)
	}
	return all
}

// drain receives and deletes everything, and returns the bodies.
func (h *harness) drain(url string) []string {
	h.t.Helper()
	var all []string
	for {
		got := h.receive(url)
		if len(got) == 0 {
			return all
		}
		all = append(all, bodies(got)...)
		for _, m := range got {
			if err := h.delete(url, m.ReceiptHandle); err != nil {
				h.t.Fatal(err)
			}
		}
	}
}

func TestMoveTaskErrors(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		dead, fifo, other := h.create("dead"), h.createFIFO("fifo"), h.create("other")
		q := h.create("q", h.redrive(dead, "1")...)
		start := func(edit func(*api.StartMessageMoveTaskInput)) func(*harness) error {
			return func(h *harness) error {
				in := &api.StartMessageMoveTaskInput{SourceArn: new(h.arnOf(dead))}
				edit(in)
				_, err := h.StartMessageMoveTask(t.Context(), h.caller, in)
				return err
			}
		}
		from := func(arn string) func(*harness) error {
			return start(func(in *api.StartMessageMoveTaskInput) { in.SourceArn = &arn })
		}
		to := func(arn string) func(*harness) error {
			return start(func(in *api.StartMessageMoveTaskInput) { in.DestinationArn = &arn })
		}
		rate := func(v int64) func(*harness) error {
			return start(func(in *api.StartMessageMoveTaskInput) { in.MaxNumberOfMessagesPerSecond = &v })
		}
		cancel := func(handle *string) func(*harness) error {
			return func(h *harness) error {
				_, err := h.CancelMessageMoveTask(t.Context(), h.caller, &api.CancelMessageMoveTaskInput{TaskHandle: handle})
				return err
			}
		}
		list := func(arn *string, most *int64) func(*harness) error {
			return func(h *harness) error {
				_, err := h.ListMessageMoveTasks(t.Context(), h.caller, &api.ListMessageMoveTasksInput{SourceArn: arn, MaxResults: most})
				return err
			}
		}
		encode := func(text string) *string { return new(base64.StdEncoding.EncodeToString([]byte(text))) }
		const (
			nowhere   = "arn:aws:sqs:us-east-1:000000000000:nowhere"
			format    = "You must use this format to specify the %s: arn:<partition>:<service>:<region>:<account-id>:<resource-id>"
			noSource  = "The resource that you specified for the SourceArn parameter doesn't exist."
			noTarget  = "The resource that you specified for the DestinationArn parameter doesn't exist."
			rateText  = "Value for parameter MaxNumberOfMessagesPerSecond is invalid. Reason: You must enter a number that's between 1 and 500."
			badHandle = "Value for parameter TaskHandle is invalid."
			badMost   = "Value for parameter MaxResults is invalid. Reason: You must enter a number that's between 1 and 10."
		)
		checkErrors(t, h, []errorCase{
			{"no source", start(func(in *api.StartMessageMoveTaskInput) { in.SourceArn = nil }), api.MissingParameter, "The request must contain the parameter SourceArn."},
			{"source is no ARN", from("dead"), api.InvalidParameterValue, fmt.Sprintf(format, "SourceArn")},
			{"destination is no ARN", to("q"), api.InvalidParameterValue, fmt.Sprintf(format, "DestinationArn")},
			{"unknown source", from(nowhere), api.ResourceNotFound, noSource},
			{"source with too long a name", from(nowhere + strings.Repeat("e", 80)), api.ResourceNotFound, noSource},
			{"destination with too long a name", to(nowhere + strings.Repeat("e", 80)), api.ResourceNotFound, noTarget},
			{"source is a topic", from("arn:aws:sns:us-east-1:000000000000:dead"), api.ResourceNotFound, noSource},
			{"source in another region", from("arn:aws:sqs:eu-west-1:000000000000:dead"), api.ResourceNotFound, noSource},
			{"source is no dead-letter queue", from(h.arnOf(q)), api.InvalidParameterValue, "Source queue must be configured as a Dead Letter Queue."},
			{"unknown destination", to(nowhere), api.ResourceNotFound, noTarget},
			{"no dead-letter queue before unknown destination", start(func(in *api.StartMessageMoveTaskInput) {
				in.SourceArn, in.DestinationArn = new(h.arnOf(other)), new(nowhere)
			}), api.InvalidParameterValue, "Source queue must be configured as a Dead Letter Queue."},
			{"source is the destination", to(h.arnOf(dead)), api.InvalidParameterValue, "Source queue arn and destination queue arn cannot be the same."},
			{"types differ", to(h.arnOf(fifo)), api.InvalidParameterValue, "The source queue and destination queue must be of the same queue type."},
			{"rate 0", rate(0), api.InvalidParameterValue, rateText},
			{"rate 501", rate(501), api.InvalidParameterValue, rateText},
			{"cancel nothing", cancel(nil), api.MissingParameter, "The request must contain the parameter TaskHandle."},
			{"cancel: not base64", cancel(new("?")), api.InvalidParameterValue, badHandle},
			{"cancel: not JSON", cancel(encode("x")), api.InvalidParameterValue, badHandle},
			{"cancel: without source", cancel(encode(`{"taskId":"x"}`)), api.InvalidParameterValue, badHandle},
			{"cancel: unknown source", cancel(encode(`{"taskId":"x","sourceArn":"` + nowhere + `"}`)), api.ResourceNotFound, noSource},
			{"cancel: unknown task", cancel(encode(`{"taskId":"x","sourceArn":"` + h.arnOf(dead) + `"}`)), api.ResourceNotFound, "Task does not exist."},
			{"list nothing", list(nil, nil), api.MissingParameter, "The request must contain the parameter SourceArn."},
			{"list of an unknown source", list(new(nowhere), nil), api.ResourceNotFound, noSource},
			{"list 0", list(new(h.arnOf(dead)), new(int64(0))), api.InvalidParameterValue, badMost},
			{"list 11", list(new(h.arnOf(dead)), new(int64(11))), api.InvalidParameterValue, badMost},
		})
		if got := h.tasksOf(dead); got != nil {
			t.Errorf("tasks %+v", got)
		}
		h.deadLetter(q, numbered(3)...)
		handle := h.startTask(dead, "", 1)
		checkError(t, "second task", start(func(*api.StartMessageMoveTaskInput) {})(h), api.InvalidParameterValue,
			"There is already a task running. Only one active task is allowed for a source queue arn at a given time.")
		time.Sleep(10 * time.Second)
		checkError(t, "cancel a finished task", cancel(&handle)(h), api.InvalidParameterValue, "Only active tasks can be cancelled.")
	})
}

func TestMoveTaskToTheSources(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		dead := h.create("dead")
		a, b := h.create("a", h.redrive(dead, "1")...), h.create("b", h.redrive(dead, "1")...)
		sent := h.send(a, "a1", func(in *api.SendMessageInput) {
			in.MessageGroupId = new("tenant")
			in.MessageAttributes = map[string]api.MessageAttributeValue{"n": stringValue("Number", "1")}
		})
		h.deadLetter(a, "a2")
		h.deadLetter(b, "b1", "b2")
		time.Sleep(time.Minute)
		started := time.Now()
		h.startTask(dead, "", 0)
		synctest.Wait()
		want := []taskEntry{{
			Status: "COMPLETED", SourceArn: h.arnOf(dead), ApproximateNumberOfMessagesMoved: 4, ApproximateNumberOfMessagesToMove: new(int64(4)), StartedTimestamp: started.UnixMilli(),
		}}
		if diff := cmp.Diff(want, h.tasksOf(dead)); diff != "" {
			t.Errorf("tasks (-want +got):\n%s", diff)
		}
		if got := h.counts(dead); got != [3]string{"0", "0", "0"} {
			t.Errorf("the dead-letter queue has %v", got)
		}
		got := h.receive(a)
		if len(got) != 2 || got[0].Body != "a1" {
			t.Fatalf("a has %v", bodies(got))
		}
		wantAttributes := map[string]string{
			"SenderId": "AIDATEST", "SentTimestamp": fmt.Sprint(started.UnixMilli()), "ApproximateReceiveCount": "1",
			"ApproximateFirstReceiveTimestamp": fmt.Sprint(started.UnixMilli()), "MessageGroupId": "tenant",
		}
		if diff := cmp.Diff(wantAttributes, got[0].Attributes); diff != "" || got[0].MessageId == sent.MessageId || got[0].MD5OfMessageAttributes != sent.MD5OfMessageAttributes {
			t.Errorf("moved %+v, sent %+v (-want +got):\n%s", got[0], sent, diff)
		}
		if got := bodies(h.receive(b)); !slices.Equal(got, []string{"b1", "b2"}) {
			t.Errorf("b has %v", got)
		}
		checkSettled(t, h)
	})
}

func TestMoveTaskToADestinationKeepsOrder(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		dead, elsewhere := h.createFIFO("dead"), h.createFIFO("elsewhere")
		q := h.createFIFO("q", h.redrive(dead, "1")...)
		all := numbered(250)
		h.deadLetter(q, all...)
		h.startTask(dead, elsewhere, 0)
		synctest.Wait()
		got := h.tasksOf(dead)[0]
		if got.Status != "COMPLETED" || got.ApproximateNumberOfMessagesMoved != 250 || got.DestinationArn != h.arnOf(elsewhere) || got.TaskHandle != "" {
			t.Errorf("task %+v", got)
		}
		first := h.receive(elsewhere, visibility(0))[0]
		if first.Attributes["MessageGroupId"] != "g" || first.Attributes["MessageDeduplicationId"] != first.MessageId || first.Attributes["DeadLetterQueueSourceArn"] != "" {
			t.Errorf("moved %+v", first.Attributes)
		}
		if diff := cmp.Diff(all, h.drain(elsewhere)); diff != "" {
			t.Errorf("order (-want +got):\n%s", diff)
		}
		checkSettled(t, h)
	})
}

func TestMoveTaskKeepsToItsRate(t *testing.T) {
	for _, tc := range []struct {
		rate     int64
		messages int
		after    time.Duration
		want     int64
	}{
		{1, 10, 2500 * time.Millisecond, 3}, {2, 10, 2100 * time.Millisecond, 5}, {50, 300, 2 * time.Second, 105}, {500, 300, 350 * time.Millisecond, 200},
	} {
		t.Run(fmt.Sprint(tc.rate), func(t *testing.T) {
			inBubble(t, func(t *testing.T, h *harness) {
				dead, elsewhere := h.create("dead"), h.create("elsewhere")
				h.deadLetter(h.create("q", h.redrive(dead, "1")...), numbered(tc.messages)...)
				handle := h.startTask(dead, elsewhere, tc.rate)
				time.Sleep(tc.after)
				synctest.Wait()
				want := []taskEntry{{
					TaskHandle: handle, Status: "RUNNING", SourceArn: h.arnOf(dead), DestinationArn: h.arnOf(elsewhere), MaxNumberOfMessagesPerSecond: &tc.rate,
					ApproximateNumberOfMessagesMoved: tc.want, ApproximateNumberOfMessagesToMove: new(int64(tc.messages)), StartedTimestamp: time.Now().Add(-tc.after).UnixMilli(),
				}}
				if diff := cmp.Diff(want, h.tasksOf(dead)); diff != "" {
					t.Errorf("after %v (-want +got):\n%s", tc.after, diff)
				}
				time.Sleep(time.Minute)
				if got := h.tasksOf(dead)[0]; got.Status != "COMPLETED" || len(h.drain(elsewhere)) != tc.messages {
					t.Errorf("in the end %+v", got)
				}
			})
		})
	}
}

func TestMoveTaskIsCancelled(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		dead := h.create("dead")
		q := h.create("q", h.redrive(dead, "1")...)
		h.deadLetter(q, numbered(10)...)
		handle := h.startTask(dead, "", 1)
		time.Sleep(1500 * time.Millisecond)
		moved, err := h.cancelMoveTask(handle)
		if err != nil || moved != 2 {
			t.Errorf("cancel: %d, %v", moved, err)
		}
		synctest.Wait()
		if got := h.tasksOf(dead)[0]; got.Status != "CANCELLED" || got.ApproximateNumberOfMessagesMoved != 2 || got.TaskHandle != "" {
			t.Errorf("task %+v", got)
		}
		if got := h.counts(dead); got != [3]string{"8", "0", "0"} {
			t.Errorf("the dead-letter queue has %v", got)
		}
		_, err = h.cancelMoveTask(handle)
		checkError(t, "again", err, api.InvalidParameterValue, "Only active tasks can be cancelled.")
		h.startTask(dead, "", 0)
		synctest.Wait()
		got := h.tasksOf(dead)
		if len(got) != 2 || got[0].Status != "COMPLETED" || got[0].ApproximateNumberOfMessagesMoved != 8 || got[1].Status != "CANCELLED" {
			t.Errorf("tasks %+v", got)
		}
		checkSettled(t, h)
	})
}

func TestMoveTaskFails(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		dead := h.create("dead")
		q := h.create("q", h.redrive(dead, "1")...)
		keep := h.create("keep", h.redrive(dead, "1")...)
		check := func(name, reason string, moved int64, left string) {
			t.Helper()
			time.Sleep(10 * time.Second)
			got := h.tasksOf(dead)[0]
			if got.Status != "FAILED" || got.FailureReason != reason || got.ApproximateNumberOfMessagesMoved != moved || got.TaskHandle != "" {
				t.Errorf("%s: task %+v", name, got)
			}
			if got := h.counts(dead); got != [3]string{left, "0", "0"} {
				t.Errorf("%s: the dead-letter queue has %v", name, got)
			}
			checkSettled(t, h)
		}
		destination := h.create("destination")
		h.deadLetter(keep, numbered(10)...)
		h.startTask(dead, destination, 2)
		time.Sleep(1100 * time.Millisecond)
		h.deleteQueue(destination)
		check("destination deleted", "AWS.SimpleQueueService.NonExistentQueue", 3, "7")

		h.drain(dead)
		h.drain(keep)
		h.deadLetter(keep, "k")
		h.deadLetter(q, "q")
		h.deadLetter(keep, "k2")
		h.deleteQueue(q)
		h.startTask(dead, "", 0)
		check("a source deleted", "AWS.SimpleQueueService.NonExistentQueue", 1, "2")

		h.drain(dead)
		h.drain(keep)
		h.deadLetter(keep, "k")
		h.send(dead, "by hand")
		h.startTask(dead, "", 0)
		check("a message without source", "CouldNotDetermineMessageSource", 1, "1")

		h.drain(dead)
		h.drain(keep)
		h.deadLetter(keep, numbered(3)...)
		h.startTask(dead, "", 1)
		synctest.Wait()
		h.stop()
		time.Sleep(36 * time.Hour)
		for i, j := range h.journals {
			h.journals[i] = j.Open()
		}
		h.start()
		check("too slow", "TaskTimedOut", 1, "2")
	})
}

// Messages that come back as fast as they are moved do not make the task endless.
func TestMoveTaskEndsWhenMessagesComeBack(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		dead := h.create("dead")
		q := h.create("q", h.redrive(dead, "1")...)
		h.deadLetter(q, numbered(5)...)
		h.startTask(dead, "", 1)
		for range 10 {
			time.Sleep(time.Second)
			for len(h.receive(q, visibility(0))) > 0 {
			}
		}
		got := h.tasksOf(dead)[0]
		if got.Status != "COMPLETED" || got.ApproximateNumberOfMessagesMoved != 5 || h.counts(dead)[0] != "5" {
			t.Errorf("task %+v, dead-letter queue %v", got, h.counts(dead))
		}
	})
}

// Delayed messages and those in flight are not picked.
func TestMoveTaskTakesVisibleMessagesOnly(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		dead, elsewhere := h.create("dead"), h.create("elsewhere")
		h.create("q", h.redrive(dead, "1")...)
		h.send(dead, "in flight")
		h.receive(dead)
		h.send(dead, "delayed", func(in *api.SendMessageInput) { in.DelaySeconds = new(int64(900)) })
		h.startTask(dead, elsewhere, 0)
		synctest.Wait()
		if got := h.tasksOf(dead)[0]; got.Status != "COMPLETED" || got.ApproximateNumberOfMessagesMoved != 0 || h.counts(dead) != [3]string{"0", "1", "1"} {
			t.Errorf("task %+v, dead-letter queue %v", got, h.counts(dead))
		}
	})
}

func TestMoveTaskGoesWithItsQueue(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		dead := h.create("dead")
		q := h.create("q", h.redrive(dead, "1")...)
		h.deadLetter(q, numbered(5)...)
		handle := h.startTask(dead, "", 1)
		h.deleteQueue(dead)
		_, err := h.cancelMoveTask(handle)
		checkError(t, "cancel", err, api.ResourceNotFound, "The resource that you specified for the SourceArn parameter doesn't exist.")
		time.Sleep(time.Minute)
		h.create("dead")
		if got := h.tasksOf(dead); len(got) != 0 {
			t.Errorf("tasks %+v", got)
		}
		synctest.Wait()
		if len(h.tasks.running) != 0 {
			t.Errorf("%d tasks run", len(h.tasks.running))
		}
	})
}

// A task goes on after a restart or crash at any moment; every message is moved once.
func TestMoveTaskSurvivesRestarts(t *testing.T) {
	for _, crash := range []bool{false, true} {
		for _, step := range []string{"BeginMove", "ReadMoving", "Arrive", "EndMove", "Settle"} {
			for _, took := range []bool{false, true} {
				t.Run(fmt.Sprintf("crash %v at %s, which took place %v", crash, step, took), func(t *testing.T) {
					onBothShards(t, false, func(t *testing.T, h *harness, q, dead string) {
						all := numbered(30)
						h.deadLetter(q, all...)
						handle := h.startTask(dead, "", 50)
						time.Sleep(250 * time.Millisecond) // 15 of 30
						fault := func(method string) error {
							if method == step {
								return shard.ErrUnavailable
							}
							return nil
						}
						for _, f := range h.faults {
							if took {
								f.failAfter(fault)
							} else {
								f.failBefore(fault)
							}
						}
						time.Sleep(250 * time.Millisecond)
						if crash {
							h.crash()
						} else {
							h.restart()
						}
						if got := h.tasksOf(dead)[0]; got.TaskHandle != handle && got.Status == "RUNNING" {
							t.Errorf("task %+v", got)
						}
						time.Sleep(time.Minute)
						if got := h.tasksOf(dead)[0]; got.Status != "COMPLETED" {
							t.Errorf("task %+v", got)
						}
						got := h.drain(q)
						slices.Sort(got)
						if diff := cmp.Diff(all, got); diff != "" {
							t.Errorf("moved (-want +got):\n%s", diff)
						}
						checkSettled(t, h)
					})
				})
			}
		}
	}
}

// A task overcomes failures of the moment without a restart.
func TestMoveTaskOvercomesFailures(t *testing.T) {
	for _, err := range []error{shard.ErrUnavailable, shard.ErrOverloaded, shard.ErrDiskFull, shard.ErrNoPartition} {
		for _, step := range []string{"BeginMove", "ReadMoving", "Arrive", "EndMove", "Settle"} {
			for _, took := range []bool{false, true} {
				if took && !errors.Is(err, shard.ErrUnavailable) {
					continue
				}
				if errors.Is(err, shard.ErrNoPartition) && (step == "EndMove" || step == "Settle") {
					continue // only a queue that is being set up answers that, and it has nothing to end
				}
				t.Run(fmt.Sprintf("%v at %s, which took place %v", err, step, took), func(t *testing.T) {
					onBothShards(t, true, func(t *testing.T, h *harness, q, dead string) {
						all := numbered(30)
						h.deadLetter(q, all...)
						for _, f := range h.faults {
							if took {
								f.failAfter(times(3, step, err))
							} else {
								f.failBefore(times(3, step, err))
							}
						}
						h.startTask(dead, "", 0)
						time.Sleep(time.Minute)
						if got := h.tasksOf(dead)[0]; got.Status != "COMPLETED" || got.ApproximateNumberOfMessagesMoved != 30 {
							t.Errorf("task %+v", got)
						}
						if diff := cmp.Diff(all, h.drain(q)); diff != "" {
							t.Errorf("moved (-want +got):\n%s", diff)
						}
						checkSettled(t, h)
					})
				})
			}
		}
	}
}

// A task whose destination takes nothing can be cancelled; what it had taken is visible again.
func TestMoveTaskIsCancelledWhileItsDestinationRefuses(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		dead := h.create("dead")
		q := h.create("q", h.redrive(dead, "1")...)
		h.deadLetter(q, numbered(5)...)
		for _, f := range h.faults {
			f.failBefore(times(1_000_000, "Arrive", shard.ErrDiskFull))
		}
		handle := h.startTask(dead, "", 0)
		time.Sleep(10 * time.Second)
		if _, err := h.cancelMoveTask(handle); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		if got := h.tasksOf(dead)[0]; got.Status != "CANCELLED" || got.ApproximateNumberOfMessagesMoved != 0 || h.counts(dead) != [3]string{"5", "0", "0"} {
			t.Errorf("task %+v, dead-letter queue %v", got, h.counts(dead))
		}
	})
}

// A task that was being cancelled when the server stopped is cancelled by the next start.
func TestCancellingTaskIsCancelledByARestart(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		dead := h.create("dead")
		q := h.create("q", h.redrive(dead, "1")...)
		h.deadLetter(q, numbered(5)...)
		for _, f := range h.faults {
			f.failBefore(times(1_000_000, "Arrive", shard.ErrUnavailable))
		}
		handle := h.startTask(dead, "", 0)
		synctest.Wait()
		if _, err := h.cancelMoveTask(handle); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		if got := h.tasksOf(dead)[0]; got.Status != "CANCELLING" || got.TaskHandle != "" {
			t.Errorf("task %+v", got)
		}
		h.crash()
		synctest.Wait()
		if got := h.tasksOf(dead)[0]; got.Status != "CANCELLED" || h.counts(dead) != [3]string{"5", "0", "0"} {
			t.Errorf("task %+v, dead-letter queue %v", got, h.counts(dead))
		}
	})
}

// A defect that a task meets does not take the server with it, and the task goes on after a restart.
func TestMoveTaskThatPanics(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		dead := h.create("dead")
		q := h.create("q", h.redrive(dead, "1")...)
		h.deadLetter(q, numbered(5)...)
		for _, f := range h.faults {
			f.failBefore(func(method string) error {
				if method == "Arrive" {
					panic("defect")
				}
				return nil
			})
		}
		h.startTask(dead, "", 0)
		time.Sleep(time.Minute)
		if got := h.tasksOf(dead)[0]; got.Status != "RUNNING" || got.ApproximateNumberOfMessagesMoved != 0 {
			t.Errorf("task %+v", got)
		}
		h.restart()
		synctest.Wait()
		if got := h.tasksOf(dead)[0]; got.Status != "COMPLETED" || len(h.drain(q)) != 5 {
			t.Errorf("after a restart: task %+v", got)
		}
	})
}

func TestTenTasksAreListed(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		dead := h.create("dead")
		h.create("q", h.redrive(dead, "1")...)
		for range 12 {
			h.startTask(dead, "", 0)
			synctest.Wait()
			time.Sleep(time.Second)
		}
		got := h.tasksOf(dead)
		if len(got) != 10 || got[0].StartedTimestamp != time.Now().Add(-time.Second).UnixMilli() || got[0].StartedTimestamp < got[9].StartedTimestamp {
			t.Errorf("%d tasks: %+v", len(got), got)
		}
		out, err := h.ListMessageMoveTasks(t.Context(), h.caller, &api.ListMessageMoveTasksInput{SourceArn: new(h.arnOf(dead))})
		if err != nil || len(out.Results) != 1 {
			t.Errorf("without MaxResults: %+v, %v", out, err)
		}
	})
}

func TestHundredActiveTasksPerAccount(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		other := *h.caller
		other.Account = "111111111111"
		var dead string
		for i := range 101 {
			dead = h.create(fmt.Sprint("dead", i))
			h.deadLetter(h.create(fmt.Sprint("q", i), h.redrive(dead, "1")...), "a", "b")
			if i < 100 {
				h.startTask(dead, "", 1)
			}
		}
		_, err := h.StartMessageMoveTask(t.Context(), h.caller, &api.StartMessageMoveTaskInput{SourceArn: new(h.arnOf(dead))})
		checkError(t, "the 101st", err, api.UnsupportedOperation, "There are already 100 active message move tasks, which is the most that an account can have.")
		h.caller = &other
		theirs := h.create("dead")
		h.deadLetter(h.create("q", h.redrive(theirs, "1")...), "a", "b")
		h.startTask(theirs, "", 1)
		h.caller.Account = testAccount
		time.Sleep(2 * time.Second)
		h.startTask(dead, "", 1)
	})
}

func TestNewMessagesOfAMoveAreNew(t *testing.T) {
	m := &mover{Service: New(Options{Catalog: catalog.New()})}
	moving := []shard.MovingMessage{{}, {}}
	for i := range moving {
		moving[i].Content = (&content{Body: "b"}).encode()
	}
	moving[0].Group, moving[0].Source, moving[0].DeduplicationID, moving[0].Receives = "g", "arn", "d", 7
	source := &catalog.Queue{Partitions: []catalog.Partition{{ID: 3}}}
	arrivals := func(target *catalog.Queue) []shard.Arrival {
		t.Helper()
		contents, err := m.openMoving(source, moving)
		if err != nil {
			t.Fatal(err)
		}
		got, err := m.newMessages(source, parcel{target: target, messages: moving}, contents)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	got := arrivals(&catalog.Queue{Attributes: catalog.Attributes{FIFO: true}})
	first := got[0].Message
	if first.Group != "g" || first.Source != "" || first.Receives != 0 || first.Sent != 0 || first.ID == moving[0].ID ||
		first.DeduplicationID != messageIDText(first.ID) || first.ID == got[1].Message.ID || got[0].Origin.Partition != 3 {
		t.Errorf("new messages %+v", got)
	}
	if got := arrivals(&catalog.Queue{}); got[0].Message.DeduplicationID != "" {
		t.Errorf("on standard: %+v", got[0].Message)
	}
}

// TestMoveTaskThatArrivesInPartIsNotPutBack has a target that takes messages, says that it took a part, and a task that is cancelled then.
func TestMoveTaskThatArrivesInPartIsNotPutBack(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		dead, target := h.create("dead"), h.create("target")
		h.deadLetter(h.create("q", h.redrive(dead, "1")...), "one", "two")
		var arrived atomic.Bool
		for _, f := range h.faults {
			f.failBefore(func(method string) error {
				if method == "Arrive" && arrived.Load() {
					return shard.ErrDiskFull
				}
				return nil
			})
			f.failAfter(func(method string) error {
				if method == "Arrive" && !arrived.Swap(true) {
					return errors.Join(shard.ErrPartly, shard.ErrDiskFull)
				}
				return nil
			})
		}
		task := h.startTask(dead, target, 0)
		time.Sleep(10 * time.Second)
		if _, err := h.cancelMoveTask(task); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		if got := h.counts(dead); got[0] != "0" {
			t.Errorf("messages that may have arrived are visible again: %v", got)
		}
		for _, f := range h.faults {
			f.failBefore(nil)
		}
		time.Sleep(time.Minute)
		if got := h.drain(target); !slices.Equal(got, []string{"one", "two"}) {
			t.Errorf("received %q", got)
		}
		if got := h.counts(dead); got != [3]string{"0", "0", "0"} {
			t.Errorf("the dead-letter queue has %v", got)
		}
	})
}

// A task reads a batch in parts that fit into memory, and an error of reading in the middle of it changes nothing of the outcome.
func TestMoveTaskOfLargeMessages(t *testing.T) {
	onBothShards(t, true, func(t *testing.T, h *harness, q, dead string) {
		all := h.sendLarge(q, 10)
		h.deadLetter(q)
		source := h.sourceClient(t, dead).(*faultyShard)
		calls := 0
		source.failBefore(func(method string) error {
			if method == "ReadMoving" {
				if calls++; calls == 2 {
					return shard.ErrUnavailable
				}
			}
			return nil
		})
		h.startTask(dead, "", 0)
		time.Sleep(time.Minute)
		if got := h.tasksOf(dead)[0]; got.Status != "COMPLETED" || got.ApproximateNumberOfMessagesMoved != 10 {
			t.Errorf("task %+v", got)
		}
		if n := source.readMax.Load(); n != 7 { // with its attributes each takes more than 1 MiB
			t.Errorf("%d messages of 1 MiB were read at once", n)
		}
		if !slices.Equal(h.drain(q), all) {
			t.Error("the messages that were moved are not those of the dead-letter queue, in their order")
		}
		checkSettled(t, h)
	})
}

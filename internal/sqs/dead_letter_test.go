package sqs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/catalog"
	"github.com/staunchmq/staunch/internal/queue"
	"github.com/staunchmq/staunch/internal/shard"
)

// onBothShards runs a test with source and dead-letter queue on one shard, and on two.
func onBothShards(t *testing.T, fifo bool, test func(t *testing.T, h *harness, q, dead string)) {
	t.Helper()
	for _, same := range []bool{true, false} {
		t.Run(fmt.Sprintf("same shard %v", same), func(t *testing.T) {
			inBubble(t, func(t *testing.T, h *harness) {
				create := h.create
				if fifo {
					create = h.createFIFO
				}
				dead := create("dead")
				shardOf := func(url string) int {
					q, err := h.queue(h.caller, url)
					if err != nil {
						t.Fatal(err)
					}
					return q.Partitions[0].Shard
				}
				for i := 0; ; i++ {
					q := create(fmt.Sprint("q", i))
					if (shardOf(q) == shardOf(dead)) == same {
						h.set(q, append(h.redrive(dead, "1"), "VisibilityTimeout", "10")...)
						test(t, h, q, dead)
						return
					}
				}
			})
		})
	}
}

// exhaust receives everything once, and lets the visibility timeout end.
func (h *harness) exhaust(url string) {
	h.t.Helper()
	if len(h.receive(url)) == 0 {
		h.t.Fatalf("nothing to receive from %s", url)
	}
	time.Sleep(10 * time.Second)
}

// reference/sqs.md 9.1 and 9.2.
func TestDeadLetterMovesAtReceive(t *testing.T) {
	onBothShards(t, false, func(t *testing.T, h *harness, q, dead string) {
		sentAt := time.Now()
		sent := h.send(q, "a", func(in *api.SendMessageInput) {
			in.MessageGroupId = new("tenant")
			in.MessageAttributes = map[string]api.MessageAttributeValue{"n": stringValue("Number", "1")}
			in.MessageSystemAttributes = map[string]api.MessageAttributeValue{traceHeader: stringValue("String", "Root=1")}
		})
		time.Sleep(time.Second)
		first := h.receive(q)
		time.Sleep(10 * time.Second)
		if h.counts(q) != [3]string{"1", "0", "0"} || h.counts(dead) != [3]string{"0", "0", "0"} {
			t.Errorf("before the receive: %v and %v", h.counts(q), h.counts(dead))
		}
		if got := h.receive(q); len(got) != 0 {
			t.Errorf("received %v", bodies(got))
		}
		if h.counts(q) != [3]string{"0", "0", "0"} || h.counts(dead) != [3]string{"1", "0", "0"} {
			t.Errorf("after the receive: %v and %v", h.counts(q), h.counts(dead))
		}
		if err := h.delete(q, first[0].ReceiptHandle); err != nil {
			t.Errorf("delete with the handle of the source: %v", err)
		}
		got := h.receive(dead)
		want := []api.Message{{
			MessageId: sent.MessageId, ReceiptHandle: got[0].ReceiptHandle, Body: "a", MD5OfBody: sent.MD5OfMessageBody,
			MD5OfMessageAttributes: sent.MD5OfMessageAttributes, MessageAttributes: first[0].MessageAttributes,
			Attributes: map[string]string{
				"SenderId": "AIDATEST", "SentTimestamp": fmt.Sprint(sentAt.UnixMilli()), "ApproximateReceiveCount": "2",
				"ApproximateFirstReceiveTimestamp": fmt.Sprint(sentAt.UnixMilli() + 1000), "MessageGroupId": "tenant",
				traceHeader: "Root=1", "DeadLetterQueueSourceArn": h.arnOf(q),
			},
		}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("in the dead-letter queue (-want +got):\n%s", diff)
		}
		checkSettled(t, h)
	})
}

// checkSettled checks that no move is under way and none is remembered.
func checkSettled(t *testing.T, h *harness) {
	t.Helper()
	for q := range h.catalog.View().All() {
		client, p := h.home(q)
		moving, err := client.Moving(t.Context(), p, queue.Ref{}, 1)
		if err != nil || len(moving) != 0 {
			t.Errorf("queue %s: moving %+v, %v", q.Name, moving, err)
		}
		origins, err := client.Unsettled(t.Context(), p)
		if err != nil || len(origins) != 0 {
			t.Errorf("queue %s: unsettled %+v, %v", q.Name, origins, err)
		}
	}
}

func TestDeadLetterOfFIFO(t *testing.T) {
	onBothShards(t, true, func(t *testing.T, h *harness, q, dead string) {
		first := h.send(q, "a", inGroup("g"))
		h.send(q, "b", inGroup("g"))
		h.receive(q, func(in *api.ReceiveMessageInput) { in.MaxNumberOfMessages = nil })
		time.Sleep(10 * time.Second)
		// The group goes on with the next message, in the same receive.
		if got := bodies(h.receive(q)); len(got) != 1 || got[0] != "b" {
			t.Errorf("received %v, want b", got)
		}
		got := h.receive(dead)
		if len(got) != 1 {
			t.Fatalf("the dead-letter queue has %v", bodies(got))
		}
		want := map[string]string{
			"SenderId": "AIDATEST", "SentTimestamp": fmt.Sprint(time.Now().UnixMilli()), "ApproximateReceiveCount": "2",
			"ApproximateFirstReceiveTimestamp": fmt.Sprint(time.Now().Add(-10 * time.Second).UnixMilli()),
			"MessageGroupId":                   "g", "MessageDeduplicationId": first.MessageId, "SequenceNumber": got[0].Attributes["SequenceNumber"],
			"DeadLetterQueueSourceArn": h.arnOf(q),
		}
		if diff := cmp.Diff(want, got[0].Attributes); diff != "" || got[0].MessageId != first.MessageId || len(want["SequenceNumber"]) != 20 {
			t.Errorf("%s in the dead-letter queue (-want +got):\n%s", got[0].MessageId, diff)
		}
		// The deduplication memory of the source goes on.
		if again := h.send(q, "a", inGroup("g")); again.MessageId != first.MessageId {
			t.Error("the message is not a duplicate any more")
		}
	})
}

// A receive that came across nothing but dead letters goes on with what is left of its wait.
func TestReceiveWaitsOnAfterDeadLetters(t *testing.T) {
	onBothShards(t, false, func(t *testing.T, h *harness, q, dead string) {
		h.send(q, "a")
		h.exhaust(q)
		received := make(chan []api.Message)
		start := time.Now()
		go func() { received <- h.receive(q, waiting(20)) }()
		time.Sleep(5 * time.Second)
		h.send(q, "b")
		if got := bodies(<-received); len(got) != 1 || got[0] != "b" || time.Since(start) != 5*time.Second {
			t.Errorf("received %v after %v", got, time.Since(start))
		}
		time.Sleep(10 * time.Second)
		start = time.Now()
		if got := h.receive(q, waiting(20)); len(got) != 0 || time.Since(start) != 20*time.Second {
			t.Errorf("received %v after %v", bodies(got), time.Since(start))
		}
		if got := h.counts(dead); got != [3]string{"2", "0", "0"} {
			t.Errorf("the dead-letter queue has %v", got)
		}
	})
}

func TestManyDeadLettersDoNotHideAMessage(t *testing.T) {
	onBothShards(t, false, func(t *testing.T, h *harness, q, dead string) {
		const n = 350
		for i := range n {
			h.send(q, fmt.Sprint(i))
		}
		for len(h.receive(q)) > 0 {
		}
		time.Sleep(10 * time.Second)
		h.send(q, "good")
		if got := bodies(h.receive(q)); len(got) != 1 || got[0] != "good" {
			t.Errorf("received %v, want good", got)
		}
		if got := h.counts(dead)[0]; got != fmt.Sprint(n) {
			t.Errorf("the dead-letter queue has %s", got)
		}
	})
}

func TestChainOfDeadLetterQueues(t *testing.T) {
	onBothShards(t, false, func(t *testing.T, h *harness, q, dead string) {
		last := h.create("last")
		h.set(dead, append(h.redrive(last, "2"), "VisibilityTimeout", "10")...)
		h.send(q, "a")
		h.exhaust(q)
		h.receive(q)    // to dead, with one receive
		h.exhaust(dead) // the second
		h.receive(dead) // to last
		got := h.receive(last)
		if len(got) != 1 || got[0].Attributes["ApproximateReceiveCount"] != "3" || got[0].Attributes["DeadLetterQueueSourceArn"] != h.arnOf(dead) {
			t.Errorf("the last queue has %+v", got)
		}
	})
}

func TestDeadLettersStayWithoutATarget(t *testing.T) {
	onBothShards(t, false, func(t *testing.T, h *harness, q, dead string) {
		h.send(q, "a")
		h.exhaust(q)
		h.deleteQueue(dead)
		policy := h.get(q, "RedrivePolicy")["RedrivePolicy"]
		if policy == "" {
			t.Error("the policy went with its target")
		}
		for i := range 3 {
			if got := h.receive(q); len(got) != 1 {
				t.Fatalf("receive %d: %v", i, bodies(got))
			}
			time.Sleep(10 * time.Second)
		}
		h.restart()
		time.Sleep(time.Minute)
		h.create("dead")
		if got := h.receive(q); len(got) != 0 || h.counts(dead)[0] != "1" {
			t.Errorf("with a new target: received %v, counts %v", bodies(got), h.counts(dead))
		}
	})
}

// The target goes between the receive and the arrival: the messages are put back, whoever has them, and may move again.
func TestDeadLettersArePutBackWhenTheTargetGoes(t *testing.T) {
	for _, swept := range []bool{false, true} {
		t.Run(fmt.Sprintf("swept %v", swept), func(t *testing.T) {
			onBothShards(t, false, func(t *testing.T, h *harness, q, dead string) {
				h.send(q, "a")
				h.exhaust(q)
				target := h.targetOf(t, q)
				// The receive works with the older settings, since the source cannot be configured.
				for _, f := range h.faults {
					f.failBefore(times(1000, "Configure", shard.ErrOverloaded))
				}
				h.deleteQueue(dead)
				result, err := h.sourceClient(t, q).Receive(t.Context(), h.partition(t, q), shard.ReceiveRequest{Max: 1})
				if err != nil || len(result.Moves) != 1 || result.Moves[0].Target != target {
					t.Fatalf("%+v, %v", result, err)
				}
				source, err := h.queue(h.caller, q)
				if err != nil {
					t.Fatal(err)
				}
				for _, f := range h.faults {
					f.failBefore(nil)
				}
				if swept {
					h.brokeOff(h.partition(t, q))
					time.Sleep(time.Minute)
				}
				h.carryDeadLetters(t.Context(), source, result.Moves)
				if h.counts(q) != [3]string{"1", "0", "0"} {
					t.Errorf("counts %v", h.counts(q))
				}
				time.Sleep(time.Minute) // by now the source is configured
				if got := h.receive(q); len(got) != 1 {
					t.Errorf("received %v", bodies(got))
				}
				checkSettled(t, h)
				h.create("dead")
				time.Sleep(10 * time.Second)
				if got := h.receive(q); len(got) != 0 || h.counts(dead) != [3]string{"1", "0", "0"} {
					t.Errorf("with a new target: received %v, counts %v", bodies(got), h.counts(dead))
				}
			})
		})
	}
}

// A message that was put back is hidden once more before its claim is released: nobody else can carry it then, so the sweeper does.
func TestDeadLetterHiddenAgainWhileItIsPutBack(t *testing.T) {
	onBothShards(t, false, func(t *testing.T, h *harness, q, dead string) {
		h.send(q, "a")
		h.exhaust(q)
		source, err := h.queue(h.caller, q)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range h.faults {
			f.failBefore(times(1000, "Configure", shard.ErrOverloaded))
		}
		h.deleteQueue(dead)
		f := h.sourceClient(t, q).(*faultyShard)
		receive := func() []queue.Move {
			result, err := f.Client.Receive(t.Context(), partitionOf(source), shard.ReceiveRequest{Max: 1})
			if err != nil || len(result.Moves) != 1 {
				t.Errorf("%+v, %v", result, err)
				return nil
			}
			return result.Moves
		}
		moves := receive()
		once := times(1, "EndMove", shard.ErrUnavailable)
		f.failAfter(func(method string) error {
			if once(method) != nil {
				receive()
			}
			return nil
		})
		if h.carryDeadLetters(t.Context(), source, moves) {
			t.Error("the target is said to take dead letters")
		}
		time.Sleep(time.Minute)
		if h.counts(q) != [3]string{"1", "0", "0"} {
			t.Errorf("counts %v", h.counts(q))
		}
	})
}

// Every step of a move fails in turn, before it or after it took place; the message arrives once.
func TestDeadLettersArriveOnceWhateverFails(t *testing.T) {
	for _, step := range []string{"Receive", "ReadMoving", "Arrive", "EndMove", "Settle"} {
		for _, lost := range []bool{false, true} {
			for _, mend := range []string{"in the background", "by a restart", "by a crash"} {
				t.Run(fmt.Sprintf("%s, answer lost %v, mended %s", step, lost, mend), func(t *testing.T) {
					onBothShards(t, false, func(t *testing.T, h *harness, q, dead string) {
						h.send(q, "a")
						h.exhaust(q)
						on := q
						if step == "Arrive" || step == "Settle" {
							on = dead
						}
						f := h.sourceClient(t, on).(*faultyShard)
						if lost {
							f.failAfter(times(1, step, shard.ErrUnavailable))
						} else {
							f.failBefore(times(1, step, shard.ErrUnavailable))
						}
						in := &api.ReceiveMessageInput{QueueUrl: q}
						if _, err := h.ReceiveMessage(t.Context(), h.caller, in); err != nil && !errors.Is(err, api.ServiceUnavailable) {
							t.Fatal(err)
						}
						switch mend {
						case "in the background":
							time.Sleep(time.Minute)
						case "by a restart":
							h.restart()
						case "by a crash":
							h.crash()
						}
						if got := h.receive(q); len(got) != 0 {
							t.Errorf("received %v", bodies(got))
						}
						time.Sleep(time.Minute)
						if got := h.receive(dead); len(got) != 1 {
							t.Errorf("the dead-letter queue has %v", bodies(got))
						}
						if h.counts(q) != [3]string{"0", "0", "0"} {
							t.Errorf("the source has %v", h.counts(q))
						}
						checkSettled(t, h)
					})
				})
			}
		}
	}
}

// A panic in the request that carries dead letters leaves them to be carried by others.
func TestDeadLettersOutliveAPanic(t *testing.T) {
	onBothShards(t, false, func(t *testing.T, h *harness, q, dead string) {
		h.send(q, "a")
		h.exhaust(q)
		once := times(1, "Arrive", shard.ErrUnavailable)
		for _, f := range h.faults {
			f.failBefore(func(method string) error {
				if once(method) != nil {
					panic("defect")
				}
				return nil
			})
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			h.receive(q)
		}()
		synctest.Wait()
		if got := h.receive(dead); len(got) != 1 || h.counts(q) != [3]string{"0", "0", "0"} {
			t.Errorf("the dead-letter queue has %v, the source %v", bodies(got), h.counts(q))
		}
		checkSettled(t, h)
	})
}

// A target that is still to be set up is not gone: dead letters wait for it.
func TestDeadLettersWaitForATargetThatIsBeingSetUp(t *testing.T) {
	onBothShards(t, false, func(t *testing.T, h *harness, q, dead string) {
		h.send(q, "a")
		h.exhaust(q)
		for _, f := range h.faults {
			f.failBefore(times(2, "Arrive", shard.ErrNoPartition))
		}
		if got := h.receive(q); len(got) != 0 || h.counts(q) != [3]string{"0", "1", "0"} {
			t.Errorf("received %v, counts %v; a message on its way counts as in flight", bodies(got), h.counts(q))
		}
		time.Sleep(10 * time.Second)
		if got := h.receive(dead); len(got) != 1 {
			t.Errorf("the dead-letter queue has %v", bodies(got))
		}
		checkSettled(t, h)
	})
}

// A client that goes away while its receive moves dead letters does not stop them.
func TestDeadLettersOfAClientThatGoes(t *testing.T) {
	onBothShards(t, false, func(t *testing.T, h *harness, q, dead string) {
		h.send(q, "a")
		h.exhaust(q)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for _, f := range h.faults {
			f.failAfter(func(method string) error {
				if method == "Receive" {
					cancel()
					return context.Canceled // the answer, with the dead letter, is lost
				}
				return nil
			})
		}
		if _, err := h.ReceiveMessage(ctx, h.caller, &api.ReceiveMessageInput{QueueUrl: q, WaitTimeSeconds: new(int64(20))}); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		for _, f := range h.faults {
			f.failAfter(nil)
		}
		synctest.Wait()
		if h.counts(dead) != [3]string{"1", "0", "0"} || h.counts(q) != [3]string{"0", "0", "0"} {
			t.Errorf("counts %v, dead-letter queue %v", h.counts(q), h.counts(dead))
		}
	})
}

// What was begun for a client that goes away is finished in its request, by nobody else.
func TestDeadLettersOfAClientThatGoesLater(t *testing.T) {
	onBothShards(t, false, func(t *testing.T, h *harness, q, dead string) {
		h.send(q, "a")
		h.exhaust(q)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		var calls []string
		var mu sync.Mutex
		for _, f := range h.faults {
			f.failBefore(func(method string) error {
				mu.Lock()
				defer mu.Unlock()
				calls = append(calls, method)
				if method == "ReadMoving" {
					cancel()
				}
				return nil
			})
		}
		if _, err := h.ReceiveMessage(ctx, h.caller, &api.ReceiveMessageInput{QueueUrl: q}); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		want := []string{"Receive", "ReadMoving", "Arrive", "EndMove", "Settle"}
		if !slices.Equal(calls[:min(len(want), len(calls))], want) {
			t.Errorf("the calls are %v, want %v first", calls, want)
		}
	})
}

// A client that goes away before its dead letters are carried holds nothing up: they are carried at once, and nobody is warned.
func TestNoWarningAboutAClientThatGoes(t *testing.T) {
	onBothShards(t, false, func(t *testing.T, h *harness, q, dead string) {
		log := h.logged(slog.LevelWarn)
		h.send(q, "a")
		h.exhaust(q)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for _, f := range h.faults {
			f.failAfter(func(method string) error {
				if method == "Receive" {
					cancel()
				}
				return nil
			})
		}
		if _, err := h.ReceiveMessage(ctx, h.caller, &api.ReceiveMessageInput{QueueUrl: q}); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if h.counts(dead) != [3]string{"1", "0", "0"} || log.Len() > 0 {
			t.Errorf("the dead-letter queue has %v; log: %s", h.counts(dead), log)
		}
	})
}

// Places are for what is in memory: the steps after the arrival hold none.
func TestPlacesAreForContents(t *testing.T) {
	onBothShards(t, false, func(t *testing.T, h *harness, q, _ string) {
		h.send(q, "a")
		h.exhaust(q)
		free := make(map[string]bool)
		for _, f := range h.faults {
			f.failBefore(func(method string) error {
				if free[method] = h.carrier.bringing.TryAcquire(bringMax); free[method] {
					h.carrier.bringing.Release(bringMax)
				}
				return nil
			})
		}
		h.receive(q)
		want := map[string]bool{"Receive": true, "ReadMoving": false, "Arrive": false, "EndMove": true, "Settle": true}
		if diff := cmp.Diff(want, free); diff != "" {
			t.Errorf("all places are free (-want +got):\n%s", diff)
		}
	})
}

func TestDeadLetterBytes(t *testing.T) {
	onBothShards(t, false, func(t *testing.T, h *harness, q, dead string) {
		h.send(q, strings.Repeat("a", 1000))
		h.exhaust(q)
		seen := int64(0)
		for _, f := range h.faults {
			f.failBefore(func(method string) error {
				if method == "Arrive" {
					seen = h.DeadLetterBytes()
				}
				return nil
			})
		}
		h.receive(q)
		if seen < 1000 || seen > 2000 || h.DeadLetterBytes() != 0 {
			t.Errorf("%d bytes on the way, %d afterwards", seen, h.DeadLetterBytes())
		}
	})
}

// A client that goes away while all places are taken has its dead letters carried when there is one.
func TestDeadLettersWithoutAPlace(t *testing.T) {
	onBothShards(t, false, func(t *testing.T, h *harness, q, dead string) {
		h.send(q, "a")
		h.exhaust(q)
		if err := h.carrier.bringing.Acquire(t.Context(), bringMax); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if out, err := h.ReceiveMessage(ctx, h.caller, &api.ReceiveMessageInput{QueueUrl: q}); err != nil || len(out.Messages) != 0 {
			t.Errorf("received %+v, %v", out, err)
		}
		if ctx.Err() == nil || h.counts(q) != [3]string{"0", "1", "0"} {
			t.Errorf("the client has waited: %v; counts %v", ctx.Err(), h.counts(q))
		}
		h.carrier.bringing.Release(bringMax)
		synctest.Wait()
		if h.counts(dead) != [3]string{"1", "0", "0"} || h.counts(q) != [3]string{"0", "0", "0"} {
			t.Errorf("counts %v, dead-letter queue %v", h.counts(q), h.counts(dead))
		}
		checkSettled(t, h)
	})
}

// The service stops while dead letters wait for a place.
func TestStopWhileDeadLettersHaveNoPlace(t *testing.T) {
	onBothShards(t, false, func(t *testing.T, h *harness, q, dead string) {
		log := h.logged(slog.LevelWarn)
		h.send(q, "a")
		h.exhaust(q)
		h.leave(t, q)
		if err := h.carrier.bringing.Acquire(t.Context(), bringMax); err != nil {
			t.Fatal(err)
		}
		h.brokeOff(h.partition(t, q))
		synctest.Wait()
		h.restart()
		if h.counts(dead) != [3]string{"1", "0", "0"} || log.Len() > 0 {
			t.Errorf("the dead-letter queue has %v; log: %s", h.counts(dead), log)
		}
	})
}

// leave receives the only message of q, which becomes a dead letter, and carries it nowhere.
func (h *harness) leave(t *testing.T, q string) (*catalog.Queue, []queue.Move) {
	t.Helper()
	result, err := h.sourceClient(t, q).Receive(t.Context(), h.partition(t, q), shard.ReceiveRequest{Max: 1})
	if err != nil || len(result.Moves) != 1 {
		t.Fatalf("%+v, %v", result, err)
	}
	source, err := h.queue(h.caller, q)
	if err != nil {
		t.Fatal(err)
	}
	return source, result.Moves
}

// A receive whose dead letters another carries asks its shard for nothing.
func TestNothingClaimedNothingAsked(t *testing.T) {
	onBothShards(t, false, func(t *testing.T, h *harness, q, _ string) {
		h.send(q, "a")
		h.exhaust(q)
		source, moves := h.leave(t, q)
		h.carrier.claim(h.partition(t, q), moves)
		for _, f := range h.faults {
			f.failBefore(func(method string) error {
				t.Errorf("%s is called", method)
				return nil
			})
		}
		if !h.carryDeadLetters(t.Context(), source, moves) {
			t.Error("it was taken for a failure")
		}
	})
}

// A holder of moves that comes after the sweeper must not carry them again.
func TestLateCarrierLeavesWhatWasSwept(t *testing.T) {
	onBothShards(t, false, func(t *testing.T, h *harness, q, dead string) {
		h.send(q, "a")
		h.exhaust(q)
		source, moves := h.leave(t, q)
		h.brokeOff(h.partition(t, q))
		synctest.Wait()
		h.carryDeadLetters(t.Context(), source, moves)
		if h.counts(dead) != [3]string{"1", "0", "0"} {
			t.Errorf("the dead-letter queue has %v", h.counts(dead))
		}
		checkSettled(t, h)
		if n := len(h.carrier.claimed); n != 0 {
			t.Errorf("%d claims are left", n)
		}
	})
}

// Consumers poll, calls fail at random, and the server crashes now and then; in the end every message is in the dead-letter queue,
// once.
func TestDeadLettersUnderRandomFailures(t *testing.T) {
	for seed := range uint64(25) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			onBothShards(t, seed%2 == 1, func(t *testing.T, h *harness, q, dead string) {
				random := rand.New(rand.NewPCG(seed, 0))
				all := numbered(40)
				for _, body := range all {
					h.send(q, body, func(in *api.SendMessageInput) {
						if seed%2 == 1 {
							inGroup(body[2:])(in)
						}
					})
				}
				for range 4 {
					failAtRandom(h, random)
					var wg sync.WaitGroup
					for range 3 {
						wg.Go(func() {
							for range 10 {
								ctx, cancel := context.WithTimeout(context.Background(), 700*time.Millisecond)
								_, _ = h.ReceiveMessage(ctx, h.caller, &api.ReceiveMessageInput{
									QueueUrl: q, MaxNumberOfMessages: new(int64(10)), VisibilityTimeout: new(int64(1)), WaitTimeSeconds: new(int64(1)),
								})
								cancel()
							}
						})
					}
					wg.Wait()
					if seed%3 == 0 {
						h.crash()
					}
				}
				for _, f := range h.faults {
					f.failBefore(nil)
					f.failAfter(nil)
				}
				for range 5 {
					time.Sleep(time.Minute)
					h.receive(q)
				}
				got := h.drain(dead)
				slices.Sort(got)
				if diff := cmp.Diff(all, got); diff != "" {
					t.Errorf("the dead-letter queue (-want +got):\n%s", diff)
				}
				if got := h.counts(q); got != [3]string{"0", "0", "0"} {
					t.Errorf("the source has %v", got)
				}
				checkSettled(t, h)
			})
		})
	}
}

// failAtRandom lets some calls of every shard fail, before or after they took place.
func failAtRandom(h *harness, random *rand.Rand) {
	var mu sync.Mutex
	fault := func(method string) error {
		mu.Lock()
		defer mu.Unlock()
		if random.IntN(5) == 0 {
			return shard.ErrUnavailable
		}
		return nil
	}
	for _, f := range h.faults {
		f.failBefore(fault)
		f.failAfter(fault)
	}
}

// What one receive hides may be 100 MiB, which is carried 8 MiB at a time.
func TestLargeDeadLetters(t *testing.T) {
	onBothShards(t, false, func(t *testing.T, h *harness, q, dead string) {
		all := h.sendLarge(q, 10)
		h.exhaust(q)
		if got := h.receive(q); len(got) != 0 {
			t.Errorf("received %d messages", len(got))
		}
		source := h.sourceClient(t, q).(*faultyShard)
		if n := source.readMax.Load(); n != 7 { // with its attributes each takes more than 1 MiB
			t.Errorf("%d messages of 1 MiB were read at once", n)
		}
		if !slices.Equal(h.drain(dead), all) {
			t.Error("the dead-letter queue has other messages")
		}
		checkSettled(t, h)
	})
}

// sendLarge sends messages of the largest size, and returns their bodies.
func (h *harness) sendLarge(q string, n int) []string {
	h.t.Helper()
	all := numbered(n)
	for i, number := range all {
		all[i] += strings.Repeat("x", messageSizeMax-len(number))
		h.send(q, all[i], func(in *api.SendMessageInput) {
			if strings.HasSuffix(q, fifoSuffix) {
				in.MessageGroupId, in.MessageDeduplicationId = new("g"), &number
			}
		})
	}
	return all
}

package sqs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/queue"
	"github.com/staunchmq/staunch/internal/shard"
)

// sourceClient is the shard of a queue's partition.
func (h *harness) sourceClient(t *testing.T, url string) shard.Client {
	t.Helper()
	q, err := h.queue(h.caller, url)
	if err != nil {
		t.Fatal(err)
	}
	client, _ := h.home(q)
	return client
}

func (h *harness) partition(t *testing.T, url string) queue.ID {
	t.Helper()
	q, err := h.queue(h.caller, url)
	if err != nil {
		t.Fatal(err)
	}
	return partitionOf(q)
}

// targetOf is the partition that dead letters of a queue go to, as its own partition has it.
func (h *harness) targetOf(t *testing.T, url string) queue.ID {
	t.Helper()
	all, err := h.sourceClient(t, url).Partitions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return all[h.partition(t, url)].DeadLetter
}

func TestServiceAnswersOnlyWhenReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, 1)
		h.create("q")
		h.stop()
		h.journals[0] = h.journals[0].Open()
		h.startShards()
		defer h.stop()
		h.Service = New(h.options)
		checkNotReady(t, h, "before Run")

		h.faults[0].failBefore(func(string) error { return shard.ErrUnavailable })
		// The shard has lost the partition, so that there is something to mend.
		if err := h.faults[0].Client.Drop(t.Context(), 2); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- h.Run(ctx) }()
		time.Sleep(10 * time.Second)
		checkNotReady(t, h, "while a shard is unavailable")
		if err := h.Ready(); !errors.Is(err, shard.ErrUnavailable) {
			t.Errorf("Ready: %v", err)
		}

		h.faults[0].failBefore(nil)
		<-h.Started()
		if err := h.Ready(); err != nil {
			t.Errorf("Ready: %v", err)
		}
		h.send("q", "a")
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

// checkNotReady checks that no action is answered but with ServiceUnavailable.
func checkNotReady(t *testing.T, h *harness, when string) {
	t.Helper()
	if h.Ready() == nil {
		t.Errorf("%s: it is ready", when)
	}
	for _, action := range api.Actions {
		_, err := action.Invoke(t.Context(), h.Service, h.caller, action.NewInput())
		checkError(t, when+": "+action.Name, err, api.ServiceUnavailable, "The server is starting. Try again.")
	}
}

func TestRunEndsWhileItIsNotReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, 1)
		h.create("q")
		h.stop()
		h.journals[0] = h.journals[0].Open()
		h.startShards()
		h.stop() // the shards are gone
		h.options.Logger = slog.New(slog.DiscardHandler)
		h.Service = New(h.options)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- h.Run(ctx) }()
		time.Sleep(time.Minute)
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

func TestRunRefusesFewerShards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, 2)
		for i := range 20 {
			h.create(fmt.Sprint("q", i))
		}
		h.stop()
		h.journals = h.journals[:1]
		h.journals[0] = h.journals[0].Open()
		h.startShards()
		h.Service = New(h.options)
		if err := h.Run(t.Context()); !errors.Is(err, errMissingShard) {
			t.Errorf("Run: %v", err)
		}
		h.stop()
	})
}

// A start makes the partitions what the catalog says, whatever they were.
func TestStartBringsPartitionsInLine(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		dead := h.create("dead")
		q := h.create("q", append(h.redrive(dead, "5"), "DelaySeconds", "7")...)
		h.send(dead, "stays")
		want := make([]map[queue.ID]queue.Settings, len(h.faults))
		for i, f := range h.faults {
			want[i], _ = f.Partitions(t.Context())
		}
		client := h.sourceClient(t, q)
		for _, err := range []error{
			client.Configure(t.Context(), h.partition(t, q), queue.Settings{FIFO: false, Retention: 1}),
			client.Configure(t.Context(), 4711, queue.Settings{}),
			h.sourceClient(t, q).Drop(t.Context(), h.partition(t, q)),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		h.restart()
		for i, f := range h.faults {
			got, err := f.Partitions(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want[i], got); diff != "" {
				t.Errorf("shard %d (-want +got):\n%s", i, diff)
			}
		}
		if h.targetOf(t, q) != h.partition(t, dead) {
			t.Errorf("dead letters go to %d", h.targetOf(t, q))
		}
		if got := bodies(h.receive(dead)); len(got) != 1 {
			t.Errorf("the other queue has %v", got)
		}
	})
}

// An origin that nobody moves any more is settled by the next start.
func TestStartSettlesOrigins(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		q := h.create("q")
		arrival := shard.Arrival{Origin: queue.Origin{Partition: 99, Ref: queue.Ref{Record: 1}}, Message: queue.Message{Content: (&content{Body: "a"}).encode()}}
		if err := h.sourceClient(t, q).Arrive(t.Context(), h.partition(t, q), []shard.Arrival{arrival}); err != nil {
			t.Fatal(err)
		}
		h.restart()
		checkSettled(t, h)
		if got := bodies(h.receive(q)); len(got) != 1 {
			t.Errorf("received %v", got)
		}
	})
}

// Everything that a queue is and has is there after a crash.
func TestStateSurvivesACrash(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		fifo := h.createFIFO("q", "ContentBasedDeduplication", "true", "VisibilityTimeout", "100", "RedriveAllowPolicy", `{"redrivePermission":"denyAll"}`)
		if err := h.TagQueue(t.Context(), h.caller, &api.TagQueueInput{QueueUrl: fifo, Tags: map[string]string{"k": "v"}}); err != nil {
			t.Fatal(err)
		}
		first := h.send(fifo, "a", inGroup("g"))
		h.send(fifo, "b", inGroup("g"))
		got := h.receive(fifo, func(in *api.ReceiveMessageInput) { in.MaxNumberOfMessages = nil })
		before := h.get(fifo, "All")
		h.crash()
		if diff := cmp.Diff(before, h.get(fifo, "All")); diff != "" {
			t.Errorf("attributes (-before +after):\n%s", diff)
		}
		if again := h.send(fifo, "a", inGroup("g")); again.MessageId != first.MessageId || again.SequenceNumber != first.SequenceNumber {
			t.Error("the deduplication memory is lost")
		}
		if locked := h.receive(fifo); len(locked) != 0 {
			t.Errorf("the group is not locked: %v", bodies(locked))
		}
		if err := h.delete(fifo, got[0].ReceiptHandle); err != nil {
			t.Errorf("delete: %v", err)
		}
		if next := bodies(h.receive(fifo)); len(next) != 1 || next[0] != "b" {
			t.Errorf("received %v", next)
		}
		if out, err := h.ListQueueTags(t.Context(), h.caller, &api.ListQueueTagsInput{QueueUrl: fifo}); err != nil || out.Tags["k"] != "v" {
			t.Errorf("tags %v, %v", out, err)
		}
	})
}

// A definition's commit may have taken place although its answer was lost. Then everything follows it by and by.
func TestCommitsInDoubt(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		dead := h.create("dead")
		q := h.create("q", append(h.redrive(dead, "1"), "VisibilityTimeout", "1")...)
		target := h.partition(t, dead)

		synctest.Wait()
		h.appends.failAfter(times(1, "Append", shard.ErrUnavailable))
		checkError(t, "create", createWith(new("new"), nil, nil)(h), api.ServiceUnavailable, "")
		synctest.Wait()
		h.appends.failAfter(times(1, "Append", shard.ErrUnavailable))
		checkError(t, "set", setWith(q, "DelaySeconds", "900")(h), api.ServiceUnavailable, "")
		synctest.Wait()
		h.appends.failAfter(times(1, "Append", shard.ErrUnavailable))
		err := h.DeleteQueue(t.Context(), h.caller, &api.DeleteQueueInput{QueueUrl: dead})
		checkError(t, "delete", err, api.ServiceUnavailable, "")
		synctest.Wait()
		h.appends.failAfter(times(1, "Append", shard.ErrUnavailable))
		err = h.TagQueue(t.Context(), h.caller, &api.TagQueueInput{QueueUrl: q, Tags: map[string]string{"k": "v"}})
		checkError(t, "tag", err, api.ServiceUnavailable, "")
		synctest.Wait()

		h.send("new", "a")
		h.send(q, "a")
		if got := h.counts(q); got != [3]string{"0", "0", "1"} {
			t.Errorf("the delay is not in force: %v", got)
		}
		if h.targetOf(t, q) != 0 {
			t.Error("dead letters go to a queue that is gone")
		}
		for i, f := range h.faults {
			all, err := f.Partitions(t.Context())
			if _, ok := all[target]; ok || err != nil {
				t.Errorf("shard %d still has the partition of the deleted queue: %v, %v", i, all, err)
			}
		}
		// Nothing of it takes place that failed for certain.
		h.appends.failBefore(times(1, "Append", shard.ErrDiskFull))
		checkError(t, "full", createWith(new("never"), nil, nil)(h), api.ServiceUnavailable, "The server's disk is full: it takes no more messages until there is room again.")
		synctest.Wait()
		checkError(t, "send", sending("never", func(*api.SendMessageInput) {})(h), api.QueueDoesNotExist, "")
		h.create("never")
	})
}

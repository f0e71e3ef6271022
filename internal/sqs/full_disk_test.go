package sqs

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/journal"
)

const diskFullText = "The server's disk is full: it takes no more messages until there is room again."

func (h *harness) setRoom(room journal.Room) {
	for _, j := range h.journals {
		j.SetRoom(room)
	}
}

// What brings something new is refused with a text that says why, everything else goes on, and so does a restart.
func TestNearlyFullDisk(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		q, doomed := h.create("q"), h.create("doomed")
		for _, body := range []string{"a", "b", "c"} {
			h.send(q, body)
		}
		held := h.receive(q, func(in *api.ReceiveMessageInput) { in.MaxNumberOfMessages = new(int64(1)) })
		h.setRoom(journal.RoomToFree)
		h.restart()
		checkErrors(t, h, []errorCase{
			{"send", func(h *harness) error {
				_, err := h.SendMessage(t.Context(), h.caller, &api.SendMessageInput{QueueUrl: q, MessageBody: new("d")})
				return err
			}, api.ServiceUnavailable, diskFullText},
			{"create", func(h *harness) error {
				_, err := h.CreateQueue(t.Context(), h.caller, &api.CreateQueueInput{QueueName: new("new")})
				return err
			}, api.ServiceUnavailable, diskFullText},
			{"settings", func(h *harness) error {
				return h.SetQueueAttributes(t.Context(), h.caller,
					&api.SetQueueAttributesInput{QueueUrl: q, Attributes: pairs([]string{"VisibilityTimeout", "1"})})
			}, api.ServiceUnavailable, diskFullText},
		})
		if err := h.delete(q, held[0].ReceiptHandle); err != nil {
			t.Errorf("delete: %v", err)
		}
		got := h.receive(q)
		if !slices.Equal(bodies(got), []string{"b", "c"}) {
			t.Fatalf("received %q", bodies(got))
		}
		if err := h.change(q, got[0].ReceiptHandle, 0); err != nil {
			t.Errorf("change of visibility: %v", err)
		}
		h.deleteQueue(doomed) // after definitions were refused: it must not be in doubt what the catalog has
		if err := h.PurgeQueue(t.Context(), h.caller, &api.PurgeQueueInput{QueueUrl: q}); err != nil {
			t.Errorf("purge: %v", err)
		}
		h.setRoom(journal.RoomForAll)
		time.Sleep(time.Second) // the shard looks again
		h.send(q, "d")
		if got := bodies(h.receive(q)); !slices.Equal(got, []string{"d"}) {
			t.Errorf("received %q", got)
		}
	})
}

// A dead letter has nowhere to go while the disk is full. It is neither lost nor in the way, not of a restart either.
func TestDeadLettersWaitForRoom(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		dead := h.create("dead")
		q := h.create("q", append(h.redrive(dead, "1"), "VisibilityTimeout", "1")...)
		h.send(q, "a")
		h.receive(q)
		time.Sleep(2 * time.Second)
		h.setRoom(journal.RoomToFree)
		if got := h.receive(q); len(got) != 0 {
			t.Fatalf("received %q", bodies(got))
		}
		if got := h.counts(dead); got[0] != "0" {
			t.Errorf("the dead-letter queue has %v", got)
		}
		h.restart()
		if err := h.Ready(); err != nil {
			t.Errorf("after a restart: %v", err)
		}
		time.Sleep(time.Minute)
		h.setRoom(journal.RoomForAll)
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := bodies(h.receive(dead)); !slices.Equal(got, []string{"a"}) {
			t.Errorf("received %q from the dead-letter queue", got)
		}
		if got := h.counts(q); got != [3]string{"0", "0", "0"} {
			t.Errorf("the queue has %v", got)
		}
	})
}

// While the dead letters of a queue have nowhere to go, a long poll hides no more than one receive does, and answers. The next ones come to
// the message behind them, and then wait again. Nothing reads the bodies over and over.
func TestDeadLettersThatCannotArrive(t *testing.T) {
	inBubble(t, func(t *testing.T, h *harness) {
		dead := h.create("dead")
		q := h.create("q", append(h.redrive(dead, "1"), "VisibilityTimeout", "1")...)
		all := numbered(250)
		for _, body := range all {
			h.send(q, body)
		}
		for len(h.receive(q)) > 0 {
		}
		time.Sleep(2 * time.Second)
		h.send(q, "good")
		h.setRoom(journal.RoomToFree)
		source := h.sourceClient(t, q).(*faultyShard)
		start := time.Now()
		for hidden := 100; hidden <= 200; hidden += 100 {
			if got := h.receive(q, waiting(20)); len(got) != 0 {
				t.Fatalf("received %q", bodies(got))
			}
			if got, want := h.counts(q), [3]string{fmt.Sprint(251 - hidden), fmt.Sprint(hidden), "0"}; got != want {
				t.Errorf("counts %v, want %v", got, want)
			}
		}
		if got := bodies(h.receive(q, waiting(20))); !slices.Equal(got, []string{"good"}) {
			t.Errorf("received %q", got)
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("the long polls took %v", took)
		}
		// It waits again, until there is another dead letter.
		if got := h.receive(q, waiting(20)); len(got) != 0 || time.Since(start) != time.Second {
			t.Errorf("received %q after %v", bodies(got), time.Since(start))
		}

		before := source.read.Load()
		h.brokeOff(h.partition(t, q))
		synctest.Wait()
		if n := source.read.Load() - before; n > movesPage {
			t.Errorf("a sweep read %d messages for a target that takes none", n)
		}
		h.restart()
		source = h.sourceClient(t, q).(*faultyShard)
		if n := source.read.Load(); n > 2*movesPage { // by the start, and by the first sweep
			t.Errorf("a start read %d messages for a target that takes none", n)
		}

		h.setRoom(journal.RoomForAll)
		time.Sleep(time.Minute)
		if got := h.drain(dead); !slices.Equal(got, append(all, "good")) {
			t.Errorf("the dead-letter queue has %q", got)
		}
		checkSettled(t, h)
	})
}

package catalog

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/staunchmq/staunch/internal/queue"
)

// TestReplayEqualsLive makes random changes. After each, the changes replayed, and the checkpoint restored, give the same state to
// the byte, and the indexes agree with the queues.
func TestReplayEqualsLive(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		live, log := newTestCatalog()
		replayed := New()
		for range rapid.IntRange(1, 40).Draw(rt, "changes") {
			c := drawChange(rt, live.View())
			if c == nil {
				continue
			}
			before := len(log.changes)
			if err := live.Update(t.Context(), func(*View) (Change, error) { return c, nil }); err != nil {
				rt.Fatalf("%+v: %v", c, err)
			}
			for _, data := range log.changes[before:] {
				if err := replayed.Apply(data); err != nil {
					rt.Fatalf("replay %s: %v", data, err)
				}
			}
			want := checkpointOf(rt, live)
			if got := checkpointOf(rt, replayed); !bytes.Equal(got, want) {
				rt.Fatalf("replayed:\n%s\nlive:\n%s", got, want)
			}
			restored := New()
			if err := restored.Restore(want); err != nil {
				rt.Fatal(err)
			}
			if got := checkpointOf(rt, restored); !bytes.Equal(got, want) {
				rt.Fatalf("restored:\n%s\nlive:\n%s", got, want)
			}
			checkIndexes(rt, live.View())
			checkIndexes(rt, restored.View())
			read(rt, restored.View())
		}
	})
}

func checkpointOf(rt *rapid.T, c *Catalog) []byte {
	state, err := c.Checkpoint()()
	if err != nil {
		rt.Fatal(err)
	}
	return state
}

func drawChange(rt *rapid.T, v *View) Change {
	queues := slices.Collect(v.All())
	kind := rapid.SampledFrom([]string{"create", "create", "attributes", "tags", "task", "delete", "secret", "keyring", "barrier",
		"identity", "identity", "identity", "identity"}).Draw(rt, "kind")
	switch kind {
	case "identity":
		return drawIdentityChange(rt, v)
	case "create":
		k := key(rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(rt, "name"))
		if v.Lookup(k) != nil {
			return nil
		}
		id := v.NextID()
		return CreateQueue{Queue: Queue{
			ID: QueueID(id), Key: k, Attributes: drawAttributes(rt), Created: int64(id),
			Partitions: []Partition{{ID: queue.ID(id + 1), Shard: int(id % 3)}},
		}}
	case "secret":
		return SetSecret{Secret: []byte{1, 2, 3}}
	case "keyring":
		return SetKeyring{Key: rapid.SampledFrom([]string{"", "k"}).Draw(rt, "keyring")}
	case "barrier":
		return barrier{}
	}
	if len(queues) == 0 {
		return nil
	}
	id := rapid.SampledFrom(queues).Draw(rt, "queue").ID
	switch kind {
	case "attributes":
		return SetAttributes{ID: id, Attributes: drawAttributes(rt), Modified: int64(id)}
	case "tags":
		return SetTags{ID: id, Tags: rapid.MapOfN(rapid.StringMatching("[a-z]"), rapid.StringMatching("[a-z]"), 0, 4).Draw(rt, "tags")}
	case "task":
		return SetTask{Task: MoveTask{
			ID: fmt.Sprint(rapid.IntRange(0, 15).Draw(rt, "task")), Source: id,
			Status: rapid.SampledFrom([]TaskStatus{TaskRunning, TaskCompleted, TaskFailed}).Draw(rt, "status"),
		}}
	}
	at := rapid.Int64Range(0, 100).Draw(rt, "at")
	return DeleteQueue{ID: id, At: at, ForgetBefore: at - 20}
}

func drawAttributes(rt *rapid.T) Attributes {
	a := Attributes{DelaySeconds: rapid.Int64Range(0, 900).Draw(rt, "delay"), FIFO: rapid.Bool().Draw(rt, "fifo")}
	if rapid.Bool().Draw(rt, "redrive") {
		a.Redrive = &RedrivePolicy{Target: key(rapid.SampledFrom([]string{"a", "b", "x"}).Draw(rt, "target")), MaxReceiveCount: 2}
	}
	return a
}

func checkIndexes(rt *rapid.T, v *View) {
	sources := 0
	for q := range v.All() {
		if v.Lookup(q.Key) != q || v.Queue(q.ID) != q || v.QueueOf(q.Partitions[0].ID) != q {
			rt.Fatalf("the indexes do not agree on queue %+v", q)
		}
		if uint64(q.ID) >= v.NextID() || uint64(q.Partitions[0].ID) >= v.NextID() {
			rt.Fatalf("the next ID is %d, but queue %+v exists", v.NextID(), q)
		}
		if r := q.Attributes.Redrive; r != nil {
			sources++
			if !slices.Contains(slices.Collect(v.Sources(r.Target, Key{})), q) {
				rt.Fatalf("queue %+v is not among the sources of its target", q)
			}
		}
		if _, ok := v.DeletedAt(q.Key); ok {
			rt.Fatalf("queue %s exists and is remembered as deleted", q.Name)
		}
	}
	if v.byID.Len() != v.Len() || v.byPartition.Len() != v.Len() || v.sources.Len() != sources || v.deleted.Len() != v.deletedByTime.Len() {
		rt.Fatalf("%d queues, %d by ID, %d by partition, %d of %d sources, %d deleted, %d by time",
			v.Len(), v.byID.Len(), v.byPartition.Len(), v.sources.Len(), sources, v.deleted.Len(), v.deletedByTime.Len())
	}
}

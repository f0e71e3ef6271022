package catalog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/staunchmq/staunch/internal/queue"
	"github.com/staunchmq/staunch/internal/shard"
)

// fakeLog commits at once, and remembers what it has committed.
type fakeLog struct {
	catalog *Catalog
	changes [][]byte
	// fail, if not nil, is what the next append answers; with applyLater the change is then applied by the append after it.
	fail       error
	applyLater bool
	late       []byte
}

func (l *fakeLog) AppendDefinition(_ context.Context, change []byte, _ bool) error {
	if l.fail != nil {
		err := l.fail
		l.fail = nil
		if l.applyLater {
			l.late = change
		}
		return err
	}
	if l.late != nil {
		if err := l.apply(l.late); err != nil {
			return err
		}
		l.late = nil
	}
	return l.apply(change)
}

func (l *fakeLog) apply(change []byte) error {
	l.changes = append(l.changes, slices.Clone(change))
	return l.catalog.Apply(change)
}

func newTestCatalog() (*Catalog, *fakeLog) {
	c := New()
	log := &fakeLog{catalog: c}
	c.Attach(log)
	return c, log
}

// change commits a change that was decided beforehand.
func change(t testing.TB, c *Catalog, decided Change) {
	t.Helper()
	if err := c.Update(t.Context(), func(*View) (Change, error) { return decided, nil }); err != nil {
		t.Fatalf("%T: %v", decided, err)
	}
}

func key(name string) Key { return Key{"000000000000", "us-east-1", name} }

// create adds a queue, whose attributes edit may change.
func create(t testing.TB, c *Catalog, k Key, edit ...func(*Queue)) *Queue {
	t.Helper()
	err := c.Update(t.Context(), func(v *View) (Change, error) {
		id := v.NextID()
		q := Queue{ID: QueueID(id), Key: k, Partitions: []Partition{{ID: queue.ID(id + 1)}}}
		for _, e := range edit {
			e(&q)
		}
		return CreateQueue{Queue: q}, nil
	})
	if err != nil {
		t.Fatalf("create %v: %v", k, err)
	}
	return c.View().Lookup(k)
}

func withTarget(target Key) func(*Queue) {
	return func(q *Queue) {
		q.Attributes.Redrive = &RedrivePolicy{TargetARN: "arn:" + target.Name, Target: target, MaxReceiveCount: 3}
	}
}

func names(queues func(func(*Queue) bool)) []string {
	var all []string
	for q := range queues {
		all = append(all, q.Name)
	}
	return all
}

func TestQueueIsFoundByNameAndIDAndPartition(t *testing.T) {
	c, _ := newTestCatalog()
	q := create(t, c, key("orders"))
	v := c.View()
	for what, found := range map[string]*Queue{
		"name":      v.Lookup(key("orders")),
		"id":        v.Queue(q.ID),
		"partition": v.QueueOf(q.Partitions[0].ID),
	} {
		if found != q {
			t.Errorf("by its %s: %+v", what, found)
		}
	}
	for what, found := range map[string]*Queue{
		"another name":    v.Lookup(key("Orders")),
		"another account": v.Lookup(Key{"111111111111", "us-east-1", "orders"}),
		"another region":  v.Lookup(Key{"000000000000", "eu-west-1", "orders"}),
		"another id":      v.Queue(q.ID + 1),
		"its own id":      v.QueueOf(queue.ID(q.ID)),
	} {
		if found != nil {
			t.Errorf("by %s: %+v", what, found)
		}
	}
}

func TestLookupDoesNotAllocate(t *testing.T) {
	c, _ := newTestCatalog()
	for i := range 1000 {
		create(t, c, key(fmt.Sprintf("queue-%d", i)))
	}
	k := key("queue-777")
	if n := testing.AllocsPerRun(100, func() { c.View().Lookup(k) }); n != 0 {
		t.Errorf("a lookup makes %v allocations", n)
	}
}

func TestIDsAreNeverUsedAgain(t *testing.T) {
	c, _ := newTestCatalog()
	first := create(t, c, key("a"))
	change(t, c, DeleteQueue{ID: first.ID})
	restored := New()
	state, err := c.Checkpoint()()
	if err != nil {
		t.Fatal(err)
	}
	if err := restored.Restore(state); err != nil {
		t.Fatal(err)
	}
	if next := restored.View().NextID(); next != uint64(first.Partitions[0].ID)+1 {
		t.Errorf("the next ID is %d after %d and %d were used", next, first.ID, first.Partitions[0].ID)
	}
	again := Queue{ID: first.ID, Key: key("b"), Partitions: first.Partitions}
	if err := (CreateQueue{Queue: again}).apply(restored.View().copy()); err == nil {
		t.Error("an ID was taken a second time")
	}
}

func TestListIsInOrderOfNamesAndGoesOnAfterAName(t *testing.T) {
	c, _ := newTestCatalog()
	for _, name := range []string{"b-2", "a", "b-1", "c", "b", "b-10"} {
		create(t, c, key(name))
	}
	create(t, c, Key{"000000000000", "eu-west-1", "b-other-region"})
	create(t, c, Key{"111111111111", "us-east-1", "b-other-account"})
	if v := c.View(); !v.HasQueues("111111111111") || v.HasQueues("222222222222") {
		t.Error("HasQueues is wrong")
	}
	for _, tc := range []struct {
		name, prefix, after string
		want                []string
	}{
		{"all", "", "", []string{"a", "b", "b-1", "b-10", "b-2", "c"}},
		{"prefix", "b", "", []string{"b", "b-1", "b-10", "b-2"}},
		{"prefix with case", "B", "", nil},
		{"after a queue", "", "b-10", []string{"b-2", "c"}},
		{"after a queue that is gone", "b", "b-0", []string{"b-1", "b-10", "b-2"}},
		{"after the last", "b", "b-2", nil},
		{"after what comes before the prefix", "b", "a", []string{"b", "b-1", "b-10", "b-2"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := names(c.View().List("000000000000", "us-east-1", tc.prefix, tc.after))
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("list (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSourcesFollowRedrivePolicies(t *testing.T) {
	c, _ := newTestCatalog()
	dead := key("dead")
	b := create(t, c, key("b"), withTarget(dead))
	create(t, c, key("a"), withTarget(dead))
	create(t, c, key("other"), withTarget(key("other-dead")))
	sources := func() []string { return names(c.View().Sources(dead, Key{})) }
	if got := sources(); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("sources: %v", got)
	}
	if got := names(c.View().Sources(dead, key("a"))); !slices.Equal(got, []string{"b"}) {
		t.Errorf("sources after a: %v", got)
	}
	change(t, c, SetAttributes{ID: b.ID, Modified: 7})
	if got := sources(); !slices.Equal(got, []string{"a"}) {
		t.Errorf("after b lost its policy: %v", got)
	}
	change(t, c, DeleteQueue{ID: c.View().Lookup(key("a")).ID})
	if c.View().HasSources(dead) {
		t.Errorf("after a was deleted: %v", sources())
	}
	if !c.View().HasSources(key("other-dead")) {
		t.Error("the source of another queue is lost")
	}
}

func TestAViewNeverChanges(t *testing.T) {
	c, _ := newTestCatalog()
	q := create(t, c, key("a"))
	before := c.View()
	for i := range 200 {
		create(t, c, key(fmt.Sprint("b", i)))
	}
	change(t, c, SetTags{ID: q.ID, Tags: map[string]string{"k": "v"}})
	change(t, c, DeleteQueue{ID: q.ID})
	if before.Len() != 1 || before.Lookup(q.Key) != q || q.Tags != nil {
		t.Errorf("the older view has %d queues, a=%+v", before.Len(), before.Lookup(q.Key))
	}
	if c.View().Lookup(q.Key) != nil || c.View().Len() != 200 {
		t.Errorf("the newer view has %d queues", c.View().Len())
	}
}

func TestDeletedNamesAreRememberedAsLongAsNeeded(t *testing.T) {
	c, _ := newTestCatalog()
	a, b := create(t, c, key("a")), create(t, c, key("b"))
	change(t, c, DeleteQueue{ID: a.ID, At: 1000, ForgetBefore: 400})
	if at, ok := c.View().DeletedAt(a.Key); !ok || at != 1000 {
		t.Fatalf("a was deleted at %d, %v", at, ok)
	}
	change(t, c, DeleteQueue{ID: b.ID, At: 2000, ForgetBefore: 1001})
	if _, ok := c.View().DeletedAt(a.Key); ok {
		t.Error("a is still remembered")
	}
	if _, ok := c.View().DeletedAt(b.Key); !ok {
		t.Error("b is not remembered")
	}
	again := create(t, c, key("b"))
	if _, ok := c.View().DeletedAt(b.Key); ok {
		t.Error("b is remembered as deleted although it exists")
	}
	change(t, c, DeleteQueue{ID: again.ID, At: 3000, ForgetBefore: 3001})
	if _, ok := c.View().DeletedAt(b.Key); ok {
		t.Error("b is remembered although nobody will ask")
	}
}

func TestTenFinishedTasksAreKept(t *testing.T) {
	c, _ := newTestCatalog()
	q := create(t, c, key("dead"))
	for i := range 13 {
		task := MoveTask{ID: fmt.Sprint(i), Source: q.ID, Status: TaskRunning}
		change(t, c, SetTask{Task: task})
		if i < 12 {
			task.Status = TaskCompleted
			change(t, c, SetTask{Task: task})
		}
	}
	var ids []string
	for _, task := range c.View().Tasks(q.ID) {
		ids = append(ids, task.ID)
	}
	if want := []string{"12", "11", "10", "9", "8", "7", "6", "5", "4", "3", "2"}; !slices.Equal(ids, want) {
		t.Errorf("tasks %v, want %v", ids, want)
	}
	active := 0
	for task := range c.View().ActiveTasks() {
		if task.ID != "12" {
			t.Errorf("task %s is active", task.ID)
		}
		active++
	}
	if active != 1 {
		t.Errorf("%d active tasks", active)
	}
	if v := c.View(); v.Task(q.ID, "7") == nil || v.Task(q.ID, "0") != nil || v.Task(q.ID+1, "7") != nil {
		t.Error("a task is not found by its queue and ID")
	}
	change(t, c, DeleteQueue{ID: q.ID})
	if tasks := c.View().Tasks(q.ID); tasks != nil {
		t.Errorf("tasks of a queue that is gone: %v", tasks)
	}
}

func TestUpdatesSeeEachOther(t *testing.T) {
	c, _ := newTestCatalog()
	q := create(t, c, key("a"))
	var wg sync.WaitGroup
	const writers, times = 8, 25
	for range writers {
		wg.Go(func() {
			for range times {
				err := c.Update(t.Context(), func(v *View) (Change, error) {
					a := v.Queue(q.ID).Attributes
					a.DelaySeconds++
					return SetAttributes{ID: q.ID, Attributes: a}, nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if got := c.View().Queue(q.ID).Attributes.DelaySeconds; got != writers*times {
		t.Errorf("%d of %d updates count", got, writers*times)
	}
}

// Readers and a writer at once: the race detector watches.
func TestReadersWaitForNobody(t *testing.T) {
	c, _ := newTestCatalog()
	create(t, c, key("a"), withTarget(key("dead")))
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				v := c.View()
				if v.Lookup(key("a")) == nil || !v.HasSources(key("dead")) || len(names(v.All())) != v.Len() {
					t.Error("a reader sees half a change")
					return
				}
			}
		})
	}
	for i := range 300 {
		q := create(t, c, key(fmt.Sprint("b", i)), withTarget(key("dead")))
		if i%2 == 0 {
			change(t, c, DeleteQueue{ID: q.ID})
		}
	}
	close(done)
	wg.Wait()
}

func TestUpdateOfNothingAppendsNothing(t *testing.T) {
	c, log := newTestCatalog()
	refused := errors.New("refused")
	if err := c.Update(t.Context(), func(*View) (Change, error) { return nil, refused }); err != refused {
		t.Errorf("error %v", err)
	}
	if err := c.Update(t.Context(), func(*View) (Change, error) { return nil, nil }); err != nil {
		t.Errorf("error %v", err)
	}
	if len(log.changes) != 0 {
		t.Errorf("%d changes were appended", len(log.changes))
	}
}

func TestUpdateStopsWaitingWithItsContext(t *testing.T) {
	c, _ := newTestCatalog()
	ctx, cancel := context.WithCancel(t.Context())
	err := c.Update(t.Context(), func(*View) (Change, error) {
		cancel()
		if err := c.Update(ctx, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("the second writer got %v", err)
		}
		return nil, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestUpdateNeedsALog(t *testing.T) {
	err := New().Update(t.Context(), func(*View) (Change, error) { t.Error("decided without a log"); return nil, nil })
	if err == nil {
		t.Error("no error")
	}
}

// After an append whose outcome is not known, the next decision must see it if it took place.
func TestUpdateWaitsForAppendsInDoubt(t *testing.T) {
	c, log := newTestCatalog()
	log.fail, log.applyLater = shard.ErrUnavailable, true
	decide := func(v *View) (Change, error) {
		if v.Lookup(key("a")) != nil {
			return nil, errors.New("exists")
		}
		id := v.NextID()
		return CreateQueue{Queue: Queue{ID: QueueID(id), Key: key("a"), Partitions: []Partition{{ID: queue.ID(id + 1)}}}}, nil
	}
	if err := c.Update(t.Context(), decide); !errors.Is(err, shard.ErrUnavailable) {
		t.Fatalf("error %v", err)
	}
	if err := c.Update(t.Context(), decide); err == nil || err.Error() != "exists" {
		t.Fatalf("the second writer got %v", err)
	}
}

func TestSecretIsMadeOnce(t *testing.T) {
	c, log := newTestCatalog()
	if c.View().Secret() != nil {
		t.Error("a new catalog has a secret")
	}
	for range 2 {
		if err := c.EnsureSecret(t.Context(), strings.NewReader(strings.Repeat("s", 32))); err != nil {
			t.Fatal(err)
		}
	}
	if got := string(c.View().Secret()); got != strings.Repeat("s", 32) {
		t.Errorf("secret %q", got)
	}
	if len(log.changes) != 1 {
		t.Errorf("%d changes", len(log.changes))
	}
	if err := New().EnsureSecret(t.Context(), strings.NewReader("")); err == nil {
		t.Error("no error without a log")
	}
}

func TestApplyRefusesWhatItCannotRead(t *testing.T) {
	for _, tc := range []struct{ name, change, want string }{
		{"not JSON", "?", "decode a change"},
		{"unknown kind", `{"version":1,"kind":"create_topic","change":{}}`, `unknown change "create_topic"`},
		{"newer version", `{"version":2,"kind":"barrier","change":{}}`, "format version 2"},
		{"unknown member", `{"version":1,"kind":"set_tags","change":{"id":1,"colour":"red"}}`, "colour"},
		{"unknown member outside", `{"version":1,"kind":"barrier","change":{},"more":1}`, "more"},
		{"repeated member", `{"version":1,"kind":"set_tags","change":{"id":1,"id":2}}`, "id"},
		{"wrong type", `{"version":1,"kind":"delete_queue","change":{"id":"one"}}`, "delete_queue"},
		{"unknown queue", `{"version":1,"kind":"delete_queue","change":{"id":1,"at":0,"forget_before":0}}`, "no queue 1"},
		{"tags of an unknown queue", `{"version":1,"kind":"set_tags","change":{"id":1}}`, "no queue 1"},
		{"attributes of an unknown queue", `{"version":1,"kind":"set_attributes","change":{"id":1}}`, "no queue 1"},
		{"task of an unknown queue", `{"version":1,"kind":"set_task","change":{"task":{"source":1}}}`, "no queue 1"},
		{"queue without partitions", `{"version":1,"kind":"create_queue","change":{"queue":{"id":1}}}`, "no partition"},
		{"partition with the ID of its queue", `{"version":1,"kind":"create_queue","change":{"queue":{"id":1,"partitions":[{"id":1,"shard":0}]}}}`, "does not follow"},
		{"empty secret", `{"version":1,"kind":"set_secret","change":{"secret":""}}`, "empty"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := New()
			err := c.Apply([]byte(tc.change))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one with %q", err, tc.want)
			}
			if c.View().Len() != 0 || c.View().NextID() != 1 {
				t.Error("the catalog has changed")
			}
		})
	}
}

func TestApplyRefusesAnotherQueueOfTheSameName(t *testing.T) {
	c, _ := newTestCatalog()
	create(t, c, key("a"))
	id := c.View().NextID()
	err := c.Update(t.Context(), func(*View) (Change, error) {
		return CreateQueue{Queue: Queue{ID: QueueID(id), Key: key("a"), Partitions: []Partition{{ID: queue.ID(id + 1)}}}}, nil
	})
	if err == nil {
		t.Error("no error")
	}
}

func TestRestoreRefusesWhatItCannotRead(t *testing.T) {
	for _, tc := range []struct{ name, state, want string }{
		{"not JSON", "?", "decode"},
		{"newer version", `{"version":2,"topics":[]}`, "format version 2"},
		{"unknown member", `{"version":1,"topics":[]}`, "topics"},
		{"tasks of an unknown queue", `{"version":1,"tasks":[{"source":4,"tasks":[]}]}`, "unknown queue 4"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, _ := newTestCatalog()
			create(t, c, key("a"))
			err := c.Restore([]byte(tc.state))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one with %q", err, tc.want)
			}
			if c.View().Len() != 1 {
				t.Error("the catalog has changed")
			}
		})
	}
}

func BenchmarkLookup(b *testing.B) {
	c, _ := newTestCatalog()
	for i := range 10_000 {
		create(b, c, key(fmt.Sprintf("orders-%d", i)))
	}
	k := key("orders-4711")
	b.ReportAllocs()
	for b.Loop() {
		if c.View().Lookup(k) == nil {
			b.Fatal("not found")
		}
	}
}

func BenchmarkCreate(b *testing.B) {
	c, _ := newTestCatalog()
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		create(b, c, key(fmt.Sprintf("orders-%d", i)))
		i++
	}
}

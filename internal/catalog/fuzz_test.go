package catalog

import (
	"bytes"
	"testing"
)

// fuzzed is a catalog with something of most kinds, for changes to meet.
func fuzzed(t testing.TB) *Catalog {
	c, _ := newTestCatalog()
	create(t, c, key("dead"))
	create(t, c, key("a"), withTarget(key("dead")))
	change(t, c, SetSecret{Secret: []byte("secret")})
	return c
}

func state(t testing.TB, c *Catalog) []byte {
	t.Helper()
	data, err := c.Checkpoint()()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// checkRestores: a catalog that is restored from a checkpoint is the one that made it.
func checkRestores(t *testing.T, c *Catalog) {
	t.Helper()
	again, first := New(), state(t, c)
	if err := again.Restore(first); err != nil {
		t.Fatalf("restore: %v\n%s", err, first)
	}
	if second := state(t, again); !bytes.Equal(first, second) {
		t.Fatalf("restored:\n%s\nfrom:\n%s", second, first)
	}
}

// FuzzApply: a change is refused and changes nothing, or leaves a catalog that a checkpoint can hold.
func FuzzApply(f *testing.F) {
	c := fuzzed(f)
	queue := *c.View().Lookup(key("a"))
	queue.ID, queue.Name = QueueID(c.View().NextID()), "b"
	queue.Partitions = []Partition{{ID: queue.Partitions[0].ID + 2}}
	for _, change := range []Change{
		SetSecret{Secret: []byte("x")}, SetKeyring{Key: "k"}, CreateQueue{Queue: queue}, DeleteQueue{ID: 1, At: 5, ForgetBefore: 3},
		SetAttributes{ID: 1, Attributes: queue.Attributes, Modified: 7}, SetTags{ID: 1, Tags: map[string]string{"k": "v"}},
		SetTask{Task: MoveTask{ID: "t", Source: 1}}, barrier{},
	} {
		data, err := encodeChange(change)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	before := state(f, c)
	f.Fuzz(func(t *testing.T, data []byte) {
		c := New()
		if err := c.Restore(before); err != nil {
			t.Fatal(err)
		}
		if err := c.Apply(data); err != nil {
			if !bytes.Equal(state(t, c), before) {
				t.Fatalf("%v, and the catalog has changed", err)
			}
			return
		}
		checkRestores(t, c)
	})
}

// FuzzRestore does the same with checkpoints.
func FuzzRestore(f *testing.F) {
	f.Add(state(f, fuzzed(f)))
	f.Add(state(f, New()))
	f.Add([]byte(`{"version":1,"tasks":[{"source":4,"tasks":[]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c := New()
		if c.Restore(data) == nil {
			checkRestores(t, c)
		}
	})
}

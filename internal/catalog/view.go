package catalog

import (
	"cmp"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/tidwall/btree"

	"github.com/staunchmq/staunch/internal/queue"
)

// View is the catalog at one moment. It never changes, and reading it waits for nobody.
type View struct {
	// next is the next ID for a queue or a partition. Invariant: larger than every ID ever used.
	next    uint64
	secret  []byte
	keyring string

	// scopes, byID and byPartition hold the same queues. The map is replaced and never changed, and has no empty tree.
	scopes      map[scope]*btree.Map[string, *Queue]
	byID        *btree.Map[QueueID, *Queue]
	byPartition *btree.Map[queue.ID, *Queue]
	// sources holds the queues with a redrive policy, by its target.
	sources *btree.BTreeG[source]
	// deleted and deletedByTime hold the same names.
	deleted       *btree.BTreeG[deletion]
	deletedByTime *btree.BTreeG[deletion]
	// tasks holds the move tasks of each source queue, newest first. Invariant: every source queue is in byID.
	tasks *btree.Map[QueueID, []*MoveTask]

	// identities is replaced and never changed.
	identities *Identities
	// keyUses says when keys were last used. Invariant: it has keys of identities only.
	keyUses *btree.Map[string, int64]
}

// scope is where the names of queues are unique. There are few scopes and many names, so a lookup is fast in a map of scopes and a
// tree of names.
type scope struct {
	account, region string
}

func (k Key) scope() scope { return scope{k.Account, k.Region} }

// source is a queue whose redrive policy names target.
type source struct {
	target Key
	key    Key
	queue  *Queue
}

// deletion is a name that was freed at a time in Unix ms.
type deletion struct {
	Key
	At int64 `json:"at"`
}

func emptyView() *View {
	noLocks := btree.Options{NoLocks: true}
	return &View{
		next:        1,
		scopes:      make(map[scope]*btree.Map[string, *Queue]),
		byID:        btree.NewMap[QueueID, *Queue](0),
		byPartition: btree.NewMap[queue.ID, *Queue](0),
		sources: btree.NewBTreeGOptions(func(a, b source) bool {
			if c := a.target.compare(b.target); c != 0 {
				return c < 0
			}
			return a.key.compare(b.key) < 0
		}, noLocks),
		deleted: btree.NewBTreeGOptions(func(a, b deletion) bool { return a.Key.compare(b.Key) < 0 }, noLocks),
		deletedByTime: btree.NewBTreeGOptions(func(a, b deletion) bool {
			if a.At != b.At {
				return a.At < b.At
			}
			return a.Key.compare(b.Key) < 0
		}, noLocks),
		tasks:      btree.NewMap[QueueID, []*MoveTask](0),
		identities: emptyIdentities(),
		keyUses:    btree.NewMap[string, int64](0),
	}
}

// copy returns a View that can be changed without changing v.
func (v *View) copy() *View {
	return &View{
		next:          v.next,
		secret:        v.secret,
		keyring:       v.keyring,
		scopes:        v.scopes,
		byID:          v.byID.Copy(),
		byPartition:   v.byPartition.Copy(),
		sources:       v.sources.Copy(),
		deleted:       v.deleted.Copy(),
		deletedByTime: v.deletedByTime.Copy(),
		tasks:         v.tasks.Copy(),
		identities:    v.identities,
		keyUses:       v.keyUses.Copy(),
	}
}

// Lookup returns the queue with this name, or nil. It does not allocate.
func (v *View) Lookup(k Key) *Queue {
	names := v.scopes[k.scope()]
	if names == nil {
		return nil
	}
	q, _ := names.Get(k.Name)
	return q
}

// Queue returns the queue with this ID, or nil.
func (v *View) Queue(id QueueID) *Queue {
	q, _ := v.byID.Get(id)
	return q
}

// QueueOf returns the queue that the partition belongs to, or nil.
func (v *View) QueueOf(p queue.ID) *Queue {
	q, _ := v.byPartition.Get(p)
	return q
}

// Len returns the number of queues.
func (v *View) Len() int { return v.byID.Len() }

// All goes through all queues in the order of account, region and name.
func (v *View) All() iter.Seq[*Queue] {
	return func(yield func(*Queue) bool) {
		scopes := slices.SortedFunc(maps.Keys(v.scopes), func(a, b scope) int {
			return cmp.Or(cmp.Compare(a.account, b.account), cmp.Compare(a.region, b.region))
		})
		for _, sc := range scopes {
			for q := range v.List(sc.account, sc.region, "", "") {
				if !yield(q) {
					return
				}
			}
		}
	}
}

// List goes through the queues of an account and region whose names start with prefix and come after the name after, in the
// order of their names. Its cost depends on how many are taken from it, not on how many there are.
func (v *View) List(account, region, prefix, after string) iter.Seq[*Queue] {
	return func(yield func(*Queue) bool) {
		names := v.scopes[scope{account, region}]
		if names == nil {
			return
		}
		names.Ascend(max(prefix, after), func(name string, q *Queue) bool {
			if !strings.HasPrefix(name, prefix) {
				return false
			}
			if after != "" && name == after {
				return true
			}
			return yield(q)
		})
	}
}

// HasQueues tells whether an account has queues, in any region.
func (v *View) HasQueues(account string) bool {
	for sc := range v.scopes {
		if sc.account == account {
			return true
		}
	}
	return false
}

// Sources goes through the queues whose redrive policy names target, in the order of their keys, from the first one that comes
// after the key after.
func (v *View) Sources(target, after Key) iter.Seq[*Queue] {
	return func(yield func(*Queue) bool) {
		v.sources.Ascend(source{target: target, key: after}, func(s source) bool {
			if s.target != target {
				return false
			}
			if s.key == after {
				return true
			}
			return yield(s.queue)
		})
	}
}

// HasSources tells whether a redrive policy names target.
func (v *View) HasSources(target Key) bool {
	for range v.Sources(target, Key{}) {
		return true
	}
	return false
}

// DeletedAt returns when a queue of this name was deleted, in Unix ms, if that is remembered.
func (v *View) DeletedAt(k Key) (at int64, ok bool) {
	d, ok := v.deleted.Get(deletion{Key: k})
	return d.At, ok
}

// Tasks returns the move tasks of a source queue, newest first: at most one active and FinishedTasksMax that are over. The slice
// must not be changed.
func (v *View) Tasks(source QueueID) []*MoveTask {
	tasks, _ := v.tasks.Get(source)
	return tasks
}

// Task returns a move task of a source queue by its ID, or nil.
func (v *View) Task(source QueueID, id string) *MoveTask {
	for _, t := range v.Tasks(source) {
		if t.ID == id {
			return t
		}
	}
	return nil
}

// ActiveTasks goes through the move tasks of all queues that are not over.
func (v *View) ActiveTasks() iter.Seq[*MoveTask] {
	return func(yield func(*MoveTask) bool) {
		v.tasks.Scan(func(_ QueueID, tasks []*MoveTask) bool {
			for _, t := range tasks {
				if t.Status.Active() && !yield(t) {
					return false
				}
			}
			return true
		})
	}
}

// Secret returns the secret under which receipt handles are signed; nil before EnsureSecret. It must not be changed.
func (v *View) Secret() []byte { return v.secret }

// Keyring returns what the last SetKeyring said; empty before the first.
func (v *View) Keyring() string { return v.keyring }

// NextID returns the first ID that was never used. A [CreateQueue] decided on this View takes its queue's ID and the IDs of its
// partitions from here upwards.
func (v *View) NextID() uint64 { return v.next }

// put enters a queue, in place of the one with the same ID if there is one.
func (v *View) put(q *Queue) {
	if old := v.Queue(q.ID); old != nil {
		v.remove(old)
	}
	v.inScope(q.Key, func(names *btree.Map[string, *Queue]) { names.Set(q.Name, q) })
	v.byID.Set(q.ID, q)
	v.next = max(v.next, uint64(q.ID)+1)
	for _, p := range q.Partitions {
		v.byPartition.Set(p.ID, q)
		v.next = max(v.next, uint64(p.ID)+1)
	}
	if r := q.Attributes.Redrive; r != nil {
		v.sources.Set(source{target: r.Target, key: q.Key, queue: q})
	}
}

// inScope changes a copy of the names in the scope of k, and puts it in place.
func (v *View) inScope(k Key, change func(names *btree.Map[string, *Queue])) {
	names := btree.NewMap[string, *Queue](0)
	if current := v.scopes[k.scope()]; current != nil {
		names = current.Copy()
	}
	change(names)
	v.scopes = maps.Clone(v.scopes)
	if names.Len() > 0 {
		v.scopes[k.scope()] = names
	} else {
		delete(v.scopes, k.scope())
	}
}

// remove takes a queue out.
func (v *View) remove(q *Queue) {
	v.inScope(q.Key, func(names *btree.Map[string, *Queue]) { names.Delete(q.Name) })
	v.byID.Delete(q.ID)
	for _, p := range q.Partitions {
		v.byPartition.Delete(p.ID)
	}
	if r := q.Attributes.Redrive; r != nil {
		v.sources.Delete(source{target: r.Target, key: q.Key})
	}
}

// rememberDeletion notes that a name became free.
func (v *View) rememberDeletion(d deletion) {
	v.forgetDeletion(d.Key)
	v.deleted.Set(d)
	v.deletedByTime.Set(d)
}

// forgetDeletion undoes rememberDeletion.
func (v *View) forgetDeletion(k Key) {
	if d, ok := v.deleted.Delete(deletion{Key: k}); ok {
		v.deletedByTime.Delete(d)
	}
}

// forgetDeletionsBefore drops all names that were freed before a time in Unix ms.
func (v *View) forgetDeletionsBefore(at int64) {
	for {
		oldest, ok := v.deletedByTime.Min()
		if !ok || oldest.At >= at {
			return
		}
		v.forgetDeletion(oldest.Key)
	}
}

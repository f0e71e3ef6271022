package queue

// table is a map that gives its memory back when it has been emptied; a map of Go never does. The zero value is empty.
type table[K comparable, V any] struct {
	items map[K]V
	most  int // the largest number of items that items has held
}

// tableKept is the number of items up to which an empty table keeps its memory.
const tableKept = 1024

func (t *table[K, V]) get(k K) (V, bool) {
	v, ok := t.items[k]
	return v, ok
}

func (t *table[K, V]) set(k K, v V) {
	if t.items == nil {
		t.items = make(map[K]V)
	}
	t.items[k] = v
	t.most = max(t.most, len(t.items))
}

func (t *table[K, V]) delete(k K) {
	delete(t.items, k)
	if len(t.items) == 0 && t.most > tableKept {
		*t = table[K, V]{}
	}
}

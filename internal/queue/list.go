package queue

// list is a first-in first-out list.
type list[T any] struct {
	items []T
	head  int // items[:head] are used up
	// shared says that a reader has the array of items: what is in it stays.
	shared bool
}

func (l *list[T]) empty() bool { return l.head == len(l.items) }

// front returns the first item, and last the last one. The list must not be empty.
func (l *list[T]) front() *T { return &l.items[l.head] }
func (l *list[T]) last() *T  { return &l.items[len(l.items)-1] }

// live returns the items in order.
func (l *list[T]) live() []T { return l.items[l.head:] }

// share returns the items in order, to somebody who reads them while the list goes on. Items must not be changed in place any more,
// the last one apart.
func (l *list[T]) share() []T {
	l.shared = true
	return l.items[l.head:len(l.items):len(l.items)]
}

func (l *list[T]) push(item T) { l.items = append(l.items, item) }

func (l *list[T]) pop() {
	if !l.shared {
		var zero T
		l.items[l.head] = zero
	}
	l.head++
	switch {
	case l.head == len(l.items):
		l.items, l.head = l.items[:0], 0
		if l.shared || cap(l.items) > 64 {
			l.items, l.shared = nil, false
		}
	case l.head >= 64 && l.head*2 >= len(l.items):
		// Copying half of the slice once for each half used up: O(1) per item.
		l.items = append([]T(nil), l.items[l.head:]...)
		l.head, l.shared = 0, false
	}
}

package queue

// fifo is a first-in first-out list.
type fifo[T any] struct {
	items []T
	head  int // items[:head] are used up
}

func (f *fifo[T]) empty() bool { return f.head == len(f.items) }

// front returns the first item, and last the last one. The list must not be empty.
func (f *fifo[T]) front() *T { return &f.items[f.head] }
func (f *fifo[T]) last() *T  { return &f.items[len(f.items)-1] }

// live returns the items in order.
func (f *fifo[T]) live() []T { return f.items[f.head:] }

func (f *fifo[T]) push(item T) { f.items = append(f.items, item) }

func (f *fifo[T]) pop() {
	var zero T
	f.items[f.head] = zero
	f.head++
	switch {
	case f.head == len(f.items):
		f.items, f.head = f.items[:0], 0
		if cap(f.items) > 64 {
			f.items = nil
		}
	case f.head >= 64 && f.head*2 >= len(f.items):
		// Copying half of the slice once for each half used up: O(1) per item.
		f.items = append([]T(nil), f.items[f.head:]...)
		f.head = 0
	}
}

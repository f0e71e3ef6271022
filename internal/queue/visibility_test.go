package queue

import "testing"

// What a receive has left until a certain time is not what another one has left until the same time.
func TestVisibilityChangeOfWhatAReceiveHasLeft(t *testing.T) {
	b := newBench(Settings{VisibilityTimeout: 60_000})
	b.fill(1, func(int) string { return "" })
	receive := func(visibility int64) (Handle, int64) {
		t.Helper()
		got, err := b.Receive(b.time, &b.log, ReceiveOptions{Max: 1, Visibility: &visibility})
		if err != nil || len(got.Messages) != 1 {
			t.Fatal(got, err)
		}
		return got.Messages[0].Handle, got.Until
	}
	change := func(c VisibilityChange, want error) {
		t.Helper()
		if err := b.ChangeVisibility(b.time, &b.log, c); err != want {
			t.Errorf("%+v: %v, want %v", c, err, want)
		}
	}
	oldest, _ := receive(0)
	first, until := receive(60_000)
	change(VisibilityChange{Handle: oldest}, nil)
	second, again := receive(60_000)
	if again != until {
		t.Fatalf("until %d and %d", until, again)
	}
	change(VisibilityChange{Handle: first, Until: until}, ErrNotAvailable)
	change(VisibilityChange{Handle: second, Until: until + 1}, ErrNotAvailable)
	change(VisibilityChange{Handle: second, Until: until}, nil)
	change(VisibilityChange{Handle: second, Until: until}, ErrNotAvailable)
}

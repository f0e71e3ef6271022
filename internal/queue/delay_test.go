package queue

import (
	"fmt"
	"testing"
)

// A shorter delay shows any number of messages, and Advance as many of them as it is asked to.
func TestShorterDelayShowsMessagesBitByBit(t *testing.T) {
	const groups, few = 100, 10
	b := newBench(Settings{FIFO: true, Delay: 900_000})
	b.fill(groups, func(i int) string { return fmt.Sprint(i) })
	settings := b.Settings()
	settings.Delay = 1
	b.Configure(b.time, &b.log, settings)
	for shown := int64(0); shown < groups; shown += few {
		if s := b.Stats(); s.Visible != shown || s.Delayed != groups-shown {
			t.Fatalf("%+v when %d should be visible", s, shown)
		}
		if left, done := b.AdvanceSome(b.time, few); left != 0 || done != (shown+few == groups) {
			t.Fatalf("%d left, done: %t", left, done)
		}
	}
	checkInvariants(t, b.Partition)
	if got := b.receive(t, groups); len(got) != groups {
		t.Errorf("%d messages were received", len(got))
	}
}

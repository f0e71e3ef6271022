package pebblejournal

import "github.com/cockroachdb/pebble/v2"

// scheduler decides when Pebble may compact, as Pebble's own does but for two things.
//
// After a compaction that has failed the next one waits, longer each time (pause.go): Pebble would try the same tables again at once, for
// ever, which on a disk that cannot read them takes a whole core.
//
// And no timer asks ten times a second whether a second compaction may run beside the first, which would be most of the CPU that an
// idle server takes. The end of each compaction and of each flush asks too.
type scheduler struct {
	*pebble.ConcurrencyLimitScheduler
	guard *guard
}

var _ pebble.CompactionScheduler = scheduler{}

func newScheduler(g *guard) scheduler {
	return scheduler{pebble.NewConcurrencyLimitSchedulerWithNoPeriodicGrantingForTest(), g}
}

// Register implements pebble.CompactionScheduler.
func (s scheduler) Register(goroutines int, db pebble.DBForCompaction) {
	s.ConcurrencyLimitScheduler.Register(goroutines, scheduledDB{db, s.guard})
}

// TrySchedule implements pebble.CompactionScheduler.
func (s scheduler) TrySchedule() (bool, pebble.CompactionGrantHandle) {
	ok, h := s.ConcurrencyLimitScheduler.TrySchedule()
	return ok, grant{h, s.guard}
}

// scheduledDB is the database as the scheduler sees it.
type scheduledDB struct {
	pebble.DBForCompaction
	guard *guard
}

// Schedule implements pebble.DBForCompaction.
func (d scheduledDB) Schedule(h pebble.CompactionGrantHandle) bool {
	return d.DBForCompaction.Schedule(grant{h, d.guard})
}

// grant is the permission for one compaction.
type grant struct {
	pebble.CompactionGrantHandle
	guard *guard
}

// Done implements pebble.CompactionGrantHandle. Pebble calls it without a lock, after it has told of the failure if there is one.
// Closing the database does not wait for it.
func (g grant) Done() {
	g.guard.compactions.rest(g.guard.clock, g.guard.ending)
	g.CompactionGrantHandle.Done()
}

package queue

import (
	"math"

	"github.com/tidwall/btree"
)

// Partition is the state of one partition. The zero value is not usable; see New.
type Partition struct {
	id       ID
	settings Settings

	groups  table[string, *group]
	entries *btree.BTreeG[*entry] // all, by Ref: a map would take twice the memory
	probe   entry                 // to look for one of entries
	moving  *btree.BTreeG[*entry] // entries on their way to another partition, by Ref

	ready     *btree.BTreeG[*group] // groups that can hand out a message, by place in line
	oldest    *btree.BTreeG[*group] // groups with a tail, by the age of its first message
	busy      *btree.BTreeG[*group] // standard: groups with noisyInFlight messages in flight or more, most first
	bySent    *btree.BTreeG[*entry] // all entries, by age
	deadlines *btree.BTreeG[*entry] // entries delayed or in flight, by when that ends

	delays   delays   // FIFO: what the queue's delay still hides
	dedup    memory   // FIFO: deduplication IDs
	attempts attempts // FIFO: receive request attempt IDs
	// arrivals holds the origins of messages that were moved here and are not settled.
	arrivals map[Origin]struct{}
	places   places // of messages that were copied forward

	snapshot   *Snapshot // that is being collected, if any
	generation uint16    // of the latest Snapshot; it may wrap, because each snapshot that is completed reaches everything

	now    int64 // the time of the latest Advance, Unix ms
	purged int64 // when the latest purge was, Unix ms; 0 before
	stats  Stats // InFlight does not count moving messages; OldestSent is not kept here
}

// New returns an empty partition. Configure must be the first thing that happens to it.
func New(id ID) *Partition {
	p := &Partition{id: id, arrivals: make(map[Origin]struct{})}
	p.clear()
	return p
}

// clear removes all messages and what is remembered of former ones.
func (p *Partition) clear() {
	p.groups = table[string, *group]{}
	p.entries = newTree(lessByName)
	p.moving = newTree(lessByName)
	p.ready = newTree(lessByReady)
	p.oldest = newTree(lessByOldest)
	p.busy = newTree(lessByBusy)
	p.bySent = newTree(lessBySent)
	p.deadlines = newTree(lessByTime)
	p.delays = delays{}
	p.dedup = memory{byGroup: p.settings.DeduplicateByGroup}
	p.attempts = newAttempts()
	p.places = places{}
	p.stats = Stats{}
}

func newTree[T any](less func(a, b T) bool) *btree.BTreeG[T] {
	return btree.NewBTreeGOptions(less, btree.Options{NoLocks: true})
}

// ID returns the partition's id.
func (p *Partition) ID() ID { return p.id }

// Settings returns the settings in force.
func (p *Partition) Settings() Settings { return p.settings }

// Configure changes the settings. FIFO cannot be changed once it was set by the first Configure; the caller sees to that.
func (p *Partition) Configure(now int64, log Log, s Settings) {
	p.do(log, now, &Configured{Settings: s})
}

func (c *Configured) apply(p *Partition, now int64, _ Ref) {
	longer := c.Settings.FIFO && c.Settings.Delay > p.settings.Delay
	p.settings = c.Settings
	p.dedup.rescope(c.Settings.DeduplicateByGroup)
	if longer {
		p.hideAgain(now)
	}
}

// Deadline returns the time at which Advance next changes what can be received; ok is false if nothing is due. What merely takes
// memory (retention, old IDs) is included as well.
func (p *Partition) Deadline() (at int64, ok bool) {
	at = math.MaxInt64
	if e, ok := p.deadlines.Min(); ok {
		at = min(at, e.at)
	}
	at = min(at, p.nextDelay(), p.nextExpiry(), p.dedup.next(), p.attempts.next())
	return at, at < math.MaxInt64
}

// Stats returns exact counts. Messages that are moving count as in flight.
func (p *Partition) Stats() Stats {
	s := p.stats
	s.InFlight += int64(p.moving.Len())
	if at, ok := p.oldestSent(); ok {
		s.OldestSent = at
	}
	return s
}

// Purge removes all messages, whatever their state, and forgets deduplication and attempt IDs. It fails with ErrPurgeInProgress
// within interval (ms) of the purge before.
func (p *Partition) Purge(now int64, log Log, interval int64) error {
	if p.purged != 0 && now < p.purged+interval {
		return ErrPurgeInProgress
	}
	p.do(log, now, &Purged{})
	return nil
}

func (c *Purged) apply(p *Partition, now int64, _ Ref) {
	p.clear()
	p.purged = now
}

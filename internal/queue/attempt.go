package queue

import (
	"math"
	"strings"

	"github.com/tidwall/btree"
)

// attempts remembers receives by their request attempt ID, so that a receive whose answer was lost can be repeated within
// AttemptWindow: the same messages with the same handles (reference/sqs.md 8.4). A receive that cannot be repeated any more is
// forgotten at once, so there are never more attempts than messages in flight.
type attempts struct {
	byID  table[string, *attempt]
	byAge *btree.BTreeG[*attempt]
	of    table[*entry, *attempt] // the attempt that put an entry in flight
}

// attempt is a receive that can be repeated. Invariant: its messages are as it left them, in flight, not received, changed or
// deleted since, and each is in one attempt.
type attempt struct {
	id      string
	at      int64 // when the receive was, Unix ms
	entries []*entry
}

func newAttempts() attempts {
	return attempts{byAge: newTree(lessByAttempted)}
}

func lessByAttempted(a, b *attempt) bool {
	if a.at != b.at {
		return a.at < b.at
	}
	return a.id < b.id
}

// lookup returns the receive with that attempt ID, if it can be repeated.
func (a *attempts) lookup(id string) (*attempt, bool) { return a.byID.get(id) }

// remember keeps a receive that has put the entries in flight. There must be none with that ID.
func (a *attempts) remember(id string, at int64, entries []*entry) {
	t := &attempt{id: strings.Clone(id), at: at, entries: entries}
	for _, e := range entries {
		a.of.set(e, t)
	}
	a.byID.set(t.id, t)
	a.byAge.Set(t)
}

// has reports whether the entry belongs to a receive that can be repeated.
func (a *attempts) has(e *entry) bool {
	_, ok := a.of.get(e)
	return ok
}

// forgetReceive makes the receive that put the entry in flight unrepeatable, if it is not.
func (a *attempts) forgetReceive(e *entry) {
	if t, ok := a.of.get(e); ok {
		a.forget(t)
	}
}

// forget makes a receive unrepeatable.
func (a *attempts) forget(t *attempt) {
	for _, e := range t.entries {
		a.of.delete(e)
	}
	a.byID.delete(t.id)
	a.byAge.Delete(t)
}

// expire forgets what is too old, and reports whether the budget was enough for all of it.
func (a *attempts) expire(now int64, b *budget) bool {
	for {
		t, ok := a.byAge.Min()
		if !ok || t.at+AttemptWindow > now {
			return true
		}
		if !b.spend() {
			return false
		}
		a.forget(t)
	}
}

func (a *attempts) next() int64 {
	if t, ok := a.byAge.Min(); ok {
		return t.at + AttemptWindow
	}
	return math.MaxInt64
}

// apply resets the visibility timeout of the attempt's messages. Their receive counts stay, and so does the window of the attempt.
func (c *ReceiveRepeated) apply(p *Partition, now int64, _ Ref) {
	t, ok := p.attempts.lookup(c.Attempt)
	if !ok {
		panic("queue: a change repeats a receive that cannot be repeated")
	}
	for _, e := range t.entries {
		p.setUntil(e, c.Until, now)
	}
	if c.Until > now {
		p.attempts.remember(t.id, t.at, t.entries)
	}
}

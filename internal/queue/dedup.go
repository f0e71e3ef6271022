package queue

import (
	"math"
	"strings"
)

// accepted is what is remembered of a send for the deduplication window.
type accepted struct {
	group string
	dedup string // the deduplication ID
	ref   Ref
	id    MessageID
	at    int64 // when it was accepted, Unix ms
}

// memory remembers accepted sends for DeduplicationWindow, each from its own acceptance on: duplicates do not extend it, and
// deleting the message does not end it (reference/sqs.md 8.3).
type memory struct {
	byGroup bool           // the scope: compare within a message group only
	sends   list[accepted] // oldest first
	first   uint64         // the number of the oldest; they are numbered from 0 on
	// latest leads to the number of the latest send with a key. It is the only one, unless the scope has changed.
	latest table[dedupKey, uint64]
}

// dedupKey is what messages are compared by. group is empty if that does not matter.
type dedupKey struct{ group, dedup string }

func (m *memory) key(group, dedup string) dedupKey {
	if m.byGroup {
		return dedupKey{group: group, dedup: dedup}
	}
	return dedupKey{dedup: dedup}
}

// lookup returns the accepted send that makes one with this group and deduplication ID a duplicate.
func (m *memory) lookup(group, dedup string) (a accepted, ok bool) {
	n, ok := m.latest.get(m.key(group, dedup))
	if !ok {
		return accepted{}, false
	}
	return m.sends.live()[n-m.first], true
}

func (m *memory) remember(a accepted) {
	a.dedup = strings.Clone(a.dedup) // the caller's may be a part of a whole request
	m.latest.set(m.key(a.group, a.dedup), m.first+uint64(len(m.sends.live())))
	m.sends.push(a)
}

// expire forgets what is too old, and reports whether the budget was enough for all of it.
func (m *memory) expire(now int64, b *budget) bool {
	for !m.sends.empty() && m.sends.front().at+DeduplicationWindow <= now {
		if !b.spend() {
			return false
		}
		key := m.key(m.sends.front().group, m.sends.front().dedup)
		if n, _ := m.latest.get(key); n == m.first {
			m.latest.delete(key)
		}
		m.sends.pop()
		m.first++
	}
	return true
}

func (m *memory) next() int64 {
	if m.sends.empty() {
		return math.MaxInt64
	}
	return m.sends.front().at + DeduplicationWindow
}

// rescope changes the scope. What was accepted before counts in the new one.
func (m *memory) rescope(byGroup bool) {
	if byGroup == m.byGroup {
		return
	}
	m.byGroup = byGroup
	m.latest = table[dedupKey, uint64]{}
	for i := range m.sends.live() {
		a := &m.sends.live()[i]
		m.latest.set(m.key(a.group, a.dedup), m.first+uint64(i))
	}
}

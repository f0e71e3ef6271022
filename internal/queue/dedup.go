package queue

import (
	"hash/maphash"
	"iter"
	"math"
	"slices"
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
//
// A queue accepts millions of sends within the window, so they are kept as a checkpoint has them, one after the other in chunks of
// bytes, and found by a hash of their key.
type memory struct {
	byGroup bool         // the scope: compare within a message group only
	chunks  list[[]byte] // oldest first; what is in a chunk never changes
	dropped uint32       // the number of chunks before these
	used    uint32       // bytes of the first chunk that are forgotten
	count   int
	oldest  int64 // when the oldest was accepted

	// latest leads to the latest send with a key, by the key's hash, and clashes to those whose hash another key has taken. Each is the
	// only one with its key, unless the scope has changed.
	latest  table[uint64, place]
	clashes table[dedupKey, place]
	scratch []byte
}

// place is where in its memory a send is.
type place struct{ chunk, offset uint32 }

// Chunks grow from the smaller size to the larger, so that a queue with few messages takes little.
const (
	memoryChunkMin = 256
	memoryChunkMax = 64 << 10
)

// dedupKey is what messages are compared by. group is empty if that does not matter.
type dedupKey struct{ group, dedup string }

func (m *memory) key(group, dedup string) dedupKey {
	if m.byGroup {
		return dedupKey{group: group, dedup: dedup}
	}
	return dedupKey{dedup: dedup}
}

// No state depends on the seed: it decides where in a table something is, and nothing else.
var hashSeed = maphash.MakeSeed()

// hashMask is narrowed by tests, so that hashes clash.
var hashMask = ^uint64(0)

func (m *memory) hash(k dedupKey) uint64 {
	m.scratch = append(append(append(m.scratch[:0], k.group...), 0), k.dedup...)
	return maphash.Bytes(hashSeed, m.scratch) & hashMask
}

// lookup returns the accepted send that makes one with this group and deduplication ID a duplicate.
func (m *memory) lookup(group, dedup string) (a accepted, ok bool) {
	k := m.key(group, dedup)
	at, ok := m.find(k, m.hash(k))
	if !ok {
		return accepted{}, false
	}
	a, _ = m.get(at)
	return a, true
}

// find returns the latest send with a key, and the key's hash.
func (m *memory) find(k dedupKey, hash uint64) (at place, ok bool) {
	if at, ok := m.latest.get(hash); ok && m.has(at, k) {
		return at, true
	}
	return m.clashes.get(k)
}

// has reports whether the send at a place has the key.
func (m *memory) has(at place, k dedupKey) bool {
	r := m.reader(at)
	group, dedup := r.bytes(), r.bytes()
	return string(dedup) == k.dedup && (!m.byGroup || string(group) == k.group)
}

func (m *memory) reader(at place) reader {
	return reader{data: m.chunks.live()[at.chunk-m.dropped][at.offset:]}
}

// get returns the send at a place, and the place behind it in the same chunk.
func (m *memory) get(at place) (a accepted, behind place) {
	r := m.reader(at)
	length := len(r.data)
	a = r.accepted()
	return a, place{at.chunk, at.offset + uint32(length-len(r.data))}
}

func (m *memory) remember(a accepted) {
	m.scratch = appendAccepted(m.scratch[:0], &a)
	if m.chunks.empty() || len(*m.chunks.last())+len(m.scratch) > cap(*m.chunks.last()) {
		size := memoryChunkMin
		if !m.chunks.empty() {
			size = min(2*cap(*m.chunks.last()), memoryChunkMax)
		}
		m.chunks.push(make([]byte, 0, max(size, len(m.scratch))))
	}
	last := m.chunks.last()
	at := place{m.dropped + uint32(len(m.chunks.live())-1), uint32(len(*last))}
	*last = append(*last, m.scratch...)
	if m.count++; m.count == 1 {
		m.oldest = a.at
	}
	m.index(&a, at)
}

// index lets the send be found.
func (m *memory) index(a *accepted, at place) {
	k := m.key(a.group, a.dedup)
	hash := m.hash(k)
	if other, ok := m.latest.get(hash); ok && !m.has(other, k) {
		k.group, k.dedup = strings.Clone(k.group), strings.Clone(k.dedup) // the caller's may be parts of a whole request
		m.clashes.set(k, at)
		return
	}
	m.latest.set(hash, at)
}

// expire forgets what is too old, and reports whether the budget was enough for all of it.
func (m *memory) expire(now int64, b *budget) bool {
	for m.count > 0 && m.oldest+DeduplicationWindow <= now {
		if !b.spend() {
			return false
		}
		m.forgetOldest()
	}
	return true
}

func (m *memory) forgetOldest() {
	at := place{m.dropped, m.used}
	a, behind := m.get(at)
	k := m.key(a.group, a.dedup)
	hash := m.hash(k)
	if latest, ok := m.latest.get(hash); ok && latest == at {
		m.latest.delete(hash)
	} else if clash, ok := m.clashes.get(k); ok && clash == at {
		m.clashes.delete(k)
	}
	m.count--
	m.used = behind.offset
	if int(m.used) == len(*m.chunks.front()) {
		m.chunks.pop()
		m.dropped, m.used = m.dropped+1, 0
	}
	if m.count > 0 {
		next, _ := m.get(place{m.dropped, m.used})
		m.oldest = next.at
	}
}

func (m *memory) next() int64 {
	if m.count == 0 {
		return math.MaxInt64
	}
	return m.oldest + DeduplicationWindow
}

// rescope changes the scope. What was accepted before counts in the new one.
func (m *memory) rescope(byGroup bool) {
	if byGroup == m.byGroup {
		return
	}
	m.byGroup = byGroup
	m.latest, m.clashes = table[uint64, place]{items: make(map[uint64]place, m.count)}, table[dedupKey, place]{}
	for at, a := range m.all() {
		m.index(&a, at)
	}
}

// all iterates over what is remembered, oldest first.
func (m *memory) all() iter.Seq2[place, accepted] {
	return func(yield func(place, accepted) bool) {
		at := place{m.dropped, m.used}
		for _, chunk := range m.chunks.live() {
			for int(at.offset) < len(chunk) {
				a, behind := m.get(at)
				if !yield(at, a) {
					return
				}
				at = behind
			}
			at = place{at.chunk + 1, 0}
		}
	}
}

// saved returns the encodings of all, one after the other. What is in them does not change any more.
func (m *memory) saved() [][]byte {
	chunks := slices.Clone(m.chunks.live())
	if len(chunks) > 0 {
		chunks[0] = chunks[0][m.used:]
	}
	return chunks
}

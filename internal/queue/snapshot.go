package queue

import (
	"cmp"
	"encoding/binary"
	"iter"
	"slices"

	"github.com/tidwall/btree"
)

// Snapshot is the state of a partition as of Partition.Snapshot, to be saved while the partition goes on.
//
// Taking one costs the same however much there is: it holds what does not change any more. What does change, entries and the tails of groups,
// is collected bit by bit with Collect, and whatever is about to change is collected before it does. Each entry and group carries
// the number of the latest snapshot that has it.
//
// Once all is collected, the snapshot depends on the partition no more, and another goroutine may encode it.
type Snapshot struct {
	partition  *Partition
	generation uint16
	head       []byte // the encoding of what comes first

	// What Collect goes through: the partition's entries and groups with a tail as of the beginning.
	entryTree               *btree.BTreeG[*entry]
	groupTree               *btree.BTreeG[*group]
	entries                 btree.IterG[*entry]
	groups                  btree.IterG[*group]
	begun                   bool
	moreEntries, moreGroups bool

	// What is collected.
	saved []([]savedEntry) // in chunks, which never move
	count int
	tails []savedTail

	// What is there from the beginning.
	sends     [][]byte // encoded
	sendCount int
	attempts  *btree.BTreeG[*attempt]
	origins   []Origin
	places    places
}

// savedEntry is an entry as it was.
type savedEntry struct {
	ref      Ref
	group    string
	state    state
	receives uint32

	sent, firstReceived, received int64
	// at is when the place in line is from (visible), where the message goes (moving), or the end of the delay or timeout.
	at int64
}

// savedTail is the tail of a group as it was. Only the last extent can have changed since, so that one is a copy.
type savedTail struct {
	group   string
	used    uint32
	extents []extent // all but the last
	last    extent
}

// savedChunk is how many entries are in a chunk: enough to make chunks few, too few for one to take long to make.
const savedChunk = 1024

// Snapshot begins a snapshot. One that is being collected is given up.
func (p *Partition) Snapshot() *Snapshot {
	p.generation++
	p.snapshot = p.newSnapshot()
	return p.snapshot
}

func (p *Partition) newSnapshot() *Snapshot {
	s := &Snapshot{partition: p, generation: p.generation, places: p.places.saved()}
	version := byte(checkpointVersion)
	if s.places.runs != nil {
		version = checkpointVersionPlaces
	}
	s.head = append(s.head, version)
	s.head = binary.AppendVarint(s.head, p.now)
	s.head = binary.AppendVarint(s.head, p.purged)
	s.head = appendSettings(s.head, p.settings)
	if p.bySent.Len() > 0 {
		s.entryTree = p.bySent.Copy()
	}
	if p.oldest.Len() > 0 {
		s.groupTree = p.oldest.Copy()
	}
	if p.attempts.byAge.Len() > 0 {
		s.attempts = p.attempts.byAge.Copy()
	}
	s.sends, s.sendCount = p.dedup.saved(), p.dedup.count
	s.origins = p.Unsettled()
	return s
}

// Collect collects up to so many entries and groups, and returns how many it could have collected more; with some left, all is
// collected. It is called by whom the partition belongs to.
func (s *Snapshot) Collect(max int) (left int) {
	if !s.begun {
		s.begun = true
		if s.entryTree != nil {
			s.entries = s.entryTree.Iter()
			s.moreEntries = s.entries.First()
		}
		if s.groupTree != nil {
			s.groups = s.groupTree.Iter()
			s.moreGroups = s.groups.First()
		}
	}
	for ; max > 0 && s.moreEntries; max-- {
		s.saveEntry(s.entries.Item())
		s.moreEntries = s.entries.Next()
	}
	for ; max > 0 && s.moreGroups; max-- {
		s.saveTail(s.groups.Item())
		s.moreGroups = s.groups.Next()
	}
	if max > 0 && s.partition.snapshot == s {
		s.partition.snapshot = nil
	}
	return max
}

// saveEntry saves an entry that is about to change in the snapshot that is being collected.
func (p *Partition) saveEntry(e *entry) {
	if p.snapshot != nil {
		p.snapshot.saveEntry(e)
	}
}

func (s *Snapshot) saveEntry(e *entry) {
	if e.saved != s.generation {
		e.saved = s.generation
		s.addEntry(e)
	}
}

func (s *Snapshot) addEntry(e *entry) {
	saved := savedEntry{ref: e.ref, group: e.group.name, state: e.state, receives: e.receives,
		sent: e.sent, firstReceived: e.firstReceived, received: e.received, at: e.at}
	if len(s.saved) == 0 || len(s.saved[len(s.saved)-1]) == savedChunk {
		s.saved = append(s.saved, make([]savedEntry, 0, min(savedChunk, s.entryTree.Len()-s.count)))
	}
	chunk := &s.saved[len(s.saved)-1]
	*chunk = append(*chunk, saved)
	s.count++
}

// saveTail saves the tail of a group that is about to change in the snapshot that is being collected.
func (p *Partition) saveTail(g *group) {
	if p.snapshot != nil {
		p.snapshot.saveTail(g)
	}
}

func (s *Snapshot) saveTail(g *group) {
	if g.saved != s.generation {
		g.saved = s.generation
		s.addTail(g)
	}
}

func (s *Snapshot) addTail(g *group) {
	if g.tail.empty() {
		return
	}
	if s.tails == nil {
		s.tails = make([]savedTail, 0, s.groupTree.Len())
	}
	extents := g.tail.share()
	last := len(extents) - 1
	s.tails = append(s.tails, savedTail{group: g.name, used: g.tail.used, extents: extents[:last], last: extents[last]})
}

// Append encodes the snapshot, of which all is collected. It may be called in any goroutine.
func (s *Snapshot) Append(b []byte) []byte {
	b = append(b, s.head...)
	entries := make([]*savedEntry, 0, s.count)
	for _, chunk := range s.saved {
		for i := range chunk {
			entries = append(entries, &chunk[i])
		}
	}
	slices.SortFunc(entries, func(a, b *savedEntry) int { return a.ref.Compare(b.ref) })
	b = binary.AppendUvarint(b, uint64(len(entries)))
	for _, e := range entries {
		b = e.append(b)
	}

	slices.SortFunc(s.tails, func(a, b savedTail) int { return cmp.Compare(a.group, b.group) })
	b = binary.AppendUvarint(b, uint64(len(s.tails)))
	for i := range s.tails {
		b = s.tails[i].append(b)
	}

	b = binary.AppendUvarint(b, uint64(s.sendCount))
	for _, chunk := range s.sends {
		b = append(b, chunk...)
	}

	if s.attempts == nil {
		b = binary.AppendUvarint(b, 0)
	} else {
		b = binary.AppendUvarint(b, uint64(s.attempts.Len()))
		s.attempts.Scan(func(t *attempt) bool {
			b = appendAttempt(b, t)
			return true
		})
	}

	b = binary.AppendUvarint(b, uint64(len(s.origins)))
	for _, o := range s.origins {
		b = appendOrigin(b, o)
	}
	if s.places.runs != nil {
		b = s.places.append(b)
	}
	return b
}

func (e *savedEntry) append(b []byte) []byte {
	b = appendRef(b, e.ref)
	b = appendString(b, e.group)
	b = append(b, byte(e.state))
	b = binary.AppendUvarint(b, uint64(e.receives))
	b = binary.AppendVarint(b, e.sent)
	b = binary.AppendVarint(b, e.firstReceived)
	b = binary.AppendVarint(b, e.received)
	if e.state == moving {
		return binary.AppendUvarint(b, uint64(e.at))
	}
	return binary.AppendVarint(b, e.at)
}

func (t *savedTail) append(b []byte) []byte {
	b = appendString(b, t.group)
	b = binary.AppendUvarint(b, uint64(len(t.extents)+1))
	used := t.used
	for i := range t.extents {
		b = t.extents[i].append(b, used)
		used = 0
	}
	return t.last.append(b, used)
}

// append encodes the extent without the first messages, which are used.
func (x *extent) append(b []byte, used uint32) []byte {
	b = appendRef(b, Ref{Record: x.record, Index: x.index + used})
	b = binary.AppendUvarint(b, uint64(x.count-used))
	b = binary.AppendVarint(b, x.sent)
	b = appendBool(b, x.arrival != nil)
	if x.arrival != nil {
		b = binary.AppendUvarint(b, uint64(x.arrival.receives))
		b = binary.AppendVarint(b, x.arrival.firstReceived)
	}
	return b
}

// Live iterates over all messages of the snapshot, of which all is collected, in no order. Each message is in one run. It may be called
// in any goroutine.
func (s *Snapshot) Live() iter.Seq[Stored] {
	return func(yield func(Stored) bool) {
		for _, chunk := range s.saved {
			for i := range chunk {
				if !s.places.split(chunk[i].ref, 1, yield) {
					return
				}
			}
		}
		for i := range s.tails {
			if !s.tails[i].live(&s.places, yield) {
				return
			}
		}
	}
}

// live yields the messages with their places. It returns false when yield has.
func (t *savedTail) live(s *places, yield func(Stored) bool) bool {
	used := t.used
	for i := range t.extents {
		if !t.extents[i].live(s, used, yield) {
			return false
		}
		used = 0
	}
	return t.last.live(s, used, yield)
}

// live yields the messages behind the first ones, which are used.
func (x *extent) live(s *places, used uint32, yield func(Stored) bool) bool {
	return s.split(Ref{Record: x.record, Index: x.index + used}, x.count-used, yield)
}

package queue

import (
	"encoding/binary"
	"iter"

	"github.com/tidwall/btree"
)

// Stored is a run of messages with consecutive indexes of one record whose contents are in consecutive changes of one record too: the
// first message is Ref, its content is in At.
type Stored struct {
	Ref, At Ref
	Count   uint32
}

// Live iterates over all messages of the partition, in no order. Each message is in one run.
func (p *Partition) Live() iter.Seq[Stored] { return p.all().Live() }

// places says where messages are that were copied. Invariants: every message in it is in the partition; no two runs could be one. The
// zero value is empty.
type places struct {
	runs *btree.BTreeG[Stored] // by Ref; nil when there are none
}

// saved returns the table as it is now; the places may change while another goroutine reads it.
func (s *places) saved() places {
	if s.runs == nil {
		return places{}
	}
	return places{runs: s.runs.Copy()}
}

func lessByRef(a, b Stored) bool { return a.Ref.Compare(b.Ref) < 0 }

// end returns the index after the last message.
func (r Stored) end() uint64 { return uint64(r.Ref.Index) + uint64(r.Count) }

// from returns what is left of the run without its first n messages.
func (r Stored) from(n uint32) Stored {
	r.Ref.Index += n
	r.At.Index += n
	r.Count -= n
	return r
}

// continues reports whether the run goes on directly behind other, in both records.
func (r Stored) continues(other Stored) bool {
	return r.Ref.Record == other.Ref.Record && uint64(r.Ref.Index) == other.end() &&
		r.At.Record == other.At.Record && uint64(r.At.Index) == uint64(other.At.Index)+uint64(other.Count)
}

// before returns the last run that begins at ref or before it.
func (s *places) before(ref Ref) (run Stored, ok bool) {
	s.runs.Descend(Stored{Ref: ref}, func(r Stored) bool {
		run, ok = r, true
		return false
	})
	return run, ok
}

// find returns the part of a run that begins at ref.
func (s *places) find(ref Ref) (run Stored, ok bool) {
	if s.runs == nil {
		return run, false
	}
	run, ok = s.before(ref)
	if !ok || run.Ref.Record != ref.Record || uint64(ref.Index) >= run.end() {
		return run, false
	}
	return run.from(ref.Index - run.Ref.Index), true
}

// of returns the place of a message.
func (s *places) of(ref Ref) Ref {
	if run, ok := s.find(ref); ok {
		return run.At
	}
	return ref
}

// split yields count messages from ref on with their places. It returns false when yield has.
func (s *places) split(ref Ref, count uint32, yield func(Stored) bool) bool {
	for count > 0 {
		run, ok := s.find(ref)
		if !ok {
			run = Stored{Ref: ref, At: ref, Count: s.untilNext(ref, count)}
		}
		run.Count = min(run.Count, count)
		if !yield(run) {
			return false
		}
		ref.Index += run.Count
		count -= run.Count
	}
	return true
}

// untilNext returns how many of count messages from ref on, which is in no run, are in none.
func (s *places) untilNext(ref Ref, count uint32) uint32 {
	if s.runs == nil || count == 1 {
		return count
	}
	s.runs.Ascend(Stored{Ref: ref}, func(r Stored) bool {
		if r.Ref.Record == ref.Record {
			count = min(count, r.Ref.Index-ref.Index)
		}
		return false
	})
	return count
}

// set gives a message a new place, which is behind all others: so its run never goes on with the message after it.
func (s *places) set(ref, at Ref) {
	s.drop(ref, 1)
	if s.runs == nil {
		s.runs = newTree(lessByRef)
	}
	run := Stored{Ref: ref, At: at, Count: 1}
	if previous, ok := s.before(ref); ok && run.continues(previous) {
		run = Stored{Ref: previous.Ref, At: previous.At, Count: previous.Count + 1}
	}
	s.runs.Set(run)
}

// drop forgets count messages from ref on, those that are in a run.
func (s *places) drop(ref Ref, count uint32) {
	if s.runs == nil {
		return
	}
	end := uint64(ref.Index) + uint64(count)
	last := Ref{Record: ref.Record, Index: uint32(end - 1)}
	for {
		run, ok := s.before(last)
		if !ok || run.Ref.Record != ref.Record || run.end() <= uint64(ref.Index) {
			break
		}
		s.runs.Delete(run)
		if run.end() > end {
			s.runs.Set(run.from(uint32(end) - run.Ref.Index))
		}
		if run.Ref.Index < ref.Index {
			run.Count = ref.Index - run.Ref.Index
			s.runs.Set(run)
			break
		}
	}
	if s.runs.Len() == 0 {
		s.runs = nil
	}
}

func (s *places) append(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(s.runs.Len()))
	s.runs.Scan(func(r Stored) bool {
		b = appendRef(b, r.Ref)
		b = appendRef(b, r.At)
		b = binary.AppendUvarint(b, uint64(r.Count))
		return true
	})
	return b
}

func (r *reader) places() (s places) {
	n := r.count(5)
	r.require(n > 0)
	s.runs = newTree(lessByRef)
	var last Stored
	for i := range n {
		run := Stored{Ref: r.ref(), At: r.ref(), Count: r.uint32()}
		r.require(run.Count > 0 && run.end() <= 1<<32 && uint64(run.At.Index)+uint64(run.Count) <= 1<<32 && run.Ref.Compare(run.At) < 0)
		r.require(i == 0 || last.Ref.Record < run.Ref.Record || last.Ref.Record == run.Ref.Record && last.end() <= uint64(run.Ref.Index))
		r.require(i == 0 || !run.continues(last))
		if r.err != nil {
			return s
		}
		s.runs.Set(run)
		last = run
	}
	return s
}

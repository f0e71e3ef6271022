package queue

import "iter"

// Live iterates over all messages of the partition, in no order: a Ref, and how many messages there are from it on, with consecutive
// indexes of the same record. Each message is in one run.
func (p *Partition) Live() iter.Seq2[Ref, uint32] {
	return func(yield func(Ref, uint32) bool) {
		for ref := range p.entries.items {
			if !yield(ref, 1) {
				return
			}
		}
		for _, g := range p.groups.items {
			for i := range g.tail.live() {
				x := g.tail.at(i)
				if !yield(x.first(), x.count) {
					return
				}
			}
		}
	}
}

// MessageCount returns the number of messages of the partition, in all states.
func (s Stats) MessageCount() int64 { return s.Visible + s.InFlight + s.Delayed }

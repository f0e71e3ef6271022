package queue

// extent is a run of messages of one record that were never received and have no delay of their own. All of a record's messages
// have the same sent time.
type extent struct {
	record uint64
	index  uint32 // of the first message
	count  uint32
	sent   int64
	// arrival is set on a message that was moved into a FIFO queue; the extent is that message alone.
	arrival *arrival
}

// arrival is what a moved message brings with it from its source.
type arrival struct {
	receives      uint32
	firstReceived int64
}

func (x *extent) first() Ref { return Ref{Record: x.record, Index: x.index} }

// tail is a first-in first-out list of extents: the messages of a group that were never received, in order.
type tail struct {
	list[extent]
	used  uint32 // messages of the first extent that have been taken out
	count int64  // messages
}

// at returns extent i of those that are there, without what was taken out of it.
func (t *tail) at(i int) extent {
	x := t.live()[i]
	if i == 0 {
		x.index += t.used
		x.count -= t.used
	}
	return x
}

// front returns the first extent. The tail must not be empty.
func (t *tail) front() extent { return t.at(0) }

// first returns the Ref of the first message. The tail must not be empty.
func (t *tail) first() Ref {
	x := t.list.front()
	return Ref{Record: x.record, Index: x.index + t.used}
}

// push adds a message that comes after all others.
func (t *tail) push(ref Ref, sent int64, a *arrival) {
	t.count++
	if !t.empty() && a == nil {
		last := t.last()
		if last.record == ref.Record && last.index+last.count == ref.Index && last.sent == sent && last.arrival == nil {
			last.count++
			return
		}
	}
	t.list.push(extent{record: ref.Record, index: ref.Index, count: 1, sent: sent, arrival: a})
}

// popMessage takes the first message out.
func (t *tail) popMessage() {
	t.count--
	if t.used++; t.used == t.list.front().count {
		t.pop()
		t.used = 0
	}
}

// popExtent takes the first extent out.
func (t *tail) popExtent() {
	t.count -= int64(t.front().count)
	t.pop()
	t.used = 0
}

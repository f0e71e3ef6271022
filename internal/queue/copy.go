package queue

// A message that stays while everything round it goes holds on to its record, and with it to all records after. So a shard writes
// such messages anew, in a later record, and the old ones can be trimmed. A message keeps its Ref: order, receipt handles, sequence numbers,
// deduplication and moves know nothing of it. Only the place that its content is read from changes.

// Copy writes a message anew and reads it from there from now on, if it is still in the partition and read from at. It reports whether it
// was. m is the message as at has it; its content alone may be another.
func (p *Partition) Copy(now int64, log Log, ref, at Ref, m Message) bool {
	if !p.Reads(m.Group, ref, at) {
		return false
	}
	p.do(log, now, &Copied{Ref: ref, Message: m})
	return true
}

// Reads reports whether a message of the group is in the partition and read from at.
func (p *Partition) Reads(group string, ref, at Ref) bool {
	return p.places.of(ref) == at && p.holds(group, ref)
}

func (c *Copied) apply(p *Partition, _ int64, at Ref) {
	if !p.holds(c.Message.Group, c.Ref) {
		panic("queue: a change copies message " + c.Ref.String() + ", which is not there")
	}
	p.places.set(c.Ref, at)
}

// Place returns where the content of a message is: the record and the index of the change.
func (p *Partition) Place(ref Ref) Ref { return p.places.of(ref) }

// holds reports whether a message of the group is in the partition.
func (p *Partition) holds(group string, ref Ref) bool {
	if _, ok := p.entry(ref); ok {
		return true
	}
	g, ok := p.groups.get(group)
	return ok && g.tail.holds(ref)
}

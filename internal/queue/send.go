package queue

// NewMessage is a message to send. Its Sent is stamped here; VisibleAt, Receives, FirstReceived and Source must be zero.
type NewMessage struct {
	Message
	// Delay in ms hides the message for so long; nil means the queue's delay. Standard queues only.
	Delay *int64
	// OtherDeduplicationID is another form of the deduplication ID; empty if it has one form. A message that was accepted under either
	// makes this one a duplicate. It is not kept.
	OtherDeduplicationID string
}

// Send puts a message in. On a FIFO queue a message whose deduplication ID was accepted within DeduplicationWindow is not put in
// again: the result names the first.
func (p *Partition) Send(now int64, log Log, m NewMessage) SendResult {
	if p.settings.FIFO {
		first, ok := p.dedup.lookup(m.Group, m.DeduplicationID)
		if !ok && m.OtherDeduplicationID != "" {
			first, ok = p.dedup.lookup(m.Group, m.OtherDeduplicationID)
		}
		if ok {
			return SendResult{Ref: first.ref, ID: first.id, Duplicate: true}
		}
	}
	m.Sent = now
	if !p.settings.FIFO {
		delay := p.settings.Delay
		if m.Delay != nil {
			delay = *m.Delay
		}
		if delay > 0 {
			m.VisibleAt = now + delay
		}
	}
	c := Sent{Message: m.Message}
	// What do does, without an interface: so c is no garbage, of which a loop would make a quarter of a KB a message.
	ref := log.End(c.Append(log.Begin(p.id)))
	c.apply(p, now, ref)
	return SendResult{Ref: ref, ID: m.ID}
}

func (c *Sent) apply(p *Partition, now int64, ref Ref) {
	if c.Origin != nil {
		p.arrive(c, now, ref)
		return
	}
	m := &c.Message
	g := p.group(m.Group)
	switch {
	case p.settings.FIFO:
		p.dedup.remember(accepted{group: g.name, dedup: m.DeduplicationID, ref: ref, id: m.ID, at: now})
		p.saveTail(g)
		g.tail.push(ref, m.Sent, nil)
		p.countSentFIFO(g, m.Sent, now)
	case m.VisibleAt > now:
		e := p.newEntry(g, ref, m.Sent)
		p.delay(e, m.VisibleAt)
	default:
		p.saveTail(g)
		g.tail.push(ref, m.Sent, nil)
		p.stats.Visible++
	}
	p.refresh(g)
}

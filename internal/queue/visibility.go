package queue

// Delete removes the message that the handle names. Deleting what is not there any more is a success. A standard queue accepts
// the handle of any receive, a FIFO queue only the latest one's, and only until its visibility timeout ends: otherwise the
// error is ErrHandleExpired (reference/sqs.md 7.2).
//
// A message that is moving leaves this partition for good: it is not put back when its target does not take it. If it has arrived there
// or arrives yet, it stays there, as one whose move has ended does.
func (p *Partition) Delete(now int64, log Log, h Handle) error {
	e, ok := p.entry(h.Ref)
	if !ok {
		return nil
	}
	if p.settings.FIFO && !e.heldBy(h) {
		return ErrHandleExpired
	}
	p.do(log, now, &Deleted{Ref: h.Ref})
	return nil
}

// heldBy reports whether the message is in flight since the receive that made the handle.
func (e *entry) heldBy(h Handle) bool { return e.state == inFlight && e.receives == h.Receives }

func (c *Deleted) apply(p *Partition, _ int64, _ Ref) { p.remove(p.mustEntry(c.Ref)) }

// ChangeVisibility lets the visibility timeout of a message end c.Timeout ms from now. On a standard queue it acts on the message
// with the handle of any receive, also if it is visible again already. The errors are ErrNotAvailable and ErrVisibilityTotal.
func (p *Partition) ChangeVisibility(now int64, log Log, c VisibilityChange) error {
	e, ok := p.entry(c.Handle.Ref)
	if !ok || e.state != visible && e.state != inFlight || (p.settings.FIFO || c.Until != 0) && !e.heldBy(c.Handle) {
		return ErrNotAvailable
	}
	if c.Until != 0 && c.Until != e.at {
		return ErrNotAvailable
	}
	// AWS counts whole seconds (reference/sqs.md 4.14).
	if (now-e.received)/1000+c.Timeout/1000 > VisibilityTotalMax/1000 {
		return ErrVisibilityTotal
	}
	p.do(log, now, &VisibilityChanged{Ref: c.Handle.Ref, Until: now + c.Timeout})
	return nil
}

func (c *VisibilityChanged) apply(p *Partition, now int64, _ Ref) {
	p.setUntil(p.mustEntry(c.Ref), c.Until, now)
}

// setUntil puts a message in flight until the given time, or shows it if that is now.
func (p *Partition) setUntil(e *entry, until, now int64) {
	p.hide(e)
	if until > now {
		p.fly(e, until)
	} else {
		p.show(e, p.place(e, now))
	}
	p.refresh(e.group)
}

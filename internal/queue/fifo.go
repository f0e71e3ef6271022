package queue

// tailVisible reports whether the messages of an extent can be received: in a FIFO queue the queue's delay hides them for a
// while, unless they were moved here.
func (p *Partition) tailVisible(x *extent) bool {
	return !p.settings.FIFO || x.arrival != nil || x.sent+p.settings.Delay <= p.now
}

// headFIFO returns the place in line of a FIFO group: that of its first message, if that is visible. Groups take turns by it: a
// message that was never received stands where it was sent, one that came back stands where it came back.
func (p *Partition) headFIFO(g *group) (at int64, ref Ref, ok bool) {
	if len(g.hot) > 0 {
		e := g.hot[0]
		return e.at, e.ref, e.state == visible
	}
	if g.tail.empty() {
		return 0, Ref{}, false
	}
	x := g.tail.front()
	return x.sent, x.first(), p.tailVisible(&x)
}

// pickFIFO picks what a receive hands out: group after group in their turn, and of each the longest prefix of its messages that
// are all visible (reference/sqs.md 8.1).
func (p *Partition) pickFIFO(b *pick) {
	p.ready.Scan(func(g *group) bool {
		p.pickGroupFIFO(b, g)
		return !b.full()
	})
}

func (p *Partition) pickGroupFIFO(b *pick, g *group) {
	dead := false
	add := func(ref Ref, receives uint32) bool {
		if b.full() || dead && !b.isDead(receives) {
			return false // what comes after dead letters waits until they have gone: they may come back
		}
		dead = b.isDead(receives)
		b.add(ref, g, receives)
		return true
	}
	for _, e := range g.hot {
		if e.state != visible || !add(e.ref, e.receives) {
			return
		}
	}
	for i := range g.tail.live() {
		x := g.tail.at(i)
		if !p.tailVisible(&x) {
			return
		}
		for n := range x.count {
			if !add(Ref{Record: x.record, Index: x.index + n}, x.receives()) {
				return
			}
		}
	}
}

func (x *extent) receives() uint32 {
	if x.arrival == nil {
		return 0
	}
	return x.arrival.receives
}

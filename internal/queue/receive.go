package queue

// ReceiveOptions say what to hand out.
type ReceiveOptions struct {
	// Max is the number of messages to hand out at the most; 1 or more.
	Max int
	// Visibility is the visibility timeout in ms; nil means the queue's.
	Visibility *int64
	// Attempt is the receive request attempt ID; empty without one. FIFO queues only.
	Attempt string
}

// Delivery is a message that a receive handed out, or that is on its way to another partition.
type Delivery struct {
	Handle        Handle
	At            Ref   // where its content is: see Partition.Place
	FirstReceived int64 // Unix ms
}

// ReceiveResult is what a receive did. Dead are messages that have used up their receives: they are now moving to the queue's
// dead-letter partition, and the caller carries them there.
type ReceiveResult struct {
	Messages   []Delivery
	Until      int64 // the end of the visibility timeout of Messages, Unix ms
	Dead       []Delivery
	DeadLetter ID // where Dead go
}

// deadMax bounds how many messages one receive sends to the dead-letter queue; the rest goes with the next ones.
const deadMax = 100

// Receive hands out messages. With nothing to hand out it changes nothing. It fails with ErrInFlightLimit on a standard queue
// that has InFlightMax messages in flight.
func (p *Partition) Receive(now int64, log Log, o ReceiveOptions) (ReceiveResult, error) {
	visibility := p.settings.VisibilityTimeout
	if o.Visibility != nil {
		visibility = *o.Visibility
	}
	until := now + visibility
	if o.Attempt != "" {
		if first, ok := p.attempts.lookup(o.Attempt); ok {
			p.do(log, now, &ReceiveRepeated{Attempt: o.Attempt, Until: until})
			return ReceiveResult{Messages: p.deliveries(first.entries), Until: until}, nil
		}
	}
	room := InFlightMax - int(p.stats.InFlight)
	if room <= 0 {
		if p.settings.FIFO {
			return ReceiveResult{}, nil
		}
		return ReceiveResult{}, ErrInFlightLimit
	}
	b := &pick{max: min(o.Max, room), deadAt: p.settings.MaxReceives}
	if p.settings.FIFO {
		p.pickFIFO(b)
	} else {
		p.pickStandard(b)
	}
	result := ReceiveResult{Until: until}
	if len(b.taken) > 0 {
		for i := range b.taken {
			b.taken[i].Receives++
		}
		p.do(log, now, &Received{Attempt: o.Attempt, Until: until, Taken: b.taken})
		result.Messages = p.delivered(b.taken)
	}
	// After the others: within a group what is handed out comes before dead letters, and a tail is taken from its front.
	if len(b.dead) > 0 {
		p.do(log, now, &MoveBegun{Target: p.settings.DeadLetter, Taken: b.dead})
		result.Dead = p.delivered(b.dead)
		result.DeadLetter = p.settings.DeadLetter
	}
	return result, nil
}

// CanReceive reports whether a Receive now would hand something out or move something.
func (p *Partition) CanReceive() bool {
	return p.ready.Len() > 0 && p.stats.InFlight < InFlightMax
}

// pick collects what a receive or a move takes. It only reads the state.
type pick struct {
	max    int
	deadAt uint32 // messages received so often are dead letters; 0 for no such limit
	taken  []Taken
	dead   []Taken
}

func (b *pick) full() bool { return len(b.taken) >= b.max || len(b.dead) >= deadMax }

// isDead reports whether a message that was received so often is a dead letter.
func (b *pick) isDead(receives uint32) bool { return b.deadAt > 0 && receives >= b.deadAt }

func (b *pick) add(ref Ref, g *group, receives uint32) {
	t := Taken{Ref: ref, Group: g.name, Receives: receives}
	if b.isDead(receives) {
		b.dead = append(b.dead, t)
	} else {
		b.taken = append(b.taken, t)
	}
}

// delivered describes messages that have just been taken.
func (p *Partition) delivered(taken []Taken) []Delivery {
	deliveries := make([]Delivery, len(taken))
	for i, t := range taken {
		deliveries[i] = p.delivery(p.mustEntry(t.Ref))
	}
	return deliveries
}

func (p *Partition) deliveries(entries []*entry) []Delivery {
	deliveries := make([]Delivery, len(entries))
	for i, e := range entries {
		deliveries[i] = p.delivery(e)
	}
	return deliveries
}

func (p *Partition) delivery(e *entry) Delivery {
	return Delivery{Handle: Handle{Ref: e.ref, Receives: e.receives}, At: p.places.of(e.ref), FirstReceived: e.firstReceived}
}

func (c *Received) apply(p *Partition, now int64, _ Ref) {
	for _, t := range c.Taken {
		e := p.take(t)
		e.receives++
		if e.receives != t.Receives {
			panic("queue: the receive count of message " + t.Ref.String() + " is not the one in the change")
		}
		if e.firstReceived == 0 {
			e.firstReceived = now
		}
		e.received = now
		if c.Until > now {
			p.fly(e, c.Until)
		} else {
			p.show(e, p.place(e, now))
		}
		p.refresh(e.group)
	}
	if c.Attempt != "" && c.Until > now {
		entries := make([]*entry, len(c.Taken))
		for i, t := range c.Taken {
			entries[i] = p.mustEntry(t.Ref)
		}
		p.attempts.remember(c.Attempt, now, entries)
	}
}

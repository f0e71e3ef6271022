package queue

import (
	"cmp"
	"slices"
)

// A move carries a message to another partition, perhaps of another shard, without losing or doubling it whenever it breaks off:
//
//  1. source: Receive (a dead letter) or BeginMove hides the message and remembers its target;
//  2. target: Arrive puts it in and remembers its Origin; repeating it changes nothing;
//  3. source: EndMove removes it, or makes it visible again if the target did not take it;
//  4. target: Settle forgets the Origin.
//
// After a crash the steps from 2 on are repeated for all that Moving lists, then the origins that Unsettled still lists are settled.

// BeginMove hides up to max visible messages, the first in line first, that are to be carried to the target.
func (p *Partition) BeginMove(now int64, log Log, max int, target ID) []Delivery {
	b := &pick{max: max}
	if p.settings.FIFO {
		p.pickFIFO(b)
	} else {
		p.pickStandard(b)
	}
	if len(b.taken) == 0 {
		return nil
	}
	p.do(log, now, &MoveBegun{Target: target, Taken: b.taken})
	return p.delivered(b.taken)
}

func (c *MoveBegun) apply(p *Partition, _ int64, _ Ref) {
	for _, t := range c.Taken {
		e := p.take(t)
		p.carry(e, c.Target)
		p.refresh(e.group)
	}
}

// Move is a message on its way to Target.
type Move struct {
	Delivery
	Target ID
}

// Moving returns the first max messages with a Ref above after that are on their way to another partition, in order of Ref. The zero Ref
// is below all.
func (p *Partition) Moving(after Ref, max int) []Move {
	var moves []Move
	p.moving.Ascend(&entry{ref: after}, func(e *entry) bool {
		if len(moves) == max {
			return false
		}
		if e.ref != after {
			moves = append(moves, p.move(e))
		}
		return true
	})
	return moves
}

// StillMoving returns those of the moves that have not ended, with the places at which their messages are read now.
func (p *Partition) StillMoving(moves []Move) []Move {
	still := make([]Move, 0, len(moves))
	for _, m := range moves {
		if e, ok := p.entry(m.Handle.Ref); ok && e.state == moving && ID(e.at) == m.Target {
			still = append(still, p.move(e))
		}
	}
	return still
}

func (p *Partition) move(e *entry) Move { return Move{Delivery: p.delivery(e), Target: ID(e.at)} }

// EndMove ends the moves of the messages: they leave the partition (moved), or become visible again. Messages that are not
// moving, because they have expired or were purged, are passed over.
func (p *Partition) EndMove(now int64, log Log, refs []Ref, moved bool) {
	refs = slices.DeleteFunc(slices.Clone(refs), func(ref Ref) bool {
		e, ok := p.entry(ref)
		return !ok || e.state != moving
	})
	slices.SortFunc(refs, Ref.Compare)
	refs = slices.Compact(refs)
	if len(refs) > 0 {
		p.do(log, now, &MoveEnded{Moved: moved, Refs: refs})
	}
}

func (c *MoveEnded) apply(p *Partition, now int64, _ Ref) {
	for _, ref := range c.Refs {
		e := p.mustEntry(ref)
		if c.Moved {
			p.remove(e)
			continue
		}
		p.hide(e)
		p.show(e, p.place(e, now))
		p.refresh(e.group)
	}
}

// Arrive puts a message in that comes from another partition, unless its origin is known already. A message with Sent = 0 is
// stamped with now, and so is every one that arrives in a FIFO queue (reference/sqs.md 9.2). The queue's delay does not apply, and
// deduplication neither.
func (p *Partition) Arrive(now int64, log Log, origin Origin, m Message) {
	if _, known := p.arrivals[origin]; known {
		return
	}
	if m.Sent == 0 || p.settings.FIFO {
		m.Sent = now
	}
	p.do(log, now, &Sent{Message: m, Origin: &origin})
}

func (p *Partition) arrive(c *Sent, now int64, ref Ref) {
	p.arrivals[*c.Origin] = struct{}{}
	m := &c.Message
	g := p.group(m.Group)
	if p.settings.FIFO {
		p.saveTail(g)
		g.tail.push(ref, m.Sent, &arrival{receives: m.Receives, firstReceived: m.FirstReceived})
		p.stats.Visible++
	} else {
		e := p.newEntry(g, ref, m.Sent)
		e.receives, e.firstReceived = m.Receives, m.FirstReceived
		p.show(e, now)
	}
	p.refresh(g)
	p.expireMessages(now, unlimited()) // a message may be too old for this queue
}

// Settle forgets origins of messages that have arrived here: their moves have ended at the source.
func (p *Partition) Settle(now int64, log Log, origins []Origin) {
	origins = slices.DeleteFunc(slices.Clone(origins), func(o Origin) bool {
		_, known := p.arrivals[o]
		return !known
	})
	if len(origins) > 0 {
		p.do(log, now, &Settled{Origins: origins})
	}
}

func (c *Settled) apply(p *Partition, _ int64, _ Ref) {
	for _, o := range c.Origins {
		delete(p.arrivals, o)
	}
}

// Unsettled returns the origins that are remembered, in order.
func (p *Partition) Unsettled() []Origin {
	origins := make([]Origin, 0, len(p.arrivals))
	for o := range p.arrivals {
		origins = append(origins, o)
	}
	slices.SortFunc(origins, func(a, b Origin) int {
		return cmp.Or(cmp.Compare(a.Partition, b.Partition), a.Ref.Compare(b.Ref))
	})
	return origins
}

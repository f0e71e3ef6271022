package simulation

import (
	"cmp"
	"maps"
	"slices"
)

// ids returns the IDs of all messages that were delivered, in order.
func (h *history) ids() []string { return slices.Sorted(maps.Keys(h.byID)) }

// hiddenUntil returns the earliest log time, in Unix ms, at which a message that was delivered may be visible again, as far as it
// matters to an operation.
func (h *history) hiddenUntil(d *delivery, o *operation) int64 {
	at := d.earliest + d.visibility
	settled := d.end // from here on it is known which change was the last
	for _, c := range h.changes {
		if c.of.id != d.id || c.of.queue != d.queue || c.result == refused || c.start > o.end || c.operation.before(d.operation) {
			continue
		}
		until := c.earliest + c.timeout
		if c.result == done && c.start > settled && c.operation.before(o) {
			at, settled = until, c.end
		} else {
			at, settled = min(at, until), max(settled, c.until())
		}
	}
	for _, again := range h.byID[d.id] {
		if again != d && again.count == d.count && again.start <= o.end { // a repeated receive attempt
			at = min(at, again.earliest+again.visibility)
		}
	}
	for _, r := range h.receives { // an attempt whose answer was lost
		if d.attempt != "" && r.attempt == d.attempt && r.queue == d.queue && r.outcome == unknown && r.start <= o.end {
			at = min(at, r.earliest+r.visibility)
		}
	}
	return at
}

// checkDeletes: a message is not seen any more after a delete that was answered. A message that was on its way to another queue when
// it was deleted is seen there.
func (w *world) checkDeletes() {
	for _, x := range w.deletions {
		if x.result != done {
			continue
		}
		onItsWay := (w.dead[x.of.queue] || w.taskFrom[x.of.queue] < x.end) && w.hiddenUntil(x.of, x.operation) <= x.latest
		for _, d := range w.byID[x.of.id] {
			if x.operation.before(d.operation) && (!onItsWay || d.queue == x.of.queue && !w.fed(d.queue)) {
				w.violate("deletes", "%s was deleted from %s by operation %d, and delivered by operation %d", d.body, queueNames[x.of.queue], x.number, d.number)
			}
		}
		for _, f := range w.found {
			if f.id == x.of.id && (!onItsWay || f.queue == x.of.queue && !w.fed(f.queue)) {
				w.violate("deletes", "%s was deleted from %s by operation %d, and is in %s in the end", f.body, queueNames[x.of.queue], x.number, queueNames[f.queue])
			}
		}
	}
}

// checkWipes: what was in a queue when it was purged or deleted is not seen there any more.
func (w *world) checkWipes() {
	for _, x := range w.wipes {
		if x.outcome != done || w.fed(x.queue) {
			continue
		}
		for _, s := range w.sends {
			if s.queue != x.queue || !s.operation.before(x.operation) {
				continue
			}
			for _, d := range w.deliveries {
				if d.body == s.body && d.queue == x.queue && x.operation.before(d.operation) {
					w.violate("purge", "%s was in %s when operation %d purged it, and delivered by operation %d", s.body, queueNames[x.queue], x.number, d.number)
				}
			}
			for _, f := range w.found {
				if f.body == s.body && f.queue == x.queue {
					w.violate("purge", "%s was in %s when operation %d purged it, and is there in the end", s.body, queueNames[x.queue], x.number)
				}
			}
		}
	}
}

// checkVisibility: while a message is in flight, nobody else gets it.
func (w *world) checkVisibility() {
	for _, id := range w.ids() {
		for _, a := range w.byID[id] {
			for _, b := range w.byID[id] {
				if b.count <= a.count {
					continue
				}
				if until := w.hiddenUntil(a, b.operation); b.latest < until {
					w.violate("visibility", "%s was delivered by operation %d, in flight for at least %d ms more when operation %d got it",
						a.body, a.number, until-b.latest, b.number)
				}
			}
		}
	}
}

// checkReceiveCounts: each receive counts once.
func (w *world) checkReceiveCounts() {
	for _, id := range w.ids() {
		deliveries := slices.Clone(w.byID[id])
		slices.SortStableFunc(deliveries, func(a, b *delivery) int { return cmp.Compare(a.count, b.count) })
		counts := 0
		for i, d := range deliveries {
			if i > 0 && d.count == deliveries[i-1].count {
				if a := deliveries[i-1]; a.attempt == "" || a.attempt != d.attempt || a.queue != d.queue {
					w.violate("receive counts", "%s was delivered by operations %d and %d, both with count %d", d.body, a.number, d.number, d.count)
				}
				continue
			}
			counts++
			if lost := w.lostReceives(d.queueOfOrigin(w), 0, d.end); d.count < counts || d.count > counts+lost {
				w.violate("receive counts", "%s was delivered by operation %d with count %d, after %d deliveries and %d lost answers at most",
					d.body, d.number, d.count, counts-1, lost)
			}
			if i > 0 && d.operation.before(deliveries[i-1].operation) {
				w.violate("receive counts", "%s: operation %d got count %d, and operation %d before it %d",
					d.body, deliveries[i-1].number, deliveries[i-1].count, d.number, d.count)
			}
		}
	}
}

// queueOfOrigin returns the queue that the message was sent to.
func (d *delivery) queueOfOrigin(w *world) int {
	if s := w.bySendBody[d.body]; s != nil {
		return s.queue
	}
	return d.queue
}

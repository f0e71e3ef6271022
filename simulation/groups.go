package simulation

const deduplicationMS = 5 * 60 * 1000

// duplicate tells whether a send was answered with the message of one that began earlier. Of two that were on their way at once either
// may be the original.
func (h *history) duplicate(s *send) bool {
	if s.dedup == "" || s.id == "" {
		return false
	}
	for _, other := range h.sends {
		if other != s && other.id == s.id && (other.number < s.number || other.number == s.number && h.earlierEntry(other, s)) {
			return true
		}
	}
	return false
}

// earlierEntry tells whether a comes before b in the same batch.
func (h *history) earlierEntry(a, b *send) bool {
	for _, s := range h.sends {
		if s == a || s == b {
			return s == a
		}
	}
	return false
}

// mayHaveMoved tells whether a message of a queue may have left for another one before a step.
func (w *world) mayHaveMoved(s *send, step int) bool {
	if w.taskFrom[s.queue] <= step {
		return true
	}
	if !w.dead[s.queue] {
		return false
	}
	count := 0
	for _, d := range w.byID[s.id] {
		count = max(count, d.count)
	}
	return count+w.lostReceives(s.queue, 0, step) >= w.maxReceives[s.queue]
}

// checkOrder: a message of a FIFO group is not delivered while one that was accepted before it is still there. So a group has one
// holder at a time, too.
func (w *world) checkOrder() {
	for _, d := range w.deliveries {
		if !isFIFO(d.queue) {
			continue
		}
		for _, s := range w.sends {
			if s.queue == d.queue && s.group == d.group && w.original(s) && s.sequence < d.sequence && s.id != d.id && !w.excused(s, d) {
				w.violate("order", "%s of group %s was delivered by operation %d while %s was before it in line", d.body, d.group, d.number, s.body)
			}
		}
		for _, other := range w.deliveries {
			if other.receive == d.receive && other.at > d.at && other.group == d.group && other.sequence <= d.sequence {
				w.violate("order", "operation %d got %s of group %s before %s", d.number, d.body, d.group, other.body)
			}
		}
	}
}

// excused tells whether s need not hold up d, which comes after it in its group. One that was sent when d had been delivered can have a
// smaller number only in another queue of that name, which checkSequence looks after.
func (w *world) excused(s *send, d *delivery) bool {
	for _, with := range w.deliveries {
		if with.receive == d.receive && with.id == s.id && with.at < d.at {
			return true
		}
	}
	return s.start > d.end || w.deletedBefore(s.id, d.end) || w.wiped(s.queue, s.start, d.end) ||
		d.latest-s.earliest >= w.retention(s.queue) || w.mayHaveMoved(s, d.end)
}

// checkSequence: what is sent later to a FIFO group has the larger sequence number.
func (w *world) checkSequence() {
	for _, a := range w.sends {
		for _, b := range w.sends {
			if isFIFO(a.queue) && a.queue == b.queue && a.group == b.group && a.operation.before(b.operation) && w.original(a) && w.original(b) &&
				a.sequence >= b.sequence && !w.wiped(a.queue, a.start, b.end) {
				w.violate("order", "%s was accepted after %s, with a smaller sequence number", b.body, a.body)
			}
		}
	}
}

// original tells whether it is certain that a send put its message in, rather than being a duplicate: of one before it, of one that was
// on its way at the same time, or of one whose answer was lost.
func (w *world) original(s *send) bool {
	if s.result != done || s.dedup != "" && w.mayRepeatLost(s) {
		return false
	}
	for _, other := range w.sends {
		if other != s && other.id == s.id && !s.operation.before(other.operation) {
			return false
		}
	}
	return true
}

// mayRepeatLost tells whether a send may have been answered with the message of one whose answer was lost.
func (w *world) mayRepeatLost(s *send) bool {
	for _, other := range w.sends {
		if other != s && other.queue == s.queue && other.dedup == s.dedup && other.result == unknown && other.start <= s.end {
			return true
		}
	}
	return false
}

// checkDeduplication: within the window after a message was accepted, sending it again gives that message. Where the scope was changed
// between, it may give one of another group that had the same ID.
func (w *world) checkDeduplication() {
	for _, first := range w.sends {
		if first.dedup == "" || !w.original(first) {
			continue
		}
		for _, again := range w.sends {
			if again.queue != first.queue || again.dedup != first.dedup || again.result != done || again.id == first.id ||
				!first.operation.before(again.operation) || w.rescoped[first.queue] && (again.group != first.group || w.duplicate(again)) {
				continue
			}
			if again.latest-first.earliest < deduplicationMS && !w.wiped(first.queue, first.start, again.end) {
				w.violate("deduplication", "%s was accepted although %s had the same deduplication ID %d ms before at most",
					again.body, first.body, again.latest-first.earliest)
			}
		}
	}
	for _, s := range w.sends {
		for _, first := range w.sends {
			if s.id != "" && first.id == s.id && first.operation.before(s.operation) && w.seen(s.body) {
				w.violate("deduplication", "%s was answered as a duplicate of %s, and is there all the same", s.body, first.body)
			}
			if s.id != "" && first.id == s.id && first.number < s.number && w.seen(s.body) && w.seen(first.body) {
				w.violate("deduplication", "%s and %s are the same message, and both are there", s.body, first.body)
			}
		}
	}
}

// seen tells whether a message was delivered, or found in the end.
func (h *history) seen(body string) bool {
	for _, d := range h.deliveries {
		if d.body == body {
			return true
		}
	}
	for _, f := range h.found {
		if f.body == body {
			return true
		}
	}
	return false
}

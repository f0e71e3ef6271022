package simulation

// checkOnce: a message is in one queue, and was sent.
func (w *world) checkOnce() {
	seen := make(map[string]found)
	for _, f := range w.found {
		if other, twice := seen[f.body]; twice {
			w.violate("once", "%s is in %s and in %s", f.body, queueNames[other.queue], queueNames[f.queue])
		}
		seen[f.body] = f
	}
	for _, f := range w.found {
		if s := w.bySendBody[f.body]; s == nil || s.result == refused {
			w.violate("once", "%s is in %s, and was never accepted", f.body, queueNames[f.queue])
		}
	}
	for _, d := range w.deliveries {
		if s := w.bySendBody[d.body]; s == nil || s.result == refused {
			w.violate("once", "%s was delivered by operation %d, and was never accepted", d.body, d.number)
		}
	}
}

// checkNothingLost: a message that was accepted is there in the end, unless somebody or something may have removed it.
func (w *world) checkNothingLost() {
	known := make(map[string]bool) // bodies of messages that are there, or may have been deleted
	for _, f := range w.found {
		known[f.body] = true
	}
	for _, x := range w.deletions {
		if x.result != refused {
			known[x.of.body] = true
		}
	}
	accounted := make(map[string]bool) // by ID: duplicates have the same
	for _, s := range w.sends {
		accounted[s.id] = accounted[s.id] || known[s.body]
	}
	for _, s := range w.sends {
		if s.result != done || w.duplicate(s) || accounted[s.id] || w.mayBeWiped(s) ||
			w.latestMS()-s.earliest >= w.retention(s.queue) || s.dedup != "" && w.mayRepeatLost(s) {
			continue
		}
		w.violate("lost", "%s was accepted by %s in operation %d, and is nowhere", s.body, queueNames[s.queue], s.number)
	}
}

// mayBeWiped tells whether a message may have been in a queue that was purged or deleted.
func (w *world) mayBeWiped(s *send) bool {
	for q, reached := range w.reach(s.queue) {
		if reached && w.wiped(q, s.start, w.step) {
			return true
		}
	}
	return false
}

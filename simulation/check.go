package simulation

// check runs every checker over the history.
func (w *world) check() {
	for _, checker := range []func(*world){
		(*world).checkDeletes,
		(*world).checkWipes,
		(*world).checkVisibility,
		(*world).checkReceiveCounts,
		(*world).checkOrder,
		(*world).checkSequence,
		(*world).checkDeduplication,
		(*world).checkOnce,
	} {
		checker(w)
	}
	if w.finished { // a run that broke off has no end to compare with
		w.checkNothingLost()
	}
}

// wiped tells whether a queue may have been purged or deleted between two steps.
func (h *history) wiped(q int, from, to int) bool {
	for _, x := range h.wipes {
		if x.queue == q && x.outcome != refused && x.start <= to && x.until() >= from {
			return true
		}
	}
	return false
}

// deletedSince tells whether a client may have deleted the message with this ID before the step.
func (h *history) deletedBefore(id string, step int) bool {
	for _, x := range h.deletions {
		if x.of.id == id && x.result != refused && x.start <= step {
			return true
		}
	}
	return false
}

// retention returns the least time, in ms, that a message of q is kept, wherever it goes.
func (h *history) retention(q int) int64 {
	least := h.retentionMS[q]
	for next, ok := range h.reach(q) {
		if ok {
			least = min(least, h.retentionMS[next])
		}
	}
	return least
}

// lost returns how many receives that a message of q could be in have no answer, of those that began up to a step.
func (h *history) lostReceives(q int, from, to int) int {
	n := 0
	reach := h.reach(q)
	for _, r := range h.receives {
		if reach[r.queue] && r.outcome == unknown && r.start <= to {
			n++
		}
	}
	return n
}

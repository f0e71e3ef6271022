package chaos

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// history is what the clients of one queue did and saw. It is safe for concurrent use.
type history struct {
	visibility time.Duration
	// moves is true for the messages of a queue and its dead-letter queue together: they go to and fro, with new IDs and counts.
	moves bool

	mu       sync.Mutex
	messages map[string]*fate // by body; guarded by mu, as all below
	groups   map[string][]*fate
	faults   []string
	lost     int // receives that were asked and not answered: each may have handed out any message, once
}

// fate is what happened to one message, named by its body.
type fate struct {
	body  string
	group string // FIFO; empty otherwise
	index int    // place among the sends of its group

	acked       bool
	receives    int
	messageID   string
	lastCount   int       // receive count of the latest receive
	lastAsked   time.Time // when the latest answered receive was asked
	lostBefore  int       // history.lost at the latest receive
	left        map[string]struct{}
	deleteAsked bool
	deleted     bool      // a delete was acknowledged
	deletedAt   time.Time // when
}

// clockResolution is that of the server's log time.
const clockResolution = time.Millisecond

func newHistory(visibility time.Duration) *history {
	return &history{visibility: visibility, messages: make(map[string]*fate), groups: make(map[string][]*fate)}
}

// sending notes a send that is about to be asked. The sends of a group come one after the other.
func (h *history) sending(body, group string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.messages[body] != nil {
		return // the same send once more
	}
	f := &fate{body: body, group: group, index: len(h.groups[group])}
	h.messages[body] = f
	h.groups[group] = append(h.groups[group], f)
}

// sent notes the acknowledgement of a send.
func (h *history) sent(body string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.messages[body].acked = true
}

// received notes a message in the answer to a receive that was asked at asked and answered at answered.
func (h *history) received(body, messageID string, count int, asked, answered time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f := h.messages[body]
	if f == nil {
		h.fault("received %q, which nobody sent", body)
		return
	}
	if f.messageID != "" && f.messageID != messageID && !h.moves {
		h.fault("%q came as message %s and as %s: it is there twice", body, f.messageID, messageID)
	}
	if f.deleted && asked.After(f.deletedAt) {
		h.fault("%q came back %v after its delete was acknowledged", body, asked.Sub(f.deletedAt))
	}
	if !h.moves {
		h.checkCount(f, count)
	}
	if f.receives > 0 && answered.Before(f.lastAsked.Add(h.visibility-clockResolution)) {
		h.fault("%q was handed out again %v after a receive with a visibility timeout of %v", body, answered.Sub(f.lastAsked), h.visibility)
	}
	if f.group != "" {
		h.checkHolder(f, asked, answered)
	}
	f.messageID, f.lastCount, f.lastAsked, f.lostBefore = messageID, count, asked, h.lost
	f.receives++
	if f.receives == 1 && f.group != "" {
		h.checkOrder(f)
	}
}

// checkOrder: when a FIFO message comes for the first time, every acknowledged one before it in its group has come already.
func (h *history) checkOrder(f *fate) {
	for _, earlier := range h.groups[f.group][:f.index] {
		if earlier.acked && earlier.receives == 0 {
			h.fault("%q came before %q, which was sent earlier to group %s", f.body, earlier.body, f.group)
		}
	}
}

// receiveLost notes a receive that was not answered.
func (h *history) receiveLost() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lost++
}

// checkCount: each receive counts one, and only receives do. Of those that were not answered it is not known.
func (h *history) checkCount(f *fate, count int) {
	if count <= f.lastCount || count > f.lastCount+1+h.lost-f.lostBefore {
		h.fault("%q has receive count %d after %d, and %d receives were not answered meanwhile", f.body, count, f.lastCount, h.lost-f.lostBefore)
	}
}

// checkHolder: while a message of a group is in flight, only the receive that has it may have got a later one.
func (h *history) checkHolder(f *fate, asked, answered time.Time) {
	for _, earlier := range h.groups[f.group][:f.index] {
		if earlier.receives > 0 && !earlier.deleteAsked && !earlier.lastAsked.Equal(asked) &&
			answered.Before(earlier.lastAsked.Add(h.visibility-clockResolution)) {
			h.fault("%q was handed out while %q, which is before it in group %s, was in flight", f.body, earlier.body, f.group)
		}
	}
}

// remains notes that a message was found in a queue when all was over. It is called for every one, with the ID it has there.
func (h *history) remains(body, queue, messageID string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f := h.messages[body]
	if f == nil {
		return // received has told
	}
	if f.left == nil {
		f.left = make(map[string]struct{})
	}
	f.left[queue+" as "+messageID] = struct{}{}
}

// deleting notes a delete that is about to be asked.
func (h *history) deleting(body string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.messages[body].deleteAsked = true
}

// deleteDone notes the acknowledgement of a delete with the handle of a receive that was asked at asked. When the visibility timeout
// may have ended before it, a message that moves may have been on its way already: then there was nothing to delete here any more.
func (h *history) deleteDone(body string, asked, at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.moves && !at.Before(asked.Add(h.visibility-clockResolution)) {
		return
	}
	if f := h.messages[body]; !f.deleted {
		f.deleted, f.deletedAt = true, at
	}
}

// finish checks that nothing acknowledged is missing after the queue was drained, and returns all faults.
func (h *history) finish() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, f := range h.messages {
		switch {
		case f.acked && f.receives == 0 && !f.deleteAsked:
			h.fault("%q was acknowledged and never came", f.body)
		case h.moves && f.acked && len(f.left) == 0 && !f.deleteAsked:
			h.fault("%q is neither in its queue nor in the dead-letter queue", f.body)
		case len(f.left) > 1:
			h.fault("%q is there twice: in %v", f.body, slices.Sorted(maps.Keys(f.left)))
		}
	}
	return h.faults
}

// counts returns how many sends and deletes were acknowledged.
func (h *history) counts() (sent, deleted int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, f := range h.messages {
		if f.acked {
			sent++
		}
		if f.deleted {
			deleted++
		}
	}
	return sent, deleted
}

func (h *history) fault(format string, args ...any) {
	const shown = 20
	if len(h.faults) < shown {
		h.faults = append(h.faults, fmt.Sprintf(format, args...))
	}
}

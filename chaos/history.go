package chaos

import (
	"fmt"
	"sync"
	"time"
)

// history is what the clients of one queue did and saw. It is safe for concurrent use.
type history struct {
	visibility time.Duration

	mu       sync.Mutex
	messages map[string]*fate // by body; guarded by mu, as all below
	groups   map[string][]*fate
	faults   []string
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
	if f.messageID != "" && f.messageID != messageID {
		h.fault("%q came as message %s and as %s: it is there twice", body, f.messageID, messageID)
	}
	if f.deleted && asked.After(f.deletedAt) {
		h.fault("%q came back %v after its delete was acknowledged", body, asked.Sub(f.deletedAt))
	}
	if count <= f.lastCount {
		h.fault("%q has receive count %d after %d", body, count, f.lastCount)
	}
	if f.receives > 0 && answered.Before(f.lastAsked.Add(h.visibility-clockResolution)) {
		h.fault("%q was handed out again %v after a receive with a visibility timeout of %v", body, answered.Sub(f.lastAsked), h.visibility)
	}
	f.messageID, f.lastCount, f.lastAsked = messageID, count, asked
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

// deleting notes a delete that is about to be asked.
func (h *history) deleting(body string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.messages[body].deleteAsked = true
}

// deleteDone notes the acknowledgement of a delete.
func (h *history) deleteDone(body string, at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if f := h.messages[body]; !f.deleted {
		f.deleted, f.deletedAt = true, at
	}
}

// finish checks that nothing acknowledged is missing after the queue was drained, and returns all faults.
func (h *history) finish() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, f := range h.messages {
		if f.acked && f.receives == 0 && !f.deleteAsked {
			h.fault("%q was acknowledged and never came", f.body)
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

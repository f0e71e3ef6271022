package loadgen

import (
	"sync"
	"sync/atomic"
)

// ledger notes what the server answered about each message. It is safe for concurrent use.
type ledger struct {
	next atomic.Uint64 // number of the next message

	// Each message has a word of flags. Chunks never move, so that they are written without the lock.
	mu     sync.RWMutex // guards chunks
	chunks []*chunk

	groups []group

	sent, received, deleted                             atomic.Int64 // messages; each counts once
	duplicates, resurrected, disorder, foreign, damaged atomic.Int64
}

const chunkMessages = 1 << 16

type chunk [chunkMessages]atomic.Uint32

// The flags of a message.
const (
	wasSent = 1 << iota
	wasReceived
	wasDeleted
)

// group is how far a FIFO group has come.
type group struct {
	mu   sync.Mutex
	last uint64 // number of the newest message received, and one
}

func newLedger(groups int) *ledger { return &ledger{groups: make([]group, groups)} }

// take reserves the numbers of n messages and returns the first.
func (l *ledger) take(n int) uint64 {
	first := l.next.Add(uint64(n)) - uint64(n)
	need := int((first+uint64(n)-1)/chunkMessages) + 1
	l.mu.RLock()
	have := len(l.chunks)
	l.mu.RUnlock()
	if have < need {
		l.mu.Lock()
		for len(l.chunks) < need {
			l.chunks = append(l.chunks, new(chunk))
		}
		l.mu.Unlock()
	}
	return first
}

// flag sets a flag and returns the flags before.
func (l *ledger) flag(number uint64, flag uint32) (before uint32) {
	l.mu.RLock()
	c := l.chunks[number/chunkMessages]
	l.mu.RUnlock()
	return c[number%chunkMessages].Or(flag)
}

// noteSent notes that the send of n messages was answered.
func (l *ledger) noteSent(first uint64, n int) {
	for i := range uint64(n) {
		l.flag(first+i, wasSent)
	}
	l.sent.Add(int64(n))
}

// noteReceived notes a message that an answer had, before its delete is asked for.
func (l *ledger) noteReceived(s stamp) {
	if s.number >= l.next.Load() || s.group >= len(l.groups) && len(l.groups) > 0 {
		l.damaged.Add(1)
		return
	}
	switch before := l.flag(s.number, wasReceived); {
	case before&wasDeleted != 0:
		l.resurrected.Add(1)
	case before&wasReceived != 0:
		l.duplicates.Add(1)
	default:
		l.received.Add(1)
		l.checkOrder(s)
	}
}

// checkOrder expects the first receives of a group's messages in the order of their numbers. The next message of a group
// can only be received after the delete of the one before, and that is asked for after it was noted here.
func (l *ledger) checkOrder(s stamp) {
	if len(l.groups) == 0 {
		return
	}
	g := &l.groups[s.group]
	g.mu.Lock()
	defer g.mu.Unlock()
	if s.number < g.last {
		l.disorder.Add(1)
		return
	}
	g.last = s.number + 1
}

// noteDeleted notes that a delete was answered, and tells whether it is the message's first.
func (l *ledger) noteDeleted(number uint64) bool {
	if number >= l.next.Load() || l.flag(number, wasDeleted)&wasDeleted != 0 {
		return false
	}
	l.deleted.Add(1)
	return true
}

// complete tells whether every message whose send was answered has been received and deleted, and that of none else.
func (l *ledger) complete() bool { return l.deleted.Load() >= l.sent.Load() && l.missing() == 0 }

// missing returns how many messages were sent and have not been deleted.
func (l *ledger) missing() (n int64) { return l.count(wasSent, wasDeleted) }

// count returns how many messages have one flag and not the other.
func (l *ledger) count(with, without uint32) (n int64) {
	l.mu.RLock()
	chunks := l.chunks
	l.mu.RUnlock()
	for _, c := range chunks {
		for i := range c {
			if f := c[i].Load(); f&with != 0 && f&without == 0 {
				n++
			}
		}
	}
	return n
}

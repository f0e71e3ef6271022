package memjournal

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/staunchmq/staunch/internal/journal"
)

// Hook decides the fate of an append that is otherwise in order. It is called from Append with the record's number and the
// record, with the log locked: it must not use the journal.
type Hook func(seq journal.Seq, rec []byte) Fault

// Fault is the fate of one append. The zero Fault lets it succeed at once.
type Fault struct {
	// Err is what Wait returns: nil, ErrFull or ErrConflict (the record is not in the journal), or ErrUnknown.
	Err error

	// Applied, with ErrUnknown: the record is in the journal all the same.
	Applied bool

	// Foreign, with ErrConflict: the record of another owner, which gets the number instead. It must continue the journal.
	Foreign []byte

	// Lost: the record looks durable, but Clone does not have it. A disk that lies.
	Lost bool

	// Delay runs on a goroutine of its own before the outcome is settled: until it returns, the record is not durable, and
	// Wait blocks. Later appends of the same handle wait behind it.
	Delay func()
}

// SetHook makes hook decide about later appends to the log, through whichever handle. Nil removes it.
func (j *Journal) SetHook(hook Hook) {
	j.log.mu.Lock()
	defer j.log.mu.Unlock()
	j.log.hook = hook
}

// SetRoom decides what Room answers from now on, through whichever handle. With journal.NoRoom, every append that is otherwise in
// order fails with ErrFull.
func (j *Journal) SetRoom(room journal.Room) {
	j.log.mu.Lock()
	defer j.log.mu.Unlock()
	j.log.room = room
}

// Room implements journal.Spacious.
func (j *Journal) Room() journal.Room {
	j.log.mu.RLock()
	defer j.log.mu.RUnlock()
	return j.log.room
}

// pending is an append that was started.
type pending struct {
	done   chan struct{} // closed when err is settled
	err    error
	waited atomic.Bool // somebody has learnt the outcome
}

// Wait implements journal.Pending.
func (p *pending) Wait() error {
	<-p.done
	p.waited.Store(true)
	return p.err
}

// durable is the outcome of every append that needs no waiting and did not fail.
var durable = func() *pending {
	p := &pending{done: make(chan struct{})}
	close(p.done)
	return p
}()

// Append implements journal.Journal. It never blocks.
func (j *Journal) Append(expect journal.Seq, rec []byte) journal.Pending {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closed {
		return journal.Failed(journal.ErrClosed)
	}
	l := j.log
	l.mu.Lock()
	defer l.mu.Unlock()

	fault := j.admit(expect, rec)
	if fault.Err == nil || fault.Applied {
		l.records = append(l.records, entry{rec: rec, lost: fault.Lost})
	}
	j.failure = fault.Err
	return j.settle(fault)
}

// admit decides the fate of an append and moves the chain if the record takes its place in the log. Both locks are held.
func (j *Journal) admit(expect journal.Seq, rec []byte) Fault {
	l := j.log
	if j.failure != nil && (expect > l.tail.Seq() || !j.newest.waited.Load()) {
		return Fault{Err: fmt.Errorf("an earlier append failed: %w", j.failure)}
	}
	next := l.tail
	if err := next.Admit(expect, rec); err != nil {
		return Fault{Err: err}
	}
	var fault Fault
	if l.hook != nil {
		fault = l.hook(expect+1, rec)
	}
	if l.room == journal.NoRoom && fault.Err == nil {
		fault = Fault{Err: journal.ErrFull}
	}
	if fault.Err == nil || fault.Applied {
		l.tail = next
		return fault
	}
	if errors.Is(fault.Err, journal.ErrConflict) && fault.Foreign != nil {
		if _, _, err := l.tail.Next(fault.Foreign); err != nil {
			panic(fmt.Sprintf("memjournal: foreign record does not continue the journal: %v", err))
		}
		l.records = append(l.records, entry{rec: fault.Foreign})
	}
	return fault
}

// settle makes the Pending of an append whose fate is decided, in order behind the earlier ones of this handle. Both locks
// are held.
func (j *Journal) settle(fault Fault) journal.Pending {
	before := j.newest
	upTo := j.log.base.Seq() + journal.Seq(len(j.log.records)) // all up to here become durable with this append
	if fault.Delay == nil && (before == nil || isClosed(before.done)) {
		j.log.harden(upTo)
		p := durable
		if fault.Err != nil {
			p = &pending{done: durable.done, err: fault.Err}
		}
		j.newest = p
		return p
	}
	p := &pending{done: make(chan struct{}), err: fault.Err}
	j.newest = p
	j.running.Go(func() {
		if fault.Delay != nil {
			fault.Delay()
		}
		if before != nil {
			<-before.done
		}
		j.log.mu.Lock()
		j.log.harden(upTo)
		j.log.mu.Unlock()
		close(p.done)
	})
	return p
}

// harden makes the records up to and including upTo durable. l.mu is held.
func (l *log) harden(upTo journal.Seq) {
	if upTo > l.last() {
		l.durable = int(upTo - l.base.Seq())
	}
}

func isClosed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

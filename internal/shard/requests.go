package shard

import (
	"context"
	"time"

	"github.com/staunchmq/staunch/internal/journal"
	"github.com/staunchmq/staunch/internal/queue"
)

// request is something that the loop is asked. decide is called once, by the loop; it ends in answer, now or with a record.
type request interface {
	decide(s *Shard)
	answer(err error)
	// answered reports whether answer was called.
	answered() bool
	// size is how many bytes of memory the request holds on to, roughly.
	size() int
}

// asked is the part that all requests have: who asks waits on done, then reads err and the results.
type asked struct {
	done chan struct{}
	err  error
}

func newAsked() asked { return asked{done: make(chan struct{})} }

// answer ends the request. An error that was decided earlier stays, unless the record that it waited for failed.
func (a *asked) answer(err error) {
	if err != nil {
		a.err = err
	}
	close(a.done)
}

func (a *asked) answered() bool {
	select {
	case <-a.done:
		return true
	default:
		return false
	}
}

// requestBytes is about what a request without content takes.
const requestBytes = 256

func (a *asked) size() int { return requestBytes }

func answerAll(requests []request, err error) {
	for _, r := range requests {
		r.answer(err)
	}
}

// to is a request to one partition.
type to struct {
	asked
	partition queue.ID
}

// addressee returns the partition that the request is to.
func (t *to) addressee() queue.ID { return t.partition }

// find returns the request's partition, which decide has brought to the present log time, and that time. Without one the request is answered with
// ErrNoPartition, and that waits too: the end of the partition may not be durable yet.
func (s *Shard) find(r request, t *to) (p *partition, now int64, ok bool) {
	p = s.partitions[t.partition]
	if p == nil {
		t.err = ErrNoPartition
		s.hold(r)
		return nil, 0, false
	}
	return p, s.now(), true
}

type configure struct {
	to
	settings queue.Settings
}

func (r *configure) decide(s *Shard) {
	p := s.partitions[r.partition]
	switch {
	case p == nil:
		p = s.newPartition(queue.New(r.partition))
		p.Configure(s.enter(p), s.building, r.settings)
	case p.Settings() != r.settings:
		p.Configure(s.now(), s.building, r.settings)
	}
	s.hold(r)
	s.leave(p)
}

func (s *Shard) newPartition(q *queue.Partition) *partition {
	p := &partition{Partition: q}
	s.partitions[q.ID()] = p
	return p
}

type drop struct{ to }

func (r *drop) decide(s *Shard) {
	if p := s.partitions[r.partition]; p != nil {
		s.building.drop(r.partition)
		s.removePartition(p)
	}
	s.hold(r)
}

func (s *Shard) removePartition(p *partition) {
	for w := p.waiters.first; w != nil; w = p.waiters.first {
		s.unpark(w)
		w.err = ErrNoPartition
		s.hold(w)
	}
	if p.timed {
		s.timers.Delete(p)
	}
	delete(s.partitions, p.ID())
}

type listPartitions struct {
	asked
	partitions map[queue.ID]queue.Settings
}

func (r *listPartitions) decide(s *Shard) {
	r.partitions = make(map[queue.ID]queue.Settings, len(s.partitions))
	for id, p := range s.partitions {
		r.partitions[id] = p.Settings()
	}
	s.hold(r)
}

// fence is decided after everything that came in before it, what waits for its partition included.
type fence struct{ asked }

func (r *fence) decide(s *Shard) { s.hold(r) }

type send struct {
	to
	messages []queue.NewMessage
	bytes    int
	results  []queue.SendResult
}

func (r *send) size() int { return r.bytes }

func (r *send) decide(s *Shard) {
	p, now, ok := s.find(r, &r.to)
	if !ok {
		return
	}
	r.results = make([]queue.SendResult, len(r.messages))
	for i, m := range r.messages {
		r.results[i] = p.Send(now, s.building, m)
	}
	s.hold(r)
	s.leave(p)
}

// receive is also the entry of a receive that waits.
type receive struct {
	to
	ctx     context.Context
	options queue.ReceiveOptions
	wait    bool
	waitEnd time.Time
	room    Room
	result  queue.ReceiveResult
	from    *partition // that of result

	// While it waits:
	parked     *partition
	number     uint64 // order of arrival
	prev, next *receive
}

func (r *receive) decide(s *Shard) {
	if err := r.ctx.Err(); err != nil {
		r.answer(err) // nobody would get the messages
		return
	}
	p, _, ok := s.find(r, &r.to)
	if !ok {
		return
	}
	switch {
	case !p.fit(r):
		r.answer(ErrOverloaded)
		s.retime(p)
		return // the receives that wait would find no room either
	case s.receive(p, r):
		s.hold(r)
	case !r.wait || s.noWaits:
		r.answer(r.err)
	default:
		s.replaceAttempt(r)
		if s.waiters.Len() >= s.options.WaitingMax {
			r.answer(ErrOverloaded)
		} else {
			s.park(p, r)
		}
	}
	s.leave(p)
}

// replaceAttempt ends the wait of an earlier receive of the same attempt, empty: its client has asked again (reference/sqs.md 8.4).
func (s *Shard) replaceAttempt(r *receive) {
	if w := s.attempts[r.attempt()]; w != nil {
		s.unpark(w)
		w.answer(nil)
	}
}

// fit lets a receive that has something to hand out take no more messages than there is room for, and reports whether that is any. Small ones
// need no room, if all that were read so far were small.
func (p *partition) fit(r *receive) bool {
	r.from = p
	if r.room == nil || !p.CanReceive() {
		return true
	}
	if small := r.room.Free() / int(max(1, p.largest.Load())); small < r.options.Max {
		r.options.Max = max(small, r.room.Fits(r.options.Max))
	}
	return r.options.Max > 0
}

// receive hands out what there is, and reports whether that was anything. Otherwise r.err may say why not.
func (s *Shard) receive(p *partition, r *receive) bool {
	result, err := p.Receive(s.now(), s.building, r.options)
	if err != nil {
		r.err = err
		if r.wait {
			r.err = nil // a long poll waits for messages in flight to come back or go
		}
		return false
	}
	r.result = result
	return len(result.Messages) > 0 || len(result.Dead) > 0
}

// giveUp ends the wait of a receive that nobody waits for any more.
type giveUp struct{ of *receive }

func (r *giveUp) decide(s *Shard) {
	if r.of.parked != nil {
		s.unpark(r.of)
		r.of.answer(context.Canceled)
	}
}

func (r *giveUp) answer(error)   {}
func (r *giveUp) answered() bool { return true }
func (r *giveUp) size() int      { return 0 }

type deletion struct {
	to
	handles []queue.Handle
	errs    []error
}

func (r *deletion) decide(s *Shard) {
	p, now, ok := s.find(r, &r.to)
	if !ok {
		return
	}
	r.errs = make([]error, len(r.handles))
	for i, h := range r.handles {
		r.errs[i] = p.Delete(now, s.building, h)
	}
	s.hold(r)
	s.leave(p)
}

type changeVisibility struct {
	to
	changes []queue.VisibilityChange
	errs    []error
}

func (r *changeVisibility) decide(s *Shard) {
	p, now, ok := s.find(r, &r.to)
	if !ok {
		return
	}
	r.errs = make([]error, len(r.changes))
	for i, c := range r.changes {
		r.errs[i] = p.ChangeVisibility(now, s.building, c)
	}
	s.hold(r)
	s.leave(p)
}

type purge struct {
	to
	interval time.Duration
}

func (r *purge) decide(s *Shard) {
	p, now, ok := s.find(r, &r.to)
	if !ok {
		return
	}
	r.err = p.Purge(now, s.building, r.interval.Milliseconds())
	s.hold(r)
	s.leave(p)
}

type statistics struct {
	to
	stats queue.Stats
}

func (r *statistics) decide(s *Shard) {
	p, _, ok := s.find(r, &r.to)
	if !ok {
		return
	}
	r.stats = p.Stats()
	s.leave(p)
	r.answer(nil)
}

// locate finds where a message is read from now.
type locate struct {
	to
	ref, at queue.Ref
}

func (r *locate) decide(s *Shard) {
	p, _, ok := s.find(r, &r.to)
	if !ok {
		return
	}
	r.at = p.Place(r.ref)
	s.leave(p)
	if journal.Seq(r.at.Record)+flightsMax > s.last {
		s.hold(r) // the copy may not be durable yet
		return
	}
	r.answer(nil)
}

type allStatistics struct {
	asked
	stats map[queue.ID]queue.Stats
}

func (r *allStatistics) decide(s *Shard) {
	r.stats = make(map[queue.ID]queue.Stats, len(s.partitions))
	for id, p := range s.partitions {
		r.stats[id] = p.Stats()
	}
	r.answer(nil)
}

type define struct {
	asked
	change []byte
	grows  bool
}

func (r *define) size() int { return requestBytes + len(r.change) }

func (r *define) decide(s *Shard) {
	s.building.define(r.change)
	s.hold(r)
}

// stopWaiting ends all waits, for good.
type stopWaiting struct{ asked }

func (r *stopWaiting) decide(s *Shard) {
	s.noWaits = true
	s.endAllWaits(nil)
	s.endRewrite(ErrUnavailable)
	r.answer(nil)
}

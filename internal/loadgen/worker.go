package loadgen

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"
)

// errRefused is a batch of which an entry failed.
var errRefused = errors.New("an entry of the batch failed")

// produce sends at the pace until that says that it is over. Of FIFO groups it sends those whose number is i modulo of.
func (r *run) produce(ctx context.Context, p *pace, i, of int) error {
	c, err := r.connect(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	random := rand.New(rand.NewPCG(r.o.Seed, uint64(i)+1))
	var request []byte
	text := make([]byte, 0, r.o.Batch*r.o.Size) // never grows, so that bodies stay where they are
	var list []outgoing
	for {
		n, due := p.next(ctx)
		if n == 0 {
			return nil
		}
		first := r.ledger.take(n)
		text, list = text[:0], list[:0]
		for k := range n {
			m, s := outgoing{group: -1}, stamp{number: first + uint64(k), due: due}
			if r.scenario.fifo {
				s.group = i + of*random.IntN((r.o.Groups-i+of-1)/of)
				m.group = s.group
			}
			text = r.bodies.append(text, s)
			m.body = text[k*r.o.Size:]
			list = append(list, m)
		}
		action := "SendMessage"
		if r.o.Batch == 1 {
			request = c.wire.appendSend(request[:0], list[0], first)
		} else {
			action = "SendMessageBatch"
			request = c.wire.appendSendBatch(request[:0], list, first)
		}
		answer, err := c.do(action, request)
		if err != nil {
			return err
		}
		if r.o.Batch > 1 && c.wire.refused(answer) {
			return fmt.Errorf("%s: %w: %s", action, errRefused, answer)
		}
		r.rec.note(opSend, due, r.now(), n)
		r.ledger.noteSent(first, n)
	}
}

// consume receives and deletes until a moment of the run, until there is enough, or until its context says that the phase is over.
func (r *run) consume(ctx context.Context, until time.Duration, enough *atomic.Bool, ahead *ahead) error {
	c, err := r.connect(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	w := &consumer{run: r, conn: c, ahead: ahead, max: r.o.Batch}
	if r.scenario.single {
		w.max = batchMax // only their sends are single
	}
	for r.now() < until && !enough.Load() {
		err := w.step()
		if errors.Is(context.Cause(ctx), errOver) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// consumer is what one consumer keeps between requests.
type consumer struct {
	run     *run
	conn    *conn
	ahead   *ahead
	max     int // messages of a receive
	request []byte
	list    []incoming
	numbers []uint64 // of the messages in list
}

// step receives once and deletes what came.
func (w *consumer) step() error {
	r, c := w.run, w.conn
	w.request = c.wire.appendReceive(w.request[:0], w.max, int(r.o.Wait/time.Second))
	begin := r.now()
	answer, err := c.do("ReceiveMessage", w.request)
	if err != nil {
		return err
	}
	now := r.now()
	if w.list, err = c.wire.received(answer, w.list[:0]); err != nil {
		return fmt.Errorf("ReceiveMessage: %w", err)
	}
	if len(w.list) == 0 {
		r.rec.noteEmpty(now)
		return nil
	}
	r.rec.note(opReceive, begin, now, len(w.list))
	w.check(now)
	return w.delete()
}

// check notes what was received, and keeps in the list what may be deleted.
func (w *consumer) check(now time.Duration) {
	r := w.run
	w.numbers = w.numbers[:0]
	kept := w.list[:0]
	for _, m := range w.list {
		s, foreign, damaged := r.bodies.parse(m.body)
		switch {
		case foreign:
			r.ledger.foreign.Add(1)
			continue
		case damaged:
			r.ledger.damaged.Add(1)
		default:
			r.ledger.noteReceived(s)
			r.rec.note(opDelivery, s.due, now, 1)
		}
		kept, w.numbers = append(kept, m), append(w.numbers, s.number)
	}
	w.list = kept
}

// delete deletes the messages of the list.
func (w *consumer) delete() error {
	r, c := w.run, w.conn
	if len(w.list) == 0 {
		return nil
	}
	action := "DeleteMessageBatch"
	if len(w.list) == 1 {
		action = "DeleteMessage"
		w.request = c.wire.appendDelete(w.request[:0], w.list[0].handle)
	} else {
		w.request = c.wire.appendDeleteBatch(w.request[:0], w.list)
	}
	begin := r.now()
	answer, err := c.do(action, w.request)
	if err != nil {
		return err
	}
	if len(w.list) > 1 && c.wire.refused(answer) {
		return fmt.Errorf("%s: %w: %s", action, errRefused, answer)
	}
	r.rec.note(opDelete, begin, r.now(), len(w.list))
	fresh := 0
	for _, number := range w.numbers {
		if r.ledger.noteDeleted(number) {
			fresh++
		}
	}
	w.ahead.deleted(fresh)
	return nil
}

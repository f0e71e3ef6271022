package main

import (
	"context"
	"sync"
	"time"
)

// message is one that was sent and not deleted.
type message struct {
	id   string // UUID
	md5  string
	body string
}

// queue hands each message out once.
type queue struct {
	mu       sync.Mutex // guards what follows
	next     uint64     // receipt handle of the next message that is handed out
	visible  []message
	head     int // of visible
	inFlight map[uint64]message
	waiting  []chan struct{} // receives that found nothing
}

func newQueue() *queue { return &queue{inFlight: make(map[uint64]message)} }

// put adds messages and wakes as many receives.
func (q *queue) put(list ...message) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.visible = append(q.visible, list...)
	n := min(len(list), len(q.waiting))
	for _, w := range q.waiting[:n] {
		close(w)
	}
	q.waiting = q.waiting[n:]
}

// take hands out up to n messages, with handles from first on, and waits for the first of them.
func (q *queue) take(ctx context.Context, n int, wait time.Duration) (list []message, first uint64) {
	var timeout <-chan time.Time
	for {
		q.mu.Lock()
		if q.head < len(q.visible) || wait == 0 {
			list, first = q.handOut(n)
			q.mu.Unlock()
			return list, first
		}
		arrived := make(chan struct{})
		q.waiting = append(q.waiting, arrived)
		q.mu.Unlock()
		if timeout == nil {
			timer := time.NewTimer(wait)
			defer timer.Stop()
			timeout = timer.C
		}
		select {
		case <-arrived:
		case <-timeout:
			wait = 0
		case <-ctx.Done():
			wait = 0
		}
	}
}

func (q *queue) handOut(n int) (list []message, first uint64) {
	list = append(list, q.visible[q.head:min(q.head+n, len(q.visible))]...)
	clear(q.visible[q.head : q.head+len(list)])
	q.head += len(list)
	if q.head > len(q.visible)/2 {
		q.visible = append(q.visible[:0], q.visible[q.head:]...)
		q.head = 0
	}
	first = q.next
	q.next += uint64(len(list))
	for i, m := range list {
		q.inFlight[first+uint64(i)] = m
	}
	return list, first
}

// remove deletes a message and tells whether it was there.
func (q *queue) remove(handle uint64) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	_, ok := q.inFlight[handle]
	delete(q.inFlight, handle)
	return ok
}

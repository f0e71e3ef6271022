package shard

import "github.com/staunchmq/staunch/internal/queue"

type beginMove struct {
	to
	max    int
	target queue.ID
	moves  []queue.Move
}

func (r *beginMove) decide(s *Shard) {
	p, now, ok := s.find(r, &r.to)
	if !ok {
		return
	}
	for _, d := range p.BeginMove(now, s.building, r.max, r.target) {
		r.moves = append(r.moves, queue.Move{Delivery: d, Target: r.target})
	}
	s.hold(r)
	s.leave(p)
}

type listMoving struct {
	to
	after queue.Ref
	max   int
	moves []queue.Move
}

func (r *listMoving) decide(s *Shard) {
	p, _, ok := s.find(r, &r.to)
	if !ok {
		return
	}
	r.moves = p.Moving(r.after, r.max)
	s.hold(r)
	s.leave(p)
}

type stillMoving struct {
	to
	moves, still []queue.Move
}

func (r *stillMoving) decide(s *Shard) {
	p, _, ok := s.find(r, &r.to)
	if !ok {
		return
	}
	r.still = p.StillMoving(r.moves)
	s.hold(r)
	s.leave(p)
}

type arrive struct {
	to
	arrivals []Arrival
}

func (r *arrive) size() int {
	n := requestBytes
	for i := range r.arrivals {
		n += messageBytes + len(r.arrivals[i].Message.Content)
	}
	return n
}

func (r *arrive) decide(s *Shard) {
	p, now, ok := s.find(r, &r.to)
	if !ok {
		return
	}
	for _, a := range r.arrivals {
		p.Arrive(now, s.building, a.Origin, a.Message)
	}
	s.hold(r)
	s.leave(p)
}

type endMove struct {
	to
	refs  []queue.Ref
	moved bool
}

func (r *endMove) decide(s *Shard) {
	p, now, ok := s.find(r, &r.to)
	if !ok {
		return
	}
	p.EndMove(now, s.building, r.refs, r.moved)
	s.hold(r)
	s.leave(p)
}

type settle struct {
	to
	origins []queue.Origin
}

func (r *settle) decide(s *Shard) {
	p, now, ok := s.find(r, &r.to)
	if !ok {
		return
	}
	p.Settle(now, s.building, r.origins)
	s.hold(r)
	s.leave(p)
}

type listUnsettled struct {
	to
	origins []queue.Origin
}

func (r *listUnsettled) decide(s *Shard) {
	p, _, ok := s.find(r, &r.to)
	if !ok {
		return
	}
	r.origins = p.Unsettled()
	s.hold(r)
	s.leave(p)
}

package shard

import (
	"context"
	"testing"
	"time"

	"github.com/staunchmq/staunch/internal/clock"
	"github.com/staunchmq/staunch/internal/journal/memjournal"
	"github.com/staunchmq/staunch/internal/queue"
)

func TestSmoke(t *testing.T) {
	j := memjournal.New(0)
	s, err := Open(t.Context(), Options{Journal: j, Clock: clock.System()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	c := t.Context()
	if err := s.Configure(c, 1, queue.Settings{VisibilityTimeout: 30000, Retention: 345600000}); err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		r, err := s.Send(c, 1, []SendMessage{{ID: queue.MessageID{byte(i)}, Content: []byte{byte('a' + i)}}})
		t.Log(r, err)
	}
	r, err := s.Receive(c, 1, ReceiveRequest{Max: 3})
	t.Log(r, err)
	errs, err := s.Delete(c, 1, []queue.Handle{r.Messages[0].Handle})
	t.Log(errs, err)
	go func() { time.Sleep(10 * time.Millisecond); s.Send(c, 1, []SendMessage{{Content: []byte("x")}}) }()
	r, err = s.Receive(c, 1, ReceiveRequest{Max: 10})
	t.Log(r, err)
	r, err = s.Receive(c, 1, ReceiveRequest{Max: 10, Wait: time.Second})
	t.Log(r, err)
	st, err := s.Stats(c, 1)
	t.Log(st, err)
	cancel()
	t.Log(<-done)
}

package main

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// natsBroker is a JetStream stream that keeps messages until they are acknowledged.
type natsBroker struct {
	url string
	mu  sync.Mutex // guards all
	all []*nats.Conn
}

const (
	natsStream  = "bench"
	natsSubject = "bench"
	natsDurable = "bench"
)

func newNATS(ctx context.Context, address string) (broker, error) {
	b := &natsBroker{url: "nats://" + address}
	js, err := b.connect()
	if err != nil {
		return nil, err
	}
	_ = js.DeleteStream(ctx, natsStream) // of the last run
	if _, err = js.CreateStream(ctx, jetstream.StreamConfig{
		Name: natsStream, Subjects: []string{natsSubject}, Retention: jetstream.WorkQueuePolicy, Storage: jetstream.FileStorage,
	}); err != nil {
		return nil, err
	}
	_, err = js.CreateConsumer(ctx, natsStream, jetstream.ConsumerConfig{
		Durable: natsDurable, AckPolicy: jetstream.AckExplicitPolicy, AckWait: time.Hour, MaxAckPending: -1,
	})
	return b, err
}

func (b *natsBroker) connect() (jetstream.JetStream, error) {
	c, err := nats.Connect(b.url)
	if err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.all = append(b.all, c)
	return jetstream.New(c)
}

func (b *natsBroker) producer(context.Context) (func(context.Context, [][]byte) error, error) {
	js, err := b.connect()
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, bodies [][]byte) error {
		var acks []jetstream.PubAckFuture
		for _, body := range bodies {
			ack, err := js.PublishAsync(natsSubject, body)
			if err != nil {
				return err
			}
			acks = append(acks, ack)
		}
		for _, ack := range acks {
			select {
			case <-ack.Ok():
			case err := <-ack.Err():
				return err
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	}, nil
}

func (b *natsBroker) consumer(ctx context.Context) (func(context.Context, int) ([][]byte, func() error, error), error) {
	js, err := b.connect()
	if err != nil {
		return nil, err
	}
	consumer, err := js.Consumer(ctx, natsStream, natsDurable)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, n int) (bodies [][]byte, ack func() error, err error) {
		// Next waits for one; what is there besides comes at once.
		first, err := consumer.Next(jetstream.FetchMaxWait(time.Second))
		if errors.Is(err, nats.ErrTimeout) || errors.Is(err, jetstream.ErrNoMessages) {
			return nil, nil, nil
		}
		if err != nil {
			return nil, nil, err
		}
		list := []jetstream.Msg{first}
		if n > 1 {
			rest, err := consumer.FetchNoWait(n - 1)
			if err != nil {
				return nil, nil, err
			}
			for m := range rest.Messages() {
				list = append(list, m)
			}
			if err := rest.Error(); err != nil {
				return nil, nil, err
			}
		}
		for _, m := range list {
			bodies = append(bodies, m.Data())
		}
		return bodies, func() error {
			for _, m := range list[:len(list)-1] {
				if err := m.Ack(); err != nil {
					return err
				}
			}
			return list[len(list)-1].DoubleAck(ctx) // answered: so are those before it
		}, nil
	}, nil
}

func (b *natsBroker) close() {
	for _, c := range b.all {
		c.Close()
	}
}

package main

import (
	"context"
	"errors"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

// rabbitBroker is a quorum queue.
type rabbitBroker struct{ url string }

const rabbitQueue = "bench"

func newRabbit(_ context.Context, address string) (broker, error) {
	b := &rabbitBroker{url: "amqp://guest:guest@" + address + "/"}
	_, channel, err := b.open()
	if err != nil {
		return nil, err
	}
	if _, err := channel.QueueDelete(rabbitQueue, false, false, false); err != nil {
		return nil, err
	}
	_, err = channel.QueueDeclare(rabbitQueue, true, false, false, false, amqp.Table{"x-queue-type": "quorum"})
	return b, err
}

func (b *rabbitBroker) open() (*amqp.Connection, *amqp.Channel, error) {
	c, err := amqp.Dial(b.url)
	if err != nil {
		return nil, nil, err
	}
	channel, err := c.Channel()
	return c, channel, err
}

func (b *rabbitBroker) producer(context.Context) (func(context.Context, [][]byte) error, error) {
	_, channel, err := b.open()
	if err != nil {
		return nil, err
	}
	if err := channel.Confirm(false); err != nil {
		return nil, err
	}
	return func(ctx context.Context, bodies [][]byte) error {
		var confirms []*amqp.DeferredConfirmation
		for _, body := range bodies {
			c, err := channel.PublishWithDeferredConfirmWithContext(ctx, "", rabbitQueue, true, false, amqp.Publishing{DeliveryMode: amqp.Persistent, Body: body})
			if err != nil {
				return err
			}
			confirms = append(confirms, c)
		}
		for _, c := range confirms {
			if ok, err := c.WaitContext(ctx); err != nil || !ok {
				return errors.Join(err, errors.New("a message was not confirmed"))
			}
		}
		return nil
	}, nil
}

func (b *rabbitBroker) consumer(ctx context.Context) (func(context.Context, int) ([][]byte, func() error, error), error) {
	_, channel, err := b.open()
	if err != nil {
		return nil, err
	}
	if err := channel.Qos(20, 0, false); err != nil { // two batches
		return nil, err
	}
	deliveries, err := channel.ConsumeWithContext(ctx, rabbitQueue, "", false, false, false, false, nil)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, n int) (bodies [][]byte, ack func() error, err error) {
		timer := time.NewTimer(time.Second)
		defer timer.Stop()
		var last amqp.Delivery
		for len(bodies) < n {
			var d amqp.Delivery
			ok := true
			if len(bodies) == 0 {
				select {
				case d, ok = <-deliveries:
				case <-timer.C:
					return nil, nil, nil
				case <-ctx.Done():
					return nil, nil, ctx.Err()
				}
			} else {
				select {
				case d, ok = <-deliveries:
				default:
					return bodies, func() error { return last.Ack(true) }, nil
				}
			}
			if !ok {
				return nil, nil, errors.New("the channel is closed")
			}
			bodies, last = append(bodies, d.Body), d
		}
		return bodies, func() error { return last.Ack(true) }, nil // all up to the last
	}, nil
}

func (b *rabbitBroker) close() {}

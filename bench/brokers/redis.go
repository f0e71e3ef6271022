package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// redisBroker is a stream with one consumer group. Its server is to run with appendonly and appendfsync always.
type redisBroker struct{ client *redis.Client }

const redisStream, redisGroup, redisField = "bench", "bench", "b"

func newRedis(ctx context.Context, address string) (broker, error) {
	c := redis.NewClient(&redis.Options{Addr: address, PoolSize: 1000})
	if err := c.Del(ctx, redisStream).Err(); err != nil {
		return nil, err
	}
	err := c.XGroupCreateMkStream(ctx, redisStream, redisGroup, "0").Err()
	return &redisBroker{c}, err
}

func (b *redisBroker) producer(context.Context) (func(context.Context, [][]byte) error, error) {
	return func(ctx context.Context, bodies [][]byte) error {
		_, err := b.client.Pipelined(ctx, func(p redis.Pipeliner) error {
			for _, body := range bodies {
				p.XAdd(ctx, &redis.XAddArgs{Stream: redisStream, Values: []any{redisField, body}})
			}
			return nil
		})
		return err
	}, nil
}

func (b *redisBroker) consumer(context.Context) (func(context.Context, int) ([][]byte, func() error, error), error) {
	return func(ctx context.Context, n int) (bodies [][]byte, ack func() error, err error) {
		streams, err := b.client.XReadGroup(ctx, &redis.XReadGroupArgs{
			Group: redisGroup, Consumer: "bench", Streams: []string{redisStream, ">"}, Count: int64(n), Block: time.Second,
		}).Result()
		if errors.Is(err, redis.Nil) {
			return nil, nil, nil
		}
		if err != nil || len(streams) == 0 {
			return nil, nil, err
		}
		var ids []string
		for _, m := range streams[0].Messages {
			text, ok := m.Values[redisField].(string)
			if !ok {
				return nil, nil, errors.New("an entry of another form: " + strings.Join(ids, " "))
			}
			bodies, ids = append(bodies, []byte(text)), append(ids, m.ID)
		}
		return bodies, func() error {
			_, err := b.client.Pipelined(ctx, func(p redis.Pipeliner) error {
				p.XAck(ctx, redisStream, redisGroup, ids...)
				p.XDel(ctx, redisStream, ids...)
				return nil
			})
			return err
		}, nil
	}, nil
}

func (b *redisBroker) close() { _ = b.client.Close() }

package memjournal

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/staunchmq/staunch/internal/journal"
)

// checkpoints keeps the checkpoints of one shard, in the format of the ones on disk. It implements journal.Checkpoints.
type checkpoints struct {
	shard uint32

	mu     sync.Mutex
	stored map[journal.Seq][]byte
}

func newCheckpoints(shard uint32) *checkpoints {
	return &checkpoints{shard: shard, stored: map[journal.Seq][]byte{}}
}

func (c *checkpoints) clone() *checkpoints {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := newCheckpoints(c.shard)
	for seq, b := range c.stored {
		n.stored[seq] = b
	}
	return n
}

// Save implements journal.Checkpoints.
func (c *checkpoints) Save(ctx context.Context, seq journal.Seq, write func(io.Writer) error) error {
	if seq == 0 {
		return fmt.Errorf("%w: a checkpoint needs a record number", journal.ErrInvalid)
	}
	var b bytes.Buffer
	if err := journal.WriteCheckpoint(&b, c.shard, seq, write); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stored[seq] = bytes.Clone(b.Bytes())
	list := c.list()
	for _, old := range list[min(journal.CheckpointsKept, len(list)):] {
		delete(c.stored, old)
	}
	return nil
}

// List implements journal.Checkpoints.
func (c *checkpoints) List(ctx context.Context) ([]journal.Seq, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.list(), ctx.Err()
}

// list returns the numbers, newest first. c.mu is held.
func (c *checkpoints) list() []journal.Seq {
	var list []journal.Seq
	for seq := range c.stored {
		list = append(list, seq)
	}
	slices.Sort(list)
	slices.Reverse(list)
	return list
}

// Load implements journal.Checkpoints.
func (c *checkpoints) Load(ctx context.Context, seq journal.Seq) (io.ReadCloser, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c.mu.Lock()
	b, ok := c.stored[seq]
	c.mu.Unlock()
	if !ok {
		return nil, fmt.Errorf("%w: checkpoint %d of shard %d", journal.ErrNotFound, seq, c.shard)
	}
	return journal.ReadCheckpoint(bytes.NewReader(b), int64(len(b)), c.shard, seq)
}

// AlterCheckpoint replaces the stored bytes of a checkpoint by what f returns, so that tests can damage it. f gets a copy.
func (j *Journal) AlterCheckpoint(seq journal.Seq, f func(b []byte) []byte) error {
	c := j.checkpoints
	c.mu.Lock()
	defer c.mu.Unlock()
	b, ok := c.stored[seq]
	if !ok {
		return fmt.Errorf("%w: checkpoint %d of shard %d", journal.ErrNotFound, seq, c.shard)
	}
	c.stored[seq] = f(bytes.Clone(b))
	return nil
}

package journal

import (
	"context"
	"io"
)

// View is what the journals of all shards held at one moment: for each shard the records up to one of them, and checkpoints. If
// a record is in it, then everything that its writer knew to be durable when it was written is in it too, in every shard. It
// does not change: what is trimmed or replaced meanwhile can still be read.
//
// A View may lie on a disk or come out of a stream, so it is read in one order, once: the shards by their numbers, and of each
// the checkpoints as they are listed, then the records. A View belongs to one goroutine.
type View interface {
	// Shards returns the number of shards.
	Shards() int

	// Shard returns the view of one shard. ErrDamaged means that nothing of this shard can be read; others may.
	Shard(ctx context.Context, shard uint32) (ShardView, error)

	// Close releases what the view holds.
	Close() error
}

// ShardView is one shard of a View.
type ShardView interface {
	// Base returns how the trimmed records ended: its Seq is the number of the newest trimmed record, 0 if there is none.
	Base() Chain

	// Last returns the number of the newest record; it is Base's if there are no records.
	Last() Seq

	// Checkpoints returns the numbers of the stored checkpoints, newest first. None is beyond Last.
	Checkpoints() []Seq

	// Load returns the state of one of them, as Checkpoints.Load does. On a disk damage is a *DamagedError from Load; in a stream
	// it may be one from reading the state.
	Load(ctx context.Context, seq Seq) (io.ReadCloser, error)

	// Read calls fn for each record from number from up to Last, as Journal.Read does. A from before the first is the first.
	Read(ctx context.Context, from Seq, fn func(Seq, []byte) error) error
}

package shard

import (
	"encoding/binary"
	"fmt"

	"github.com/staunchmq/staunch/internal/journal"
	"github.com/staunchmq/staunch/internal/queue"
)

// A change of a record begins with the number of its partition; 0 stands for the shard itself, and then the kind follows.
const shardItself = queue.ID(0)

const (
	kindDropped    byte = 1 // uvarint partition
	kindDefinition byte = 2 // a change of the Definitions
	kindTime       byte = 3 // varint Unix ms: the log time of what follows in this record
)

const (
	// flushBytes is the size at which a record is handed to the journal while another is still on its way.
	flushBytes = 128 << 10
	// heldMax is how many answers can wait for one record.
	heldMax = 64 << 10
)

// record is the record that is being built. It is the queue.Log that partitions write to.
type record struct {
	builder journal.Builder
	// time is the log time, in Unix ms, and written the one that the changes so far say. The header has that of the first change.
	time, written int64
	// requests are answered when the record is durable.
	requests []request
	// definitions are applied when the record is durable.
	definitions [][]byte
	// grows says that the record brings something new, messages for instance, rather than taking something away.
	grows bool
}

func (r *record) empty() bool { return r.builder.Changes() == 0 && len(r.requests) == 0 }

func (r *record) full() bool { return r.builder.Len() >= flushBytes || len(r.requests) >= heldMax }

// Begin opens a change of partition p.
func (r *record) Begin(p queue.ID) []byte {
	r.writeTime()
	r.builder.Begin()
	return binary.AppendUvarint(r.builder.Buf, uint64(p))
}

// End closes the change and returns its Ref.
func (r *record) End(buffer []byte) queue.Ref {
	r.builder.Buf = buffer
	r.builder.End()
	return queue.Ref{Record: uint64(r.builder.Header.Seq), Index: uint32(r.builder.Changes() - 1)}
}

// writeTime lets the changes that follow have the present log time.
func (r *record) writeTime() {
	if r.builder.Changes() == 0 {
		r.builder.Header.LogTimeMS, r.written = r.time, r.time
	}
	if r.written != r.time {
		r.written = r.time
		r.mark()
	}
}

// mark makes a change that changes nothing: the present log time.
func (r *record) mark() {
	b := append(r.Begin(shardItself), kindTime)
	r.End(binary.AppendVarint(b, r.time))
}

func (r *record) drop(p queue.ID) {
	b := append(r.Begin(shardItself), kindDropped)
	r.End(binary.AppendUvarint(b, uint64(p)))
}

func (r *record) define(change []byte) {
	b := append(r.Begin(shardItself), kindDefinition)
	r.End(append(b, change...))
	r.definitions = append(r.definitions, change)
}

// splitChange returns the partition of a change and what follows.
func splitChange(change []byte) (queue.ID, []byte, error) {
	id, n := binary.Uvarint(change)
	if n <= 0 {
		return 0, nil, fmt.Errorf("change of %d bytes does not begin with a partition", len(change))
	}
	return queue.ID(id), change[n:], nil
}

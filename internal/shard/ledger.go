package shard

import (
	"context"
	"encoding/binary"
	"errors"
	"slices"

	"github.com/staunchmq/staunch/internal/journal"
	"github.com/staunchmq/staunch/internal/queue"
)

// blockRecords is how many records the ledger counts together: few enough that their messages are of one kind, and enough that the
// ledger of ten million records takes a few MB.
const blockRecords = 64

// ledger knows how many bytes the journal's records have, and how many of them are messages. It is no part of the state: nothing depends on
// it but when the journal is cleaned. Checkpoints carry it, because the records before them are not read again.
type ledger struct {
	first  uint64 // number of the first block
	blocks []block
	bytes  int64 // of all blocks
}

// block is what blockRecords consecutive records hold. The number of a block is that of its first record by blockRecords.
type block struct {
	bytes        int64
	messages     int64
	messageBytes int64 // of the changes with messages
}

func blockOf(seq journal.Seq) uint64 { return uint64(seq) / blockRecords }

// begin and end return the first and the last record of a block, by its place in blocks.
func (l *ledger) begin(i int) journal.Seq { return journal.Seq((l.first + uint64(i)) * blockRecords) }

func (l *ledger) end(i int) journal.Seq { return journal.Seq((l.first+uint64(i)+1)*blockRecords - 1) }

// find returns the place of a record's block in blocks.
func (l *ledger) find(seq journal.Seq) (i int, ok bool) {
	n := blockOf(seq)
	if n < l.first || n-l.first >= uint64(len(l.blocks)) {
		return 0, false
	}
	return int(n - l.first), true
}

// add counts a record, which comes after all others.
func (l *ledger) add(seq journal.Seq, rec []byte) {
	if len(l.blocks) == 0 {
		l.first = blockOf(seq)
	}
	for _, ok := l.find(seq); !ok; _, ok = l.find(seq) {
		l.blocks = append(l.blocks, block{})
	}
	b := &l.blocks[len(l.blocks)-1]
	b.bytes += int64(len(rec))
	l.bytes += int64(len(rec))
	for changes := rec[journal.HeaderBytes:]; len(changes) > changePrefixBytes; {
		end := changePrefixBytes + int(binary.LittleEndian.Uint32(changes))
		id, n := binary.Uvarint(changes[changePrefixBytes:end])
		if queue.ID(id) != shardItself && queue.HoldsMessage(changes[changePrefixBytes+n:end]) {
			b.messages++
			b.messageBytes += int64(end)
		}
		changes = changes[end:]
	}
}

// clone returns a copy that does not change any more.
func (l *ledger) clone() ledger {
	return ledger{first: l.first, blocks: slices.Clone(l.blocks), bytes: l.bytes}
}

// trim forgets the blocks of records that were trimmed.
func (l *ledger) trim(upTo journal.Seq) {
	n := 0
	for n < len(l.blocks) && l.end(n) <= upTo {
		l.bytes -= l.blocks[n].bytes
		n++
	}
	l.first += uint64(n)
	l.blocks = l.blocks[n:] // the next growth leaves the rest behind
}

// liveBytes estimates what the live messages of block i take. Their number is exact, their size is the mean of the block.
func (l *ledger) liveBytes(i int, messages int64) int64 {
	b := &l.blocks[i]
	if messages == 0 || b.messages == 0 {
		return 0
	}
	return int64(float64(b.messageBytes) / float64(b.messages) * float64(min(messages, b.messages)))
}

// messageMean returns the mean size of a message, of all that the records hold.
func (l *ledger) messageMean() float64 {
	var messages, bytes int64
	for i := range l.blocks {
		messages += l.blocks[i].messages
		bytes += l.blocks[i].messageBytes
	}
	return float64(bytes) / float64(max(messages, 1))
}

// bytesAfter returns what the blocks take that begin after a record.
func (l *ledger) bytesAfter(seq journal.Seq) (bytes int64) {
	for i := range l.blocks {
		if l.begin(i) > seq {
			bytes += l.blocks[i].bytes
		}
	}
	return bytes
}

func (l *ledger) append(b []byte) []byte {
	b = binary.AppendUvarint(b, l.first)
	b = binary.AppendUvarint(b, uint64(len(l.blocks)))
	for i := range l.blocks {
		b = binary.AppendUvarint(b, uint64(l.blocks[i].bytes))
		b = binary.AppendUvarint(b, uint64(l.blocks[i].messages))
		b = binary.AppendUvarint(b, uint64(l.blocks[i].messageBytes))
	}
	return b
}

func (d *decoder) ledger() ledger {
	l := ledger{first: d.uvarint()}
	for n := d.uvarint(); n > 0 && d.err == nil; n-- {
		b := block{bytes: int64(d.uvarint()), messages: int64(d.uvarint()), messageBytes: int64(d.uvarint())}
		l.blocks = append(l.blocks, b)
		l.bytes += b.bytes
	}
	return l
}

// countRecords makes the ledger of the records up to seq for a checkpoint that came without one: those of the first version did. It reads
// them all, once.
func (s *Shard) countRecords(ctx context.Context, seq journal.Seq) error {
	first, _, err := s.options.Journal.Tail(ctx)
	if err != nil || first > seq {
		return err
	}
	s.log.Info("counting the journal, because its checkpoint is an old one", "records", uint64(seq-first+1))
	err = s.options.Journal.Read(ctx, first, func(at journal.Seq, rec []byte) error {
		if at > seq {
			return errCounted
		}
		s.ledger.add(at, rec)
		return nil
	})
	switch {
	case err == nil || errors.Is(err, errCounted):
		return nil
	case errors.Is(err, journal.ErrDamaged):
		// The state does not need these records. What a message in them is asked for will name the damage again.
		s.log.Error("a record before the checkpoint is damaged", "error", err)
		return nil
	default:
		return err
	}
}

var errCounted = errors.New("counted")

package pebblejournal

import (
	"encoding/binary"

	"github.com/cockroachdb/pebble/v2"

	"github.com/staunchmq/staunch/internal/journal"
)

const (
	keyBytes  = 12
	markShard = 1<<32 - 1 // no shard has this number
)

// key returns the key of a record.
func key(shard uint32, seq journal.Seq) []byte {
	b := make([]byte, 0, keyBytes)
	b = binary.BigEndian.AppendUint32(b, shard)
	return binary.BigEndian.AppendUint64(b, uint64(seq))
}

// markKey returns the key of a shard's trim mark. Marks lie apart from the records: they change often, and a table file with
// a mark and new records would span all records of the shard.
func markKey(shard uint32) []byte { return key(markShard, journal.Seq(shard)) }

// keySeq returns the record number in a key of ours, and whether it is one.
func keySeq(k []byte) (journal.Seq, bool) {
	if len(k) != keyBytes {
		return 0, false
	}
	return journal.Seq(binary.BigEndian.Uint64(k[4:])), true
}

// shardEnd returns the key behind all records of a shard.
func shardEnd(shard uint32) []byte { return key(shard+1, 0) }

// splitTables is a pebble.SpanPolicyFunc whose only purpose is the end key: where a table file must end that begins at start.
// It ends them at shards, so that the files of one shard hardly ever overlap and compactions move them instead of rewriting
// them; and at the oldest record of a shard, so that the range delete of a trim is in a file of its own, which overlaps with
// what is to be deleted and not with all that has been written since.
func (s *Store) splitTables(start []byte) (pebble.SpanPolicy, []byte, error) {
	policy := pebble.SpanPolicy{DisableValueSeparationBySuffix: true}
	seq, ok := keySeq(start)
	if !ok {
		return policy, nil, nil
	}
	shard := binary.BigEndian.Uint32(start)
	if int64(shard) >= int64(len(s.firsts)) { // the trim marks
		return policy, nil, nil
	}
	if first := journal.Seq(s.firsts[shard].Load()); seq < first {
		return policy, key(shard, first), nil
	}
	return policy, shardEnd(shard), nil
}

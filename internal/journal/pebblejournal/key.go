package pebblejournal

import (
	"encoding/binary"

	"github.com/cockroachdb/pebble/v2"

	"github.com/staunchmq/staunch/internal/journal"
)

const keyBytes = 12

// key returns the key of a record, or, for number 0, of the shard's trim mark.
func key(shard uint32, seq journal.Seq) []byte {
	b := make([]byte, 0, keyBytes)
	b = binary.BigEndian.AppendUint32(b, shard)
	return binary.BigEndian.AppendUint64(b, uint64(seq))
}

// keySeq returns the record number in a key of ours, and whether it is one.
func keySeq(k []byte) (journal.Seq, bool) {
	if len(k) != keyBytes {
		return 0, false
	}
	return journal.Seq(binary.BigEndian.Uint64(k[4:])), true
}

// shardEnd returns the key behind all keys of a shard.
func shardEnd(shard uint32) []byte {
	if shard == 1<<32-1 {
		return []byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	}
	return key(shard+1, 0)
}

// splitAtShards is a pebble.SpanPolicyFunc whose only purpose is the end key: a table file never holds records of two
// shards. So the files of one shard never overlap, compactions move them instead of rewriting them, and a trim removes
// whole files.
func splitAtShards(start []byte) (pebble.SpanPolicy, []byte, error) {
	if len(start) < 4 {
		return pebble.SpanPolicy{}, nil, nil
	}
	return pebble.SpanPolicy{DisableValueSeparationBySuffix: true}, shardEnd(binary.BigEndian.Uint32(start)), nil
}

// Package journal says what a journal is: the durable order of one shard's records, the byte format of a record, and the
// store of a shard's checkpoints. It does not know queues, messages or disks: a change is an opaque byte slice here, and
// the subpackages memjournal and pebblejournal decide where the bytes lie.
//
//	shard loop --Append--> | rec 1 | rec 2 | ... | rec N | rec N+1 (being synced)
//	                         ^first                 ^last: the newest durable record
//
// One goroutine, the owner of the shard, calls Append; Read, Get, Tail, Trim and Checkpoints may be called from any
// goroutine at any time.
//
// # Record format, version 1
//
// All integers are little-endian. A record is a header of 64 bytes and a body.
//
//	offset  bytes  field
//	     0      4  magic "STRC"
//	     4      2  format version: 1
//	     6      2  flags: 0 (a reader refuses flags that it does not know)
//	     8      4  shard id
//	    12      4  number of changes
//	    16      8  epoch of the owner that wrote the record; never decreases
//	    24      8  own number; the first record of a shard is 1, the next 2
//	    32      8  log time, milliseconds since 1970 (signed); never decreases
//	    40     16  hash of the previous record: XXH3-128 of all its bytes, high half first; zero in record 1
//	    56      4  body length
//	    60      4  CRC-32C (Castagnoli) of bytes 0-59 followed by the body
//	    64      -  body: for each change 4 bytes length and then the change
//
// Magic, version and CRC keep their places in every later version, so that a damaged record is never mistaken for a newer one.
//
// The CRC finds damage in one record, so that a single Get is safe. Own number and hash chain find a record that is
// missing, doubled, from another shard, or left over from a history that was cut off, so that a replay is safe.
//
// # Checkpoint format, version 1
//
//	offset  bytes  field
//	     0      4  magic "STCK"
//	     4      2  format version: 1
//	     6      2  flags: 0
//	     8      4  shard id
//	    12      4  zero
//	    16      8  number of the record that the state follows
//	    24      -  the state, one zstd frame with its own checksum
//	   -32      8  length of the state before compression
//	   -24      8  number of bytes before this trailer
//	   -16     16  XXH3-128, high half first, of everything before this field
package journal

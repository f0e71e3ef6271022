// Package pebblejournal keeps the journals of all shards of one node on a local disk, in one Pebble database that is used as
// a log: sequential keys, synced appends, range deletes. It knows records and checkpoints, not what is in them.
//
// # The data directory
//
//	<dir>/FORMAT                       text: version of this layout, number of shards, CRC; written once
//	<dir>/TAILS                        text: how far each journal goes at least, CRC; see tails.go
//	<dir>/LOCK                         locked while a process uses the directory
//	<dir>/journal/                     Pebble
//	<dir>/checkpoints/<shard>/<number>.ckpt
//
// FORMAT is read before anything else is touched, so a directory of a newer version is refused as it is.
//
// # Keys
//
//	shard (4 bytes, big endian)  record number (8 bytes, big endian)  ->  record
//	ffffffff                     shard (8 bytes, big endian)          ->  how the trimmed records ended (journal.Chain)
//
// # Durability, and what happens when the disk fails
//
// An append is a batch in Pebble's write-ahead log, and Wait returns nil after the fsync of that log and not before. One
// fsync covers whatever all shards appended meanwhile.
//
// After a failed write or fsync nobody knows what is on the disk, and asking the kernel again is no answer (it may have
// dropped the pages and forgotten the error). So the first such error of the write-ahead log, of the manifest or of a directory
// makes the whole Store failed, for good: it is logged, Failed is closed, every append that is not yet known to be durable
// ends in ErrUnknown, and what is on disk stays as if the process had ended there. Reads go on. Opening the directory again
// replays what is there and syncs it anew. Between the disk and Pebble stands a file system (guard.go) that does this:
// Pebble itself would end the process, in places without an answer to those who wait.
//
// Damage of the write-ahead log is told from a write that a crash has cut off (logcheck.go), except in what the very last fsync
// wrote. Damage of the manifest is told in the same way (manifestcheck.go), and if it is in its last edit, by what is missing then
// (tails.go). Under a store that is open both can be read as far as they are synced (livecheck.go). Damage elsewhere is found by Pebble's block checksums and by the records themselves.
//
// Errors of table files are not of that kind once the database is open: the write-ahead log still has what they should hold. Pebble tries
// again until it succeeds; meanwhile Append may block. What Pebble still declares fatal after all that is a defect in it: the Store fails
// and the process ends with a panic.
//
// A full disk is not such an error. Below Options.ReserveBytes of free space Room tells the owners of journals to take in nothing
// new; what they do to free space goes on. Below half of that an append is refused with ErrFull, exactly and again and again (space.go).
// The other half is for Pebble's own flushes, for Trim, and for checkpoints, which free space in the end. If somebody
// else takes even that, writes wait until there is space (guard.go).
package pebblejournal

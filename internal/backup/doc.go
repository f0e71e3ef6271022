// Package backup is the form of a backup: everything that a view of the journals holds, as one stream that can be read once, from
// front to back, and that says at its end whether it is whole.
//
//	journal.View ──Write──► stream ──Open──► Archive, which is a journal.View
//
// So whatever works on a data directory works on a backup: a check, a listing, a copy. The package knows records and checkpoints,
// not what is in them.
//
// # Format, version 1
//
// A zstd stream of a tar archive, which tar and zstd can list and unpack. Its entries, in this order:
//
//	BACKUP                       JSON: format version, when and by what it was written, first and last record of each shard
//	SHARD/base                   how the trimmed records of the shard ended (journal.Chain)
//	SHARD/checkpoint-N/PART      the state after record N; newest first
//	SHARD/checkpoint-N/damaged   text, instead: why that checkpoint could not be read
//	SHARD/records/PART           for each record 4 bytes length, little-endian, and then the record
//	SHARD/records/damaged        text, in place of the records that are left: why they could not be read; FAILED is in the end
//	SHARD/damaged                text, in place of a whole shard: the same
//	MANIFEST                     JSON: what was written of each shard, with hashes, and the hash of all entries before
//	FAILED                       JSON, in MANIFEST's place: why the backup is not whole
//
// SHARD and PART are numbers of 4 and 8 digits. Parts are cut every 4 MiB, wherever that is; they belong together in order. Hashes
// are XXH3-128 in hexadecimal: of an entry its name, a zero byte and its content count.
//
// BACKUP keeps its place, and its field "format" its meaning, in every later version.
package backup

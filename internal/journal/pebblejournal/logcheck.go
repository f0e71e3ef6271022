package pebblejournal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	iofs "io/fs"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/wal"

	"github.com/staunchmq/staunch/internal/journal"
)

// After a crash the newest write-ahead log ends somewhere, and Pebble takes the first chunk in it that is not valid for
// that end. It may also be damage, of records that were acknowledged: Pebble looks for signs of that in later blocks only, and its
// signs understate what was synced. So each append and each trim leaves a sign of its own in the log: how far this log was synced when it
// was made. If a chunk is not valid at a place that a later one knows to be synced, it is damage.
//
// Damage of the very last sync cannot be told from a torn write: nothing later knows of it.

// logSign is what an append or a trim says of the log: the bytes before synced of the log with the number log are on disk. It is
// stored as log data, the first thing in the batch: log data is in the write-ahead log only.
type logSign struct {
	log    uint64
	synced int64
}

const (
	logSignBytes = 16

	// Pebble's log: blocks of chunks. A chunk is CRC (4), length (2), kind (1), log number (4), and for the later kinds the
	// synced offset (8); then the payload. All is little-endian, the CRC is a masked CRC-32C of kind and all that follows. The
	// first log of a new database has the earlier kinds.
	logBlockBytes   = 32 << 10
	chunkHeader     = 11
	chunkSyncHeader = 19
	chunkFull       = 5
	chunkFirst      = 6
	chunkLast       = 8
	chunkSyncFull   = 9
	chunkSyncFirst  = 10
	chunkSyncLast   = 12
	batchHeader     = 12 // sequence number, count
	signOffset      = batchHeader + 2
	signedBatchSize = signOffset + logSignBytes
)

func (s logSign) bytes() []byte {
	b := binary.LittleEndian.AppendUint64(make([]byte, 0, logSignBytes), s.log)
	return binary.LittleEndian.AppendUint64(b, uint64(s.synced))
}

// signOf returns the sign in a batch of which at least the beginning is given.
func signOf(batch []byte) (s logSign, ok bool) {
	if len(batch) < signedBatchSize || batch[batchHeader] != byte(pebble.InternalKeyKindLogData) ||
		batch[batchHeader+1] != logSignBytes {
		return logSign{}, false
	}
	return logSign{
		log:    binary.LittleEndian.Uint64(batch[signOffset:]),
		synced: int64(binary.LittleEndian.Uint64(batch[signOffset+8:])),
	}, true
}

// chunk is a valid chunk of a log.
type chunk struct {
	first   bool // a batch begins with it
	payload []byte
	bytes   int
}

// parseChunk returns the chunk of log number log at the beginning of b, if a valid one is there.
func parseChunk(b []byte, log uint64) (chunk, bool) {
	if len(b) < chunkHeader || binary.LittleEndian.Uint32(b[7:]) != uint32(log) {
		return chunk{}, false
	}
	var c chunk
	header := chunkHeader
	switch kind := b[6]; {
	case kind >= chunkFull && kind <= chunkLast:
		c.first = kind <= chunkFirst
	case kind >= chunkSyncFull && kind <= chunkSyncLast:
		c.first, header = kind <= chunkSyncFirst, chunkSyncHeader
	default:
		return chunk{}, false
	}
	c.bytes = header + int(binary.LittleEndian.Uint16(b[4:]))
	if c.bytes > len(b) {
		return chunk{}, false
	}
	crc := crc32.Checksum(b[6:c.bytes], crc32.MakeTable(crc32.Castagnoli))
	if binary.LittleEndian.Uint32(b) != (crc>>15|crc<<17)+0xa282ead8 {
		return chunk{}, false
	}
	c.payload = b[header:c.bytes]
	return c, true
}

// checkLogs looks for damage in the newest write-ahead log in dir, and reports whether there is anything behind what is valid in it, as after
// a crash. The older ones were closed, so Pebble itself refuses any damage in them.
func checkLogs(fs vfs.FS, dir string) (torn bool, err error) {
	names, err := fs.List(dir)
	if errors.Is(err, iofs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	var newest uint64
	var path string
	for _, name := range names {
		if n, _, ok := wal.ParseLogFilename(name); ok && uint64(n) >= newest {
			newest, path = uint64(n), fs.PathJoin(dir, name)
		}
	}
	if path == "" {
		return false, nil
	}
	f, err := fs.Open(path, vfs.SequentialReadsOption)
	if err != nil {
		return false, err
	}
	defer func() { _ = f.Close() }() // read only
	invalid, synced, err := scanLog(f, newest)
	if err != nil {
		return false, fmt.Errorf("read %s: %w", path, err)
	}
	if invalid >= 0 && synced > invalid {
		return false, notValid(path, invalid, synced)
	}
	return invalid >= 0, nil
}

// notValid is the damage of a file that was synced up to a byte, and is not valid before.
func notValid(path string, invalid, synced int64) error {
	return &journal.DamagedError{Store: path,
		Reason: fmt.Sprintf("there is no valid data at byte %d, but up to byte %d it was synced", invalid, synced)}
}

// scanLog reads a log to its end. It returns where it stops being valid, less than 0 if nowhere, and up to where it was synced
// according to the signs behind that.
func scanLog(r io.Reader, log uint64) (invalid, synced int64, err error) {
	invalid = -1
	block := make([]byte, logBlockBytes)
	for start := int64(0); ; start += logBlockBytes {
		n, err := io.ReadFull(r, block)
		if err == io.EOF {
			return invalid, synced, nil
		}
		if err != nil && err != io.ErrUnexpectedEOF {
			return 0, 0, err
		}
		for at := 0; at < n; {
			c, ok := parseChunk(block[at:n], log)
			switch {
			case ok:
				if s, ok := signOf(c.payload); ok && c.first && invalid >= 0 && s.log == log {
					synced = max(synced, s.synced)
				}
				at += c.bytes
			case invalid >= 0:
				at++ // there may be another one anywhere
			case isTrailer(block[at:n], log):
				return invalid, synced, nil // closed in order
			case logBlockBytes-at < chunkSyncHeader && allZero(block[at:n]):
				at = n // no room for a chunk
			default:
				invalid = start + int64(at)
			}
		}
	}
}

// isTrailer reports whether b begins with the mark of a log's end: an empty chunk of the next log.
func isTrailer(b []byte, log uint64) bool {
	return len(b) >= chunkHeader && allZero(b[:6]) && b[6] == chunkFull && binary.LittleEndian.Uint32(b[7:]) == uint32(log+1)
}

func allZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

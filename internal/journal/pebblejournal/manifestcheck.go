package pebblejournal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	iofs "io/fs"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/staunchmq/staunch/internal/journal"
)

// Pebble's manifest is a file of chunks like its log, of the older kinds: CRC (4), length (2), kind (1), payload. Each edit in it is
// synced before the next is written. So an edit that is not valid and has another one behind it is damage. Whether the last one is
// damaged or was cut off by a crash cannot be seen here; TAILS tells (store.go).
const (
	editHeader = 7
	editFull   = 1
	editFirst  = 2
	editLast   = 4
)

// parseEdit returns the length of the chunk at the beginning of b, if a valid one is there, and whether an edit begins with it.
func parseEdit(b []byte) (n int, first, ok bool) {
	if len(b) < editHeader || b[6] < editFull || b[6] > editLast {
		return 0, false, false
	}
	n = editHeader + int(binary.LittleEndian.Uint16(b[4:]))
	if n > len(b) {
		return 0, false, false
	}
	crc := crc32.Checksum(b[6:n], crc32.MakeTable(crc32.Castagnoli))
	if binary.LittleEndian.Uint32(b) != (crc>>15|crc<<17)+0xa282ead8 {
		return 0, false, false
	}
	return n, b[6] <= editFirst, true
}

// checkManifest looks for damage in the manifest of the database in dir, and reports whether its last edit is torn or damaged.
func checkManifest(fs vfs.FS, dir string) (torn bool, err error) {
	db, err := pebble.Peek(dir, fs)
	if errors.Is(err, iofs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if !db.Exists {
		return false, checkNew(fs, dir)
	}
	f, err := fs.Open(db.ManifestFilename, vfs.SequentialReadsOption)
	if err != nil {
		return false, err
	}
	defer func() { _ = f.Close() }() // read only
	invalid, damaged, err := scanManifest(f)
	if err != nil {
		return false, fmt.Errorf("read %s: %w", db.ManifestFilename, err)
	}
	if damaged {
		return false, &journal.DamagedError{Store: db.ManifestFilename,
			Reason: fmt.Sprintf("there is no valid data at byte %d, but behind it", invalid)}
	}
	return invalid >= 0, nil
}

// checkNew returns an error if there is something in the directory of a database that has no manifest yet: Pebble would begin anew. It makes
// a log when the manifest and its marker are durable, and tables after that.
func checkNew(fs vfs.FS, dir string) error {
	names, err := fs.List(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if isLog(name) || strings.HasSuffix(name, tableSuffix) {
			return &journal.DamagedError{Store: dir, Reason: fmt.Sprintf("there is %s, but no marker.manifest names a manifest", name)}
		}
	}
	return nil
}

// scanManifest reads a manifest to its end. It returns where it stops being valid, less than 0 if nowhere, and whether that is damage.
func scanManifest(r io.Reader) (invalid int64, damaged bool, err error) {
	invalid = -1
	block := make([]byte, logBlockBytes)
	for start := int64(0); ; start += logBlockBytes {
		n, err := io.ReadFull(r, block)
		if err == io.EOF {
			return invalid, false, nil
		}
		if err != nil && err != io.ErrUnexpectedEOF {
			return invalid, false, err
		}
		for at := 0; at < n; {
			length, first, ok := parseEdit(block[at:n])
			switch {
			case ok && first && invalid >= 0:
				return invalid, true, nil
			case ok:
				at += length
			case invalid >= 0:
				at++
			case logBlockBytes-at < editHeader && allZero(block[at:n]):
				at = n // no room for a chunk
			default:
				invalid = start + int64(at)
			}
		}
	}
}

package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"

	"github.com/zeebo/xxh3"
)

// The limits and numbers of the record format; the table is in the package documentation.
const (
	FormatVersion = 1  // version of the records that Builder makes
	HeaderBytes   = 64 // size of the header

	// RecordBytesMax is the largest record that Seal makes and Parse accepts. A shard flushes at about 128 KiB; one
	// request of the largest size that any option allows still fits many times.
	RecordBytesMax = 64 << 20

	changePrefixBytes = 4
)

const magic = "STRC"

const (
	offMagic   = 0
	offVersion = 4
	offFlags   = 6
	offShard   = 8
	offChanges = 12
	offEpoch   = 16
	offSeq     = 24
	offTime    = 32
	offPrev    = 40
	offBody    = 56
	offCRC     = 60
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Sum is the hash of a record: XXH3-128 of all its bytes. The zero Sum stands for "no record".
type Sum [16]byte

// Hash returns the hash of a sealed record, as the next record's Prev must have it.
func Hash(rec []byte) Sum { return xxh3.Hash128(rec).Bytes() }

// Header is what a record says about itself.
type Header struct {
	Shard     uint32
	Epoch     uint64 // number that fences older owners; never decreases
	Seq       Seq    // the record's own number
	LogTimeMS int64  // log time, milliseconds since 1970; never decreases
	Prev      Sum    // Hash of the record before; zero in record 1
}

// Builder makes one record in one growing buffer. The zero Builder is not usable; see NewRecord. A Builder belongs to one
// goroutine.
//
//	b := journal.NewRecord(buf, header)
//	b.Begin()
//	b.Buf = change.AppendTo(b.Buf)
//	b.End()
//	rec, err := b.Seal()
type Builder struct {
	// Header may be changed until Seal.
	Header Header

	// Buf holds the record so far. Between Begin and End the caller appends the bytes of a change to it; what is
	// already there must not be changed.
	Buf []byte

	open    int // where the open change begins in Buf, or 0
	changes int
}

// NewRecord returns a Builder of the record with header h that appends to buf[:0], so that the caller may reuse the memory
// of a record that is no longer needed by anyone, the journal included. A nil buf is fine.
func NewRecord(buf []byte, h Header) *Builder {
	b := new(Builder)
	b.Reset(buf, h)
	return b
}

// Reset makes b what NewRecord(buf, h) returns.
func (b *Builder) Reset(buf []byte, h Header) {
	var room [HeaderBytes]byte
	*b = Builder{Header: h, Buf: append(buf[:0], room[:]...)}
}

// Begin opens a change: what is appended to Buf until End is its content.
func (b *Builder) Begin() {
	if b.open != 0 {
		panic("journal: Begin inside a change")
	}
	b.Buf = append(b.Buf, 0, 0, 0, 0)
	b.open = len(b.Buf)
}

// End closes the open change.
func (b *Builder) End() {
	if b.open == 0 {
		panic("journal: End without Begin")
	}
	n := len(b.Buf) - b.open
	if n > math.MaxUint32 {
		n = math.MaxUint32 // Seal refuses the record
	}
	binary.LittleEndian.PutUint32(b.Buf[b.open-changePrefixBytes:], uint32(n))
	b.open = 0
	b.changes++
}

// Discard drops the open change as if Begin had not been called.
func (b *Builder) Discard() {
	if b.open == 0 {
		panic("journal: Discard without Begin")
	}
	b.Buf = b.Buf[:b.open-changePrefixBytes]
	b.open = 0
}

// Add appends a copy of change.
func (b *Builder) Add(change []byte) {
	b.Begin()
	b.Buf = append(b.Buf, change...)
	b.End()
}

// Len returns the size in bytes that the record has so far.
func (b *Builder) Len() int { return len(b.Buf) }

// Changes returns the number of closed changes.
func (b *Builder) Changes() int { return b.changes }

// Seal completes the record and returns it; it shares b.Buf's memory. The only errors are a number of 0 and a record larger than
// RecordBytesMax. After Seal the Builder is used up until Reset.
func (b *Builder) Seal() ([]byte, error) {
	if b.open != 0 {
		panic("journal: Seal inside a change")
	}
	if b.Header.Seq == 0 {
		return nil, errors.New("journal: seal a record without a number")
	}
	if len(b.Buf) > RecordBytesMax {
		return nil, fmt.Errorf("journal: record of %d bytes is larger than %d", len(b.Buf), RecordBytesMax)
	}
	h := b.Buf[:HeaderBytes]
	copy(h[offMagic:], magic)
	binary.LittleEndian.PutUint16(h[offVersion:], FormatVersion)
	binary.LittleEndian.PutUint16(h[offFlags:], 0)
	binary.LittleEndian.PutUint32(h[offShard:], b.Header.Shard)
	binary.LittleEndian.PutUint32(h[offChanges:], uint32(b.changes))
	binary.LittleEndian.PutUint64(h[offEpoch:], b.Header.Epoch)
	binary.LittleEndian.PutUint64(h[offSeq:], uint64(b.Header.Seq))
	binary.LittleEndian.PutUint64(h[offTime:], uint64(b.Header.LogTimeMS))
	copy(h[offPrev:], b.Header.Prev[:])
	binary.LittleEndian.PutUint32(h[offBody:], uint32(len(b.Buf)-HeaderBytes))
	binary.LittleEndian.PutUint32(h[offCRC:], checksum(b.Buf))
	return b.Buf, nil
}

// checksum returns the CRC of a whole record, leaving out the field that holds it.
func checksum(rec []byte) uint32 {
	return crc32.Update(crc32.Checksum(rec[:offCRC], castagnoli), castagnoli, rec[HeaderBytes:])
}

// Parse verifies a record by itself and returns its header and its changes, which share rec's memory. It checks magic,
// version, flags, lengths, CRC and that the changes fill the body exactly. Any bytes at all are safe to parse: it neither
// panics nor allocates in proportion to what they claim. Records of a newer version are ErrNewerFormat; everything else
// that is wrong is ErrDamaged, as a *DamagedError with the shard and number that the record claims.
func Parse(rec []byte) (Header, Changes, error) {
	if len(rec) < HeaderBytes {
		return Header{}, Changes{}, &DamagedError{Reason: fmt.Sprintf("%d bytes are too few for a header", len(rec))}
	}
	h := Header{
		Shard:     binary.LittleEndian.Uint32(rec[offShard:]),
		Epoch:     binary.LittleEndian.Uint64(rec[offEpoch:]),
		Seq:       Seq(binary.LittleEndian.Uint64(rec[offSeq:])),
		LogTimeMS: int64(binary.LittleEndian.Uint64(rec[offTime:])),
		Prev:      Sum(rec[offPrev:]),
	}
	damaged := func(format string, args ...any) (Header, Changes, error) {
		return Header{}, Changes{}, &DamagedError{Shard: h.Shard, Seq: h.Seq, Reason: fmt.Sprintf(format, args...)}
	}
	if string(rec[offMagic:offMagic+len(magic)]) != magic {
		return damaged("it does not begin with the magic %q", magic)
	}
	if got, want := binary.LittleEndian.Uint32(rec[offCRC:]), checksum(rec); got != want {
		return damaged("its CRC is %08x, its bytes give %08x", got, want)
	}
	if v := binary.LittleEndian.Uint16(rec[offVersion:]); v > FormatVersion {
		return Header{}, Changes{}, fmt.Errorf("%w: record %d of shard %d has version %d, this program knows up to %d",
			ErrNewerFormat, h.Seq, h.Shard, v, FormatVersion)
	} else if v != FormatVersion {
		return damaged("unknown format version %d", v)
	}
	if f := binary.LittleEndian.Uint16(rec[offFlags:]); f != 0 {
		return damaged("unknown flags %#x", f)
	}
	if n := binary.LittleEndian.Uint32(rec[offBody:]); uint64(n) != uint64(len(rec)-HeaderBytes) || len(rec) > RecordBytesMax {
		return damaged("body of %d bytes in a record of %d bytes", n, len(rec))
	}
	if h.Seq == 0 {
		return damaged("number 0")
	}
	changes := ChangesOf(rec)
	if err := changes.check(); err != nil {
		return damaged("%v", err)
	}
	return h, changes, nil
}

// ChangesOf returns the changes of a record that Seal has made or Parse has accepted, as those that Journal.Get returns; it verifies nothing
// again. They share rec's memory.
func ChangesOf(rec []byte) Changes {
	return Changes{body: rec[HeaderBytes:], n: int(binary.LittleEndian.Uint32(rec[offChanges:]))}
}

// Changes are the changes of a parsed record. The zero value has none.
type Changes struct {
	body []byte
	n    int
}

// Len returns the number of changes.
func (c Changes) Len() int { return c.n }

// All iterates over the changes in order: index and content. The slices share the record's memory. It does not
// allocate.
func (c Changes) All() func(yield func(int, []byte) bool) {
	return func(yield func(int, []byte) bool) {
		rest := c.body
		for i := range c.n {
			n := binary.LittleEndian.Uint32(rest)
			if !yield(i, rest[changePrefixBytes:changePrefixBytes+n:changePrefixBytes+n]) {
				return
			}
			rest = rest[changePrefixBytes+n:]
		}
	}
}

// At returns change i, in time proportional to i, or false when there is no such change.
func (c Changes) At(i int) ([]byte, bool) {
	for j, change := range c.All() {
		if j == i {
			return change, true
		}
	}
	return nil, false
}

// check reports whether the changes fill the body exactly.
func (c Changes) check() error {
	rest := c.body
	for i := range c.n {
		if len(rest) < changePrefixBytes {
			return fmt.Errorf("%d changes announced, body ends before change %d", c.n, i)
		}
		n := binary.LittleEndian.Uint32(rest)
		if uint64(n) > uint64(len(rest)-changePrefixBytes) {
			return fmt.Errorf("change %d of %d bytes is longer than the body", i, n)
		}
		rest = rest[changePrefixBytes+n:]
	}
	if len(rest) != 0 {
		return fmt.Errorf("%d bytes after the last of %d changes", len(rest), c.n)
	}
	return nil
}

package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// Verify parses rec and checks that it directly follows the record with number prevSeq and hash prevHash. For the first
// record of a shard both are zero. Errors are those of Parse, and a *DamagedError for a wrong number or hash.
func Verify(prevHash Sum, prevSeq Seq, rec []byte) (Header, Changes, error) {
	h, changes, err := Parse(rec)
	if err != nil {
		return Header{}, Changes{}, err
	}
	if h.Seq != prevSeq+1 {
		return Header{}, Changes{}, &DamagedError{Shard: h.Shard, Seq: prevSeq + 1,
			Reason: fmt.Sprintf("record %d is there in its place", h.Seq)}
	}
	if h.Prev != prevHash {
		return Header{}, Changes{}, &DamagedError{Shard: h.Shard, Seq: h.Seq, Reason: wrongPrev(h, prevSeq, prevHash)}
	}
	return h, changes, nil
}

// VerifyOne parses rec and checks that it is record seq of shard, as Journal.Get does.
func VerifyOne(shard uint32, seq Seq, rec []byte) (Header, Changes, error) {
	h, changes, err := Parse(rec)
	if err != nil {
		return Header{}, Changes{}, placed(err, shard, seq)
	}
	if h.Shard != shard || h.Seq != seq {
		return Header{}, Changes{}, &DamagedError{Shard: shard, Seq: seq,
			Reason: fmt.Sprintf("record %d of shard %d is there in its place", h.Seq, h.Shard)}
	}
	return h, changes, nil
}

// Chain verifies the records of one shard one after the other: each by itself, its shard, its number, the hash of the record
// before it, and that epoch and log time do not decrease. A Chain is a value: a copy goes on by itself. It belongs to one
// goroutine.
type Chain struct {
	shard uint32
	seq   Seq  // the newest accepted record, or the one before the first to come
	known bool // hash is meaningful
	seen  bool // epoch and time are meaningful
	hash  Sum  // of record seq
	epoch uint64
	time  int64
}

// NewChain returns a Chain whose first record must have number 1.
func NewChain(shard uint32) Chain { return Chain{shard: shard, known: true} }

// ChainAfter returns a Chain whose first record must directly follow record seq with the given hash.
func ChainAfter(shard uint32, seq Seq, hash Sum) Chain {
	return Chain{shard: shard, seq: seq, hash: hash, known: true}
}

// ChainFrom returns a Chain whose first record must have the given number and may name any predecessor, for where nothing
// is known of it.
func ChainFrom(shard uint32, first Seq) Chain {
	if first <= 1 {
		return NewChain(shard)
	}
	return Chain{shard: shard, seq: first - 1}
}

// Seq returns the number of the newest accepted record.
func (c *Chain) Seq() Seq { return c.seq }

// Hash returns the hash of the newest accepted record, and whether it is known.
func (c *Chain) Hash() (Sum, bool) { return c.hash, c.known }

// Next accepts rec as the next record, or says what is wrong with it in a *DamagedError (ErrNewerFormat for a newer
// version) and leaves c as it was.
func (c *Chain) Next(rec []byte) (Header, Changes, error) {
	h, changes, err := VerifyOne(c.shard, c.seq+1, rec)
	if err != nil {
		return Header{}, Changes{}, err
	}
	reason := c.runsBack(h)
	if c.known && h.Prev != c.hash {
		reason = wrongPrev(h, c.seq, c.hash)
	}
	if reason != "" {
		return Header{}, Changes{}, &DamagedError{Shard: c.shard, Seq: h.Seq, Reason: reason}
	}
	c.accept(h, rec)
	return h, changes, nil
}

// Admit is the comparison of a compare-and-append, for implementations of Journal: c is the state after the newest record. It
// accepts rec as record expect+1, or returns ErrConflict when another record is at the end than the one that the caller
// expects (by its number, and by the hash that rec has for it), or ErrInvalid when rec can be no next record at all. On an
// error c stays as it was.
func (c *Chain) Admit(expect Seq, rec []byte) error {
	if expect < c.seq {
		return fmt.Errorf("%w: shard %d is at record %d, record %d cannot be appended", ErrConflict, c.shard, c.seq, expect+1)
	}
	if expect > c.seq {
		return fmt.Errorf("%w: shard %d is at record %d, record %d cannot be appended", ErrInvalid, c.shard, c.seq, expect+1)
	}
	h, _, err := VerifyOne(c.shard, expect+1, rec)
	if err != nil {
		return fmt.Errorf("%w: %v", ErrInvalid, err)
	}
	if c.known && h.Prev != c.hash {
		return fmt.Errorf("%w: shard %d: record %d is not the one that record %d was made to follow",
			ErrConflict, c.shard, expect, h.Seq)
	}
	if reason := c.runsBack(h); reason != "" {
		return fmt.Errorf("%w: shard %d, record %d: %s", ErrInvalid, c.shard, h.Seq, reason)
	}
	c.accept(h, rec)
	return nil
}

// runsBack says what decreases from the newest accepted record to the one with header h, "" if nothing does.
func (c *Chain) runsBack(h Header) string {
	switch {
	case c.seen && h.Epoch < c.epoch:
		return fmt.Sprintf("epoch %d after %d", h.Epoch, c.epoch)
	case c.seen && h.LogTimeMS < c.time:
		return fmt.Sprintf("log time %d ms after %d ms", h.LogTimeMS, c.time)
	}
	return ""
}

func (c *Chain) accept(h Header, rec []byte) {
	c.seq, c.hash, c.known = h.Seq, Hash(rec), true
	c.seen, c.epoch, c.time = true, h.Epoch, h.LogTimeMS
}

// chainBytes is the size of a stored Chain: number, epoch, log time, hash, what is known, CRC-32C of all that.
const chainBytes = 8 + 8 + 8 + 16 + 1 + 4

// AppendTo appends the state of c to b, for a journal that must remember how its removed records ended.
func (c *Chain) AppendTo(b []byte) []byte {
	start := len(b)
	b = binary.LittleEndian.AppendUint64(b, uint64(c.seq))
	b = binary.LittleEndian.AppendUint64(b, c.epoch)
	b = binary.LittleEndian.AppendUint64(b, uint64(c.time))
	b = append(b, c.hash[:]...)
	var flags byte
	if c.known {
		flags |= 1
	}
	if c.seen {
		flags |= 2
	}
	b = append(b, flags)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b[start:], castagnoli))
}

// ParseChain returns the Chain that AppendTo stored, or a *DamagedError.
func ParseChain(shard uint32, b []byte) (Chain, error) {
	if len(b) != chainBytes {
		return Chain{}, &DamagedError{Shard: shard, Reason: fmt.Sprintf("trim mark of %d bytes instead of %d", len(b), chainBytes)}
	}
	crc := len(b) - 4
	if binary.LittleEndian.Uint32(b[crc:]) != crc32.Checksum(b[:crc], castagnoli) {
		return Chain{}, &DamagedError{Shard: shard, Reason: "wrong CRC in the trim mark"}
	}
	flags := b[crc-1]
	return Chain{
		shard: shard,
		seq:   Seq(binary.LittleEndian.Uint64(b)),
		epoch: binary.LittleEndian.Uint64(b[8:]),
		time:  int64(binary.LittleEndian.Uint64(b[16:])),
		hash:  Sum(b[24:]),
		known: flags&1 != 0,
		seen:  flags&2 != 0,
	}, nil
}

func wrongPrev(h Header, prevSeq Seq, prevHash Sum) string {
	return fmt.Sprintf("it follows a record with hash %x, but record %d has %x", h.Prev[:], prevSeq, prevHash[:])
}

// placed says in a DamagedError where the data was looked for: what damaged bytes say of themselves is not to be believed.
func placed(err error, shard uint32, seq Seq) error {
	var d *DamagedError
	if errors.As(err, &d) {
		return &DamagedError{Store: d.Store, Shard: shard, Seq: seq, Reason: d.Reason}
	}
	return err
}

// At returns err with the place filled in, if it is a *DamagedError without one: store is the file or directory that was
// read.
func At(store string, err error) error {
	var d *DamagedError
	if errors.As(err, &d) && d.Store == "" {
		return &DamagedError{Store: store, Shard: d.Shard, Seq: d.Seq, Reason: d.Reason}
	}
	return err
}

// Missing returns the *DamagedError for the record that should come next and is not there.
func (c *Chain) Missing(reason string) error {
	return &DamagedError{Shard: c.shard, Seq: c.seq + 1, Reason: reason}
}

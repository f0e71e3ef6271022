package queue

import (
	"encoding/binary"
	"errors"
)

var errDamaged = errors.New("queue: data ends early, or is not what it can be")

func appendString(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

func appendRef(b []byte, r Ref) []byte {
	b = binary.AppendUvarint(b, r.Record)
	return binary.AppendUvarint(b, uint64(r.Index))
}

// reader decodes what the append functions wrote. The first error sticks, and everything after it reads as zero.
type reader struct {
	data []byte
	err  error
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.data)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.data = r.data[n:]
	return v
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.data)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.data = r.data[n:]
	return v
}

func (r *reader) uint32() uint32 {
	v := r.uvarint()
	if v > 1<<32-1 {
		r.fail()
		return 0
	}
	return uint32(v)
}

func (r *reader) byte() byte {
	if len(r.data) == 0 {
		r.fail()
		return 0
	}
	b := r.data[0]
	r.data = r.data[1:]
	return b
}

func (r *reader) bool() bool {
	b := r.byte()
	if b > 1 {
		r.fail()
	}
	return b == 1
}

// bytes returns a part of the data, not a copy.
func (r *reader) bytes() []byte {
	n := r.uvarint()
	if n > uint64(len(r.data)) {
		r.fail()
		return nil
	}
	b := r.data[:n:n]
	r.data = r.data[n:]
	return b
}

func (r *reader) string() string { return string(r.bytes()) }

func (r *reader) id() (id MessageID) {
	if len(r.data) < len(id) {
		r.fail()
		return id
	}
	copy(id[:], r.data)
	r.data = r.data[len(id):]
	return id
}

func (r *reader) ref() Ref { return Ref{Record: r.uvarint(), Index: r.uint32()} }

// count reads the length of a list whose elements take at least size bytes each, so that a wrong length cannot make the caller
// allocate much more than there are data.
func (r *reader) count(size int) int {
	n := r.uvarint()
	if n > uint64(len(r.data)/size) {
		r.fail()
		return 0
	}
	return int(n)
}

func (r *reader) fail() {
	r.err = errDamaged
	r.data = nil
}

// require fails unless ok.
func (r *reader) require(ok bool) {
	if !ok {
		r.fail()
	}
}

// end returns the error, if any, and refuses bytes that nothing has read.
func (r *reader) end() error {
	if r.err == nil && len(r.data) > 0 {
		return errors.New("queue: bytes left over after the data")
	}
	return r.err
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

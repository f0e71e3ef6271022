package sqs

import (
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"io"
)

// messageAttribute is a message attribute whose checks it has passed. Value holds the bytes of either kind of value: DataType
// tells them apart.
type messageAttribute struct {
	Name, DataType, Value string
}

// isBinary tells whether the value is a BinaryValue and not a StringValue.
func (a messageAttribute) isBinary() bool { return baseType(a.DataType) == typeBinary }

// Transport types in the digest of attributes.
const (
	transportString = 1
	transportBinary = 2
)

// attributesMD5 is the digest of attributes that SDKs check (reference/sqs.md 6.4), in lower-case hex; empty without attributes.
// They must be in the order of their names.
func attributesMD5(attributes []messageAttribute) string {
	if len(attributes) == 0 {
		return ""
	}
	h := md5.New()
	for _, a := range attributes {
		writeSized(h, a.Name)
		writeSized(h, a.DataType)
		if a.isBinary() {
			h.Write([]byte{transportBinary})
		} else {
			h.Write([]byte{transportString})
		}
		writeSized(h, a.Value)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// digestText is a digest in lower-case hex.
func digestText(sum [md5.Size]byte) string {
	var text [2 * md5.Size]byte
	hex.Encode(text[:], sum[:])
	return string(text[:])
}

func writeSized(h hash.Hash, s string) {
	var length [4]byte
	binary.BigEndian.PutUint32(length[:], uint32(len(s)))
	h.Write(length[:])
	io.WriteString(h, s)
}

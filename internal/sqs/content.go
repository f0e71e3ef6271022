package sqs

import (
	"crypto/md5"
	"encoding/binary"
	"errors"
	"fmt"
)

// contentVersion is the first byte of a message's content.
const contentVersion = 1

// content is what of a message is ours and not the state machine's: what the client sent, and who it was.
//
//	version  1 byte
//	md5      16 bytes, of the body
//	sender   length, text
//	trace    length, text        AWSTraceHeader; empty without one
//	count    of attributes, then for each, in the order of the names:
//	  name   length, text
//	  type   length, text
//	  value  length, bytes
//	body     the rest
//
// Lengths and the count are unsigned varints.
type content struct {
	BodyMD5     [md5.Size]byte
	SenderID    string
	TraceHeader string
	Attributes  []messageAttribute
	Body        string

	// DeduplicationID is what a sealed content has beside this, see sealedContent.
	DeduplicationID string
}

// encode returns the stored form and fills in BodyMD5, so that a receive need not work it out again.
func (c *content) encode() []byte { return c.appendTo(make([]byte, 0, c.size())) }

// size is the length of the stored form, or a little more.
func (c *content) size() int {
	size := 1 + md5.Size + sizedLen(c.SenderID) + sizedLen(c.TraceHeader) + binary.MaxVarintLen32 + len(c.Body)
	for _, a := range c.Attributes {
		size += sizedLen(a.Name) + sizedLen(a.DataType) + sizedLen(a.Value)
	}
	return size
}

// appendTo appends what encode returns.
func (c *content) appendTo(data []byte) []byte {
	start := len(data)
	data = append(data, contentVersion)
	data = append(data, c.BodyMD5[:]...)
	data = appendSized(data, c.SenderID)
	data = appendSized(data, c.TraceHeader)
	data = binary.AppendUvarint(data, uint64(len(c.Attributes)))
	for _, a := range c.Attributes {
		data = appendSized(data, a.Name)
		data = appendSized(data, a.DataType)
		data = appendSized(data, a.Value)
	}
	body := len(data)
	data = append(data, c.Body...)
	c.BodyMD5 = md5.Sum(data[body:])
	copy(data[start+1:], c.BodyMD5[:])
	return data
}

func sizedLen(s string) int { return binary.MaxVarintLen32 + len(s) }

func appendSized(data []byte, s string) []byte {
	data = binary.AppendUvarint(data, uint64(len(s)))
	return append(data, s...)
}

var errContent = errors.New("the stored content of a message cannot be read")

// decodeContent reads the stored form. It keeps nothing of data.
func decodeContent(data []byte) (content, error) {
	if len(data) < 1+md5.Size {
		return content{}, fmt.Errorf("%w: %d bytes are too few", errContent, len(data))
	}
	if data[0] != contentVersion {
		return content{}, fmt.Errorf("%w: version %d is not known to this program", errContent, data[0])
	}
	var c content
	copy(c.BodyMD5[:], data[1:])
	// One allocation for all texts, which are parts of it.
	r := contentReader{rest: string(data[1+md5.Size:])}
	c.SenderID = r.sized()
	c.TraceHeader = r.sized()
	count := r.uvarint()
	if count > messageAttributesMax {
		r.failed = true
	}
	if count > 0 && !r.failed {
		c.Attributes = make([]messageAttribute, count)
		for i := range c.Attributes {
			c.Attributes[i] = messageAttribute{Name: r.sized(), DataType: r.sized(), Value: r.sized()}
		}
	}
	if r.failed {
		return content{}, fmt.Errorf("%w: it is not well formed", errContent)
	}
	c.Body = r.rest
	return c, nil
}

// decodeOpened reads what was in a sealed content.
func decodeOpened(data []byte) (content, error) {
	length, n := binary.Uvarint(data)
	if n <= 0 || length > uint64(len(data)-n) {
		return content{}, fmt.Errorf("%w: it is not well formed", errContent)
	}
	rest := n + int(length)
	c, err := decodeContent(data[rest:])
	c.DeduplicationID = string(data[n:rest])
	return c, err
}

// contentReader takes parts from the front of rest. After a failure every part is empty.
type contentReader struct {
	rest   string
	failed bool
}

func (r *contentReader) uvarint() uint64 {
	var v uint64
	for i := 0; i < len(r.rest) && i < binary.MaxVarintLen32; i++ {
		b := r.rest[i]
		v |= uint64(b&0x7f) << (7 * i)
		if b < 0x80 {
			r.rest = r.rest[i+1:]
			return v
		}
	}
	r.fail()
	return 0
}

func (r *contentReader) sized() string {
	length := r.uvarint()
	if r.failed || length > uint64(len(r.rest)) {
		r.fail()
		return ""
	}
	part := r.rest[:length]
	r.rest = r.rest[length:]
	return part
}

func (r *contentReader) fail() { r.rest, r.failed = "", true }

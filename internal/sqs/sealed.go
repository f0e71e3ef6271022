package sqs

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/staunchmq/staunch/internal/catalog"
	"github.com/staunchmq/staunch/internal/keyring"
	"github.com/staunchmq/staunch/internal/queue"
)

// sealedVersion is the first byte of a message's content that is encrypted.
const sealedVersion = 2

// A sealed content is a content under the data key that comes with it, which is wrapped with a key of the keyring:
//
//	version     1 byte, 2
//	queue       8 bytes, big-endian: the ID of the queue that it was sealed for
//	data key    length (unsigned varint), as keyring.SealWith returns it; its context is the queue
//	nonce       12 bytes, random
//	ciphertext  of the deduplication ID (length, text) and a content
//	tag         16 bytes
//
// The cipher is AES-256-GCM. All before the nonce is authenticated, and so is the message ID, which is not in it: the contents of two
// messages cannot be exchanged, and none can pass for one of another key or queue. A dead letter keeps the content that it had, and so
// the queue of it; a move task seals anew.
//
// The deduplication ID is there if the one outside stands for it (hiddenDeduplicationID) and it is not the hash of the body.
type sealedContent struct {
	queue   catalog.QueueID
	wrapped []byte
	header  []byte // version to data key
	sealed  []byte // nonce to tag
	keyID   keyring.KeyID
	version uint32
}

const (
	dataKeySize = 32
	nonceSize   = 12
	tagSize     = 16
)

// isSealed tells whether a content is encrypted.
func isSealed(data []byte) bool { return len(data) > 0 && data[0] == sealedVersion }

// parseSealed takes a sealed content apart, without opening it. What it returns are parts of data.
func parseSealed(data []byte) (c sealedContent, err error) {
	const fixed = 1 + 8
	malformed := func(what string) (sealedContent, error) {
		return sealedContent{}, fmt.Errorf("%w: %s", errContent, what)
	}
	if len(data) < fixed || data[0] != sealedVersion {
		return malformed("it is not well formed")
	}
	c.queue = catalog.QueueID(binary.BigEndian.Uint64(data[1:]))
	length, n := binary.Uvarint(data[fixed:])
	if n <= 0 || length > uint64(len(data)-fixed-n) {
		return malformed("it is not well formed")
	}
	end := fixed + n + int(length)
	c.wrapped, c.header, c.sealed = data[fixed+n:end], data[:end], data[end:]
	if len(c.sealed) < nonceSize+tagSize {
		return malformed("it is cut short")
	}
	if c.keyID, c.version, err = keyring.SealedBy(c.wrapped); err != nil {
		return malformed("its data key is not well formed")
	}
	return c, nil
}

// dataKey encrypts messages of one queue. It is safe for concurrent use.
type dataKey struct {
	aead   cipher.AEAD
	header []byte // of the contents that it seals
	uses   atomic.Int64
}

// newDataKey makes a data key for a queue, wrapped with a key of the keyring.
func newDataKey(keys *keyring.Keyring, with keyring.KeyID, q catalog.QueueID) (*dataKey, error) {
	secret := make([]byte, dataKeySize)
	if _, err := rand.Read(secret); err != nil {
		return nil, err
	}
	wrapped, err := keys.SealWith(with, secret, dataKeyContext(q))
	if err != nil {
		return nil, err
	}
	aead, err := newAEAD(secret)
	if err != nil {
		return nil, err
	}
	header := binary.BigEndian.AppendUint64([]byte{sealedVersion}, uint64(q))
	header = binary.AppendUvarint(header, uint64(len(wrapped)))
	return &dataKey{aead: aead, header: append(header, wrapped...)}, nil
}

// unwrap returns the cipher of a sealed content.
func (c *sealedContent) unwrap(keys *keyring.Keyring) (cipher.AEAD, error) {
	secret, err := keys.Open(c.wrapped, dataKeyContext(c.queue))
	if err != nil {
		return nil, err
	}
	return newAEAD(secret)
}

func newAEAD(secret []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// dataKeyContext is what a data key is wrapped in the context of.
func dataKeyContext(q catalog.QueueID) []byte {
	return binary.BigEndian.AppendUint64([]byte("data key of queue "), uint64(q))
}

// appendSealed appends the stored form of a content, encrypted for one message. It needs sealedSize of room.
func (k *dataKey) appendSealed(dst []byte, id queue.MessageID, c *content) ([]byte, error) {
	k.uses.Add(1)
	dst = append(dst, k.header...)
	nonce := len(dst)
	dst = append(dst, make([]byte, nonceSize)...)
	if _, err := rand.Read(dst[nonce:]); err != nil {
		return nil, err
	}
	plain := len(dst)
	dst = c.appendTo(appendSized(dst, c.DeduplicationID))
	context := contextOf(k.header, id)
	defer scratch.Put(context)
	return k.aead.Seal(dst[:plain], dst[nonce:plain], dst[plain:], *context), nil
}

// sealedSize is what appendSealed appends, or a little more.
func (k *dataKey) sealedSize(c *content) int {
	return len(k.header) + nonceSize + sizedLen(c.DeduplicationID) + c.size() + tagSize
}

// open decrypts the content of a message.
func (c *sealedContent) open(aead cipher.AEAD, id queue.MessageID) (content, error) {
	context, plain := contextOf(c.header, id), scratch.Get().(*[]byte)
	defer scratch.Put(context)
	defer scratch.Put(plain)
	opened, err := aead.Open((*plain)[:0], c.sealed[:nonceSize], c.sealed[nonceSize:], *context)
	if err != nil {
		return content{}, fmt.Errorf("%w: it was changed, or belongs to another message", errContent)
	}
	if cap(opened) <= scratchBytesMax {
		*plain = opened
	}
	return decodeOpened(opened) // keeps nothing of it
}

// scratch has memory for what is needed while one content is sealed or opened.
var scratch = sync.Pool{New: func() any { return new([]byte) }}

// scratchBytesMax is the capacity up to which memory is kept for another content.
const scratchBytesMax = 64 << 10

// contextOf returns what is authenticated beside the ciphertext, in memory from scratch.
func contextOf(header []byte, id queue.MessageID) *[]byte {
	context := scratch.Get().(*[]byte)
	*context = append(append((*context)[:0], header...), id[:]...)
	return context
}

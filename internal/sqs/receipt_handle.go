package sqs

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"hash"
	"sync"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/catalog"
	"github.com/staunchmq/staunch/internal/queue"
)

// A receipt handle is the URL-safe base64 of
//
//	version    1 byte
//	partition  8 bytes, big-endian like the rest
//	record     8 bytes: the message's Ref
//	index      4 bytes
//	receives   4 bytes: which receive of the message this was
//	mac        14 bytes: HMAC-SHA256 of all before it under the catalog's secret, truncated
//
// so that a handle can neither be guessed nor be used on another queue. The length makes padding needless.
const (
	handleVersion    = 1
	handlePayload    = 1 + 8 + 8 + 4 + 4
	handleMAC        = 14
	handleLength     = handlePayload + handleMAC
	handleTextLength = handleLength / 3 * 4
)

// handleSigner makes and reads receipt handles. It is safe for concurrent use.
type handleSigner struct {
	macs sync.Pool // of hash.Hash, ready to sign
}

func newHandleSigner(secret []byte) *handleSigner {
	return &handleSigner{macs: sync.Pool{New: func() any { return hmac.New(sha256.New, secret) }}}
}

// sign appends the MAC of payload to it.
func (s *handleSigner) sign(payload []byte) []byte {
	mac := s.macs.Get().(hash.Hash)
	defer s.macs.Put(mac)
	mac.Reset()
	mac.Write(payload)
	var sum [sha256.Size]byte
	return append(payload, mac.Sum(sum[:0])[:handleMAC]...)
}

// encode returns the receipt handle for a receive of a message of partition p.
func (s *handleSigner) encode(p queue.ID, h queue.Handle) string {
	payload := make([]byte, 0, handleLength)
	payload = append(payload, handleVersion)
	payload = binary.BigEndian.AppendUint64(payload, uint64(p))
	payload = binary.BigEndian.AppendUint64(payload, h.Ref.Record)
	payload = binary.BigEndian.AppendUint32(payload, h.Ref.Index)
	payload = binary.BigEndian.AppendUint32(payload, h.Receives)
	return base64.RawURLEncoding.EncodeToString(s.sign(payload))
}

// decode reads a receipt handle, and says false if encode cannot have made it.
func (s *handleSigner) decode(text string) (p queue.ID, h queue.Handle, ok bool) {
	if len(text) != handleTextLength {
		return 0, queue.Handle{}, false
	}
	var data [handleLength]byte
	if _, err := base64.RawURLEncoding.Strict().Decode(data[:], []byte(text)); err != nil || data[0] != handleVersion {
		return 0, queue.Handle{}, false
	}
	payload := data[:handlePayload:handlePayload]
	if !hmac.Equal(s.sign(payload)[handlePayload:], data[handlePayload:]) {
		return 0, queue.Handle{}, false
	}
	p = queue.ID(binary.BigEndian.Uint64(data[1:]))
	h.Ref.Record = binary.BigEndian.Uint64(data[9:])
	h.Ref.Index = binary.BigEndian.Uint32(data[17:])
	h.Receives = binary.BigEndian.Uint32(data[21:])
	return p, h, true
}

// handle reads a receipt handle of the queue q. One that is damaged, forged, or of another queue is ReceiptHandleIsInvalid.
func (s *Service) handle(q *catalog.Queue, text string) (queue.Handle, error) {
	p, h, ok := s.handles.decode(text)
	if !ok || !hasPartition(q, p) {
		shown := text[:min(len(text), receiptHandleMax)]
		return queue.Handle{}, api.ReceiptHandleIsInvalid.Newf("The input receipt handle \"%s\" is not a valid receipt handle.", shown)
	}
	return h, nil
}

func hasPartition(q *catalog.Queue, p queue.ID) bool {
	for _, own := range q.Partitions {
		if own.ID == p {
			return true
		}
	}
	return false
}

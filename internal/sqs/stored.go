package sqs

import (
	"crypto/md5"
	"fmt"

	"github.com/staunchmq/staunch/internal/catalog"
)

// StoredMessage is what the content of a stored message says, for tools. One that is encrypted has nothing but Sealed.
type StoredMessage struct {
	SenderID    string            `json:"sender,omitempty"`
	TraceHeader string            `json:"trace_header,omitempty"`
	Attributes  []StoredAttribute `json:"attributes,omitempty"`
	Body        string            `json:"body,omitempty"`
	Sealed      *StoredSealed     `json:"sealed,omitempty"`
}

// StoredSealed says which version of which key a message is encrypted under.
type StoredSealed struct {
	KeyID      string `json:"key_id"`
	KeyVersion uint32 `json:"key_version"`
	// Queue is the ID of the queue that it was encrypted for.
	Queue catalog.QueueID `json:"queue"`
	// Data is nonce, ciphertext and tag.
	Data []byte `json:"data"`
}

// StoredAttribute is a message attribute. Value is a string, or bytes where the type is Binary.
type StoredAttribute struct {
	Name     string `json:"name"`
	DataType string `json:"type"`
	Value    any    `json:"value"`
}

// ReadStored decodes the content of a stored message (queue.Message.Content) and verifies the digest of its body. It needs no keys, and
// so does not decrypt.
func ReadStored(data []byte) (*StoredMessage, error) {
	if isSealed(data) {
		c, err := parseSealed(data)
		if err != nil {
			return nil, err
		}
		return &StoredMessage{Sealed: &StoredSealed{c.keyID.String(), c.version, c.queue, c.sealed}}, nil
	}
	c, err := decodeContent(data)
	if err != nil {
		return nil, err
	}
	if md5.Sum([]byte(c.Body)) != c.BodyMD5 {
		return nil, fmt.Errorf("%w: the body does not have the digest that is stored with it", errContent)
	}
	m := &StoredMessage{SenderID: c.SenderID, TraceHeader: c.TraceHeader, Body: c.Body}
	for _, a := range c.Attributes {
		stored := StoredAttribute{Name: a.Name, DataType: a.DataType, Value: a.Value}
		if baseType(a.DataType) == typeBinary {
			stored.Value = []byte(a.Value)
		}
		m.Attributes = append(m.Attributes, stored)
	}
	return m, nil
}

package sqs

import (
	"crypto/md5"
	"fmt"
)

// StoredMessage is what the content of a stored message says, for tools.
type StoredMessage struct {
	SenderID    string            `json:"sender"`
	TraceHeader string            `json:"trace_header,omitempty"`
	Attributes  []StoredAttribute `json:"attributes,omitempty"`
	Body        string            `json:"body"`
}

// StoredAttribute is a message attribute. Value is a string, or bytes where the type is Binary.
type StoredAttribute struct {
	Name     string `json:"name"`
	DataType string `json:"type"`
	Value    any    `json:"value"`
}

// ReadStored decodes the content of a stored message (queue.Message.Content) and verifies the digest of its body.
func ReadStored(data []byte) (*StoredMessage, error) {
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

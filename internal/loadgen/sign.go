package loadgen

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"time"
)

// Keys are what requests are signed with. Without an access key they are not signed.
type Keys struct {
	AccessKey, SecretKey, SessionToken string
}

// signer makes the Authorization of requests by AWS Signature Version 4. Each connection has its own: it keeps the key of the
// day and its buffers.
type signer struct {
	keys   Keys
	region string
	host   string

	day   string // what key is for
	key   hash.Hash
	scope string // day/region/sqs/aws4_request

	canonical, text []byte
	sum             [sha256.Size]byte
}

const timeForm = "20060102T150405Z"

// sign appends the headers that sign a POST request with a body. head has its other headers, of which these are signed: host, content-length,
// content-type, and x-amz-target when target is not empty.
func (s *signer) sign(head []byte, now time.Time, path, contentType, target string, length, body []byte) []byte {
	at := now.UTC().Format(timeForm)
	s.setDay(at[:8])

	// The canonical request; header names in order, as are the signed names.
	names := "content-length;content-type;host;x-amz-date"
	c := append(s.canonical[:0], "POST\n"...)
	c = append(c, path...)
	c = append(c, "\n\ncontent-length:"...)
	c = append(c, length...)
	c = append(c, "\ncontent-type:"...)
	c = append(c, contentType...)
	c = append(c, "\nhost:"...)
	c = append(c, s.host...)
	c = append(c, "\nx-amz-date:"...)
	c = append(c, at...)
	if s.keys.SessionToken != "" {
		names += ";x-amz-security-token"
		c = append(c, "\nx-amz-security-token:"...)
		c = append(c, s.keys.SessionToken...)
	}
	if target != "" {
		names += ";x-amz-target"
		c = append(c, "\nx-amz-target:"...)
		c = append(c, target...)
	}
	c = append(c, "\n\n"...)
	c = append(c, names...)
	c = append(c, '\n')
	sum := sha256.Sum256(body)
	c = hex.AppendEncode(c, sum[:])
	s.canonical = c

	sum = sha256.Sum256(c)
	t := append(s.text[:0], "AWS4-HMAC-SHA256\n"...)
	t = append(t, at...)
	t = append(t, '\n')
	t = append(t, s.scope...)
	t = append(t, '\n')
	t = hex.AppendEncode(t, sum[:])
	s.text = t
	s.key.Reset()
	s.key.Write(t)

	head = append(head, "X-Amz-Date: "...)
	head = append(head, at...)
	if s.keys.SessionToken != "" {
		head = append(head, "\r\nX-Amz-Security-Token: "...)
		head = append(head, s.keys.SessionToken...)
	}
	head = append(head, "\r\nAuthorization: AWS4-HMAC-SHA256 Credential="...)
	head = append(head, s.keys.AccessKey...)
	head = append(head, '/')
	head = append(head, s.scope...)
	head = append(head, ", SignedHeaders="...)
	head = append(head, names...)
	head = append(head, ", Signature="...)
	head = hex.AppendEncode(head, s.key.Sum(s.sum[:0]))
	return append(head, "\r\n"...)
}

// setDay makes the key of a day, YYYYMMDD, if it is not the one of the last request.
func (s *signer) setDay(day string) {
	if s.day == day {
		return
	}
	mac := func(key []byte, text string) []byte {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(text))
		return h.Sum(nil)
	}
	key := mac(mac(mac(mac([]byte("AWS4"+s.keys.SecretKey), day), s.region), "sqs"), "aws4_request")
	s.day, s.key = day, hmac.New(sha256.New, key)
	s.scope = day + "/" + s.region + "/sqs/aws4_request"
}

package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strings"
	"sync"
)

// verifier verifies AWS Signature Version 4 in the Authorization header, for one access key.
type verifier struct {
	accessKey, secretKey string

	keys sync.Map // credential scope -> signing key
}

// verify tells whether a request with this body is signed.
func (v *verifier) verify(r *http.Request, body []byte) bool {
	rest, ok := strings.CutPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential="+v.accessKey+"/")
	if !ok {
		return false
	}
	scope, rest, ok1 := strings.Cut(rest, ", SignedHeaders=")
	names, signature, ok2 := strings.Cut(rest, ", Signature=")
	key := v.key(scope)
	if !ok1 || !ok2 || key == nil {
		return false
	}
	c := make([]byte, 0, 512)
	c = append(append(append(append(c, r.Method...), '\n'), r.URL.EscapedPath()...), "\n\n"...)
	for name := range strings.SplitSeq(names, ";") {
		c = append(append(c, name...), ':')
		switch name {
		case "host":
			c = append(c, r.Host...)
		case "content-length":
			c = appendInt(c, int(r.ContentLength))
		default:
			c = append(c, strings.TrimSpace(r.Header.Get(name))...)
		}
		c = append(c, '\n')
	}
	c = append(append(append(c, '\n'), names...), '\n')
	sum := sha256.Sum256(body)
	c = hex.AppendEncode(c, sum[:])
	sum = sha256.Sum256(c)

	t := append(c[:0], "AWS4-HMAC-SHA256\n"...)
	t = append(append(append(append(t, r.Header.Get("X-Amz-Date")...), '\n'), scope...), '\n')
	t = hex.AppendEncode(t, sum[:])
	want := hex.AppendEncode(nil, mac(key, t))
	return hmac.Equal(want, []byte(signature))
}

// key returns the key of a scope DAY/REGION/sqs/aws4_request, or nil.
func (v *verifier) key(scope string) []byte {
	if key, ok := v.keys.Load(scope); ok {
		return key.([]byte)
	}
	parts := strings.Split(scope, "/")
	if len(parts) != 4 {
		return nil
	}
	key := []byte("AWS4" + v.secretKey)
	for _, part := range parts {
		key = mac(key, []byte(part))
	}
	v.keys.Store(scope, bytes.Clone(key))
	return key
}

func mac(key, text []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(text)
	return h.Sum(nil)
}

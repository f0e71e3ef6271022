package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"hash"
	"strings"
	"sync"
)

// keysMax bounds the derived keys that are kept. One is needed per secret, day, region and service.
const keysMax = 4096

// scope is what a signing key is derived from.
type scope struct{ secret, date, region, service string }

// derive returns the signing key of a scope.
func derive(s scope) [32]byte {
	key := sum([]byte("AWS4"+s.secret), s.date)
	for _, part := range []string{s.region, s.service, terminator} {
		key = sum(key[:], part)
	}
	return key
}

// sum is HMAC-SHA256.
func sum[T string | []byte](key []byte, data T) (out [32]byte) {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(data))
	h.Sum(out[:0])
	return out
}

// signingKey signs with the key of a scope. It is safe for concurrent use.
type signingKey struct {
	// macs are ready to sign. To begin one again in place of a new one saves a quarter of a verification.
	macs sync.Pool // *mac
}

type mac struct {
	hash.Hash
	sum [sha256.Size]byte
}

func newSigningKey(s scope) *signingKey {
	key := derive(s)
	return &signingKey{sync.Pool{New: func() any { return &mac{Hash: hmac.New(sha256.New, key[:])} }}}
}

// sign returns the HMAC-SHA256 of data.
func (k *signingKey) sign(data []byte) [sha256.Size]byte {
	m := k.macs.Get().(*mac)
	defer k.macs.Put(m)
	m.Reset()
	m.Write(data)
	m.Sum(m.sum[:0])
	return m.sum
}

// keys remembers signing keys. It is safe for concurrent use.
type keys struct {
	mu     sync.RWMutex
	byName map[scope]*signingKey // guarded by mu
}

// get returns the signing key of a scope, and whether it was remembered.
func (k *keys) get(s scope) (key *signingKey, known bool) {
	k.mu.RLock()
	key, known = k.byName[s]
	k.mu.RUnlock()
	if !known {
		key = newSigningKey(s)
	}
	return key, known
}

// keep remembers a key. It must be called for scopes of verified requests only, so that whoever has no secret cannot push out
// the keys of others. When there is no room all are forgotten: the days before today are most of them.
func (k *keys) keep(s scope, key *signingKey) {
	s = scope{s.secret, strings.Clone(s.date), strings.Clone(s.region), strings.Clone(s.service)} // not the whole header with them
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.byName == nil || len(k.byName) >= keysMax {
		k.byName = make(map[scope]*signingKey)
	}
	k.byName[s] = key
}

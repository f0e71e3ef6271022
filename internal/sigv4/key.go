package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
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

// keys remembers signing keys. It is safe for concurrent use.
type keys struct {
	mu     sync.RWMutex
	byName map[scope][32]byte // guarded by mu
}

// get returns the signing key of a scope, and whether it was remembered.
func (k *keys) get(s scope) (key [32]byte, known bool) {
	k.mu.RLock()
	key, known = k.byName[s]
	k.mu.RUnlock()
	if !known {
		key = derive(s)
	}
	return key, known
}

// keep remembers a key. It must be called for scopes of verified requests only, so that whoever has no secret cannot push out
// the keys of others. When there is no room all are forgotten: the days before today are most of them.
func (k *keys) keep(s scope, key [32]byte) {
	s = scope{s.secret, strings.Clone(s.date), strings.Clone(s.region), strings.Clone(s.service)} // not the whole header with them
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.byName == nil || len(k.byName) >= keysMax {
		k.byName = make(map[scope][32]byte)
	}
	k.byName[s] = key
}

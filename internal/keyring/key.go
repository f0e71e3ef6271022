package keyring

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
)

// KeyID tells a key from every other, in any keyring. Its text is that of a UUID.
type KeyID [16]byte

// String returns the text of the id.
func (id KeyID) String() string { return uuid.UUID(id).String() }

// Key is a key of a keyring, without its secrets.
type Key struct {
	ID   KeyID
	Name string
	// Aliases are further texts by which a KmsMasterKeyId can name the key: alias/..., ARNs, ids of keys elsewhere.
	Aliases []string
	// Accounts are those whose queues can use the key; empty means all.
	Accounts []string
	Enabled  bool
	// Versions are the versions, oldest first. There is at least one.
	Versions []Version

	// digestSecret makes digests, of keySize bytes; nil as long as it is made of the oldest version.
	digestSecret []byte
}

// Version is a version of a key.
type Version struct {
	Number  uint32
	Created time.Time

	secret []byte // of keySize bytes
	aead   cipher.AEAD
}

func (k *Key) addVersion(number uint32, secret []byte) error {
	block, err := aes.NewCipher(secret)
	if err != nil {
		return err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return err
	}
	k.Versions = append(k.Versions, Version{Number: number, secret: secret, aead: aead})
	return nil
}

// is tells whether text means this key.
func (k *Key) is(text string) bool {
	return text == aliasPrefix+k.Name || text == k.ID.String() || slices.Contains(k.Aliases, text)
}

func (k *Key) newest() *Version { return &k.Versions[len(k.Versions)-1] }

func (k *Key) seal(plaintext, context []byte) ([]byte, error) {
	if !k.Enabled {
		return nil, fmt.Errorf("key %s: %w", k.Name, ErrDisabled)
	}
	v := k.newest()
	sealed := make([]byte, headerSize+nonceSize, headerSize+nonceSize+len(plaintext)+tagSize)
	sealed[0] = sealedFormat
	copy(sealed[1:], k.ID[:])
	binary.BigEndian.PutUint32(sealed[17:], v.Number)
	nonce := sealed[headerSize:]
	if _, err := rand.Read(nonce); err != nil {
		return nil, err
	}
	return v.aead.Seal(sealed, nonce, plaintext, slices.Concat(sealed[:headerSize], context)), nil
}

func (k *Key) open(number uint32, sealed, context []byte) ([]byte, error) {
	if !k.Enabled {
		return nil, fmt.Errorf("key %s: %w", k.Name, ErrDisabled)
	}
	i := slices.IndexFunc(k.Versions, func(v Version) bool { return v.Number == number })
	if i < 0 {
		return nil, fmt.Errorf("version %d of key %s: %w", number, k.Name, ErrNotFound)
	}
	header, nonce, ciphertext := sealed[:headerSize], sealed[headerSize:headerSize+nonceSize], sealed[headerSize+nonceSize:]
	plaintext, err := k.Versions[i].aead.Open(nil, nonce, ciphertext, slices.Concat(header, context))
	if err != nil {
		return nil, fmt.Errorf("version %d of key %s: %w", number, k.Name, ErrSealed)
	}
	return plaintext, nil
}

// secretOfDigests is what digests are made with: it is made of the first version that the key had, and stays when that is forgotten.
func (k *Key) secretOfDigests() []byte {
	if k.digestSecret != nil {
		return k.digestSecret
	}
	derive := hmac.New(sha256.New, k.Versions[0].secret)
	derive.Write([]byte("staunch digest"))
	return derive.Sum(nil)
}

const (
	sealedFormat = 1
	headerSize   = 1 + len(KeyID{}) + 4
	nonceSize    = 12
	tagSize      = 16
	// Overhead is how much longer something sealed is than its plaintext, in bytes.
	Overhead = headerSize + nonceSize + tagSize
)

// SealedBy returns which version of which key has sealed something, without opening it: the key need not be there. It fails with
// ErrSealed.
func SealedBy(sealed []byte) (id KeyID, version uint32, err error) {
	if len(sealed) < Overhead {
		return id, 0, fmt.Errorf("%w: %d bytes are too few", ErrSealed, len(sealed))
	}
	if sealed[0] != sealedFormat {
		return id, 0, fmt.Errorf("%w: format %d is not known to this program", ErrSealed, sealed[0])
	}
	return KeyID(sealed[1:17]), binary.BigEndian.Uint32(sealed[17:]), nil
}

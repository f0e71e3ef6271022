package sqs

import (
	"crypto/cipher"

	"github.com/staunchmq/staunch/internal/catalog"
	"github.com/staunchmq/staunch/internal/keyring"
	"github.com/staunchmq/staunch/internal/queue"
)

// Resealer encrypts stored messages anew, under the newest versions of their keys. A data key is wrapped in each message that it encrypts
// and authenticated with it, so the content is encrypted again too, with a data key of its own. It is used by one goroutine at a time.
type Resealer struct {
	keys    *keyring.Keyring
	opening map[string]cipher.AEAD // by their wrapped form
	sealing map[resealing]*dataKey
}

// resealing is what a data key of a Resealer is for.
type resealing struct {
	queue   catalog.QueueID
	key     keyring.KeyID
	version uint32
}

// Resealer returns one. New messages are encrypted with the newest versions once the keyring has them.
func (s *Service) Resealer() *Resealer {
	return &Resealer{keys: s.keys, opening: make(map[string]cipher.AEAD), sealing: make(map[resealing]*dataKey)}
}

// Reseal returns the content of a message under the newest version of its key; nil if it is, or is not encrypted. What a built-in key
// has encrypted is encrypted with the keyring's key for messages. The errors are those of the keyring, or errContent.
func (r *Resealer) Reseal(id queue.MessageID, data []byte) ([]byte, error) {
	if !isSealed(data) {
		return nil, nil
	}
	c, err := parseSealed(data)
	if err != nil {
		return nil, err
	}
	key, version, err := r.keys.Newest(c.keyID)
	if err != nil {
		return nil, err
	}
	if key == c.keyID && version == c.version {
		return nil, nil
	}
	aead, err := r.opener(&c)
	if err != nil {
		return nil, err
	}
	opened, err := c.open(aead, id)
	if err != nil {
		return nil, err
	}
	k, err := r.dataKey(resealing{c.queue, key, version})
	if err != nil {
		return nil, err
	}
	return k.seal(id, &opened)
}

func (r *Resealer) opener(c *sealedContent) (cipher.AEAD, error) {
	if aead, ok := r.opening[string(c.wrapped)]; ok {
		return aead, nil
	}
	aead, err := c.unwrap(r.keys)
	if err != nil {
		return nil, err
	}
	if len(r.opening) >= dataKeysMax {
		clear(r.opening)
	}
	r.opening[string(c.wrapped)] = aead
	return aead, nil
}

func (r *Resealer) dataKey(of resealing) (*dataKey, error) {
	if k, ok := r.sealing[of]; ok && k.uses.Load() < dataKeyUsesMax {
		return k, nil
	}
	k, err := newDataKey(r.keys, of.key, of.queue)
	if err != nil {
		return nil, err
	}
	if len(r.sealing) >= dataKeysMax {
		clear(r.sealing)
	}
	r.sealing[of] = k
	return k, nil
}

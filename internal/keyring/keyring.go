package keyring

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// Errors to test for. [ErrNotFound], [ErrDisabled], [ErrUsage] and [ErrAccess] are about a key, ErrSealed is about what it should open.
var (
	ErrNotFound = errors.New("there is no such key in the keyring")
	ErrDisabled = errors.New("the key is disabled")
	ErrUsage    = errors.New("the key is not for messages")
	ErrAccess   = errors.New("the key is not for this account")
	// ErrSealed means that something sealed was damaged or changed, or was sealed in another context.
	ErrSealed = errors.New("what was sealed is damaged, or does not belong here")
)

// The keys that every keyring has.
const (
	// MessageKey is the name of the key for queues with SqsManagedSseEnabled; as a KMS key it is alias/aws/sqs.
	MessageKey = "aws/sqs"
	// SecretKey is the name of the key for secrets of the server. It does not seal messages.
	SecretKey = "staunch/secrets"
)

// keySize is the size of keys in bytes: AES-256.
const keySize = 32

// Keyring seals and opens. It is safe for concurrent use.
type Keyring struct {
	loaded  atomic.Pointer[set] // nil without a source
	builtin atomic.Pointer[set] // nil before UseBuiltin
	source  *source             // nil without one
	// generation counts the changes of loaded, after each.
	generation atomic.Uint64
	// inWords is true if the built-in keys were asked for.
	inWords bool

	counts counts
	stale  atomic.Bool // the source could not be read the last time
}

// New returns a keyring without a source: it has the built-in keys alone.
func New() *Keyring { return &Keyring{} }

// UseBuiltin makes the built-in keys of a secret of the server, which must be the same for ever. They seal where no source is
// configured, and open what they have sealed.
func (k *Keyring) UseBuiltin(secret []byte) error {
	s := &set{}
	for _, name := range []string{MessageKey, SecretKey} {
		material, err := hkdf.Key(sha256.New, secret, nil, "staunch built-in key "+name, len(KeyID{})+keySize)
		if err != nil {
			return fmt.Errorf("make the built-in keys: %w", err)
		}
		key := &Key{ID: KeyID(material[:16]), Name: name, Enabled: true}
		if err := key.addVersion(1, material[16:]); err != nil {
			return fmt.Errorf("make the built-in keys: %w", err)
		}
		s.keys = append(s.keys, key)
	}
	k.builtin.Store(s)
	return nil
}

// Generation tells whether the keys have changed: it is another one then, at the latest when [Keyring.Reload] returns. What is made with
// the keys after it was asked for is made with the keys of that generation, or newer ones. It costs next to nothing.
func (k *Keyring) Generation() uint64 { return k.generation.Load() }

// Identity names the keyring for [Keyring.Follows]; it is empty while there is no source.
func (k *Keyring) Identity() string {
	s := k.loaded.Load()
	if s == nil {
		return ""
	}
	return s.find(aliasPrefix + MessageKey).ID.String()
}

// Follows tells whether this keyring can take the place of the one with that identity: it has the key of the other, or it is the built-in
// one and that was asked for in words.
func (k *Keyring) Follows(identity string) bool {
	s := k.loaded.Load()
	switch {
	case identity == "" || k.inWords:
		return true
	case s == nil:
		return false
	}
	return s.find(identity) != nil
}

// Seal encrypts with the key for secrets of the server. Open opens the result, in the same context alone.
func (k *Keyring) Seal(plaintext, context []byte) ([]byte, error) {
	key, err := k.named(SecretKey)
	if err != nil {
		return nil, k.counts.sealed(err)
	}
	sealed, err := key.seal(plaintext, context)
	return sealed, k.counts.sealed(err)
}

// SealWith encrypts with a key that Resolve has named.
func (k *Keyring) SealWith(id KeyID, plaintext, context []byte) ([]byte, error) {
	key, err := k.byID(id)
	if err != nil {
		return nil, k.counts.sealed(err)
	}
	sealed, err := key.seal(plaintext, context)
	return sealed, k.counts.sealed(err)
}

// Newest returns which version of which key seals now in the place of a key that has sealed something: its own newest version or, where
// a built-in key has sealed and a source is configured, that of the source's key for messages. It fails with ErrNotFound.
func (k *Keyring) Newest(id KeyID) (KeyID, uint32, error) {
	key, err := k.byID(id)
	if err != nil {
		return KeyID{}, 0, err
	}
	if s := k.loaded.Load(); s != nil && s.byID(id) == nil {
		key = s.find(aliasPrefix + MessageKey)
	}
	return key.ID, key.newest().Number, nil
}

// NewestVersions returns the number of the newest version of each key, by key ID.
func (k *Keyring) NewestVersions() map[string]uint32 {
	newest := make(map[string]uint32)
	if s := k.loaded.Load(); s != nil {
		for _, key := range s.keys {
			newest[key.ID.String()] = key.newest().Number
		}
	}
	return newest
}

// Outdated tells whether something that Seal has returned was sealed with another version, or another key, than Seal takes now. It fails
// with ErrSealed, or with ErrNotFound if Seal has no key.
func (k *Keyring) Outdated(sealed []byte) (bool, error) {
	id, version, err := SealedBy(sealed)
	if err != nil {
		return false, err
	}
	key, err := k.named(SecretKey)
	if err != nil {
		return false, err
	}
	return id != key.ID || version != key.newest().Number, nil
}

// Open decrypts what Seal or SealWith have returned. It fails with ErrNotFound or ErrDisabled if the key is not there for it, and with
// ErrSealed if this was not sealed in this context.
func (k *Keyring) Open(sealed, context []byte) ([]byte, error) {
	plaintext, err := k.open(sealed, context)
	return plaintext, k.counts.opened(err)
}

func (k *Keyring) open(sealed, context []byte) ([]byte, error) {
	id, version, err := SealedBy(sealed)
	if err != nil {
		return nil, err
	}
	key, err := k.byID(id)
	if err != nil {
		return nil, err
	}
	return key.open(version, sealed, context)
}

// Resolve finds the key that a queue means by a KmsMasterKeyId: a key id, alias/NAME, an ARN of either in the queue's own region and
// account, or a text that the key lists as one of its aliases. It fails with ErrNotFound, ErrDisabled, ErrUsage or ErrAccess.
func (k *Keyring) Resolve(keyID, region, account string) (KeyID, error) {
	key, err := k.find(localName(keyID, region, account))
	if err != nil {
		return KeyID{}, err
	}
	switch {
	case key.Name == SecretKey:
		return KeyID{}, fmt.Errorf("key %s: %w", key.Name, ErrUsage)
	case len(key.Accounts) > 0 && !slices.Contains(key.Accounts, account):
		return KeyID{}, fmt.Errorf("key %s: %w", key.Name, ErrAccess)
	case !key.Enabled:
		return KeyID{}, fmt.Errorf("key %s: %w", key.Name, ErrDisabled)
	}
	return key.ID, nil
}

// aliasPrefix is what AWS puts before the name of a key.
const aliasPrefix = "alias/"

// localName takes off an ARN what says that the key is of this region and account, and leaves every other text as it is.
func localName(keyID, region, account string) string {
	parts := strings.SplitN(keyID, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "kms" || parts[3] != region || parts[4] != account {
		return keyID
	}
	if strings.HasPrefix(parts[5], aliasPrefix) {
		return parts[5]
	}
	if id, ok := strings.CutPrefix(parts[5], "key/"); ok && !strings.HasPrefix(id, aliasPrefix) {
		return id
	}
	return keyID
}

// named returns the key of a name.
func (k *Keyring) named(name string) (*Key, error) { return k.find(aliasPrefix + name) }

// sealing returns the keys that seal; there may be none.
func (k *Keyring) sealing() *set {
	for _, s := range []*set{k.loaded.Load(), k.builtin.Load()} {
		if s != nil {
			return s
		}
	}
	return &set{}
}

// find returns the key that a text means, in the keys that seal. It fails with ErrNotFound.
func (k *Keyring) find(text string) (*Key, error) { return k.sealing().get(text) }

// byID returns a key. It fails with ErrNotFound.
func (k *Keyring) byID(id KeyID) (*Key, error) {
	for _, s := range []*set{k.loaded.Load(), k.builtin.Load()} {
		if s == nil {
			continue
		}
		if key := s.byID(id); key != nil {
			return key, nil
		}
	}
	return nil, fmt.Errorf("key %s: %w", id, ErrNotFound)
}

// Digest returns a keyed hash of data, of 32 bytes, which tells whoever does not have the keys nothing of it. It is the same for the same
// data as long as the keyring is the same one, also when versions are added and forgotten. It works while the key for secrets is disabled.
func (k *Keyring) Digest(data ...[]byte) ([]byte, error) { return k.sealing().digest(data) }

// set is keys. It is not changed.
type set struct {
	keys []*Key
	// macs are of hash.Hash: those that make digests. To have one at hand saves finding the key and deriving two secrets for each message that
	// is sent to a FIFO queue: 2 % of the server's CPU in its round trip.
	macs sync.Pool
}

// digest is a MAC of the data under the key for secrets.
func (s *set) digest(data [][]byte) ([]byte, error) {
	mac, ok := s.macs.Get().(hash.Hash)
	if !ok {
		key, err := s.get(aliasPrefix + SecretKey)
		if err != nil {
			return nil, err
		}
		mac = hmac.New(sha256.New, key.secretOfDigests())
	}
	defer s.macs.Put(mac)
	mac.Reset()
	for _, d := range data {
		mac.Write(d)
	}
	return mac.Sum(nil), nil
}

func (s *set) byID(id KeyID) *Key {
	for _, key := range s.keys {
		if key.ID == id {
			return key
		}
	}
	return nil
}

// find returns the key with this id, alias/NAME or alias, or nil.
func (s *set) find(text string) *Key {
	for _, key := range s.keys {
		if key.is(text) {
			return key
		}
	}
	return nil
}

// get is find that fails with ErrNotFound.
func (s *set) get(text string) (*Key, error) {
	if key := s.find(text); key != nil {
		return key, nil
	}
	return nil, fmt.Errorf("%q: %w", text, ErrNotFound)
}

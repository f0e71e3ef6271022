package keyring

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"go.yaml.in/yaml/v3"
)

// document is the text form of a keyring, in YAML.
type document struct {
	Format int        `yaml:"format"`
	Keys   []keyEntry `yaml:"keys"`
}

type keyEntry struct {
	Name     string         `yaml:"name"`
	ID       string         `yaml:"id"`
	State    string         `yaml:"state"`
	Aliases  []string       `yaml:"aliases,omitempty"`
	Accounts []string       `yaml:"accounts,omitempty"`
	Versions []versionEntry `yaml:"versions"`
	// Digest is there once the version was forgotten that digests were made with.
	Digest *digestEntry `yaml:"digest,omitempty"`
}

type versionEntry struct {
	Version uint32    `yaml:"version"`
	Created time.Time `yaml:"created"`
	Secret  string    `yaml:"secret"` // base64
	// Check says that the secret is that of this key and version; files that were written by hand may be without it.
	Check string `yaml:"check,omitempty"`
}

type digestEntry struct {
	Secret string `yaml:"secret"` // base64
	Check  string `yaml:"check,omitempty"`
}

// digestCheckText returns what Check of the digest must be.
func (k *Key) digestCheckText() string {
	mac := hmac.New(sha256.New, k.digestSecret)
	fmt.Fprintf(mac, "staunch digest check %s %s", k.ID, k.Name)
	return hex.EncodeToString(mac.Sum(nil)[:8])
}

// checkText returns what Check must be. A secret with a flipped bit is a secret too: what had been sealed could not be opened, and what is
// sealed with it could not once the file has been put right.
func (k *Key) checkText(v Version) string {
	mac := hmac.New(sha256.New, v.secret)
	fmt.Fprintf(mac, "staunch key check %s %s %d", k.ID, k.Name, v.Number)
	return hex.EncodeToString(mac.Sum(nil)[:8])
}

const (
	documentFormat = 1
	enabledState   = "enabled"
	disabledState  = "disabled"
)

// documentHeader begins every file that this package writes.
const documentHeader = `# A keyring of Staunch. Whoever has it can read what it has encrypted, and without it nobody can: keep a copy, apart from the backups.
# docs/operations/encryption.md describes it; staunch keyring changes it.
`

// parse reads a document. Its errors never show a secret.
func parse(text []byte) (*set, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	var d document
	if err := decoder.Decode(&d); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, errors.New("it is empty")
		}
		return nil, withoutValues(err)
	}
	if err := decoder.Decode(&document{}); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the keyring")
	}
	if d.Format != documentFormat {
		return nil, fmt.Errorf("format %d is not known to this program; it knows %d", d.Format, documentFormat)
	}
	s := &set{}
	for i := range d.Keys {
		key, err := d.Keys[i].key()
		if err != nil {
			return nil, fmt.Errorf("key %d: %w", i+1, err)
		}
		for _, text := range append([]string{aliasPrefix + key.Name, key.ID.String()}, key.Aliases...) {
			if s.find(text) != nil {
				return nil, fmt.Errorf("key %s: two keys are called %s", key.Name, text)
			}
		}
		s.keys = append(s.keys, key)
	}
	for _, name := range []string{MessageKey, SecretKey} {
		if s.find(aliasPrefix+name) == nil {
			return nil, fmt.Errorf("there is no key %s, which every keyring must have", name)
		}
	}
	return s, nil
}

// withoutValues says where a YAML error is, and keeps back what stands there.
func withoutValues(err error) error {
	var lines []string
	for part := range strings.FieldsFuncSeq(err.Error(), func(r rune) bool { return r == '\n' }) {
		if _, rest, ok := strings.Cut(part, "line "); ok {
			number, _, _ := strings.Cut(rest, ":")
			lines = append(lines, number)
		}
	}
	if len(lines) == 0 {
		return errors.New("it is not YAML")
	}
	return fmt.Errorf("it is not a keyring: see line %s", strings.Join(lines, ", "))
}

func (e *keyEntry) key() (*Key, error) {
	if err := checkName(e.Name); err != nil {
		return nil, err
	}
	id, err := uuid.Parse(e.ID)
	if err != nil || id.String() != e.ID {
		return nil, fmt.Errorf("%s: the id is not a UUID in lower case", e.Name)
	}
	if e.State != enabledState && e.State != disabledState {
		return nil, fmt.Errorf("%s: the state is neither %s nor %s", e.Name, enabledState, disabledState)
	}
	if len(e.Versions) == 0 {
		return nil, fmt.Errorf("%s: it has no version", e.Name)
	}
	for _, account := range e.Accounts {
		if len(account) != 12 || strings.Trim(account, "0123456789") != "" {
			return nil, fmt.Errorf("%s: %q is not an account, of 12 digits", e.Name, account)
		}
	}
	key := &Key{ID: KeyID(id), Name: e.Name, Aliases: e.Aliases, Accounts: e.Accounts, Enabled: e.State == enabledState}
	for i, v := range e.Versions {
		if v.Version == 0 || i > 0 && v.Version <= e.Versions[i-1].Version {
			return nil, fmt.Errorf("%s: the versions are not numbered upwards from 1", e.Name)
		}
		secret, ok := decodeSecret(v.Secret)
		if !ok {
			return nil, fmt.Errorf("%s: the secret of version %d is not %d bytes in base64", e.Name, v.Version, keySize)
		}
		if err := key.addVersion(v.Version, secret); err != nil {
			return nil, fmt.Errorf("%s: version %d: %w", e.Name, v.Version, err)
		}
		key.Versions[i].Created = v.Created
		if v.Check != "" && v.Check != key.checkText(key.Versions[i]) {
			return nil, fmt.Errorf("%s: version %d does not have its check: the file has been damaged, or name, id, version or secret were changed by hand. "+
				"Take a copy of the file", e.Name, v.Version)
		}
	}
	if e.Digest != nil {
		if e.Name != SecretKey {
			return nil, fmt.Errorf("%s: only %s has a digest", e.Name, SecretKey)
		}
		secret, ok := decodeSecret(e.Digest.Secret)
		if !ok {
			return nil, fmt.Errorf("%s: the secret of the digest is not %d bytes in base64", e.Name, keySize)
		}
		key.digestSecret = secret
		if e.Digest.Check != "" && e.Digest.Check != key.digestCheckText() {
			return nil, fmt.Errorf("%s: the digest does not have its check: the file has been damaged, or name, id or secret were changed by hand. "+
				"Take a copy of the file", e.Name)
		}
	}
	return key, nil
}

// decodeSecret reads the text of a secret.
func decodeSecret(text string) (secret []byte, ok bool) {
	secret, err := base64.StdEncoding.Strict().DecodeString(text)
	return secret, err == nil && len(secret) == keySize
}

// nameMax is the longest name of a key, in bytes. AWS: 256 for an alias.
const nameMax = 128

// checkName checks the name of a key: letters, digits, and /_- as in aliases of AWS.
func checkName(name string) error {
	valid := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/_-", r)
	}
	if name == "" || len(name) > nameMax || strings.ContainsFunc(name, func(r rune) bool { return !valid(r) }) {
		return fmt.Errorf("%q is not a name for a key: 1 to %d letters, digits, /, _ and -", name, nameMax)
	}
	return nil
}

// format returns the document of the keys.
func (s *set) format() ([]byte, error) {
	d := document{Format: documentFormat}
	for _, key := range s.keys {
		e := keyEntry{Name: key.Name, ID: key.ID.String(), State: disabledState, Aliases: key.Aliases, Accounts: key.Accounts}
		if key.Enabled {
			e.State = enabledState
		}
		for _, v := range key.Versions {
			e.Versions = append(e.Versions, versionEntry{v.Number, v.Created.UTC().Truncate(time.Second), base64.StdEncoding.EncodeToString(v.secret), key.checkText(v)})
		}
		if key.digestSecret != nil {
			e.Digest = &digestEntry{base64.StdEncoding.EncodeToString(key.digestSecret), key.digestCheckText()}
		}
		d.Keys = append(d.Keys, e)
	}
	text := bytes.NewBufferString(documentHeader)
	encoder := yaml.NewEncoder(text)
	encoder.SetIndent(2)
	if err := encoder.Encode(d); err != nil {
		return nil, err
	}
	return text.Bytes(), encoder.Close()
}

// newKey returns a key with one version.
func newKey(name string, now time.Time) (*Key, error) {
	key := &Key{ID: KeyID(uuid.New()), Name: name, Enabled: true}
	return key, key.rotate(now)
}

// rotate adds a version.
func (k *Key) rotate(now time.Time) error {
	secret := make([]byte, keySize)
	if _, err := rand.Read(secret); err != nil {
		return err
	}
	number := uint32(1)
	if len(k.Versions) > 0 {
		number = k.Versions[len(k.Versions)-1].Number + 1
	}
	k.Versions = slices.Clip(k.Versions)
	if err := k.addVersion(number, secret); err != nil {
		return err
	}
	k.Versions[len(k.Versions)-1].Created = now
	return nil
}

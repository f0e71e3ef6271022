package identity

import (
	"context"
	"encoding/base32"
	"encoding/base64"
	"fmt"
	"io"
	"math/big"
	"strings"

	crand "crypto/rand"

	"github.com/staunchmq/staunch/internal/catalog"
	"github.com/staunchmq/staunch/internal/clock"
)

// Sealer encrypts secrets for storage. What was sealed in a context opens only in the same one.
type Sealer interface {
	Seal(plaintext, context []byte) ([]byte, error)
	Open(sealed, context []byte) ([]byte, error)
	// Outdated tells whether Seal takes another key, or version of it, now than the one that has sealed something. An error means that it
	// cannot be opened.
	Outdated(sealed []byte) (bool, error)
}

// Options is what a Service works with. All fields are needed unless they say otherwise.
type Options struct {
	Catalog *catalog.Catalog
	Sealer  Sealer
	Clock   clock.Clock
	// LastUsed, if not nil, says when a key was last used as far as it knows, in Unix ms: the catalog hears of it later. See [Directory.LastUsed].
	LastUsed func(keyID string) int64
	// Random is where IDs and secrets come from; crypto/rand if nil.
	Random io.Reader
}

// Service changes and lists identities. Its methods are the operations of the admin interface; each gets one struct and returns
// one, whose JSON form is documented in docs/operations/identities.md. A change is durable when the method returns.
type Service struct {
	catalog *catalog.Catalog
	sealer  Sealer
	clock   clock.Clock
	random  io.Reader
	used    func(keyID string) int64
}

// New returns a service over a catalog. It starts nothing.
func New(o Options) *Service {
	s := &Service{catalog: o.Catalog, sealer: o.Sealer, clock: o.Clock, random: o.Random, used: o.LastUsed}
	if s.used == nil {
		s.used = func(string) int64 { return 0 }
	}
	if s.random == nil {
		s.random = crand.Reader
	}
	return s
}

func (s *Service) now() int64 { return s.clock.Now().UnixMilli() }

func (s *Service) identities() *catalog.Identities { return s.catalog.View().Identities() }

// update commits the change that decide makes of the newest identities.
func (s *Service) update(ctx context.Context, decide func(*catalog.Identities) (catalog.Change, error)) error {
	return s.catalog.Update(ctx, func(v *catalog.View) (catalog.Change, error) { return decide(v.Identities()) })
}

// uniqueID returns an ID that was never used: 80 random bits, in the letters that IAM uses.
func (s *Service) uniqueID(prefix string) (string, error) {
	b := make([]byte, 10)
	if _, err := io.ReadFull(s.random, b); err != nil {
		return "", fmt.Errorf("make an ID: %w", err)
	}
	return prefix + base32.StdEncoding.EncodeToString(b), nil
}

// secret returns a secret access key of 40 characters: 240 random bits.
func (s *Service) secret() (string, error) {
	b := make([]byte, 30)
	if _, err := io.ReadFull(s.random, b); err != nil {
		return "", fmt.Errorf("make a secret access key: %w", err)
	}
	return base64.StdEncoding.EncodeToString(b), nil
}

// accountID returns a random account ID that does not begin with a zero.
func (s *Service) accountID() (string, error) {
	n, err := crand.Int(s.random, big.NewInt(900_000_000_000))
	if err != nil {
		return "", fmt.Errorf("make an account ID: %w", err)
	}
	return n.Add(n, big.NewInt(100_000_000_000)).String(), nil
}

// sealContext ties a sealed secret to its key and the key's owner, so that records cannot be swapped.
func sealContext(k *catalog.AccessKey) []byte {
	return []byte(strings.Join([]string{"staunch access key", k.ID, k.Account, k.User}, "\x00"))
}

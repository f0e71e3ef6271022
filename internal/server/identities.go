package server

import (
	"context"
	"fmt"

	"github.com/staunchmq/staunch/internal/clock"
	"github.com/staunchmq/staunch/internal/identity"
	"github.com/staunchmq/staunch/internal/keyring"
)

// openIdentities makes the service and the directory of identities of a node. The keyring needs its keys before they are used.
func (n *node) openIdentities(keys *keyring.Keyring) {
	n.identities = identity.New(identity.Options{Catalog: n.catalog, Sealer: keys, Clock: clock.System()})
	n.directory = identity.NewDirectory(identity.DirectoryOptions{Catalog: n.catalog, Sealer: keys, Clock: clock.System(), Logger: n.log})
}

// EnsureRootKey makes the account if it is not there, and an access key for its root unless there ever was one; then it returns nil. The
// caller shows the key: nobody can ask for its secret again.
func EnsureRootKey(ctx context.Context, identities *identity.Service, account string) (*identity.NewKey, error) {
	err := identities.EnsureAccount(ctx, account)
	var key *identity.NewKey
	if err == nil {
		key, err = identities.EnsureRootKey(ctx, account)
	}
	if err != nil {
		return nil, fmt.Errorf("make the first access key, of the root of account %s: %w", account, err)
	}
	return key, nil
}

package server

import (
	"context"
	"fmt"
	"strings"

	"github.com/staunchmq/staunch/internal/access"
	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/catalog"
	"github.com/staunchmq/staunch/internal/clock"
	"github.com/staunchmq/staunch/internal/config"
	"github.com/staunchmq/staunch/internal/credentials"
	"github.com/staunchmq/staunch/internal/gateway"
	"github.com/staunchmq/staunch/internal/iam"
	"github.com/staunchmq/staunch/internal/identity"
	"github.com/staunchmq/staunch/internal/keyring"
	"github.com/staunchmq/staunch/internal/sts"
)

// openIdentities makes the service and the directory of identities of a node. The keyring needs its keys before they are used.
func (n *node) openIdentities(keys *keyring.Keyring) {
	n.directory = identity.NewDirectory(identity.DirectoryOptions{Catalog: n.catalog, Sealer: keys, Clock: clock.System(), Logger: n.log})
	n.identities = identity.New(identity.Options{Catalog: n.catalog, Sealer: keys, Clock: clock.System(), LastUsed: n.directory.LastUsed})
}

// ensureIdentities makes the account of the settings, and where signatures are asked for and the settings bring no access key, a first one
// for its root. It returns that key; empty if there ever was one.
func (s *server) ensureIdentities(ctx context.Context, n *node) (keyID, secret string, err error) {
	if s.cfg.Auth != config.AuthOff && s.keys == nil {
		key, err := EnsureRootKey(ctx, n.identities, s.cfg.Account)
		if err != nil || key == nil {
			return "", "", err
		}
		return key.ID, key.Secret, nil
	}
	if err := n.identities.EnsureAccount(ctx, s.cfg.Account); err != nil {
		s.log.Warn("the account of the settings was not made; users and keys of it must wait for the next start", "account", s.cfg.Account, "error", err)
	}
	return "", "", nil
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

// ask lets the gateway ask who callers are and what they may do, as far as the settings want it.
func (s *server) ask(o *gateway.Options, n *node) {
	authorizer := access.New(access.Options{Catalog: n.catalog, Identities: policies{s.keys, n.directory}, Clock: clock.System(), Logger: s.log})
	n.authorizer = authorizer
	if s.cfg.Auth == config.AuthOff {
		return
	}
	o.Keys = accessKeys{s.keys, n.directory}
	o.KeyUsed = n.directory.Used
	if s.cfg.Auth != config.AuthEnforce {
		return
	}
	sessions := sts.NewSessions(sts.Options{
		Identities: n.directory, Sealer: s.keyring, Clock: clock.System(),
		MayAssume: func(c *api.Caller, role *identity.Role, keys map[string]string) error {
			return authorizer.MayAssume(c, access.Role{ARN: role.ARN, Account: role.Account, TrustPolicy: role.TrustPolicy}, keys)
		},
	})
	o.Authorizer, o.Tokens, o.STS = authorizer, sessions, sts.Service{Sessions: sessions}
}

// existsFunc is [sqs.Options.Exists].
type existsFunc = func(ids *catalog.Identities, arn string) bool

// exists returns what knows whom policies can name; nil where the server does not ask policies, and so need not know users and roles.
func (s *server) exists() existsFunc {
	if s.cfg.Auth != config.AuthEnforce {
		return nil
	}
	return func(ids *catalog.Identities, arn string) bool {
		return s.keys != nil && s.keys.Has(arn) || identity.Known(ids, arn)
	}
}

// tellUsers says in the log what the users of the credentials file may do, where that is not what its author may think.
func (s *server) tellUsers() {
	if s.keys == nil {
		return
	}
	with, without := s.keys.Users()
	switch {
	case s.cfg.Auth == config.AuthEnforce && len(without) > 0:
		s.log.Warn("users of the credentials file have no policy there: they may do what queue policies allow them, and nothing else", "users", without)
	case s.cfg.Auth == config.AuthVerify && len(with) > 0:
		s.log.Warn("policies in the credentials file have no effect with auth verify: every key may do everything in its account", "users", with)
	}
}

// decide returns what answers questions about policies; nil while the node starts and stops.
func (s *server) decide() func(*access.Question) (*access.Explanation, error) {
	n := s.node.Load()
	if n == nil {
		return nil
	}
	return func(q *access.Question) (*access.Explanation, error) {
		principal, err := s.principal(n, q.Principal)
		if err != nil {
			return nil, err
		}
		e, err := n.authorizer.Explain(q, principal)
		if err == nil && s.cfg.Auth != config.AuthEnforce {
			e.Notes = append(e.Notes, "the server runs with --auth "+string(s.cfg.Auth)+" and does not ask policies")
		}
		return e, err
	}
}

// principal finds who a question is about: nobody, a service, a user of the credentials file, or somebody in the catalog.
func (s *server) principal(n *node, name string) (api.Principal, error) {
	parsed, err := iam.ParsePrincipal(strings.TrimPrefix(name, access.Nobody), "")
	if err != nil || parsed.ARN == "" {
		return api.Principal{}, err
	}
	if s.keys != nil {
		if p, ok := s.keys.Named(name); ok {
			return p, nil
		}
	}
	if p, ok := n.directory.Named(name); ok {
		return p, nil
	}
	return api.Principal{}, fmt.Errorf("there is no principal %s", name)
}

// policies are those that came with the settings, and behind them those of the catalog.
type policies struct {
	settings *credentials.Set // may be nil
	catalog  *identity.Directory
}

// Policies implements access.Identities.
func (p policies) Policies(of api.Principal) []*iam.Policy {
	if p.settings != nil {
		if found := p.settings.Policies(of); found != nil {
			return found
		}
	}
	return p.catalog.Policies(of)
}

// accessKeys are those that came with the settings, and behind them those of the catalog.
type accessKeys struct {
	settings *credentials.Set // may be nil
	catalog  *identity.Directory
}

// AccessKey implements gateway.Keys.
func (k accessKeys) AccessKey(id string) (api.AccessKey, bool) {
	if k.settings != nil {
		if key, ok := k.settings.AccessKey(id); ok {
			return key, true
		}
	}
	return k.catalog.AccessKey(id)
}

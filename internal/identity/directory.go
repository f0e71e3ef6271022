package identity

import (
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/catalog"
	"github.com/staunchmq/staunch/internal/clock"
	"github.com/staunchmq/staunch/internal/iam"
)

// Directory answers what each request asks about identities. It waits for nobody, and what it has once found out it knows until the
// identities change: then a key is decrypted, and the policies of a principal are collected, anew on first use.
type Directory struct {
	catalog *catalog.Catalog
	sealer  Sealer
	clock   clock.Clock
	log     *slog.Logger
	known   atomic.Pointer[known]

	// used has an *atomic.Int64 for each key that was used, by its ID.
	used sync.Map
}

// DirectoryOptions is what a Directory works with. All fields are needed.
type DirectoryOptions struct {
	Catalog *catalog.Catalog
	Sealer  Sealer
	Clock   clock.Clock
	Logger  *slog.Logger
}

// NewDirectory returns a directory of the identities in a catalog. It starts nothing.
func NewDirectory(o DirectoryOptions) *Directory {
	return &Directory{catalog: o.Catalog, sealer: o.Sealer, clock: o.Clock, log: o.Logger}
}

// known is what was made of some identities. Only what exists is remembered, so the identities bound it.
type known struct {
	of *catalog.Identities
	// keys has an *api.AccessKey for a *catalog.AccessKey, and policies a []*iam.Policy for a *catalog.User or *catalog.Role.
	keys, policies sync.Map
}

func (d *Directory) now() *known {
	ids := d.catalog.View().Identities()
	k := d.known.Load()
	if k == nil || k.of != ids {
		// Of several that do this at once one wins; what the others remember is lost, and nothing else.
		k = &known{of: ids}
		d.known.Store(k)
	}
	return k
}

// AccessKey returns the access key with this ID, also an inactive one. It returns false if there is none, or if its secret cannot be decrypted
// or its user is not there, which is logged.
func (d *Directory) AccessKey(id string) (api.AccessKey, bool) {
	k := d.now()
	record := k.of.Key(id)
	if record == nil {
		return api.AccessKey{}, false
	}
	if key, ok := k.keys.Load(record); ok {
		return *key.(*api.AccessKey), true
	}
	secret, err := d.sealer.Open(record.Sealed, sealContext(record))
	if err != nil {
		d.log.Error("the secret of an access key cannot be decrypted, so its requests are refused; is this the right keyring?",
			"access_key_id", id, "error", err)
		return api.AccessKey{}, false
	}
	key := &api.AccessKey{
		Secret:    string(secret),
		Principal: api.Principal{Account: record.Account, ARN: RootARN(record.Account), UserID: record.Account},
		Inactive:  record.Inactive,
	}
	if record.User != "" {
		u := k.of.User(record.User)
		if u == nil { // the catalog has no such record; if it had one, it would not be the root's
			d.log.Error("the user of an access key is not there, so its requests are refused; delete the key", "access_key_id", id, "user_id", record.User)
			return api.AccessKey{}, false
		}
		key.Principal.ARN, key.Principal.UserID = userARN(u.Account, u.Path, u.Name), u.ID
	}
	k.keys.Store(record, key)
	return *key, true
}

// Policies returns the policies of a principal: of a user its own and those of its groups, of a role's session those of the role. A
// root has none, because it needs none; a user or role that is gone has none either. A policy that this program cannot read, because
// another one wrote it, is one that denies everything. The slice must not be changed.
func (d *Directory) Policies(p api.Principal) []*iam.Policy {
	k := d.now()
	if u := k.of.User(p.UserID); u != nil {
		return d.policiesOf(k, u, Owner{User: u.Name}, u.ID, u.Groups)
	}
	role, _, _ := strings.Cut(p.UserID, ":")
	if r := k.of.Role(role); r != nil {
		return d.policiesOf(k, r, Owner{Role: r.Name}, r.ID, nil)
	}
	return nil
}

// policiesOf collects the policies of a *catalog.User or *catalog.Role with this ID, and those of groups.
func (d *Directory) policiesOf(k *known, of any, owner Owner, id string, groups []string) []*iam.Policy {
	if policies, ok := k.policies.Load(of); ok {
		return policies.([]*iam.Policy)
	}
	policies := []*iam.Policy{}
	add := func(owner Owner, id string) {
		for p := range k.of.Policies(id) {
			policies = append(policies, d.compiled(p).Named("policy "+p.Name+" of "+owner.String()))
		}
	}
	add(owner, id)
	for _, id := range groups {
		if g := k.of.Group(id); g != nil {
			add(Owner{Group: g.Name}, id)
		}
	}
	kept, _ := k.policies.LoadOrStore(of, policies)
	return kept.([]*iam.Policy)
}

func (d *Directory) compiled(p *catalog.Policy) *iam.Policy {
	compiled, err := iam.Parse(p.Document, iam.IdentityPolicy)
	if err != nil {
		d.log.Error("a policy cannot be read, so it denies everything; put another one in its place", "policy", p.Name, "owner", p.Owner, "error", err)
		compiled = iam.Unreadable(iam.IdentityPolicy)
	}
	return compiled
}

// RoleByARN returns the role that an ARN names, or nil. The path in the ARN must be the role's.
func (d *Directory) RoleByARN(roleARN string) *Role {
	account, name, ok := parseRoleARN(roleARN)
	if !ok {
		return nil
	}
	r := d.now().of.RoleNamed(account, name)
	if r == nil {
		return nil
	}
	if role := roleOf(r); role.ARN == roleARN {
		return role
	}
	return nil
}

// RoleByID returns the role with this unique ID, or nil.
func (d *Directory) RoleByID(id string) *Role {
	if r := d.now().of.Role(id); r != nil {
		return roleOf(r)
	}
	return nil
}

// Known tells whether there is the account (by the ARN of its root), user or role with an ARN. The path of a role does not matter, as in policies.
func Known(ids *catalog.Identities, text string) bool {
	if account, name, ok := parseRoleARN(text); ok {
		return roleNamed(ids, account, name) != nil
	}
	p, err := iam.ParsePrincipal(text, "")
	switch {
	case err != nil:
		return false
	case p.Kind == iam.Root:
		return ids.Account(p.Account) != nil
	}
	u := ids.UserNamed(p.Account, p.Name)
	return u != nil && userARN(u.Account, u.Path, u.Name) == text
}

// roleNamed returns the role of exactly this name, as policies compare names, or nil.
func roleNamed(ids *catalog.Identities, account, name string) *catalog.Role {
	if r := ids.RoleNamed(account, name); r != nil && r.Name == name {
		return r
	}
	return nil
}

// Named returns the principal with an ARN: a root, a user, or a session of a role, whatever the session's name. It returns false if there
// is no such user, role or account.
func (d *Directory) Named(principalARN string) (api.Principal, bool) {
	p, err := iam.ParsePrincipal(principalARN, "")
	if err != nil {
		return api.Principal{}, false
	}
	ids := d.now().of
	found := api.Principal{Account: p.Account, ARN: p.ARN}
	switch p.Kind {
	case iam.Root:
		found.UserID = p.Account
		return found, ids.Account(p.Account) != nil
	case iam.User:
		u := ids.UserNamed(p.Account, p.Name)
		if u == nil || userARN(u.Account, u.Path, u.Name) != p.ARN {
			return api.Principal{}, false
		}
		found.UserID = u.ID
	case iam.AssumedRole:
		r := roleNamed(ids, p.Account, p.Name)
		if r == nil {
			return api.Principal{}, false
		}
		found.UserID = r.ID + ":" + p.ARN[strings.LastIndexByte(p.ARN, '/')+1:]
	default:
		return api.Principal{}, false
	}
	return found, true
}

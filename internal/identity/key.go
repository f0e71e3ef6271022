package identity

import (
	"context"
	"fmt"
	"slices"

	"github.com/staunchmq/staunch/internal/catalog"
)

// Key is an access key without its secret.
type Key struct {
	ID      string `json:"id"`
	Account string `json:"account"`        // ID
	User    string `json:"user,omitempty"` // name; empty for the root of the account
	Active  bool   `json:"active"`
	Created int64  `json:"created"`
	// LastUsed is when a request was last signed with it, in Unix ms, to a quarter of an hour; 0 for never.
	LastUsed int64 `json:"last_used,omitempty"`
}

// NewKey is an access key with its secret, which nobody can ask for again.
type NewKey struct {
	Key
	Secret string `json:"secret"`
}

// CreateKeyInput is the input of CreateKey.
type CreateKeyInput struct {
	Account string `json:"account"` // ID or name
	// User is the name of the user; empty for the root of the account, who may do everything in it.
	User string `json:"user,omitempty"`
}

// CreateKey makes an access key. Errors: NotFound; Limit: a user has at most two keys, and so has the root of an account.
func (s *Service) CreateKey(ctx context.Context, in *CreateKeyInput) (*NewKey, error) {
	var made *NewKey
	err := s.update(ctx, func(ids *catalog.Identities) (catalog.Change, error) {
		owner, err := keyOwner(ids, in.Account, in.User)
		if err != nil {
			return nil, err
		}
		change, key, err := s.newKey(ids, owner)
		made = key
		return change, err
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

// RotateKeyInput is the input of RotateKey.
type RotateKeyInput struct {
	ID string `json:"id"`
}

// RotateKey makes a second access key for the owner of one. The old one stays as it is until it is disabled and deleted, so that
// clients can change over. Errors: NotFound, Limit.
func (s *Service) RotateKey(ctx context.Context, in *RotateKeyInput) (*NewKey, error) {
	var made *NewKey
	err := s.update(ctx, func(ids *catalog.Identities) (catalog.Change, error) {
		k, err := key(ids, in.ID)
		if err != nil {
			return nil, err
		}
		change, key, err := s.newKey(ids, owner{k.Account, ids.User(k.User)})
		made = key
		return change, err
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

// EnsureRootKey makes an access key for the root of an account unless there ever was one; then it returns nil. Only one of several
// callers at once gets a key.
func (s *Service) EnsureRootKey(ctx context.Context, id string) (*NewKey, error) {
	var made *NewKey
	err := s.update(ctx, func(ids *catalog.Identities) (catalog.Change, error) {
		a, err := account(ids, id)
		if err != nil || a.RootKeyMade {
			return nil, err
		}
		change, key, err := s.newKey(ids, owner{account: a.ID})
		made = key
		return change, err
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

// owner is who has a key: a user, or with none the root of the account.
type owner struct {
	account string
	user    *catalog.User
}

func keyOwner(ids *catalog.Identities, accountOrName, name string) (owner, error) {
	a, err := account(ids, accountOrName)
	if err != nil || name == "" {
		if err != nil {
			return owner{}, err
		}
		return owner{account: a.ID}, nil
	}
	u, err := user(ids, a.ID, name)
	return owner{a.ID, u}, err
}

func (o owner) String() string {
	if o.user == nil {
		return "the root of account " + o.account
	}
	return "user " + o.user.Name
}

// checkRoom refuses a third key.
func (o owner) checkRoom(ids *catalog.Identities) error {
	user := ""
	if o.user != nil {
		user = o.user.ID
	}
	if full(ids.KeysOf(o.account, user), keysMax) {
		return refuse(Limit, "%s has %d access keys already: delete one first", o, keysMax)
	}
	return nil
}

// newKey makes a key for an owner.
func (s *Service) newKey(ids *catalog.Identities, o owner) (catalog.Change, *NewKey, error) {
	if err := o.checkRoom(ids); err != nil {
		return nil, nil, err
	}
	id, err := s.uniqueID("AKIA")
	if err != nil {
		return nil, nil, err
	}
	secret, err := s.secret()
	if err != nil {
		return nil, nil, err
	}
	k, err := s.seal(o, id, secret)
	if err != nil {
		return nil, nil, err
	}
	made := &NewKey{Key: Key{ID: id, Account: o.account, Active: true, Created: k.Created}, Secret: secret}
	if o.user != nil {
		made.User = o.user.Name
	}
	return catalog.PutAccessKey{Key: *k}, made, nil
}

// seal makes the record of a key.
func (s *Service) seal(o owner, id, secret string) (*catalog.AccessKey, error) {
	k := &catalog.AccessKey{ID: id, Account: o.account, Created: s.now()}
	if o.user != nil {
		k.User = o.user.ID
	}
	var err error
	if k.Sealed, err = s.sealer.Seal([]byte(secret), sealContext(k)); err != nil {
		return nil, fmt.Errorf("encrypt the secret of access key %s: %w", id, err)
	}
	return k, nil
}

// ImportKeyInput is the input of ImportKey.
type ImportKeyInput struct {
	CreateKeyInput
	// ID is 16 to 128 letters, digits and underscores, as the ID of an access key in AWS.
	ID string `json:"id"`
	// Secret is 8 to 128 printable ASCII characters without spaces.
	Secret string `json:"secret"`
	// CreateUser adds the user if there is none of the name.
	CreateUser bool `json:"create_user,omitempty"`
}

// ImportKey stores an access key that was made elsewhere. One that the owner has already gets the new secret; it stays active or
// not. Errors: Invalid, NotFound, Limit; Exists if the key belongs to somebody else.
func (s *Service) ImportKey(ctx context.Context, in *ImportKeyInput) (*Key, error) {
	switch {
	case !keyIDForm.MatchString(in.ID):
		return nil, refuse(Invalid, "access key ID %q: want 16 to 128 letters, digits and underscores", in.ID)
	case !secretForm.MatchString(in.Secret):
		return nil, refuse(Invalid, "the secret of access key %s: want 8 to 128 printable ASCII characters without spaces", in.ID)
	}
	if in.CreateUser && in.User != "" {
		_, err := s.CreateUser(ctx, &CreateUserInput{Account: in.Account, User: in.User})
		if refused, ok := err.(*Error); err != nil && (!ok || refused.Code != Exists) {
			return nil, err
		}
	}
	err := s.update(ctx, func(ids *catalog.Identities) (catalog.Change, error) {
		o, err := keyOwner(ids, in.Account, in.User)
		if err != nil {
			return nil, err
		}
		k, err := s.seal(o, in.ID, in.Secret)
		if err != nil {
			return nil, err
		}
		switch old := ids.Key(in.ID); {
		case old == nil:
			if err := o.checkRoom(ids); err != nil {
				return nil, err
			}
		case old.Account != k.Account || old.User != k.User:
			return nil, refuse(Exists, "access key %s belongs to somebody else", in.ID)
		default:
			k.Inactive, k.Created = old.Inactive, old.Created
		}
		return catalog.PutAccessKey{Key: *k}, nil
	})
	if err != nil {
		return nil, err
	}
	v := s.catalog.View()
	k, err := key(v.Identities(), in.ID)
	if err != nil { // deleted at once by somebody else
		return nil, err
	}
	return s.keyOf(v, k), nil
}

// ListKeysInput is the input of ListKeys.
type ListKeysInput struct {
	Account string `json:"account"` // ID or name
	// User restricts the list to a user's keys; empty for all of the account.
	User string `json:"user,omitempty"`
}

// ListKeysOutput is access keys: those of the root first, and those of each user together.
type ListKeysOutput struct {
	Keys []*Key `json:"keys"`
}

// ListKeys lists access keys. Errors: NotFound.
func (s *Service) ListKeys(_ context.Context, in *ListKeysInput) (*ListKeysOutput, error) {
	v := s.catalog.View()
	o, err := keyOwner(v.Identities(), in.Account, in.User)
	if err != nil {
		return nil, err
	}
	keys := v.Identities().KeysIn(o.account)
	if o.user != nil {
		keys = v.Identities().KeysOf(o.account, o.user.ID)
	}
	out := &ListKeysOutput{Keys: []*Key{}}
	for k := range keys {
		out.Keys = append(out.Keys, s.keyOf(v, k))
	}
	return out, nil
}

// UpdateKeyInput is the input of UpdateKey.
type UpdateKeyInput struct {
	ID     string `json:"id"`
	Active bool   `json:"active"`
}

// UpdateKey enables or disables an access key, from the next request on. Errors: NotFound.
func (s *Service) UpdateKey(ctx context.Context, in *UpdateKeyInput) (*Done, error) {
	return done(s.update(ctx, func(ids *catalog.Identities) (catalog.Change, error) {
		k, err := key(ids, in.ID)
		if err != nil || k.Inactive != in.Active {
			return nil, err
		}
		changed := *k
		changed.Sealed, changed.Inactive = slices.Clone(k.Sealed), !in.Active
		return catalog.PutAccessKey{Key: changed}, nil
	}))
}

// DeleteKeyInput is the input of DeleteKey.
type DeleteKeyInput struct {
	ID string `json:"id"`
}

// DeleteKey removes an access key. Errors: NotFound.
func (s *Service) DeleteKey(ctx context.Context, in *DeleteKeyInput) (*Done, error) {
	return done(s.update(ctx, func(ids *catalog.Identities) (catalog.Change, error) {
		k, err := key(ids, in.ID)
		if err != nil {
			return nil, err
		}
		return catalog.DeleteAccessKey{ID: k.ID}, nil
	}))
}

func key(ids *catalog.Identities, id string) (*catalog.AccessKey, error) {
	if k := ids.Key(id); k != nil {
		return k, nil
	}
	return nil, refuse(NotFound, "there is no access key %q", id)
}

func (s *Service) keyOf(v *catalog.View, k *catalog.AccessKey) *Key {
	out := &Key{ID: k.ID, Account: k.Account, Active: !k.Inactive, Created: k.Created, LastUsed: max(v.KeyUsed(k.ID), s.used(k.ID))}
	if u := v.Identities().User(k.User); u != nil {
		out.User = u.Name
	}
	return out
}

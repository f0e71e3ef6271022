package catalog

import (
	"errors"
	"fmt"
	"slices"
)

// PutAccount adds an account or replaces the one with its ID; a key of the root that was made stays made.
type PutAccount struct {
	Account Account `json:"account"`
}

// DeleteAccount removes an account that has no users, groups and roles, with the keys of its root.
type DeleteAccount struct {
	ID string `json:"id"`
}

// PutUser adds a user or replaces the one with its ID.
type PutUser struct {
	User User `json:"user"`
}

// DeleteUser removes a user with its policies and keys.
type DeleteUser struct {
	ID string `json:"id"`
}

// PutGroup adds a group or replaces the one with its ID.
type PutGroup struct {
	Group Group `json:"group"`
}

// DeleteGroup removes a group with its policies. Its users are not in it any more.
type DeleteGroup struct {
	ID string `json:"id"`
}

// PutRole adds a role or replaces the one with its ID.
type PutRole struct {
	Role Role `json:"role"`

	// Frees is as in SetAttributes.
	Frees bool `json:"-"`
}

// DeleteRole removes a role with its policies.
type DeleteRole struct {
	ID string `json:"id"`
}

// PutPolicy adds a policy to its owner or replaces the one of its name.
type PutPolicy struct {
	Policy Policy `json:"policy"`
}

// DeletePolicy takes a policy from its owner.
type DeletePolicy struct {
	Owner string `json:"owner"`
	Name  string `json:"name"`
}

// PutAccessKey adds a key or replaces the one with its ID.
type PutAccessKey struct {
	Key AccessKey `json:"key"`
}

// DeleteAccessKey removes a key.
type DeleteAccessKey struct {
	ID string `json:"id"`
}

// SetKeyUses notes when keys were last used, in Unix ms by their IDs. Keys that are gone are passed over.
type SetKeyUses struct {
	Uses map[string]int64 `json:"uses"`
}

func (PutAccount) kind() string      { return "put_account" }
func (DeleteAccount) kind() string   { return "delete_account" }
func (PutUser) kind() string         { return "put_user" }
func (DeleteUser) kind() string      { return "delete_user" }
func (PutGroup) kind() string        { return "put_group" }
func (DeleteGroup) kind() string     { return "delete_group" }
func (PutRole) kind() string         { return "put_role" }
func (DeleteRole) kind() string      { return "delete_role" }
func (PutPolicy) kind() string       { return "put_policy" }
func (DeletePolicy) kind() string    { return "delete_policy" }
func (PutAccessKey) kind() string    { return "put_access_key" }
func (DeleteAccessKey) kind() string { return "delete_access_key" }
func (SetKeyUses) kind() string      { return "set_key_uses" }

// edit returns a copy of the identities, which are those of the view from now on.
func (v *View) edit() *Identities {
	v.identities = v.identities.copy()
	return v.identities
}

func (c PutAccount) apply(v *View) error {
	if c.Account.ID == "" {
		return errors.New("the account has no ID")
	}
	ids, a := v.edit(), c.Account
	if old := ids.Account(a.ID); old != nil && old.RootKeyMade {
		a.RootKeyMade = true // what was made once stays made
	}
	ids.accounts.Set(a.ID, &a)
	return nil
}

func (c DeleteAccount) apply(v *View) error {
	ids := v.edit()
	if err := ids.needsAccount(c.ID); err != nil {
		return err
	}
	if !empty(ids.Users(c.ID)) || !empty(ids.Groups(c.ID)) || !empty(ids.Roles(c.ID)) {
		return fmt.Errorf("account %s is not empty", c.ID)
	}
	v.removeKeys(c.ID, "")
	ids.accounts.Delete(c.ID)
	return nil
}

func (c PutUser) apply(v *View) error {
	ids := v.edit()
	if err := ids.needsAccount(c.User.Account); err != nil {
		return err
	}
	for _, id := range c.User.Groups {
		if g := ids.Group(id); g == nil || g.Account != c.User.Account {
			return fmt.Errorf("account %s has no group %s", c.User.Account, id)
		}
	}
	return put(ids.users, &c.User)
}

func (c DeleteUser) apply(v *View) error {
	ids := v.edit()
	u := ids.User(c.ID)
	if u == nil {
		return fmt.Errorf("there is no user %s", c.ID)
	}
	v.removeKeys(u.Account, u.ID)
	ids.removePolicies(u.ID)
	ids.users.remove(u)
	return nil
}

func (c PutGroup) apply(v *View) error {
	ids := v.edit()
	if err := ids.needsAccount(c.Group.Account); err != nil {
		return err
	}
	return put(ids.groups, &c.Group)
}

func (c DeleteGroup) apply(v *View) error {
	ids := v.edit()
	g := ids.Group(c.ID)
	if g == nil {
		return fmt.Errorf("there is no group %s", c.ID)
	}
	for _, u := range slices.Collect(ids.Users(g.Account)) {
		if i, in := slices.BinarySearch(u.Groups, g.ID); in {
			without := *u
			without.Groups = slices.Delete(slices.Clone(u.Groups), i, i+1)
			ids.users.put(&without)
		}
	}
	ids.removePolicies(g.ID)
	ids.groups.remove(g)
	return nil
}

func (c PutRole) apply(v *View) error {
	ids := v.edit()
	if err := ids.needsAccount(c.Role.Account); err != nil {
		return err
	}
	return put(ids.roles, &c.Role)
}

func (c DeleteRole) apply(v *View) error {
	ids := v.edit()
	r := ids.Role(c.ID)
	if r == nil {
		return fmt.Errorf("there is no role %s", c.ID)
	}
	ids.removePolicies(r.ID)
	ids.roles.remove(r)
	return nil
}

func (c PutPolicy) apply(v *View) error {
	ids := v.edit()
	owner := c.Policy.Owner
	if ids.User(owner) == nil && ids.Group(owner) == nil && ids.Role(owner) == nil {
		return fmt.Errorf("there is no user, group or role %s", owner)
	}
	ids.policies.Set(c.Policy.ownerName(), &c.Policy)
	return nil
}

func (c DeletePolicy) apply(v *View) error {
	ids := v.edit()
	p := ids.Policy(c.Owner, c.Name)
	if p == nil {
		return fmt.Errorf("%s has no policy %s", c.Owner, c.Name)
	}
	ids.policies.Delete(p.ownerName())
	return nil
}

func (c PutAccessKey) apply(v *View) error {
	ids := v.edit()
	k := &c.Key
	a := ids.Account(k.Account)
	if a == nil {
		return ids.needsAccount(k.Account)
	}
	if k.User != "" {
		if u := ids.User(k.User); u == nil || u.Account != k.Account {
			return fmt.Errorf("account %s has no user %s", k.Account, k.User)
		}
	}
	if old := ids.Key(k.ID); old != nil && old.ownerID() != k.ownerID() {
		return fmt.Errorf("access key %s belongs to somebody else", k.ID)
	}
	ids.putKey(k)
	if k.User == "" && !a.RootKeyMade {
		made := *a
		made.RootKeyMade = true
		ids.accounts.Set(made.ID, &made)
	}
	return nil
}

func (c DeleteAccessKey) apply(v *View) error {
	k := v.edit().Key(c.ID)
	if k == nil {
		return fmt.Errorf("there is no access key %s", c.ID)
	}
	v.removeKey(k)
	return nil
}

func (c SetKeyUses) apply(v *View) error {
	for id, at := range c.Uses {
		if v.identities.Key(id) != nil {
			v.keyUses.Set(id, at)
		}
	}
	return nil
}

func (i *Identities) needsAccount(id string) error {
	if i.Account(id) == nil {
		return fmt.Errorf("there is no account %q", id)
	}
	return nil
}

func put[E entity](t table[E], e E) error {
	if !t.put(e) {
		account, name := e.inAccount()
		return fmt.Errorf("the name %s is taken in account %s", name, account)
	}
	return nil
}

func (i *Identities) putKey(k *AccessKey) {
	i.keys.Set(k.ID, k)
	i.keysOf.Set(k.ownerID(), k)
}

func (i *Identities) removePolicies(owner string) {
	for _, p := range slices.Collect(i.Policies(owner)) {
		i.policies.Delete(p.ownerName())
	}
}

func (v *View) removeKeys(account, user string) {
	for _, k := range slices.Collect(v.identities.KeysOf(account, user)) {
		v.removeKey(k)
	}
}

func (v *View) removeKey(k *AccessKey) {
	v.identities.keys.Delete(k.ID)
	v.identities.keysOf.Delete(k.ownerID())
	v.keyUses.Delete(k.ID)
}

func empty[V any](seq func(func(V) bool)) bool {
	for range seq {
		return false
	}
	return true
}

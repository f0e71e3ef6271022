package catalog

import (
	"iter"
	"strings"

	"github.com/tidwall/btree"
)

// Identities is the accounts, users, groups, roles, policies and keys at one moment. It never changes: two views with the same
// *Identities have the same ones, so what was computed of it holds as long as the pointer is the same.
type Identities struct {
	accounts *btree.Map[string, *Account]
	users    table[*User]
	groups   table[*Group]
	roles    table[*Role]
	policies *btree.Map[string, *Policy] // by ownerName
	// keys and keysOf hold the same keys, by their ID and by ownerID.
	keys, keysOf *btree.Map[string, *AccessKey]
}

func emptyIdentities() *Identities {
	return &Identities{
		accounts: btree.NewMap[string, *Account](0),
		users:    emptyTable[*User](),
		groups:   emptyTable[*Group](),
		roles:    emptyTable[*Role](),
		policies: btree.NewMap[string, *Policy](0),
		keys:     btree.NewMap[string, *AccessKey](0),
		keysOf:   btree.NewMap[string, *AccessKey](0),
	}
}

func (i *Identities) copy() *Identities {
	return &Identities{
		accounts: i.accounts.Copy(),
		users:    i.users.copy(),
		groups:   i.groups.copy(),
		roles:    i.roles.copy(),
		policies: i.policies.Copy(),
		keys:     i.keys.Copy(),
		keysOf:   i.keysOf.Copy(),
	}
}

// Identities returns the accounts and what is in them.
func (v *View) Identities() *Identities { return v.identities }

// KeyUsed returns about when an access key was last used, in Unix ms; 0 if it never was.
func (v *View) KeyUsed(id string) int64 {
	at, _ := v.keyUses.Get(id)
	return at
}

// Account returns the account with this ID, or nil.
func (i *Identities) Account(id string) *Account { return found(i.accounts, id) }

// Accounts goes through all accounts in the order of their IDs.
func (i *Identities) Accounts() iter.Seq[*Account] { return from(i.accounts, "") }

// User returns the user with this unique ID, or nil.
func (i *Identities) User(id string) *User { return found(i.users.byID, id) }

// UserNamed returns the user of this name, or nil. Case does not matter.
func (i *Identities) UserNamed(account, name string) *User { return i.users.named(account, name) }

// Users goes through the users of an account in the order of their names.
func (i *Identities) Users(account string) iter.Seq[*User] { return i.users.of(account) }

// Group returns the group with this unique ID, or nil.
func (i *Identities) Group(id string) *Group { return found(i.groups.byID, id) }

// GroupNamed returns the group of this name, or nil. Case does not matter.
func (i *Identities) GroupNamed(account, name string) *Group { return i.groups.named(account, name) }

// Groups goes through the groups of an account in the order of their names.
func (i *Identities) Groups(account string) iter.Seq[*Group] { return i.groups.of(account) }

// Role returns the role with this unique ID, or nil.
func (i *Identities) Role(id string) *Role { return found(i.roles.byID, id) }

// RoleNamed returns the role of this name, or nil. Case does not matter.
func (i *Identities) RoleNamed(account, name string) *Role { return i.roles.named(account, name) }

// Roles goes through the roles of an account in the order of their names.
func (i *Identities) Roles(account string) iter.Seq[*Role] { return i.roles.of(account) }

// Policy returns a policy of a user, group or role by its owner's unique ID, or nil.
func (i *Identities) Policy(owner, name string) *Policy { return found(i.policies, owner+"/"+name) }

// Policies goes through the policies of a user, group or role in the order of their names.
func (i *Identities) Policies(owner string) iter.Seq[*Policy] { return from(i.policies, owner+"/") }

// Key returns the access key with this ID, or nil. It does not allocate.
func (i *Identities) Key(id string) *AccessKey { return found(i.keys, id) }

// Keys goes through all access keys in the order of their IDs.
func (i *Identities) Keys() iter.Seq[*AccessKey] { return from(i.keys, "") }

// KeysIn goes through the access keys of an account: those of its root first, and those of each user together.
func (i *Identities) KeysIn(account string) iter.Seq[*AccessKey] { return from(i.keysOf, account+"/") }

// KeysOf goes through the access keys of a user, or with an empty user's ID of the account's root, in the order of their IDs.
func (i *Identities) KeysOf(account, user string) iter.Seq[*AccessKey] {
	return from(i.keysOf, keysOwner(account, user))
}

// table holds users, groups or roles.
type table[E entity] struct {
	// byID and byName hold the same records.
	byID   *btree.Map[string, E]
	byName *btree.Map[string, E]
}

type entity interface {
	comparable
	uniqueID() string
	inAccount() (account, name string)
}

func emptyTable[E entity]() table[E] {
	return table[E]{btree.NewMap[string, E](0), btree.NewMap[string, E](0)}
}

func (t table[E]) copy() table[E] { return table[E]{t.byID.Copy(), t.byName.Copy()} }

func (t table[E]) named(account, name string) E { return found(t.byName, scopedName(account, name)) }

func (t table[E]) of(account string) iter.Seq[E] { return from(t.byName, account+"/") }

// put enters a record, in place of the one with the same ID if there is one. It returns false, and does nothing, if another record
// has its name.
func (t table[E]) put(e E) bool {
	name := scopedName(e.inAccount())
	if other, ok := t.byName.Get(name); ok && other.uniqueID() != e.uniqueID() {
		return false
	}
	if old, ok := t.byID.Get(e.uniqueID()); ok {
		t.byName.Delete(scopedName(old.inAccount()))
	}
	t.byID.Set(e.uniqueID(), e)
	t.byName.Set(name, e)
	return true
}

func (t table[E]) remove(e E) {
	t.byID.Delete(e.uniqueID())
	t.byName.Delete(scopedName(e.inAccount()))
}

func found[V any](m *btree.Map[string, V], key string) V {
	v, _ := m.Get(key)
	return v
}

// from goes through the values whose keys begin with prefix, in the order of the keys.
func from[V any](m *btree.Map[string, V], prefix string) iter.Seq[V] {
	return func(yield func(V) bool) {
		m.Ascend(prefix, func(key string, v V) bool { return strings.HasPrefix(key, prefix) && yield(v) })
	}
}

package catalog

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// people is the model of the identities: maps, and rules that go through all of them.
type people struct {
	accounts map[string]Account
	users    map[string]User
	groups   map[string]Group
	roles    map[string]Role
	policies map[[2]string]Policy // by owner and name
	keys     map[string]AccessKey
	uses     map[string]int64
}

func newPeople() *people {
	return &people{
		map[string]Account{}, map[string]User{}, map[string]Group{}, map[string]Role{},
		map[[2]string]Policy{}, map[string]AccessKey{}, map[string]int64{},
	}
}

// read makes the model of what a view says, and fails where two ways to ask it disagree.
func read(t interface{ Fatalf(string, ...any) }, v *View) *people {
	m, ids := newPeople(), v.Identities()
	for a := range ids.Accounts() {
		m.accounts[a.ID] = *a
		for u := range ids.Users(a.ID) {
			m.users[u.ID] = *u
			if ids.User(u.ID) != u || ids.UserNamed(u.Account, strings.ToUpper(u.Name)) != u {
				t.Fatalf("user %+v is not found by its ID or name", u)
			}
		}
		for g := range ids.Groups(a.ID) {
			m.groups[g.ID] = *g
			if ids.Group(g.ID) != g || ids.GroupNamed(g.Account, g.Name) != g {
				t.Fatalf("group %+v is not found by its ID or name", g)
			}
		}
		for r := range ids.Roles(a.ID) {
			m.roles[r.ID] = *r
			if ids.Role(r.ID) != r || ids.RoleNamed(r.Account, r.Name) != r {
				t.Fatalf("role %+v is not found by its ID or name", r)
			}
		}
	}
	for _, owner := range slices.Concat(slices.Collect(maps.Keys(m.users)), slices.Collect(maps.Keys(m.groups)), slices.Collect(maps.Keys(m.roles))) {
		for p := range ids.Policies(owner) {
			m.policies[[2]string{owner, p.Name}] = *p
			if ids.Policy(owner, p.Name) != p {
				t.Fatalf("policy %+v is not found", p)
			}
		}
	}
	owners := map[[2]string]bool{}
	for k := range ids.Keys() {
		m.keys[k.ID] = *k
		owners[[2]string{k.Account, k.User}] = true
		if at := v.KeyUsed(k.ID); at != 0 {
			m.uses[k.ID] = at
		}
	}
	ofOwners := 0
	for o := range owners {
		for k := range ids.KeysOf(o[0], o[1]) {
			if ids.Key(k.ID) != k || k.Account != o[0] || k.User != o[1] {
				t.Fatalf("key %+v is listed for %v", k, o)
			}
			ofOwners++
		}
	}
	if len(m.users) != ids.users.byID.Len() || len(m.groups) != ids.groups.byID.Len() || len(m.roles) != ids.roles.byID.Len() ||
		len(m.policies) != ids.policies.Len() || ofOwners != ids.keys.Len() || ids.keysOf.Len() != ids.keys.Len() || len(m.uses) != v.keyUses.Len() {
		t.Fatalf("the view holds what no listing shows: %+v", m)
	}
	return m
}

// apply does to the model what the documentation of the change says.
func (m *people) apply(c Change) {
	switch c := c.(type) {
	case PutAccount:
		c.Account.RootKeyMade = c.Account.RootKeyMade || m.accounts[c.Account.ID].RootKeyMade
		m.accounts[c.Account.ID] = c.Account
	case DeleteAccount:
		delete(m.accounts, c.ID)
		m.deleteKeys(func(k AccessKey) bool { return k.Account == c.ID })
	case PutUser:
		m.users[c.User.ID] = c.User
	case DeleteUser:
		delete(m.users, c.ID)
		m.deletePolicies(c.ID)
		m.deleteKeys(func(k AccessKey) bool { return k.User == c.ID })
	case PutGroup:
		m.groups[c.Group.ID] = c.Group
	case DeleteGroup:
		delete(m.groups, c.ID)
		m.deletePolicies(c.ID)
		for id, u := range m.users {
			u.Groups = slices.DeleteFunc(slices.Clone(u.Groups), func(g string) bool { return g == c.ID })
			m.users[id] = u
		}
	case PutRole:
		m.roles[c.Role.ID] = c.Role
	case DeleteRole:
		delete(m.roles, c.ID)
		m.deletePolicies(c.ID)
	case PutPolicy:
		m.policies[[2]string{c.Policy.Owner, c.Policy.Name}] = c.Policy
	case DeletePolicy:
		delete(m.policies, [2]string{c.Owner, c.Name})
	case PutAccessKey:
		m.keys[c.Key.ID] = c.Key
		if c.Key.User == "" {
			a := m.accounts[c.Key.Account]
			a.RootKeyMade = true
			m.accounts[a.ID] = a
		}
	case DeleteAccessKey:
		m.deleteKeys(func(k AccessKey) bool { return k.ID == c.ID })
	case SetKeyUses:
		for id, at := range c.Uses {
			if _, ok := m.keys[id]; ok {
				m.uses[id] = at
			}
		}
	}
}

func (m *people) deletePolicies(owner string) {
	maps.DeleteFunc(m.policies, func(at [2]string, _ Policy) bool { return at[0] == owner })
}

func (m *people) deleteKeys(gone func(AccessKey) bool) {
	for id, k := range m.keys {
		if gone(k) {
			delete(m.keys, id)
			delete(m.uses, id)
		}
	}
}

// drawIdentityChange draws a change that fits the view, or nil.
func drawIdentityChange(rt *rapid.T, v *View) Change {
	ids := v.Identities()
	kind := rapid.SampledFrom([]string{
		"account", "delete account", "user", "user", "delete user", "group", "delete group", "role", "delete role",
		"policy", "policy", "delete policy", "key", "key", "delete key", "uses",
	}).Draw(rt, "identity")
	account := rapid.SampledFrom([]string{"111111111111", "222222222222"}).Draw(rt, "account")
	name := rapid.SampledFrom([]string{"ann", "Ann", "bob"}).Draw(rt, "name")
	id := rapid.SampledFrom([]string{"1", "2", "3"}).Draw(rt, "id")
	if kind == "account" {
		return PutAccount{Account{ID: account, Name: name, RootKeyMade: rapid.Bool().Draw(rt, "made")}}
	}
	if ids.Account(account) == nil {
		return nil
	}
	user, group, role := ids.User("U"+id+account), ids.Group("G"+id+account), ids.Role("R"+id+account)
	switch kind {
	case "delete account":
		if !empty(ids.Users(account)) || !empty(ids.Groups(account)) || !empty(ids.Roles(account)) {
			return nil
		}
		return DeleteAccount{account}
	case "user":
		u := User{ID: "U" + id + account, Account: account, Name: name, Path: "/"}
		if taken := ids.UserNamed(account, name); taken != nil && taken.ID != u.ID {
			return nil
		}
		for g := range ids.Groups(account) {
			if rapid.Bool().Draw(rt, "in "+g.ID) {
				u.Groups = append(u.Groups, g.ID)
			}
		}
		slices.Sort(u.Groups)
		return PutUser{u}
	case "group":
		if taken := ids.GroupNamed(account, name); taken != nil && taken.ID != "G"+id+account {
			return nil
		}
		return PutGroup{Group{ID: "G" + id + account, Account: account, Name: name, Path: "/a/"}}
	case "role":
		if taken := ids.RoleNamed(account, name); taken != nil && taken.ID != "R"+id+account {
			return nil
		}
		return PutRole{Role: Role{ID: "R" + id + account, Account: account, Name: name, TrustPolicy: `{"a":"` + name + `"}`, SessionSecondsMax: 3600}}
	case "delete user":
		if user != nil {
			return DeleteUser{user.ID}
		}
	case "delete group":
		if group != nil {
			return DeleteGroup{group.ID}
		}
	case "delete role":
		if role != nil {
			return DeleteRole{role.ID}
		}
	case "policy", "delete policy":
		owner := rapid.SampledFrom([]string{"U", "G", "R"}).Draw(rt, "of") + id + account
		if ids.User(owner) == nil && ids.Group(owner) == nil && ids.Role(owner) == nil {
			return nil
		}
		if kind == "policy" {
			return PutPolicy{Policy{Owner: owner, Name: name, Document: fmt.Sprintf(`{"n":%d}`, rapid.IntRange(1, 9).Draw(rt, "n"))}}
		}
		if ids.Policy(owner, name) != nil {
			return DeletePolicy{owner, name}
		}
	case "key":
		k := AccessKey{ID: "AKIA" + id + account, Account: account, Sealed: []byte(name), Inactive: rapid.Bool().Draw(rt, "inactive")}
		if user != nil && rapid.Bool().Draw(rt, "of user") {
			k.ID, k.User = "AKIAU"+id+account, user.ID
		}
		return PutAccessKey{k}
	case "delete key":
		for k := range ids.Keys() {
			return DeleteAccessKey{k.ID}
		}
	case "uses":
		uses := map[string]int64{"AKIAgone": 1}
		for k := range ids.Keys() {
			uses[k.ID] = rapid.Int64Range(1, 1<<40).Draw(rt, "at")
		}
		return SetKeyUses{uses}
	}
	return nil
}

// TestIdentitiesFollowTheModel makes random changes of a catalog and of the model.
func TestIdentitiesFollowTheModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c, _ := newTestCatalog()
		model := newPeople()
		for range rapid.IntRange(1, 60).Draw(rt, "changes") {
			change := drawIdentityChange(rt, c.View())
			if change == nil {
				continue
			}
			before, was := c.View(), read(rt, c.View())
			if err := c.Update(t.Context(), func(*View) (Change, error) { return change, nil }); err != nil {
				rt.Fatalf("%+v: %v", change, err)
			}
			model.apply(change)
			// A nil list and an empty one are the same.
			equal := cmp.Options{cmp.AllowUnexported(people{}), cmp.Transformer("nil", func(s []string) []string { return append([]string{}, s...) })}
			if diff := cmp.Diff(model, read(rt, c.View()), equal); diff != "" {
				rt.Fatalf("after %+v (-model +catalog):\n%s", change, diff)
			}
			if diff := cmp.Diff(was, read(rt, before), equal); diff != "" {
				rt.Fatalf("%+v changed the view of before:\n%s", change, diff)
			}
		}
	})
}

const accountA, accountB = "111111111111", "222222222222"

func TestIdentitiesStayWhenQueuesChange(t *testing.T) {
	c, _ := newTestCatalog()
	change(t, c, PutAccount{Account{ID: accountA}})
	change(t, c, PutAccessKey{AccessKey{ID: "AKIA1", Account: accountA}})
	before := c.View().Identities()
	create(t, c, key("a"))
	change(t, c, SetKeyUses{map[string]int64{"AKIA1": 7}})
	if c.View().Identities() != before {
		t.Error("readers must compute anew what they made of the identities although none changed")
	}
	if at := c.View().KeyUsed("AKIA1"); at != 7 {
		t.Errorf("used at %d", at)
	}
	change(t, c, PutAccessKey{AccessKey{ID: "AKIA1", Account: accountA, Inactive: true}})
	if c.View().Identities() == before {
		t.Error("a key changed, and readers cannot see that")
	}
}

func TestApplyRefusesIdentitiesThatDoNotFit(t *testing.T) {
	for _, tc := range []struct{ name, change, want string }{
		{"account without an ID", `"kind":"put_account","change":{"account":{"name":"a"}}`, "no ID"},
		{"unknown account", `"kind":"delete_account","change":{"id":"333333333333"}`, "no account"},
		{"account in use", `"kind":"delete_account","change":{"id":"111111111111"}`, "not empty"},
		{"user of an unknown account", `"kind":"put_user","change":{"user":{"id":"U9","account":"3","name":"x"}}`, "no account"},
		{"user of a taken name", `"kind":"put_user","change":{"user":{"id":"U9","account":"111111111111","name":"ANN"}}`, "taken"},
		{"user in an unknown group", `"kind":"put_user","change":{"user":{"id":"U9","account":"111111111111","name":"x","groups":["G9"]}}`, "no group"},
		{"user in a foreign group", `"kind":"put_user","change":{"user":{"id":"U9","account":"222222222222","name":"x","groups":["G1"]}}`, "no group"},
		{"unknown user", `"kind":"delete_user","change":{"id":"U9"}`, "no user U9"},
		{"group of a taken name", `"kind":"put_group","change":{"group":{"id":"G9","account":"111111111111","name":"Staff"}}`, "taken"},
		{"group of an unknown account", `"kind":"put_group","change":{"group":{"id":"G9","account":"3","name":"x"}}`, "no account"},
		{"unknown group", `"kind":"delete_group","change":{"id":"G9"}`, "no group G9"},
		{"role of an unknown account", `"kind":"put_role","change":{"role":{"id":"R9","account":"3","name":"x"}}`, "no account"},
		{"unknown role", `"kind":"delete_role","change":{"id":"R9"}`, "no role R9"},
		{"policy of nobody", `"kind":"put_policy","change":{"policy":{"owner":"U9","name":"p"}}`, "U9"},
		{"unknown policy", `"kind":"delete_policy","change":{"owner":"U1","name":"p"}`, "no policy p"},
		{"key of an unknown account", `"kind":"put_access_key","change":{"key":{"id":"K9","account":"3"}}`, "no account"},
		{"key of an unknown user", `"kind":"put_access_key","change":{"key":{"id":"K9","account":"111111111111","user":"U9"}}`, "no user"},
		{"key of a foreign user", `"kind":"put_access_key","change":{"key":{"id":"K9","account":"222222222222","user":"U1"}}`, "no user"},
		{"key of somebody else", `"kind":"put_access_key","change":{"key":{"id":"AKIA1","account":"222222222222"}}`, "somebody else"},
		{"unknown key", `"kind":"delete_access_key","change":{"id":"K9"}`, "no access key"},
		{"unknown member", `"kind":"put_user","change":{"user":{"id":"U9","boundary":"x"}}`, "boundary"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, _ := newTestCatalog()
			populate(t, c)
			before := c.View()
			err := c.Apply([]byte(`{"version":1,` + tc.change + `}`))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want one with %q", err, tc.want)
			}
			if c.View() != before {
				t.Error("the catalog has changed")
			}
		})
	}
}

// populate makes user U1 (Ann) in group G1 (staff) with key AKIA1 in account A, and an empty account B.
func populate(t testing.TB, c *Catalog) {
	for _, decided := range []Change{
		PutAccount{Account{ID: accountA}}, PutAccount{Account{ID: accountB}},
		PutGroup{Group{ID: "G1", Account: accountA, Name: "staff", Path: "/"}},
		PutUser{User{ID: "U1", Account: accountA, Name: "Ann", Path: "/", Groups: []string{"G1"}}},
		PutAccessKey{AccessKey{ID: "AKIA1", Account: accountA, User: "U1", Sealed: []byte("c2VjcmV0")}},
	} {
		change(t, c, decided)
	}
}

func TestCheckpointWithoutIdentitiesOpens(t *testing.T) {
	c := New()
	if err := c.Restore([]byte(`{"version":1,"next":3,"queues":[],"deleted":[],"tasks":[]}`)); err != nil {
		t.Fatal(err)
	}
	if !empty(c.View().Identities().Accounts()) || c.View().NextID() != 3 {
		t.Error("an old checkpoint is not what it was")
	}
}

func TestRestoreRefusesAKeyOfNobody(t *testing.T) {
	err := New().Restore([]byte(`{"version":1,"accounts":[{"id":"111111111111","created":1}],"keys":[{"id":"K","account":"111111111111","user":"U"}]}`))
	if err == nil || !strings.Contains(err.Error(), "does not fit itself") {
		t.Errorf("error %v", err)
	}
}

func TestDescribeLeavesSealedSecretsOut(t *testing.T) {
	c, log := newTestCatalog()
	populate(t, c)
	kind, text, err := Describe(log.changes[len(log.changes)-1])
	if err != nil || kind != "put_access_key" || !bytes.Contains(text, []byte("AKIA1")) || bytes.Contains(text, []byte("YzJWamNtVjA")) {
		t.Errorf("%s %s %v", kind, text, err)
	}
}

func TestKeyLookupDoesNotAllocate(t *testing.T) {
	c, _ := newTestCatalog()
	populate(t, c)
	for i := range 1000 {
		change(t, c, PutAccessKey{AccessKey{ID: fmt.Sprint("AKIA", i), Account: accountA, User: "U1"}})
	}
	if n := testing.AllocsPerRun(100, func() { c.View().Identities().Key("AKIA777") }); n != 0 {
		t.Errorf("a lookup makes %v allocations", n)
	}
}

// Readers and a writer at once: the race detector watches.
func TestReadersOfIdentitiesWaitForNobody(t *testing.T) {
	c, _ := newTestCatalog()
	populate(t, c)
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				ids := c.View().Identities()
				for k := range ids.Keys() {
					if k.User != "" && ids.User(k.User) == nil {
						t.Error("a reader sees a key without its user")
						return
					}
				}
			}
		})
	}
	for i := range 200 {
		id := fmt.Sprint("U", 2+i)
		change(t, c, PutUser{User{ID: id, Account: accountA, Name: id, Path: "/"}})
		change(t, c, PutAccessKey{AccessKey{ID: "AKIA" + id, Account: accountA, User: id}})
		if i%2 == 0 {
			change(t, c, DeleteUser{id})
		}
	}
	close(done)
	wg.Wait()
}

package identity_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/catalog"
	"github.com/staunchmq/staunch/internal/clock"
	"github.com/staunchmq/staunch/internal/identity"
	"github.com/staunchmq/staunch/internal/keyring"
)

// fixture is a service and a directory over a catalog that commits at once.
type fixture struct {
	*testing.T
	*identity.Service
	catalog *catalog.Catalog
	keys    *keyring.Keyring
	dir     *identity.Directory
	journal [][]byte
	log     *bytes.Buffer
}

func (f *fixture) AppendDefinition(_ context.Context, change []byte, _ bool) error {
	f.journal = append(f.journal, bytes.Clone(change))
	return f.catalog.Apply(change)
}

const (
	account = "111122223333"
	allow   = `{"Statement":{"Effect":"Allow","Action":"sqs:*","Resource":"*"}}`
	trust   = `{"Statement":{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}}`
)

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{T: t, catalog: catalog.New(), keys: keyring.New(), log: &bytes.Buffer{}}
	f.catalog.Attach(f)
	must(t, f.keys.UseBuiltin([]byte("a secret of the server")))
	f.dir = identity.NewDirectory(identity.DirectoryOptions{
		Catalog: f.catalog, Sealer: f.keys, Clock: clock.System(), Logger: slog.New(slog.NewTextHandler(f.log, nil)),
	})
	f.Service = identity.New(identity.Options{Catalog: f.catalog, Sealer: f.keys, Clock: clock.System(), LastUsed: f.dir.LastUsed})
	must(t, f.EnsureAccount(t.Context(), account))
	return f
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// user makes a user, and key an access key of a user or, with "", of the root.
func (f *fixture) user(name string) *identity.User {
	f.Helper()
	u, err := f.CreateUser(f.Context(), &identity.CreateUserInput{Account: account, User: name})
	must(f.T, err)
	return u
}

func (f *fixture) key(user string) *identity.NewKey {
	f.Helper()
	k, err := f.CreateKey(f.Context(), &identity.CreateKeyInput{Account: account, User: user})
	must(f.T, err)
	return k
}

func (f *fixture) policy(owner identity.Owner, name, document string) {
	f.Helper()
	owner.Account = account
	_, err := f.PutPolicy(f.Context(), &identity.PutPolicyInput{Owner: owner, Policy: name, Document: document})
	must(f.T, err)
}

// refused fails unless err has the code and the words.
func refused(t *testing.T, err error, code identity.Code, words string) {
	t.Helper()
	var e *identity.Error
	if !errors.As(err, &e) || e.Code != code || !strings.Contains(e.Text, words) {
		t.Errorf("error %v, want %s with %q", err, code, words)
	}
}

func TestIDsAndSecretsHaveTheFormOfIAM(t *testing.T) {
	f := newFixture(t)
	u, k := f.user("ann"), f.key("ann")
	g, err := f.CreateGroup(t.Context(), &identity.CreateGroupInput{Account: account, Group: "staff", Path: "/a/b/"})
	must(t, err)
	r, err := f.CreateRole(t.Context(), &identity.CreateRoleInput{Account: account, Role: "deploy", TrustPolicy: trust})
	must(t, err)
	for id, prefix := range map[string]string{u.ID: "AIDA", g.ID: "AGPA", r.ID: "AROA", k.ID: "AKIA"} {
		if len(id) != 20 || !strings.HasPrefix(id, prefix) || strings.Trim(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") != "" {
			t.Errorf("ID %q, want %s and 16 characters", id, prefix)
		}
	}
	if len(k.Secret) != 40 || k.User != "ann" || !k.Active || r.MaxSessionSeconds != 3600 {
		t.Errorf("key %s of %s, active %v, secret of %d characters; sessions of %d s", k.ID, k.User, k.Active, len(k.Secret), r.MaxSessionSeconds)
	}
	for got, want := range map[string]string{
		u.ARN: "arn:aws:iam::111122223333:user/ann",
		g.ARN: "arn:aws:iam::111122223333:group/a/b/staff",
		r.ARN: "arn:aws:iam::111122223333:role/deploy",
	} {
		if got != want {
			t.Errorf("ARN %s, want %s", got, want)
		}
	}
}

func TestSecretsAreNotInTheJournal(t *testing.T) {
	f := newFixture(t)
	f.user("ann")
	k := f.key("ann")
	state, err := f.catalog.Checkpoint()()
	must(t, err)
	stored := append(bytes.Join(f.journal, nil), state...)
	for _, form := range []string{k.Secret, k.Secret[4:36]} {
		if bytes.Contains(stored, []byte(form)) {
			t.Fatal("the journal or the checkpoint has a secret")
		}
	}
	if !bytes.Contains(stored, []byte(k.ID)) {
		t.Fatal("the key is not stored at all")
	}
}

func TestRefusals(t *testing.T) {
	f := newFixture(t)
	f.user("ann")
	f.policy(identity.Owner{User: "ann"}, "p", allow)
	ctx := t.Context()
	role := func(in identity.CreateRoleInput) error {
		in.Account = account
		_, err := f.CreateRole(ctx, &in)
		return err
	}
	put := func(in identity.PutPolicyInput) error {
		in.Account = account
		_, err := f.PutPolicy(ctx, &in)
		return err
	}
	user := func(account, name, path string) error {
		_, err := f.CreateUser(ctx, &identity.CreateUserInput{Account: account, User: name, Path: path})
		return err
	}
	newAccount := func(id, name string) error {
		_, err := f.CreateAccount(ctx, &identity.CreateAccountInput{ID: id, Name: name})
		return err
	}
	_, deleteUsed := f.DeleteAccount(ctx, &identity.DeleteAccountInput{Account: account})
	_, noKey := f.RotateKey(ctx, &identity.RotateKeyInput{ID: "AKIANONE"})
	_, noPolicy := f.GetPolicy(ctx, &identity.PolicyInput{Owner: identity.Owner{Account: account, User: "ann"}, Policy: "q"})
	_, noGroup := f.AddToGroup(ctx, &identity.MembershipInput{Account: account, Group: "staff", User: "ann"})
	_, badKeyID := f.ImportKey(ctx, &identity.ImportKeyInput{CreateKeyInput: identity.CreateKeyInput{Account: account}, ID: "a/b", Secret: "12345678"})
	_, badSecret := f.ImportKey(ctx, &identity.ImportKeyInput{CreateKeyInput: identity.CreateKeyInput{Account: account}, ID: "AKIA567890123456", Secret: "with space"})
	for _, tc := range []struct {
		name  string
		err   error
		code  identity.Code
		words string
	}{
		{"name taken, in another case", user(account, "ANN", ""), identity.Exists, "ANN already"},
		{"name with a slash", user(account, "a/b", ""), identity.Invalid, "user name"},
		{"name too long", user(account, strings.Repeat("a", 65), ""), identity.Invalid, "1 to 64"},
		{"a user called root", user(account, "Root", ""), identity.Invalid, "the root of the account"},
		{"path without its end", user(account, "x", "/a"), identity.Invalid, "path"},
		{"unknown account", user("999999999999", "x", ""), identity.NotFound, "no account"},
		{"no account", user("", "x", ""), identity.Invalid, "missing"},
		{"account ID", newAccount("12", ""), identity.Invalid, "12 digits"},
		{"account ID taken", newAccount(account, ""), identity.Exists, account},
		{"account name", newAccount("", "Shop"), identity.Invalid, "lower-case"},
		{"account name like an ID", newAccount("", "123456789012"), identity.Invalid, "could be an ID"},
		{"account in use", deleteUsed, identity.InUse, "has users"},
		{"role without trust", role(identity.CreateRoleInput{Role: "r"}), identity.Invalid, "missing"},
		{"trust is no object", role(identity.CreateRoleInput{Role: "r", TrustPolicy: "[]"}), identity.Malformed, "trust policy cannot be used"},
		{"trust is refused", role(identity.CreateRoleInput{Role: "r", TrustPolicy: allow}), identity.Malformed, "/Statement"},
		{"trust too long", role(identity.CreateRoleInput{Role: "r", TrustPolicy: `{"a":"` + strings.Repeat("a", 4096) + `"}`}), identity.Limit, "4096"},
		{"session too long", role(identity.CreateRoleInput{Role: "r", TrustPolicy: trust, MaxSessionSeconds: 43201}), identity.Invalid, "43200"},
		{"policy of nobody", put(identity.PutPolicyInput{Policy: "p", Document: allow}), identity.Invalid, "exactly one"},
		{"policy of two", put(identity.PutPolicyInput{Owner: identity.Owner{User: "ann", Role: "r"}, Policy: "p", Document: allow}), identity.Invalid, "exactly one"},
		{"policy of an unknown user", put(identity.PutPolicyInput{Owner: identity.Owner{User: "bob"}, Policy: "p", Document: allow}), identity.NotFound, "bob"},
		{"policy is refused", put(identity.PutPolicyInput{Owner: identity.Owner{User: "ann"}, Policy: "p", Document: trust}), identity.Malformed, "/Statement"},
		{"policy too long", put(identity.PutPolicyInput{Owner: identity.Owner{User: "ann"}, Policy: "p", Document: strings.Repeat(" ", 10241)}), identity.Limit, "10240"},
		{"unknown policy", noPolicy, identity.NotFound, "user ann has no policy"},
		{"unknown group", noGroup, identity.NotFound, "no group"},
		{"unknown key", noKey, identity.NotFound, "AKIANONE"},
		{"key ID", badKeyID, identity.Invalid, "16 to 128"},
		{"secret", badSecret, identity.Invalid, "printable"},
	} {
		t.Run(tc.name, func(t *testing.T) { refused(t, tc.err, tc.code, tc.words) })
	}
}

func TestLimits(t *testing.T) {
	f := newFixture(t)
	f.user("ann")
	for i := range 10 {
		name := fmt.Sprint("g", i)
		_, err := f.CreateGroup(t.Context(), &identity.CreateGroupInput{Account: account, Group: name})
		must(t, err)
		_, err = f.AddToGroup(t.Context(), &identity.MembershipInput{Account: account, Group: name, User: "ann"})
		must(t, err)
		f.policy(identity.Owner{User: "ann"}, name, allow)
	}
	_, err := f.CreateGroup(t.Context(), &identity.CreateGroupInput{Account: account, Group: "more"})
	must(t, err)
	_, err = f.AddToGroup(t.Context(), &identity.MembershipInput{Account: account, Group: "more", User: "ann"})
	refused(t, err, identity.Limit, "10 groups")
	_, err = f.PutPolicy(t.Context(), &identity.PutPolicyInput{Owner: identity.Owner{Account: account, User: "ann"}, Policy: "more", Document: allow})
	refused(t, err, identity.Limit, "10 policies")
	f.policy(identity.Owner{User: "ann"}, "g0", strings.Replace(allow, "Allow", "Deny", 1))
	for _, user := range []string{"ann", ""} {
		f.key(user)
		second := f.key(user)
		_, err = f.CreateKey(t.Context(), &identity.CreateKeyInput{Account: account, User: user})
		refused(t, err, identity.Limit, "2 access keys")
		_, err = f.DeleteKey(t.Context(), &identity.DeleteKeyInput{ID: second.ID})
		must(t, err)
		f.key(user)
	}
}

// Whatever happens at once, a user has two keys.
func TestTwoKeysUnderContention(t *testing.T) {
	f := newFixture(t)
	f.user("ann")
	var wg sync.WaitGroup
	made := make(chan string, 8)
	for range cap(made) {
		wg.Go(func() {
			if k, err := f.CreateKey(t.Context(), &identity.CreateKeyInput{Account: account, User: "ann"}); err == nil {
				made <- k.ID
			}
		})
	}
	wg.Wait()
	if len(made) != 2 {
		t.Errorf("%d keys were made", len(made))
	}
}

func TestDirectoryKnowsWhoseAKeyIs(t *testing.T) {
	f := newFixture(t)
	u := f.user("ann")
	k, root := f.key("ann"), f.key("")
	got, ok := f.dir.AccessKey(k.ID)
	want := api.AccessKey{Secret: k.Secret, Principal: api.Principal{Account: account, ARN: u.ARN, UserID: u.ID}}
	if !ok || got != want {
		t.Errorf("key of ann: %+v, %v", got.Principal, ok)
	}
	got, ok = f.dir.AccessKey(root.ID)
	want = api.AccessKey{Secret: root.Secret, Principal: api.Principal{Account: account, ARN: "arn:aws:iam::111122223333:root", UserID: account}}
	if !ok || got != want {
		t.Errorf("key of the root: %+v, %v", got.Principal, ok)
	}
	if _, ok := f.dir.AccessKey("AKIANONE"); ok {
		t.Error("an unknown key is known")
	}
	_, err := f.UpdateKey(t.Context(), &identity.UpdateKeyInput{ID: k.ID})
	must(t, err)
	if got, ok := f.dir.AccessKey(k.ID); !ok || !got.Inactive || got.Secret != k.Secret {
		t.Errorf("after it was disabled: inactive %v, %v", got.Inactive, ok)
	}
	_, err = f.UpdateKey(t.Context(), &identity.UpdateKeyInput{ID: k.ID, Active: true})
	must(t, err)
	if got, _ := f.dir.AccessKey(k.ID); got.Inactive {
		t.Error("the key is still disabled")
	}
	_, err = f.DeleteUser(t.Context(), &identity.DeleteUserInput{Account: account, User: "Ann"})
	must(t, err)
	if _, ok := f.dir.AccessKey(k.ID); ok {
		t.Error("the key of a user who is gone is known")
	}
}

func TestKeyIsRefusedWithoutTheRightKeyring(t *testing.T) {
	f := newFixture(t)
	k := f.key("")
	other := keyring.New()
	must(t, other.UseBuiltin([]byte("another secret")))
	dir := identity.NewDirectory(identity.DirectoryOptions{
		Catalog: f.catalog, Sealer: other, Clock: clock.System(), Logger: slog.New(slog.NewTextHandler(f.log, nil)),
	})
	if _, ok := dir.AccessKey(k.ID); ok || !strings.Contains(f.log.String(), "cannot be decrypted") || strings.Contains(f.log.String(), k.Secret) {
		t.Errorf("known %v, log %s", ok, f.log)
	}
}

// A record of one key must not work as that of another.
func TestSealedSecretsCannotBeSwapped(t *testing.T) {
	f := newFixture(t)
	f.user("ann")
	low, root := f.key("ann"), f.key("")
	record := *f.catalog.View().Identities().Key(root.ID)
	record.Sealed = f.catalog.View().Identities().Key(low.ID).Sealed
	must(t, f.catalog.Update(t.Context(), func(*catalog.View) (catalog.Change, error) { return catalog.PutAccessKey{Key: record}, nil }))
	if _, ok := f.dir.AccessKey(root.ID); ok {
		t.Error("the secret of a user opens the root's key")
	}
}

func TestDirectoryCollectsPolicies(t *testing.T) {
	f := newFixture(t)
	u := f.user("ann")
	for _, g := range []string{"staff", "others"} {
		_, err := f.CreateGroup(t.Context(), &identity.CreateGroupInput{Account: account, Group: g})
		must(t, err)
		f.policy(identity.Owner{Group: g}, "of-"+g, allow)
	}
	r, err := f.CreateRole(t.Context(), &identity.CreateRoleInput{Account: account, Role: "deploy", TrustPolicy: trust})
	must(t, err)
	f.policy(identity.Owner{User: "ann"}, "own", allow)
	f.policy(identity.Owner{Role: "deploy"}, "manage", allow)
	membership := &identity.MembershipInput{Account: account, Group: "staff", User: "ann"}
	_, err = f.AddToGroup(t.Context(), membership)
	must(t, err)

	names := func(userID string) string {
		var all []string
		for _, p := range f.dir.Policies(api.Principal{UserID: userID}) {
			all = append(all, p.Name)
		}
		return strings.Join(all, ", ")
	}
	for userID, want := range map[string]string{u.ID: "policy own of user ann, policy of-staff of group staff", r.ID + ":session": "policy manage of role deploy", account: "", "AIDANOBODY": "", "": ""} {
		if got := names(userID); got != want {
			t.Errorf("policies of %q: %q, want %q", userID, got, want)
		}
	}
	p := api.Principal{UserID: u.ID}
	if n := testing.AllocsPerRun(100, func() { f.dir.Policies(p) }); n != 0 {
		t.Errorf("a lookup makes %v allocations", n)
	}
	if first := f.dir.Policies(p); first[0] != f.dir.Policies(p)[0] {
		t.Error("the policies of a user are made anew each time")
	}
	_, err = f.RemoveFromGroup(t.Context(), membership)
	must(t, err)
	if got := names(u.ID); got != "policy own of user ann" {
		t.Errorf("outside the group: %q", got)
	}
}

func TestKeyIsFoundWithoutAllocation(t *testing.T) {
	f := newFixture(t)
	k := f.key("")
	if n := testing.AllocsPerRun(100, func() { f.dir.AccessKey(k.ID) }); n != 0 {
		t.Errorf("a lookup makes %v allocations", n)
	}
}

func TestRootKeyIsMadeOnce(t *testing.T) {
	f := newFixture(t)
	var wg sync.WaitGroup
	made := make(chan *identity.NewKey, 4)
	for range cap(made) {
		wg.Go(func() {
			k, err := f.EnsureRootKey(t.Context(), account)
			if err != nil {
				t.Error(err)
			}
			if k != nil {
				made <- k
			}
		})
	}
	wg.Wait()
	if len(made) != 1 {
		t.Fatalf("%d keys were made", len(made))
	}
	k := <-made
	if got, ok := f.dir.AccessKey(k.ID); !ok || got.Secret != k.Secret || got.Principal != (api.Principal{Account: account, ARN: identity.RootARN(account), UserID: account}) {
		t.Errorf("key %+v, %v", got.Principal, ok)
	}
	_, err := f.DeleteKey(t.Context(), &identity.DeleteKeyInput{ID: k.ID})
	must(t, err)
	if again, err := f.EnsureRootKey(t.Context(), account); again != nil || err != nil {
		t.Errorf("after it was deleted there is another one: %v", err)
	}
}

func TestImportCanBeRepeated(t *testing.T) {
	f := newFixture(t)
	in := &identity.ImportKeyInput{CreateKeyInput: identity.CreateKeyInput{Account: account, User: "worker"}, ID: "AKIAIMPORTED0000", Secret: "first-secret", CreateUser: true}
	_, err := f.ImportKey(t.Context(), in)
	must(t, err)
	_, err = f.UpdateKey(t.Context(), &identity.UpdateKeyInput{ID: in.ID})
	must(t, err)
	in.Secret = "second-secret"
	k, err := f.ImportKey(t.Context(), in)
	must(t, err)
	if got, ok := f.dir.AccessKey(in.ID); !ok || got.Secret != "second-secret" || k.Active || k.User != "worker" {
		t.Errorf("after the second import: key %+v, %v", k, ok)
	}
	in.User = "other"
	_, err = f.ImportKey(t.Context(), in)
	refused(t, err, identity.Exists, "somebody else")
}

func TestLastUseIsKeptToAQuarterOfAnHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t)
		f.user("ann")
		k, unused := f.key("ann"), f.key("ann")
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- f.dir.Run(ctx) }()
		before := len(f.journal)
		time.Sleep(time.Second / 2) // never at once with what is written
		first := time.Now().UnixMilli()
		for range 1000 { // over 16 minutes and 40 seconds
			f.dir.Used(k.ID)
			f.dir.Used("AKIANONE")
			expectRecent(t, f, k.ID, unused.ID)
			time.Sleep(time.Second)
		}
		synctest.Wait()
		if n := len(f.journal) - before; n != 1 {
			t.Errorf("%d changes for a thousand requests", n)
		}
		if at := f.catalog.View().KeyUsed(k.ID); at != first {
			t.Errorf("used at %d, want %d", at, first)
		}
		time.Sleep(time.Minute)
		f.dir.Used(k.ID)
		stop()
		must(t, <-ended)
		f.Service = identity.New(identity.Options{Catalog: f.catalog, Sealer: f.keys, Clock: clock.System()}) // as after a restart
		expectRecent(t, f, k.ID, unused.ID)
	})
}

// expectRecent checks that a key, which was used just now, is listed as used within the last quarter of an hour, and another as never used.
func expectRecent(t *testing.T, f *fixture, used, unused string) {
	t.Helper()
	out, err := f.ListKeys(t.Context(), &identity.ListKeysInput{Account: account})
	must(t, err)
	for _, listed := range out.Keys {
		if ago := time.Now().UnixMilli() - listed.LastUsed; listed.ID == used && ago > (15*time.Minute).Milliseconds() {
			t.Fatalf("last used %d ms ago", ago)
		}
		if listed.ID == unused && listed.LastUsed != 0 {
			t.Fatal("a key that was not used was")
		}
	}
}

// Readers and a writer at once: the race detector watches, and a key is never seen with the secret of another.
func TestDirectoryUnderChanges(t *testing.T) {
	f := newFixture(t)
	f.user("ann")
	k := f.key("ann")
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
				got, ok := f.dir.AccessKey(k.ID)
				if !ok || got.Secret != k.Secret {
					t.Error("the key is lost")
					return
				}
				f.dir.Policies(got.Principal)
				f.dir.Used(k.ID)
			}
		})
	}
	for i := range 100 {
		f.policy(identity.Owner{User: "ann"}, "p", strings.Replace(allow, "*", fmt.Sprint("Send", i), 1))
	}
	close(done)
	wg.Wait()
}

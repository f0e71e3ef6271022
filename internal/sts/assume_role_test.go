package sts_test

import (
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/clock"
	"github.com/staunchmq/staunch/internal/identity"
	"github.com/staunchmq/staunch/internal/keyring"
	"github.com/staunchmq/staunch/internal/sts"
)

// roles are the roles by their ARN.
type roles map[string]*identity.Role

func (r roles) RoleByARN(arn string) *identity.Role { return r[arn] }

func (r roles) RoleByID(id string) *identity.Role {
	for _, role := range r {
		if role.ID == id {
			return role
		}
	}
	return nil
}

// policy is a session policy; its first * is in a resource.
const policy = `{"Statement":{"Resource":"arn:aws:sqs:::*","Effect":"Allow","Action":"*"}}`

const roleARN = "arn:aws:iam::111122223333:role/deploy"

var (
	start = time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	user  = api.Principal{Account: "444455556666", ARN: "arn:aws:iam::444455556666:user/ann", UserID: "AIDAANN"}
)

type fixture struct {
	*sts.Sessions
	roles roles
	clock *clock.Manual
	// asked is what was decided on last; the answer is allow.
	asked struct {
		caller *api.Caller
		role   *identity.Role
		keys   map[string]string
	}
	allow bool
}

func newFixture(t *testing.T, secret string) *fixture {
	t.Helper()
	keys := keyring.New()
	if err := keys.UseBuiltin([]byte(secret)); err != nil {
		t.Fatal(err)
	}
	f := &fixture{
		roles: roles{roleARN: {Name: "deploy", ARN: roleARN, ID: "AROADEPLOY", Account: "111122223333", TrustPolicy: "{}", MaxSessionSeconds: 7200}},
		clock: clock.NewManual(start), allow: true,
	}
	f.Sessions = sts.NewSessions(sts.Options{
		Identities: f.roles, Sealer: keys, Clock: f.clock,
		MayAssume: func(c *api.Caller, role *identity.Role, keys map[string]string) error {
			f.asked.caller, f.asked.role, f.asked.keys = c, role, keys
			if f.allow {
				return nil
			}
			return errors.New("the trust policy denies it")
		},
	})
	return f
}

func input(edit ...func(*sts.AssumeRoleInput)) *sts.AssumeRoleInput {
	in := &sts.AssumeRoleInput{RoleARN: roleARN, RoleSessionName: "build-7"}
	for _, e := range edit {
		e(in)
	}
	return in
}

func TestAssumeRole(t *testing.T) {
	f := newFixture(t, "secret")
	caller := &api.Caller{RequestID: "r", Principal: user}
	out, err := f.AssumeRole(caller, input(func(in *sts.AssumeRoleInput) {
		in.DurationSeconds, in.ExternalID, in.Policy = 900, "x/1", policy
	}))
	if err != nil {
		t.Fatal(err)
	}
	if f.asked.caller != caller || f.asked.role.ARN != roleARN || f.asked.keys["sts:ExternalId"] != "x/1" ||
		f.asked.keys["sts:RoleSessionName"] != "build-7" {
		t.Errorf("decided on %+v", f.asked)
	}
	if len(out.AccessKeyID) != 20 || !strings.HasPrefix(out.AccessKeyID, "ASIA") || len(out.SecretAccessKey) != 40 ||
		out.AssumedRoleARN != "arn:aws:sts::111122223333:assumed-role/deploy/build-7" || out.AssumedRoleID != "AROADEPLOY:build-7" ||
		out.PackedPolicySize != 4 || !out.Expiration.Equal(start.Truncate(time.Second).Add(15*time.Minute)) {
		t.Errorf("output %+v", out)
	}
	sealed, _ := base64.StdEncoding.DecodeString(out.SessionToken)
	if strings.Contains(string(sealed), out.SecretAccessKey) {
		t.Error("the token shows the secret")
	}
	key, ok := f.Open(out.AccessKeyID, out.SessionToken)
	want := api.AccessKey{Secret: out.SecretAccessKey, Expires: out.Expiration, Principal: api.Principal{
		Account: "111122223333", ARN: out.AssumedRoleARN, UserID: out.AssumedRoleID,
		SessionPolicy: policy, SessionIssued: start.Truncate(time.Second),
	}}
	if !ok || key != want {
		t.Errorf("the session is of %+v until %v: %v", key.Principal, key.Expires, ok)
	}
}

func TestSessionsNeedNoState(t *testing.T) {
	f := newFixture(t, "secret")
	out, err := f.AssumeRole(&api.Caller{Principal: user}, input())
	if err != nil {
		t.Fatal(err)
	}
	if key, ok := newFixture(t, "secret").Open(out.AccessKeyID, out.SessionToken); !ok || key.Secret != out.SecretAccessKey {
		t.Errorf("another server with the same keys: %v", ok)
	}
	if _, ok := newFixture(t, "other").Open(out.AccessKeyID, out.SessionToken); ok {
		t.Error("a server with other keys opens the token")
	}
}

func TestForgedTokensAreRefused(t *testing.T) {
	f := newFixture(t, "secret")
	out, err := f.AssumeRole(&api.Caller{Principal: user}, input())
	if err != nil {
		t.Fatal(err)
	}
	other, err := f.AssumeRole(&api.Caller{Principal: user}, input())
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := base64.StdEncoding.DecodeString(out.SessionToken)
	if err != nil {
		t.Fatal(err)
	}
	for i := range sealed {
		changed := append([]byte{}, sealed...)
		changed[i] ^= 1
		if _, ok := f.Open(out.AccessKeyID, base64.StdEncoding.EncodeToString(changed)); ok {
			t.Fatalf("byte %d changed: it opens", i)
		}
	}
	for name, tc := range map[string]struct{ token, id string }{
		"none":               {"", out.AccessKeyID},
		"not base64":         {"?", out.AccessKeyID},
		"too long":           {strings.Repeat("A", 20_004), out.AccessKeyID},
		"another access key": {other.SessionToken, out.AccessKeyID},
		"no access key":      {out.SessionToken, ""},
	} {
		if _, ok := f.Open(tc.id, tc.token); ok {
			t.Errorf("%s: it opens", name)
		}
	}
	delete(f.roles, roleARN)
	if _, ok := f.Open(out.AccessKeyID, out.SessionToken); ok {
		t.Error("the token opens after the role was deleted")
	}
}

func TestAssumeRoleRefuses(t *testing.T) {
	session := api.Principal{Account: "111122223333", ARN: "arn:aws:sts::111122223333:assumed-role/a/b", UserID: "AROAA:b"}
	denied := "AccessDenied: User: " + user.ARN + " is not authorized to perform: sts:AssumeRole on resource: " + roleARN
	for _, tc := range []struct {
		name string
		who  api.Principal
		deny bool
		edit func(*sts.AssumeRoleInput)
		want string
		// denial is what logs say of it.
		denial string
	}{
		{"not trusted", user, true, func(*sts.AssumeRoleInput) {}, denied, "the trust policy denies it"},
		{"a role that does not exist", user, false, func(in *sts.AssumeRoleInput) { in.RoleARN += "x" }, denied + "x", "there is no such role"},
		{"a root", api.Principal{Account: "111122223333", ARN: "arn:aws:iam::111122223333:root", UserID: "111122223333"}, false, func(*sts.AssumeRoleInput) {}, "AccessDenied", "roots cannot assume roles"},
		{"nobody", api.Principal{}, false, func(*sts.AssumeRoleInput) {}, "AccessDenied", "nobody has signed the request"},
		{"no role", user, false, func(in *sts.AssumeRoleInput) { in.RoleARN = "" }, "ValidationError: 1 validation error detected: Value null at 'roleArn'", ""},
		{"no session name", user, false, func(in *sts.AssumeRoleInput) { in.RoleSessionName = "" }, "at 'roleSessionName'", ""},
		{"session name with a slash", user, false, func(in *sts.AssumeRoleInput) { in.RoleSessionName = "a/b" }, "at 'roleSessionName'", ""},
		{"too short", user, false, func(in *sts.AssumeRoleInput) { in.DurationSeconds = 899 }, "greater than or equal to 900", ""},
		{"too long", user, false, func(in *sts.AssumeRoleInput) { in.DurationSeconds = 43201 }, "less than or equal to 43200", ""},
		{"longer than the role allows", user, false, func(in *sts.AssumeRoleInput) { in.DurationSeconds = 7201 }, "exceeds the MaxSessionDuration", ""},
		{"longer than a chain allows", session, false, func(in *sts.AssumeRoleInput) { in.DurationSeconds = 3601 }, "role chaining", ""},
		{"external ID", user, false, func(in *sts.AssumeRoleInput) { in.ExternalID = "a" }, "at 'externalId'", ""},
		{"policy is no JSON", user, false, func(in *sts.AssumeRoleInput) { in.Policy = "{" }, "MalformedPolicyDocument", ""},
		{"policy is refused", user, false, func(in *sts.AssumeRoleInput) { in.Policy = `{"Statement":{"Effect":"Maybe"}}` }, "cannot be used", ""},
		{"policy too long", user, false, func(in *sts.AssumeRoleInput) { in.Policy = `{"a":"` + strings.Repeat("ä", 2041) + `"}` }, "PackedPolicyTooLarge", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f := newFixture(t, "secret")
			f.allow = !tc.deny
			_, err := f.AssumeRole(&api.Caller{Principal: tc.who}, input(tc.edit))
			var e *api.Error
			if !errors.As(err, &e) || !strings.Contains(err.Error(), tc.want) || e.Denial != tc.denial {
				t.Errorf("error %v (%s), want %q (%s)", err, e.Denial, tc.want, tc.denial)
			}
		})
	}
}

// The longest session policy still fits into a token.
func TestLongestPolicy(t *testing.T) {
	f := newFixture(t, "secret")
	policy := strings.Replace(policy, "*", strings.Repeat("\U0001F600", 2048-len(policy)+1), 1)
	out, err := f.AssumeRole(&api.Caller{Principal: user}, input(func(in *sts.AssumeRoleInput) { in.Policy = policy }))
	if err != nil {
		t.Fatal(err)
	}
	key, ok := f.Open(out.AccessKeyID, out.SessionToken)
	if !ok || key.Principal.SessionPolicy != policy || out.PackedPolicySize != 100 {
		t.Errorf("%d %%, %v", out.PackedPolicySize, ok)
	}
}

var _ sts.Identities = (*identity.Directory)(nil)

func FuzzToken(f *testing.F) {
	keys := keyring.New()
	if err := keys.UseBuiltin([]byte("secret")); err != nil {
		f.Fatal(err)
	}
	sessions := sts.NewSessions(sts.Options{Identities: roles{}, Sealer: keys, Clock: clock.NewManual(start)})
	f.Add("", "ASIA")
	f.Add(base64.StdEncoding.EncodeToString([]byte(`{"v":1}`)), "ASIA")
	f.Fuzz(func(t *testing.T, token, id string) {
		if key, ok := sessions.Open(id, token); ok {
			t.Errorf("token %q gives a session of %s", token, key.Principal.ARN)
		}
	})
}

package admin_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/staunchmq/staunch/internal/admin"
	"github.com/staunchmq/staunch/internal/catalog"
	"github.com/staunchmq/staunch/internal/clock"
	"github.com/staunchmq/staunch/internal/identity"
	"github.com/staunchmq/staunch/internal/keyring"
	"github.com/staunchmq/staunch/internal/metrics"
)

// direct commits changes of a catalog at once.
type direct struct{ *catalog.Catalog }

func (d direct) AppendDefinition(_ context.Context, change []byte, _ bool) error {
	return d.Apply(change)
}

func newIdentities(t *testing.T) *identity.Service {
	t.Helper()
	c, keys := catalog.New(), keyring.New()
	c.Attach(direct{c})
	if err := keys.UseBuiltin([]byte("secret")); err != nil {
		t.Fatal(err)
	}
	return identity.New(identity.Options{Catalog: c, Sealer: keys, Clock: clock.System()})
}

func TestIdentityOperations(t *testing.T) {
	service := newIdentities(t)
	handler := admin.New(admin.Options{
		Registry: metrics.New(metrics.Options{}), Ready: func() error { return nil }, Token: token,
		Identities: func() *identity.Service { return service },
	})
	// One handler for all: each call sees what those before it did. %KEY% is the ID of the key that was made last.
	key := ""
	for _, call := range []struct {
		operation, body string
		status          int
		want            string // is in the answer
	}{
		{"create-account", `{"id":"111122223333","name":"shop"}`, 200, `"id":"111122223333","name":"shop"`},
		{"create-account", `{"name":"shop"}`, 409, `"code":"EntityAlreadyExists"`},
		{"list-accounts", `{}`, 200, `"accounts":[{"id":"111122223333"`},
		{"create-user", `{"account":"shop","user":"ann"}`, 200, `"arn":"arn:aws:iam::111122223333:user/ann"`},
		{"create-user", `{"account":"shop","user":"a/b"}`, 400, `"code":"ValidationError"`},
		{"create-user", `{"account":"other","user":"ann"}`, 404, `"code":"NoSuchEntity"`},
		{"create-user", `{"account":"shop","name":"ann"}`, 400, `unknown object member name`},
		{"create-user", `{`, 400, `is not the input of this operation`},
		{"create-user", strings.Repeat(" ", 200_000), 413, `was not read`},
		{"list-users", `{"account":"shop"}`, 200, `"name":"ann"`},
		{"create-group", `{"account":"shop","group":"staff"}`, 200, `:group/staff"`},
		{"add-to-group", `{"account":"shop","group":"staff","user":"ann"}`, 200, `{}`},
		{"list-groups", `{"account":"shop"}`, 200, `"users":["ann"]`},
		{"create-role", `{"account":"shop","role":"deploy","trust_policy":"{\"Statement\":{\"Effect\":\"Allow\",\"Principal\":\"*\",\"Action\":\"sts:AssumeRole\"}}"}`, 200, `:role/deploy"`},
		{"create-role", `{"account":"shop","role":"x","trust_policy":"["}`, 400, `"code":"MalformedPolicyDocument"`},
		{"update-role", `{"account":"shop","role":"deploy","max_session_seconds":7200}`, 200, `"max_session_seconds":7200`},
		{"list-roles", `{"account":"shop"}`, 200, `"trust_policy":"{\"Statement`},
		{"put-policy", `{"account":"shop","user":"ann","policy":"p","document":"{\"Statement\":{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}}"}`, 200, `{}`},
		{"get-policy", `{"account":"shop","user":"ann","policy":"p"}`, 200, `"document":"{\"Statement`},
		{"list-policies", `{"account":"shop","user":"ann"}`, 200, `"name":"p"`},
		{"delete-policy", `{"account":"shop","user":"ann","policy":"p"}`, 200, `{}`},
		{"create-key", `{"account":"shop","user":"ann"}`, 200, `"secret":"`},
		{"update-key", `{"id":"%KEY%","active":false}`, 200, `{}`},
		{"list-keys", `{"account":"shop"}`, 200, `"active":false`},
		{"rotate-key", `{"id":"%KEY%"}`, 200, `"user":"ann","active":true`},
		{"rotate-key", `{"id":"%KEY%"}`, 409, `"code":"LimitExceeded"`},
		{"delete-key", `{"id":"%KEY%"}`, 200, `{}`},
		{"import-key", `{"account":"shop","user":"bob","create_user":true,"id":"AKIAIMPORTED0000","secret":"12345678"}`, 200, `"user":"bob"`},
		{"delete-account", `{"account":"shop"}`, 409, `"code":"DeleteConflict"`},
		{"remove-from-group", `{"account":"shop","group":"staff","user":"ann"}`, 200, `{}`},
		{"delete-group", `{"account":"shop","group":"staff"}`, 200, `{}`},
		{"delete-role", `{"account":"shop","role":"deploy"}`, 200, `{}`},
		{"delete-user", `{"account":"shop","user":"ann"}`, 200, `{}`},
		{"delete-user", `{"account":"shop","user":"bob"}`, 200, `{}`},
		{"delete-account", `{"account":"shop"}`, 200, `{}`},
		{"create-queue", `{}`, 404, `"code":"UnknownOperation"`},
	} {
		answer := httptest.NewRecorder()
		body := strings.ReplaceAll(call.body, "%KEY%", key)
		handler.ServeHTTP(answer, withToken(httptest.NewRequest("POST", "/identities/"+call.operation, strings.NewReader(body))))
		if answer.Code != call.status || !strings.Contains(answer.Body.String(), call.want) {
			t.Errorf("%s %.200s = %d %s, want %d with %s", call.operation, body, answer.Code, answer.Body, call.status, call.want)
		}
		if got := answer.Header().Get("Cache-Control"); got != "no-store" {
			t.Errorf("%s: Cache-Control %q", call.operation, got)
		}
		var made struct{ ID, Secret string }
		if json.Unmarshal(answer.Body.Bytes(), &made) == nil && made.Secret != "" {
			key = made.ID
		}
	}
}

func TestIdentitiesNeedTheTokenAndAServerThatIsReady(t *testing.T) {
	ask := func(o admin.Options, header string) int {
		o.Registry, o.Ready = metrics.New(metrics.Options{}), func() error { return nil }
		answer := httptest.NewRecorder()
		r := httptest.NewRequest("POST", "/identities/list-accounts", strings.NewReader("{}"))
		r.Header.Set("Authorization", header)
		admin.New(o).ServeHTTP(answer, r)
		return answer.Code
	}
	service := newIdentities(t)
	ready := admin.Options{Token: token, Identities: func() *identity.Service { return service }}
	starting := admin.Options{Token: token, Identities: func() *identity.Service { return nil }}
	for name, tc := range map[string]struct {
		options admin.Options
		header  string
		status  int
	}{
		"right":                {ready, "Bearer " + token, http.StatusOK},
		"none":                 {ready, "", http.StatusUnauthorized},
		"another scheme":       {ready, "Basic " + token, http.StatusUnauthorized},
		"shorter":              {ready, "Bearer " + token[1:], http.StatusUnauthorized},
		"empty":                {ready, "Bearer ", http.StatusUnauthorized},
		"no token, none given": {admin.Options{Identities: ready.Identities}, "Bearer ", http.StatusUnauthorized},
		"starting":             {starting, "Bearer " + token, http.StatusServiceUnavailable},
	} {
		if got := ask(tc.options, tc.header); got != tc.status {
			t.Errorf("%s: status %d, want %d", name, got, tc.status)
		}
	}
}

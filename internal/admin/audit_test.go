package admin_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/staunchmq/staunch/internal/admin"
	"github.com/staunchmq/staunch/internal/audit"
	"github.com/staunchmq/staunch/internal/identity"
	"github.com/staunchmq/staunch/internal/metrics"
)

// entries keeps what an audit log is told.
type entries []audit.Entry

func (e *entries) Record(entry *audit.Entry) { *e = append(*e, *entry) }

func TestAuditedRequests(t *testing.T) {
	service := newIdentities(t)
	var log entries
	handler := admin.New(admin.Options{
		Registry: metrics.New(metrics.Options{}), Ready: func() error { return nil }, Token: token, Audit: &log,
		Identities: func() *identity.Service { return service },
	})
	for _, test := range []struct {
		method, path, body string
		withToken          bool
		want               string // "" for no entry
	}{
		{"POST", "/identities/create-account", `{"id":"111122223333","name":"shop"}`, true, "admin:create-account name/shop id/111122223333 by admin token: allowed 200"},
		{"POST", "/identities/create-user", `{"account":"shop","user":"ann"}`, true, "admin:create-user account/shop user/ann by admin token: allowed 200"},
		{"POST", "/identities/create-user", `{"account":"shop","user":"ann"}`, true, "admin:create-user account/shop user/ann by admin token: allowed 409"},
		{"POST", "/identities/import-key", `{"account":"shop","user":"ann","id":"AKIAIMPORTEDKEY0","secret":"canary-secret"}`, true, "admin:import-key account/shop user/ann id/AKIAIMPORTEDKEY0 by admin token: allowed 200"},
		{"POST", "/identities/create-key", `{"account":"shop","user":"ann"}`, true, "admin:create-key account/shop user/ann key/NEW by admin token: allowed 200"},
		{"POST", "/identities/delete-key", `{"id":"AKIAIMPORTEDKEY0"}`, true, "admin:delete-key id/AKIAIMPORTEDKEY0 by admin token: allowed 200"},
		{"POST", "/identities/import-key", `{"account":"shop","id":"AKIAIMPORTEDROOT","secret":"canary-secret"}`, true, "admin:import-key account/shop id/AKIAIMPORTEDROOT by admin token: allowed 200"},
		{"POST", "/identities/rotate-key", `{"id":"AKIAIMPORTEDROOT"}`, true, "admin:rotate-key id/AKIAIMPORTEDROOT key/NEW by admin token: allowed 200"},
		{"POST", "/identities/put-policy", `{"account":"shop","user":"ann","policy":"send","document":"canary"}`, true, "admin:put-policy account/shop user/ann policy/send by admin token: allowed 400"},
		{"POST", "/identities/delete-policy", `{"account":"shop","user":"ann","policy":"send"}`, true, "admin:delete-policy account/shop user/ann policy/send by admin token: allowed 404"},
		{"POST", "/reload-keyring", "", true, "admin:reload-keyring  by admin token: allowed 501"},
		{"POST", "/identities/list-users", `{"account":"shop"}`, false, "admin:list-users  by : denied 401"},
		{"POST", "/identities/canary", `{}`, true, "admin:other  by admin token: allowed 404"},
		{"POST", "/backup", "", true, "admin:backup  by admin token: allowed 501"},
		{"GET", "/debug/pprof/cmdline", "", false, "admin:profile  by : denied 401"},
		{"GET", "/readyz", "", false, ""},
		{"GET", "/metrics", "", false, ""},
	} {
		r := httptest.NewRequest(test.method, test.path, strings.NewReader(test.body))
		if test.withToken {
			r = withToken(r)
		}
		log = nil
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		got := ""
		for _, e := range log {
			got += fmt.Sprintf("%s %s by %s: %s %d", e.Action, e.Resource, e.Principal, e.Decision, e.Status)
			if e.SourceIP != "192.0.2.1" || e.Verified != test.withToken || e.Time.IsZero() {
				t.Errorf("%+v", e)
			}
		}
		var made struct{ ID string }
		if json.Unmarshal(w.Body.Bytes(), &made) == nil && made.ID != "" {
			got = strings.Replace(got, "key/"+made.ID, "key/NEW", 1)
		}
		if got != test.want {
			t.Errorf("%s: got %q, want %q (%s)", test.path, got, test.want, w.Body)
		}
		if strings.Contains(fmt.Sprint(log), "canary") || strings.Contains(fmt.Sprint(log), token) {
			t.Errorf("the log has what it must not: %+v", log)
		}
	}
}

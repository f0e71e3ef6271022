package admin_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/staunchmq/staunch/internal/admin"
	"github.com/staunchmq/staunch/internal/metrics"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// token is the admin token of the handlers in these tests.
const token = "the-token-of-the-tests"

func withToken(r *http.Request) *http.Request {
	r.Header.Set("Authorization", "Bearer "+token)
	return r
}

func TestAnswers(t *testing.T) {
	ready := func() error { return nil }
	replaying := func() error { return errors.New("shard 2 is replaying its journal") }
	tests := []struct {
		name   string
		method string
		path   string
		ready  func() error
		status int
		body   string // the whole body
	}{
		{"live", "GET", "/livez", ready, 200, "alive\n"},
		{"live while not ready", "GET", "/livez", replaying, 200, "alive\n"},
		{"ready", "GET", "/readyz", ready, 200, "ready\n"},
		{"ready verbose", "GET", "/readyz?verbose", ready, 200, "ready\nversion: 1.2.3\n"},
		{"not ready says why", "GET", "/readyz", replaying, 503, "not ready: shard 2 is replaying its journal\n"},
		{
			"not ready verbose", "GET", "/readyz?verbose=1", replaying, 503,
			"not ready: shard 2 is replaying its journal\nversion: 1.2.3\n",
		},
		{"index", "GET", "/", ready, 200, "Staunch 1.2.3\n\n/livez\n/readyz\n/metrics\n/backup (POST)\n/rewrap (POST)\n/reload-keyring (POST)\n/decide (POST)\n/identities/ (POST)\n/debug/pprof/\n"},
		{"unknown profile", "GET", "/debug/pprof/nothing", ready, 404, "Unknown profile\n"},
		{"unknown path", "GET", "/queues", ready, 404, "404 page not found\n"},
		{"other methods", "DELETE", "/readyz", ready, 405, "Method Not Allowed\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			handler := admin.New(admin.Options{
				Registry: metrics.New(metrics.Options{}), Ready: test.ready, Version: "1.2.3", Token: token,
			})
			answer := httptest.NewRecorder()
			handler.ServeHTTP(answer, withToken(httptest.NewRequest(test.method, test.path, http.NoBody)))
			if answer.Code != test.status || answer.Body.String() != test.body {
				t.Errorf("%s %s = %d %q, want %d %q",
					test.method, test.path, answer.Code, answer.Body, test.status, test.body)
			}
		})
	}
}

func TestVerboseReadinessHasTheNote(t *testing.T) {
	note := ""
	handler := admin.New(admin.Options{
		Registry: metrics.New(metrics.Options{}), Ready: func() error { return nil }, Version: "1.2.3",
		Note: func() string { return note },
	})
	for _, test := range []struct{ path, note, body string }{
		{"/readyz?verbose", "", "ready\nversion: 1.2.3\n"},
		{"/readyz?verbose", "the disk is full", "ready\nnote: the disk is full\nversion: 1.2.3\n"},
		{"/readyz", "the disk is full", "ready\n"},
	} {
		note = test.note
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, httptest.NewRequest("GET", test.path, http.NoBody))
		if answer.Code != http.StatusOK || answer.Body.String() != test.body {
			t.Errorf("GET %s with note %q = %d %q, want %q", test.path, test.note, answer.Code, answer.Body, test.body)
		}
	}
}

func TestMetricsAndProfiles(t *testing.T) {
	registry := metrics.New(metrics.Options{})
	registry.Panicked()
	handler := admin.New(admin.Options{Registry: registry, Ready: func() error { return nil }, Version: "1.2.3", Token: token})
	for path, want := range map[string]string{
		"/metrics":                       "\nstaunch_panics_total 1\n",
		"/debug/pprof/":                  "full goroutine stack dump",
		"/debug/pprof/goroutine?debug=1": "goroutine profile:",
		"/debug/pprof/cmdline":           os.Args[0],
		"/debug/pprof/symbol":            "num_symbols",
	} {
		t.Run(path, func(t *testing.T) {
			answer := httptest.NewRecorder()
			handler.ServeHTTP(answer, withToken(httptest.NewRequest("GET", path, http.NoBody)))
			if answer.Code != http.StatusOK || !strings.Contains(answer.Body.String(), want) {
				t.Errorf("GET %s = %d, want 200 with %q in:\n%.2000s", path, answer.Code, want, answer.Body)
			}
		})
	}
}

func TestAnswersAreNotCached(t *testing.T) {
	handler := admin.New(admin.Options{
		Registry: metrics.New(metrics.Options{}), Ready: func() error { return nil }, Version: "1.2.3",
	})
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, httptest.NewRequest("GET", "/readyz", http.NoBody))
	if got := answer.Header().Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control = %q", got)
	}
}

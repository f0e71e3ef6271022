package cli_test

import (
	"bytes"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/staunchmq/staunch/internal/admin"
	"github.com/staunchmq/staunch/internal/cli"
	"github.com/staunchmq/staunch/internal/metrics"
)

// run runs one command line in this process.
func run(environ []string, args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	code = cli.Main(args, environ, &out, &err, fakeServer)
	return code, out.String(), err.String()
}

func adminServer(t *testing.T, ready error) *httptest.Server {
	server := httptest.NewServer(admin.New(admin.Options{
		Registry: metrics.New(metrics.Options{}),
		Ready:    func() error { return ready },
	}))
	t.Cleanup(server.Close)
	return server
}

func TestHealthcheckOfAServerThatIsReady(t *testing.T) {
	server := adminServer(t, nil)
	address := strings.TrimPrefix(server.URL, "http://")
	for name, args := range map[string][]string{
		"url":  {"healthcheck", "--url", server.URL + "/"},
		"flag": {"healthcheck", "--admin-listen", address},
	} {
		t.Run(name, func(t *testing.T) {
			if code, stdout, stderr := run(nil, args...); code != 0 || stdout != "ready\n" || stderr != "" {
				t.Errorf("exit code %d, stdout %q, stderr %q", code, stdout, stderr)
			}
		})
	}
	t.Run("variable", func(t *testing.T) {
		code, stdout, stderr := run([]string{"STAUNCH_ADMIN_LISTEN=" + address}, "healthcheck")
		if code != 0 || stdout != "ready\n" {
			t.Errorf("exit code %d, stdout %q, stderr %q", code, stdout, stderr)
		}
	})
}

func TestHealthcheckSaysWhyAServerIsNotReady(t *testing.T) {
	server := adminServer(t, errors.New("shard 2 is replaying"))
	code, stdout, stderr := run(nil, "healthcheck", "--url", server.URL)
	want := "answered 503 Service Unavailable: not ready: shard 2 is replaying\n"
	if code != 1 || stdout != "" || !strings.Contains(stderr, want) {
		t.Errorf("exit code %d, stdout %q, stderr %q", code, stdout, stderr)
	}
}

func TestHealthcheckDoesNotWaitForever(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer server.Close()
	defer close(release)
	code, _, stderr := run(nil, "healthcheck", "--url", server.URL, "--timeout", "20ms")
	if code != 1 || !strings.Contains(stderr, "deadline exceeded") {
		t.Errorf("exit code %d, stderr %q", code, stderr)
	}
}

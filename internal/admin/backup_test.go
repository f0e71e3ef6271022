package admin_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/staunchmq/staunch/internal/admin"
	"github.com/staunchmq/staunch/internal/metrics"
)

func serve(t *testing.T, backup func(ctx context.Context, w io.Writer) error) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(admin.New(admin.Options{Registry: metrics.New(metrics.Options{}), Ready: func() error { return nil }, Backup: backup, Token: token}))
	t.Cleanup(s.Close)
	return s
}

// ask sends a request and returns the status and the body.
func ask(t *testing.T, s *httptest.Server, method string, header ...string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL+"/backup", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	withToken(r)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body)
}

func TestBackupAnswers(t *testing.T) {
	write := func(_ context.Context, w io.Writer) error { _, err := io.WriteString(w, "all of it"); return err }
	fail := func(context.Context, io.Writer) error { return errors.New("the store is closed") }
	tests := []struct {
		name   string
		backup func(ctx context.Context, w io.Writer) error
		method string
		header []string
		status int
		body   string
	}{
		{"backup", write, "POST", nil, 200, "all of it"},
		{"in memory", nil, "POST", nil, 501, "keeps its journals in memory"},
		{"cannot begin", fail, "POST", nil, 503, "the store is closed\n"},
		{"without the token", write, "POST", []string{"Authorization", ""}, 401, "needs the admin token"},
		{"with another token", write, "POST", []string{"Authorization", "Bearer " + token + "x"}, 401, "not the admin token"},
		{"a link", write, "GET", nil, 405, "Method Not Allowed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, body := ask(t, serve(t, tt.backup), tt.method, tt.header...)
			if status != tt.status || !strings.Contains(body, tt.body) {
				t.Errorf("%d %q, want %d %q", status, body, tt.status, tt.body)
			}
		})
	}
}

func TestOneBackupAtATime(t *testing.T) {
	began, end := make(chan struct{}), make(chan struct{})
	s := serve(t, func(context.Context, io.Writer) error {
		began <- struct{}{}
		<-end
		return errors.New("ended")
	})
	done := make(chan struct{})
	go func() {
		defer close(done)
		ask(t, s, "POST")
	}()
	<-began
	if status, body := ask(t, s, "POST"); status != 409 || !strings.Contains(body, "one at a time") {
		t.Errorf("a second one: %d %q", status, body)
	}
	close(end)
	<-done
	go func() { <-began }()
	if status, _ := ask(t, s, "POST"); status != 503 {
		t.Errorf("one after it: %d", status)
	}
}

func TestBackupEndsWithItsReader(t *testing.T) {
	began, ended := make(chan struct{}), make(chan error, 1)
	s := serve(t, func(ctx context.Context, w io.Writer) error {
		close(began)
		<-ctx.Done()
		ended <- ctx.Err()
		return ctx.Err()
	})
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+"/backup", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	withToken(r)
	go func() {
		<-began
		cancel()
	}()
	if answer, err := s.Client().Do(r); err == nil {
		_ = answer.Body.Close()
		t.Error("there is an answer")
	}
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the backup ended with %v", err)
	}
}

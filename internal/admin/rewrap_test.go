package admin_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/staunchmq/staunch/internal/admin"
	"github.com/staunchmq/staunch/internal/metrics"
)

func rewrapHandler(rewrap func(context.Context, *atomic.Int64) (admin.Rewrapped, error)) http.Handler {
	return admin.New(admin.Options{Registry: metrics.New(metrics.Options{}), Ready: func() error { return nil }, Token: token, Rewrap: rewrap})
}

func postRewrap(h http.Handler, ctx context.Context) *httptest.ResponseRecorder {
	answer := httptest.NewRecorder()
	h.ServeHTTP(answer, withToken(httptest.NewRequestWithContext(ctx, http.MethodPost, "/rewrap", http.NoBody)))
	return answer
}

func rewrapLines(t *testing.T, text string) (lines []admin.Rewrapped) {
	t.Helper()
	for line := range strings.Lines(text) {
		var r admin.Rewrapped
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		lines = append(lines, r)
	}
	return lines
}

func TestRewrapTellsHowFarItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := rewrapHandler(func(_ context.Context, looked *atomic.Int64) (admin.Rewrapped, error) {
			looked.Add(10)
			time.Sleep(1500 * time.Millisecond)
			looked.Add(5)
			return admin.Rewrapped{Rewrapped: 7, Failed: 1, Problem: "key a: the key is disabled"}, nil
		})
		got := rewrapLines(t, postRewrap(h, t.Context()).Body.String())
		want := []admin.Rewrapped{{LookedAt: 10}, {Done: true, LookedAt: 15, Rewrapped: 7, Failed: 1, Problem: "key a: the key is disabled"}}
		if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
			t.Errorf("%+v, want %+v", got, want)
		}
	})
}

func TestRewrapOneAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := rewrapHandler(func(ctx context.Context, _ *atomic.Int64) (admin.Rewrapped, error) {
			<-ctx.Done()
			return admin.Rewrapped{Rewrapped: 3}, ctx.Err()
		})
		ctx, cancel := context.WithCancel(t.Context())
		var first *httptest.ResponseRecorder
		go func() { first = postRewrap(h, ctx) }()
		synctest.Wait()
		if second := postRewrap(h, t.Context()); second.Code != http.StatusConflict {
			t.Errorf("a second one: %d %s", second.Code, second.Body)
		}
		cancel() // its client has gone
		synctest.Wait()
		lines := rewrapLines(t, first.Body.String())
		if last := lines[len(lines)-1]; !last.Done || last.Rewrapped != 3 || last.Error != context.Canceled.Error() {
			t.Errorf("%+v", last)
		}
	})
}

// The keyring is not read while a rewrap runs: what that has encrypted with older keys may not be stored yet.
func TestReloadKeyringWaitsForNoRewrap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var failure error
		h := admin.New(admin.Options{
			Registry: metrics.New(metrics.Options{}), Ready: func() error { return nil }, Token: token,
			Rewrap: func(ctx context.Context, _ *atomic.Int64) (admin.Rewrapped, error) {
				<-ctx.Done()
				return admin.Rewrapped{}, ctx.Err()
			},
			ReloadKeyring: func(context.Context) (map[string]uint32, error) { return map[string]uint32{"key": 2}, failure },
		})
		expect := func(status int, text string) {
			t.Helper()
			answer := httptest.NewRecorder()
			h.ServeHTTP(answer, withToken(httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/reload-keyring", http.NoBody)))
			if answer.Code != status || !strings.Contains(answer.Body.String(), text) {
				t.Errorf("%d %s, want %d %s", answer.Code, answer.Body, status, text)
			}
		}
		expect(http.StatusOK, `{"NewestVersions":{"key":2}}`)
		ctx, cancel := context.WithCancel(t.Context())
		go postRewrap(h, ctx)
		synctest.Wait()
		expect(http.StatusConflict, "a rewrap or another reading of the keyring is running")
		cancel()
		synctest.Wait()
		failure = errors.New("a problem")
		expect(http.StatusInternalServerError, "a problem")
		expect(http.StatusInternalServerError, "a problem") // the place is free after a failure
	})
}

func TestRewrapRefused(t *testing.T) {
	if got := postRewrap(rewrapHandler(nil), t.Context()); got.Code != http.StatusNotImplemented {
		t.Errorf("nothing to rewrap: %d", got.Code)
	}
	h := rewrapHandler(func(context.Context, *atomic.Int64) (admin.Rewrapped, error) {
		t.Error("somebody without the token got through")
		return admin.Rewrapped{}, errors.New("no")
	})
	answer := httptest.NewRecorder()
	h.ServeHTTP(answer, httptest.NewRequest(http.MethodPost, "/rewrap", http.NoBody))
	if answer.Code != http.StatusUnauthorized {
		t.Errorf("without the token: %d", answer.Code)
	}
}

// panicking is a connection whose writes panic.
type panicking struct{ http.ResponseWriter }

func (panicking) Write([]byte) (int, error) { panic("a defect") }

func TestRewrapAfterAPanic(t *testing.T) {
	h := rewrapHandler(func(context.Context, *atomic.Int64) (admin.Rewrapped, error) { return admin.Rewrapped{}, nil })
	func() {
		defer func() {
			if recover() == nil {
				t.Error("no panic")
			}
		}()
		request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/rewrap", http.NoBody)
		h.ServeHTTP(panicking{httptest.NewRecorder()}, withToken(request))
	}()
	if again := postRewrap(h, t.Context()); again.Code != http.StatusOK {
		t.Errorf("the next one: %d %s", again.Code, again.Body)
	}
}

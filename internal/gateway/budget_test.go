//go:build !race

package gateway

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/gateway/awsjson"
)

// TestAllocationBudget bounds what a request costs in the gateway, beside net/http's own allocations.
// Not with the race detector: it lets pools forget a part of what they hold, at random.
func TestAllocationBudget(t *testing.T) {
	verified := verifying(func(context.Context, string, *api.Caller, any) (any, error) { return sent, nil })
	believing := verified
	believing.Keys = nil
	for _, tc := range []struct {
		name    string
		options Options
		budget  float64
	}{
		{"believed", believing, 27},
		{"verified", verified, 27},
	} {
		c := listQueues()
		c.body = strings.ReplaceAll(sendBody, "000000000000", "111111111111")
		c.header = http.Header{"X-Amz-Target": {"AmazonSQS.SendMessage"}, "Content-Type": {awsjson.ContentType}}
		r := c.request(t)
		reader := strings.NewReader("")
		r.Body = io.NopCloser(reader)
		w := &nullWriter{header: http.Header{}}
		h := New(tc.options)
		n := testing.AllocsPerRun(100, func() {
			reader.Reset(c.body)
			clear(w.header)
			h.ServeHTTP(w, r)
		})
		if w.status != http.StatusOK || n > tc.budget {
			t.Errorf("%s: status %d, %v allocations, more than %v", tc.name, w.status, n, tc.budget)
		}
		t.Logf("%s: %v allocations", tc.name, n)
	}
}

package gateway

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/staunchmq/staunch/internal/api"
)

// callerOf returns the Caller that the service sees for a request.
func callerOf(t *testing.T, o Options, r *http.Request) *api.Caller {
	t.Helper()
	var got *api.Caller
	o.SQS = fake(func(_ context.Context, _ string, c *api.Caller, _ any) (any, error) {
		got = c
		return nil, nil
	})
	o.NewRequestID = func() string { return "id" }
	w := record(New(o), r)
	if got == nil {
		t.Fatalf("not called: %d %s", w.Code, w.Body)
	}
	if got.Room == nil {
		t.Error("there is no room for an answer")
	}
	got.Room = nil // what it does is for other tests
	return got
}

func TestCaller(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	forwarded := http.Header{"X-Forwarded-For": {"9.9.9.9, 203.0.113.7", "10.0.0.2"}, "X-Forwarded-Proto": {"https"}, "X-Forwarded-Host": {"SQS.example.com"}}
	credential := func(s string) http.Header {
		return http.Header{"Authorization": {"AWS4-HMAC-SHA256 Credential=" + s + ", SignedHeaders=host;x-amz-date, Signature=00"}}
	}
	anonymous := api.Caller{Account: "000000000000", Region: "us-east-1", SenderID: "192.0.2.1", SourceIP: "192.0.2.1", BaseURL: "http://example.com", RequestID: "id"}
	with := func(change func(*api.Caller)) api.Caller {
		c := anonymous
		change(&c)
		return c
	}
	for _, tc := range []struct {
		name    string
		options Options
		change  func(*http.Request)
		header  http.Header
		want    api.Caller
	}{
		{name: "anonymous", want: anonymous},
		{name: "defaults", options: Options{Region: "local", Account: "111111111111"},
			want: with(func(c *api.Caller) { c.Region, c.Account = "local", "111111111111" })},
		{name: "signed", header: credential("AKIDEXAMPLE/20250101/eu-west-1/sqs/aws4_request"),
			want: with(func(c *api.Caller) {
				c.AccessKeyID, c.Region, c.SenderID = "AKIDEXAMPLE", "eu-west-1", "000000000000"
			})},
		{name: "signed, without spaces", header: http.Header{"Authorization": {"AWS4-HMAC-SHA256 SignedHeaders=host,Credential=a/b/20250101/eu-west-1/sqs/aws4_request"}},
			want: with(func(c *api.Caller) { c.AccessKeyID, c.Region, c.SenderID = "a/b", "eu-west-1", "000000000000" })},
		{name: "key is an account", header: credential("222222222222/20250101/us-east-1/sqs/aws4_request"),
			want: with(func(c *api.Caller) {
				c.AccessKeyID, c.Account, c.SenderID = "222222222222", "222222222222", "222222222222"
			})},
		{name: "malformed region", header: credential("AKID/20250101/EU_west.1/sqs/aws4_request"),
			want: with(func(c *api.Caller) { c.AccessKeyID, c.SenderID = "AKID", "000000000000" })},
		{name: "short scope", header: credential("AKID/eu-west-1"), want: anonymous},
		{name: "no key", header: credential("/20250101/eu-west-1/sqs/aws4_request"), want: anonymous},
		{name: "other scheme", header: http.Header{"Authorization": {"Basic dGVzdDp0ZXN0"}}, want: anonymous},
		{name: "empty header", header: http.Header{"Authorization": {""}}, want: anonymous},
		{name: "trace", header: http.Header{"X-Amzn-Trace-Id": {"Root=1"}}, want: with(func(c *api.Caller) { c.TraceHeader = "Root=1" })},

		{name: "host in capitals, with a port", change: func(r *http.Request) { r.Host = "LocalHost:9324" },
			want: with(func(c *api.Caller) { c.BaseURL = "http://localhost:9324" })},
		{name: "TLS", change: func(r *http.Request) { r.TLS = &tls.ConnectionState{} }, want: with(func(c *api.Caller) { c.BaseURL, c.SecureTransport = "https://example.com", true })},
		{name: "no host", change: func(r *http.Request) {
			r.Host = ""
			*r = *r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, net.Addr(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 9324})))
		}, want: with(func(c *api.Caller) { c.BaseURL = "http://127.0.0.1:9324" })},
		{name: "public URL", options: Options{PublicURL: "https://q.example.com/", QueueURLStyle: DomainStyle, Domain: "x"},
			want: with(func(c *api.Caller) { c.BaseURL = "https://q.example.com" })},
		{name: "domain style", options: Options{QueueURLStyle: DomainStyle, Domain: "localhost.example"}, header: credential("A/20250101/eu-west-1/sqs/aws4_request"),
			change: func(r *http.Request) { r.Host = "127.0.0.1:9324" },
			want: with(func(c *api.Caller) {
				c.AccessKeyID, c.Region, c.SenderID, c.BaseURL = "A", "eu-west-1", "000000000000", "http://sqs.eu-west-1.localhost.example:9324"
			})},
		{name: "domain style, standard port", options: Options{QueueURLStyle: DomainStyle, Domain: "example.org"},
			want: with(func(c *api.Caller) { c.BaseURL = "http://sqs.us-east-1.example.org" })},

		{name: "IPv6", change: func(r *http.Request) { r.RemoteAddr = "[fe80::1%eth0]:5" }, want: with(func(c *api.Caller) { c.SourceIP, c.SenderID = "fe80::1", "fe80::1" })},
		{name: "IPv4 in IPv6", change: func(r *http.Request) { r.RemoteAddr = "[::ffff:192.0.2.7]:5" },
			want: with(func(c *api.Caller) { c.SourceIP, c.SenderID = "192.0.2.7", "192.0.2.7" })},
		{name: "not an address", change: func(r *http.Request) { r.RemoteAddr = "@" }, want: with(func(c *api.Caller) { c.SourceIP, c.SenderID = "", "" })},
		{name: "proxy nobody trusts", header: forwarded, want: anonymous},
		{name: "another peer than the trusted", options: Options{TrustedProxies: proxies}, header: forwarded, want: anonymous},
		{name: "trusted proxy", options: Options{TrustedProxies: proxies}, header: forwarded, change: func(r *http.Request) { r.RemoteAddr = "10.0.0.1:5" },
			want: with(func(c *api.Caller) {
				c.SourceIP, c.SenderID, c.BaseURL, c.SecureTransport = "203.0.113.7", "203.0.113.7", "https://sqs.example.com", true
			})},
		{name: "trusted proxy that says nothing", options: Options{TrustedProxies: proxies}, change: func(r *http.Request) { r.RemoteAddr = "10.0.0.1:5" },
			want: with(func(c *api.Caller) { c.SourceIP, c.SenderID = "10.0.0.1", "10.0.0.1" })},
		{name: "trusted proxy that says nonsense", options: Options{TrustedProxies: proxies}, change: func(r *http.Request) { r.RemoteAddr = "10.0.0.1:5" },
			header: http.Header{"X-Forwarded-For": {"1.2.3.4, unknown"}, "X-Forwarded-Proto": {"gopher"}, "X-Forwarded-Host": {"a/b"}},
			want:   with(func(c *api.Caller) { c.SourceIP, c.SenderID = "10.0.0.1", "10.0.0.1" })},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := jsonRequest("ListQueues", strings.NewReader("{}"))
			for name, values := range tc.header {
				r.Header[name] = values
			}
			if tc.change != nil {
				tc.change(r)
			}
			if tc.want.AccessKeyID != "" {
				tc.want.Principal = api.Root(tc.want.Account)
			}
			if diff := cmp.Diff(&tc.want, callerOf(t, tc.options, r)); diff != "" {
				t.Error(diff)
			}
			c, err := Listener(from(r.RemoteAddr)).Accept()
			if err != nil {
				t.Fatal(err)
			}
			r.Body = io.NopCloser(strings.NewReader("{}"))
			if diff := cmp.Diff(&tc.want, callerOf(t, tc.options, r.WithContext(withConn(r.Context(), c)))); diff != "" {
				t.Errorf("over a connection: %s", diff)
			}
		})
	}
}

// from is a listener for connections from one address, and such a connection.
type from string

func (f from) Accept() (net.Conn, error)      { return f, nil }
func (f from) RemoteAddr() net.Addr           { return &net.UnixAddr{Name: string(f)} }
func (from) Addr() net.Addr                   { return nil }
func (from) LocalAddr() net.Addr              { return nil }
func (from) Close() error                     { return nil }
func (from) Read([]byte) (int, error)         { return 0, io.EOF }
func (from) Write(p []byte) (int, error)      { return len(p), nil }
func (from) SetDeadline(time.Time) error      { return nil }
func (from) SetReadDeadline(time.Time) error  { return nil }
func (from) SetWriteDeadline(time.Time) error { return nil }

func TestCallerOfQuery(t *testing.T) {
	r := httptest.NewRequest("GET", "/?Action=ListQueues&X-Amz-Credential=AKID%2F20250101%2Feu-west-1%2Fsqs%2Faws4_request", nil)
	c := callerOf(t, Options{}, r)
	if !c.Query || c.AccessKeyID != "AKID" || c.Region != "eu-west-1" {
		t.Errorf("got %+v", c)
	}
}

func TestQueueOfThePath(t *testing.T) {
	for _, tc := range []struct{ name, path, body, want string }{
		{"path", "/123456789012/q", `{}`, "/123456789012/q"},
		{"path below a prefix", "/sqs/123456789012/q", `{}`, "/sqs/123456789012/q"},
		{"ElasticMQ's path", "/queue/q", `{}`, "/queue/q"},
		{"parameter wins", "/123456789012/q", `{"QueueUrl":"other"}`, "other"},
		{"empty parameter", "/123456789012/q", `{"QueueUrl":""}`, "/123456789012/q"},
		{"root", "/", `{}`, ""},
		{"some other path", "/health", `{}`, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got string
			h := New(Options{SQS: fake(func(_ context.Context, _ string, _ *api.Caller, in any) (any, error) {
				got = in.(*api.PurgeQueueInput).QueueUrl
				return nil, nil
			})})
			r := jsonRequest("PurgeQueue", strings.NewReader(tc.body))
			r.URL.Path = tc.path
			if w := record(h, r); w.Code != 200 || w.Body.Len() != 0 || got != tc.want {
				t.Errorf("%d %s; got %q, want %q", w.Code, w.Body, got, tc.want)
			}
		})
	}
}

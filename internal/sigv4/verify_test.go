package sigv4

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

const secret = "wJalrXUtnFEMI"

// signed returns a request to SQS that was signed at noon, changed before it was signed.
func signed(t testing.TB, change func(*signing)) *Request {
	g := &signing{Method: "POST", Path: "/", Host: "localhost:9324", Body: `{"QueueName":"q"}`, Region: "us-east-1", Service: "sqs",
		ID: "AKIDEXAMPLE", Secret: secret, Time: noon, Header: map[string][]string{"X-Amz-Target": {"AmazonSQS.CreateQueue"}}}
	if change != nil {
		change(g)
	}
	return g.sign(t)
}

func presigned(t testing.TB, expires int64) *Request {
	return signed(t, func(g *signing) {
		g.Method, g.Body, g.Header, g.Query, g.Expires = "GET", "", nil, "Action=ListQueues", expires
	})
}

func TestRefusals(t *testing.T) {
	const mismatch = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
	authorization := func(old, replacement string) func(*Request) {
		return func(r *Request) {
			r.Header["Authorization"] = []string{strings.Replace(r.Header["Authorization"][0], old, replacement, 1)}
		}
	}
	target := func(old, replacement string) func(*Request) {
		return func(r *Request) { r.Target = strings.Replace(r.Target, old, replacement, 1) }
	}
	header := func(name string, values ...string) func(*Request) {
		return func(r *Request) { r.Header[name] = values }
	}
	without := func(name string) func(*Request) { return func(r *Request) { delete(r.Header, name) } }
	for _, tc := range []struct {
		name       string
		presigned  bool
		change     func(*Request)
		later      time.Duration // than noon
		incomplete bool
		want       string
	}{
		{name: "another scheme", change: header("Authorization", "Basic dGVzdDp0ZXN0"), incomplete: true, want: "Unsupported authorization scheme 'Basic'. Sign requests with AWS4-HMAC-SHA256."},
		{name: "SigV4A", change: authorization("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"), incomplete: true, want: "Unsupported authorization scheme 'AWS4-ECDSA-P256-SHA256'. Sign requests with AWS4-HMAC-SHA256."},
		{name: "empty", change: header("Authorization", ""), incomplete: true, want: "Unsupported authorization scheme ''. Sign requests with AWS4-HMAC-SHA256."},
		{name: "two headers", change: header("Authorization", "a", "b"), incomplete: true, want: "The request has more than one Authorization header."},
		{name: "nothing in it", change: header("Authorization", "AWS4-HMAC-SHA256 "), incomplete: true,
			want: "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter."},
		{name: "no signature", change: authorization("Signature=", "Signatur="), incomplete: true, want: "Authorization header requires 'Signature' parameter."},
		{name: "no date", change: without("X-Amz-Date"), incomplete: true, want: "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."},
		{name: "two dates", change: header("X-Amz-Date", "20260102T120000Z", "20260102T120000Z"), incomplete: true,
			want: "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."},
		{name: "date without a time", change: header("X-Amz-Date", "20260102"), incomplete: true,
			want: "Date must be in ISO-8601 'basic format'. Got '20260102'. See http://en.wikipedia.org/wiki/ISO_8601"},
		{name: "short credential", change: authorization("/us-east-1/sqs", "/sqs"), incomplete: true,
			want: "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'AKIDEXAMPLE/20260102/sqs/aws4_request'"},
		{name: "headers out of order", change: authorization("content-length;host", "host;content-length"), incomplete: true,
			want: "SignedHeaders must be lower-case names in ascending order, separated by semicolons."},
		{name: "a header twice", change: authorization("content-length;host", "host;host"), incomplete: true,
			want: "SignedHeaders must be lower-case names in ascending order, separated by semicolons."},
		{name: "headers in capitals", change: authorization("content-length;host", "Host"), incomplete: true,
			want: "SignedHeaders must be lower-case names in ascending order, separated by semicolons."},

		{name: "terminator", change: authorization("/aws4_request", "/aws5_request"), want: "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'."},
		{name: "service", change: authorization("/sqs/", "/sns/"), want: "Credential should be scoped to correct service: 'sqs'."},
		{name: "region", change: authorization("/us-east-1/", "/eu-west-1/"), want: "Credential should be scoped to a valid region."},
		{name: "day of the scope", change: authorization("/20260102/", "/20260103/"),
			want: "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20260103' != '20260102', from '20260102T120000Z'."},
		{name: "old", later: 15*time.Minute + time.Second, want: "Signature expired: 20260102T120000Z is now earlier than 20260102T120001Z (20260102T121501Z - 15 min.)"},
		{name: "young", later: -15*time.Minute - time.Second, want: "Signature not yet current: 20260102T120000Z is still later than 20260102T115959Z (20260102T114459Z + 15 min.)"},
		{name: "host not signed", change: authorization("content-length;host;", "content-length;"), want: "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."},
		{name: "target not signed", change: authorization(";x-amz-target", ""), want: "'x-amz-target' must be a 'SignedHeader' in the AWS Authorization."},
		{name: "hash of the payload not signed", change: header("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD"), want: "'x-amz-content-sha256' must be a 'SignedHeader' in the AWS Authorization."},
		{name: "wrong signature", change: authorization("Signature=", "Signature=0"), want: mismatch},
		{name: "no digits in the signature", change: authorization("Signature=", "Signature=xyz"), want: mismatch},
		{name: "body", change: func(r *Request) { r.PayloadHash = sha256.Sum256([]byte("another")) }, want: mismatch},
		{name: "host", change: func(r *Request) { r.Host = "localhost:9325" }, want: mismatch},
		{name: "signed header changed", change: header("X-Amz-Target", "AmazonSQS.DeleteQueue"), want: mismatch},
		{name: "signed header gone", change: without("X-Amz-Target"), want: mismatch},

		{name: "both", presigned: true, change: header("Authorization", "AWS4-HMAC-SHA256 "), want: "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header."},
		{name: "no algorithm", presigned: true, change: target("X-Amz-Algorithm=AWS4-HMAC-SHA256&", ""), incomplete: true,
			want: "AWS query-string parameters must include 'X-Amz-Algorithm'. Re-examine the query-string parameters."},
		{name: "another algorithm", presigned: true, change: target("AWS4-HMAC-SHA256", "AWS4"), incomplete: true, want: "Unsupported AWS 'algorithm': 'AWS4'."},
		{name: "no expiry", presigned: true, change: target("X-Amz-Expires=60", "x=y"), incomplete: true, want: "AWS query-string parameters must include 'X-Amz-Expires'. Re-examine the query-string parameters."},
		{name: "expiry of 0", presigned: true, change: target("X-Amz-Expires=60", "X-Amz-Expires=0"), incomplete: true, want: "X-Amz-Expires must be a number of seconds from 1 to 604800."},
		{name: "expiry beyond a week", presigned: true, change: target("X-Amz-Expires=60", "X-Amz-Expires=604801"), incomplete: true, want: "X-Amz-Expires must be a number of seconds from 1 to 604800."},
		{name: "signature twice", presigned: true, change: target("X-Amz-Signature=", "X-Amz-Signature=0&X-Amz-Signature="), incomplete: true, want: "The query string has the parameter 'X-Amz-Signature' twice."},
		{name: "expired", presigned: true, later: 61 * time.Second, want: "Signature expired: 20260102T120000Z is now earlier than 20260102T120001Z (20260102T120101Z - 1 min.)"},
		{name: "longer expiry than signed", presigned: true, change: target("X-Amz-Expires=60", "X-Amz-Expires=90"), want: mismatch},
		{name: "expired after 90 s", presigned: true, change: target("X-Amz-Expires=60", "X-Amz-Expires=90"), later: 91 * time.Second,
			want: "Signature expired: 20260102T120000Z is now earlier than 20260102T120001Z (20260102T120131Z - 90 s.)"},
		{name: "parameter changed", presigned: true, change: target("ListQueues", "GetQueueUrl"), want: mismatch},
		{name: "a target beside it", presigned: true, change: header("X-Amz-Target", "AmazonSQS.PurgeQueue"), want: "'x-amz-target' must be a 'SignedHeader' in the AWS Authorization."},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := signed(t, nil)
			if tc.presigned {
				r = presigned(t, 60)
			}
			if tc.change != nil {
				tc.change(r)
			}
			err := verify(NewVerifier(Options{Regions: []string{"us-east-1", "local"}}), r, "sqs", secret, noon.Add(tc.later))
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("got %v", err)
			}
			if e.Text != tc.want || e.Incomplete != tc.incomplete {
				t.Errorf("incomplete: %v\ngot  %s\nwant %s", e.Incomplete, e.Text, tc.want)
			}
		})
	}
}

func TestAccepted(t *testing.T) {
	hash := fmt.Sprintf("%x", sha256.Sum256([]byte(`{"QueueName":"q"}`)))
	for _, tc := range []struct {
		name    string
		options Options
		sign    func(*signing)
		change  func(*Request)
		later   time.Duration
	}{
		{name: "as old as may be", later: 15 * time.Minute},
		{name: "as young as may be", later: -15 * time.Minute},
		{name: "wider skew", options: Options{Skew: time.Hour}, later: time.Hour},
		{name: "presigned, at its end", sign: func(g *signing) { g.Header, g.Expires = nil, 60 }, later: time.Minute},
		{name: "presigned for a week", sign: func(g *signing) { g.Header, g.Expires = nil, 604800 }, later: 7 * 24 * time.Hour},
		{name: "region among several", options: Options{Regions: []string{"local", "us-east-1"}}},
		{name: "hash of the payload", sign: func(g *signing) { g.Header["X-Amz-Content-Sha256"] = []string{hash} }},
		{name: "no spaces", change: func(r *Request) {
			r.Header["Authorization"][0] = strings.ReplaceAll(r.Header["Authorization"][0], ", ", ",")
		}},
		{name: "behind a proxy", options: Options{Hosts: []string{"other", "localhost:9324"}}, change: func(r *Request) { r.Host = "10.0.0.1" }},
		{name: "dots that were not normalized", sign: func(g *signing) { g.Path = "/a/../b" }},
		{name: "absolute target", change: func(r *Request) { r.Target = "http://localhost:9324" + r.Target }},
		{name: "absolute target without a path", change: func(r *Request) { r.Target = "http://localhost:9324" }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := signed(t, tc.sign)
			if tc.change != nil {
				tc.change(r)
			}
			if err := verify(NewVerifier(tc.options), r, "sqs", secret, noon.Add(tc.later)); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestPayloadMustBeSigned(t *testing.T) {
	for value, want := range map[string]string{
		"UNSIGNED-PAYLOAD":                   "The payload must be signed: 'x-amz-content-sha256' is 'UNSIGNED-PAYLOAD'.",
		"STREAMING-AWS4-HMAC-SHA256-PAYLOAD": "The payload must be signed: 'x-amz-content-sha256' is 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD'.",
		strings.Repeat("0", 64):              ErrMismatch.Text,
		"":                                   ErrMismatch.Text,
	} {
		r := signed(t, func(g *signing) { g.Header["X-Amz-Content-Sha256"] = []string{value} })
		if err := verify(NewVerifier(Options{}), r, "sqs", secret, noon); err == nil || err.Error() != want {
			t.Errorf("%q: got %v", value, err)
		}
	}
}

// TestDateHeader: without X-Amz-Date the Date header has the time, in HTTP's form.
func TestDateHeader(t *testing.T) {
	r := &Request{Method: "GET", Target: "/", Host: "h", PayloadHash: sha256.Sum256(nil), Header: map[string][]string{
		"Date":          {"Fri, 02 Jan 2026 12:00:00 GMT"},
		"Authorization": {"AWS4-HMAC-SHA256 Credential=A/20260102/us-east-1/sqs/aws4_request, SignedHeaders=date;host, Signature=" + strings.Repeat("0", 64)},
	}}
	s, err := Parse(r)
	if err != nil || s.stamp != "20260102T120000Z" || !s.Time.Equal(noon) {
		t.Fatalf("%+v, %v", s, err)
	}
	if err := NewVerifier(Options{}).Verify(r, s, "sqs", secret, noon); err != ErrMismatch {
		t.Error(err)
	}
}

func TestUnsigned(t *testing.T) {
	for _, r := range []*Request{
		{Target: "/"}, {Target: "/?Action=ListQueues&X-Amz-Date=20260102T120000Z"}, {Target: "*"}, {},
	} {
		if s, err := Parse(r); err != ErrUnsigned || s != nil {
			t.Errorf("%q: %v, %v", r.Target, s, err)
		}
	}
}

func TestNormalized(t *testing.T) {
	got := map[string]string{}
	want := map[string]string{
		"/": "/", "//": "/", "/a": "/a", "/a/": "/a/", "/a//b": "/a/b", "/./a": "/a", "/a/.": "/a/", "/a/..": "/", "/..": "/", "/../../x": "/x",
		"/a/b/..": "/a/", "/a/.b/..c": "/a/.b/..c", "//a//./b//": "/a/b/",
	}
	for path := range want {
		got[path] = normalized(path)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestKeysAreKept: only verified requests leave a key behind, a new secret of the same access key counts at once, and the
// keys of all regions and days that clients name do not pile up.
func TestKeysAreKept(t *testing.T) {
	v := NewVerifier(Options{})
	r := signed(t, nil)
	if err := verify(v, r, "sqs", "another secret", noon); err != ErrMismatch || len(v.keys.byName) != 0 {
		t.Errorf("%v, %d keys", err, len(v.keys.byName))
	}
	for range 2 {
		if err := verify(v, r, "sqs", secret, noon); err != nil || len(v.keys.byName) != 1 {
			t.Errorf("%v, %d keys", err, len(v.keys.byName))
		}
	}
	if err := verify(v, r, "sqs", "rotated", noon); err != ErrMismatch {
		t.Error(err)
	}
	long := signed(t, func(g *signing) { g.Region = strings.Repeat("r", regionMax+1) })
	if err := verify(v, long, "sqs", secret, noon); err == nil || err.Error() != "Credential should be scoped to a valid region." || len(v.keys.byName) != 1 {
		t.Errorf("a long region: %v, %d keys", err, len(v.keys.byName))
	}
	longest := signed(t, func(g *signing) { g.Region = strings.Repeat("r", regionMax) })
	if err := verify(v, longest, "sqs", secret, noon); err != nil || len(v.keys.byName) != 2 {
		t.Errorf("the longest region: %v, %d keys", err, len(v.keys.byName))
	}
	for i := range 2 * keysMax {
		v.keys.keep(scope{secret, "20260102", fmt.Sprint("region-", i), "sqs"}, &signingKey{})
		if len(v.keys.byName) > keysMax {
			t.Fatalf("%d keys", len(v.keys.byName))
		}
	}
	if err := verify(v, r, "sqs", secret, noon); err != nil {
		t.Error(err)
	}
}

func TestVerifierIsConcurrent(t *testing.T) {
	v := NewVerifier(Options{})
	var group sync.WaitGroup
	for i := range 8 {
		r := signed(t, func(g *signing) { g.Region = fmt.Sprint("r", i%3) })
		group.Go(func() {
			for range 50 {
				if err := verify(v, r, "sqs", secret, noon); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
}

// FuzzVerify: whatever a client sends is refused without a panic, in a text of bounded size, and what was signed with another
// secret is never accepted.
func FuzzVerify(f *testing.F) {
	for _, r := range []*Request{signed(f, nil), presigned(f, 60)} {
		authorization := ""
		if a := r.Header["Authorization"]; a != nil {
			authorization = a[0]
		}
		f.Add(r.Method, r.Target, r.Host, authorization, "20260102T120000Z", "x-other", "value")
	}
	f.Add("GET", "/%zz?%=&=&&X-Amz-Signature=+", "", "AWS4-HMAC-SHA256 Credential=/////,SignedHeaders=;,Signature=", "Fri, 02 Jan 2026 12:00:00 GMT", "", "  ")
	v := NewVerifier(Options{})
	f.Fuzz(func(t *testing.T, method, target, host, authorization, date, name, value string) {
		r := &Request{Method: method, Target: target, Host: host, ContentLength: -1, Header: map[string][]string{"X-Amz-Date": {date}, name: {value, value}}}
		if authorization != "" {
			r.Header["Authorization"] = []string{authorization}
		}
		s, err := Parse(r)
		if err == nil {
			err = v.Verify(r, s, "sqs", "a secret that signed nothing", noon)
		}
		if err == nil || len(err.Error()) > 1000 {
			t.Errorf("%v", err)
		}
		path, query := splitTarget(target)
		if again := normalized(normalized(path)); again != normalized(path) {
			t.Errorf("normalized %q, then %q", normalized(path), again)
		}
		if again := canonicalQuery(canonicalQuery(query)); again != canonicalQuery(query) {
			t.Errorf("canonical %q, then %q", canonicalQuery(query), again)
		}
	})
}

// BenchmarkVerify is the cost of one signature whose signing key is remembered, with the parsing and without the hash of the body.
func BenchmarkVerify(b *testing.B) {
	for _, bc := range []struct {
		name   string
		r      *Request
		allocs float64
	}{
		{"header", signed(b, nil), 3},
		{"presigned", presigned(b, 60), 14},
	} {
		b.Run(bc.name, func(b *testing.B) {
			v := NewVerifier(Options{})
			run := func() {
				if err := verify(v, bc.r, "sqs", secret, noon); err != nil {
					b.Fatal(err)
				}
			}
			if allocs := testing.AllocsPerRun(100, run); allocs > bc.allocs {
				b.Errorf("%v allocations, the budget is %v", allocs, bc.allocs)
			}
			b.ReportAllocs()
			for b.Loop() {
				run()
			}
		})
	}
}

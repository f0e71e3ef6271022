package arn

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// longest is the longest name that a queue can have.
var longest = strings.Repeat("q", NameMax)

// TestErrorsAreShort: the text of an error does not grow with what was sent.
func TestErrorsAreShort(t *testing.T) {
	long := strings.Repeat("<", 1<<20)
	for _, s := range []string{
		long, "arn:" + long, "arn:" + long + ":sqs:us-east-1:123456789012:q", "arn:aws:" + long + ":us-east-1:123456789012:q", "arn:aws:sqs:" + long + ":123456789012:q",
		"arn:aws:sqs:us-east-1:" + long + ":q", "arn:aws:sqs:us-east-1:123456789012:" + long, "arn:aws:sqs:us-east-1:123456789012:/" + long,
	} {
		if _, err := Parse(s); err == nil || len(err.Error()) > 1000 {
			t.Errorf("%.60s: an error of %d bytes", s, len(fmt.Sprint(err)))
		}
	}
}

func TestParseARN(t *testing.T) {
	for _, tc := range []struct {
		name, in string
		want     ARN
		fails    string // part of the error
	}{
		{name: "aws", in: "arn:aws:sqs:us-east-1:123456789012:q", want: ARN{"aws", "us-east-1", "123456789012", "q"}},
		{name: "china", in: "arn:aws-cn:sqs:cn-north-1:123456789012:q.fifo", want: ARN{"aws-cn", "cn-north-1", "123456789012", "q.fifo"}},
		{name: "government", in: "arn:aws-us-gov:sqs:us-gov-west-1:123456789012:q", want: ARN{"aws-us-gov", "us-gov-west-1", "123456789012", "q"}},
		{name: "own region", in: "arn:aws:sqs:elasticmq:000000000000:q", want: ARN{"aws", "elasticmq", "000000000000", "q"}},
		{name: "empty", in: "", fails: "not an ARN"},
		{name: "too few parts", in: "arn:aws:sqs:us-east-1:123456789012", fails: "not an ARN"},
		{name: "other prefix", in: "urn:aws:sqs:us-east-1:123456789012:q", fails: "not an ARN"},
		{name: "other partition", in: "arn:aws-iso:sqs:us-east-1:123456789012:q", fails: "unknown partition"},
		{name: "other service", in: "arn:aws:sns:us-east-1:123456789012:t", fails: "not of sqs"},
		{name: "no region", in: "arn:aws:sqs::123456789012:q", fails: "malformed region"},
		{name: "short account", in: "arn:aws:sqs:us-east-1:12345678901:q", fails: "malformed account"},
		{name: "letters in account", in: "arn:aws:sqs:us-east-1:12345678901x:q", fails: "malformed account"},
		{name: "no name", in: "arn:aws:sqs:us-east-1:123456789012:", fails: "malformed queue name"},
		{name: "colon in name", in: "arn:aws:sqs:us-east-1:123456789012:a:b", fails: "malformed queue name"},
		{name: "slash in name", in: "arn:aws:sqs:us-east-1:123456789012:queue/a", fails: "malformed queue name"},
		{name: "longest name", in: "arn:aws:sqs:us-east-1:123456789012:" + longest, want: ARN{"aws", "us-east-1", "123456789012", longest}},
		{name: "too long a name", in: "arn:aws:sqs:us-east-1:123456789012:" + longest + "q", fails: ErrNameTooLong.Error()},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := Parse(tc.in)
			if tc.fails != "" {
				if err == nil || !strings.Contains(err.Error(), tc.fails) {
					t.Fatalf("error %v, want one with %q", err, tc.fails)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
			if got.String() != tc.in {
				t.Errorf("printed as %q", got)
			}
		})
	}
}

func TestQueueARNTakesPartitionFromRegion(t *testing.T) {
	for region, want := range map[string]string{
		"us-east-1":     "arn:aws:sqs:us-east-1:000000000000:q",
		"cn-north-1":    "arn:aws-cn:sqs:cn-north-1:000000000000:q",
		"us-gov-west-1": "arn:aws-us-gov:sqs:us-gov-west-1:000000000000:q",
		"local":         "arn:aws:sqs:local:000000000000:q",
	} {
		if got := Queue(region, "000000000000", "q").String(); got != want {
			t.Errorf("%s: got %s, want %s", region, got, want)
		}
	}
}

func TestParseQueueURL(t *testing.T) {
	full := Ref{Account: "123456789012", Name: "q"}
	in := func(region string) Ref { return Ref{Region: region, Account: "123456789012", Name: "q"} }
	for _, tc := range []struct {
		name, in string
		want     Ref // zero: ErrNotQueue
	}{
		{"aws", "https://sqs.us-east-1.amazonaws.com/123456789012/q", in("us-east-1")},
		{"aws, government", "https://sqs.us-gov-west-1.amazonaws.com/123456789012/q", in("us-gov-west-1")},
		{"aws, china", "https://sqs.cn-north-1.amazonaws.com.cn/123456789012/q", in("cn-north-1")},
		{"aws, legacy us-east-1", "https://queue.amazonaws.com/123456789012/q", in("us-east-1")},
		{"aws, legacy", "https://us-west-2.queue.amazonaws.com/123456789012/q", in("us-west-2")},
		{"aws, fips", "https://sqs-fips.us-east-2.amazonaws.com/123456789012/q", in("us-east-2")},
		{"aws, dualstack", "https://sqs.us-east-1.api.aws/123456789012/q", in("us-east-1")},
		{"aws, vpc endpoint", "https://vpce-0a-b.sqs.us-east-1.vpce.amazonaws.com/123456789012/q", in("us-east-1")},
		{"own", "http://localhost:9324/123456789012/q", full},
		{"own, IPv6", "http://[::1]:9324/123456789012/q", full},
		{"upper-case host", "HTTP://SQS.EU-WEST-1.LOCALHOST/123456789012/q", in("eu-west-1")},
		{"localstack, domain", "http://sqs.eu-west-1.localhost.localstack.cloud:4566/123456789012/q", in("eu-west-1")},
		{"localstack, legacy", "http://eu-west-1.queue.localhost.localstack.cloud:4566/123456789012/q", in("eu-west-1")},
		{"localstack, path", "http://localhost:4566/queue/eu-west-1/123456789012/q", in("eu-west-1")},
		{"elasticmq", "http://localhost:9324/queue/q", Ref{Name: "q"}},
		{"below a prefix", "https://example.com/tools/sqs/123456789012/q", full},
		{"a host that only begins like ours", "http://sqs.example.com/123456789012/q", full},
		{"no scheme", "localhost:9324/123456789012/q", full},
		{"path only", "/123456789012/q", full},
		{"trailing slash", "http://localhost/123456789012/q/", full},
		{"query and fragment", "http://localhost/123456789012/q?a=/1#/b/c", full},
		{"fifo", "http://localhost/123456789012/q.fifo", Ref{Account: "123456789012", Name: "q.fifo"}},
		{"bare name", "q", Ref{Name: "q"}},
		{"bare fifo name", "q.fifo", Ref{Name: "q.fifo"}},
		{"arn", "arn:aws:sqs:eu-west-1:123456789012:q", in("eu-west-1")},
		{"longest name", "http://localhost/123456789012/" + longest, Ref{Account: "123456789012", Name: longest}},
		{"longest bare name", longest, Ref{Name: longest}},

		{"empty", "", Ref{}},
		{"slash", "/", Ref{}},
		{"host only", "http://whatever-incorrect-queue-address", Ref{}},
		{"host and slash", "http://localhost/", Ref{}},
		{"no account", "http://localhost/q", Ref{}},
		{"account only", "http://localhost/123456789012/", Ref{}},
		{"account is no account", "http://localhost/12345/q", Ref{}},
		{"empty name", "http://localhost/123456789012//", Ref{}},
		{"other arn", "arn:aws:sns:eu-west-1:123456789012:q", Ref{}},
		{"host and port", "localhost:9324", Ref{}},
		{"name too long", "http://localhost/123456789012/" + longest + "q", Ref{}},
		{"elasticmq, name too long", "http://localhost:9324/queue/" + longest + "q", Ref{}},
		{"bare name too long", longest + "q", Ref{}},
		{"arn, name too long", "arn:aws:sqs:eu-west-1:123456789012:" + longest + "q", Ref{}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := ParseQueueURL(tc.in)
			if wantErr := tc.want == (Ref{}); wantErr != errors.Is(err, ErrNotQueue) {
				t.Fatalf("error %v", err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseQueuePath(t *testing.T) {
	for _, tc := range []struct {
		in   string
		want Ref
		ok   bool
	}{
		{"", Ref{}, false},
		{"/", Ref{}, false},
		{"//", Ref{}, false},
		{"/q", Ref{}, false},
		{"/queue", Ref{}, false},
		{"/health/live", Ref{}, false},
		{"/123456789012/q", Ref{Account: "123456789012", Name: "q"}, true},
		{"/queue/q", Ref{Name: "q"}, true},
		{"/queue/queue", Ref{Name: "queue"}, true},
		{"/queue/us-east-1/123456789012/q", Ref{Region: "us-east-1", Account: "123456789012", Name: "q"}, true},
		{"/a/us-east-1/123456789012/q", Ref{Account: "123456789012", Name: "q"}, true},
	} {
		got, ok := ParseQueuePath(tc.in)
		if ok != tc.ok || got != tc.want {
			t.Errorf("%q: got %+v, %v; want %+v, %v", tc.in, got, ok, tc.want, tc.ok)
		}
	}
}

func TestValidRegion(t *testing.T) {
	for s, want := range map[string]bool{
		"us-east-1": true, "elasticmq": true, "1": true, strings.Repeat("a", 63): true,
		"": false, "-a": false, "a-": false, "US-EAST-1": false, "a.b": false, "a/b": false, "a b": false, strings.Repeat("a", 64): false,
	} {
		if got := ValidRegion(s); got != want {
			t.Errorf("ValidRegion(%q) = %v", s, got)
		}
	}
}

func FuzzParseQueueURL(f *testing.F) {
	for _, s := range []string{"", "q", "/", "http://h/123456789012/q", "arn:aws:sqs:r:123456789012:q", "/queue/r/123456789012/q", "://", "a://b?c#d"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ref, err := ParseQueueURL(s)
		if err != nil {
			if ref != (Ref{}) {
				t.Errorf("an error and %+v", ref)
			}
			return
		}
		if ref.Name == "" || len(ref.Name) > NameMax || strings.Contains(ref.Name, "/") {
			t.Errorf("name %q", ref.Name)
		}
		if ref.Account != "" && !ValidAccount(ref.Account) {
			t.Errorf("account %q", ref.Account)
		}
		if ref.Region != "" && !ValidRegion(ref.Region) {
			t.Errorf("region %q", ref.Region)
		}
	})
}

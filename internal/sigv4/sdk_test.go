package sigv4

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"pgregory.net/rapid"
)

// A signing is one request and what it is signed with.
type signing struct {
	Method, Path, Query, Host, Body string
	Header                          map[string][]string
	Region, Service                 string
	ID, Secret, Token               string
	Time                            time.Time
	Expires                         int64 // seconds; 0 signs in the header
}

// sign lets the AWS SDK sign the request, and returns it as a server would see it.
func (g *signing) sign(t interface{ Fatal(...any) }) *Request {
	u := &url.URL{Scheme: "https", Host: g.Host, Path: g.Path, RawQuery: g.Query}
	r, err := http.NewRequest(g.Method, u.String(), bytes.NewReader([]byte(g.Body)))
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range g.Header {
		r.Header[name] = append([]string(nil), values...)
	}
	hash := sha256.Sum256([]byte(g.Body))
	credentials := aws.Credentials{AccessKeyID: g.ID, SecretAccessKey: g.Secret, SessionToken: g.Token}
	out := &Request{Method: g.Method, Host: g.Host, Header: r.Header, ContentLength: int64(len(g.Body)), PayloadHash: hash}
	signer := v4.NewSigner()
	if g.Expires == 0 {
		err = signer.SignHTTP(context.Background(), credentials, r, hex.EncodeToString(hash[:]), g.Service, g.Region, g.Time)
		out.Target = r.URL.RequestURI()
	} else {
		query := r.URL.Query()
		query.Set("X-Amz-Expires", itoa(g.Expires))
		r.URL.RawQuery = query.Encode()
		var signed string
		var header http.Header
		signed, header, err = signer.PresignHTTP(context.Background(), credentials, r, hex.EncodeToString(hash[:]), g.Service, g.Region, g.Time)
		_, rest, _ := strings.Cut(signed, "://")
		out.Target = rest[strings.IndexByte(rest, '/'):]
		out.Header = header
	}
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// verify does both steps.
func verify(v *Verifier, r *Request, service, secret string, now time.Time) error {
	s, err := Parse(r)
	if err != nil {
		return err
	}
	return v.Verify(r, s, service, secret, now)
}

// drawSigning makes a request of any kind that SQS could see, and many that it never does.
func drawSigning(t *rapid.T) *signing {
	text := rapid.StringOfN(rapid.SampledFrom([]rune("aZ09-._~ +%/=&?#;:@é€\U0001F600\"<>")), 0, 12, -1)
	word := rapid.StringMatching(`[a-z0-9]{1,8}`)
	g := &signing{
		Method:  rapid.SampledFrom([]string{"GET", "POST"}).Draw(t, "method"),
		Path:    "/" + rapid.SampledFrom([]string{"", "123456789012/q", "a//b/", "a/./b", "a/../b"}).Draw(t, "path"),
		Host:    rapid.SampledFrom([]string{"localhost:9324", "sqs.us-east-1.example.com"}).Draw(t, "host"),
		Body:    text.Draw(t, "body"),
		Region:  rapid.SampledFrom([]string{"us-east-1", "local"}).Draw(t, "region"),
		Service: rapid.SampledFrom([]string{"sqs", "sts"}).Draw(t, "service"),
		ID:      "AKID" + word.Draw(t, "id"), Secret: text.Draw(t, "secret") + "x",
		Token:   rapid.SampledFrom([]string{"", "token/with+=="}).Draw(t, "token"),
		Time:    time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "time"), 0).UTC(),
		Expires: rapid.SampledFrom([]int64{0, 1, 60, 604800}).Draw(t, "expires"),
		Header:  map[string][]string{},
	}
	if rapid.Bool().Draw(t, "odd path") {
		g.Path += text.Draw(t, "rest of the path")
	}
	// The SDK sorts before it encodes, AWS after that. The order is the same for names of unreserved characters, and for values of
	// names that are there once.
	query := url.Values{}
	for _, name := range rapid.SliceOfNDistinct(word, 0, 4, rapid.ID).Draw(t, "names") {
		if query.Add(name, text.Draw(t, "value")); rapid.Bool().Draw(t, "duplicated") {
			query[name] = []string{word.Draw(t, "first"), "", word.Draw(t, "third")}
		}
	}
	g.Query = query.Encode()
	for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"X-Amz-Target", "Content-Type", "X-Other", "Amz-Sdk-Request"}), 0, 3, rapid.ID).Draw(t, "headers") {
		g.Header[name] = []string{rapid.SampledFrom([]string{"plain", "  two  words   ", "", "a=b; c"}).Draw(t, "header value")}
	}
	return g
}

// TestSDKsSignaturesVerify: whatever the AWS SDK signs is accepted, and nothing once any part of it is changed.
func TestSDKsSignaturesVerify(t *testing.T) {
	v := NewVerifier(Options{})
	rapid.Check(t, func(t *rapid.T) {
		g := drawSigning(t)
		r := g.sign(t)
		if err := verify(v, r, g.Service, g.Secret, g.Time); err != nil {
			t.Fatalf("refused: %v\n%+v", err, r)
		}
		s, _ := Parse(r)
		if s.AccessKeyID != g.ID || s.Token != g.Token || s.Region != g.Region || s.Service != g.Service || !s.Time.Equal(g.Time) ||
			s.Presigned() != (g.Expires != 0) || s.Expires != time.Duration(g.Expires)*time.Second {
			t.Fatalf("read %+v", s)
		}
		tamper(t, r)
		if err := verify(v, r, g.Service, g.Secret, g.Time); err == nil {
			t.Fatalf("accepted after a change: %+v", r)
		}
	})
}

// tamper changes the meaning of a signed request in one place.
func tamper(t *rapid.T, r *Request) {
	path, query := splitTarget(r.Target)
	switch rapid.SampledFrom([]string{"method", "path", "query", "body", "host", "header", "signature", "target"}).Draw(t, "change") {
	case "method":
		r.Method = "PUT"
	case "path":
		r.Target = path + "x?" + query
	case "query":
		r.Target = path + "?" + query + "&more=1"
	case "body":
		r.PayloadHash[5] ^= 4
	case "host":
		r.Host += "1"
	case "header", "target":
		name := "X-Amz-Target"
		r.Header[name] = []string{"Another"}
	case "signature":
		if a := r.Header["Authorization"]; a != nil {
			at := len(a[0]) - 1 - rapid.IntRange(0, 63).Draw(t, "digit")
			r.Header["Authorization"] = []string{a[0][:at] + string("123456789abcdef0"[unhex(a[0][at])]) + a[0][at+1:]}
		} else {
			r.Target = strings.Replace(r.Target, "X-Amz-Signature=", "X-Amz-Signature=0", 1)
		}
	}
}

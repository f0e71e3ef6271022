package sigv4

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "let the AWS SDK sign the cases of testdata anew")

// A signedCase is a request that the AWS SDK signed.
type signedCase struct {
	Signing *signing
	Target  string              // as signed
	Header  map[string][]string // as signed
}

// TestRecordedSignatures verifies requests whose signatures the AWS SDK made when testdata/signed.json was written. What the SDK
// does today is TestSDKsSignaturesVerify's matter.
func TestRecordedSignatures(t *testing.T) {
	const path = "testdata/signed.json"
	if *update {
		writeSigned(t, path)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var cases []signedCase
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) < 50 {
		t.Errorf("%d cases", len(cases))
	}
	v := NewVerifier(Options{})
	for i, c := range cases {
		g := c.Signing
		r := &Request{Method: g.Method, Target: c.Target, Host: g.Host, Header: c.Header, ContentLength: int64(len(g.Body)), PayloadHash: sha256.Sum256([]byte(g.Body))}
		if err := verify(v, r, g.Service, g.Secret, g.Time); err != nil {
			t.Errorf("case %d: %v: %+v", i, err, r)
		}
		if err := verify(v, r, g.Service, g.Secret+"!", g.Time); err != ErrMismatch {
			t.Errorf("case %d, wrong secret: %v", i, err)
		}
	}
}

// writeSigned makes the cases from fixed seeds of the property test's generator.
func writeSigned(t *testing.T, path string) {
	var cases []signedCase
	for seed := range 64 {
		g := rapid.Custom(drawSigning).Example(seed)
		r := g.sign(t)
		cases = append(cases, signedCase{Signing: g, Target: r.Target, Header: r.Header})
	}
	text, err := json.MarshalIndent(cases, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(text, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestAWSVectors runs the vectors that AWS publishes (awslabs/aws-c-auth). They are not part of this repository:
// STAUNCH_SIGV4_VECTORS names their directory.
func TestAWSVectors(t *testing.T) {
	directory := os.Getenv("STAUNCH_SIGV4_VECTORS")
	if directory == "" {
		t.Skip("STAUNCH_SIGV4_VECTORS does not say where AWS's vectors are")
	}
	cases, err := filepath.Glob(filepath.Join(directory, "*", "context.json"))
	if err != nil || len(cases) == 0 {
		t.Fatalf("AWS's vectors are not in %s, which STAUNCH_SIGV4_VECTORS names (%v)", directory, err)
	}
	for _, c := range cases {
		t.Run(filepath.Base(filepath.Dir(c)), func(t *testing.T) { checkVector(t, filepath.Dir(c)) })
	}
}

func checkVector(t *testing.T, directory string) {
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(directory, name))
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimRight(string(text), "\n")
	}
	var c struct {
		Credentials struct {
			Secret string `json:"secret_access_key"`
		} `json:"credentials"`
		Service   string    `json:"service"`
		Timestamp time.Time `json:"timestamp"`
		Normalize bool      `json:"normalize"`
	}
	if err := json.Unmarshal([]byte(read("context.json")), &c); err != nil {
		t.Fatal(err)
	}
	for _, form := range []string{"header", "query"} {
		r := rawRequest(t, read(form+"-signed-request.txt"))
		s, err := Parse(r)
		if err != nil {
			t.Fatal(form, err)
		}
		path, query := splitTarget(r.Target)
		if c.Normalize {
			path = normalized(path)
		}
		payload := read(form + "-canonical-request.txt")
		payload = payload[strings.LastIndexByte(payload, '\n')+1:]
		canonical := appendCanonical(nil, r, s, r.Host, path, canonicalQuery(query), []byte(payload))
		err = NewVerifier(Options{}).Verify(r, s, c.Service, c.Credentials.Secret, c.Timestamp)
		if filepath.Base(directory) == "post-sts-header-after" && form == "query" {
			// A parameter that was added after signing: for one service of AWS's alone, and refused here.
			if err != ErrMismatch {
				t.Errorf("an unsigned parameter: %v", err)
			}
			continue
		}
		if diff := cmp.Diff(read(form+"-canonical-request.txt"), string(canonical)); diff != "" {
			t.Error(form, diff)
		}
		if diff := cmp.Diff(read(form+"-string-to-sign.txt"), string(s.appendStringToSign(nil, sha256.Sum256(canonical)))); diff != "" {
			t.Error(form, diff)
		}
		if s.signature != read(form+"-signature.txt") {
			t.Error(form, "another signature was read")
		}
		if err != nil {
			t.Error(form, err)
		}
	}
}

// rawRequest reads a request of the vectors, whose targets need not be valid and whose headers may be folded.
func rawRequest(t *testing.T, text string) *Request {
	head, body, _ := strings.Cut(text, "\n\n")
	lines := strings.Split(strings.ReplaceAll(head, "\n ", " "), "\n")
	method, rest, _ := strings.Cut(lines[0], " ")
	r := &Request{Method: method, Target: strings.TrimSuffix(rest, " HTTP/1.1"), Header: map[string][]string{}, ContentLength: -1}
	r.PayloadHash = sha256.Sum256(bytes.TrimRight([]byte(body), "\n"))
	for _, line := range lines[1:] {
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			t.Fatalf("no header: %q", line)
		}
		if strings.EqualFold(name, "host") {
			r.Host = value
			continue
		}
		key := textproto.CanonicalMIMEHeaderKey(name)
		r.Header[key] = append(r.Header[key], value)
	}
	return r
}

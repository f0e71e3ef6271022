package server_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/staunchmq/staunch/internal/config"
	"github.com/staunchmq/staunch/internal/server"
)

// testCertificate writes a certificate for example.com with its key, and returns what trusts it.
func testCertificate(t *testing.T) (cert, key string, trust *tls.Config) {
	t.Helper()
	lender := httptest.NewTLSServer(nil)
	defer lender.Close()
	der, err := x509.MarshalPKCS8PrivateKey(lender.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	cert, key = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem")
	for path, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: lender.Certificate().Raw}, key: {Type: "PRIVATE KEY", Bytes: der}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	pool.AddCert(lender.Certificate())
	return cert, key, &tls.Config{RootCAs: pool}
}

// TestOverTLS uses a server over TLS with AWS's SDK, and looks at what it makes of that.
func TestOverTLS(t *testing.T) {
	cert, key, trust := testCertificate(t)
	audited := filepath.Join(t.TempDir(), "audit.jsonl")
	n, err := startNodeWith(t, config.Sources{
		Environ: []string{"STAUNCH_ROOT_ACCESS_KEY_ID=AKIAROOT", "STAUNCH_ROOT_SECRET_ACCESS_KEY=" + secret},
		Flags:   map[string]string{"journal": "memory", "auth": "verify", "tls-cert": cert, "tls-key": key, "audit-log": audited, "rate-account": "10000"},
	})
	if err != nil {
		t.Fatal(err)
	}
	endpoint := strings.Replace(n.endpoint, "http:", "https:", 1) // the certificate is for 127.0.0.1, too
	client := func(secret string, trust *tls.Config) *sqs.Client {
		return sqs.New(sqs.Options{
			Region: "us-east-1", BaseEndpoint: &endpoint, RetryMaxAttempts: 1, Credentials: credentials.NewStaticCredentialsProvider("AKIAROOT", secret, ""),
			HTTPClient: &http.Client{Transport: &http.Transport{TLSClientConfig: trust, ForceAttemptHTTP2: true, DisableKeepAlives: true}},
		})
	}
	good := client(secret, trust)
	out, err := good.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("q")})
	if err != nil || *out.QueueUrl != endpoint+"/000000000000/q" {
		t.Fatalf("%v %+v", err, out)
	}
	if _, err := good.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: out.QueueUrl, MessageBody: aws.String("canary")}); err != nil {
		t.Error(err)
	}
	if got := drainQueue(t, good, "q"); len(got) != 1 || got[0] != "canary" {
		t.Errorf("received %q", got)
	}
	if _, err := client(secret+"!", trust).ListQueues(t.Context(), &sqs.ListQueuesInput{}); err == nil {
		t.Error("a wrong secret is accepted")
	}
	if _, err := client(secret, nil).ListQueues(t.Context(), &sqs.ListQueuesInput{}); err == nil {
		t.Error("the certificate was not looked at")
	}
	if err := n.close(); err != nil {
		t.Error(err)
	}
	expectAudit(t, audited, []string{"sqs:CreateQueue allowed  true", "sqs:ListQueues denied SignatureDoesNotMatch true"})
}

// TestPlainHTTP calls by http:// what speaks TLS.
func TestPlainHTTP(t *testing.T) {
	cert, key, _ := testCertificate(t)
	n, admin := startDebugNode(t, t.TempDir(), map[string]string{"tls-cert": cert, "tls-key": key, "admin-tls-cert": cert, "admin-tls-key": key})
	for at, want := range map[string]string{
		n.endpoint + "/?Action=ListQueues": "403 Forbidden|<Message>The request was not made over HTTPS.</Message>",
		admin + "/metrics":                 "400 Bad Request|The admin interface is called by https:// here.\n",
	} {
		answer, err := http.Get(at)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		status, text, _ := strings.Cut(want, "|")
		if err != nil || answer.Status != status || !strings.Contains(string(body), text) {
			t.Errorf("%s: %s %s %v", at, answer.Status, body, err)
		}
	}
	if err := n.close(); err != nil {
		t.Error(err)
	}
}

// expectAudit checks an audit log: for each entry action, decision, code, and whether it came over TLS.
func expectAudit(t *testing.T, path string, want []string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for line := range bytes.Lines(text) {
		var e struct {
			Action, Decision, Code string
			TLS                    bool
		}
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatal(err)
		}
		over := "false"
		if e.TLS {
			over = "true"
		}
		got = append(got, e.Action+" "+e.Decision+" "+e.Code+" "+over)
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got %q\nwant %q", got, want)
	}
	if bytes.Contains(text, []byte("canary")) || bytes.Contains(text, []byte(secret)) {
		t.Error("the audit log has a body or a secret")
	}
}

// TestTrustedProxy asks through a proxy that speaks TLS to the client and says so, and through one that nobody trusts.
func TestTrustedProxy(t *testing.T) {
	for trusted, want := range map[string]string{"127.0.0.0/8": "https://sqs.example.com", "10.0.0.0/8": ""} {
		n, err := startNodeWith(t, config.Sources{Flags: map[string]string{"journal": "memory", "trusted-proxies": trusted}})
		if err != nil {
			t.Fatal(err)
		}
		if want == "" {
			want = n.endpoint
		}
		r, err := http.NewRequest(http.MethodGet, n.endpoint+"/?Action=CreateQueue&QueueName=q", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("X-Forwarded-Proto", "https")
		r.Header.Set("X-Forwarded-Host", "sqs.example.com")
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if err != nil || !bytes.Contains(body, []byte("<QueueUrl>"+want+"/000000000000/q</QueueUrl>")) {
			t.Errorf("%s: %v %s", trusted, err, body)
		}
		if err := n.close(); err != nil {
			t.Error(err)
		}
	}
}

// TestConnectionLimit opens one connection too many.
func TestConnectionLimit(t *testing.T) {
	n, err := startNodeWith(t, config.Sources{Flags: map[string]string{"journal": "memory", "max-connections-per-address": "1"}})
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	client := &http.Client{Transport: transport}
	for range 2 { // on one connection
		r, err := client.Get(n.endpoint + "/?Action=ListQueues")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, r.Body)
		_ = r.Body.Close()
	}
	if _, err := (&http.Client{Transport: &http.Transport{}}).Get(n.endpoint); err == nil {
		t.Error("a second connection is served")
	}
	transport.CloseIdleConnections()
	if err := n.close(); err != nil {
		t.Error(err)
	}
}

// TestFilesThatCannotBeUsed: the error says which listener a file is of, and which setting chooses it.
func TestFilesThatCannotBeUsed(t *testing.T) {
	for _, tc := range []struct {
		settings map[string]string
		want     []string
	}{
		{map[string]string{"tls-cert": "/nowhere/c", "tls-key": "/nowhere/k"}, []string{"API: TLS: stat /nowhere/c: ", "--tls-cert, --tls-key"}},
		{map[string]string{"admin-tls-cert": "/nowhere/c", "admin-tls-key": "/nowhere/k"}, []string{"admin interface: TLS: stat /nowhere/c: ", "--admin-tls-cert"}},
		{map[string]string{"audit-log": "/nowhere/a"}, []string{"audit log: open /nowhere/a: ", "--audit-log chooses"}},
		{map[string]string{"auth": "verify", "credentials-file": "/nowhere/c"}, []string{"credentials file /nowhere/c: ", "--credentials-file"}},
	} {
		settings := map[string]string{"listen": "127.0.0.1:0", "admin-listen": "127.0.0.1:0", "journal": "memory"}
		maps.Copy(settings, tc.settings)
		cfg, _, err := config.Load(config.Sources{Flags: settings})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		err = server.Run(ctx, cfg, slog.New(slog.DiscardHandler), func(config.Addresses) { stop() })
		stop()
		for _, want := range tc.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v: got %v, want %q", tc.settings, err, want)
			}
		}
	}
}

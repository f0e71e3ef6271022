package wire

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// needsAuth skips a test on a server that does not verify signatures.
func needsAuth(t *testing.T) {
	t.Helper()
	if os.Getenv("CONFORMANCE_AUTH") == "" {
		t.Skip("the server is not known to verify signatures (CONFORMANCE_AUTH)")
	}
}

func TestSignaturesThatAreRefused(t *testing.T) {
	needsAuth(t)
	t.Parallel()
	const (
		mismatch = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
		unknown  = "The security token included in the request is invalid."
	)
	other := func(change func(*aws.Credentials)) aws.Credentials {
		c := credentials
		change(&c)
		return c
	}
	unsigned := func(r *http.Request) { r.Header.Del("Authorization") }
	for _, c := range []struct {
		name        string
		credentials aws.Credentials
		service     string
		region      string
		offset      time.Duration
		tamper      func(*http.Request)
		status      int
		shape, code string
		text        string // "..." at its end stands for anything
	}{
		{name: "wrong secret", credentials: other(func(c *aws.Credentials) { c.SecretAccessKey += "x" }), status: 403,
			shape: "InvalidSignatureException", code: "SignatureDoesNotMatch", text: mismatch},
		{name: "unknown key", credentials: other(func(c *aws.Credentials) { c.AccessKeyID = "AKIANOBODY" }), status: 403,
			shape: "UnrecognizedClientException", code: "InvalidClientTokenId", text: unknown},
		{name: "made-up session token", credentials: other(func(c *aws.Credentials) { c.SessionToken = "token" }), status: 403,
			shape: "UnrecognizedClientException", code: "InvalidClientTokenId", text: unknown},
		{name: "clock behind", offset: -16 * time.Minute, status: 403, shape: "InvalidSignatureException", code: "SignatureDoesNotMatch", text: "Signature expired: ..."},
		{name: "clock ahead", offset: 16 * time.Minute, status: 403, shape: "InvalidSignatureException", code: "SignatureDoesNotMatch", text: "Signature not yet current: ..."},
		{name: "wrong region", region: "eu-nowhere-1", status: 403, shape: "InvalidSignatureException", code: "SignatureDoesNotMatch", text: "Credential should be scoped to a valid region..."},
		{name: "wrong service", service: "sns", status: 403, shape: "InvalidSignatureException", code: "SignatureDoesNotMatch", text: "Credential should be scoped to correct service: 'sqs'."},
		{name: "tampered body", tamper: func(r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			r.Body = io.NopCloser(bytes.NewReader(bytes.ReplaceAll(body, []byte("=x"), []byte("=y"))))
		}, status: 403, shape: "InvalidSignatureException", code: "SignatureDoesNotMatch", text: mismatch},
		{name: "malformed", tamper: func(r *http.Request) { r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=x") }, status: 400,
			shape: "IncompleteSignatureException", code: "IncompleteSignature", text: "Authorization header requires 'Signature' parameter. ..."},
		{name: "unsigned", tamper: unsigned, status: 403, shape: "AccessDeniedException", code: "AccessDenied", text: "Access to the resource ..."},
	} {
		ask := func(t *testing.T, body string, header ...string) answer {
			r := request(t, "POST", "/", body, header...)
			signer, service, in := c.credentials, "sqs", region
			if signer.AccessKeyID == "" {
				signer = credentials
			}
			if c.service != "" {
				service = c.service
			}
			if c.region != "" {
				in = c.region
			}
			sign(t, r, signer, service, in, time.Now().Add(c.offset))
			if c.tamper != nil {
				c.tamper(r)
			}
			return send(t, r)
		}
		text, open := strings.CutSuffix(c.text, "...")
		if !open {
			text += `"`
		}
		t.Run(c.name+"/JSON", func(t *testing.T) {
			got := ask(t, `{"QueueNamePrefix":"=x"}`, "Content-Type", jsonType, "X-Amz-Target", "AmazonSQS.ListQueues")
			if got.status != c.status || !strings.HasPrefix(got.body, `{"__type":"com.amazon.coral.service#`+c.shape+`","message":"`+text) ||
				got.header.Get("X-Amzn-Query-Error") != c.code+";Sender" {
				t.Errorf("%+v", got)
			}
		})
		t.Run(c.name+"/Query", func(t *testing.T) {
			got := ask(t, "Action=ListQueues&QueueNamePrefix=x", "Content-Type", formType)
			want := "<Code>" + c.code + "</Code><Message>" + strings.TrimSuffix(text, `"`)
			if got.status != c.status || !strings.Contains(between.ReplaceAllString(got.body, "><"), want) {
				t.Errorf("%+v", got)
			}
		})
	}
}

// TestSignatureCoversWhatIsSent: a compressed body is signed as it is sent, and an expired URL is worth nothing.
func TestSignatureCoversWhatIsSent(t *testing.T) {
	needsAuth(t)
	t.Parallel()
	var compressed bytes.Buffer
	w := gzip.NewWriter(&compressed)
	_, _ = w.Write([]byte("{}"))
	_ = w.Close()
	if got := viaJSON(t, "ListQueues", compressed.String(), "Content-Encoding", "gzip"); got.status != 200 {
		t.Errorf("gzip: %+v", got)
	}
	r := presignedAt(t, "/?Action=ListQueues", time.Now().Add(-61*time.Second))
	if got := send(t, r); got.status != 403 || !strings.Contains(got.body, "<Message>Signature expired: ") {
		t.Errorf("expired: %+v", got)
	}
	r = presignedAt(t, "/?Action=ListQueues", time.Now())
	for range 2 { // until then it can be used again
		if got := send(t, r); got.status != 200 {
			t.Errorf("presigned: %+v", got)
		}
	}
}

func TestGetCallerIdentity(t *testing.T) {
	needsAuth(t)
	t.Parallel()
	r := request(t, "POST", "/", "Action=GetCallerIdentity&Version=2011-06-15", "Content-Type", formType)
	sign(t, r, credentials, "sts", region, time.Now())
	got := send(t, r)
	who := ":root"
	if user := os.Getenv("CONFORMANCE_USER"); user != "" {
		who = ":user/" + user
	}
	if got.status != 200 || !strings.Contains(got.body, `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">`) || !strings.Contains(got.body, who+"</Arn>") {
		t.Errorf("%+v", got)
	}
}

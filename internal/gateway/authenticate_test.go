package gateway

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/smithy-go"
	gocmp "github.com/google/go-cmp/cmp"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/sts"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// fakeKeys are access keys by their ids.
type fakeKeys map[string]api.AccessKey

func (k fakeKeys) AccessKey(id string) (api.AccessKey, bool) {
	key, ok := k[id]
	return key, ok
}

// Open makes fakeKeys Tokens, too: the token of a key is "token of " and its id.
func (k fakeKeys) Open(id, token string) (api.AccessKey, bool) {
	key, ok := k[id]
	return key, ok && token == "token of "+id
}

var (
	alice    = api.Principal{Account: "111111111111", ARN: "arn:aws:iam::111111111111:user/alice", UserID: "AIDAALICE"}
	testKeys = fakeKeys{
		"AKIDROOT":  {Secret: "s1", Principal: api.Root("111111111111")},
		"AKIDALICE": {Secret: "s2", Principal: alice},
		"AKIDOLD":   {Secret: "s3", Principal: alice, Inactive: true},
	}
	testTokens = fakeKeys{
		"ASIANOW":  {Secret: "t1", Principal: alice, Expires: noon.Add(time.Second)},
		"ASIAPAST": {Secret: "t2", Principal: alice, Expires: noon},
	}
)

// A call is one request and how it is signed.
type call struct {
	method, target, body string
	header               http.Header
	key, secret, token   string
	service, region      string
	at                   time.Time
}

// listQueues is a request that is right in every way.
func listQueues() call {
	return call{method: "POST", target: "/", body: "{}", header: http.Header{"X-Amz-Target": {"AmazonSQS.ListQueues"}, "Content-Type": {"application/x-amz-json-1.0"}},
		key: "AKIDALICE", secret: "s2", service: "sqs", region: "eu-west-1", at: noon}
}

// form is the same in the Query protocol.
func form(service, body string) call {
	c := listQueues()
	c.service, c.body, c.header = service, body, http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	return c
}

// request signs the call and makes the request that a server gets.
func (c call) request(t testing.TB) *http.Request {
	t.Helper()
	r := httptest.NewRequest(c.method, "http://example.com"+c.target, strings.NewReader(c.body))
	r.RequestURI = c.target
	for name, values := range c.header {
		r.Header[name] = values
	}
	hash := sha256.Sum256([]byte(c.body))
	credentials := aws.Credentials{AccessKeyID: c.key, SecretAccessKey: c.secret, SessionToken: c.token}
	if err := v4.NewSigner().SignHTTP(t.Context(), credentials, r, hex.EncodeToString(hash[:]), c.service, c.region, c.at); err != nil {
		t.Fatal(err)
	}
	return r
}

// presign signs the call in its query string.
func (c call) presign(t testing.TB, expires string) *http.Request {
	t.Helper()
	r := httptest.NewRequest(c.method, "http://example.com"+c.target+"&X-Amz-Expires="+expires, strings.NewReader(c.body))
	hash := sha256.Sum256([]byte(c.body))
	credentials := aws.Credentials{AccessKeyID: c.key, SecretAccessKey: c.secret, SessionToken: c.token}
	signed, _, err := v4.NewSigner().PresignHTTP(t.Context(), credentials, r, hex.EncodeToString(hash[:]), c.service, c.region, c.at)
	if err != nil {
		t.Fatal(err)
	}
	presigned := httptest.NewRequest(c.method, signed, strings.NewReader(c.body))
	presigned.RequestURI = strings.TrimPrefix(signed, "http://example.com")
	return presigned
}

func verifying(service fake) Options {
	return Options{SQS: service, STS: sts.Service{}, Keys: testKeys, Tokens: testTokens, SignedRegions: []string{"eu-west-1", "us-east-1"},
		Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return noon }, NewRequestID: func() string { return "id" }}
}

// nobody fails the test if it is called.
func nobody(t *testing.T) fake {
	return func(_ context.Context, action string, _ *api.Caller, _ any) (any, error) {
		t.Errorf("%s was called", action)
		return nil, nil
	}
}

func TestWhoSigned(t *testing.T) {
	gzipped := func(text string) string {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, _ = w.Write([]byte(text))
		_ = w.Close()
		return b.String()
	}
	presigned := listQueues()
	presigned.method, presigned.target, presigned.body, presigned.header = "GET", "/?Action=ListQueues", "", nil
	temporary := presigned
	temporary.key, temporary.secret, temporary.token = "ASIANOW", "t1", "token of ASIANOW"
	want := &api.Caller{Principal: alice, Account: "111111111111", Region: "eu-west-1", AccessKeyID: "AKIDALICE", SenderID: "AIDAALICE",
		BaseURL: "http://example.com", SourceIP: "192.0.2.1", RequestID: "id"}
	query, temporaryWant, rootWant := *want, *want, *want
	query.Query = true
	temporaryWant.AccessKeyID = "ASIANOW"
	rootWant.Principal, rootWant.AccessKeyID, rootWant.SenderID = api.Root("111111111111"), "AKIDROOT", "111111111111"
	queryOf := func(c api.Caller) *api.Caller {
		c.Query = true
		return &c
	}
	for _, tc := range []struct {
		name    string
		request *http.Request
		want    *api.Caller
	}{
		{"JSON", listQueues().request(t), want},
		{"form", form("sqs", "Action=ListQueues").request(t), &query},
		{"root", func() *http.Request { c := listQueues(); c.key, c.secret = "AKIDROOT", "s1"; return c.request(t) }(), &rootWant},
		{"session token", func() *http.Request {
			c := listQueues()
			c.key, c.secret, c.token = "ASIANOW", "t1", "token of ASIANOW"
			return c.request(t)
		}(), &temporaryWant},
		{"gzip", func() *http.Request {
			c := listQueues()
			c.body, c.header = gzipped("{}"), http.Header{"X-Amz-Target": {"AmazonSQS.ListQueues"}, "Content-Encoding": {"gzip"}}
			return c.request(t)
		}(), want},
		{"presigned", presigned.presign(t, "60"), &query},
		{"presigned with a session token", temporary.presign(t, "60"), queryOf(temporaryWant)},
		{"GET with a body", func() *http.Request {
			c := presigned
			c.body = "Action=PurgeQueue"
			return c.presign(t, "60")
		}(), &query},
		{"GET with a header", presigned.request(t), &query},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if diff := gocmp.Diff(tc.want, callerOf(t, verifying(nil), tc.request)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestUnsignedAndWrong has every way to fail, in both protocols. The texts of package sigv4 are its own tests' matter.
func TestUnsignedAndWrong(t *testing.T) {
	const (
		mismatch = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
		token    = "The security token included in the request is invalid."
	)
	for _, tc := range []struct {
		name             string
		change           func(*call)         // before it is signed
		tamper           func(*http.Request) // after that
		status           int
		shape, code      string
		text             string
		stsCode, stsText string // of STS, where they differ
	}{
		{name: "unsigned", tamper: func(r *http.Request) { delete(r.Header, "Authorization") }, status: 403,
			shape: "AccessDeniedException", code: "AccessDenied", text: "Access to the resource http://example.com/ is denied.",
			stsText: "Request is missing Authentication Token", stsCode: "MissingAuthenticationToken"},
		{name: "malformed", tamper: func(r *http.Request) { r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=AKIDALICE") }, status: 400,
			shape: "IncompleteSignatureException", code: "IncompleteSignature",
			text: "Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter."},
		{name: "unknown key", change: func(c *call) { c.key = "AKIDNOBODY" }, status: 403, shape: "UnrecognizedClientException", code: "InvalidClientTokenId", text: token},
		{name: "inactive key", change: func(c *call) { c.key, c.secret = "AKIDOLD", "s3" }, status: 403, shape: "UnrecognizedClientException", code: "InvalidClientTokenId", text: token},
		{name: "wrong secret", change: func(c *call) { c.secret = "s1" }, status: 403, shape: "InvalidSignatureException", code: "SignatureDoesNotMatch", text: mismatch},
		{name: "wrong region", change: func(c *call) { c.region = "eu-central-1" }, status: 403, shape: "InvalidSignatureException", code: "SignatureDoesNotMatch",
			text: "Credential should be scoped to a valid region."},
		{name: "wrong service", change: func(c *call) { c.service = "sns" }, status: 403, shape: "InvalidSignatureException", code: "SignatureDoesNotMatch",
			text: "Credential should be scoped to correct service: 'sqs'.", stsText: "Credential should be scoped to correct service: 'sts'."},
		{name: "skewed clock", change: func(c *call) { c.at = noon.Add(-time.Hour) }, status: 403, shape: "InvalidSignatureException", code: "SignatureDoesNotMatch",
			text: "Signature expired: 20260102T110000Z is now earlier than 20260102T114500Z (20260102T120000Z - 15 min.)"},
		{name: "clock ahead", change: func(c *call) { c.at = noon.Add(time.Hour) }, status: 403, shape: "InvalidSignatureException", code: "SignatureDoesNotMatch",
			text: "Signature not yet current: 20260102T130000Z is still later than 20260102T121500Z (20260102T120000Z + 15 min.)"},
		{name: "another host", tamper: func(r *http.Request) { r.Host = "example.org" }, status: 403, shape: "InvalidSignatureException", code: "SignatureDoesNotMatch", text: mismatch},
		{name: "unknown token", change: func(c *call) { c.key, c.secret, c.token = "ASIANOW", "t1", "token of ASIAPAST" }, status: 403,
			shape: "UnrecognizedClientException", code: "InvalidClientTokenId", text: token},
		{name: "temporary key without its token", change: func(c *call) { c.key, c.secret = "ASIANOW", "t1" }, status: 403,
			shape: "UnrecognizedClientException", code: "InvalidClientTokenId", text: token},
		{name: "expired token", change: func(c *call) { c.key, c.secret, c.token = "ASIAPAST", "t2", "token of ASIAPAST" }, status: 403,
			shape: "ExpiredTokenException", code: "ExpiredToken", text: "The security token included in the request is expired"},
	} {
		answer := func(c call) *httptest.ResponseRecorder {
			if tc.change != nil {
				tc.change(&c)
			}
			r := c.request(t)
			if tc.tamper != nil {
				tc.tamper(r)
			}
			return record(New(verifying(nobody(t))), r)
		}
		sqsCall, stsCall := form("sqs", "Action=ListQueues&Version=2012-11-05"), form("sts", "Action=GetCallerIdentity&Version=2011-06-15")
		t.Run(tc.name, func(t *testing.T) {
			w := answer(listQueues())
			want := fmt.Sprintf(`{"__type":"com.amazon.coral.service#%s","message":"%s"}`, tc.shape, tc.text)
			if w.Code != tc.status || w.Body.String() != want || w.Header().Get("X-Amzn-Query-Error") != tc.code+";Sender" {
				t.Errorf("JSON: %d %s\n%s", w.Code, w.Header().Get("X-Amzn-Query-Error"), w.Body)
			}
			w = answer(sqsCall)
			want = "<Code>" + tc.code + "</Code><Message>" + tc.text + "</Message>"
			if w.Code != tc.status || !strings.Contains(w.Body.String(), want) || !strings.Contains(w.Body.String(), `xmlns="http://queue.amazonaws.com/doc/2012-11-05/"`) {
				t.Errorf("Query: %d\n%s", w.Code, w.Body)
			}
			w = answer(stsCall)
			want = "<Code>" + cmp.Or(tc.stsCode, tc.code) + "</Code><Message>" + cmp.Or(tc.stsText, tc.text) + "</Message>"
			if w.Code != tc.status || !strings.Contains(w.Body.String(), want) || !strings.Contains(w.Body.String(), `xmlns="https://sts.amazonaws.com/doc/2011-06-15/"`) {
				t.Errorf("STS: %d\n%s", w.Code, w.Body)
			}
		})
	}
}

func TestTamperedBody(t *testing.T) {
	r := listQueues().request(t)
	r.Body = http.NoBody
	if w := record(New(verifying(nobody(t))), r); w.Code != 403 || !strings.Contains(w.Body.String(), "InvalidSignatureException") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	r = listQueues().request(t)
	r.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(make([]byte, 32)))
	if w := record(New(verifying(nobody(t))), r); w.Code != 403 || !strings.Contains(w.Body.String(), "must be a 'SignedHeader'") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestMalformedComesFirst: what cannot be understood is said before who sent it is asked (reference/sqs.md 2.2).
func TestMalformedComesFirst(t *testing.T) {
	c := listQueues()
	c.body, c.secret = "[", "wrong"
	if w := record(New(verifying(nobody(t))), c.request(t)); w.Code != 400 || !strings.Contains(w.Body.String(), "SerializationException") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestOtherAccounts: whatever names a queue of another account is refused, and the caller's own account is not.
func TestOtherAccounts(t *testing.T) {
	handle := func(account string) string {
		return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, `{"taskId":"1","sourceArn":"arn:aws:sqs:eu-west-1:%s:q"}`, account))
	}
	denied := func(action string) string {
		return fmt.Sprintf("AccessDenied: User: arn:aws:iam::111111111111:user/alice is not authorized to perform: sqs:%[1]s on resource: "+
			"arn:aws:sqs:eu-west-1:222222222222:q because no resource-based policy allows the sqs:%[1]s action", action)
	}
	const notThere = "AWS.SimpleQueueService.NonExistentQueue: The specified queue does not exist."
	for _, tc := range []struct{ action, path, body, want string }{
		{"PurgeQueue", "/", `{"QueueUrl":"http://example.com/ACCOUNT/q"}`, denied("purgequeue")},
		{"PurgeQueue", "/ACCOUNT/q", `{}`, denied("purgequeue")},
		{"PurgeQueue", "/", `{"QueueUrl":"/queue/eu-west-1/ACCOUNT/q"}`, denied("purgequeue")},
		{"PurgeQueue", "/", `{"QueueUrl":"arn:aws:sqs:eu-west-1:ACCOUNT:q"}`, denied("purgequeue")},
		{"GetQueueUrl", "/", `{"QueueName":"q","QueueOwnerAWSAccountId":"ACCOUNT"}`, notThere},
		{"StartMessageMoveTask", "/", `{"SourceArn":"arn:aws:sqs:eu-west-1:ACCOUNT:q"}`, denied("startmessagemovetask")},
		{"StartMessageMoveTask", "/", `{"SourceArn":"arn:aws:sqs:eu-west-1:111111111111:q","DestinationArn":"arn:aws:sqs:eu-west-1:ACCOUNT:q"}`, denied("startmessagemovetask")},
		{"ListMessageMoveTasks", "/", `{"SourceArn":"arn:aws:sqs:eu-west-1:ACCOUNT:q"}`, denied("listmessagemovetasks")},
		{"CancelMessageMoveTask", "/", `{"TaskHandle":"HANDLE"}`, denied("cancelmessagemovetask")},
		{"PurgeQueue", "/", `{"QueueUrl":"q"}`, ""},
		{"GetQueueUrl", "/", `{"QueueName":"q","QueueOwnerAWSAccountId":"nonsense"}`, ""}, // the service's to refuse
		{"CancelMessageMoveTask", "/", `{"TaskHandle":"nonsense"}`, ""},
	} {
		for account, want := range map[string]string{"111111111111": "", "222222222222": tc.want} {
			t.Run(tc.action+" "+account, func(t *testing.T) {
				fill := strings.NewReplacer("ACCOUNT", account, "HANDLE", handle(account))
				c := listQueues()
				c.target, c.body = fill.Replace(tc.path), fill.Replace(tc.body)
				c.header.Set("X-Amz-Target", "AmazonSQS."+tc.action)
				called := false
				w := record(New(verifying(func(context.Context, string, *api.Caller, any) (any, error) {
					called = true
					return nil, nil
				})), c.request(t))
				code, _, _ := strings.Cut(w.Header().Get("X-Amzn-Query-Error"), ";")
				if want == "" && (w.Code != 200 || !called) || want != "" && (called || !strings.Contains(w.Body.String(), strings.TrimPrefix(want, code+": "))) {
					t.Errorf("called: %v; %d %s, want %s", called, w.Code, w.Body, want)
				}
			})
		}
	}
}

func TestGetCallerIdentity(t *testing.T) {
	const body = "Action=GetCallerIdentity&Version=2011-06-15"
	want := func(p api.Principal) string {
		return `<?xml version="1.0"?><GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>` + p.ARN + `</Arn><UserId>` +
			p.UserID + `</UserId><Account>` + p.Account + `</Account></GetCallerIdentityResult><ResponseMetadata><RequestId>id</RequestId></ResponseMetadata></GetCallerIdentityResponse>`
	}
	if w := record(New(verifying(nil)), form("sts", body).request(t)); w.Code != 200 || w.Body.String() != want(alice) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	// Without verification it is the root of the account.
	o := verifying(nil)
	o.Keys = nil
	if w := record(New(o), form("sts", body).request(t)); w.Code != 200 || w.Body.String() != want(api.Root("000000000000")) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	r := form("sts", body).request(t)
	delete(r.Header, "Authorization")
	if w := record(New(o), r); w.Code != 403 || !strings.Contains(w.Body.String(), "<Code>MissingAuthenticationToken</Code>") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestActionsOfTheOtherService(t *testing.T) {
	withoutSTS := verifying(nil)
	withoutSTS.STS = nil
	for _, tc := range []struct {
		options Options
		body    string
	}{
		{verifying(nil), "Action=AssumeRole&Version=2011-06-15"},
		{verifying(nil), "Action=ListQueues&Version=2011-06-15"},
		{verifying(nil), "Action=GetCallerIdentity&Version=2012-11-05"},
		{withoutSTS, "Action=GetCallerIdentity&Version=2011-06-15"},
	} {
		if w := record(New(tc.options), form("sts", tc.body).request(t)); w.Code != 400 || !strings.Contains(w.Body.String(), "<Code>InvalidAction</Code>") {
			t.Errorf("%s: %d %s", tc.body, w.Code, w.Body)
		}
	}
}

// TestPublicHost: behind a proxy that sends on its own Host, clients sign that of the public URL.
func TestPublicHost(t *testing.T) {
	o := verifying(nil)
	o.PublicURL = "https://example.com"
	r := listQueues().request(t)
	r.Host = "10.0.0.1:9324"
	if c := callerOf(t, o, r); c.AccessKeyID != "AKIDALICE" {
		t.Errorf("%+v", c)
	}
}

// TestSDKIsVerified runs the SDK's own client over a connection, where net/http has taken the request apart.
func TestSDKIsVerified(t *testing.T) {
	o := verifying(canned)
	o.Now = nil
	server := httptest.NewServer(New(o))
	defer server.Close()
	client := func(key, secret string) *sqs.Client {
		return sqs.New(sqs.Options{Region: "eu-west-1", BaseEndpoint: aws.String(server.URL), RetryMaxAttempts: 1,
			Credentials: credentials.NewStaticCredentialsProvider(key, secret, ""), DisableMessageChecksumValidation: true})
	}
	queue := aws.String("http://localhost/111111111111/full")
	if _, err := client("AKIDALICE", "s2").ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: queue}); err != nil {
		t.Error(err)
	}
	for key, want := range map[string]string{"AKIDALICE": "SignatureDoesNotMatch", "AKIDNOBODY": "InvalidClientTokenId"} {
		var e smithy.APIError
		if _, err := client(key, "wrong").ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: queue}); !errors.As(err, &e) || e.ErrorCode() != want {
			t.Errorf("%s: %v", key, err)
		}
	}
}

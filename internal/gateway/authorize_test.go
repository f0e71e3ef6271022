package gateway

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/staunchmq/staunch/internal/api"
)

// authorizer is an Authorizer that is one function.
type authorizer func(c *api.Caller, a *api.Action, in any) error

func (f authorizer) Authorize(_ context.Context, c *api.Caller, a *api.Action, in any) error {
	return f(c, a, in)
}

// Every action is asked for, with its input and with the queue in it that the path names, before the service hears of it.
func TestEveryActionIsAuthorized(t *testing.T) {
	const text = "User: x is not authorized to perform: y"
	for _, action := range api.Actions {
		asked := 0
		h := New(Options{
			SQS: fake(func(context.Context, string, *api.Caller, any) (any, error) {
				t.Errorf("%s got to the service", action.Name)
				return nil, nil
			}),
			Authorizer: authorizer(func(c *api.Caller, a *api.Action, in any) error {
				asked++
				if a != action || c.Principal != api.Root("111111111111") || c.UserAgent != "agent" || c.Referer != "from" || c.SecureTransport {
					t.Errorf("%s: asked for %s by %+v", action.Name, a.Name, c)
				}
				if url := a.QueueURL(in); url != nil && *url != "/111111111111/q" {
					t.Errorf("%s: of %q", action.Name, *url)
				}
				return api.AccessDenied.Newf("%s", text)
			}),
		})
		r := jsonRequest(action.Name, strings.NewReader("{}"))
		if action.Level == api.QueueLevel {
			r.URL.Path = "/111111111111/q"
		}
		r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=111111111111/20260101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=0")
		r.Header.Set("User-Agent", "agent")
		r.Header.Set("Referer", "from")
		w := record(h, r)
		if asked != 1 || w.Code != 403 || w.Header().Get("x-amzn-query-error") != "AccessDenied;Sender" ||
			w.Body.String() != `{"__type":"com.amazon.coral.service#AccessDeniedException","message":"`+text+`"}` {
			t.Errorf("%s: asked %d times, %d %s", action.Name, asked, w.Code, w.Body)
		}
	}
}

func TestAnAuthorizerThatFailsLetsNobodyIn(t *testing.T) {
	h := New(Options{
		SQS: fake(func(context.Context, string, *api.Caller, any) (any, error) {
			t.Error("it got to the service")
			return nil, nil
		}),
		Authorizer: authorizer(func(*api.Caller, *api.Action, any) error { return errors.New("broken") }),
	})
	if w := record(h, jsonRequest("ListQueues", strings.NewReader("{}"))); w.Code != 500 {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestSecureTransport(t *testing.T) {
	for url, want := range map[string]bool{"http://localhost/": false, "https://localhost/": true} {
		h := New(Options{
			SQS: fake(ok),
			Authorizer: authorizer(func(c *api.Caller, _ *api.Action, _ any) error {
				if c.SecureTransport != want {
					t.Errorf("%s: %v", url, c.SecureTransport)
				}
				return nil
			}),
		})
		r := httptest.NewRequest("POST", url, strings.NewReader("{}"))
		r.Header = jsonRequest("ListQueues", nil).Header
		if w := record(h, r); w.Code != 200 {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	}
}

// With an Authorizer it is for policies to say what verified callers may do with others' queues, and what unsigned requests may.
func TestAuthorizerIsAskedAboutVerifiedAndUnsignedRequests(t *testing.T) {
	var asked []string
	o := verifying(fake(ok))
	o.Authorizer = authorizer(func(c *api.Caller, a *api.Action, _ any) error {
		asked = append(asked, a.Name+" by "+c.Principal.ARN)
		return nil
	})
	h := New(o)
	send := listQueues()
	send.header = send.header.Clone()
	send.header.Set("X-Amz-Target", "AmazonSQS.PurgeQueue")
	send.body = `{"QueueUrl":"http://localhost/222222222222/q"}`
	unsigned := send.request(t)
	delete(unsigned.Header, "Authorization")
	identity := form("sts", "Action=GetCallerIdentity&Version=2011-06-15")
	unsignedIdentity := identity.request(t)
	delete(unsignedIdentity.Header, "Authorization")
	wrong := send
	wrong.secret = "wrong"
	for _, tc := range []struct {
		name string
		r    *http.Request
		code int
		want string
	}{
		{"signed", send.request(t), 200, "PurgeQueue by " + alice.ARN},
		{"unsigned", unsigned, 200, "PurgeQueue by "},
		{"wrongly signed", wrong.request(t), 403, ""},
		{"STS", identity.request(t), 200, ""},
		{"STS, unsigned", unsignedIdentity, 403, ""},
	} {
		asked = nil
		if w := record(h, tc.r); w.Code != tc.code || strings.Join(asked, ", ") != tc.want {
			t.Errorf("%s: asked about %q, %d %s", tc.name, asked, w.Code, w.Body)
		}
	}
}

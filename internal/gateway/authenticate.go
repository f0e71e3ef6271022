package gateway

import (
	"crypto/sha256"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/arn"
	"github.com/staunchmq/staunch/internal/sigv4"
)

// Keys finds the access keys that requests are signed with.
type Keys interface {
	// AccessKey returns the access key with this id, false if there is none. It is called for every signed request
	// from many goroutines at once, and must not wait for anything.
	AccessKey(id string) (api.AccessKey, bool)
}

// Tokens opens the session tokens of temporary credentials, which are all that the server knows of them.
type Tokens interface {
	// Open returns the temporary access key that a token was made with. It is false for a token that is not genuine
	// or belongs to another access key id; whether it has expired is checked by who asks. It is called like Keys.AccessKey.
	Open(accessKeyID, token string) (api.AccessKey, bool)
}

// sender is who sent a request.
type sender struct {
	accessKeyID string        // "" if anonymous
	region      string        // of the credential scope; "" if there is none
	principal   api.Principal // zero if anonymous
}

// authenticate says who sent the request. Without Keys the credential, which the client states, is believed.
func (x *exchange) authenticate(credential string) (sender, error) {
	if x.options.Keys == nil {
		return x.believe(credential), nil
	}
	r := &sigv4.Request{
		Method: x.r.Method, Target: x.r.RequestURI, Host: x.r.Host, Header: x.r.Header,
		ContentLength: x.r.ContentLength, PayloadHash: x.payloadHash,
	}
	s, err := sigv4.Parse(r)
	if err == sigv4.ErrUnsigned {
		if x.options.Authorizer != nil && x.api == api.SQSAPI {
			return sender{}, nil // whether anonymous callers may is for policies to say
		}
		return sender{}, x.unsigned()
	}
	if err != nil {
		return sender{}, signatureError(err)
	}
	key, ok := x.accessKey(s)
	if !ok || key.Inactive {
		return sender{}, api.UnrecognizedClient.New()
	}
	now := x.options.Now()
	if err := x.verifier.Verify(r, s, x.api.Service, key.Secret, now); err != nil {
		return sender{}, signatureError(err)
	}
	if !key.Expires.IsZero() && !now.Before(key.Expires) {
		return sender{}, api.ExpiredToken.New()
	}
	if !arn.ValidRegion(s.Region) {
		return sender{}, api.InvalidSignature.Newf("Credential should be scoped to a valid region.")
	}
	if x.options.KeyUsed != nil && s.Token == "" {
		x.options.KeyUsed(s.AccessKeyID)
	}
	return sender{accessKeyID: s.AccessKeyID, region: s.Region, principal: key.Principal}, nil
}

// accessKey finds the key of a signature: what its session token says, or one that lasts.
func (x *exchange) accessKey(s *sigv4.Signature) (api.AccessKey, bool) {
	if s.Token == "" {
		return x.options.Keys.AccessKey(s.AccessKeyID)
	}
	if x.options.Tokens == nil {
		return api.AccessKey{}, false
	}
	return x.options.Tokens.Open(s.AccessKeyID, s.Token)
}

// unsigned returns the error for a request without a signature, which differs between the services (reference/sqs.md 11.1).
func (x *exchange) unsigned() error {
	if x.api == api.STSAPI {
		return api.MissingAuthenticationToken.New()
	}
	c := x.caller(sender{})
	return api.AccessDenied.Newf("Access to the resource %s/ is denied.", c.BaseURL)
}

// signatureError turns what package sigv4 has to say into a row of the table.
func signatureError(err error) error {
	var e *sigv4.Error
	switch {
	case !errors.As(err, &e):
		return err
	case e.Incomplete:
		return api.IncompleteSignature.Newf("%s", e.Text)
	}
	return api.InvalidSignature.Newf("%s", e.Text)
}

// believe takes the access key id and the region on trust. A 12-digit access key is an account, as LocalStack's users expect.
func (x *exchange) believe(credential string) sender {
	key, region, ok := parseCredential(credential)
	if !ok {
		return sender{}
	}
	if !arn.ValidRegion(region) {
		region = ""
	}
	account := x.options.Account
	if arn.ValidAccount(key) {
		account = key
	}
	return sender{accessKeyID: key, region: region, principal: api.Root(account)}
}

// headerCredential returns the Credential of an Authorization header of Signature Version 4, "" if there is none.
func headerCredential(header http.Header) string {
	values := header["Authorization"]
	if len(values) == 0 {
		return ""
	}
	rest, ok := strings.CutPrefix(values[0], "AWS4-HMAC-SHA256")
	if !ok {
		return ""
	}
	_, credential, _ := strings.Cut(rest, "Credential=")
	if end := strings.IndexAny(credential, ", "); end >= 0 {
		credential = credential[:end]
	}
	return credential
}

// parseCredential reads <access key>/<date>/<region>/<service>/aws4_request.
func parseCredential(credential string) (accessKeyID, region string, ok bool) {
	rest, terminator, _ := cutLast(credential)
	rest, _, _ = cutLast(rest) // service
	rest, region, _ = cutLast(rest)
	accessKeyID, _, ok = cutLast(rest) // date
	if !ok || accessKeyID == "" || terminator != "aws4_request" {
		return "", "", false
	}
	return accessKeyID, region, true
}

// cutLast cuts s at its last slash.
func cutLast(s string) (before, after string, found bool) {
	i := strings.LastIndexByte(s, '/')
	if i < 0 {
		return "", s, false
	}
	return s[:i], s[i+1:], true
}

// hashPayload notes the hash of the body as it was sent, for the signature.
func (x *exchange) hashPayload(body []byte) {
	if x.options.Keys != nil {
		x.payloadHash = sha256.Sum256(body)
	}
}

// newVerifier returns the verifier for a handler's options. Clients sign the host of the public URL even where a proxy sends on another.
func newVerifier(o *Options) *sigv4.Verifier {
	var hosts []string
	if u, err := url.Parse(o.PublicURL); err == nil && u.Host != "" {
		hosts = []string{u.Host}
	}
	return sigv4.NewVerifier(sigv4.Options{Skew: o.ClockSkew, Regions: o.SignedRegions, Hosts: hosts})
}

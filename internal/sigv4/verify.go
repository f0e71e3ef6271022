package sigv4

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Options configure a Verifier. All have defaults.
type Options struct {
	// Skew is how far the time of a signature may be from the server's. Default: 15 minutes.
	Skew time.Duration
	// Regions are those that a scope may name. Default: any.
	Regions []string
	// Hosts are names, with their ports if not the standard ones, that clients may have signed in place of the Host
	// that arrives: that of a proxy which puts its own there.
	Hosts []string
}

// Verifier verifies signatures.
type Verifier struct {
	options Options
	keys    keys
}

// NewVerifier returns a Verifier.
func NewVerifier(o Options) *Verifier {
	if o.Skew == 0 {
		o.Skew = 15 * time.Minute
	}
	return &Verifier{options: o}
}

// Verify says whether s, which Parse made of r, is a valid signature for the service ("sqs") with the secret access key at
// the time now. If not, the error is an *Error; for a wrong signature it is ErrMismatch. How long it takes does not depend on
// how much of a signature is right.
func (v *Verifier) Verify(r *Request, s *Signature, service, secret string, now time.Time) error {
	if err := v.checkScope(s, service); err != nil {
		return err
	}
	if err := v.checkTime(s, now); err != nil {
		return err
	}
	var payload [2 * sha256.Size]byte
	hex.Encode(payload[:], r.PayloadHash[:])
	if err := checkHeaders(r, s, payload[:]); err != nil {
		return err
	}
	sc := scope{secret, s.date, s.Region, s.Service}
	key, known := v.keys.get(sc)
	if !v.matches(r, s, key, payload[:]) {
		return ErrMismatch
	}
	if !known {
		v.keys.keep(sc, key)
	}
	return nil
}

// regionMax is the longest region in bytes, as that of a label of a host name. Regions are kept with the keys that are derived for them.
const regionMax = 63

// checkScope refuses scopes of other services, regions and days.
func (v *Verifier) checkScope(s *Signature, service string) error {
	switch {
	case s.terminator != terminator:
		return invalid("Credential should be scoped with a valid terminator: '%s', not '%s'.", terminator, short(s.terminator))
	case s.Service != service:
		return invalid("Credential should be scoped to correct service: '%s'.", service)
	case s.Region == "" || len(s.Region) > regionMax || len(v.options.Regions) > 0 && !slices.Contains(v.options.Regions, s.Region):
		return invalid("Credential should be scoped to a valid region.")
	case s.date != s.stamp[:8]:
		return invalid("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '%s' != '%s', from '%s'.",
			short(s.date), s.stamp[:8], s.stamp)
	}
	return nil
}

// checkTime refuses signatures that are too old or not yet valid.
func (v *Verifier) checkTime(s *Signature, now time.Time) error {
	now = now.UTC().Truncate(time.Second)
	age := v.options.Skew
	if s.Presigned() {
		age = s.Expires
	}
	if limit := now.Add(-age); s.Time.Before(limit) {
		return invalid("Signature expired: %s is now earlier than %s (%s - %s)", s.stamp, limit.Format(stampLayout), now.Format(stampLayout), span(age))
	}
	if limit := now.Add(v.options.Skew); s.Time.After(limit) {
		return invalid("Signature not yet current: %s is still later than %s (%s + %s)",
			s.stamp, limit.Format(stampLayout), now.Format(stampLayout), span(v.options.Skew))
	}
	return nil
}

// span writes a duration as AWS does in these texts.
func span(d time.Duration) string {
	if d%time.Minute == 0 {
		return fmt.Sprintf("%d min.", d/time.Minute)
	}
	return fmt.Sprintf("%d s.", d/time.Second)
}

// checkHeaders refuses a signature that leaves out what decides about the meaning of the request, and a payload that
// is not signed. The time and the session token need not be in the list: the one is signed anyway, and the other proves itself.
func checkHeaders(r *Request, s *Signature, payload []byte) error {
	if !s.covers("host") {
		return invalid("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
	}
	for _, name := range []string{"x-amz-target", "x-amz-content-sha256"} {
		if len(lookup(r, name)) > 0 && !s.covers(name) {
			return invalid("'%s' must be a 'SignedHeader' in the AWS Authorization.", name)
		}
	}
	declared := r.Header["X-Amz-Content-Sha256"]
	switch {
	case len(declared) == 0 || len(declared) == 1 && declared[0] == string(payload):
		return nil
	case strings.HasPrefix(declared[0], "UNSIGNED-PAYLOAD"), strings.HasPrefix(declared[0], "STREAMING-"):
		return invalid("The payload must be signed: 'x-amz-content-sha256' is '%s'.", short(declared[0]))
	}
	return ErrMismatch
}

// covers says whether a header is among the signed ones.
func (s *Signature) covers(name string) bool {
	for rest, more := s.headers, true; more; {
		var signed string
		if signed, rest, more = strings.Cut(rest, ";"); signed == name {
			return true
		}
	}
	return false
}

var scratch = sync.Pool{New: func() any { return new(make([]byte, 0, 1024)) }}

// matches compares the signature with the right one, for each spelling of the request that signers may have used.
func (v *Verifier) matches(r *Request, s *Signature, key *signingKey, payload []byte) bool {
	var given [sha256.Size]byte
	if n, err := hex.Decode(given[:], []byte(s.signature[:min(len(s.signature), 2*sha256.Size)])); err != nil || n != sha256.Size || len(s.signature) != 2*sha256.Size {
		return false
	}
	buf := scratch.Get().(*[]byte)
	defer scratch.Put(buf)
	path, query := splitTarget(r.Target)
	if path == "" {
		path = "/"
	}
	query = canonicalQuery(query)
	matches := func(host, path string) bool {
		*buf = appendCanonical((*buf)[:0], r, s, host, path, query, payload)
		hash := sha256.Sum256(*buf)
		*buf = s.appendStringToSign((*buf)[:0], hash)
		right := key.sign(*buf)
		return subtle.ConstantTimeCompare(given[:], right[:]) == 1
	}
	normal := normalized(path)
	if matches(r.Host, normal) || normal != path && matches(r.Host, path) {
		return true
	}
	for _, host := range v.options.Hosts {
		if host != r.Host && matches(host, normal) {
			return true
		}
	}
	return false
}

// appendStringToSign appends what is signed: algorithm, time, scope and the hash of the canonical request.
func (s *Signature) appendStringToSign(dst []byte, canonical [sha256.Size]byte) []byte {
	dst = append(dst, algorithm+"\n"...)
	dst = append(dst, s.stamp...)
	dst = append(dst, '\n')
	dst = append(dst, s.date...)
	dst = append(dst, '/')
	dst = append(dst, s.Region...)
	dst = append(dst, '/')
	dst = append(dst, s.Service...)
	dst = append(dst, "/"+terminator+"\n"...)
	return hex.AppendEncode(dst, canonical[:])
}

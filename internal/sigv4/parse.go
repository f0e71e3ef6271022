package sigv4

import (
	"strconv"
	"strings"
	"time"
)

const (
	algorithm  = "AWS4-HMAC-SHA256"
	terminator = "aws4_request"
	// stampLayout is how the time of a signature is written.
	stampLayout = "20060102T150405Z"
	// dateLayout is how HTTP writes times, in the Date header.
	dateLayout = "Mon, 02 Jan 2006 15:04:05 GMT"
	// expiresMax is the longest life of a presigned request: a week (reference/sqs.md 11.2).
	expiresMax = 7 * 24 * time.Hour
)

// Request is what a signature covers, as it came over the wire.
type Request struct {
	Method string
	// Target is the request target with path and query as they were sent, not decoded.
	Target string
	// Host is the Host header, with the port if the client sent one.
	Host string
	// Header has the other headers by their canonical names.
	Header map[string][]string
	// ContentLength stands in for the header of that name where the HTTP server took it out; -1 if there was none.
	ContentLength int64
	// PayloadHash is the SHA-256 of the body's bytes as they were sent, before decompression.
	PayloadHash [32]byte
}

// Signature is what a request says about how it was signed. Nothing in it is verified before Verify.
type Signature struct {
	AccessKeyID string
	// Token is the session token of temporary credentials; "" if there is none.
	Token string
	// Region and Service are those of the credential scope.
	Region, Service string
	// Time is when the request was signed.
	Time time.Time
	// Expires is how long after Time a presigned request is valid; 0 for signatures in the header.
	Expires time.Duration

	date       string // of the scope, YYYYMMDD
	terminator string // of the scope
	stamp      string // Time as in the string to sign
	headers    string // the names of the signed headers, lower-case, ascending, separated by ";"
	signature  string // hexadecimal
}

// Presigned says whether the signature came in the query string.
func (s *Signature) Presigned() bool { return s.Expires != 0 }

// Parse reads the signature of a request, from the Authorization header or from the query string. It returns
// ErrUnsigned if there is none, and an *Error with Incomplete set if it cannot be read.
func Parse(r *Request) (*Signature, error) {
	_, query := splitTarget(r.Target)
	fields, err := presignFields(query)
	if err != nil {
		return nil, err
	}
	authorization, inHeader := r.Header["Authorization"]
	switch {
	case inHeader && fields != nil:
		return nil, invalid("Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.")
	case fields != nil:
		return parsePresigned(fields)
	case !inHeader:
		return nil, ErrUnsigned
	case len(authorization) != 1:
		return nil, incomplete("The request has more than one Authorization header.")
	}
	return parseAuthorization(authorization[0], r.Header)
}

// parseAuthorization reads an Authorization header: the algorithm, then name=value pairs separated by commas.
func parseAuthorization(value string, header map[string][]string) (*Signature, error) {
	name, rest, _ := strings.Cut(strings.TrimLeft(value, " "), " ")
	if name != algorithm {
		return nil, incomplete("Unsupported authorization scheme '%s'. Sign requests with %s.", short(name), algorithm)
	}
	s := &Signature{}
	credential := ""
	for rest != "" {
		var pair string
		pair, rest, _ = strings.Cut(rest, ",")
		name, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
		switch name {
		case "Credential":
			credential = value
		case "SignedHeaders":
			s.headers = value
		case "Signature":
			s.signature = value
		}
	}
	stamp := only(header["X-Amz-Date"])
	if stamp == "" {
		stamp = only(header["Date"])
	}
	var missing strings.Builder
	for _, f := range []struct{ name, value string }{{"Credential", credential}, {"Signature", s.signature}, {"SignedHeaders", s.headers}} {
		if f.value == "" {
			missing.WriteString("Authorization header requires '" + f.name + "' parameter. ")
		}
	}
	if stamp == "" {
		missing.WriteString("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ")
	}
	if missing.Len() > 0 {
		return nil, incomplete("%s", strings.TrimSuffix(missing.String(), " "))
	}
	s.Token = only(header["X-Amz-Security-Token"])
	return s, s.fill(credential, stamp)
}

// parsePresigned reads the X-Amz- parameters of a presigned request.
func parsePresigned(fields map[string]string) (*Signature, error) {
	for _, name := range []string{"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date", "X-Amz-Expires"} {
		if fields[name] == "" {
			return nil, incomplete("AWS query-string parameters must include '%s'. Re-examine the query-string parameters.", name)
		}
	}
	if fields["X-Amz-Algorithm"] != algorithm {
		return nil, incomplete("Unsupported AWS 'algorithm': '%s'.", short(fields["X-Amz-Algorithm"]))
	}
	seconds, err := strconv.ParseUint(fields["X-Amz-Expires"], 10, 32)
	expires := time.Duration(seconds) * time.Second
	if err != nil || expires < time.Second || expires > expiresMax {
		return nil, incomplete("X-Amz-Expires must be a number of seconds from 1 to %d.", int(expiresMax.Seconds()))
	}
	s := &Signature{
		Token: fields["X-Amz-Security-Token"], Expires: expires,
		headers: fields["X-Amz-SignedHeaders"], signature: fields["X-Amz-Signature"],
	}
	return s, s.fill(fields["X-Amz-Credential"], fields["X-Amz-Date"])
}

// fill reads the credential and the time, and checks the form of the list of signed headers.
func (s *Signature) fill(credential, stamp string) error {
	rest := credential
	for _, part := range []*string{&s.terminator, &s.Service, &s.Region, &s.date} {
		slash := strings.LastIndexByte(rest, '/')
		if slash < 0 {
			rest = ""
			break
		}
		rest, *part = rest[:slash], rest[slash+1:]
	}
	if s.AccessKeyID = rest; rest == "" {
		return incomplete("Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '%s'", short(credential))
	}
	var err error
	if s.Time, err = time.Parse(stampLayout, stamp); err == nil {
		s.stamp = stamp
	} else if s.Time, err = time.Parse(dateLayout, stamp); err == nil {
		s.stamp = s.Time.Format(stampLayout)
	} else {
		return incomplete("Date must be in ISO-8601 'basic format'. Got '%s'. See http://en.wikipedia.org/wiki/ISO_8601", short(stamp))
	}
	return checkNames(s.headers)
}

// checkNames refuses a list of signed headers that is not lower-case and strictly ascending. That bounds the size of the
// canonical request, too: no header is in it twice.
func checkNames(names string) error {
	last := ""
	for rest, more := names, true; more; {
		var name string
		name, rest, more = strings.Cut(rest, ";")
		if name <= last || !isHeaderName(name) {
			return incomplete("SignedHeaders must be lower-case names in ascending order, separated by semicolons.")
		}
		last = name
	}
	return nil
}

// isHeaderName says whether a text has nothing in it that a header's name, in lower case, cannot have.
func isHeaderName(s string) bool {
	for i := range len(s) {
		if !inNames[s[i]] {
			return false
		}
	}
	return true
}

// inNames has the bytes that isHeaderName lets pass. Looking them up instead of comparing saves 15 % of a verification.
var inNames = func() (in [256]bool) {
	for c := '!'; c <= '~'; c++ {
		in[c] = (c < 'A' || c > 'Z') && !strings.ContainsRune(`()<>@,;:\"/[]?={}`, c)
	}
	return in
}()

// only returns the single value of a header, "" if there is none or more than one.
func only(values []string) string {
	if len(values) != 1 {
		return ""
	}
	return values[0]
}

// splitTarget cuts a request target into path and query. An absolute one loses scheme and host.
func splitTarget(target string) (path, query string) {
	path, query, _ = strings.Cut(target, "?")
	if !strings.HasPrefix(path, "/") {
		if _, rest, ok := strings.Cut(path, "://"); ok {
			slash := strings.IndexByte(rest, '/')
			if slash < 0 {
				return "/", query
			}
			return rest[slash:], query
		}
	}
	return path, query
}

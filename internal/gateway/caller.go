package gateway

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/arn"
)

// caller says who sent the request. credential is the access key id with its scope, as the client states it.
func (x *exchange) caller(credential string) *api.Caller {
	c := &api.Caller{
		Account:   x.options.Account,
		Region:    x.options.Region,
		RequestID: x.requestID,
		Query:     x.protocol.isQuery(),
	}
	if header := x.r.Header["X-Amzn-Trace-Id"]; len(header) > 0 {
		c.TraceHeader = header[0]
	}
	if key, region, ok := parseCredential(credential); ok {
		c.AccessKeyID = key
		if arn.ValidRegion(region) {
			c.Region = region
		}
		// A 12-digit access key is an account, as LocalStack's users expect.
		if arn.ValidAccount(key) {
			c.Account = key
		}
	}
	scheme, host := x.seenFromOutside(c)
	c.SenderID = c.Account // reference/sqs.md 3.4: the owner's id, or the address of the anonymous
	if c.AccessKeyID == "" {
		c.SenderID = c.SourceIP
	}
	c.BaseURL = x.baseURL(scheme, host, c.Region)
	return c
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

// seenFromOutside returns the scheme and host that the client used, and sets SourceIP. What
// proxies say about that is believed only from trusted ones.
func (x *exchange) seenFromOutside(c *api.Caller) (scheme, host string) {
	scheme, host = "http", strings.ToLower(x.r.Host)
	if x.r.TLS != nil {
		scheme = "https"
	}
	if host == "" { // HTTP/1.0
		host = "localhost"
		if local, ok := x.r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
			host = local.String()
		}
	}
	peer, err := netip.ParseAddrPort(x.r.RemoteAddr)
	if err != nil {
		return scheme, host
	}
	address := peer.Addr().Unmap().WithZone("")
	if len(x.options.TrustedProxies) > 0 && x.trusts(address) {
		if proto := strings.ToLower(x.r.Header.Get("X-Forwarded-Proto")); proto == "http" || proto == "https" {
			scheme = proto
		}
		if forwarded := x.r.Header.Get("X-Forwarded-Host"); isHost(forwarded) {
			host = strings.ToLower(forwarded)
		}
		address = x.client(address)
	}
	c.SourceIP = address.String()
	return scheme, host
}

// client walks X-Forwarded-For back from the last proxy to the first address that is not a trusted proxy's.
func (x *exchange) client(last netip.Addr) netip.Addr {
	hops := strings.Split(strings.Join(x.r.Header["X-Forwarded-For"], ","), ",")
	for i := len(hops) - 1; i >= 0 && x.trusts(last); i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		last = hop.Unmap().WithZone("")
	}
	return last
}

// trusts says whether an address is a trusted proxy's.
func (x *exchange) trusts(address netip.Addr) bool {
	for _, prefix := range x.options.TrustedProxies {
		if prefix.Contains(address) {
			return true
		}
	}
	return false
}

// isHost says whether s can stand in a URL as host and port.
func isHost(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("-._:[]", rune(c)) {
			return false
		}
	}
	return s != ""
}

// baseURL returns what queue URLs start with.
func (x *exchange) baseURL(scheme, host, region string) string {
	if x.options.PublicURL != "" {
		return strings.TrimSuffix(x.options.PublicURL, "/")
	}
	if x.options.QueueURLStyle == DomainStyle {
		port := ""
		if _, p, err := net.SplitHostPort(host); err == nil {
			port = ":" + p
		}
		return scheme + "://sqs." + region + "." + x.options.Domain + port
	}
	return scheme + "://" + host
}

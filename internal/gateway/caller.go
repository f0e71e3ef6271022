package gateway

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/staunchmq/staunch/internal/api"
)

// caller tells the service who sent the request and how.
func (x *exchange) caller(from sender) *api.Caller {
	asking := &struct {
		api.Caller
		room room
	}{room: x.newRoom()} // one allocation for both
	x.room = &asking.room
	c := &asking.Caller
	*c = api.Caller{
		Principal:   from.principal,
		Account:     from.principal.Account,
		Region:      from.region,
		AccessKeyID: from.accessKeyID,
		SenderID:    from.principal.UserID,
		RequestID:   x.requestID,
		Query:       x.protocol.isQuery(),
		Room:        x.room,
	}
	if header := x.r.Header["X-Amzn-Trace-Id"]; len(header) > 0 {
		c.TraceHeader = header[0]
	}
	setDefault(&c.Account, x.options.Account)
	setDefault(&c.Region, x.options.Region)
	c.UserAgent, c.Referer = x.r.Header.Get("User-Agent"), x.r.Header.Get("Referer")
	scheme, host := x.seenFromOutside(c)
	c.SecureTransport = scheme == "https"
	setDefault(&c.SenderID, c.SourceIP) // of the anonymous (reference/sqs.md 3.4)
	c.BaseURL = x.baseURL(scheme, host, c.Region)
	return c
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
	from, ok := x.peer()
	if !ok {
		return scheme, host
	}
	if len(x.options.TrustedProxies) > 0 && x.trusts(from.address) {
		if proto := strings.ToLower(x.r.Header.Get("X-Forwarded-Proto")); proto == "http" || proto == "https" {
			scheme = proto
		}
		if forwarded := x.r.Header.Get("X-Forwarded-Host"); isHost(forwarded) {
			host = strings.ToLower(forwarded)
		}
		c.SourceIP = x.client(from.address).String()
		return scheme, host
	}
	c.SourceIP = from.text
	return scheme, host
}

// peer is who is at the other end of a connection.
type peer struct {
	address netip.Addr
	text    string // of the address
}

// parsePeer reads an address with a port. It is false for what has none, such as a Unix socket.
func parsePeer(remote string) (p peer, ok bool) {
	a, err := netip.ParseAddrPort(remote)
	if err != nil {
		return peer{}, false
	}
	address := a.Addr().Unmap().WithZone("")
	return peer{address, address.String()}, true
}

// peer returns who sent the request, from the connection if it knows: reading the address anew for each request is 1 % of the server's
// CPU in sends.
func (x *exchange) peer() (peer, bool) {
	if c := x.conn(); c != nil && c.remote == x.r.RemoteAddr {
		return c.peer, c.peer.text != ""
	}
	return parsePeer(x.r.RemoteAddr)
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

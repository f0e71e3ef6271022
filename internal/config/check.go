package config

import (
	"fmt"
	"net"
	"net/netip"
)

// check notes what is wrong with several settings together.
func (l *loader) check() {
	l.checkAuth()
	l.checkTLS()
	if !l.client {
		l.checkEffect()
	}
	if c := &l.config; c.BodyBufferBytes < 2*c.MaxBodyBytes {
		l.problem(l.given("body-buffer-bytes", "max-body-bytes"), "", fmt.Sprintf("body-buffer-bytes (%s) must be twice max-body-bytes (%s) or more, "+
			"because the memory for a body doubles while it grows", lookup("body-buffer-bytes").Text(c), lookup("max-body-bytes").Text(c)))
	}
	if l.config.Auth == AuthOff {
		l.checkReachable("listen", l.config.Listen,
			"without auth whoever can connect could read, change and delete everything. Use --auth verify with access keys, or %s")
	}
	if !l.config.AdminTLS() {
		l.checkReachable("admin-listen", l.config.AdminListen,
			"without TLS whoever can read the traffic would have the admin token, and with it everything. "+
				"Use admin-tls-cert and admin-tls-key, or %s")
	}
	if l.config.Listen == l.config.AdminListen && !hasPort(l.config.Listen, "0") {
		l.problem(l.origins["admin-listen"], "admin-listen",
			fmt.Sprintf("%s is already the address of the API (listen); choose another port, or switch the admin interface off with an empty value",
				l.config.AdminListen))
	}
}

// checkAuth refuses half an access key.
func (l *loader) checkAuth() {
	if (l.config.RootKeyID == "") != (l.config.RootSecret == "") {
		l.problem(Origin{layer: environment, place: rootKeyVariable}, "", rootKeyVariable+" and "+rootSecretVariable+" go together; one of them is missing")
	}
}

// checkTLS refuses settings of TLS that would have no effect, or not the one that was meant.
func (l *loader) checkTLS() {
	c := &l.config
	pair := func(cert, key, ca string, values [3]string) {
		if (values[0] == "") != (values[1] == "") {
			l.problem(l.given(cert, key), "", cert+" and "+key+" go together; one of them is missing")
		}
		if values[2] != "" && values[0] == "" {
			l.problem(l.origins[ca], ca, "clients can show certificates over TLS only; set "+cert+" and "+key+", too")
		}
	}
	pair("tls-cert", "tls-key", "tls-client-ca", [3]string{c.TLSCert, c.TLSKey, c.TLSClientCA})
	pair("admin-tls-cert", "admin-tls-key", "admin-tls-client-ca", [3]string{c.AdminTLSCert, c.AdminTLSKey, c.AdminTLSClientCA})
	switch {
	case len(c.ACMEDomains) == 0 && (c.ACMEEmail != "" || c.ACMEDirectory != lookup("acme-directory").Default):
		l.problem(l.given("acme-email", "acme-directory"), "", "acme-email and acme-directory mean nothing without acme-domains")
	case len(c.ACMEDomains) == 0:
	case c.TLSCert != "" || c.TLSClientCA != "":
		l.problem(l.origins["acme-domains"], "acme-domains", "the certificate is either got from an authority or read from tls-cert; "+
			"client certificates (tls-client-ca) go with tls-cert only, because the authority has none when it looks whether a domain leads here")
	case c.Journal == MemoryJournal:
		l.problem(l.origins["acme-domains"], "acme-domains", "certificates are kept in the data directory, and with the journal in memory there is none")
	}
	if c.AuditMessages && c.AuditLog == AuditOff {
		l.problem(l.origins["audit-messages"], "audit-messages", "there is no audit log; say where it goes with audit-log")
	}
}

// checkEffect refuses settings that others leave without an effect.
func (l *loader) checkEffect() {
	c := &l.config
	refuse := func(when bool, why string, names ...string) {
		for _, name := range names {
			if s := lookup(name); when && s.Text(c) != s.Default {
				l.problem(l.origins[name], name, why)
			}
		}
	}
	refuse(c.Auth == AuthOff, "no signature is looked at with auth off; set auth to verify or enforce, too", "auth-clock-skew", "auth-regions")
	refuse(c.PublicURL != "", "public-url is the start of all queue URLs; set one of the two", "queue-url-style")
	refuse(c.QueueURLStyle != DomainStyle, "it is in queue URLs of the style domain only; set queue-url-style to domain, too", "domain")
	refuse(c.AdminListen == "", "there is no admin interface; say where it listens with admin-listen",
		"admin-token-file", "admin-tls-cert", "admin-tls-key", "admin-tls-client-ca")
	refuse(c.AuditLog == AuditOff || c.AuditLog == AuditStdout, "there is no file of an audit log; say where it is with audit-log",
		"audit-log-bytes", "audit-log-files")
}

// given returns where the first of some settings that is not a default came from.
func (l *loader) given(names ...string) Origin {
	for _, name := range names {
		if o := l.origins[name]; o.layer != defaults {
			return o
		}
	}
	return Origin{}
}

// checkReachable refuses an address that other machines can reach unless that was asked for in words. why has a place for a better address.
func (l *loader) checkReachable(setting, address, why string) {
	if l.client || l.config.InsecureNoAuth || address == "" || Loopback(address) {
		return
	}
	_, port, _ := net.SplitHostPort(address) // it was parsed before
	l.problem(l.origins[setting], setting, fmt.Sprintf("other machines could reach %s, and "+why+
		", or if this is what you want add --insecure-no-auth (file: insecure-no-auth: true, environment: STAUNCH_INSECURE_NO_AUTH=true)",
		address, net.JoinHostPort("127.0.0.1", port)))
}

// Loopback reports whether a listener on address (host:port) can be reached from this machine alone. Of names it trusts
// localhost; any other could resolve to anything.
func Loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return host == "localhost"
	}
	return ip.Unmap().IsLoopback()
}

// TLS reports whether the API speaks HTTPS, and AdminTLS whether the admin interface does.
func (c *Config) TLS() bool      { return c.TLSCert != "" || len(c.ACMEDomains) > 0 }
func (c *Config) AdminTLS() bool { return c.AdminTLSCert != "" }

// LocalURL returns the URL at which a client on this machine reaches a listener on address (host:port): the address
// itself, or 127.0.0.1 when it is every address of the machine.
func LocalURL(address string, tls bool) string {
	scheme := "http://"
	if tls {
		scheme = "https://"
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return scheme + address
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.Unmap().IsUnspecified() {
		host = "127.0.0.1"
	}
	return scheme + net.JoinHostPort(host, port)
}

func hasPort(address, port string) bool {
	_, got, err := net.SplitHostPort(address)
	return err == nil && got == port
}

package config

import (
	"fmt"
	"net"
	"net/netip"
)

// check notes what is wrong with several settings together.
func (l *loader) check() {
	l.checkAuth()
	if l.config.Auth == AuthOff {
		l.checkReachable("listen", l.config.Listen,
			"without auth whoever can connect could read, change and delete everything. Use --auth verify with access keys, or %s")
	}
	l.checkReachable("admin-listen", l.config.AdminListen,
		"the admin interface asks nobody who they are: whoever can connect could read metrics and profiles, and take backups. Use %s")
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

// checkReachable refuses an address that other machines can reach unless that was asked for in words. why has a place for a better address.
func (l *loader) checkReachable(setting, address, why string) {
	if l.config.InsecureNoAuth || address == "" || Loopback(address) {
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

// LocalURL returns the URL at which a client on this machine reaches a listener on address (host:port): the address
// itself, or 127.0.0.1 when it is every address of the machine.
func LocalURL(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "http://" + address
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.Unmap().IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}

func hasPort(address, port string) bool {
	_, got, err := net.SplitHostPort(address)
	return err == nil && got == port
}

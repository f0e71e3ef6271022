package listener

import (
	"crypto/tls"
	"log/slog"
	"slices"
	"strings"
	"sync"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// ACME gets certificates from a certificate authority, by RFC 8555, and renews them 30 days before they end. The authority looks whether
// the domains lead here by connecting to their port 443 (the challenge tls-alpn-01), which must therefore reach this listener.
type ACME struct {
	// Domains are those that certificates are got for; clients that name another are refused.
	Domains []string
	// Email is where the authority writes to; may be empty. Directory is the URL of its directory.
	Email, Directory string
	// Cache is a directory for the account key, the certificates and their keys. It is made if it does not exist.
	Cache string
}

// config returns the configuration that gets certificates as clients ask for them. The authority's terms are agreed to. The log hears of
// every new reason why a domain has no certificate.
func (a *ACME) config(log *slog.Logger) *tls.Config {
	manager := &autocert.Manager{
		Prompt:     autocert.AcceptTOS,
		Cache:      autocert.DirCache(a.Cache),
		HostPolicy: autocert.HostWhitelist(a.Domains...),
		Email:      a.Email,
		Client:     &acme.Client{DirectoryURL: a.Directory, UserAgent: "staunch"},
	}
	var last sync.Map // domain -> the error that was logged last
	get := func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		cert, err := manager.GetCertificate(hello)
		if domain := strings.ToLower(hello.ServerName); err != nil && slices.Contains(a.Domains, domain) {
			if before, _ := last.Swap(domain, err.Error()); before != err.Error() {
				log.Error("there is no certificate for a domain", "domain", domain, "error", err)
			}
		}
		return cert, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1", acme.ALPNProto}, GetCertificate: get}
}

package listener

import (
	"crypto/tls"

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

// config returns the configuration that gets certificates as clients ask for them. The authority's terms are agreed to.
func (a *ACME) config() *tls.Config {
	manager := &autocert.Manager{
		Prompt:     autocert.AcceptTOS,
		Cache:      autocert.DirCache(a.Cache),
		HostPolicy: autocert.HostWhitelist(a.Domains...),
		Email:      a.Email,
		Client:     &acme.Client{DirectoryURL: a.Directory, UserAgent: "staunch"},
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1", acme.ALPNProto}, GetCertificate: manager.GetCertificate}
}

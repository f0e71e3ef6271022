package cli

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/staunchmq/staunch/internal/config"
)

// printWelcome says where the server is, how to try it, and what it keeps. The lines can be pasted into a shell.
func printWelcome(w io.Writer, cfg *config.Config, at config.Addresses) {
	endpoint := cfg.PublicURL
	if endpoint == "" {
		endpoint = apiURL(cfg, at)
	}
	queue := endpoint + "/" + cfg.Account + "/first"
	aws := "  aws --endpoint-url " + endpoint + " sqs "

	var b strings.Builder
	fmt.Fprintf(&b, "Staunch answers Amazon SQS at %s\n", endpoint)
	if at.Admin != "" {
		fmt.Fprintf(&b, "health, readiness and metrics: %s\n", config.LocalURL(at.Admin, cfg.AdminTLS()))
	}
	id, secret, hint := "test", "test", "any will do"
	if cfg.Auth != config.AuthOff {
		id, secret, hint = "...", "...", "an access key of this server, such as `staunch key create --root` makes"
		switch {
		case cfg.RootKeyID != "":
			id = cfg.RootKeyID
		case at.RootKeyID != "":
			id, secret, hint = at.RootKeyID, at.RootSecret, "this access key of the root of account "+cfg.Account+" was made now and is shown this once"
		}
	}
	fmt.Fprintf(&b, "\nTry it with the AWS CLI. It wants credentials; %s:\n\n", hint)
	fmt.Fprintf(&b, "  export AWS_ACCESS_KEY_ID=%[1]s AWS_SECRET_ACCESS_KEY=%[2]s AWS_REGION=%[3]s AWS_DEFAULT_REGION=%[3]s\n\n", id, secret, cfg.Region)
	if cfg.TLSCert != "" {
		fmt.Fprintf(&b, "  export AWS_CA_BUNDLE=...   # the CA of %s, if it is your own; call the server by a name in the certificate\n\n", cfg.TLSCert)
	}
	fmt.Fprintf(&b, "%screate-queue --queue-name first\n", aws)
	fmt.Fprintf(&b, "%ssend-message --queue-url %s --message-body hello\n", aws, queue)
	fmt.Fprintf(&b, "%sreceive-message --queue-url %s\n\n", aws, queue)
	b.WriteString(keeps(cfg))
	b.WriteString(asks(cfg))
	_, _ = io.WriteString(w, b.String()) // a closed standard output must not stop the server
}

// apiURL returns where a client on this machine finds the API. With certificates for domains that is the first domain, whose port 443
// leads here.
func apiURL(cfg *config.Config, at config.Addresses) string {
	if len(cfg.ACMEDomains) > 0 {
		return "https://" + cfg.ACMEDomains[0]
	}
	return config.LocalURL(at.API, cfg.TLS())
}

// asks says in one line what is asked of clients.
func asks(cfg *config.Config) string {
	if cfg.Auth == config.AuthOff {
		return "Signatures are not verified: whoever can reach the address may do everything. --auth verify asks for access keys.\n"
	}
	if cfg.Auth == config.AuthEnforce {
		return "Signatures are verified and policies enforced: roots may do everything in their account, others what policies allow them.\n"
	}
	return "Signatures are verified: an access key may do everything in its own account, and nothing in others.\n"
}

// keeps says in one line what survives the process.
func keeps(cfg *config.Config) string {
	if cfg.Journal == config.MemoryJournal {
		return "The journal is in memory: everything is gone when this process ends.\n"
	}
	path, err := filepath.Abs(cfg.Data)
	if err != nil {
		path = cfg.Data
	}
	return fmt.Sprintf("Data: %s. Every change that was answered is on disk.\n", path)
}

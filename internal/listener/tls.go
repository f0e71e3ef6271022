package listener

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/staunchmq/staunch/internal/clock"
	"github.com/staunchmq/staunch/internal/reload"
)

const (
	// readInterval is how often the files are looked at.
	readInterval = 5 * time.Second
	// fileBytesMax bounds a file of certificates: a bundle of all public CAs is about 200 KB.
	fileBytesMax = 4 << 20
)

// TLSOptions say which certificate a listener shows, and which it asks for. All files are PEM.
type TLSOptions struct {
	// CertFile has the certificate and the chain behind it, KeyFile its private key.
	CertFile, KeyFile string
	// ACME, if set, gets certificates from a certificate authority in place of the files.
	ACME *ACME
	// ClientCAFile, if set, has the CAs one of which must have signed the certificate that every client must show.
	ClientCAFile string

	Clock  clock.Clock
	Logger *slog.Logger
}

// TLS is the TLS of one listener: version 1.2 or later, with the ciphers that Go thinks right, and HTTP/1.1 inside.
type TLS struct {
	options TLSOptions
	files   [][]byte // what was read last; used by Run only, after Open
	config  atomic.Pointer[tls.Config]
}

// OpenTLS reads the files. It reads nothing if ACME gets the certificates; they are asked for when a client needs them.
func OpenTLS(o TLSOptions) (*TLS, error) {
	t := &TLS{options: o}
	if o.ACME != nil {
		t.config.Store(o.ACME.config(o.Logger))
		return t, nil
	}
	_, err := t.reread()
	return t, err
}

// Wrap returns l with TLS. A handshake happens when the connection is first read, so Accept does not wait for one. Who
// speaks plain HTTP hears refuse, and gets up to two seconds to read it.
func (t *TLS) Wrap(l net.Listener, refuse Refusal) net.Listener {
	return tls.NewListener(refusing{l, t.options.Clock, refuse}, &tls.Config{
		MinVersion:         tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return t.config.Load(), nil },
	})
}

// NotAfter returns when the certificate of the files ends; zero with ACME, which has one for each name.
func (t *TLS) NotAfter() time.Time {
	certificates := t.config.Load().Certificates
	if len(certificates) == 0 {
		return time.Time{}
	}
	return certificates[0].Leaf.NotAfter
}

// Run reads the files again whenever they have changed, until ctx ends. Files that cannot be used are logged, and what clients see stays
// as it was: halfway through a replacement the certificate and the key do not fit, for a moment.
func (t *TLS) Run(ctx context.Context) error {
	if t.options.ACME != nil {
		<-ctx.Done()
		return nil
	}
	return reload.Run(ctx, reload.Options{
		Clock: t.options.Clock, Every: readInterval, Look: t.reread,
		Changed: func() {
			t.options.Logger.Info("read the TLS certificate again", "file", t.options.CertFile, "not_after", t.NotAfter())
		},
		Failed: func(err error) { t.options.Logger.Error("the TLS certificate stays as it was", "error", err) },
	})
}

// reread takes over the files if they have changed.
func (t *TLS) reread() (changed bool, err error) {
	var files [][]byte
	for _, path := range []string{t.options.CertFile, t.options.KeyFile, t.options.ClientCAFile} {
		var content []byte
		if path != "" {
			if content, err = readFile(path); err != nil {
				return false, err
			}
		}
		files = append(files, content)
	}
	if t.files != nil && bytes.Equal(files[0], t.files[0]) && bytes.Equal(files[1], t.files[1]) && bytes.Equal(files[2], t.files[2]) {
		return false, nil
	}
	config, err := t.newConfig(files[0], files[1], files[2])
	if err != nil {
		return false, err
	}
	t.config.Store(config)
	t.files = files
	return true, nil
}

// newConfig makes the configuration of the files' contents.
func (t *TLS) newConfig(cert, key, clientCA []byte) (*tls.Config, error) {
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("TLS certificate %s with key %s: %w", t.options.CertFile, t.options.KeyFile, err)
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"}, Certificates: []tls.Certificate{pair}}
	if t.options.ClientCAFile == "" {
		return config, nil
	}
	config.ClientCAs = x509.NewCertPool()
	if !config.ClientCAs.AppendCertsFromPEM(clientCA) {
		return nil, fmt.Errorf("TLS client CA %s: there is no certificate in it", t.options.ClientCAFile)
	}
	config.ClientAuth = tls.RequireAndVerifyClientCert
	// A resumed session would not be asked again, whatever has become of the CAs.
	config.SessionTicketsDisabled = true
	return config, nil
}

// readFile reads a file of sensible size.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err == nil && info.Size() > fileBytesMax {
		err = fmt.Errorf("%s is larger than %d bytes", path, fileBytesMax)
	}
	var content []byte
	if err == nil {
		content, err = os.ReadFile(path)
	}
	if err != nil {
		return nil, fmt.Errorf("TLS: %w", err)
	}
	if len(content) == 0 {
		return nil, errors.New("TLS: " + path + " is empty")
	}
	return content, nil
}

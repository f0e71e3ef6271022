package listener

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/staunchmq/staunch/internal/clock"
)

// conn is a connection that comes from an address.
type conn struct {
	net.Conn
	from string
}

func (c conn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(c.from)) }
func (c conn) Close() error         { return nil }

// queue is a listener with connections from addresses.
type queue struct {
	net.Listener
	from []string
}

func (q *queue) Accept() (net.Conn, error) {
	if len(q.from) == 0 {
		return nil, io.EOF
	}
	c := conn{from: q.from[0]}
	q.from = q.from[1:]
	return c, nil
}

func TestLimits(t *testing.T) {
	for name, test := range map[string]struct {
		max, perAddress int
		from            []string
		want            []string // those accepted
		refused         []string
	}{
		"none":        {0, 0, []string{"1.1.1.1:1", "1.1.1.1:2"}, []string{"1.1.1.1:1", "1.1.1.1:2"}, nil},
		"total":       {2, 0, []string{"1.1.1.1:1", "2.2.2.2:1", "3.3.3.3:1"}, []string{"1.1.1.1:1", "2.2.2.2:1"}, []string{"total"}},
		"per address": {0, 1, []string{"1.1.1.1:1", "1.1.1.1:2", "2.2.2.2:1", "[::ffff:2.2.2.2]:7"}, []string{"1.1.1.1:1", "2.2.2.2:1"}, []string{"address", "address"}},
		"IPv6 by /64": {0, 1, []string{"[2001:db8::1]:1", "[2001:db8::2]:1", "[2001:db8:0:1::1]:1"}, []string{"[2001:db8::1]:1", "[2001:db8:0:1::1]:1"}, []string{"address"}},
		"both":        {1, 1, []string{"1.1.1.1:1", "1.1.1.1:2"}, []string{"1.1.1.1:1"}, []string{"total"}},
	} {
		t.Run(name, func(t *testing.T) {
			var refused, accepted []string
			l := Limit(&queue{from: test.from}, LimitOptions{Max: test.max, MaxPerAddress: test.perAddress, Refused: func(limit string) { refused = append(refused, limit) }})
			var conns []net.Conn
			for {
				c, err := l.Accept()
				if err != nil {
					break
				}
				conns, accepted = append(conns, c), append(accepted, c.RemoteAddr().String())
			}
			if !slices.Equal(accepted, test.want) || !slices.Equal(refused, test.refused) {
				t.Errorf("accepted %v, refused %v", accepted, refused)
			}
			for _, c := range conns {
				_, _ = c.Close(), c.Close() // twice counts once
			}
			if l.Open() != 0 || len(l.addresses) != 0 {
				t.Errorf("%d open, addresses %v", l.Open(), l.addresses)
			}
		})
	}
}

// authority is a certificate authority for a test.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	next int64
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t: t, next: 1}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a.key = key
	a.cert = &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<33, 0),
	}
	raw, err := x509.CreateCertificate(rand.Reader, a.cert, a.cert, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(raw); err != nil {
		t.Fatal(err)
	}
	return a
}

// issue returns a certificate for localhost and its key as PEM.
func (a *authority) issue(serial int64) (cert, key []byte) {
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	raw, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(serial), DNSNames: []string{"localhost"}, NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<32+serial, 0),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, a.cert, &own.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(own)
	if err != nil {
		a.t.Fatal(err)
	}
	return encode("CERTIFICATE", raw), encode("PRIVATE KEY", der)
}

func (a *authority) pem() []byte { return encode("CERTIFICATE", a.cert.Raw) }

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// files writes the files of a listener and returns options that name them.
func files(t *testing.T, a *authority, serial int64) TLSOptions {
	dir := t.TempDir()
	o := TLSOptions{CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem"), Logger: slog.New(slog.DiscardHandler)}
	cert, key := a.issue(serial)
	write(t, o.CertFile, cert)
	write(t, o.KeyFile, key)
	return o
}

// shake makes a handshake with a listener's TLS over a pipe. It returns what the client saw, and what the server said.
func shake(t *testing.T, served *TLS, client *tls.Config) (state tls.ConnectionState, ofClient, ofServer error) {
	t.Helper()
	ours, theirs := net.Pipe()
	defer ours.Close()
	l := served.Wrap(&one{theirs}, nil)
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		defer c.Close()
		err := c.(*tls.Conn).Handshake()
		if err == nil {
			_, err = c.Write([]byte("x"))
		}
		ended <- err
	}()
	conn := tls.Client(ours, client)
	if ofClient = conn.Handshake(); ofClient == nil {
		_, ofClient = io.ReadFull(conn, make([]byte, 1)) // TLS 1.3 tells a client about its certificate only now
	}
	_ = ours.Close()
	return conn.ConnectionState(), ofClient, <-ended
}

// one is a listener with one connection.
type one struct{ net.Conn }

func (l *one) Accept() (net.Conn, error) { return l.Conn, nil }
func (l *one) Addr() net.Addr            { return l.LocalAddr() }

func (a *authority) client() *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return &tls.Config{RootCAs: pool, ServerName: "localhost", NextProtos: []string{"h2", "http/1.1"}}
}

func TestVersionsAndProtocol(t *testing.T) {
	a := newAuthority(t)
	served, err := OpenTLS(files(t, a, 2))
	if err != nil {
		t.Fatal(err)
	}
	state, err, _ := shake(t, served, a.client())
	if err != nil || state.Version != tls.VersionTLS13 || state.NegotiatedProtocol != "http/1.1" {
		t.Errorf("%x %q %v", state.Version, state.NegotiatedProtocol, err)
	}
	old := a.client()
	old.MinVersion, old.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
	if state, err, _ := shake(t, served, old); err != nil || state.Version != tls.VersionTLS12 {
		t.Errorf("TLS 1.2: %x %v", state.Version, err)
	}
	old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	if _, err, _ := shake(t, served, old); err == nil {
		t.Error("TLS 1.1 is accepted")
	}
}

// TestPlainHTTP sends more of a request than is read before it is refused, and keeps its own end open: the answer comes, and has an end.
func TestPlainHTTP(t *testing.T) {
	o := files(t, newAuthority(t), 2)
	o.Clock = clock.NewManual(time.Now().Add(time.Hour)) // plainTime is not over before the test is
	served, err := OpenTLS(o)
	if err != nil {
		t.Fatal(err)
	}
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	refuse := func(w io.Writer, request io.Reader) {
		first := make([]byte, 6)
		_, err := io.ReadFull(request, first)
		_, _ = fmt.Fprintf(w, "refused %s%v", first, err)
	}
	server := http.Server{ErrorLog: log.New(io.Discard, "", 0)}
	go func() { _ = server.Serve(served.Wrap(Limit(tcp, LimitOptions{}), refuse)) }()
	defer server.Close()
	c, err := net.Dial("tcp", tcp.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4000\r\n\r\n"+strings.Repeat("x", 4000)); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(c)
	if string(answer) != "refused POST /<nil>" || err != nil {
		t.Errorf("%q, %v", answer, err)
	}
}

func TestClientCertificates(t *testing.T) {
	a, other := newAuthority(t), newAuthority(t)
	o := files(t, a, 2)
	o.ClientCAFile = filepath.Join(t.TempDir(), "ca.pem")
	write(t, o.ClientCAFile, a.pem())
	served, err := OpenTLS(o)
	if err != nil {
		t.Fatal(err)
	}
	with := func(issuer *authority) *tls.Config {
		c := a.client()
		pair, err := tls.X509KeyPair(issuer.issue(3))
		if err != nil {
			t.Fatal(err)
		}
		// Not Certificates: a client keeps one back that the server's list of CAs does not have.
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
		return c
	}
	if _, err, _ := shake(t, served, with(a)); err != nil {
		t.Errorf("with a certificate: %v", err)
	}
	if _, _, err := shake(t, served, a.client()); err == nil {
		t.Error("without a certificate")
	}
	if _, _, err := shake(t, served, with(other)); err == nil {
		t.Error("with a stranger's certificate")
	}
}

// TestCertificateIsReadAgain replaces the files as an administrator would, one after the other.
func TestCertificateIsReadAgain(t *testing.T) {
	a := newAuthority(t)
	o := files(t, a, 2)
	var log bytes.Buffer
	o.Logger = slog.New(slog.NewTextHandler(&log, nil))
	synctest.Test(t, func(t *testing.T) {
		o.Clock = clock.System()
		served, err := OpenTLS(o)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- served.Run(ctx) }()
		serial := func() int64 {
			time.Sleep(readInterval + time.Second)
			synctest.Wait()
			return served.NotAfter().Unix() - 1<<32
		}
		cert, key := a.issue(3)
		write(t, o.CertFile, cert)
		if got := serial(); got != 2 {
			t.Errorf("with a certificate and another's key: %d", got)
		}
		write(t, o.KeyFile, key)
		if got := serial(); got != 3 {
			t.Errorf("with both: %d", got)
		}
		if err := os.Remove(o.KeyFile); err != nil {
			t.Fatal(err)
		}
		if got := serial(); got != 3 {
			t.Errorf("without a key: %d", got)
		}
		write(t, o.CertFile, nil)
		if got := serial(); got != 3 {
			t.Errorf("with an empty file: %d", got)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	for _, part := range []string{"the TLS certificate stays as it was", "read the TLS certificate again", "no such file", "is empty"} {
		if strings.Count(log.String(), part) == 0 {
			t.Errorf("%q is not in %s", part, log.String())
		}
	}
	if strings.Contains(log.String(), "PRIVATE KEY") {
		t.Error("the key was logged")
	}
}

func TestFilesThatCannotBeUsed(t *testing.T) {
	a := newAuthority(t)
	good := files(t, a, 2)
	_, otherKey := a.issue(3)
	for name, change := range map[string]func(o *TLSOptions){
		"no certificate":     func(o *TLSOptions) { o.CertFile += "x" },
		"another's key":      func(o *TLSOptions) { o.KeyFile += ".other"; write(t, o.KeyFile, otherKey) },
		"CA without content": func(o *TLSOptions) { o.ClientCAFile = o.KeyFile },
		"huge":               func(o *TLSOptions) { o.CertFile += ".huge"; write(t, o.CertFile, make([]byte, fileBytesMax+1)) },
	} {
		o := good
		change(&o)
		if _, err := OpenTLS(o); err == nil || !strings.Contains(err.Error(), "TLS") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestACMEOfOtherNames asks for names that certificates must not be got for: no authority is asked.
func TestACMEOfOtherNames(t *testing.T) {
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, nil))
	served, err := OpenTLS(TLSOptions{Logger: logger, ACME: &ACME{Domains: []string{"sqs.example.com"}, Directory: "http://127.0.0.1:1/", Cache: filepath.Join(t.TempDir(), "acme")}})
	if err != nil {
		t.Fatal(err)
	}
	client := &tls.Config{InsecureSkipVerify: true, ServerName: "other.example.com"}
	if _, _, err := shake(t, served, client); err == nil || !strings.Contains(err.Error(), "not configured in HostWhitelist") {
		t.Error(err)
	}
	client.ServerName = "sqs.example.com"
	var refused *net.OpError
	if _, _, err := shake(t, served, client); !errors.As(err, &refused) {
		t.Errorf("the authority that nobody runs: %v", err)
	}
	if strings.Count(log.String(), "there is no certificate for a domain") != 1 || !strings.Contains(log.String(), "domain=sqs.example.com") {
		t.Errorf("the log: %s", log.String())
	}
}

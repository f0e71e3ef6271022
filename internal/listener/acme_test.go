package listener

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/acme"
)

const acmeToken = "token-of-the-challenge"

// acmeAuthority is a certificate authority that speaks as much of ACME (RFC 8555) as getting one certificate takes. Like a real one it looks
// whether the domain leads to who asks (tls-alpn-01, RFC 8737).
type acmeAuthority struct {
	t      *testing.T
	server *httptest.Server
	key    *ecdsa.PrivateKey
	cert   *x509.Certificate
	domain string
	dial   string // where the domain leads

	mu         sync.Mutex // guards the following
	thumbprint string     // of the account's key
	valid      bool       // the challenge was met
	issued     []byte     // PEM
	orders     int
	contact    []string
}

func newACMEAuthority(t *testing.T, domain string) *acmeAuthority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	a := &acmeAuthority{t: t, key: key, cert: cert, domain: domain}
	a.server = httptest.NewServer(a)
	t.Cleanup(a.server.Close)
	return a
}

func (a *acmeAuthority) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	url := a.server.URL
	w.Header().Set("Replay-Nonce", fmt.Sprint(time.Now().UnixNano()))
	w.Header().Set("Content-Type", "application/json")
	var message struct{ Protected, Payload string }
	if r.Method == http.MethodPost && json.NewDecoder(r.Body).Decode(&message) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	order := map[string]any{
		"status": "pending", "identifiers": []map[string]string{{"type": "dns", "value": a.domain}},
		"authorizations": []string{url + "/authorization"}, "finalize": url + "/finalize",
	}
	challenge := map[string]string{"type": "tls-alpn-01", "url": url + "/challenge", "token": acmeToken, "status": "pending"}
	if a.valid {
		order["status"], challenge["status"] = "ready", "valid"
	}
	if a.issued != nil {
		order["status"], order["certificate"] = "valid", url+"/certificate"
	}
	switch r.URL.Path {
	case "/directory":
		a.answer(w, http.StatusOK, map[string]string{"newNonce": url + "/nonce", "newAccount": url + "/account", "newOrder": url + "/order"})
	case "/nonce":
	case "/account":
		var input struct{ Contact []string }
		a.decode(message.Payload, &input)
		a.contact, a.thumbprint = input.Contact, a.readKey(message.Protected)
		w.Header().Set("Location", url+"/accounts/1")
		a.answer(w, http.StatusCreated, map[string]string{"status": "valid"})
	case "/order":
		a.orders++
		w.Header().Set("Location", url+"/orders/1")
		a.answer(w, http.StatusCreated, order)
	case "/orders/1":
		a.answer(w, http.StatusOK, order)
	case "/authorization":
		a.answer(w, http.StatusOK, map[string]any{
			"status": challenge["status"], "identifier": map[string]string{"type": "dns", "value": a.domain}, "challenges": []any{challenge},
		})
	case "/challenge":
		a.valid = a.meetsChallenge()
		a.answer(w, http.StatusOK, challenge)
	case "/finalize":
		var input struct{ CSR string }
		a.decode(message.Payload, &input)
		a.issue(input.CSR)
		order["status"], order["certificate"] = "valid", url+"/certificate"
		w.Header().Set("Location", url+"/orders/1")
		a.answer(w, http.StatusOK, order)
	case "/certificate":
		w.Header().Set("Content-Type", "application/pem-certificate-chain")
		_, _ = w.Write(a.issued)
	default:
		a.t.Errorf("the authority was asked for %s", r.URL.Path)
		w.WriteHeader(http.StatusNotFound)
	}
}

func (a *acmeAuthority) answer(w http.ResponseWriter, status int, value any) {
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(value); err != nil {
		a.t.Error(err)
	}
}

// decode reads base64url of JSON.
func (a *acmeAuthority) decode(text string, into any) {
	data, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		a.t.Error(err)
	}
}

// readKey returns the thumbprint of the account's key, which is in the protected header.
func (a *acmeAuthority) readKey(protected string) string {
	var header struct{ JWK struct{ X, Y string } }
	a.decode(protected, &header)
	x, errX := base64.RawURLEncoding.DecodeString(header.JWK.X)
	y, errY := base64.RawURLEncoding.DecodeString(header.JWK.Y)
	if errX != nil || errY != nil {
		a.t.Error(errX, errY)
	}
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), slices.Concat([]byte{4}, x, y)) // SEC 1, 2.3.3
	if err != nil {
		a.t.Error(err)
		return ""
	}
	thumbprint, err := acme.JWKThumbprint(key)
	if err != nil {
		a.t.Error(err)
	}
	return thumbprint
}

// meetsChallenge connects to the domain as RFC 8737 has it, and looks at the certificate that it shows.
func (a *acmeAuthority) meetsChallenge() bool {
	c, err := tls.Dial("tcp", a.dial, &tls.Config{ServerName: a.domain, NextProtos: []string{acme.ALPNProto}, InsecureSkipVerify: true})
	if err != nil {
		a.t.Errorf("the authority cannot connect: %v", err)
		return false
	}
	defer c.Close()
	sum := sha256.Sum256([]byte(acmeToken + "." + a.thumbprint))
	want, err := asn1.Marshal(sum[:])
	if err != nil {
		a.t.Error(err)
	}
	shown := c.ConnectionState().PeerCertificates[0]
	for _, e := range shown.Extensions {
		if e.Id.String() == "1.3.6.1.5.5.7.1.31" {
			return bytes.Equal(e.Value, want) && shown.VerifyHostname(a.domain) == nil
		}
	}
	a.t.Error("the certificate is not that of a challenge")
	return false
}

func (a *acmeAuthority) issue(request string) {
	der, err := base64.RawURLEncoding.DecodeString(request)
	if err != nil {
		a.t.Error(err)
		return
	}
	csr, err := x509.ParseCertificateRequest(der)
	if err != nil {
		a.t.Error(err)
		return
	}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(2), DNSNames: csr.DNSNames, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(90 * 24 * time.Hour)}
	signed, err := x509.CreateCertificate(rand.Reader, leaf, a.cert, csr.PublicKey, a.key)
	if err != nil {
		a.t.Error(err)
		return
	}
	for _, der := range [][]byte{signed, a.cert.Raw} {
		a.issued = append(a.issued, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
}

// TestACME gets a certificate from an authority when the first client asks for it, and keeps it over a restart.
func TestACME(t *testing.T) {
	const domain = "sqs.example.com"
	a := newACMEAuthority(t, domain)
	trust := x509.NewCertPool()
	trust.AddCert(a.cert)
	options := TLSOptions{Logger: slog.New(slog.NewTextHandler(t.Output(), nil)), ACME: &ACME{
		Domains: []string{domain}, Email: "admin@example.com", Directory: a.server.URL + "/directory", Cache: filepath.Join(t.TempDir(), "acme"),
	}}
	for _, name := range []string{"first start", "second start"} {
		t.Run(name, func(t *testing.T) {
			served, err := OpenTLS(options)
			if err != nil {
				t.Fatal(err)
			}
			plain, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			l := served.Wrap(plain, nil)
			var serving sync.WaitGroup
			serving.Go(func() {
				for {
					c, err := l.Accept()
					if err != nil {
						return
					}
					serving.Go(func() {
						_, _ = io.WriteString(c, "hello")
						_ = c.Close()
					})
				}
			})
			defer serving.Wait()
			defer l.Close()
			a.mu.Lock()
			a.dial = l.Addr().String()
			a.mu.Unlock()
			c, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{ServerName: domain, RootCAs: trust})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if text, err := io.ReadAll(c); err != nil || string(text) != "hello" {
				t.Errorf("%q, %v", text, err)
			}
		})
	}
	if a.orders != 1 || len(a.contact) != 1 || a.contact[0] != "mailto:admin@example.com" {
		t.Errorf("%d orders, of %v", a.orders, a.contact)
	}
}

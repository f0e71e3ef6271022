package cli

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/staunchmq/staunch/internal/config"
)

// adminFlags are the flags that say where an admin interface is and how to speak to it.
type adminFlags struct {
	command       *cobra.Command
	url           string
	ca, cert, key string
	pinned        string // file of the certificate that the server must show, by the settings
}

// adminFlagsOf adds --url and those for TLS.
func adminFlagsOf(command *cobra.Command) *adminFlags {
	f := &adminFlags{command: command}
	command.Flags().StringVar(&f.url, "url", "", "`address` of the admin interface, such as http://127.0.0.1:9325, instead of the settings")
	command.Flags().StringVar(&f.ca, "ca", "", "`file` of the CAs to trust over https, instead of those of the system")
	command.Flags().StringVar(&f.cert, "cert", "", "`file` of the certificate to show over https, if the admin interface asks for one")
	command.Flags().StringVar(&f.key, "key", "", "`file` of the private key of --cert")
	return f
}

// locate completes f: without --url, the settings say where the admin interface is, and which certificate it has.
func (f *adminFlags) locate(cfg *config.Config) error {
	if f.url != "" {
		if u, err := url.Parse(f.url); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return usage(f.command, "--url %q is not an http:// or https:// URL", f.url)
		}
		return unused(f.command, "says where the server of the settings is, and --url names one: choose one", "admin-listen", "admin-tls-cert", "admin-tls-key")
	}
	unknown := func(why string) error {
		return &exitError{code: exitUsage, step: "Say where it is with --url.", err: errors.New(why)}
	}
	if cfg.AdminListen == "" {
		return unknown("the settings switch the admin interface off (admin-listen is empty)")
	}
	if _, port, _ := net.SplitHostPort(cfg.AdminListen); port == "0" {
		return unknown("the settings let the server pick a free port (admin-listen has port 0)")
	}
	f.url, f.pinned = config.LocalURL(cfg.AdminListen, cfg.AdminTLS()), cfg.AdminTLSCert
	return nil
}

// do sends a request to the admin interface.
func (f *adminFlags) do(request *http.Request) (*http.Response, error) {
	config, err := f.tlsConfig()
	if err != nil {
		return nil, err
	}
	// No proxy: the question is about this machine. No kept connection: there is one question.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: config}}
	response, err := client.Do(request)
	if errors.Is(err, context.Canceled) {
		return nil, &exitError{code: exitInterrupted, step: "Ask again.", err: fmt.Errorf("%w before the server answered", errInterrupted)}
	}
	if err != nil {
		return nil, &exitError{
			code: exitFailed,
			step: "Is the server running, with its admin interface at this address? `staunch config print` shows where it should be.",
			err:  fmt.Errorf("no answer: %w", err),
		}
	}
	return response, nil
}

// tlsConfig returns how to speak https. The certificate that the settings name is trusted for what it is, because it seldom names the
// loopback address that this machine is asked at; --ca asks for the usual verification.
func (f *adminFlags) tlsConfig() (*tls.Config, error) {
	c := &tls.Config{}
	if (f.cert == "") != (f.key == "") {
		return nil, usage(f.command, "--cert and --key go together")
	}
	if f.cert != "" {
		pair, err := tls.LoadX509KeyPair(f.cert, f.key)
		if err != nil {
			return nil, usage(f.command, "--cert, --key: %v", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	switch {
	case f.ca != "":
		text, err := os.ReadFile(f.ca)
		c.RootCAs = x509.NewCertPool()
		if err == nil && !c.RootCAs.AppendCertsFromPEM(text) {
			err = fmt.Errorf("there is no certificate in %s", f.ca)
		}
		if err != nil {
			return nil, usage(f.command, "--ca: %v", err)
		}
	case f.pinned != "":
		text, err := os.ReadFile(f.pinned)
		block, _ := pem.Decode(text)
		if err == nil && block == nil {
			err = fmt.Errorf("there is no certificate in %s", f.pinned)
		}
		if err != nil {
			return nil, &exitError{code: exitUsage, step: "Say which CA to trust with --ca.", err: fmt.Errorf("admin-tls-cert: %w", err)}
		}
		c.InsecureSkipVerify = true // what follows is stricter
		c.VerifyConnection = func(state tls.ConnectionState) error {
			if !bytes.Equal(state.PeerCertificates[0].Raw, block.Bytes) {
				return fmt.Errorf("the server's certificate is not the one in %s", f.pinned)
			}
			return nil
		}
	}
	return c, nil
}

// adminServer is a server that can be asked for what needs the admin token.
type adminServer struct {
	at          *adminFlags
	base, token string
}

// tokenFlags are the settings that say where the admin token is.
var tokenFlags = []string{"admin-token-file", "data"}

// addressFlags are the settings that say where the admin interface is, and that it is to be called over https.
var addressFlags = []string{"admin-listen", "admin-tls-cert", "admin-tls-key"}

// adminServer returns the server that the flags name, or without them the settings, and reads its token.
func (p *program) adminServer(cfg *config.Config, at *adminFlags) (*adminServer, error) {
	if err := at.locate(cfg); err != nil {
		return nil, err
	}
	file := cfg.TokenFile()
	if file == "" {
		return nil, &exitError{
			code: exitUsage, step: "Say where it is with --admin-token-file; the server must have the same setting.",
			err: errors.New("this needs the admin token, and with the journal in memory there is no file for it"),
		}
	}
	text, err := os.ReadFile(file)
	token := strings.TrimSpace(string(text))
	if err == nil && strings.ContainsAny(token, " \r\n\t") {
		err = fmt.Errorf("%s has more than a token in it", file)
	}
	if err != nil {
		step := "The server makes it in its data directory when it starts. Say where it is with --data or --admin-token-file."
		if errors.Is(err, fs.ErrPermission) {
			step = permissionStep
		}
		return nil, &exitError{code: exitFailed, step: step, err: fmt.Errorf("read the admin token: %w", err)}
	}
	return &adminServer{at: at, base: strings.TrimRight(at.url, "/"), token: token}, nil
}

// post sends a request with the token.
func (s *adminServer) post(ctx context.Context, path string, body io.Reader) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.base+path, body)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+s.token)
	response, err := s.at.do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode == http.StatusUnauthorized {
		_ = response.Body.Close()
		return nil, &exitError{
			code: exitFailed,
			step: "Is it the file of this server? Say where that is with --data or --admin-token-file.",
			err:  fmt.Errorf("%s refuses the admin token", s.base),
		}
	}
	return response, nil
}

// ask sends a request without a body, and returns the answer of a server that does not refuse it. step is the next one if it does.
func (s *adminServer) ask(ctx context.Context, path, step string) (*http.Response, error) {
	response, err := s.post(ctx, path, http.NoBody)
	if err != nil || response.StatusCode == http.StatusOK {
		return response, err
	}
	defer response.Body.Close()
	reason, _ := io.ReadAll(io.LimitReader(response.Body, reasonBytesMax))
	return nil, &exitError{
		code: exitFailed, step: step,
		err: fmt.Errorf("%s%s answered %s: %s", s.base, path, response.Status, strings.TrimSpace(string(reason))),
	}
}

// brokeOff is the error of an answer that ends before its end, or is not waited for any more.
func (s *adminServer) brokeOff(err error, step string) error {
	if errors.Is(err, context.Canceled) {
		return &exitError{code: exitInterrupted, step: step, err: errInterrupted}
	}
	return &exitError{code: exitFailed, step: step, err: fmt.Errorf("the answer of %s broke off: %w", s.base, err)}
}

// strange is the error of an answer that cannot be decoded.
func (s *adminServer) strange(err error) error {
	return &exitError{
		code: exitFailed,
		step: "Is it the admin interface of a server of the same version? `staunch version` shows that of this program.",
		err:  fmt.Errorf("the answer of %s is not what this program expects: %w", s.base, err),
	}
}

// backup asks for a backup.
func (s *adminServer) backup(ctx context.Context) (*stream, error) {
	response, err := s.ask(ctx, "/backup", "The log of the server says more.")
	if err != nil {
		return nil, err
	}
	return &stream{Reader: response.Body, name: s.base, from: ofServer, close: func() { _ = response.Body.Close() }}, nil
}

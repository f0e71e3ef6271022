package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/staunchmq/staunch/internal/config"
)

// urlFlag adds --url, the address of an admin interface.
func urlFlag(command *cobra.Command) *string {
	return command.Flags().String("url", "", "`address` of the admin interface, such as http://127.0.0.1:9325, instead of the settings")
}

func checkURL(command *cobra.Command, target string) error {
	if u, err := url.Parse(target); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return usage(command, "--url %q is not an http:// or https:// URL", target)
	}
	return nil
}

// adminURL returns where the settings say the admin interface is.
func adminURL(cfg *config.Config) (string, error) {
	unknown := func(why string) error {
		return &exitError{code: exitUsage, step: "Say where it is with --url.", err: errors.New(why)}
	}
	if cfg.AdminListen == "" {
		return "", unknown("the settings switch the admin interface off (admin-listen is empty)")
	}
	if _, port, _ := net.SplitHostPort(cfg.AdminListen); port == "0" {
		return "", unknown("the settings let the server pick a free port (admin-listen has port 0)")
	}
	return config.LocalURL(cfg.AdminListen), nil
}

// askAdmin sends a request to an admin interface.
func askAdmin(request *http.Request) (*http.Response, error) {
	// No proxy: the question is about this machine. No kept connection: there is one question.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return nil, &exitError{
			code: exitFailed,
			step: "Is the server running, with its admin interface at this address? `staunch config print` shows where it should be.",
			err:  fmt.Errorf("no answer: %w", err),
		}
	}
	return response, nil
}

// adminServer is a server that can be asked for what needs the admin token.
type adminServer struct{ base, token string }

// tokenFlags are the settings that say where the admin token is.
var tokenFlags = []string{"admin-token-file", "data"}

// adminServer returns the server at the URL base, or with an empty one where the settings say, and reads its token.
func (p *program) adminServer(command *cobra.Command, cfg *config.Config, base string) (*adminServer, error) {
	var err error
	if base == "" {
		base, err = adminURL(cfg)
	} else {
		err = checkURL(command, base)
	}
	if err != nil {
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
		return nil, &exitError{
			code: exitFailed,
			step: "The server makes it in its data directory when it starts. Say where it is with --data or --admin-token-file.",
			err:  fmt.Errorf("read the admin token: %w", err),
		}
	}
	return &adminServer{base: strings.TrimRight(base, "/"), token: token}, nil
}

// post sends a request with the token.
func (s *adminServer) post(ctx context.Context, path string, body io.Reader) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.base+path, body)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+s.token)
	response, err := askAdmin(request)
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

// backup asks for a backup.
func (s *adminServer) backup(ctx context.Context) (*stream, error) {
	response, err := s.post(ctx, "/backup", http.NoBody)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		defer response.Body.Close()
		reason, _ := io.ReadAll(io.LimitReader(response.Body, reasonBytesMax))
		return nil, &exitError{
			code: exitFailed,
			step: "The log of the server says more.",
			err:  fmt.Errorf("%s/backup answered %s: %s", s.base, response.Status, strings.TrimSpace(string(reason))),
		}
	}
	return &stream{Reader: response.Body, name: s.base, close: func() { _ = response.Body.Close() }}, nil
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
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
func (p *program) adminURL(flags *settingFlags) (string, error) {
	cfg, _, err := p.load(flags)
	if err != nil {
		return "", err
	}
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

// requestBackup asks a server for a backup.
func requestBackup(ctx context.Context, command *cobra.Command, base string) (*stream, error) {
	if err := checkURL(command, base); err != nil {
		return nil, err
	}
	target := strings.TrimRight(base, "/") + "/backup"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, target, http.NoBody)
	if err != nil {
		return nil, err
	}
	response, err := askAdmin(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		defer response.Body.Close()
		reason, _ := io.ReadAll(io.LimitReader(response.Body, reasonBytesMax))
		return nil, &exitError{
			code: exitFailed,
			step: "The log of the server says more.",
			err:  fmt.Errorf("%s answered %s: %s", target, response.Status, strings.TrimSpace(string(reason))),
		}
	}
	return &stream{Reader: response.Body, name: base, close: func() { _ = response.Body.Close() }}, nil
}

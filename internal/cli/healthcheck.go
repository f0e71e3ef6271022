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
	"time"

	"github.com/spf13/cobra"

	"github.com/staunchmq/staunch/internal/config"
)

// reasonBytesMax is how much of an answer is shown. The reasons of /readyz are a few lines.
const reasonBytesMax = 4096

func (p *program) healthcheckCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "healthcheck",
		Short: "Ask a server whether it is ready",
		Long: `Ask the admin interface of a server whether it is ready, and exit 0 when it is and 1 when it is not. It finds the
server by the same settings as serve, so it works as the health check of a container as it is.`,
		Args: cobra.NoArgs,
	}
	flags := p.settingFlags(command, "admin-listen")
	base := command.Flags().String("url", "", "`address` of the admin interface, such as http://127.0.0.1:9325, instead of the settings")
	timeout := command.Flags().Duration("timeout", 3*time.Second, "how long the answer may take")
	command.RunE = func(command *cobra.Command, _ []string) error {
		target := *base
		if target == "" {
			var err error
			if target, err = p.adminURL(flags); err != nil {
				return err
			}
		} else if u, err := url.Parse(target); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return usage(command, "--url %q is not an http:// or https:// URL", target)
		}
		ctx, cancel := context.WithTimeout(command.Context(), *timeout)
		defer cancel()
		answer, err := readiness(ctx, strings.TrimRight(target, "/")+"/readyz")
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(p.stdout, answer)
		return err
	}
	return command
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

// readiness returns the answer of a server that is ready, else why it is not.
func readiness(ctx context.Context, target string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target, http.NoBody)
	if err != nil {
		return "", err
	}
	// No proxy: the question is about this machine. No kept connection: there is one question.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return "", &exitError{
			code: exitFailed,
			step: "Is the server running, with its admin interface at this address? `staunch config print` shows where it should be.",
			err:  fmt.Errorf("no answer: %w", err),
		}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, reasonBytesMax))
	answer := strings.TrimSpace(string(body))
	switch {
	case response.StatusCode != http.StatusOK:
		return "", &exitError{
			code: exitFailed,
			step: "The log of the server says more.",
			err:  fmt.Errorf("%s answered %s: %s", target, response.Status, answer),
		}
	case err != nil:
		return "", fmt.Errorf("the answer of %s broke off: %w", target, err)
	}
	return answer, nil
}

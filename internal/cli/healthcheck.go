package cli

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
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
	flags := p.settingFlags(command, addressFlags...)
	at := adminFlagsOf(command)
	timeout := command.Flags().Duration("timeout", 3*time.Second, "how long the answer may take")
	command.RunE = func(command *cobra.Command, _ []string) error {
		cfg, _, err := p.load(flags)
		if err != nil {
			return err
		}
		if err := at.locate(cfg); err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(command.Context(), *timeout)
		defer cancel()
		answer, err := readiness(ctx, at)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(p.stdout, answer)
		return err
	}
	return command
}

// readiness returns the answer of a server that is ready, else why it is not.
func readiness(ctx context.Context, at *adminFlags) (string, error) {
	target := strings.TrimRight(at.url, "/") + "/readyz"
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target, http.NoBody)
	if err != nil {
		return "", err
	}
	response, err := at.do(request)
	if err != nil {
		return "", err
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

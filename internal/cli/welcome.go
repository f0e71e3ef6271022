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
		endpoint = config.LocalURL(at.API)
	}
	queue := endpoint + "/" + cfg.Account + "/first"
	aws := "  aws --endpoint-url " + endpoint + " sqs "

	var b strings.Builder
	fmt.Fprintf(&b, "Staunch answers Amazon SQS at %s\n", endpoint)
	if at.Admin != "" {
		fmt.Fprintf(&b, "health, readiness and metrics: %s\n", config.LocalURL(at.Admin))
	}
	fmt.Fprintf(&b, "\nTry it with the AWS CLI. It wants credentials; any will do:\n\n")
	fmt.Fprintf(&b, "  export AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_REGION=%[1]s AWS_DEFAULT_REGION=%[1]s\n\n", cfg.Region)
	fmt.Fprintf(&b, "%screate-queue --queue-name first\n", aws)
	fmt.Fprintf(&b, "%ssend-message --queue-url %s --message-body hello\n", aws, queue)
	fmt.Fprintf(&b, "%sreceive-message --queue-url %s\n\n", aws, queue)
	b.WriteString(keeps(cfg))
	b.WriteString("Signatures are not verified yet: whoever can reach the address may do everything.\n")
	_, _ = io.WriteString(w, b.String()) // a closed standard output must not stop the server
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

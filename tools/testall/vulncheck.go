package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"time"
)

// vulncheck looks for known vulnerabilities in what the program calls. It asks a database that is elsewhere: where that cannot be reached,
// it is skipped, so that the tests run without the network.
type vulncheck struct {
	database string        // its URL
	patience time.Duration // how long the database may take to answer at all
	args     []string      // the command; it exits with vulnerable when called code has a known vulnerability
}

// vulnerable is the exit code of govulncheck when it has found something.
const vulnerable = 3

func govulncheck() vulncheck {
	const database = "https://vuln.go.dev"
	return vulncheck{database, 3 * time.Second, []string{"go", "tool", "govulncheck", "-db", database, "./..."}}
}

func (v vulncheck) run(ctx context.Context) (r result) {
	if err := v.reach(ctx); err != nil {
		return skipped(err)
	}
	out, err := command(ctx, v.args...).CombinedOutput()
	if err == nil {
		fmt.Println("ok    govulncheck")
		r.passed++
		return r
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != vulnerable {
		if gone := v.reach(ctx); gone != nil {
			return skipped(gone)
		}
	}
	fmt.Printf("FAIL  govulncheck: %v\n%s", err, out)
	r.fail("govulncheck")
	return r
}

// reach returns nil if the database answers.
func (v vulncheck) reach(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, v.patience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, v.database+"/index/db.json", http.NoBody)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return errors.New(response.Status)
	}
	return nil
}

func skipped(why error) (r result) {
	fmt.Println("skipped: the vulnerability database cannot be reached:", why)
	r.skipped++
	r.excused = true
	return r
}

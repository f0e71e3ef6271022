// Package reload follows sources that change while a server runs: files of certificates, access keys and keys, which are read again and
// again. It looks at them, because a file in a mounted secret or on a network disk tells nobody that it has changed.
package reload

import (
	"context"
	"time"

	"github.com/staunchmq/staunch/internal/clock"
)

// Options say what to follow.
type Options struct {
	Clock clock.Clock
	// Every is how often Look is called. What it reads is small, and in the page cache.
	Every time.Duration
	// Look reads the source, takes over what has changed, and tells whether anything has. With an error, all stays as it was.
	Look func() (changed bool, err error)
	// Changed is called after a Look that has changed something.
	Changed func()
	// Failed is called with the error of a Look, once for the same error in a row: a source may be half written for a moment, or be
	// broken for days.
	Failed func(err error)
}

// Run follows the source until ctx ends, and returns nil. Its functions are called one after the other.
func Run(ctx context.Context, o Options) error {
	timer := o.Clock.NewTimer(o.Every)
	defer timer.Stop()
	last := ""
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C():
			timer.Reset(o.Every)
		}
		changed, err := o.Look()
		switch {
		case err == nil:
			if last = ""; changed {
				o.Changed()
			}
		case err.Error() != last:
			last = err.Error()
			o.Failed(err)
		}
	}
}

package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// progressEvery is how often a long part says how far it is.
const progressEvery = 5 * time.Second

// progress says on and on how far something is, and about how long it will still take.
type progress struct {
	done  atomic.Int64
	ended chan struct{}
	group sync.WaitGroup
}

// showProgress says it on standard error: standard output has what was measured.
func showProgress(what string, total int) *progress {
	return tellProgress(os.Stderr, what, total)
}

func tellProgress(w io.Writer, what string, total int) *progress {
	p := &progress{ended: make(chan struct{})}
	began := time.Now()
	p.group.Go(func() {
		ticker := time.NewTicker(progressEvery)
		defer ticker.Stop()
		for {
			select {
			case <-p.ended:
				return
			case <-ticker.C:
			}
			done, took := float64(p.done.Load()), time.Since(began)
			if done > 0 {
				left := time.Duration(float64(took) * (float64(total)/done - 1))
				fmt.Fprintf(w, "  %s: %.0f %%, %.0f a second, about %v to go\n", what, 100*done/float64(total), done/took.Seconds(), max(0, left.Round(time.Second)))
			}
		}
	})
	return p
}

func (p *progress) end() {
	close(p.ended)
	p.group.Wait()
}

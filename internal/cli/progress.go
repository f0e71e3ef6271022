package cli

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/schollz/progressbar/v3"
)

// progress shows how far long work is, on a terminal; elsewhere it shows nothing. A nil *progress does nothing.
type progress struct{ bar *progressbar.ProgressBar }

// progress begins to show work of so many records.
func (p *program) progress(records int64, what string) *progress {
	if !isTerminal(p.stderr) {
		return nil
	}
	return &progress{progressbar.NewOptions64(records,
		progressbar.OptionSetWriter(p.stderr),
		progressbar.OptionSetDescription(what),
		progressbar.OptionShowCount(),
		progressbar.OptionShowIts(),
		progressbar.OptionSetItsString("records"),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(),
	)}
}

func (b *progress) add(records int) {
	if b != nil {
		_ = b.bar.Add(records) // what is shown is no result
	}
}

// close takes the bar away.
func (b *progress) close() {
	if b != nil {
		_ = b.bar.Finish()
	}
}

// isTerminal reports whether somebody may be looking at w.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// interruptible returns a context that SIGINT and SIGTERM end, so that long work leaves nothing half. A second signal ends the process.
func interruptible(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, cancel) // from then on signals have their usual effect
	return ctx, cancel
}

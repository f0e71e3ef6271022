package cli

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// progressEvery is how often what is shown changes.
var progressEvery = 100 * time.Millisecond

// What a terminal takes as a command. A line is erased to its end because Ctrl-C shows as ^C behind what is there, for which a line
// leaves room.
const (
	eraseToEnd = "\x1b[K"
	eraseLine  = "\r" + eraseToEnd
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
		progressbar.OptionSetWidth(20), // so that 80 columns have room for all of it, and for a ^C behind it
		progressbar.OptionShowCount(),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionThrottle(progressEvery),
		progressbar.OptionUseANSICodes(true),
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
	return ok && term.IsTerminal(int(f.Fd()))
}

// terminalWidth returns how many characters a line of the terminal has.
func terminalWidth(w io.Writer) (width int, ok bool) {
	f, ok := w.(*os.File)
	if !ok {
		return 0, false
	}
	width, _, err := term.GetSize(int(f.Fd()))
	return width, err == nil && width > 0
}

// interruptible returns a context that SIGINT and SIGTERM end, so that long work leaves nothing half. A second signal ends the process.
func interruptible(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, cancel) // from then on signals have their usual effect
	return ctx, cancel
}

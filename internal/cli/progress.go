package cli

import (
	"context"
	"fmt"
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
	eraseToEnd    = "\x1b[K"
	eraseLine     = "\r" + eraseToEnd
	interruptRoom = len("^C") + 1 // a terminal may begin a new line when its last column is written
)

// What a bar takes in a line. The times are as long as work of hours has them; beyond that the bar gives way.
const (
	barWidthMost = 20
	percentWidth = len(" 100% ||  ")
	timesWidth   = len(" [9h59m59s:9h59m59s]")
)

// progress shows how far long work is, on a terminal; elsewhere it shows nothing. A nil *progress does nothing.
type progress struct{ bar *progressbar.ProgressBar }

// progress begins to show work of so many records: on a narrow terminal without counts and times, and on one that has no room for a bar
// not at all, because a line that goes on in the next one cannot be written over.
func (p *program) progress(records int64, what string) *progress {
	if !p.redraws() {
		return nil
	}
	options := []progressbar.Option{
		progressbar.OptionSetWriter(p.stderr),
		progressbar.OptionSetDescription(what),
		progressbar.OptionThrottle(progressEvery),
		progressbar.OptionUseANSICodes(true),
		progressbar.OptionClearOnFinish(),
	}
	room := terminalWidth(p.stderr) - interruptRoom - len(what) - percentWidth
	if full := room - len(fmt.Sprintf("(%[1]d/%[1]d)", records)) - timesWidth; full > 0 {
		room = full
		options = append(options, progressbar.OptionShowCount())
	} else {
		options = append(options, progressbar.OptionSetPredictTime(false))
	}
	if room <= 0 {
		return nil
	}
	options = append(options, progressbar.OptionSetWidth(min(room, barWidthMost)))
	return &progress{progressbar.NewOptions64(records, options...)}
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

// redraws reports whether standard error is a terminal on which a line can be written over: one that calls itself dumb would show the
// commands for that.
func (p *program) redraws() bool {
	f, ok := p.stderr.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && p.variable("TERM") != "dumb"
}

// terminalWidth returns how many characters a line of the terminal has, as far as that is known.
func terminalWidth(w io.Writer) int {
	if f, ok := w.(*os.File); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 0 {
			return width
		}
	}
	return 80
}

// interruptible returns a context that SIGINT and SIGTERM end, so that long work leaves nothing half. A second signal ends the process.
func interruptible(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := signal.NotifyContext(ctx, syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, cancel) // from then on signals have their usual effect
	return ctx, cancel
}

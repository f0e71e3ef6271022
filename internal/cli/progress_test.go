package cli_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/staunchmq/staunch/internal/cli"
	"github.com/staunchmq/staunch/internal/loadgen"
)

// openTerminal returns both sides of a terminal of so many columns: that of the keyboard and screen, and that of programs.
func openTerminal(t *testing.T, columns uint16) (master, slave *os.File) {
	t.Helper()
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = master.Close() })
	if err := pty.Setsize(master, &pty.Winsize{Rows: 24, Cols: columns}); err != nil {
		t.Fatal(err)
	}
	return master, slave
}

// readTerminal returns what was written to a terminal: little enough that the system keeps it.
func readTerminal(t *testing.T, master, slave *os.File) string {
	t.Helper()
	if err := slave.Close(); err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(master) // Linux ends it with an error, which says that the other side is closed
	return string(text)
}

// runOnTerminal runs a command with standard error on a terminal of so many columns, and returns what was written to that. As under a
// shell's redirection, standard output is elsewhere.
func runOnTerminal(t *testing.T, columns uint16, environ []string, args ...string) (code int, stdout, terminal string) {
	t.Helper()
	master, slave := openTerminal(t, columns)
	shown := make(chan string)
	go func() {
		text, _ := io.ReadAll(master) // as in readTerminal
		shown <- string(text)
	}()
	var out bytes.Buffer
	code = cli.Main(args, environ, &out, slave, fakeServer)
	if err := slave.Close(); err != nil {
		t.Fatal(err)
	}
	return code, out.String(), <-shown
}

// frames returns what a terminal showed in one line of so many characters at the most, one after the other. At the end the line must be empty.
func frames(t *testing.T, terminal string, columns int) (shown []string) {
	t.Helper()
	if strings.Contains(terminal, "\n") || !strings.HasSuffix(terminal, "\x1b[2K\r") && !strings.HasSuffix(terminal, "\r\x1b[K") {
		t.Errorf("not one line, or something is left in it: %q", terminal)
	}
	erase := strings.NewReplacer("\x1b[2K", "", "\x1b[0K", "", "\x1b[K", "")
	for line := range strings.SplitSeq(terminal, "\r") {
		line = erase.Replace(line)
		if len([]rune(line)) > columns || strings.Contains(line, "\x1b") {
			t.Errorf("%q is longer than a line, or has a command to the terminal that this test does not know", line)
		}
		if line != "" {
			shown = append(shown, line)
		}
	}
	return shown
}

var (
	barPattern    = regexp.MustCompile(`^(\D+?) +(\d+)% \|.+\| \((\d+)/(\d+)\) \[[0-9hms]+:[0-9hms]+\] *$`)
	narrowPattern = regexp.MustCompile(`^checking +(\d+)% \|.+\| *$`)
)

// TestProgressOnATerminal looks at each step of the bars: what is done, percent, time that has passed and that is left. They go up to
// all that there is and then away, the result is on standard output alone, and where there is no terminal there is none of it.
func TestProgressOnATerminal(t *testing.T) {
	defer cli.ShowAllProgress()()
	tmp := t.TempDir()
	data, file := filepath.Join(tmp, "data"), filepath.Join(tmp, "b.backup")
	at, stop := startServer(t, data)
	sendSome(t, at.API, 40)
	online := []string{"--url", "http://" + at.Admin, "--admin-token-file", filepath.Join(data, "admin-token")}
	expectBars(t, append([]string{"backup", "create", file}, online...), "backing up")
	expectBars(t, append([]string{"journal", "check"}, online...), "checking")
	stop()
	expectBars(t, []string{"journal", "check", "--data", data}, "checking")
	expectBars(t, []string{"backup", "create", filepath.Join(tmp, "offline.backup"), "--data", data}, "backing up")
	expectBars(t, []string{"backup", "verify", file}, "checking")
	expectBars(t, []string{"restore", file, "--data", filepath.Join(tmp, "restored")}, "restoring", "reading back")

	for _, args := range [][]string{{"journal", "check", "--data", data}, {"backup", "verify", file}} {
		if code, stdout, stderr := run(nil, args...); code != 0 || stderr != "" || strings.ContainsAny(stdout, "\r\x1b%") {
			t.Errorf("without a terminal, %q ended with %d and wrote %q and %q", args, code, stdout, stderr)
		}
	}
	expectNarrowBars(t, "backup", "verify", file)
}

// expectNarrowBars runs a command that shows the bar "checking" on narrow terminals, where parts of it have no room, and on one that
// cannot write over a line.
func expectNarrowBars(t *testing.T, args ...string) {
	t.Helper()
	for _, on := range []struct {
		columns uint16
		environ []string
		pattern *regexp.Regexp // nil: nothing is shown
	}{
		{80, []string{"TERM=xterm"}, barPattern},
		{60, nil, barPattern},
		{50, nil, barPattern},
		{40, nil, narrowPattern},
		{25, nil, narrowPattern},
		{15, nil, nil},
		{80, []string{"TERM=dumb"}, nil},
	} {
		code, stdout, terminal := runOnTerminal(t, on.columns, on.environ, args...)
		if code != 0 || !strings.Contains(stdout, "sound") {
			t.Errorf("%d columns, %v: %q ended with %d and wrote %q", on.columns, on.environ, args, code, stdout)
		}
		if on.pattern == nil {
			if terminal != "" {
				t.Errorf("%d columns, %v: %q shows %q", on.columns, on.environ, args, terminal)
			}
			continue
		}
		shown := frames(t, terminal, int(on.columns)-3)
		if len(shown) == 0 || slices.ContainsFunc(shown, func(line string) bool { return !on.pattern.MatchString(line) }) {
			t.Errorf("%d columns, %v: %q shows %q", on.columns, on.environ, args, shown)
		}
	}
}

// expectBars runs a command that shows these bars, one after the other.
func expectBars(t *testing.T, args []string, bars ...string) {
	t.Helper()
	const columns = 80
	code, stdout, terminal := runOnTerminal(t, columns, nil, args...)
	if code != 0 || stdout == "" || strings.ContainsAny(stdout, "\r\x1b%") {
		t.Errorf("%q ended with %d and wrote %q", args, code, stdout)
	}
	shown := frames(t, terminal, columns-3)
	step := 0
	for _, line := range shown {
		m := barPattern.FindStringSubmatch(line)
		if m == nil || len(bars) == 0 || m[1] != bars[0] {
			t.Fatalf("%q shows %q where %q are still to come", args, line, bars)
		}
		percent, _ := strconv.Atoi(m[2]) // digits
		done, _ := strconv.Atoi(m[3])
		total, _ := strconv.Atoi(m[4])
		step++
		if done != step || percent != int(float64(done)/float64(total)*100) || total < 40 {
			t.Errorf("%q shows %q as step %d", args, line, step)
		}
		if done == total-1 { // the last step takes the bar away
			bars, step = bars[1:], 0
		}
	}
	if len(bars) != 0 {
		t.Errorf("%q does not bring the bars %q to their end; it shows %q", args, bars, shown)
	}
}

// TestBenchProgressOnATerminal looks at the line of bench: how far messages are that are counted, what a time still takes, and that it
// stays in one line of a narrow terminal.
func TestBenchProgressOnATerminal(t *testing.T) {
	const columns = 70
	master, slave := openTerminal(t, columns)
	cli.ShowBenchProgress(nil, slave,
		loadgen.Progress{Scenario: "send", Phase: "send", Measured: true, Elapsed: 2 * time.Second, Rate: 50, Sent: 100, Done: 100, Total: 400},
		loadgen.Progress{Scenario: "backlog", Phase: "drain", Elapsed: 3 * time.Second, Rate: 100, Sent: 400, Received: 399, Deleted: 300, Done: 300, Total: 400},
		loadgen.Progress{Scenario: "send", Phase: "send", Measured: true, Elapsed: 8 * time.Second, Rate: 50, Sent: 400, Done: 400, Total: 400},
		loadgen.Progress{Scenario: "fan-in", Phase: "fan-in", Measured: true, Elapsed: time.Second, Most: 20 * time.Second, Rate: 50, Sent: 9, Done: 9},
		loadgen.Progress{Scenario: "send", Phase: "drain", Elapsed: 15 * time.Second, Most: 20 * time.Second, Rate: 9, Sent: 90, Deleted: 50, Done: 50, Total: 90},
		loadgen.Progress{Scenario: "send", Phase: "drain", Elapsed: 18 * time.Second, Most: 20 * time.Second, Rate: 9, Sent: 90, Deleted: 85, Done: 85, Total: 90},
		loadgen.Progress{Scenario: "send", Phase: "drain", Elapsed: 5 * time.Second, Most: 20 * time.Second, Sent: 90, Total: 90},
	)
	want := []string{
		"send: 2 s, 25 %, about 6 s to go, 50 messages/s; 100 sent, 0 received,",
		"backlog, drain: 3 s, 75 %, about 1 s to go, 100 messages/s; 400 sent,",
		"send: 8 s, 100 %, 50 messages/s; 400 sent, 0 received, 0 deleted",
		"fan-in: 1 s, 19 s to go at the most, 50 messages/s; 9 sent, 0 receive",
		"send, drain: 15 s, 55 %, about 5 s to go, 9 messages/s; 90 sent, 0 re", // 12 s at this rate, and it ends before
		"send, drain: 18 s, 94 %, about 1 s to go, 9 messages/s; 90 sent, 0 re",
		"send, drain: 5 s, 0 %, 15 s to go at the most, 0 messages/s; 90 sent,",
	}
	for i := range want {
		want[i] = want[i][:min(len(want[i]), columns-3)]
	}
	if got := frames(t, readTerminal(t, master, slave), columns-3); !slices.Equal(got, want) {
		t.Errorf("it shows\n%q, want\n%q", got, want)
	}
}

// TestBenchProgressElsewhere: where a line cannot be written over, bench says once when something begins that is not measured.
func TestBenchProgressElsewhere(t *testing.T) {
	moments := []loadgen.Progress{
		{Scenario: "receive-delete", Phase: "fill", Elapsed: time.Second, Rate: 50, Sent: 100, Done: 100, Total: 400},
		{Scenario: "receive-delete", Phase: "fill", Elapsed: 2 * time.Second, Rate: 50, Sent: 200, Done: 200, Total: 400},
		{Scenario: "receive-delete", Phase: "receive-delete", Measured: true, Elapsed: time.Second, Rate: 50, Sent: 400, Deleted: 50, Done: 50},
		{Scenario: "receive-delete", Phase: "drain", Elapsed: time.Second, Most: 10 * time.Second, Sent: 400, Deleted: 50, Total: 350},
	}
	want := "receive-delete, fill (not measured), 25 %, about 3 s to go; 100 sent, 0 deleted\n" +
		"receive-delete, drain (not measured), 0 %, 9 s to go at the most; 400 sent, 50 deleted\n"
	var file bytes.Buffer
	cli.ShowBenchProgress(nil, &file, moments...)
	if got := file.String(); got != want {
		t.Errorf("to a file it says\n%swant\n%s", got, want)
	}
	master, slave := openTerminal(t, 80)
	cli.ShowBenchProgress([]string{"TERM=dumb"}, slave, moments...)
	if got := strings.ReplaceAll(readTerminal(t, master, slave), "\r\n", "\n"); got != want {
		t.Errorf("to a terminal that is dumb it says\n%swant\n%s", got, want)
	}
}

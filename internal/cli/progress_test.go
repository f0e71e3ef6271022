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
func runOnTerminal(t *testing.T, columns uint16, args ...string) (code int, stdout, terminal string) {
	t.Helper()
	master, slave := openTerminal(t, columns)
	shown := make(chan string)
	go func() {
		text, _ := io.ReadAll(master) // as in readTerminal
		shown <- string(text)
	}()
	var out bytes.Buffer
	code = cli.Main(args, nil, &out, slave, fakeServer)
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

var barPattern = regexp.MustCompile(`^(\D+?) +(\d+)% \|.*\| \((\d+)/(\d+)\) \[[0-9hms]+:[0-9hms]+\] *$`)

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
}

// expectBars runs a command that shows these bars, one after the other.
func expectBars(t *testing.T, args []string, bars ...string) {
	t.Helper()
	const columns = 80
	code, stdout, terminal := runOnTerminal(t, columns, args...)
	if code != 0 || stdout == "" || strings.ContainsAny(stdout, "\r\x1b%") {
		t.Errorf("%q ended with %d and wrote %q", args, code, stdout)
	}
	shown := frames(t, terminal, columns-3)
	steps := make(map[string]int)
	for _, line := range shown {
		m := barPattern.FindStringSubmatch(line)
		if m == nil {
			t.Fatalf("%q shows %q", args, line)
		}
		percent, _ := strconv.Atoi(m[2]) // digits
		done, _ := strconv.Atoi(m[3])
		total, _ := strconv.Atoi(m[4])
		steps[m[1]]++
		if done != steps[m[1]] || percent != 100*done/total || total < 40 {
			t.Errorf("%q shows %q as step %d", args, line, steps[m[1]])
		}
		if done == total-1 { // the last step takes the bar away
			bars = bars[1:]
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
	cli.ShowBenchProgress(slave,
		loadgen.Progress{Scenario: "send", Phase: "send", Measured: true, Elapsed: 2 * time.Second, Rate: 50, Sent: 100, Done: 100, Total: 400},
		loadgen.Progress{Scenario: "backlog", Phase: "drain", Elapsed: 3 * time.Second, Rate: 100, Sent: 400, Received: 399, Deleted: 300, Done: 300, Total: 400},
		loadgen.Progress{Scenario: "send", Phase: "send", Measured: true, Elapsed: 8 * time.Second, Rate: 50, Sent: 400, Done: 400, Total: 400},
		loadgen.Progress{Scenario: "fan-in", Phase: "fan-in", Measured: true, Elapsed: time.Second, Most: 20 * time.Second, Rate: 50, Sent: 9, Done: 9},
	)
	want := []string{
		"send: 2 s, 25 %, about 6 s to go, 50 messages/s; 100 sent, 0 received,",
		"backlog, drain: 3 s, 75 %, about 1 s to go, 100 messages/s; 400 sent,",
		"send: 8 s, 100 %, 50 messages/s; 400 sent, 0 received, 0 deleted",
		"fan-in: 1 s, 19 s to go at the most, 50 messages/s; 9 sent, 0 receive",
	}
	for i := range want {
		want[i] = want[i][:min(len(want[i]), columns-3)]
	}
	if got := frames(t, readTerminal(t, master, slave), columns-3); !slices.Equal(got, want) {
		t.Errorf("it shows\n%q, want\n%q", got, want)
	}
}

package cli_test

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// serving is a `staunch serve` process that is ready.
type serving struct {
	process *exec.Cmd
	stderr  io.Closer
	log     *bufio.Scanner
}

// start runs serve as a process, because signals belong to processes, and waits until it is ready.
func start(t *testing.T, args ...string) *serving {
	t.Helper()
	process := exec.Command(os.Args[0], append([]string{"serve"}, args...)...)
	process.Env = []string{asProgram + "=1"} // and no settings
	stdout, err := process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr, err := process.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = process.Process.Kill() })
	for lines := bufio.NewScanner(stdout); ; {
		if !lines.Scan() {
			rest, _ := io.ReadAll(stderr)
			t.Fatalf("serve ended before it was ready:\n%s", rest)
		}
		if strings.HasPrefix(lines.Text(), "Signatures are not verified") {
			return &serving{process, stderr, bufio.NewScanner(stderr)}
		}
	}
}

// signal sends sig.
func (s *serving) signal(t *testing.T, sig syscall.Signal) {
	t.Helper()
	if err := s.process.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
}

// awaitLog waits for a log line with this text.
func (s *serving) awaitLog(t *testing.T, text string) {
	t.Helper()
	for s.log.Scan() {
		if strings.Contains(s.log.Text(), text) {
			return
		}
	}
	t.Fatalf("the log ended without %q", text)
}

// exit waits for the end and returns the exit code and what was left of standard error.
func (s *serving) exit() (code int, rest string) {
	for s.log.Scan() {
		rest += s.log.Text() + "\n"
	}
	_ = s.process.Wait() // the code says it all
	return s.process.ProcessState.ExitCode(), rest
}

func TestSignalsStopCleanly(t *testing.T) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		t.Run(sig.String(), func(t *testing.T) {
			server := start(t)
			server.signal(t, sig)
			if code, rest := server.exit(); code != 0 || !strings.Contains(rest, "stopping") {
				t.Errorf("exit code %d, want 0; log:\n%s", code, rest)
			}
		})
	}
}

// timeout(1) sends a signal to the process and to its group: two of the same at once are one.
func TestSecondSignalEndsAtOnce(t *testing.T) {
	for _, first := range [][]syscall.Signal{{syscall.SIGTERM}, {syscall.SIGTERM, syscall.SIGTERM}} {
		server := start(t, "--region", "stubborn")
		for _, sig := range first {
			server.signal(t, sig)
		}
		server.awaitLog(t, "stopping")
		server.signal(t, syscall.SIGINT)
		code, rest := server.exit()
		if code != 130 || !strings.Contains(rest, "a second signal (interrupt) cut the stop short") {
			t.Errorf("%v: exit code %d, want 130; log:\n%s", first, code, rest)
		}
	}
}

// Nobody reads the log, so the process cannot write what it has to say.
func TestSecondSignalEndsAtOnceWithoutAReader(t *testing.T) {
	server := start(t, "--region", "unread")
	server.signal(t, syscall.SIGTERM)
	server.signal(t, syscall.SIGINT)
	_ = server.process.Wait() // the code says it all
	if code := server.process.ProcessState.ExitCode(); code != 130 {
		t.Errorf("exit code %d, want 130", code)
	}
}

func TestAHangUpDoesNotEndTheServer(t *testing.T) {
	server := start(t)
	server.signal(t, syscall.SIGHUP)
	server.signal(t, syscall.SIGTERM)
	if code, rest := server.exit(); code != 0 || !strings.Contains(rest, "stopping") {
		t.Errorf("exit code %d, want 0; log:\n%s", code, rest)
	}
}

func TestAReaderThatGoesAwayDoesNotEndTheServer(t *testing.T) {
	server := start(t)
	if err := server.stderr.Close(); err != nil {
		t.Fatal(err)
	}
	server.signal(t, syscall.SIGTERM) // which is logged
	_ = server.process.Wait()
	if code := server.process.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d, want 0", code)
	}
}

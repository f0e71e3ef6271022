package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"github.com/staunchmq/staunch/internal/loadgen"
)

var endpointPattern = regexp.MustCompile(`http://127\.0\.0\.1:\d+`)

// server is a server that was started here.
type server struct {
	cmd             *exec.Cmd
	endpoint, admin string
	data            string // directory
}

// startServer starts a server on the data directory and returns when it has printed its endpoints.
func (o *options) startServer(settings ...string) (*server, error) {
	args := []string{"serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--data", o.data, "--log-level", "warn"}
	cmd := exec.Command(o.bin, append(args, settings...)...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s (build it with 'make build'): %w", o.bin, err)
	}
	lines := bufio.NewScanner(out)
	var endpoints []string // the API's, then the one of metrics and profiles
	for lines.Scan() {
		if endpoint := endpointPattern.FindString(lines.Text()); endpoint != "" {
			endpoints = append(endpoints, endpoint)
		}
		if len(endpoints) == 2 {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return &server{cmd: cmd, endpoint: endpoints[0], admin: endpoints[1], data: o.data}, nil
		}
	}
	return nil, errors.Join(errors.New("the server ended without printing its endpoint"), cmd.Wait())
}

// stop ends the server in good order, kill as a power cut does.
func (s *server) stop() { s.end(syscall.SIGTERM) }
func (s *server) kill() { s.end(syscall.SIGKILL) }

func (s *server) end(sig syscall.Signal) {
	_ = s.cmd.Process.Signal(sig)
	_ = s.cmd.Wait()
}

// killAndReceive kills the server, starts another on what it left, and prints how long that took until a message of a queue was received. It returns the
// server that runs, if one does.
func (o *options) killAndReceive(old *server, url string) (*server, error) {
	began := time.Now()
	old.kill()
	s, err := o.startServer()
	if err != nil {
		return old, err
	}
	c, err := dial(s.endpoint)
	if err != nil {
		return s, err
	}
	defer c.Close()
	if n, err := c.receiveDelete(url); err != nil || n == 0 {
		return s, fmt.Errorf("receive after the restart: %d messages, error %v", n, err)
	}
	fmt.Printf("kill -9 to the first answered receive: %v (target: below 2s), resident %d MiB\n", time.Since(began).Round(time.Millisecond), s.resident()>>20)
	return s, nil
}

func (s *server) signal(sig syscall.Signal) error { return s.cmd.Process.Signal(sig) }

// How much resident memory a server takes at the most, in bytes.
const (
	mostResidentBacklog = 512 << 20 // with 10,000,000 messages waiting in one queue
	mostResidentPolls   = 400 << 20 // with 10,000 long polls
	mostResidentQueues  = 200 << 20 // with 10,000 queues
)

// checkResident fails if the server has more resident memory than most.
func (s *server) checkResident(most int64) error {
	if n := s.resident(); n > most {
		return fmt.Errorf("the server has %d MiB of resident memory, more than %d MiB", n>>20, most>>20)
	}
	return nil
}

// resident returns the server's resident memory in bytes.
func (s *server) resident() (bytesUsed int64) {
	_, bytesUsed, _ = loadgen.ProcessUsage(s.cmd.Process.Pid) // 0 of a server that has ended: what comes next says so
	return bytesUsed
}

// cpu returns how much CPU time the server has used.
func (s *server) cpu() (used time.Duration) {
	used, _, _ = loadgen.ProcessUsage(s.cmd.Process.Pid)
	return used
}

// metric returns the sum of a metric of the server over its labels.
func (s *server) metric(name string) (sum float64, err error) {
	resp, err := http.Get(s.admin + "/metrics")
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	found := false
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), name); ok && strings.IndexAny(rest, "{ ") == 0 {
			var value float64
			if _, err := fmt.Sscan(rest[strings.LastIndexByte(rest, ' ')+1:], &value); err != nil {
				return 0, err
			}
			found, sum = true, sum+value
		}
	}
	if err := lines.Err(); err != nil {
		return 0, err
	}
	if !found {
		return 0, errors.New("the server has no metric " + name)
	}
	return sum, nil
}

// awaitMetric waits until a metric has the value, and fails when it has not for as long as a long poll waits.
func (s *server) awaitMetric(name string, want float64) error {
	for end := time.Now().Add(pollSeconds * time.Second); ; time.Sleep(100 * time.Millisecond) {
		got, err := s.metric(name)
		if err != nil || got == want {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("%s is %v, not %v", name, got, want)
		}
	}
}

// profileCPU begins a CPU profile of the server, of ten seconds; the function that it returns waits for it and writes it into dir. With
// dir empty there is none.
func (s *server) profileCPU(dir, name string) (finish func() error) {
	if dir == "" {
		return func() error { return nil }
	}
	done := make(chan error, 1)
	go func() {
		profile, err := s.askAdmin("/debug/pprof/profile?seconds=10")
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name+".pprof"), profile, 0o600)
		}
		done <- err
	}()
	return func() error { return <-done }
}

// askAdmin returns what the admin interface answers to those who have its token.
func (s *server) askAdmin(path string) ([]byte, error) {
	token, err := os.ReadFile(filepath.Join(s.data, "admin-token"))
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequest(http.MethodGet, s.admin+path, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	resp, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("get %s: %s: %s", path, resp.Status, body)
	}
	return body, err
}

// diskUsed returns how many bytes of disk the files below dir take.
func diskUsed(dir string) (n int64) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil
		}
		if info, err := d.Info(); err == nil {
			if st, ok := info.Sys().(*syscall.Stat_t); ok {
				n += st.Blocks * 512
			}
		}
		return nil
	})
	return n
}

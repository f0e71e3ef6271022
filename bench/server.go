package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"syscall"
	"time"
)

var endpointPattern = regexp.MustCompile(`http://127\.0\.0\.1:\d+`)

// server is a server that was started here.
type server struct {
	cmd      *exec.Cmd
	endpoint string
}

// startServer starts a server on the data directory and returns when it has printed its endpoint.
func (o *options) startServer(settings ...string) (*server, error) {
	args := []string{"serve", "--listen", "127.0.0.1:0", "--admin-listen", "", "--data", o.data, "--journal", o.journal, "--log-level", "warn"}
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
	for lines.Scan() {
		if endpoint := endpointPattern.FindString(lines.Text()); endpoint != "" {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return &server{cmd: cmd, endpoint: endpoint}, nil
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

// resident returns the server's resident memory in bytes.
func (s *server) resident() (bytesUsed int64) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	if _, after, ok := bytes.Cut(data, []byte("VmRSS:")); ok {
		_, _ = fmt.Sscan(string(after), &bytesUsed)
	}
	return bytesUsed << 10
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

// measureFsync prints how long writing 4 KiB and an fsync take.
func measureFsync(dir string) error {
	f, err := os.CreateTemp(dir, "fsync-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	took := make([]time.Duration, 200)
	block := make([]byte, 4096)
	for i := range took {
		start := time.Now()
		if _, err := f.Write(block); err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			return err
		}
		took[i] = time.Since(start)
	}
	slices.Sort(took)
	fmt.Printf("raw fsync of an appended 4 KiB: p50 %v, p99 %v\n", took[len(took)/2], took[len(took)*99/100])
	return nil
}

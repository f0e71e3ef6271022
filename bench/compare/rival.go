package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/staunchmq/staunch/internal/loadgen"
)

// rival is a server that is measured.
type rival struct {
	name      string
	keeps     durability
	yardstick string        // what it is for, when it is no rival: it has no long polls, and no place in the plots of backlogs
	speaks    string        // protocol, when it is not SQS
	own       bool          // a fault of it fails the run
	fifo      bool          // it has FIFO queues
	warmUp    time.Duration // how long it works before the first round; default firstWarmUp

	// obtain builds or downloads it into a directory of its own, and returns how to start it.
	obtain func(ctx context.Context, dir string) (*program, error)
	// drive measures a cell over another protocol than SQS; nil: the load generator does.
	drive func(ctx context.Context, s *process, o loadgen.Options) (*loadgen.Result, error)
}

// durability is what an answer of a server means.
type durability string

const (
	fsynced  durability = "fsync"          // on disk, each answer after an fsync
	unsynced durability = "disk, no fsync" // written, and lost with the machine
	memory   durability = "memory"
)

// survives tells whether what a server holds is there after kill -9.
func (r *rival) survives() bool { return r.keeps != memory }

// label is the name with the durability, as tables and plots have it.
func (r *rival) label() string { return fmt.Sprintf("%s (%s)", r.name, r.keeps) }

// program is how a rival is started.
type program struct {
	version string
	// command returns the command that listens on a port of 127.0.0.1 and keeps its data in a directory.
	command func(port int, data string) (*exec.Cmd, error)
	ready   func(ctx context.Context, endpoint string) error // nil: ListQueues is answered
	driver  string                                           // what measures it over another protocol than SQS
}

// process is a rival that runs.
type process struct {
	*rival
	program  *program
	cmd      *exec.Cmd
	endpoint string
	port     int
	data     string
	ended    chan struct{} // closed when the process has
}

// startTimeout is how long a rival may take to answer for the first time.
const startTimeout = time.Minute

// start starts a rival on its data directory and returns when it answers.
func (r *rival) start(ctx context.Context, p *program, data string) (*process, error) {
	if err := os.MkdirAll(data, 0o755); err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	s := &process{rival: r, program: p, port: port, data: data, endpoint: fmt.Sprintf("http://127.0.0.1:%d", port)}
	return s, s.launch(ctx)
}

func (s *process) launch(ctx context.Context) error {
	var err error
	if s.cmd, err = s.program.command(s.port, s.data); err != nil {
		return err
	}
	output, err := os.OpenFile(s.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer output.Close()
	s.cmd.Stdout, s.cmd.Stderr = output, output
	s.cmd.SysProcAttr = groupOfItsOwn()
	if err := s.cmd.Start(); err != nil {
		return err
	}
	cmd, ended := s.cmd, make(chan struct{})
	s.ended = ended
	go func() { defer close(ended); _ = cmd.Wait() }()
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	ready := s.program.ready
	if ready == nil {
		ready = answersListQueues
	}
	for {
		if err = ready(ctx, s.endpoint); err == nil {
			return nil
		}
		select {
		case <-s.ended:
			return fmt.Errorf("it ended by itself: %s", lastLine(output.Name()))
		case <-ctx.Done():
			s.kill()
			return fmt.Errorf("it does not answer: %w; its last words: %s", err, lastLine(output.Name()))
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// log returns the file of what the process says.
func (s *process) log() string { return filepath.Join(s.data, "..", s.name+".log") }

func lastLine(file string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return lines[len(lines)-1]
}

// runs tells whether the process has not ended.
func (s *process) runs() bool {
	select {
	case <-s.ended:
		return false
	default:
		return true
	}
}

// signal sends a signal to the process and its children.
func (s *process) signal(sig syscall.Signal) { _ = syscall.Kill(-s.cmd.Process.Pid, sig) }

func (s *process) kill() {
	s.signal(syscall.SIGKILL)
	<-s.ended
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// The keys that every request is signed with. Only the floor and Staunch look at them.
var keys = loadgen.Keys{AccessKey: "test", SecretKey: "a-secret-for-measurements"}

// answersListQueues tells whether a server answers a request of SQS, well or not.
func answersListQueues(ctx context.Context, endpoint string) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	client, err := loadgen.NewClient(ctx, loadgen.Options{Endpoint: endpoint, Keys: keys})
	if err != nil {
		return err
	}
	defer client.Close()
	err = client.Do("ListQueues", struct{}{}, nil)
	if errors.As(err, new(*loadgen.StatusError)) {
		return nil
	}
	return err
}

// createQueue creates a queue and returns its URL.
func createQueue(ctx context.Context, s *process, name string) (url string, err error) {
	client, err := loadgen.NewClient(ctx, loadgen.Options{Endpoint: s.endpoint, Keys: keys})
	if err != nil {
		return "", err
	}
	defer client.Close()
	return client.CreateQueue(name, nil)
}

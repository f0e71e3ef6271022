package chaos

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// binary returns the path of the server: STAUNCH_BIN, or a fresh build.
func binary(t *testing.T) string {
	if path := os.Getenv("STAUNCH_BIN"); path != "" {
		return path
	}
	path := filepath.Join(built, "staunch")
	if err := build(path); err != nil {
		t.Fatal(err)
	}
	return path
}

// built is the directory of the build, for as long as the tests run.
var built string

// build builds the server once.
var build = func() func(path string) error {
	var once sync.Once
	var err error
	return func(path string) error {
		once.Do(func() {
			if out, failed := exec.Command("go", "build", "-o", path, "../cmd/staunch").CombinedOutput(); failed != nil {
				err = fmt.Errorf("build the server: %w\n%s", failed, out)
			}
		})
		return err
	}
}()

func TestMain(m *testing.M) {
	var err error
	if built, err = os.MkdirTemp("", "staunch-chaos-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	status := m.Run()
	_ = os.RemoveAll(built)
	os.Exit(status)
}

// patience is how long a server may take for what it does by itself, such as to start or to stop, on a machine that does much else.
const patience = 2 * time.Minute

// process is a running server.
type process struct {
	cmd     *exec.Cmd
	address string        // of the API, host:port
	admin   string        // of health and metrics, host:port
	exited  chan struct{} // closed when the process has ended
	err     error         // how; valid when exited is closed
}

var addressPattern = regexp.MustCompile(`http://(127\.0\.0\.1:\d+)`)

// start runs the server on its data directory and waits until it has printed its addresses.
func start(t *testing.T, bin, data string, flags ...string) *process {
	t.Helper()
	args := append([]string{"serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--data", data, "--log-level", "warn",
		"--shutdown-timeout", patience.String()}, flags...)
	cmd := exec.Command(bin, args...)
	cmd.Env = withoutSettings()
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatalf("start the server: %v", err)
	}
	p := &process{cmd: cmd, exited: make(chan struct{})}
	found := make(chan string, 2) // the API's, then the other
	go func() {
		lines := bufio.NewScanner(stdout)
		for lines.Scan() {
			if match := addressPattern.FindStringSubmatch(lines.Text()); match != nil {
				select {
				case found <- match[1]:
				default:
				}
			}
		}
		_, _ = io.Copy(io.Discard, stdout)
		p.err = cmd.Wait()
		close(p.exited)
	}()
	timeout := time.After(patience)
	for _, address := range []*string{&p.address, &p.admin} {
		select {
		case *address = <-found:
		case <-p.exited:
			t.Fatalf("the server ended before it was ready: %v", p.err)
		case <-timeout:
			_ = cmd.Process.Kill()
			t.Fatalf("the server did not print where it is within %v", patience)
		}
	}
	return p
}

// withoutSettings returns the environment for the binary: the variables of these tests are not its settings, and nobody else's settings are
// to act here.
func withoutSettings() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "STAUNCH_") })
}

// kill ends the server as a power cut ends a process: without a word. Killing one that has ended does nothing.
func (p *process) kill() {
	_ = p.cmd.Process.Signal(syscall.SIGKILL)
	<-p.exited
}

// pause stops the process for so long, as a machine that is suspended does.
func (p *process) pause(t *testing.T, d time.Duration) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	time.Sleep(d)
	if err := p.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
}

// stop ends the server in good order and returns how it exited.
func (p *process) stop() error {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.exited:
		return p.err
	case <-time.After(patience):
		_ = p.cmd.Process.Kill()
		return fmt.Errorf("the server did not stop within %v of SIGTERM", patience)
	}
}

// client returns an SQS client of the server at an address, which is asked for each connection. It never retries by itself: every answer
// and every failure is in the history.
func client(address func() string) *sqs.Client {
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address())
	}
	return sqs.New(sqs.Options{
		BaseEndpoint: aws.String("http://server"),
		Region:       "us-east-1",
		Credentials:  credentials.NewStaticCredentialsProvider("test", "test", ""),
		Retryer:      aws.NopRetryer{},
		HTTPClient:   &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64, DialContext: dial}},
	})
}

func createQueue(ctx context.Context, t *testing.T, c *sqs.Client, name string, attributes map[string]string) string {
	t.Helper()
	out, err := c.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
	if err != nil {
		t.Fatalf("create queue %s: %v", name, err)
	}
	return *out.QueueUrl
}

// memoryDir returns a directory for a test, in memory if the machine has that. A process that is killed loses nothing there that it would
// not lose elsewhere.
func memoryDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "staunch-chaos-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// rivals is the list of all that are measured, in the order of the tables.
func rivals() []*rival {
	return append([]*rival{
		{name: "staunch", keeps: fsynced, own: true, fifo: true, obtain: staunch("--auth", "verify")},
		{name: "staunch-unverified", keeps: fsynced, yardstick: "signatures are not looked at", own: true, obtain: staunch()},
		{name: "staunch-memory", keeps: memory, own: true, fifo: true, obtain: staunch("--auth", "verify", "--journal", "memory")},
		{name: "floor", keeps: fsynced, yardstick: "a growing file", own: true, obtain: floor("growing")},
		{name: "floor-preallocated", keeps: fsynced, yardstick: "a preallocated file", own: true, obtain: floor("preallocated")},
		{name: "floor-none", keeps: memory, yardstick: "no file", own: true, obtain: floor("none")},
		{name: "elasticmq", keeps: memory, fifo: true, warmUp: compiling, obtain: elasticMQ(false)},
		{name: "elasticmq-h2", keeps: unsynced, fifo: true, warmUp: compiling, obtain: elasticMQ(true)},
		{name: "goaws", keeps: memory, fifo: true, obtain: goProgram("github.com/Admiral-Piett/goaws", "v0.5.4", "app/cmd", goAWS)},
		{name: "localstack", keeps: memory, fifo: true, obtain: localStack},
		{name: "ministack", keeps: memory, fifo: true, obtain: miniStack},
		{name: "moto", keeps: memory, fifo: true, obtain: moto},
		{name: "sqslite", keeps: memory, obtain: goProgram("github.com/wcharczuk/sqslite", "latest", "", sqslite)},
		{name: "smoothmq", keeps: unsynced, obtain: goProgram("github.com/poundifdef/smoothmq", "latest", "", smoothMQ)},
		{name: "sqslite-npm", keeps: memory, obtain: unmeasured("version 2.1.1 answers requests at / alone, in the Query protocol, and none at the queue URLs that it gives out")},
	}, brokers()...)
}

// compiling is how long a server works before the first round whose compiler works as it runs.
const compiling = 15 * time.Second

// unmeasured is of a server that can be had, and cannot be measured.
func unmeasured(why string) func(context.Context, string) (*program, error) {
	return func(context.Context, string) (*program, error) { return nil, errors.New(why) }
}

// buildTimeout is how long a step of building or downloading may take.
const buildTimeout = 10 * time.Minute

// build runs a command and returns its output as the error if it fails.
func build(ctx context.Context, dir string, environ []string, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, buildTimeout)
	defer cancel()
	c := exec.CommandContext(ctx, args[0], args[1:]...)
	c.Dir, c.Env = dir, append(os.Environ(), environ...)
	out, err := c.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(args[:min(len(args), 3)], " "), err, brief(string(out)))
	}
	return nil
}

// debianPackage installs what a command is in, if it is not there.
func debianPackage(ctx context.Context, command, name string) error {
	_, missing := exec.LookPath(command)
	if missing == nil {
		return nil
	}
	apt := []string{"apt-get", "-o", "DPkg::Lock::Timeout=300", "-o", "Acquire::Retries=5"}
	if _, err := exec.LookPath(apt[0]); err != nil {
		return missing
	}
	if os.Geteuid() != 0 {
		apt = append([]string{"sudo", "-n"}, apt...)
	}
	environ := []string{"DEBIAN_FRONTEND=noninteractive"}
	if err := build(ctx, "", environ, append(slices.Clone(apt), "update", "-qq")...); err != nil {
		return fmt.Errorf("%w, and is not installed: %w", missing, err)
	}
	return build(ctx, "", environ, append(apt, "install", "-y", "-qq", "--no-install-recommends", name)...)
}

// brief returns the part of a tool's output that says what went wrong.
func brief(out string) string {
	lines := strings.Split(strings.TrimSpace(out), "\n")
	for _, line := range lines {
		if strings.Contains(line, "ERROR") || strings.Contains(line, "Forbidden") || strings.Contains(line, "error") {
			return strings.TrimSpace(line)
		}
	}
	return lines[len(lines)-1]
}

// started returns a program that is started with arguments made from port and data directory.
func started(version string, environ []string, args func(port int, data string) []string) *program {
	return &program{version: version, command: func(port int, data string) (*exec.Cmd, error) {
		list := args(port, data)
		c := exec.Command(list[0], list[1:]...)
		c.Env, c.Dir = append(os.Environ(), environ...), data
		return c, nil
	}}
}

func listen(port int) string { return "127.0.0.1:" + strconv.Itoa(port) }

func staunch(flags ...string) func(context.Context, string) (*program, error) {
	return func(ctx context.Context, dir string) (*program, error) {
		bin := filepath.Join(dir, "staunch")
		if err := build(ctx, "", nil, "go", "build", "-o", bin, "./cmd/staunch"); err != nil {
			return nil, err
		}
		var environ []string // without auth the server refuses keys that nothing would ask for
		if slices.Contains(flags, "--auth") {
			environ = []string{"STAUNCH_ROOT_ACCESS_KEY_ID=" + keys.AccessKey, "STAUNCH_ROOT_SECRET_ACCESS_KEY=" + keys.SecretKey}
		}
		return started("this tree", environ, func(port int, data string) []string {
			return append([]string{bin, "serve", "--listen", listen(port), "--admin-listen", "", "--data", filepath.Join(data, "data"), "--log-level", "warn"}, flags...)
		}), nil
	}
}

func floor(sync string) func(context.Context, string) (*program, error) {
	return func(ctx context.Context, dir string) (*program, error) {
		bin := filepath.Join(dir, "floor")
		if err := build(ctx, "", nil, "go", "build", "-o", bin, "./bench/floor"); err != nil {
			return nil, err
		}
		return started("this tree", nil, func(port int, data string) []string {
			return []string{bin, "-listen", listen(port), "-data", data, "-sync", sync,
				"-access-key", keys.AccessKey, "-secret-key", keys.SecretKey}
		}), nil
	}
}

const elasticMQVersion = "1.7.1"

// elasticMQ has Maven copy the server and all it needs from Maven Central.
func elasticMQ(storage bool) func(context.Context, string) (*program, error) {
	return func(ctx context.Context, dir string) (*program, error) {
		dir = filepath.Join(filepath.Dir(dir), "elasticmq-"+elasticMQVersion) // both forms share it
		jars := filepath.Join(dir, "jars")
		if err := errors.Join(debianPackage(ctx, "java", "default-jre-headless"), debianPackage(ctx, "mvn", "maven")); err != nil {
			return nil, err
		}
		if _, err := os.Stat(filepath.Join(dir, "complete")); err != nil {
			pom := `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>local</groupId><artifactId>elasticmq</artifactId><version>1</version>
<dependencies><dependency><groupId>org.elasticmq</groupId><artifactId>elasticmq-server_2.13</artifactId><version>` + elasticMQVersion + `</version></dependency></dependencies>
</project>`
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return nil, err
			}
			if err := os.WriteFile(filepath.Join(dir, "pom.xml"), []byte(pom), 0o644); err != nil {
				return nil, err
			}
			if err := build(ctx, dir, nil, "mvn", "--batch-mode", "--no-transfer-progress", "dependency:copy-dependencies", "-DoutputDirectory="+jars); err != nil {
				return nil, err
			}
			if err := os.WriteFile(filepath.Join(dir, "complete"), nil, 0o644); err != nil {
				return nil, err
			}
		}
		return &program{version: elasticMQVersion, command: func(port int, data string) (*exec.Cmd, error) {
			conf := fmt.Sprintf(`include classpath("application.conf")
node-address { host = "127.0.0.1", port = %d }
rest-sqs { bind-hostname = "127.0.0.1", bind-port = %[1]d }
rest-stats.enabled = false
queues-storage { enabled = %v, path = %q }
messages-storage { enabled = %[2]v, driver-class = "org.h2.Driver", uri = %[4]q }
`, port, storage, filepath.Join(data, "queues.conf"), "jdbc:h2:"+filepath.Join(data, "messages"))
			file := filepath.Join(data, "elasticmq.conf")
			if err := os.WriteFile(file, []byte(conf), 0o644); err != nil {
				return nil, err
			}
			return exec.Command("java", "-Dconfig.file="+file, "-cp", filepath.Join(jars, "*"), "org.elasticmq.server.Main"), nil
		}}, nil
	}
}

// venv makes a Python environment with these packages.
func venv(ctx context.Context, dir string, requirements ...string) error {
	stamp, all := filepath.Join(dir, "complete"), strings.Join(requirements, "\n")
	if have, err := os.ReadFile(stamp); err == nil && string(have) == all {
		return nil
	}
	if err := build(ctx, "", nil, "python3", "-m", "venv", dir); err != nil {
		return err
	}
	install := []string{filepath.Join(dir, "bin", "pip"), "install", "--quiet", "--disable-pip-version-check"}
	if err := build(ctx, "", nil, append(install, requirements...)...); err != nil {
		return err
	}
	return os.WriteFile(stamp, []byte(all), 0o644)
}

func moto(ctx context.Context, dir string) (*program, error) {
	const version = "5.2.5"
	if err := venv(ctx, dir, "moto[server]=="+version); err != nil {
		return nil, err
	}
	return started(version, nil, func(port int, _ string) []string {
		return []string{filepath.Join(dir, "bin", "moto_server"), "-H", "127.0.0.1", "-p", strconv.Itoa(port)}
	}), nil
}

// localStack is the last series that ran without an account. Only its SQS is started.
func localStack(ctx context.Context, dir string) (*program, error) {
	const version = "4.9.2"
	// It asks for no version of cbor2, and cannot do with 6; nor without service-identity, which it does not ask for.
	if err := venv(ctx, dir, "localstack-core[runtime]=="+version, "cbor2<6", "service-identity"); err != nil {
		return nil, err
	}
	return &program{version: version, command: func(port int, data string) (*exec.Cmd, error) {
		c := exec.Command(filepath.Join(dir, "bin", "python"), "-m", "localstack.runtime.main")
		c.Dir = data
		c.Env = append(os.Environ(), "SERVICES=sqs", "STRICT_SERVICE_LOADING=1", "GATEWAY_LISTEN="+listen(port), "FILESYSTEM_ROOT="+data,
			"LOCALSTACK_VOLUME_DIR="+filepath.Join(data, "volume"), "SKIP_SSL_CERT_DOWNLOAD=1", "DISABLE_EVENTS=1", "SQS_DISABLE_CLOUDWATCH_METRICS=1", "DNS_ADDRESS=0")
		return c, nil
	}}, nil
}

// miniStack emulates all of AWS in one process. Only its SQS is started.
func miniStack(ctx context.Context, dir string) (*program, error) {
	const version = "1.5.33"
	if err := venv(ctx, dir, "ministack=="+version); err != nil {
		return nil, err
	}
	return &program{version: version, command: func(port int, data string) (*exec.Cmd, error) {
		c := exec.Command(filepath.Join(dir, "bin", "ministack"))
		c.Dir = data
		c.Env = append(os.Environ(), "HOME="+data, "SERVICES=sqs", "GATEWAY_PORT="+strconv.Itoa(port), "LOG_LEVEL=ERROR")
		return c, nil
	}}, nil
}

// goProgram builds a main package of a module, by the Go module proxy. The module is required by one of its own: that asks for no list of versions, which
// not every proxy has.
func goProgram(module, version, main string, args func(bin string, port int, data string) ([]string, error)) func(context.Context, string) (*program, error) {
	return func(ctx context.Context, dir string) (*program, error) {
		bin := filepath.Join(dir, filepath.Base(module)+"-"+version)
		if _, err := os.Stat(bin); err != nil {
			_ = os.Remove(filepath.Join(dir, "go.mod")) // of another version
			requires := []string{"go", "mod", "edit", "-require=" + module + "@" + version}
			if version == "latest" {
				requires = []string{"go", "get", module + "@" + version}
			}
			for _, step := range [][]string{{"go", "mod", "init", "local"}, requires, {"go", "build", "-mod=mod", "-o", bin, path.Join(module, main)}} {
				if err := build(ctx, dir, []string{"GOFLAGS=", "GOWORK=off"}, step...); err != nil {
					return nil, err
				}
			}
		}
		return &program{version: version, command: func(port int, data string) (*exec.Cmd, error) {
			list, err := args(bin, port, data)
			if err != nil {
				return nil, err
			}
			c := exec.Command(list[0], list[1:]...)
			c.Dir = data
			return c, nil
		}}, nil
	}
}

func goAWS(bin string, port int, data string) ([]string, error) {
	file := filepath.Join(data, "goaws.yaml")
	conf := fmt.Sprintf("Local:\n  Host: 127.0.0.1\n  Port: %d\n  Region: us-east-1\n  AccountId: \"000000000000\"\n  LogToFile: false\n", port)
	return []string{bin, "-config", file, "Local"}, os.WriteFile(file, []byte(conf), 0o644)
}

func sqslite(bin string, port int, _ string) ([]string, error) {
	return []string{bin, "--bind-addr", listen(port), "--skip-gzip", "--log-level", "error"}, nil
}

func smoothMQ(bin string, port int, data string) ([]string, error) {
	return []string{bin, "server", "--sqs-port", strconv.Itoa(port), "--sqlite-path", filepath.Join(data, "smoothmq.sqlite")}, nil
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/staunchmq/staunch/internal/loadgen"
)

// brokers returns the brokers that speak other protocols: context for the figures, and no rivals. The driver of bench/brokers measures them.
func brokers() []*rival {
	return []*rival{
		{name: "nats", speaks: "NATS JetStream, one replica, sync_interval always", keeps: fsynced, obtain: natsServer, drive: driver("nats")},
		{name: "redis", speaks: "Redis streams, appendfsync always", keeps: fsynced, obtain: redisServer, drive: driver("redis")},
		{name: "rabbitmq", speaks: "AMQP 0.9.1, quorum queue of one node", keeps: fsynced, obtain: rabbitServer, drive: driver("rabbitmq")},
	}
}

// driver returns what measures a kind of broker. The program was built when the broker was obtained.
func driver(kind string) func(context.Context, *process, loadgen.Options) (*loadgen.Result, error) {
	return func(ctx context.Context, s *process, o loadgen.Options) (*loadgen.Result, error) {
		var out, problems bytes.Buffer
		c := exec.CommandContext(ctx, s.program.driver, "-kind", kind, "-address", strings.TrimPrefix(s.endpoint, "http://"), "-scenario", o.Scenario,
			"-connections", strconv.Itoa(o.Connections), "-duration", o.Duration.String(), "-warm-up", o.WarmUp.String())
		c.Stdout, c.Stderr = &out, &problems
		if err := c.Run(); err != nil {
			return nil, fmt.Errorf("%w: %s", err, strings.TrimSpace(problems.String()))
		}
		r := new(loadgen.Result)
		return r, json.Unmarshal(out.Bytes(), r)
	}
}

// driven tells whether the driver knows a scenario.
func driven(scenario string) bool {
	return scenario == loadgen.Send || scenario == loadgen.SendBatch || scenario == loadgen.RoundTrip
}

const brokersModule = "bench/brokers"

// buildDriver builds the driver into a directory.
func buildDriver(ctx context.Context, dir string) (string, error) {
	bin := filepath.Join(dir, "brokers")
	return bin, build(ctx, brokersModule, nil, "go", "build", "-o", bin, ".")
}

func natsServer(ctx context.Context, dir string) (*program, error) {
	driver, err := buildDriver(ctx, dir)
	if err != nil {
		return nil, err
	}
	bin := filepath.Join(dir, "nats-server")
	if err := build(ctx, brokersModule, nil, "go", "build", "-o", bin, "github.com/nats-io/nats-server/v2"); err != nil {
		return nil, err
	}
	return &program{version: firstLine(ctx, bin, "--version"), driver: driver, ready: accepts, command: func(port int, data string) (*exec.Cmd, error) {
		file := filepath.Join(data, "nats.conf")
		conf := fmt.Sprintf("listen: %q\njetstream { store_dir: %q, sync_interval: always }\n", listen(port), data)
		return exec.Command(bin, "-c", file), os.WriteFile(file, []byte(conf), 0o644)
	}}, nil
}

func redisServer(ctx context.Context, dir string) (*program, error) {
	bin, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, fmt.Errorf("%w; it is in the Debian package redis-server", err)
	}
	driver, err := buildDriver(ctx, dir)
	if err != nil {
		return nil, err
	}
	version, _, _ := strings.Cut(firstLine(ctx, bin, "--version"), " sha=")
	p := started(version, nil, func(port int, data string) []string {
		return []string{bin, "--bind", "127.0.0.1", "--port", strconv.Itoa(port), "--dir", data, "--appendonly", "yes", "--appendfsync", "always", "--save", ""}
	})
	p.driver, p.ready = driver, accepts
	return p, nil
}

// rabbitScript is what starts RabbitMQ in the Debian package. The one in /usr/sbin becomes another user when root calls it, which cannot write here.
const rabbitScript = "/usr/lib/rabbitmq/bin/rabbitmq-server"

func rabbitServer(ctx context.Context, dir string) (*program, error) {
	bin := rabbitScript
	if _, err := os.Stat(bin); err != nil {
		if bin, err = exec.LookPath("rabbitmq-server"); err != nil {
			return nil, fmt.Errorf("%w; it is in the Debian package rabbitmq-server", err)
		}
	}
	driver, err := buildDriver(ctx, dir)
	if err != nil {
		return nil, err
	}
	// Its own tools would leave epmd behind.
	version := firstLine(ctx, "dpkg-query", "--showformat=${Version}\\n", "--show", "rabbitmq-server")
	return &program{version: version, driver: driver, ready: speaksAMQP, command: func(port int, data string) (*exec.Cmd, error) {
		// Nodes find each other over epmd, which Erlang would leave behind as a daemon: here it is one of the process group.
		between, err := freePort()
		if err != nil {
			return nil, err
		}
		names, err := freePort()
		if err != nil {
			return nil, err
		}
		c := exec.Command("sh", "-c", `epmd -address 127.0.0.1 & exec "$0"`, bin)
		c.Dir = data
		c.Env = append(os.Environ(), "HOME="+data, "ERL_EPMD_PORT="+strconv.Itoa(names), "RABBITMQ_NODENAME=staunch-compare@localhost",
			"RABBITMQ_NODE_IP_ADDRESS=127.0.0.1", "RABBITMQ_NODE_PORT="+strconv.Itoa(port), "RABBITMQ_DIST_PORT="+strconv.Itoa(between),
			"RABBITMQ_MNESIA_BASE="+filepath.Join(data, "mnesia"), "RABBITMQ_LOG_BASE="+data, "RABBITMQ_ENABLED_PLUGINS_FILE="+filepath.Join(data, "plugins"),
			"RABBITMQ_PID_FILE="+filepath.Join(data, "pid"), "RABBITMQ_CONFIG_FILE="+filepath.Join(data, "rabbitmq"))
		return c, nil
	}}, nil
}

// speaksAMQP tells whether a broker answers the first bytes of a connection. RabbitMQ accepts connections before it can do that.
func speaksAMQP(ctx context.Context, endpoint string) error {
	c, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", strings.TrimPrefix(endpoint, "http://"))
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return err
	}
	if _, err := c.Write([]byte("AMQP\x00\x00\x09\x01")); err != nil {
		return err
	}
	_, err = io.ReadFull(c, make([]byte, 8))
	return err
}

// firstLine returns the first line that a program prints.
func firstLine(ctx context.Context, args ...string) string {
	out, err := exec.CommandContext(ctx, args[0], args[1:]...).Output()
	if err != nil {
		return err.Error()
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return line
}

// accepts tells whether a broker accepts connections.
func accepts(ctx context.Context, endpoint string) error {
	c, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", strings.TrimPrefix(endpoint, "http://"))
	if err != nil {
		return err
	}
	return c.Close()
}

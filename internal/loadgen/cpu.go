package loadgen

import (
	"bufio"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// ErrMeter means that what the server uses could not be read, from the process or the admin interface that the options name.
var ErrMeter = errors.New("what the server uses cannot be read")

// usage is what processes have used so far.
type usage struct {
	client, server time.Duration // CPU time
	resident       int64         // bytes of the server's memory
}

// meter reads what this process and the server use.
type meter struct {
	pid   int
	admin string // URL
	http  *http.Client
}

func newMeter(o *Options) *meter {
	return &meter{
		pid:   o.ServerPID,
		admin: strings.TrimRight(o.Admin, "/"),
		http:  &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}},
	}
}

func (m *meter) seesServer() bool { return m.pid != 0 || m.admin != "" }

func (m *meter) read() (u usage, err error) {
	switch {
	case m.pid != 0:
		u.server, u.resident, err = ProcessUsage(m.pid)
	case m.admin != "":
		u, err = m.metricsUsage()
	}
	if err != nil {
		return u, fmt.Errorf("%w: %w", ErrMeter, err)
	}
	u.client = ownCPU()
	return u, nil
}

// Names of metrics that every Prometheus client library for Go exports.
const (
	cpuMetric      = "process_cpu_seconds_total"
	residentMetric = "process_resident_memory_bytes"
)

func (m *meter) metricsUsage() (u usage, err error) {
	resp, err := m.http.Get(m.admin + "/metrics")
	if err != nil {
		return u, fmt.Errorf("metrics of the server: %w", err)
	}
	defer resp.Body.Close()
	found := false
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		name, text, _ := strings.Cut(lines.Text(), " ")
		if name != cpuMetric && name != residentMetric {
			continue
		}
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return u, fmt.Errorf("metric %s of the server: %w", name, err)
		}
		if name == cpuMetric {
			u.server, found = time.Duration(value*float64(time.Second)), true
		} else {
			u.resident = int64(value)
		}
	}
	if !found {
		return u, fmt.Errorf("%s/metrics answered HTTP %d without %s", m.admin, resp.StatusCode, cpuMetric)
	}
	return u, nil
}

// ProcessUsage returns the CPU time that a process has used, in steps of 10 ms, and the bytes of memory that it has. It reads /proc.
func ProcessUsage(pid int) (cpu time.Duration, resident int64, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0, fmt.Errorf("CPU time of the server (server-pid needs Linux): %w", err)
	}
	// proc(5): the name of the program, in brackets, may have anything in it; utime and stime are the 12th and 13th field behind it, in
	// ticks, rss the 22nd, in pages.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 22 {
		return 0, 0, fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	var numbers [3]int64
	for i, field := range []int{11, 12, 21} {
		if numbers[i], err = strconv.ParseInt(fields[field], 10, 64); err != nil {
			return 0, 0, fmt.Errorf("/proc/%d/stat: %w", pid, err)
		}
	}
	const tick = 10 * time.Millisecond // USER_HZ is 100 wherever Go runs
	return time.Duration(numbers[0]+numbers[1]) * tick, numbers[2] * int64(os.Getpagesize()), nil
}

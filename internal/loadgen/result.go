package loadgen

import (
	"errors"
	"fmt"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Result is what a run gave. Its JSON form is that of `staunch bench -o json`.
type Result struct {
	Scenario    string    `json:"scenario"`
	Started     time.Time `json:"started"`
	Endpoint    string    `json:"endpoint"`
	Protocol    string    `json:"protocol"`
	Signed      bool      `json:"signed"`
	Producers   int       `json:"producers"`
	Consumers   int       `json:"consumers"`
	Size        int       `json:"size"`
	Batch       int       `json:"batch"`
	Groups      int       `json:"groups,omitzero"`
	Messages    int       `json:"messages,omitzero"` // sent first
	Rate        float64   `json:"rate,omitzero"`     // messages a second that were due
	WarmUp      float64   `json:"warm_up_seconds,omitzero"`
	Seed        uint64    `json:"seed"`
	Phases      []Phase   `json:"phases"` // those that were measured
	Checks      Checks    `json:"checks"`
	allowsTwice bool
}

// Phase is what a measured part of a scenario gave.
type Phase struct {
	Name          string      `json:"name"`
	Seconds       float64     `json:"seconds"`
	Messages      int64       `json:"messages"`            // deleted; without consumers, sent
	Rate          float64     `json:"messages_per_second"` // of those
	Requests      int64       `json:"requests"`
	EmptyReceives int64       `json:"empty_receives,omitzero"`
	Unsent        int64       `json:"unsent,omitzero"` // messages that were due, and not sent because the server was too slow for the rate
	Operations    []Operation `json:"operations"`
	CPU           CPU         `json:"cpu"`
}

// Operation is one kind of request, or the delivery of messages from send to receive. Times are in milliseconds.
type Operation struct {
	Name     string  `json:"name"`
	Requests int64   `json:"requests"`
	Messages int64   `json:"messages"`
	Mean     float64 `json:"mean_ms"`
	P50      float64 `json:"p50_ms"`
	P90      float64 `json:"p90_ms"`
	P99      float64 `json:"p99_ms"`
	P999     float64 `json:"p999_ms"`
	Max      float64 `json:"max_ms"`

	times *hdrhistogram.Histogram // nanoseconds
	began time.Time
	took  time.Duration
}

// CPU is what the phase cost. Without a server to look at, its fields are 0.
type CPU struct {
	ClientPerRequest float64 `json:"client_us_per_request"`
	ClientCores      float64 `json:"client_cores"`
	ServerPerRequest float64 `json:"server_us_per_request,omitzero"`
	ServerCores      float64 `json:"server_cores,omitzero"`
	ServerResident   int64   `json:"server_resident_bytes,omitzero"` // at its end
}

// Checks is what became of the messages of a run.
type Checks struct {
	Sent        int64 `json:"sent"`        // sends that were answered
	Received    int64 `json:"received"`    // different messages
	Deleted     int64 `json:"deleted"`     // deletes that were answered
	Left        int64 `json:"left"`        // sent, and left in the queue because nobody was to receive them
	Lost        int64 `json:"lost"`        // sent, and never received
	Undeleted   int64 `json:"undeleted"`   // received, and not deleted
	Duplicates  int64 `json:"duplicates"`  // receives of a message that had been received
	Resurrected int64 `json:"resurrected"` // receives of a message whose delete had been answered
	Disordered  int64 `json:"disordered"`  // receives of a message after a later one of its group
	Damaged     int64 `json:"damaged"`     // bodies that are not as they were sent
	Foreign     int64 `json:"foreign"`     // messages of somebody else, in a queue that was there before; they are left in the queue
}

// Violations returns what the server did that SQS must not do, or nil.
func (r *Result) Violations() error {
	var wrong []error
	c := &r.Checks
	duplicates := c.Duplicates
	if r.allowsTwice {
		duplicates = 0
	}
	for _, v := range []struct {
		n    int64
		what string
	}{
		{c.Lost, "messages were sent and never received"},
		{c.Undeleted, "messages were received and not deleted"},
		{duplicates, "messages came again while they were in flight"},
		{c.Resurrected, "messages came again after their delete was answered"},
		{c.Disordered, "messages came after a later one of their group"},
		{c.Damaged, "bodies were not as they were sent"},
	} {
		if v.n > 0 {
			wrong = append(wrong, fmt.Errorf("%s: %d %s", r.Scenario, v.n, v.what))
		}
	}
	return errors.Join(wrong...)
}

// newPhase makes a Phase of what was recorded from one moment to another.
func (r *recorder) newPhase(p phase, took time.Duration, began time.Time) Phase {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := Phase{Name: p.name, Seconds: took.Seconds(), EmptyReceives: r.empty, Requests: r.empty}
	for op, t := range r.ops {
		if t.requests == 0 && t.times.TotalCount() == 0 {
			continue
		}
		ms := func(nanos int64) float64 { return float64(nanos/1000) / 1000 }
		out.Operations = append(out.Operations, Operation{
			Name: operationNames[op], Requests: t.requests, Messages: t.messages, Mean: ms(int64(t.times.Mean())),
			P50: ms(t.times.ValueAtQuantile(50)), P90: ms(t.times.ValueAtQuantile(90)), P99: ms(t.times.ValueAtQuantile(99)),
			P999: ms(t.times.ValueAtQuantile(99.9)), Max: ms(t.times.Max()),
			times: t.times, began: began, took: took,
		})
		if operation(op) != opDelivery {
			out.Requests += t.requests
		}
	}
	counts := opSend
	if p.consumers > 0 {
		counts = opDelete
	}
	out.Messages = r.ops[counts].messages
	out.Rate = float64(out.Messages) / took.Seconds()
	return out
}

// newCPU compares what was used before and after.
func newCPU(before, after usage, requests int64, took time.Duration) CPU {
	n := float64(max(requests, 1))
	client, server := after.client-before.client, after.server-before.server
	return CPU{
		ClientPerRequest: float64(client.Microseconds()) / n, ClientCores: client.Seconds() / took.Seconds(),
		ServerPerRequest: float64(server.Microseconds()) / n, ServerCores: server.Seconds() / took.Seconds(),
		ServerResident: after.resident,
	}
}

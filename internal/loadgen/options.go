package loadgen

import (
	"cmp"
	"errors"
	"fmt"
	"time"
)

// The wire protocols of SQS.
const (
	JSON  = "json"
	Query = "query"
)

// The limits of SQS, and of what a message must carry here.
const (
	bodyBytesMin   = stampBytes
	bodyBytesMax   = 1 << 20 // AWS: 1 MiB a message, and a batch in all
	batchMax       = 10
	connectionsMax = 10_000
	groupsMax      = 1 << 24 // what a message's stamp can name
	waitMax        = 20 * time.Second
)

// Options say what Run does. Zero values are filled in where a comment says so.
type Options struct {
	Scenario string // a name in Scenarios
	Endpoint string // http:// or https:// URL of the server
	Queue    string // name or URL of the queue; empty: one is created, and deleted afterwards
	Protocol string // JSON or Query; default JSON
	Keys     Keys   // what requests are signed with; none without an access key
	Region   string // of the signatures; default us-east-1

	Connections int // default 32: producers and consumers each
	Producers   int // default Connections
	Consumers   int // default Connections; 1 in fan-in
	Size        int // bytes of a body, 36 to 1 MiB; default 1024
	Batch       int // messages a request, 1 to 10; default 10. send and long-poll send one at a time
	Groups      int // message groups of fifo; default 64
	Messages    int // how many receive-delete and backlog send first; default 100,000. In send and send-batch: so many, whatever the time

	Ahead int // messages that producers without a rate may be ahead of consumers; default four requests of each producer

	Duration     time.Duration // of what is measured; default 10 s
	WarmUp       time.Duration // before that, not measured; default 0
	Rate         float64       // messages a second that are due, in all; 0: as fast as answers come. long-poll: default 200
	Wait         time.Duration // of each receive, whole seconds to 20 s; default 20 s in long-poll, else 1 s
	DrainTimeout time.Duration // how long nothing may come before what is missing counts as lost; default 10 s
	Seed         uint64        // of bodies and groups

	NoVerify        bool // do not receive what send and send-batch sent
	AllowDuplicates bool // a message that comes twice is counted and no violation

	ServerPID int    // process whose CPU time is read, on this machine; 0: none
	Admin     string // URL of Staunch's admin interface, to read the same from its metrics; empty: none
}

// complete fills in the defaults and says what cannot be.
func (o Options) complete() (Options, error) {
	s, ok := scenarioNamed(o.Scenario)
	if !ok {
		return o, fmt.Errorf("there is no scenario %q", o.Scenario)
	}
	if o.Consumers == 0 && o.Scenario == FanIn {
		o.Consumers = 1
	}
	if o.Rate == 0 && o.Scenario == LongPoll {
		o.Rate = 200
	}
	if o.Scenario == Send || o.Scenario == LongPoll {
		o.Batch = 1
	}
	if o.Wait == 0 {
		o.Wait = time.Second
		if o.Scenario == LongPoll {
			o.Wait = waitMax
		}
	}
	o.Protocol = cmp.Or(o.Protocol, JSON)
	o.Region = cmp.Or(o.Region, "us-east-1")
	o.Connections = cmp.Or(o.Connections, 32)
	o.Producers = cmp.Or(o.Producers, o.Connections)
	o.Consumers = cmp.Or(o.Consumers, o.Connections)
	o.Size = cmp.Or(o.Size, 1024)
	o.Batch = cmp.Or(o.Batch, batchMax)
	o.Groups = cmp.Or(o.Groups, 64)
	if s.fills {
		o.Messages = cmp.Or(o.Messages, 100_000)
	}
	o.Duration = cmp.Or(o.Duration, 10*time.Second)
	o.DrainTimeout = cmp.Or(o.DrainTimeout, 10*time.Second)
	if s.fifo {
		o.Producers = min(o.Producers, o.Groups) // a group has one producer, so that its order is known
	}
	o.Ahead = cmp.Or(o.Ahead, 4*o.Producers*o.Batch)
	return o, o.check(s)
}

// check says everything that is wrong with complete options.
func (o *Options) check(s scenario) error {
	var wrong []error
	refuse := func(bad bool, format string, values ...any) {
		if bad {
			wrong = append(wrong, fmt.Errorf(format, values...))
		}
	}
	between := func(name string, value, low, high int) {
		refuse(value < low || value > high, "%s is %d; it can be %d to %d", name, value, low, high)
	}
	between("connections", o.Connections, 1, connectionsMax)
	between("producers", o.Producers, 1, connectionsMax)
	between("consumers", o.Consumers, 1, connectionsMax)
	between("size", o.Size, bodyBytesMin, bodyBytesMax)
	between("batch", o.Batch, 1, batchMax)
	between("groups", o.Groups, 1, groupsMax)
	refuse(o.Size*o.Batch > bodyBytesMax && o.Size <= bodyBytesMax, "%d messages of %d bytes are over the %d bytes that a batch may have; make batch or size smaller",
		o.Batch, o.Size, bodyBytesMax)
	refuse(o.Messages < 0, "messages is %d; it must be more than 0", o.Messages)
	refuse(o.Messages > 0 && !s.fills && !s.counts, "messages does not go with %s, which lasts for the duration", s.Name)
	refuse(o.Messages > 0 && s.counts && (o.Rate > 0 || o.WarmUp > 0), "messages goes neither with rate nor with warm-up: %s ends with the last message", s.Name)
	refuse(o.Ahead < o.Batch, "ahead is %d; it can be a batch (%d) and more", o.Ahead, o.Batch)
	refuse(o.Duration <= 0, "duration is %v; it must be more than 0", o.Duration)
	refuse(o.WarmUp < 0, "warm-up is %v; it cannot be negative", o.WarmUp)
	refuse(o.WarmUp > 0 && !s.warms, "warm-up does not go with %s: what it measures begins with a full or an empty queue", s.Name)
	refuse(o.Rate < 0, "rate is %v; it cannot be negative", o.Rate)
	refuse(o.Rate > 0 && !s.paced, "rate does not go with %s, which sends as fast as answers come", s.Name)
	refuse(o.Wait < 0 || o.Wait > waitMax || o.Wait%time.Second != 0, "wait is %v; it can be 0s to 20s in whole seconds", o.Wait)
	refuse(o.DrainTimeout <= 0, "drain-timeout is %v; it must be more than 0", o.DrainTimeout)
	refuse(o.Protocol != JSON && o.Protocol != Query, "protocol is %q; it can be %s or %s", o.Protocol, JSON, Query)
	refuse(o.Keys.AccessKey == "" && o.Keys.SecretKey != "", "there is a secret key without an access key")
	refuse(o.Keys.AccessKey != "" && o.Keys.SecretKey == "", "there is an access key without a secret key")
	refuse(o.ServerPID < 0, "server-pid is %d; it must be a process", o.ServerPID)
	refuse(o.ServerPID != 0 && o.Admin != "", "the server's CPU time comes from server-pid or from admin, not from both")
	if _, err := parseEndpoint(o.Endpoint); err != nil {
		wrong = append(wrong, err)
	}
	return errors.Join(wrong...)
}

// Check says everything that is wrong with the options, as Run would.
func (o Options) Check() error {
	_, err := o.complete()
	return err
}

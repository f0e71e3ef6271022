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
	// Attributes are those of the queue that is created. FifoQueue is not among them: the scenario decides it.
	Attributes map[string]string
	Protocol   string // JSON or Query; default JSON
	Keys       Keys   // what requests are signed with; none without an access key
	Region     string // of the signatures; default us-east-1

	Connections int // default 32: producers and consumers each
	Producers   int // default Connections
	Consumers   int // default Connections; 1 in fan-in
	Size        int // bytes of a body, 36 to 1 MiB; default 1024
	Batch       int // messages a request, 1 to 10; default 10. send and long-poll send one at a time, whence they take no other value
	Groups      int // message groups of fifo; default 64
	Messages    int // how many receive-delete and backlog send first; default 100,000. In send and send-batch: so many, whatever the time

	Ahead int // messages that producers without a rate may be ahead of consumers; default four requests of each producer

	Duration     time.Duration // of what is measured; default 10 s
	WarmUp       time.Duration // before that, not measured; default 0
	Rate         float64       // messages a second that are due, in all; 0: as fast as answers come. long-poll: default 200
	Wait         time.Duration // of each receive, whole seconds to 20 s; default 20 s in long-poll, else 1 s
	ShortPoll    bool          // receives do not wait
	DrainTimeout time.Duration // how long nothing may come before what is missing counts as lost; default 10 s
	DrainLimit   time.Duration // how long receiving may go on after what is measured; what is left then counts as such. Default Duration, DrainTimeout if that is longer
	Seed         uint64        // of bodies and groups

	NoVerify        bool // do not receive what send, send-batch and receive-delete leave in the queue
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
	unused := o.unused(s)
	if o.Consumers == 0 && o.Scenario == FanIn {
		o.Consumers = 1
	}
	if o.Rate == 0 && o.Scenario == LongPoll {
		o.Rate = 200
	}
	if s.single {
		o.Batch = 1
	}
	if o.Wait == 0 && !o.ShortPoll {
		o.Wait = time.Second
		if o.Scenario == LongPoll {
			o.Wait = waitMax
		}
	}
	o.Protocol = cmp.Or(o.Protocol, JSON)
	o.Region = cmp.Or(o.Region, "us-east-1")
	o.Connections = cmp.Or(o.Connections, 32)
	o.Groups = cmp.Or(o.Groups, 64)
	if s.fifo && o.Producers == 0 {
		o.Producers = min(o.Connections, o.Groups) // a group has one producer, so that its order is known
	}
	o.Producers = cmp.Or(o.Producers, o.Connections)
	o.Consumers = cmp.Or(o.Consumers, o.Connections)
	o.Size = cmp.Or(o.Size, 1024)
	o.Batch = cmp.Or(o.Batch, batchMax)
	if s.fills {
		o.Messages = cmp.Or(o.Messages, 100_000)
	}
	o.Duration = cmp.Or(o.Duration, 10*time.Second)
	o.DrainTimeout = cmp.Or(o.DrainTimeout, 10*time.Second)
	o.DrainLimit = cmp.Or(o.DrainLimit, max(o.Duration, o.DrainTimeout))
	o.Ahead = cmp.Or(o.Ahead, 4*o.Producers*o.Batch)
	return o, errors.Join(unused, o.check(s))
}

// unused says which options were given that the scenario would not look at.
func (o *Options) unused(s scenario) error {
	var wrong []error
	refuse := func(given bool, name, why string) {
		if given {
			wrong = append(wrong, fmt.Errorf("%s does not go with %s%s", name, s.Name, why))
		}
	}
	counted := s.counts && o.Messages > 0
	receives := o.Consumers == 0 && s.Name != FanIn && !(o.NoVerify && s.counts) // in a number that connections decides
	refuse(o.Connections != 0 && o.Producers != 0 && !receives, "connections", ", whose producers and consumers have numbers of their own")
	refuse(o.Batch > 1 && s.single, "batch", ", which sends one message a request")
	refuse(o.Groups != 0 && !s.fifo, "groups", "")
	refuse(o.Messages > 0 && !s.fills && !s.counts, "messages", ", which lasts for the duration")
	refuse(o.Duration != 0 && (s.lasts || counted), "duration", ", which ends with the last message")
	refuse(o.WarmUp > 0 && !s.warms, "warm-up", ": what it measures begins with a full or an empty queue")
	refuse((o.Rate > 0 || o.WarmUp > 0) && counted, "a rate or a warm-up", " with messages, which ends with the last of them")
	refuse(o.Rate > 0 && !s.paced, "rate", ", which sends as fast as answers come")
	refuse(o.Ahead != 0 && !s.trips, "ahead", ", whose producers do not wait for consumers")
	refuse(o.Ahead != 0 && (o.Rate > 0 || s.Name == LongPoll), "ahead", " at a rate")
	refuse(o.NoVerify && !s.leaves, "no-verify", ", which receives everything in any case")
	refuse(o.DrainLimit != 0 && (s.lasts || o.NoVerify), "drain-limit", " here: nothing is received after what is measured")
	if o.NoVerify && s.counts {
		refuse(o.Consumers != 0 || o.Wait != 0 || o.ShortPoll, "consumers or wait", " and no-verify, which receives nothing")
		refuse(o.DrainTimeout != 0 && o.Rate == 0, "drain-timeout", " and no-verify, which receives nothing")
		refuse(o.AllowDuplicates, "allow-duplicates", " and no-verify, which receives nothing")
	}
	refuse(o.NoVerify && s.Name == ReceiveDelete && o.DrainTimeout != 0, "drain-timeout", " and no-verify, which does not look for the rest")
	return errors.Join(wrong...)
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
	refuse(o.Ahead < o.Batch, "ahead is %d; it can be a batch (%d) and more", o.Ahead, o.Batch)
	refuse(o.Duration <= 0, "duration is %v; it must be more than 0", o.Duration)
	refuse(o.WarmUp < 0, "warm-up is %v; it cannot be negative", o.WarmUp)
	refuse(o.Rate < 0, "rate is %v; it cannot be negative", o.Rate)
	refuse(o.Wait < 0 || o.Wait > waitMax || o.Wait%time.Second != 0, "wait is %v; it can be 0s to 20s in whole seconds", o.Wait)
	refuse(o.ShortPoll && o.Wait > 0, "wait is %v, and receives are not to wait", o.Wait)
	refuse(s.fifo && o.Producers > o.Groups, "producers is %d; it can be as many as there are groups (%d), each of which has one", o.Producers, o.Groups)
	refuse(o.DrainTimeout <= 0, "drain-timeout is %v; it must be more than 0", o.DrainTimeout)
	refuse(o.DrainLimit < o.DrainTimeout, "drain-limit is %v; it can be the drain-timeout (%v) and more", o.DrainLimit, o.DrainTimeout)
	refuse(len(o.Attributes) > 0 && o.Queue != "", "attributes are of a queue that is made, and there is one")
	for name := range o.Attributes {
		refuse(name == "" || name == "FifoQueue", "attribute %q cannot be set here", name)
	}
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

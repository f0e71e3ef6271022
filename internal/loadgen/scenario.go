package loadgen

import "slices"

// The names of the scenarios.
const (
	Send          = "send"
	SendBatch     = "send-batch"
	ReceiveDelete = "receive-delete"
	RoundTrip     = "round-trip"
	LongPoll      = "long-poll"
	FIFO          = "fifo"
	FanIn         = "fan-in"
	Backlog       = "backlog"
)

// scenario is one row of the table of scenarios.
type scenario struct {
	Name, What string
	fifo       bool // its queue is a FIFO queue
	single     bool // it sends one message a request
	warms      bool // it can run for a while before it is measured
	paced      bool // it can send at a rate
	fills      bool // it sends a number of messages first
	counts     bool // it can send a number of messages
	lasts      bool // it ends with the last message, whatever the time
	trips      bool // it sends and receives at once
	leaves     bool // it leaves messages in the queue, unless they are received to verify them
	phases     func(o *Options) []phase
}

// phase is what producers and consumers do together until it is over.
type phase struct {
	name                 string
	producers, consumers int
	messages             int  // the producers send so many; 0: for warm-up and duration
	empties              bool // it lasts until everything that was sent is received and deleted
	measured             bool
}

var scenarios = []scenario{
	{
		Name: Send, What: "SendMessage, one message a request", single: true, warms: true, paced: true, counts: true, leaves: true,
		phases: sendPhases,
	},
	{
		Name: SendBatch, What: "SendMessageBatch", warms: true, paced: true, counts: true, leaves: true,
		phases: sendPhases,
	},
	{
		Name: ReceiveDelete, What: "ReceiveMessage and DeleteMessageBatch, of messages that were sent before", fills: true, leaves: true,
		phases: func(o *Options) []phase {
			return []phase{
				{name: "fill", producers: o.Producers, messages: o.Messages},
				{name: ReceiveDelete, consumers: o.Consumers, measured: true},
				{name: "drain", consumers: o.Consumers, empties: true},
			}
		},
	},
	{
		Name: RoundTrip, What: "producers and consumers at the same time", warms: true, paced: true, trips: true,
		phases: roundTripPhases,
	},
	{
		Name: LongPoll, What: "time from send to receive at a fixed rate, receives waiting", single: true, warms: true, paced: true, trips: true,
		phases: roundTripPhases,
	},
	{
		Name: FIFO, What: "the round trip with message groups, in order", fifo: true, warms: true, paced: true, trips: true,
		phases: roundTripPhases,
	},
	{
		Name: FanIn, What: "many producers, one consumer", warms: true, paced: true, trips: true,
		phases: roundTripPhases,
	},
	{
		Name: Backlog, What: "fill a queue deeply, then drain it", fills: true, lasts: true,
		phases: func(o *Options) []phase {
			return []phase{
				{name: "fill", producers: o.Producers, messages: o.Messages, measured: true},
				{name: "drain", consumers: o.Consumers, empties: true, measured: true},
			}
		},
	},
}

// Scenarios returns the name of each scenario and what it does, in the order of the documentation.
func Scenarios() (names, whats []string) {
	for _, s := range scenarios {
		names, whats = append(names, s.Name), append(whats, s.What)
	}
	return names, whats
}

func scenarioNamed(name string) (scenario, bool) {
	i := slices.IndexFunc(scenarios, func(s scenario) bool { return s.Name == name })
	if i < 0 {
		return scenario{}, false
	}
	return scenarios[i], true
}

func sendPhases(o *Options) []phase {
	list := []phase{{name: o.Scenario, producers: o.Producers, messages: o.Messages, measured: true}}
	if !o.NoVerify {
		list = append(list, phase{name: "drain", consumers: o.Consumers, empties: true})
	}
	return list
}

func roundTripPhases(o *Options) []phase {
	return []phase{{name: o.Scenario, producers: o.Producers, consumers: o.Consumers, empties: true, measured: true}}
}

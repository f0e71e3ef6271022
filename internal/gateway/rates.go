package gateway

import (
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/arn"
)

// Rates limit how many requests are taken. Beyond a rate requests get RequestThrottled, on which SDKs wait and try again. After
// a pause, as many requests as a second may bring are taken at once.
type Rates struct {
	// Account is the requests a second by callers of one account; anonymous callers together are one more. Queue is those to one queue, of
	// all actions together. Zero is no limit.
	Account, Queue int
	// FIFO limits calls to FIFO queues as AWS does (reference/sqs.md 12), unless HighThroughput, if set, exempts the queue.
	FIFO           bool
	HighThroughput func(q arn.ARN) bool
	// Throttled, if set, is called for each refused request with what limits it: "account", "queue" or "fifo".
	Throttled func(limit string)
}

const (
	// fifoRate is AWS's quota for a FIFO queue: 300 calls a second of each action, a batch being one.
	fifoRate = 300
	// bucketsMax is how many accounts, or queues, are told apart at least, and half of how many at most. Each takes about 200 bytes.
	bucketsMax = 20_000
)

// rates are Rates with what was counted.
type rates struct {
	Rates
	accounts, queues, fifo buckets
}

func newRates(o Rates) *rates {
	if o.Throttled == nil {
		o.Throttled = func(string) {}
	}
	r := &rates{Rates: o, accounts: buckets{rate: o.Account}, queues: buckets{rate: o.Queue}}
	if o.FIFO {
		r.fifo.rate = fifoRate
	}
	return r
}

// admitCaller refuses a request of a caller whose account sends too many. It comes before what it costs to decide and to act, and after
// the signature: what strangers send in an account's name is not counted.
func (x *exchange) admitCaller(c *api.Caller) error {
	if x.rates.accounts.rate == 0 {
		return nil
	}
	if !x.rates.accounts.allow(bucket{account: c.Principal.Account}, x.options.Now()) {
		return x.throttled("account")
	}
	return nil
}

// admitQueue refuses a request to a queue that gets too many. Only requests that are allowed are counted.
func (x *exchange) admitQueue(c *api.Caller, in any) error {
	r := x.rates
	if r.queues.rate == 0 && r.fifo.rate == 0 || x.api != api.SQSAPI {
		return nil
	}
	q, ok := queueOf(x.action, c, in)
	if !ok {
		return nil
	}
	now, b := x.options.Now(), bucket{account: q.Account, region: q.Region, queue: q.Name}
	if !r.queues.allow(b, now) {
		return x.throttled("queue")
	}
	if b.action = fifoAction(x.action.Name); r.fifo.rate == 0 || b.action == "" || !strings.HasSuffix(q.Name, ".fifo") ||
		r.HighThroughput != nil && r.HighThroughput(q) {
		return nil
	}
	if !r.fifo.allow(b, now) {
		return x.throttled("fifo")
	}
	return nil
}

func (x *exchange) throttled(limit string) error {
	x.rates.Throttled(limit)
	return api.RequestThrottled.New()
}

// fifoAction returns the action that has a quota for FIFO queues, "" if it has none. A batch is a call of the single action.
func fifoAction(name string) string {
	switch name = strings.TrimSuffix(name, "Batch"); name {
	case "SendMessage", "ReceiveMessage", "DeleteMessage":
		return name
	}
	return ""
}

// bucket names what is limited.
type bucket struct{ account, region, queue, action string }

// clone returns the same name in memory of its own: names are parts of requests, which can be long.
func (b bucket) clone() bucket {
	return bucket{strings.Clone(b.account), strings.Clone(b.region), strings.Clone(b.queue), b.action}
}

// buckets are token buckets by name, in bounded memory: when there are many, those that were not used for the longest time
// begin anew. It is safe for concurrent use.
type buckets struct {
	rate int // tokens a second, and at most; 0 is no limit

	mu          sync.Mutex
	young, aged map[bucket]*rate.Limiter // guarded by mu; what was used since the last change of generations, and before
}

// allow takes a token if there is one.
func (b *buckets) allow(name bucket, now time.Time) bool {
	return b.rate == 0 || b.limiter(name).AllowN(now, 1)
}

func (b *buckets) limiter(name bucket) *rate.Limiter {
	b.mu.Lock()
	defer b.mu.Unlock()
	if l := b.young[name]; l != nil {
		return l
	}
	if b.young == nil || len(b.young) >= bucketsMax {
		b.aged, b.young = b.young, make(map[bucket]*rate.Limiter)
	}
	l := b.aged[name]
	if l == nil {
		l = rate.NewLimiter(rate.Limit(b.rate), b.rate)
	}
	b.young[name.clone()] = l
	return l
}

package loadgen

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Progress is how far a run is.
type Progress struct {
	Scenario, Phase         string
	Measured                bool          // false: what happens before or after what is measured
	Elapsed                 time.Duration // of the phase
	Most                    time.Duration // what the phase takes at the most; 0: as long as its messages take
	Rate                    float64       // messages a second since the last Progress: deleted, or sent where nothing is deleted
	Sent, Received, Deleted int64         // messages of the run
	Done, Total             int64         // messages of the phase: deleted, or sent where nothing is deleted; Total is 0 where a time decides
}

// progressEvery is how often progress is told.
const progressEvery = 250 * time.Millisecond

// errOver ends the consumers of a phase.
var errOver = errors.New("the phase is over")

// run is one run of a scenario.
type run struct {
	o        *Options
	scenario scenario
	endpoint *endpoint
	began    time.Time
	queue    string // URL
	bodies   *bodies
	ledger   *ledger
	rec      recorder
	meter    *meter
	progress func(Progress)
}

// now is the time since the run began.
func (r *run) now() time.Duration { return time.Since(r.began) }

// Run runs a scenario. progress, if it is not nil, is called a few times a second, from one goroutine at a time. What the
// server did wrong with messages is no error here: see Result.Violations. An answer that is no success is one.
func Run(ctx context.Context, o Options, progress func(Progress)) (result *Result, err error) {
	if o, err = o.complete(); err != nil {
		return nil, err
	}
	r := &run{o: &o, began: time.Now(), meter: newMeter(&o), progress: progress}
	r.scenario, _ = scenarioNamed(o.Scenario)
	if r.endpoint, err = parseEndpoint(o.Endpoint); err != nil {
		return nil, err
	}
	groups := 0
	if r.scenario.fifo {
		groups = o.Groups
	}
	r.bodies, r.ledger = newBodies(rand.Uint32(), o.Size, o.Seed), newLedger(groups)
	r.rec.paced = o.Rate > 0
	if _, err := r.meter.read(); err != nil {
		return nil, err
	}
	closeQueue, err := r.openQueue(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closeQueue()) }()
	return r.runPhases(ctx)
}

// showing tells progress until the function that it returns is called, which waits until it is no longer told. It is called before any
// message of the phase moves: what has happened then does not count as the phase's.
func (r *run) showing(p phase, most time.Duration) (stop func()) {
	if r.progress == nil {
		return func() {}
	}
	counts := &r.ledger.sent
	if p.consumers > 0 {
		counts = &r.ledger.deleted
	}
	began := counts.Load()
	at := Progress{Scenario: r.o.Scenario, Phase: p.name, Measured: p.measured, Most: most, Total: int64(p.messages)}
	if p.empties && p.producers == 0 {
		at.Total = r.ledger.sent.Load() - began
	}
	over, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		r.report(at, func() int64 { return counts.Load() - began }, over)
	}()
	return func() { close(over); <-ended }
}

func (r *run) runPhases(ctx context.Context) (*Result, error) {
	o := r.o
	result := &Result{
		Scenario: o.Scenario, Started: r.began.UTC(), Endpoint: o.Endpoint, Protocol: o.Protocol, Signed: o.Keys.AccessKey != "",
		Producers: o.Producers, Consumers: o.Consumers, Size: o.Size, Batch: o.Batch, Rate: o.Rate, WarmUp: o.WarmUp.Seconds(), Seed: o.Seed,
		allowsTwice: o.AllowDuplicates,
	}
	if r.scenario.fifo {
		result.Groups = o.Groups
	}
	emptied := false
	for _, p := range r.scenario.phases(o) {
		if p.messages > 0 {
			result.Messages = p.messages
		}
		if o.NoVerify && p.empties && !p.measured {
			continue
		}
		out, cut, err := r.runPhase(ctx, p)
		if err != nil {
			return nil, err
		}
		emptied = p.empties && !cut
		if p.measured {
			result.Phases = append(result.Phases, out)
		}
	}
	result.Checks = r.checks(emptied)
	return result, nil
}

// checks adds up the ledger. emptied says that the last phase was to receive and delete everything.
func (r *run) checks(emptied bool) Checks {
	l := r.ledger
	c := Checks{
		Sent: l.sent.Load(), Received: l.received.Load(), Deleted: l.deleted.Load(),
		Undeleted: l.count(wasReceived, wasDeleted), Lost: l.count(wasSent, wasReceived),
		Duplicates: l.duplicates.Load(), Resurrected: l.resurrected.Load(), Disordered: l.disorder.Load(),
		Damaged: l.damaged.Load(), Foreign: l.foreign.Load(),
	}
	if !emptied {
		c.Left, c.Lost = c.Lost, 0
	}
	return c
}

// runPhase runs one phase until all its producers and consumers have ended. cut says that it was to receive everything, and that the time
// for that was over before.
func (r *run) runPhase(ctx context.Context, p phase) (out Phase, cut bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	from, to, last := r.now(), forever, forever
	if p.messages == 0 && !(p.empties && p.producers == 0) {
		if p.measured {
			from += r.o.WarmUp
		}
		to = from + r.o.Duration
		last = to
	}
	most := time.Duration(0)
	if p.empties && !r.scenario.lasts {
		end := to
		if to == forever { // it only receives
			end = from
		}
		last = end + r.o.DrainLimit
	}
	if last != forever {
		most = last - r.now()
	}
	r.rec.begin(from, to)
	measured := make(chan measurement, 1)
	done := make(chan struct{})
	go func() { measured <- r.measure(from, to, done) }()
	shown := r.showing(p, most)

	unsent, cut, err := r.work(ctx, cancel, p, to, last)
	close(done)
	m := <-measured
	shown()
	if err == nil {
		err = m.err
	}
	if err != nil {
		return Phase{}, false, err
	}
	if m.took <= 0 {
		return Phase{}, false, errors.New("everything was over before the warm-up was")
	}
	out = r.rec.newPhase(p, m.took, r.began.Add(from))
	out.Unsent = unsent
	out.CPU = newCPU(m.before, m.after, out.Requests, m.took)
	if !r.meter.seesServer() {
		out.CPU.ServerPerRequest, out.CPU.ServerCores = 0, 0
	}
	return out, cut, nil
}

// work runs the producers and consumers of a phase and returns how many messages were due and not sent. Producers send until one moment; receiving is
// cut when it still goes on after another.
func (r *run) work(ctx context.Context, cancel context.CancelCauseFunc, p phase, to, last time.Duration) (unsent int64, cut bool, err error) {
	pace := &pace{run: r, batch: r.o.Batch, start: r.now(), until: to, rate: r.o.Rate, giveUp: forever}
	if to != forever {
		pace.giveUp = to + r.o.DrainTimeout
	}
	if p.messages > 0 {
		pace.left = new(atomic.Int64)
		pace.left.Store(int64(p.messages))
	}
	if p.producers > 0 && p.consumers > 0 && r.o.Rate == 0 {
		pace.ahead = newAhead(r.o.Ahead, r.o.Batch)
	}
	until := to
	if p.empties {
		until = forever
	}
	var enough atomic.Bool
	var producers, consumers, monitor sync.WaitGroup
	try := func(do func() error) {
		if err := do(); err != nil {
			cancel(err) // the first one counts
		}
	}
	for i := range p.producers {
		producers.Go(func() { try(func() error { return r.produce(ctx, pace, i, p.producers) }) })
	}
	for range p.consumers {
		consumers.Go(func() { try(func() error { return r.consume(ctx, until, &enough, pace.ahead) }) })
	}
	ended := make(chan struct{})
	monitor.Go(func() {
		producers.Wait()
		if p.consumers > 0 {
			if r.awaitEmpty(ended, last) {
				enough.Store(true) // what is on its way is deleted yet
				return
			}
			cancel(errOver)
		}
	})
	producers.Wait()
	consumers.Wait()
	close(ended)
	monitor.Wait()
	if err := context.Cause(ctx); err != nil && !errors.Is(err, errOver) {
		return 0, false, err
	}
	return pace.unsent.Load(), enough.Load(), nil
}

// awaitEmpty returns when all that was sent is received and deleted, when nothing has come for the drain timeout, when ended is closed, or, with true, when
// something still comes after the last moment.
func (r *run) awaitEmpty(ended <-chan struct{}, last time.Duration) (cut bool) {
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	var before int64
	moved := r.now()
	for {
		if r.ledger.complete() {
			return false
		}
		if state := r.ledger.received.Load() + r.ledger.deleted.Load(); state != before {
			before, moved = state, r.now()
			if moved > last {
				return true
			}
		}
		if r.now()-moved > r.o.DrainTimeout {
			return false
		}
		select {
		case <-ticker.C:
		case <-ended:
			return false
		}
	}
}

// measurement is what was used in the window of a phase.
type measurement struct {
	before, after usage
	took          time.Duration
	err           error
}

// measure reads what is used when the window opens, and when it closes or done is.
func (r *run) measure(from, to time.Duration, done <-chan struct{}) (m measurement) {
	wait := func(until time.Duration) {
		timer := time.NewTimer(until - r.now())
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-done:
		}
	}
	wait(from)
	var err1, err2 error
	m.before, err1 = r.meter.read()
	wait(to)
	m.took = min(r.now(), to) - from
	m.after, err2 = r.meter.read()
	m.err = errors.Join(err1, err2)
	return m
}

// report tells the progress until over is closed: at, with what has changed. done returns how many messages of the phase are done.
func (r *run) report(at Progress, done func() int64, over <-chan struct{}) {
	ticker := time.NewTicker(progressEvery)
	defer ticker.Stop()
	start := r.now()
	for last := start; ; {
		select {
		case <-ticker.C:
		case <-over:
			return
		}
		now, count := r.now(), done()
		at.Elapsed, at.Rate, at.Done = now-start, float64(count-at.Done)/(now-last).Seconds(), count
		at.Sent, at.Received, at.Deleted = r.ledger.sent.Load(), r.ledger.received.Load(), r.ledger.deleted.Load()
		r.progress(at)
		last = now
	}
}

// connect returns a connection that is dialled by its first request.
func (r *run) connect(ctx context.Context) (*conn, error) {
	c := &conn{endpoint: r.endpoint, wire: newWire(r.o.Protocol), ctx: ctx}
	if r.o.Keys.AccessKey != "" {
		c.signer = &signer{keys: r.o.Keys, region: r.o.Region, host: r.endpoint.host}
	}
	if r.queue == "" {
		return c, nil
	}
	return c, c.wire.use(r.queue)
}

// visibility is the visibility timeout of a queue that is made here: longer than a message is in flight in any run.
const visibility = "3600"

// withVisibility returns these attributes of a queue, and a visibility timeout if there is none among them.
func withVisibility(attributes map[string]string) map[string]string {
	all := map[string]string{"VisibilityTimeout": visibility}
	maps.Copy(all, attributes)
	return all
}

// openQueue finds the queue, or creates one that closeQueue deletes.
func (r *run) openQueue(ctx context.Context) (closeQueue func() error, err error) {
	nothing := func() error { return nil }
	if strings.Contains(r.o.Queue, "://") {
		r.queue = r.o.Queue
		return nothing, nil
	}
	c, err := r.connect(ctx)
	if err != nil {
		return nil, err
	}
	defer c.close()
	if r.o.Queue != "" {
		r.queue, err = r.askURL(c, "GetQueueUrl", c.wire.appendGetURL(nil, r.o.Queue))
		return nothing, err
	}
	name, attributes := fmt.Sprintf("staunch-bench-%08x", r.bodies.run), withVisibility(r.o.Attributes)
	if r.scenario.fifo {
		name, attributes["FifoQueue"] = name+".fifo", "true"
	}
	if r.queue, err = r.askURL(c, "CreateQueue", c.wire.appendCreate(nil, name, attributes)); err != nil {
		return nil, err
	}
	return r.deleteQueue, nil
}

// deleteTimeout is how long the delete of the queue may take. It happens also when the run was interrupted.
const deleteTimeout = 30 * time.Second

func (r *run) deleteQueue() error {
	defer r.showing(phase{name: "delete the queue"}, deleteTimeout)()
	ctx, cancel := context.WithTimeout(context.Background(), deleteTimeout)
	defer cancel()
	c, err := r.connect(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	if _, err = c.do("DeleteQueue", c.wire.appendDeleteQueue(nil)); err != nil {
		return fmt.Errorf("delete the queue of the run: %w", err)
	}
	return nil
}

func (r *run) askURL(c *conn, action string, body []byte) (string, error) {
	answer, err := c.do(action, body)
	if err != nil {
		return "", err
	}
	url, err := c.wire.queueURL(answer)
	if err != nil {
		return "", fmt.Errorf("%s: %w", action, err)
	}
	return url, nil
}

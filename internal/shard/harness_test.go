package shard

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/staunchmq/staunch/internal/clock"
	"github.com/staunchmq/staunch/internal/journal"
	"github.com/staunchmq/staunch/internal/journal/memjournal"
	"github.com/staunchmq/staunch/internal/queue"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	day = 24 * 60 * 60 * 1000 // ms

	standard queue.ID = 1
	fifo     queue.ID = 2
	other    queue.ID = 3
)

func standardSettings() queue.Settings {
	return queue.Settings{VisibilityTimeout: 30_000, Retention: 4 * day}
}

func fifoSettings() queue.Settings {
	return queue.Settings{FIFO: true, VisibilityTimeout: 30_000, Retention: 4 * day}
}

// running is a shard that runs in the bubble of a synctest, with the partitions standard, fifo and other.
type running struct {
	*Shard
	t       *testing.T
	ctx     context.Context
	journal *memjournal.Journal
	gate    *gate
	cancel  context.CancelFunc
	ended   chan struct{}
	err     error // of Run, once ended is closed
}

// run opens and runs a shard. change may alter the options.
func run(t *testing.T, change ...func(*Options)) *running {
	t.Helper()
	o := Options{Journal: memjournal.New(0), Clock: clock.System()}
	for _, c := range change {
		c(&o)
	}
	r := &running{t: t, ctx: t.Context(), gate: &gate{}, ended: make(chan struct{})}
	r.journal = o.Journal.(*memjournal.Journal)
	s, err := Open(r.ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	r.Shard = s
	var ctx context.Context
	ctx, r.cancel = context.WithCancel(r.ctx)
	go func() {
		defer close(r.ended)
		r.err = s.Run(ctx)
	}()
	t.Cleanup(func() {
		r.gate.open()
		r.cancel()
		<-r.ended
	})
	for id, settings := range map[queue.ID]queue.Settings{standard: standardSettings(), fifo: fifoSettings(), other: standardSettings()} {
		if err := s.Configure(r.ctx, id, settings); err != nil {
			t.Fatal(err)
		}
	}
	r.journal.SetHook(r.gate.hook)
	return r
}

// stop ends the shard and returns what Run returned.
func (r *running) stop() error {
	r.cancel()
	<-r.ended
	return r.err
}

func (r *running) send(p queue.ID, bodies ...string) []queue.SendResult {
	r.t.Helper()
	results, err := r.Send(r.ctx, p, messages(bodies...))
	if err != nil {
		r.t.Fatalf("send %q: %v", bodies, err)
	}
	return results
}

// messages returns one message for each body, in the group "g", with the body as its deduplication ID.
func messages(bodies ...string) []SendMessage {
	var m []SendMessage
	for _, b := range bodies {
		m = append(m, SendMessage{Group: "g", DeduplicationID: b, Content: []byte(b)})
	}
	return m
}

func (r *running) receive(p queue.ID, max int) *ReceiveResult {
	r.t.Helper()
	result, err := r.Receive(r.ctx, p, ReceiveRequest{Max: max})
	if err != nil {
		r.t.Fatalf("receive: %v", err)
	}
	return result
}

func bodies(r *ReceiveResult) []string {
	if r == nil {
		return nil
	}
	var b []string
	for _, m := range r.Messages {
		b = append(b, string(m.Content))
	}
	return b
}

func handles(r *ReceiveResult) []queue.Handle {
	var h []queue.Handle
	for _, m := range r.Messages {
		h = append(h, m.Handle)
	}
	return h
}

// call is a call that runs on a goroutine of its own.
type call struct {
	done   atomic.Bool
	after  time.Duration // how long it took
	result *ReceiveResult
	err    error
}

func (c *call) answered() bool { return c.done.Load() }

// start calls f on a goroutine and waits until it is answered or nothing moves any more.
func start(f func() (*ReceiveResult, error)) *call {
	c := &call{}
	began := time.Now()
	go func() {
		c.result, c.err = f()
		c.after = time.Since(began)
		c.done.Store(true)
	}()
	synctest.Wait()
	return c
}

func startErr(f func() error) *call {
	return start(func() (*ReceiveResult, error) { return nil, f() })
}

// poll starts a long poll for one message.
func (r *running) poll(ctx context.Context, p queue.ID, wait time.Duration) *call {
	return start(func() (*ReceiveResult, error) { return r.Receive(ctx, p, ReceiveRequest{Max: 1, Wait: wait}) })
}

// gate decides when appended records become durable, and whether they do.
type gate struct {
	mu       sync.Mutex
	closed   bool            // records wait
	waiting  []chan struct{} // one for each record that waits
	appended []int           // sizes of the records
	fail     func(seq journal.Seq, rec []byte) memjournal.Fault
}

func (g *gate) hook(seq journal.Seq, rec []byte) memjournal.Fault {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.appended = append(g.appended, len(rec))
	var f memjournal.Fault
	if g.fail != nil {
		f = g.fail(seq, rec)
	}
	if g.closed {
		c := make(chan struct{})
		g.waiting = append(g.waiting, c)
		f.Delay = func() { <-c }
	}
	return f
}

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	g.appended = nil
}

// pass lets the record that has waited longest become durable, and waits until nothing moves any more.
func (g *gate) pass() {
	g.mu.Lock()
	close(g.waiting[0])
	g.waiting = g.waiting[1:]
	g.mu.Unlock()
	synctest.Wait()
}

// open lets all records pass from now on.
func (g *gate) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = false
	for _, c := range g.waiting {
		close(c)
	}
	g.waiting = nil
}

// records returns the sizes of the records that were appended since the gate was closed.
func (g *gate) records() []int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.appended)
}

func (g *gate) failWith(f func(seq journal.Seq, rec []byte) memjournal.Fault) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.fail = f
}

// stepper drives a shard turn by turn, without goroutines: what is in a record, and when it lands, is up to the test.
type stepper struct {
	*Shard
	t       rapid.TB
	flying  []*flight
	settled journal.Seq // the newest record that was settled
}

func newStepper(t rapid.TB, o Options) *stepper {
	t.Helper()
	if o.Journal == nil {
		o.Journal = memjournal.New(0)
	}
	if o.Clock == nil {
		o.Clock = clock.NewManual(time.Unix(1_700_000_000, 0))
	}
	s, err := Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return &stepper{Shard: s, t: t}
}

// turn lets the loop do what it can.
func (s *stepper) turn() {
	for more := true; more; more = s.hasWork() {
		if err := s.Shard.turn(); err != nil {
			s.t.Fatal(err)
		}
		s.saving.Wait()
		for len(s.committer) > 0 {
			s.flying = append(s.flying, <-s.committer)
		}
	}
}

// land settles the oldest record on its way.
func (s *stepper) land() {
	f := s.flying[0]
	s.flying = s.flying[1:]
	s.settle(f)
	s.settled = f.builder.Header.Seq
}

// rest lets everything land.
func (s *stepper) rest() {
	s.turn()
	for len(s.flying) > 0 {
		s.land()
		s.turn()
	}
}

// read reads a message from where it is now.
func (s *stepper) read(p queue.ID, ref queue.Ref) (queue.Message, error) {
	at := ref
	if q := s.partitions[p]; q != nil {
		at = q.Place(ref)
	}
	return s.messageAt(context.Background(), ref, at)
}

// received reads what a receive has picked, and turns meanwhile. It belongs into the bubble of a synctest.
func (s *stepper) received(p queue.ID, picked []queue.Delivery) (messages []ReceivedMessage, err error) {
	c := startErr(func() (err error) {
		messages, err = s.Shard.received(context.Background(), p, &receive{result: queue.ReceiveResult{Messages: picked}, from: s.partitions[p]})
		return err
	})
	for !c.answered() {
		s.rest()
		synctest.Wait()
	}
	return messages, c.err
}

// ask hands a request in; it is decided in the next turn.
func (s *stepper) ask(r request) {
	s.t.Helper()
	if err := s.submit(r); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stepper) configure(p queue.ID, settings queue.Settings) {
	s.ask(&configure{to: toPartition(p), settings: settings})
	s.rest()
}

func sendRequest(p queue.ID, content ...[]byte) *send {
	r := &send{to: toPartition(p), bytes: requestBytes}
	for _, c := range content {
		r.messages = append(r.messages, queue.NewMessage{Message: queue.Message{Content: c}})
		r.bytes += messageBytes + len(c)
	}
	return r
}

func receiveRequest(s *Shard, p queue.ID, max int, wait time.Duration) *receive {
	return &receive{
		to:      toPartition(p),
		ctx:     context.Background(),
		options: queue.ReceiveOptions{Max: max},
		wait:    wait > 0,
		waitEnd: s.options.Clock.Now().Add(wait),
	}
}

// tickingClock goes on by a step whenever it is read: every reading differs from the one before.
type tickingClock struct {
	*clock.Manual
	step time.Duration
}

func (c tickingClock) Now() time.Time {
	c.Advance(c.step)
	return c.Manual.Now()
}

// definitionList keeps definitions in order.
type definitionList struct {
	changes [][]byte
	fail    error  // what Apply returns
	panics  bool   // Apply panics
	applied func() // called by Apply
}

func (d *definitionList) Apply(change []byte) error {
	if d.applied != nil {
		d.applied()
	}
	if d.panics {
		panic("a definition that panics")
	}
	if d.fail != nil {
		return d.fail
	}
	d.changes = append(d.changes, bytes.Clone(change))
	return nil
}

func (d *definitionList) Checkpoint() func() ([]byte, error) {
	var b []byte
	for _, c := range d.changes {
		b = binary.AppendUvarint(b, uint64(len(c)))
		b = append(b, c...)
	}
	return func() ([]byte, error) { return b, nil }
}

func (d *definitionList) Restore(state []byte) error {
	d.changes = nil
	for len(state) > 0 {
		n, used := binary.Uvarint(state)
		if used <= 0 || n > uint64(len(state)-used) {
			return errors.New("definitions cut off")
		}
		d.changes = append(d.changes, bytes.Clone(state[used:used+int(n)]))
		state = state[used+int(n):]
	}
	return nil
}

// stateAt returns the state of all partitions, and the definitions, as of the given time.
func stateAt(t rapid.TB, s *Shard, now int64) []byte {
	t.Helper()
	var b []byte
	for _, id := range slices.Sorted(maps.Keys(s.partitions)) {
		p := s.partitions[id]
		p.Advance(now)
		b = fmt.Appendf(b, "partition %d: %x\n", id, p.AppendCheckpoint(nil))
	}
	if d, ok := s.options.Definitions.(*definitionList); ok {
		b = fmt.Appendf(b, "definitions: %q\n", d.changes)
	}
	return b
}

// reopened opens a shard on what a crash would leave of the journal.
func reopened(t rapid.TB, j *memjournal.Journal, o Options) *Shard {
	t.Helper()
	o.Journal = j.Clone()
	if o.Clock == nil {
		o.Clock = clock.System()
	}
	s, err := Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// requireSameAsJournal checks that the state of a shard that does not run any more is what its journal says.
func requireSameAsJournal(t rapid.TB, s *Shard, j *memjournal.Journal) {
	t.Helper()
	o := Options{Clock: s.options.Clock}
	if s.options.Definitions != nil {
		o.Definitions = &definitionList{}
	}
	fresh := reopened(t, j, o)
	now := s.logTime/int64(time.Millisecond) + 1
	if got, want := stateAt(t, s, now), stateAt(t, fresh, now); !bytes.Equal(got, want) {
		t.Errorf("state differs from the journal's:\n%s\njournal:\n%s", got, want)
	}
}

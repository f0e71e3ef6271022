package sqs

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/catalog"
	"github.com/staunchmq/staunch/internal/clock"
	"github.com/staunchmq/staunch/internal/journal"
	"github.com/staunchmq/staunch/internal/journal/memjournal"
	"github.com/staunchmq/staunch/internal/queue"
	"github.com/staunchmq/staunch/internal/shard"
)

const (
	testAccount = "000000000000"
	testRegion  = "us-east-1"
	testBase    = "http://localhost:9324"
)

// harness is a service over real shards with journals in memory, in a bubble of testing/synctest: time.Sleep turns the clock.
type harness struct {
	*Service
	t        testing.TB
	caller   *api.Caller
	journals []*memjournal.Journal
	options  Options
	tune     func(*shard.Options) // of each shard that is started; may be nil
	// faults wraps each shard, so that a test can make its calls fail; appends does that for the catalog's log.
	faults  []*faultyShard
	appends *faultyLog
	stop    func()
}

// faults are decisions about calls.
type faults struct {
	mu            sync.Mutex
	before, after func(method string) error // guarded by mu
}

// faultyShard fails calls of a shard.
type faultyShard struct {
	shard.Client
	faults
	read, readMax atomic.Int64 // how many moving messages were read, and how many at once at the most
}

// faultyLog fails appends of the catalog; the method is called Append.
type faultyLog struct {
	shard.DefinitionLog
	faults
}

func (f *faultyLog) AppendDefinition(ctx context.Context, change []byte, grows bool) error {
	return f.call("Append", func() error { return f.DefinitionLog.AppendDefinition(ctx, change, grows) })
}

// failBefore lets fn decide about calls, by the name of the method, before they are made: what it returns in place of nil is the
// call's answer, and the call is not made. nil ends that.
func (f *faults) failBefore(fn func(method string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.before = fn
}

// failAfter lets fn decide about the answers of calls after they were made.
func (f *faults) failAfter(fn func(method string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.after = fn
}

func (f *faults) fail(when *func(string) error, method string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if *when == nil {
		return nil
	}
	return (*when)(method)
}

// call makes a call unless a fault prevents it.
func (f *faults) call(method string, fn func() error) error {
	if err := f.fail(&f.before, method); err != nil {
		return err
	}
	err := fn()
	if fault := f.fail(&f.after, method); fault != nil {
		return fault
	}
	return err
}

func (f *faultyShard) Configure(ctx context.Context, p queue.ID, s queue.Settings) error {
	return f.call("Configure", func() error { return f.Client.Configure(ctx, p, s) })
}

func (f *faultyShard) Drop(ctx context.Context, p queue.ID) error {
	return f.call("Drop", func() error { return f.Client.Drop(ctx, p) })
}

func (f *faultyShard) Send(ctx context.Context, p queue.ID, m []shard.SendMessage) (r []queue.SendResult, err error) {
	err = f.call("Send", func() error { r, err = f.Client.Send(ctx, p, m); return err })
	return r, err
}

func (f *faultyShard) Receive(ctx context.Context, p queue.ID, in shard.ReceiveRequest) (r *shard.ReceiveResult, err error) {
	err = f.call("Receive", func() error { r, err = f.Client.Receive(ctx, p, in); return err })
	if err != nil {
		return nil, err
	}
	return r, nil
}

func (f *faultyShard) BeginMove(ctx context.Context, p queue.ID, n int, target queue.ID) (m []queue.Move, err error) {
	err = f.call("BeginMove", func() error { m, err = f.Client.BeginMove(ctx, p, n, target); return err })
	if err != nil {
		return nil, err
	}
	return m, nil
}

func (f *faultyShard) Moving(ctx context.Context, p queue.ID, after queue.Ref, n int) (m []queue.Move, err error) {
	err = f.call("Moving", func() error { m, err = f.Client.Moving(ctx, p, after, n); return err })
	return m, err
}

func (f *faultyShard) ReadMoving(ctx context.Context, p queue.ID, moves []queue.Move) (m []shard.MovingMessage, left []queue.Move, err error) {
	err = f.call("ReadMoving", func() error { m, left, err = f.Client.ReadMoving(ctx, p, moves); return err })
	if err != nil {
		return nil, nil, err
	}
	f.read.Add(int64(len(m)))
	f.readMax.Store(max(f.readMax.Load(), int64(len(m))))
	return m, left, nil
}

func (f *faultyShard) Arrive(ctx context.Context, p queue.ID, a []shard.Arrival) error {
	return f.call("Arrive", func() error { return f.Client.Arrive(ctx, p, a) })
}

func (f *faultyShard) EndMove(ctx context.Context, p queue.ID, refs []queue.Ref, moved bool) error {
	return f.call("EndMove", func() error { return f.Client.EndMove(ctx, p, refs, moved) })
}

func (f *faultyShard) Settle(ctx context.Context, p queue.ID, o []queue.Origin) error {
	return f.call("Settle", func() error { return f.Client.Settle(ctx, p, o) })
}

// times makes a fault that hits the first n calls of a method.
func times(n int, method string, err error) func(string) error {
	return func(called string) error {
		if called != method || n == 0 {
			return nil
		}
		n--
		return err
	}
}

// inBubble runs a test of a service with two shards.
func inBubble(t *testing.T, test func(t *testing.T, h *harness)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, 2)
		defer func() { h.stop() }()
		test(t, h)
	})
}

func newHarness(t *testing.T, shards int) *harness {
	t.Helper()
	h := &harness{
		t: t,
		caller: &api.Caller{
			Account: testAccount, Region: testRegion, SenderID: "AIDATEST", BaseURL: testBase,
		},
		options: Options{RecreateDelay: time.Minute, PurgeInterval: time.Minute, Logger: slog.New(slog.DiscardHandler)},
	}
	for i := range shards {
		h.journals = append(h.journals, memjournal.New(uint32(i)))
	}
	h.start()
	return h
}

// start starts shards and service over the journals.
func (h *harness) start() {
	h.t.Helper()
	h.startShards()
	h.startService()
}

// crash stops everything at once, and starts it again with what a crash now would leave of the journals.
func (h *harness) crash() {
	h.t.Helper()
	synctest.Wait() // the journals are those of one moment
	for i, j := range h.journals {
		h.journals[i] = j.Clone()
	}
	h.stop()
	h.start()
}

// restart stops everything in order, and starts it again.
func (h *harness) restart() {
	h.t.Helper()
	h.stop()
	for i, j := range h.journals {
		h.journals[i] = j.Open()
	}
	h.start()
}

// logged starts everything again, and returns what is logged from this level on.
func (h *harness) logged(level slog.Level) *bytes.Buffer {
	h.t.Helper()
	var log bytes.Buffer
	h.options.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: level}))
	h.restart()
	return &log
}

func (h *harness) startShards() {
	h.t.Helper()
	h.options.Catalog = catalog.New()
	h.options.Shards, h.faults = nil, nil
	ctx, cancel := context.WithCancel(context.Background())
	var done []chan error
	for i, j := range h.journals {
		o := shard.Options{ID: uint32(i), Journal: journal.Journal(j), Clock: clock.System()}
		if i == 0 {
			o.Definitions = h.options.Catalog
		}
		if h.tune != nil {
			h.tune(&o)
		}
		s, err := shard.Open(ctx, o)
		if err != nil {
			h.t.Fatal(err)
		}
		if i == 0 {
			h.appends = &faultyLog{DefinitionLog: s}
			h.options.Catalog.Attach(h.appends)
		}
		ended := make(chan error, 1)
		go func() { ended <- s.Run(ctx) }()
		done = append(done, ended)
		f := &faultyShard{Client: s}
		h.faults = append(h.faults, f)
		h.options.Shards = append(h.options.Shards, f)
	}
	h.stop = func() {
		cancel()
		for _, ended := range done {
			if err := <-ended; err != nil {
				h.t.Error(err)
			}
		}
	}
}

func (h *harness) startService() {
	h.t.Helper()
	h.options.Clock = clock.System()
	h.Service = New(h.options)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.Service.Run(ctx) }()
	select {
	case <-h.Service.Started():
	case err := <-done:
		h.t.Fatal(err)
	}
	stopShards := h.stop
	h.stop = func() {
		cancel()
		if err := <-done; err != nil {
			h.t.Error(err)
		}
		stopShards()
	}
}

// create makes a queue and returns its URL.
func (h *harness) create(name string, attributes ...string) string {
	h.t.Helper()
	out, err := h.CreateQueue(h.t.Context(), h.caller, &api.CreateQueueInput{QueueName: &name, Attributes: pairs(attributes)})
	if err != nil {
		h.t.Fatalf("create %s: %v", name, err)
	}
	return out.QueueUrl
}

// createFIFO makes a FIFO queue; ".fifo" is added to the name.
func (h *harness) createFIFO(name string, attributes ...string) string {
	h.t.Helper()
	return h.create(name+fifoSuffix, append(attributes, "FifoQueue", "true")...)
}

func (h *harness) set(url string, attributes ...string) {
	h.t.Helper()
	if err := h.SetQueueAttributes(h.t.Context(), h.caller, &api.SetQueueAttributesInput{QueueUrl: url, Attributes: pairs(attributes)}); err != nil {
		h.t.Fatalf("set %v: %v", attributes, err)
	}
}

func (h *harness) get(url string, names ...string) map[string]string {
	h.t.Helper()
	out, err := h.GetQueueAttributes(h.t.Context(), h.caller, &api.GetQueueAttributesInput{QueueUrl: url, AttributeNames: names})
	if err != nil {
		h.t.Fatalf("get %v: %v", names, err)
	}
	return out.Attributes
}

// counts returns how many messages are visible, in flight and delayed.
func (h *harness) counts(url string) [3]string {
	h.t.Helper()
	a := h.get(url, "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed")
	return [3]string{a["ApproximateNumberOfMessages"], a["ApproximateNumberOfMessagesNotVisible"], a["ApproximateNumberOfMessagesDelayed"]}
}

func (h *harness) deleteQueue(url string) {
	h.t.Helper()
	if err := h.DeleteQueue(h.t.Context(), h.caller, &api.DeleteQueueInput{QueueUrl: url}); err != nil {
		h.t.Fatalf("delete queue: %v", err)
	}
}

// send sends a message; edit may change the input.
func (h *harness) send(url, body string, edit ...func(*api.SendMessageInput)) *api.SendMessageOutput {
	h.t.Helper()
	in := &api.SendMessageInput{QueueUrl: url, MessageBody: &body}
	for _, e := range edit {
		e(in)
	}
	out, err := h.SendMessage(h.t.Context(), h.caller, in)
	if err != nil {
		h.t.Fatalf("send: %v", err)
	}
	return out
}

// inGroup makes a message one of a FIFO group, with its body as deduplication ID.
func inGroup(group string) func(*api.SendMessageInput) {
	return func(in *api.SendMessageInput) { in.MessageGroupId, in.MessageDeduplicationId = &group, in.MessageBody }
}

// receive receives up to ten messages with all attributes; edit may change the input.
func (h *harness) receive(url string, edit ...func(*api.ReceiveMessageInput)) []api.Message {
	h.t.Helper()
	in := &api.ReceiveMessageInput{
		QueueUrl: url, MaxNumberOfMessages: new(int64(10)),
		MessageSystemAttributeNames: []string{"All"}, MessageAttributeNames: []string{"All"},
	}
	for _, e := range edit {
		e(in)
	}
	out, err := h.ReceiveMessage(h.t.Context(), h.caller, in)
	if err != nil {
		h.t.Fatalf("receive: %v", err)
	}
	return out.Messages
}

func (h *harness) change(url, handle string, seconds int64) error {
	return h.ChangeMessageVisibility(h.t.Context(), h.caller, &api.ChangeMessageVisibilityInput{QueueUrl: url, ReceiptHandle: &handle, VisibilityTimeout: &seconds})
}

func (h *harness) delete(url, handle string) error {
	return h.DeleteMessage(h.t.Context(), h.caller, &api.DeleteMessageInput{QueueUrl: url, ReceiptHandle: &handle})
}

// arnOf is the ARN of a queue by its URL.
func (h *harness) arnOf(url string) string {
	h.t.Helper()
	return h.get(url, "QueueArn")["QueueArn"]
}

// redrive is the RedrivePolicy attribute for a target.
func (h *harness) redrive(target string, maxReceiveCount string) []string {
	return []string{"RedrivePolicy", `{"deadLetterTargetArn":"` + h.arnOf(target) + `","maxReceiveCount":` + maxReceiveCount + `}`}
}

func bodies(messages []api.Message) []string {
	var all []string
	for _, m := range messages {
		all = append(all, m.Body)
	}
	return all
}

func pairs(attributes []string) map[string]string {
	if len(attributes) == 0 {
		return nil
	}
	m := make(map[string]string)
	for i := 0; i < len(attributes); i += 2 {
		m[attributes[i]] = attributes[i+1]
	}
	return m
}

// errorCase is a request that fails.
type errorCase struct {
	name string
	do   func(h *harness) error
	kind *api.ErrorKind
	text string // "" for the kind's own
}

// checkErrors provokes each error, and compares kind and text.
func checkErrors(t *testing.T, h *harness, cases []errorCase) {
	t.Helper()
	for _, tc := range cases {
		checkError(t, tc.name, tc.do(h), tc.kind, tc.text)
	}
}

// checkError compares the kind and the text of an error; "" stands for the kind's own text.
func checkError(t *testing.T, name string, err error, kind *api.ErrorKind, want string) {
	t.Helper()
	if want == "" {
		want = kind.Text
	}
	var got *api.Error
	switch {
	case err == nil:
		t.Errorf("%s: no error, want %s: %s", name, kind.QueryCode, want)
	case !errors.As(err, &got):
		t.Errorf("%s: internal error %v, want %s: %s", name, err, kind.QueryCode, want)
	case got.Kind != kind || got.Message != want:
		t.Errorf("%s:\n got %s %d: %s\nwant %s %d: %s", name, got.Kind.QueryCode, got.Kind.Status, got.Message, kind.QueryCode, kind.Status, want)
	}
}

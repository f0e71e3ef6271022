package simulation

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"hash/fnv"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing/synctest"
	"time"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/clock"
	"github.com/staunchmq/staunch/internal/journal"
)

// Options say how to run a seed.
type Options struct {
	// Print gets every step as a line; nil for none.
	Print func(line string)
	// Wrap puts a defect between the service and its shards, WrapJournal one between shards and disks; nil for none.
	Wrap        Wrap
	WrapJournal WrapJournal
}

// Violation is something that a queue must not do, and did.
type Violation struct {
	// Rule is the checker that saw it.
	Rule string
	Text string
}

func (v Violation) String() string { return v.Rule + ": " + v.Text }

// Report is what became of a seed.
type Report struct {
	Seed       uint64
	Violations []Violation
	// Trace is a hash of everything that happened: the same seed has the same.
	Trace uint64
	// Operations counts the operations that were answered with success, by action; Events what happened otherwise.
	Operations, Events map[string]int
}

// settings are what the seed decides once.
type settings struct {
	shards          int
	operations      int // how many the clients begin
	clients         int // how many of them are on their way at once
	checkpointBytes int64
	bodyCacheBytes  int64
	turnMessages    int
	late            float64 // how many appends are late
	crashes         float64 // all of these are chances of a step
	faults          float64
	jumps           float64
	cancels         float64
	shortRetention  bool
	damage          bool
	tasks           bool
	deletions       bool // of queues, and purges
}

// world is one run.
type world struct {
	rng      *rand.Rand
	settings settings
	clock    *clock.Manual
	// latest is the latest that any shard's log time can be: the clock has been there, or would have been had it not been set back.
	latest time.Time

	disks       []*disk
	node        *node
	wrap        Wrap
	wrapJournal WrapJournal
	messageIDs  atomic.Uint64
	caller      *api.Caller

	history
	taskHandle string // of the latest move task
	running    []*operation
	step       int
	// finished tells that all queues were emptied.
	finished bool
	// settingUp tells that no client may begin anything yet.
	settingUp bool

	trace      hash.Hash64
	print      func(string)
	log, quiet *slog.Logger

	mu         sync.Mutex
	violations []Violation // guarded by mu
	counts     map[string]int
	events     map[string]int
}

// Run runs a seed. It must be called in a bubble of testing/synctest.
func Run(seed uint64, o Options) *Report {
	w := newWorld(seed, o)
	n, err := w.openNode()
	if err != nil {
		w.violate("start", "an empty node does not start: %v", err)
		return w.report(seed)
	}
	w.node = n
	w.setLate()
	n.start(w)
	w.setUp()
	for w.begun < w.settings.operations && len(w.violations) == 0 {
		w.advance()
	}
	w.finish()
	w.node.kill()
	w.check()
	return w.report(seed)
}

func newWorld(seed uint64, o Options) *world {
	w := &world{
		rng:   rand.New(rand.NewPCG(seed, 0x57a0c4)),
		clock: clock.NewManual(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)),
		wrap:  o.Wrap, wrapJournal: o.WrapJournal,
		trace:  fnv.New64a(),
		print:  o.Print,
		quiet:  slog.New(slog.DiscardHandler),
		counts: make(map[string]int),
		events: make(map[string]int),
		caller: &api.Caller{Account: account, Region: region, SenderID: "AIDASIMULATION", BaseURL: baseURL},
	}
	w.log = w.quiet
	if o.Print != nil {
		w.log = slog.New(slog.NewTextHandler(lines(o.Print), &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: withoutTime}))
	}
	w.latest = w.clock.Now()
	w.settings = w.drawSettings()
	for i := range w.settings.shards {
		w.disks = append(w.disks, newDisk(i))
	}
	w.history = newHistory()
	w.tracef("seed %d: %+v", seed, w.settings)
	return w
}

// lines is an io.Writer that hands lines on.
type lines func(string)

func (l lines) Write(b []byte) (int, error) {
	l("      log: " + string(b[:max(0, len(b)-1)]))
	return len(b), nil
}

func withoutTime(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

func (w *world) drawSettings() settings {
	s := settings{
		shards:          2 + w.rng.IntN(2),
		operations:      50 + w.rng.IntN(80),
		clients:         1 + w.rng.IntN(6),
		checkpointBytes: pick(w.rng, int64(700), 2000, 6000, 1<<20),
		bodyCacheBytes:  pick(w.rng, int64(1), 1000, 1<<20),
		turnMessages:    pick(w.rng, 1, 5, 2000),
		late:            pick(w.rng, 0, 0.2, 0.6, 1),
		crashes:         pick(w.rng, 0, 0.002, 0.006, 0.015),
		faults:          pick(w.rng, 0, 0.004, 0.012),
		jumps:           pick(w.rng, 0, 0, 0.003),
		cancels:         pick(w.rng, 0, 0.005),
		shortRetention:  w.rng.IntN(8) == 0,
		damage:          w.rng.IntN(2) == 0,
		tasks:           w.rng.IntN(2) == 0,
		deletions:       w.rng.IntN(2) == 0,
	}
	return s
}

func pick[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

func (w *world) chance(p float64) bool { return p > 0 && w.rng.Float64() < p }

// derived returns randomness that others may draw from without disturbing the world's.
func (w *world) derived() *rand.Rand { return rand.New(rand.NewPCG(w.rng.Uint64(), w.rng.Uint64())) }

// advance takes one step: one thing happens, and then all that follows from it without further ado.
func (w *world) advance() {
	w.step++
	if w.node.failed.Load() && w.chance(0.3) {
		w.crash("a shard has ended")
		return
	}
	switch {
	case w.chance(w.settings.crashes):
		w.events["crash"]++
		w.crash("out of the blue")
	case w.chance(w.settings.faults):
		w.breakSomething()
	case w.chance(w.settings.jumps):
		w.jump()
	case len(w.running) > 0 && w.chance(w.settings.cancels):
		o := pick(w.rng, w.running...)
		w.tracef("client of %d goes away", o.number)
		o.cancel()
		w.settle()
	default:
		w.proceed()
	}
}

// proceed lets the node, the clients or the clock go on.
func (w *world) proceed() {
	held := w.node.schedule.waiting()
	free := !w.settingUp && len(w.running) < w.settings.clients && w.node.started()
	switch r := w.rng.IntN(100); {
	case len(held) > 0 && (r < 70 || !free && r < 97):
		w.let(held[w.rng.IntN(len(held))])
	case free && r < 96:
		w.begin()
	default:
		w.pass(time.Duration(1+w.rng.IntN(4000)) * time.Millisecond)
	}
}

func (w *world) let(h *held) {
	w.tracef("%s", h.name)
	w.node.schedule.release(h)
	w.settle()
}

// settle waits until nothing moves any more, and takes in the answers.
func (w *world) settle() {
	synctest.Wait()
	still := w.running[:0]
	for _, o := range w.running {
		if !o.answered.Load() {
			still = append(still, o)
			continue
		}
		w.answer(o)
	}
	w.running = still
}

// forsake ends the operations that are on their way: how they went is never known.
func (w *world) forsake() {
	for _, o := range w.running {
		o.outcome = unknown
		o.end, o.latest = w.step, w.latestMS()
		o.cancel()
	}
	w.running = nil
}

// pass lets time go by, with everything that is due on the way.
func (w *world) pass(d time.Duration) {
	end := w.clock.Now().Add(d)
	w.tracef("time passes: %v", d)
	for {
		due, ok := w.clock.Next()
		if !ok || due.After(end) {
			break
		}
		w.turn(due)
		w.settle()
	}
	w.turn(end)
	w.settle()
}

// turn sets the clock, forwards as time does.
func (w *world) turn(to time.Time) {
	passed := max(0, to.Sub(w.clock.Now()))
	w.latest = w.latest.Add(passed)
	if to.After(w.latest) {
		w.latest = to
	}
	w.clock.Set(to)
}

// jump sets the clock, far forwards or back. A machine's timers do not mind when its clock is set; those of this one wait until it is
// there again, which is worse.
func (w *world) jump() {
	by := pick(w.rng, -time.Hour, -10*time.Second, -time.Millisecond, 10*time.Second, 6*time.Minute, time.Hour, 100*time.Hour)
	w.events["clock jump"]++
	w.tracef("the clock jumps by %v", by)
	w.turn(w.clock.Now().Add(by))
	w.settle()
}

// breakSomething lets a disk fail, or get well.
func (w *world) breakSomething() {
	d := pick(w.rng, w.disks...)
	name := pick(w.rng, "lost answer", "lost append", "conflict", "full", "nearly full", "room again", "room again")
	w.events[name]++
	w.tracef("disk %d: %s", d.shard, name)
	d.set(func(f *faults) {
		switch name {
		case "lost answer":
			f.next, f.applied = journal.ErrUnknown, true
		case "lost append":
			f.next, f.applied = journal.ErrUnknown, false
		case "conflict":
			f.next, f.applied = journal.ErrConflict, false
		case "full":
			f.full, f.fullFrom = true, 0
		case "nearly full":
			f.full, f.fullFrom = true, 200
		case "room again":
			f.full = false
		}
	})
}

func (w *world) setLate() {
	for _, d := range w.disks {
		d.set(func(f *faults) { f.late = w.settings.late })
	}
}

func (w *world) nowMS() int64    { return w.clock.Now().UnixMilli() }
func (w *world) latestMS() int64 { return w.latest.UnixMilli() }

// launch begins an operation.
func (w *world) launch(o *operation, call func(ctx context.Context, s api.SQS) error) {
	w.begun++
	o.number, o.start, o.earliest = w.begun, w.step, w.nowMS()
	ctx, cancel := context.WithCancel(context.WithValue(context.Background(), operationKey{}, o.number))
	o.cancel = cancel
	w.tracef("begin %d: %s %s", o.number, o.action, o.about)
	w.running = append(w.running, o)
	service := w.node.api
	go func() {
		o.err = call(ctx, service)
		o.answered.Store(true)
	}()
	w.settle()
}

// answer books what an operation was answered.
func (w *world) answer(o *operation) {
	o.cancel()
	o.end, o.latest = w.step, w.latestMS()
	var known *api.Error
	switch {
	case o.err == nil:
		o.outcome = done
		w.counts[o.action]++
	case errors.As(o.err, &known) && known.Kind.Status < 500:
		o.outcome = refused
	case known != nil, errors.Is(o.err, context.Canceled):
		o.outcome = unknown
	default:
		o.outcome = unknown
		w.violate("internal error", "%s %s: %v", o.action, o.about, o.err)
	}
	text := ""
	if o.heard != nil {
		text = o.heard()
	}
	if o.err != nil {
		text = errorText(o.err)
	}
	w.tracef("end %d: %s: %s %s", o.number, o.action, o.outcome, text)
}

// errorText is an error without receipt handles, which are signed with a secret that differs from run to run.
func errorText(err error) string {
	var known *api.Error
	if errors.As(err, &known) {
		return known.Kind.Shape
	}
	return err.Error()
}

func (w *world) violate(rule, format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	v := Violation{rule, fmt.Sprintf(format, args...)}
	w.violations = append(w.violations, v)
	if w.print != nil {
		w.print("VIOLATION " + v.String())
	}
}

// tracef adds a line to the trace.
func (w *world) tracef(format string, args ...any) {
	line := fmt.Sprintf("%5d %s  ", w.step, w.clock.Now().Format("02T15:04:05.000")) + fmt.Sprintf(format, args...)
	_, _ = w.trace.Write([]byte(line))
	if w.print != nil {
		w.print(line)
	}
}

func (w *world) report(seed uint64) *Report {
	return &Report{Seed: seed, Violations: w.violations, Trace: w.trace.Sum64(), Operations: w.counts, Events: w.events}
}

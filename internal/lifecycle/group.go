// Package lifecycle starts the goroutines of a program, gives each a name, and waits for them.
//
// A Group is the scope of what one Run method starts: Run makes a group, starts its parts with Go, and returns
// what Wait returns. So nothing that was started outlives the call that started it, the first part that fails stops
// the others, and an error or a hanging stop names the part. The package knows nothing of queues. A Group may be used
// from several goroutines.
package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"runtime/pprof"
	"slices"
	"strings"
	"sync"
)

// A Group is a set of named goroutines that stop together. Make one with New.
type Group struct {
	ctx  context.Context
	stop context.CancelCauseFunc

	mu      sync.Mutex
	running map[uint64]string // guarded by mu; the names of what runs, by order of start
	started uint64            // guarded by mu
	idle    chan struct{}     // guarded by mu; Invariant: closed exactly when running is empty
	errs    []error           // guarded by mu; in the order in which they happened
}

// New returns an empty group. Its goroutines get a context that ends with ctx, with the first failure, or with Stop.
// The caller must call Wait, which also releases what the group holds.
func New(ctx context.Context) *Group {
	g := &Group{running: make(map[uint64]string), idle: make(chan struct{})}
	g.ctx, g.stop = context.WithCancelCause(ctx)
	close(g.idle)
	return g
}

// Context returns the context that the group's goroutines get. When the group was stopped by a failure,
// context.Cause returns that failure.
func (g *Group) Context() context.Context { return g.ctx }

// Go runs fn in a new goroutine called name. fn must return soon after its context ends.
//
// A nil error ends that goroutine alone. Any other error, and a panic, stops the group and is returned by Wait. An
// error that is context.Canceled while the group is stopping is how a goroutine obeys and is not a failure.
func (g *Group) Go(name string, fn func(context.Context) error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	id := g.started
	g.started++
	if len(g.running) == 0 {
		g.idle = make(chan struct{})
	}
	g.running[id] = name
	go g.run(id, name, fn)
}

// run calls fn and books its end, however it ends.
func (g *Group) run(id uint64, name string, fn func(context.Context) error) {
	// What is recorded when fn neither returns nor panics.
	err := errors.New("the goroutine ended itself with runtime.Goexit")
	defer func() {
		if value := recover(); value != nil {
			err = &PanicError{Value: value, Stack: debug.Stack()}
		}
		g.ended(id, name, err)
	}()
	// The label shows the name in goroutine profiles.
	pprof.Do(g.ctx, pprof.Labels("name", name), func(ctx context.Context) { err = fn(ctx) })
}

func (g *Group) ended(id uint64, name string, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	obeyed := g.ctx.Err() != nil && errors.Is(err, context.Canceled)
	if err != nil && !obeyed {
		err = fmt.Errorf("%s: %w", name, err)
		g.errs = append(g.errs, err)
		g.stop(err)
	}
	delete(g.running, id)
	if len(g.running) == 0 {
		close(g.idle)
	}
}

// Stop asks every goroutine of the group to end. It does not wait, and it is not a failure.
func (g *Group) Stop() { g.stop(context.Canceled) }

// Running returns the names of the goroutines that have not ended, in the order in which they were started.
func (g *Group) Running() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	names := make([]string, 0, len(g.running))
	for _, id := range slices.Sorted(maps.Keys(g.running)) {
		names = append(names, g.running[id])
	}
	return names
}

// Wait blocks until every goroutine has ended and returns their failures, each with the name of its goroutine, joined in
// the order in which they happened; nil when there were none.
func (g *Group) Wait() error { return g.WaitContext(context.Background()) }

// WaitContext is Wait with an end: when ctx ends first, it returns an error that names the goroutines which still run
// and wraps the cause of ctx. A stop that must not hang ends with it.
func (g *Group) WaitContext(ctx context.Context) error {
	for {
		g.mu.Lock()
		idle, count := g.idle, len(g.running)
		err := errors.Join(g.errs...)
		g.mu.Unlock()
		if count == 0 {
			g.stop(context.Canceled)
			return err
		}
		select {
		case <-idle:
		case <-ctx.Done():
			late := fmt.Errorf("still running: %s: %w", strings.Join(g.Running(), ", "), context.Cause(ctx))
			return errors.Join(err, late)
		}
	}
}

// A PanicError is the failure of a goroutine that panicked.
type PanicError struct {
	Value any    // what was passed to panic
	Stack []byte // the stack of the goroutine, as runtime/debug.Stack prints it
}

// Error returns the value and the stack.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v\n\n%s", e.Value, e.Stack) }

// Unwrap returns the value when it is an error, so that errors.Is and errors.As see through the panic.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

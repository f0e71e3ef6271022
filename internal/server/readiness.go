package server

import (
	"errors"
	"sync/atomic"
)

var (
	errStarting = errors.New("the server is starting")
	errStopping = errors.New("the server is stopping")
)

// readiness says whether the node serves requests. Its zero value says that it is starting.
type readiness struct {
	check atomic.Pointer[func() error]
}

func (r *readiness) ready() error {
	if check := r.check.Load(); check != nil {
		return (*check)()
	}
	return errStarting
}

// done hands the question over to check.
func (r *readiness) done(check func() error) { r.check.Store(&check) }

func (r *readiness) stopping() { r.done(func() error { return errStopping }) }

package admin

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/staunchmq/staunch/internal/clock"
)

// Rewrapped says how far a rewrap is or, with Done, what became of it.
type Rewrapped struct {
	Done bool `json:"done,omitempty"`
	// LookedAt counts the messages that were looked at, in all passes: those that have gone meanwhile, too.
	LookedAt int64 `json:"looked_at"`
	// Rewrapped counts the messages that were encrypted anew.
	Rewrapped int64 `json:"rewrapped"`
	// Failed counts those that could not be, and stay as they are; Problem says why one of them could not.
	Failed  int64  `json:"failed"`
	Problem string `json:"problem,omitempty"`
	// Secrets, SecretsFailed and SecretsProblem say the same of the secrets of access keys.
	Secrets        int64  `json:"secrets"`
	SecretsFailed  int64  `json:"secrets_failed"`
	SecretsProblem string `json:"secrets_problem,omitempty"`
	// Error is why the rewrap broke off.
	Error string `json:"error,omitempty"`
}

const (
	// rewrapTells is how often a rewrap tells how far it is.
	rewrapTells = time.Second
	// rewrapWriteTimeout ends a rewrap whose client does not read.
	rewrapWriteTimeout = time.Minute
)

// rewraps answers POST /rewrap and POST /reload-keyring.
type rewraps struct {
	rewrap        func(ctx context.Context, looked *atomic.Int64) (Rewrapped, error)
	reloadKeyring func(ctx context.Context) (newest map[string]uint32, err error)
	clock         clock.Clock
	log           *slog.Logger
	busy          atomic.Bool // one of them is running
}

func (h *rewraps) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case h.rewrap == nil:
		answer(w, http.StatusNotImplemented, "this server has nothing to encrypt anew\n")
		return
	case !h.busy.CompareAndSwap(false, true):
		answer(w, http.StatusConflict, "another rewrap is running; one at a time\n")
		return
	}
	free := sync.OnceFunc(func() { h.busy.Store(false) })
	defer free()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	started := h.clock.Now()
	var looked atomic.Int64
	var result Rewrapped
	var err error
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		result, err = h.rewrap(ctx, &looked)
	}()
	header := w.Header()
	header.Set("Content-Type", "application/x-ndjson")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	control := http.NewResponseController(w)
	tell := func(line Rewrapped) {
		_ = control.SetWriteDeadline(h.clock.Now().Add(rewrapWriteTimeout)) // where there is no connection, there is no deadline
		if json.NewEncoder(w).Encode(line) != nil || control.Flush() != nil {
			cancel() // nobody listens
		}
	}
	timer := h.clock.NewTimer(rewrapTells)
	defer timer.Stop()
	for running := true; running; {
		select {
		case <-ended:
			running = false
		case <-timer.C():
			timer.Reset(rewrapTells)
			tell(Rewrapped{LookedAt: looked.Load()})
		}
	}
	free() // before the client hears the end, who may ask again at once
	result.Done, result.LookedAt = true, looked.Load()
	took := h.clock.Now().Sub(started)
	if err != nil {
		result.Error = err.Error()
		h.log.Error("a rewrap broke off", "rewrapped", result.Rewrapped, "took", took, "error", err)
	} else {
		h.log.Info("rewrap ended", "rewrapped", result.Rewrapped, "failed", result.Failed, "problem", result.Problem,
			"secrets", result.Secrets, "secrets_failed", result.SecretsFailed, "secrets_problem", result.SecretsProblem, "took", took)
	}
	tell(result)
	_ = control.SetWriteDeadline(time.Time{}) // the connection may be used again
}

// KeyringRead is the answer to POST /reload-keyring.
type KeyringRead struct {
	// NewestVersions has the number of the newest version of each key that the server has, by key ID: it encrypts with no older one.
	NewestVersions map[string]uint32
}

// reload answers POST /reload-keyring. While a rewrap runs it does not: what that has encrypted with the keys of before may be on its way.
func (h *rewraps) reload(w http.ResponseWriter, r *http.Request) {
	switch {
	case h.reloadKeyring == nil:
		answer(w, http.StatusNotImplemented, "this server has no keyring\n")
		return
	case !h.busy.CompareAndSwap(false, true):
		answer(w, http.StatusConflict, "a rewrap or another reading of the keyring is running; one at a time\n")
		return
	}
	defer h.busy.Store(false)
	newest, err := h.reloadKeyring(r.Context())
	if err != nil {
		answer(w, http.StatusInternalServerError, err.Error()+"\n")
		return
	}
	text, err := json.Marshal(KeyringRead{NewestVersions: newest})
	if err != nil {
		answer(w, http.StatusInternalServerError, err.Error()+"\n")
		return
	}
	answer(w, http.StatusOK, string(text)+"\n")
}

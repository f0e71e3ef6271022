// Package admin is the HTTP interface for those who run a server: is it alive, is it ready, what does it measure, where
// does it spend its time.
//
//	GET /livez         200 as long as the process answers at all
//	GET /readyz        200 when requests are served, else 503 and the reasons; ?verbose adds what else there is to know
//	GET /metrics       every metric, for Prometheus
//
// and, for those who have the admin token,
//
//	POST /backup       everything that is stored, as one stream: see package backup; one at a time
//	POST /rewrap       encrypt every message and secret anew that is not under the newest version of its key; one at a time. Lines of JSON tell
//	                   how far it is, and the last one what became of it (Rewrapped)
//	POST /reload-keyring  read the keyring now; when it has answered, all that was encrypted with older versions of its keys is stored
//	POST /decide       whether somebody may do something, and which statement of a policy says so: see access.Question
//	POST /identities/  operations on accounts, users, groups, roles, policies and access keys: see package identity
//	GET /debug/pprof/  profiles of the Go runtime
//
// It belongs on a listener of its own that the users of queues cannot reach: metrics name queues, profiles show the inside of the
// process, and a backup has every message.
// The package knows nothing of queues; whether the server is ready is asked of a function it is given.
package admin

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/pprof"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/staunchmq/staunch/internal/access"
	"github.com/staunchmq/staunch/internal/clock"
	"github.com/staunchmq/staunch/internal/identity"
	"github.com/staunchmq/staunch/internal/metrics"
)

const (
	// scrapesMax is how many scrapes run at once; further ones get 503. Two scrapers and a person fit.
	scrapesMax = 4

	// scrapeTimeout ends a scrape that Prometheus (default: 10 s) has given up.
	scrapeTimeout = 30 * time.Second
)

// Options is what the interface shows.
type Options struct {
	// Registry is what /metrics shows.
	Registry *metrics.Registry

	// Ready returns nil when the server serves requests, else why it does not, in words for people. It is called for
	// each request to /readyz, from several goroutines, and must not block.
	Ready func() error

	// Note returns what else who asks for more should know, in one line for people: what a server that is ready cannot do at the
	// moment. "" for nothing; nil if there never is anything. It is called like Ready.
	Note func() string

	// Version is one line that says which build this is.
	Version string

	// Backup writes a backup to w until it is complete, w fails or ctx ends. If it fails before it has written anything, the caller
	// hears why; later, w says so itself. Nil if there is nothing that a backup could be made of.
	Backup func(ctx context.Context, w io.Writer) error

	// Rewrap encrypts every message and secret anew that is not under the newest version of its key, until that is done or ctx ends. It counts in
	// looked at the messages that it has looked at.
	Rewrap func(ctx context.Context, looked *atomic.Int64) (Rewrapped, error)

	// ReloadKeyring reads the keyring; nil if there is none. When it returns nil, everything that was encrypted with older versions of its
	// keys is stored.
	ReloadKeyring func(ctx context.Context) (newest map[string]uint32, err error)

	// Decide says what policies say of a question. An error is about the question; nil while there is nothing to ask yet.
	Decide func() func(*access.Question) (*access.Explanation, error)

	// Identities returns what changes and lists identities; nil while there is nothing to ask yet.
	Identities func() *identity.Service

	// Token is the admin token. Everything but health, readiness and metrics needs it; with an empty one nobody gets at that.
	Token string

	// Audit, if set, gets an entry for each request to what needs the token.
	Audit Auditor

	// Clock is for deadlines of writes, and for the times in the audit log.
	Clock clock.Clock

	// Logger is told of backups, and of operations that failed.
	Logger *slog.Logger
}

// New returns the handler of the interface. It is safe for use from several goroutines and starts nothing.
func New(options Options) http.Handler {
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	if options.Clock == nil {
		options.Clock = clock.System()
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, "alive\n") })
	mux.HandleFunc("GET /readyz", options.readyz)
	mux.Handle("GET /metrics", promhttp.HandlerFor(options.Registry.Gatherer(), promhttp.HandlerOpts{
		MaxRequestsInFlight: scrapesMax,
		Timeout:             scrapeTimeout,
		EnableOpenMetrics:   true,
	}))
	guarded := options.audited(newGuard(options.Token, options.guarded()))
	for _, path := range []string{"/backup", "/rewrap", "/reload-keyring", "/decide", "/identities/", "/debug/pprof/", "/{$}"} {
		mux.Handle(path, guarded)
	}
	return mux
}

// guarded is what needs the token.
func (o Options) guarded() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST /backup", newBackups(o))
	rewraps := &rewraps{rewrap: o.Rewrap, reloadKeyring: o.ReloadKeyring, clock: o.Clock, log: o.Logger}
	mux.Handle("POST /rewrap", rewraps)
	mux.HandleFunc("POST /reload-keyring", rewraps.reload)
	mux.HandleFunc("POST /decide", o.decide)
	mux.HandleFunc("POST /identities/{operation}", o.identities)
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("POST /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	mux.HandleFunc("GET /{$}", o.index)
	return mux
}

func (o Options) readyz(w http.ResponseWriter, r *http.Request) {
	status, text := http.StatusOK, "ready\n"
	if err := o.Ready(); err != nil {
		status, text = http.StatusServiceUnavailable, fmt.Sprintf("not ready: %v\n", err)
	}
	if r.URL.Query().Has("verbose") {
		if o.Note != nil {
			if note := o.Note(); note != "" {
				text += "note: " + note + "\n"
			}
		}
		text += "version: " + o.Version + "\n"
	}
	answer(w, status, text)
}

func (o Options) index(w http.ResponseWriter, _ *http.Request) {
	answer(w, http.StatusOK, "Staunch "+o.Version+"\n\n/livez\n/readyz\n/metrics\n/backup (POST)\n/rewrap (POST)\n/reload-keyring (POST)\n/decide (POST)\n/identities/ (POST)\n/debug/pprof/\n")
}

// answer writes text as the whole answer, which nobody may cache.
func answer(w http.ResponseWriter, status int, text string) {
	header := w.Header()
	header.Set("Content-Type", "text/plain; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text) // nobody is left to tell when the client has gone
}

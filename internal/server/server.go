// Package server puts the parts of a node together: it opens the data directory, replays the shards, starts the services and the
// listeners, and stops them in reverse order. It decides nothing about queues.
//
//	data directory ─► shards (replay) ─► SQS service ─► gateway ─► listener
//	                                                     admin  ─► listener
//
// A stop goes the other way: waiting receives are answered empty, the listener finishes the requests that are under way, then the
// services and at last the shards stop, with everything that was decided committed.
package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"sync/atomic"
	"syscall"

	"github.com/staunchmq/staunch/internal/admin"
	"github.com/staunchmq/staunch/internal/audit"
	"github.com/staunchmq/staunch/internal/clock"
	"github.com/staunchmq/staunch/internal/config"
	"github.com/staunchmq/staunch/internal/credentials"
	"github.com/staunchmq/staunch/internal/gateway"
	"github.com/staunchmq/staunch/internal/identity"
	"github.com/staunchmq/staunch/internal/journal"
	"github.com/staunchmq/staunch/internal/keyring"
	"github.com/staunchmq/staunch/internal/lifecycle"
	"github.com/staunchmq/staunch/internal/listener"
	"github.com/staunchmq/staunch/internal/metrics"
	"github.com/staunchmq/staunch/internal/version"
)

// Run runs a node until ctx ends, and then stops it in good order. It calls ready once, when requests are answered. It returns nil
// after a stop in which everything was committed, and an error that says why when the node could not start, failed, or did not
// stop within cfg.ShutdownTimeout.
func Run(ctx context.Context, cfg *config.Config, log *slog.Logger, ready func(config.Addresses)) error {
	s := &server{cfg: cfg, log: log, metrics: metrics.New(metrics.Options{Build: version.Read(), MaxQueues: cfg.MetricsMaxQueues})}
	defer s.close()
	if err := s.openKeys(); err != nil {
		return err
	}
	if err := s.openKeyring(); err != nil {
		return err
	}
	if err := s.openTLS(); err != nil {
		return err
	}
	if err := s.openAudit(); err != nil {
		return err
	}
	if err := s.openStore(); err != nil {
		return withAdvice(err)
	}
	if err := s.listen(); err != nil {
		return err
	}
	return withAdvice(s.run(ctx, ready))
}

// withAdvice says what to do about damage.
func withAdvice(err error) error {
	if errors.Is(err, journal.ErrDamaged) {
		return fmt.Errorf("%w\nThe server does not start on damaged data. Keep a copy of the data directory, check the disk, and restore the directory from a backup; docs/operations/damage.md says more", err)
	}
	return err
}

type server struct {
	cfg     *config.Config
	log     *slog.Logger
	metrics *metrics.Registry

	store   store
	keys    *credentials.Set // those that came with the settings; nil if none did
	keyring *keyring.Keyring

	api, adminAPI net.Listener  // adminAPI is nil without an admin listener
	tls, adminTLS *listener.TLS // nil for plain HTTP
	audit         *audit.Log    // nil without an audit log
	// identities is nil while the node starts and stops.
	identities atomic.Pointer[identity.Service]
	// node is nil then, too.
	node    atomic.Pointer[node]
	closers []func() error
}

func (s *server) openKeys() (err error) {
	keys := s.cfg.CredentialsFile != "" || s.cfg.RootKeyID != ""
	switch {
	case s.cfg.Auth == config.AuthOff && keys:
		return errors.New("there are access keys, but without auth no request needs them; add --auth verify, or leave the keys out")
	case s.cfg.Auth == config.AuthOff:
		return nil
	case !keys:
		return nil // those of the catalog have to do
	}
	s.keys, err = credentials.Open(credentials.Options{
		File: s.cfg.CredentialsFile, RootID: s.cfg.RootKeyID, RootSecret: s.cfg.RootSecret, Account: s.cfg.Account,
		Clock: clock.System(), Logger: s.log,
	})
	if err != nil {
		return fmt.Errorf("%w\nAccess keys come from --credentials-file and STAUNCH_ROOT_ACCESS_KEY_ID; docs/operations/authentication.md says more", err)
	}
	return nil
}

func (s *server) openKeyring() (err error) {
	if s.keyring, err = keyring.Load(s.cfg.Keyring); err != nil {
		return fmt.Errorf("%w\nThe server does not start without its keys: what is encrypted with them could not be read. docs/operations/encryption.md says more", err)
	}
	return nil
}

func (s *server) openStore() error {
	st, err := openStore(s.cfg, s.log, s.metrics)
	if err != nil {
		return err
	}
	s.store = st
	s.closers = append(s.closers, st.Close)
	return nil
}

func (s *server) close() {
	for i := len(s.closers) - 1; i >= 0; i-- {
		if err := s.closers[i](); err != nil {
			s.log.Error("close", "error", err)
		}
	}
}

// listen takes the addresses before the long work of replaying, so that a clash of ports shows at once.
func (s *server) listen() (err error) {
	if s.api, err = listen(s.cfg.Listen, "listen"); err != nil {
		return err
	}
	s.closers = append(s.closers, closeListener(s.api))
	if s.cfg.AdminListen == "" {
		return nil
	}
	if s.adminAPI, err = listen(s.cfg.AdminListen, "admin-listen"); err != nil {
		return err
	}
	s.closers = append(s.closers, closeListener(s.adminAPI))
	return nil
}

func listen(address, setting string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("cannot listen on %s: %w; is another server running there? --%s takes another address, and port 0 a free one",
			address, err, setting)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("cannot listen on %s: %w; ports below 1024 need the capability CAP_NET_BIND_SERVICE, or --%s a higher one",
			address, err, setting)
	case err != nil:
		return nil, fmt.Errorf("cannot listen on %s: %w; --%s takes an address of this machine with a port", address, err, setting)
	}
	return l, nil
}

func closeListener(l net.Listener) func() error {
	return func() error {
		if err := l.Close(); !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	}
}

func (s *server) addresses() config.Addresses {
	a := config.Addresses{API: s.api.Addr().String()}
	if s.adminAPI != nil {
		a.Admin = s.adminAPI.Addr().String()
	}
	return a
}

// run replays, serves and stops.
func (s *server) run(ctx context.Context, ready func(config.Addresses)) error {
	// The parts outlive ctx: they are stopped one after the other.
	outer := lifecycle.New(context.WithoutCancel(ctx))
	starting := &readiness{}
	if s.adminAPI != nil {
		token, err := adminToken(s.cfg.TokenFile(), s.log)
		if err != nil {
			return err
		}
		options := admin.Options{
			Registry:   s.metrics,
			Ready:      starting.ready,
			Note:       func() string { return roomNote(s.store) },
			Version:    version.Read().String(),
			Backup:     backupOf(s.store, s.log),
			Rewrap:     s.rewrap,
			Decide:     s.decide,
			Identities: s.identities.Load,
			Token:      token,
			Clock:      clock.System(),
			Logger:     s.log,
		}
		if s.keyring.Identity() != "" {
			options.ReloadKeyring = s.reloadKeyring
		}
		if s.audit != nil {
			options.Audit = s.audit
		}
		handler := admin.New(options)
		outer.Go("admin listener", func(ctx context.Context) error {
			return serveHTTP(ctx, gateway.NewServer(handler, s.serverOptions()), s.adminListener())
		})
	}
	s.metrics.CollectKeyring(func() metrics.KeyringSample { return keyringSample(s.keyring.Stats()) })
	s.runEdge(outer)
	outer.Go("keyring", func(ctx context.Context) error { return s.keyring.Run(ctx, clock.System(), s.log) })
	err := s.serve(ctx, outer, starting, ready)
	outer.Stop()
	return errors.Join(err, outer.Wait())
}

// checkNew refuses a new data directory on a disk without room for its first record. What is in an older one can be received and deleted.
func (s *server) checkNew(n *node) error {
	if n.catalog.View().Secret() != nil || journal.RoomOf(s.store) == journal.RoomForAll {
		return nil
	}
	return fmt.Errorf("%s is a new data directory, and its disk has less than disk-reserve (%d MiB) free; make room, choose another one with --data, or lower --disk-reserve",
		s.cfg.Data, s.cfg.DiskReserve>>20)
}

func (s *server) serve(ctx context.Context, outer *lifecycle.Group, starting *readiness, ready func(config.Addresses)) error {
	started := clock.System().Now()
	n, err := openNode(ctx, s.cfg, s.log, s.metrics, s.store, s.keyring, s.exists())
	if err != nil {
		return err
	}
	if err := s.checkNew(n); err != nil {
		return err
	}
	starting.done(func() error { return cmp.Or(n.service.Ready(), errStarting) }) // not ready before the listener is, but with the reason
	core := lifecycle.New(context.WithoutCancel(ctx))
	n.run(core)
	select {
	case <-n.service.Started():
	case <-core.Context().Done():
		return errors.Join(errors.New("the node stopped while it was starting"), core.Wait())
	case <-ctx.Done():
		core.Stop()
		return core.Wait()
	}
	s.metrics.CollectQueues(n.samples)
	s.metrics.CollectDeadLetters(n.service.DeadLetterBytes)
	at := s.addresses()
	if at.RootKeyID, at.RootSecret, err = s.ensureIdentities(ctx, n); err != nil {
		core.Stop()
		return errors.Join(err, core.Wait())
	}
	s.identities.Store(n.identities)
	if s.keys != nil {
		s.tellUsers()
		outer.Go("access keys", s.keys.Run)
	}
	options := gatewayOptions(s.cfg, s.log, s.metrics, n)
	s.ask(&options, n)
	s.node.Store(n)
	if s.audit != nil {
		options.Audit = s.audit
	}
	handler := gateway.New(options)
	s.metrics.CollectBodies(handler.BufferedBytes)
	s.metrics.CollectAnswers(handler.AnswerBytes)
	httpServer := gateway.NewServer(handler, s.serverOptions())
	served := make(chan error, 1)
	l := s.apiListener() // with its metric, before anybody hears that the server is ready
	go func() { served <- httpServer.Serve(l) }()
	starting.done(n.service.Ready)
	s.log.Info("ready", "api", at.API, "admin", at.Admin, "shards", len(n.shards), "took", clock.System().Now().Sub(started))
	if ready != nil {
		ready(at)
	}

	var failure error
	select {
	case <-ctx.Done():
	case <-core.Context().Done(): // a shard or the service has failed; core.Wait says which
	case <-failed(s.store):
		failure = errors.New("the data directory has failed; the log says how")
	case err := <-served:
		failure = fmt.Errorf("the listener failed: %w", err)
	}
	starting.stopping()
	s.identities.Store(nil)
	s.node.Store(nil)
	return errors.Join(failure, s.stop(n, core, httpServer))
}

// stop ends a node that serves: waiting receives first, then the requests that are under way, then the shards.
func (s *server) stop(n *node, core *lifecycle.Group, httpServer *http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), s.cfg.ShutdownTimeout)
	defer cancel()
	n.stopWaiting(ctx)
	err := httpServer.Shutdown(ctx)
	if err != nil {
		err = fmt.Errorf("some requests did not end within %v: %w", s.cfg.ShutdownTimeout, err)
		_ = httpServer.Close()
	}
	core.Stop()
	return errors.Join(err, core.WaitContext(ctx))
}

// serveHTTP serves until ctx ends.
func serveHTTP(ctx context.Context, server *http.Server, l net.Listener) error {
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// cores is the number of CPUs that this process may use.
func cores() int { return runtime.GOMAXPROCS(0) }

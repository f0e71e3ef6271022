package staunch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"github.com/staunchmq/staunch/internal/config"
	"github.com/staunchmq/staunch/internal/server"
)

// Options say what server to run. The zero Options run one in memory on a free port of the loopback interface.
type Options struct {
	// Data is the directory that the server keeps its data in: every answered change is on disk. When it is empty, everything is
	// in memory and gone with the process.
	Data string
	// Listen is the address to listen on, as host:port. Default: 127.0.0.1:0, a free port. Other than loopback addresses are
	// refused unless Settings has auth, or insecure-no-auth.
	Listen string
	// Settings are further settings by the names and in the notation of docs/configuration.md, such as
	// "recreate-delay": "0s". Unknown names and values out of range are errors.
	Settings map[string]string
	// Logger gets what the server has to say; nil discards it.
	Logger *slog.Logger
}

// Server is a running server. Its methods are safe for concurrent use.
type Server struct {
	endpoint string
	rootKey  AccessKey
	stop     context.CancelFunc
	stopped  chan struct{}
	err      error // valid when stopped is closed
	once     sync.Once
}

// An AccessKey is what signs requests.
type AccessKey struct{ ID, Secret string }

// Start runs a server and returns when it answers requests. It stops with Close; ctx bounds only the start.
func Start(ctx context.Context, o Options) (*Server, error) {
	cfg, err := o.config()
	if err != nil {
		return nil, err
	}
	log := o.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	s := &Server{stop: stop, stopped: make(chan struct{})}
	ready := make(chan config.Addresses, 1)
	go func() {
		defer close(s.stopped)
		s.err = server.Run(running, cfg, log, func(a config.Addresses) { ready <- a })
	}()
	select {
	case a := <-ready:
		s.endpoint = config.LocalURL(a.API, cfg.TLS())
		s.rootKey = AccessKey{ID: a.RootKeyID, Secret: a.RootSecret}
		return s, nil
	case <-s.stopped:
		stop()
		return nil, fmt.Errorf("start a server: %w", s.err)
	case <-ctx.Done():
		return nil, errors.Join(ctx.Err(), s.Close())
	}
}

func (o *Options) config() (*config.Config, error) {
	flags := map[string]string{"listen": "127.0.0.1:0", "admin-listen": "", "journal": string(config.MemoryJournal)}
	if o.Listen != "" {
		flags["listen"] = o.Listen
	}
	if o.Data != "" {
		flags["journal"], flags["data"] = string(config.DiskJournal), o.Data
	}
	for name, value := range o.Settings {
		switch {
		case name == "listen" || name == "data" || name == "journal":
			return nil, fmt.Errorf("setting %q is decided by Options.Data and Options.Listen", name)
		case !slices.ContainsFunc(config.Settings(), func(s config.Setting) bool { return s.Name == name }):
			return nil, fmt.Errorf("there is no setting %q; docs/configuration.md lists them", name)
		}
		flags[name] = value
	}
	cfg, _, err := config.Load(config.Sources{Flags: flags})
	return cfg, err
}

// Endpoint returns the URL that clients on this machine are pointed at, such as http://127.0.0.1:41234; with TLS
// https://127.0.0.1:41234, which works if the certificate is for that address.
func (s *Server) Endpoint() string { return s.endpoint }

// RootKey returns the access key that this start has made for the root of the account, and whether it has made one: with the setting
// auth other than off, without credentials-file, where there was none yet. Keep it: it lasts as long as the data, and nobody can ask
// for its secret again.
func (s *Server) RootKey() (AccessKey, bool) { return s.rootKey, s.rootKey.ID != "" }

// Close stops the server in good order: waiting receives are answered empty, requests under way are finished, what was decided is
// committed. It returns what went wrong, also if the server had stopped by itself before. Closing twice is harmless.
func (s *Server) Close() error {
	s.once.Do(s.stop)
	<-s.stopped
	return s.err
}

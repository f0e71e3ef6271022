package server

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/staunchmq/staunch/internal/audit"
	"github.com/staunchmq/staunch/internal/clock"
	"github.com/staunchmq/staunch/internal/config"
	"github.com/staunchmq/staunch/internal/gateway"
	"github.com/staunchmq/staunch/internal/lifecycle"
	"github.com/staunchmq/staunch/internal/listener"
)

// openTLS reads the certificates.
func (s *server) openTLS() (err error) {
	o := listener.TLSOptions{CertFile: s.cfg.TLSCert, KeyFile: s.cfg.TLSKey, ClientCAFile: s.cfg.TLSClientCA, Clock: clock.System(), Logger: s.log}
	if len(s.cfg.ACMEDomains) > 0 {
		o.ACME = &listener.ACME{
			Domains: s.cfg.ACMEDomains, Email: s.cfg.ACMEEmail, Directory: s.cfg.ACMEDirectory, Cache: filepath.Join(s.cfg.Data, "acme"),
		}
	}
	if s.cfg.TLS() {
		if s.tls, err = listener.OpenTLS(o); err != nil {
			return fmt.Errorf("API: %w; --tls-cert, --tls-key and --tls-client-ca choose the files", err)
		}
	}
	if s.cfg.AdminTLS() {
		o.CertFile, o.KeyFile, o.ClientCAFile, o.ACME = s.cfg.AdminTLSCert, s.cfg.AdminTLSKey, s.cfg.AdminTLSClientCA, nil
		if s.adminTLS, err = listener.OpenTLS(o); err != nil {
			return fmt.Errorf("admin interface: %w; --admin-tls-cert, --admin-tls-key and --admin-tls-client-ca choose the files", err)
		}
	}
	return nil
}

// openAudit opens the audit log.
func (s *server) openAudit() (err error) {
	o := audit.Options{Bytes: s.cfg.AuditLogBytes, Keep: s.cfg.AuditLogFiles, Stdout: os.Stdout, Logger: s.log, Lost: s.metrics.AuditLost}
	switch s.cfg.AuditLog {
	case config.AuditOff:
		return nil
	case config.AuditStdout:
	default:
		o.Path = s.cfg.AuditLog
	}
	if s.audit, err = audit.Open(o); err != nil {
		return fmt.Errorf("%w; --audit-log chooses the file", err)
	}
	s.closers = append(s.closers, s.audit.Close)
	return nil
}

// runEdge runs what keeps files current.
func (s *server) runEdge(outer *lifecycle.Group) {
	if s.tls != nil {
		outer.Go("TLS", s.tls.Run)
	}
	if s.tls != nil && s.cfg.TLSCert != "" {
		s.metrics.CollectCertificate("api", s.tls.NotAfter)
	}
	if s.adminTLS != nil {
		outer.Go("admin TLS", s.adminTLS.Run)
		s.metrics.CollectCertificate("admin", s.adminTLS.NotAfter)
	}
	outer.Go("SIGHUP", s.reopen)
}

// reopen opens the audit log again at each SIGHUP, until ctx ends.
func (s *server) reopen(ctx context.Context) error {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	defer signal.Ignore(syscall.SIGHUP) // it does not end a server that stops, either
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-signals:
			if s.audit == nil {
				s.log.Info("SIGHUP: there is no audit log to open again; certificates, keys and credentials are read again when their files change")
				continue
			}
			if err := s.audit.Reopen(); err != nil {
				s.log.Error("reopen the audit log", "error", err)
			}
		}
	}
}

// apiListener returns the listener of the API with its limits and TLS.
func (s *server) apiListener() net.Listener {
	limited := listener.Limit(s.api, listener.LimitOptions{
		Max: s.cfg.ConnectionCount(filesMax()), MaxPerAddress: s.cfg.MaxConnectionsPerAddress, Refused: s.metrics.ConnectionRefused,
	})
	s.metrics.CollectConnections(limited.Open)
	l := gateway.Listener(limited)
	if s.tls == nil {
		return l
	}
	return s.tls.Wrap(l, gateway.RefusePlain)
}

func (s *server) adminListener() net.Listener {
	limited := listener.Limit(s.adminAPI, listener.LimitOptions{Max: adminConnectionsMax})
	if s.adminTLS == nil {
		return limited
	}
	return s.adminTLS.Wrap(limited, refusePlainAdmin)
}

// refusePlainAdmin answers who calls the admin interface by http:// where it speaks TLS.
func refusePlainAdmin(w io.Writer, _ io.Reader) {
	_, _ = io.WriteString(w, "HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\n\r\nThe admin interface is called by https:// here.\n")
}

// adminConnectionsMax is how many connections the admin interface takes: those of scrapers, probes and people.
const adminConnectionsMax = 256

// serverOptions are the same for both listeners.
func (s *server) serverOptions() gateway.ServerOptions {
	return gateway.ServerOptions{
		Logger: s.log, HeaderTimeout: s.cfg.HeaderTimeout, IdleTimeout: s.cfg.IdleTimeout, MaxHeaderBytes: int(s.cfg.MaxHeaderBytes),
	}
}

// filesMax returns how many files this process may open.
func filesMax() uint64 {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 1024 // what systems have that say nothing
	}
	return limit.Cur
}

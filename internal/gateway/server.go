package gateway

import (
	"log/slog"
	"net/http"
	"time"
)

// ServerOptions configure NewServer. All have defaults.
type ServerOptions struct {
	// Logger gets what net/http has to say about connections, at level debug: it is mostly about clients. Default: slog.Default().
	Logger *slog.Logger
	// HeaderTimeout bounds the time for a TLS handshake, and for the header of a request. Default: 5 s.
	HeaderTimeout time.Duration
	// IdleTimeout bounds how long a connection may wait for its next request. It should outlive the
	// pools of SDKs, or they meet closed connections. Default: 120 s.
	IdleTimeout time.Duration
	// MaxHeaderBytes bounds the header of a request. Default: 64 KiB; a presigned GET has everything in its request line.
	MaxHeaderBytes int
}

// NewServer returns an HTTP server for the handler with limits against slow and large clients. There is no timeout for whole requests,
// because a long poll takes 20 s and Handler sets its own deadlines for bodies and answers. The server is not started; on a
// [Listener] it is faster.
//
// It speaks HTTP/1.1 only, as SQS does: in HTTP/2 one connection carries hundreds of requests, which limits on connections do not see,
// and deadlines and closed connections mean less there.
func NewServer(handler http.Handler, o ServerOptions) *http.Server {
	setDefault(&o.Logger, slog.Default())
	setDefault(&o.HeaderTimeout, 5*time.Second)
	setDefault(&o.IdleTimeout, 120*time.Second)
	setDefault(&o.MaxHeaderBytes, 64<<10)
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: o.HeaderTimeout,
		IdleTimeout:       o.IdleTimeout,
		MaxHeaderBytes:    o.MaxHeaderBytes,
		Protocols:         protocols,
		ConnContext:       withConn,
		ErrorLog:          slog.NewLogLogger(o.Logger.Handler(), slog.LevelDebug),
	}
}

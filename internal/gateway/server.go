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
	// IdleTimeout bounds how long a connection may wait for its next request. It must outlive the
	// pools of SDKs, or they meet closed connections. Default and minimum: 120 s.
	IdleTimeout time.Duration
}

// NewServer returns an HTTP server for the handler with limits against slow and large clients. Over
// TLS it speaks HTTP/2 too. There is no timeout for whole requests, because a long poll takes 20 s and Handler
// sets its own deadlines for bodies and answers. The server is not started; on a [Listener] it is faster.
func NewServer(handler http.Handler, o ServerOptions) *http.Server {
	setDefault(&o.Logger, slog.Default())
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       max(o.IdleTimeout, 120*time.Second),
		MaxHeaderBytes:    64 << 10, // a presigned GET has everything in its request line
		Protocols:         protocols,
		ConnContext:       withConn,
		ErrorLog:          slog.NewLogLogger(o.Logger.Handler(), slog.LevelDebug),
	}
}

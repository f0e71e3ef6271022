package admin

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/staunchmq/staunch/internal/clock"
)

// backupWriteTimeout ends a backup whose reader takes nothing for so long: meanwhile the disk keeps what is trimmed.
const backupWriteTimeout = time.Minute

// backups answers POST /backup.
type backups struct {
	backup func(ctx context.Context, w io.Writer) error
	clock  clock.Clock
	log    *slog.Logger
	busy   atomic.Bool // one is running
}

func newBackups(o Options) *backups {
	return &backups{backup: o.Backup, clock: o.Clock, log: o.Logger}
}

func (b *backups) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case b.backup == nil:
		answer(w, http.StatusNotImplemented, "this server keeps its journals in memory: there is nothing to back up\n")
		return
	case !b.busy.CompareAndSwap(false, true):
		answer(w, http.StatusConflict, "another backup or check is running, one at a time: ask again when it has ended\n")
		return
	}
	defer b.busy.Store(false)
	started := b.clock.Now()
	stream := &stream{writer: w, control: http.NewResponseController(w), clock: b.clock}
	err := b.backup(r.Context(), stream)
	_ = stream.control.SetWriteDeadline(time.Time{}) // the connection may be used again
	took := b.clock.Now().Sub(started)
	switch {
	case err == nil:
		b.log.Info("backup read", "bytes", stream.bytes, "took", took)
	case stream.bytes == 0 && r.Context().Err() == nil:
		b.log.Error("backup failed", "error", err)
		answer(w, http.StatusServiceUnavailable, err.Error()+"\n")
	default:
		b.log.Warn("backup broke off", "bytes", stream.bytes, "took", took, "error", err)
	}
}

// stream is the body of an answer. Its head is written with the first byte.
type stream struct {
	writer  http.ResponseWriter
	control *http.ResponseController
	clock   clock.Clock
	bytes   int64
}

func (s *stream) Write(p []byte) (int, error) {
	if s.bytes == 0 {
		header := s.writer.Header()
		header.Set("Content-Type", "application/zstd")
		header.Set("Cache-Control", "no-store")
		header.Set("X-Content-Type-Options", "nosniff")
	}
	// Where there is no connection, as in a test, there is no deadline either.
	_ = s.control.SetWriteDeadline(s.clock.Now().Add(backupWriteTimeout))
	n, err := s.writer.Write(p)
	s.bytes += int64(n)
	return n, err
}

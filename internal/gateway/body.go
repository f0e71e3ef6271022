package gateway

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/staunchmq/staunch/internal/api"
)

const (
	// firstBytes is the capacity that buffers start with; most requests and answers fit.
	firstBytes = 4 << 10
	// freeBytes is the capacity up to which a body does not count against MaxBufferedBytes.
	freeBytes = 64 << 10
	// keptBytes is the capacity up to which a buffer is kept for another request, which may use freeBytes of it without counting any.
	keptBytes = 256 << 10
)

// buffer is memory for one body or answer.
type buffer struct {
	bytes   []byte
	counted int64    // bytes counted against MaxBufferedBytes
	owner   *Handler // whom they are counted for, if any are
}

var buffers = sync.Pool{New: func() any { return &buffer{bytes: make([]byte, 0, firstBytes)} }}

// takeBuffer returns an empty buffer.
func takeBuffer() *buffer { return buffers.Get().(*buffer) }

// giveBack ends the use of the buffer and of everything in it.
func (b *buffer) giveBack() {
	if b.counted > 0 {
		b.owner.buffered.Add(-b.counted)
	}
	if cap(b.bytes) <= keptBytes {
		*b = buffer{bytes: b.bytes[:0]}
		buffers.Put(b)
	}
}

// grow makes room for more, at most doubling the buffer, as long as all bodies together stay within their limit.
func (b *buffer) grow(h *Handler) error {
	size := cap(b.bytes)
	if len(b.bytes) == size {
		size *= 2
	}
	if size > freeBytes {
		more := int64(size) - b.counted
		if h.buffered.Add(more) > h.options.MaxBufferedBytes {
			h.buffered.Add(-more)
			return api.ServiceUnavailable.Newf("The server is reading as many large requests as its memory allows. Try again.")
		}
		b.owner, b.counted = h, int64(size)
	}
	if size > cap(b.bytes) {
		b.bytes = append(make([]byte, 0, size), b.bytes...)
	}
	return nil
}

// room is the length up to which the buffer may be filled. A buffer that an earlier request has made large does not count before it is needed.
func (b *buffer) room() int {
	if b.counted == 0 {
		return min(cap(b.bytes), freeBytes)
	}
	return cap(b.bytes)
}

// fill reads all of r, up to the limit for bodies.
func (b *buffer) fill(h *Handler, r io.Reader) error {
	for {
		if len(b.bytes) == b.room() {
			if err := b.grow(h); err != nil {
				return err
			}
		}
		n, err := r.Read(b.bytes[len(b.bytes):b.room()])
		b.bytes = b.bytes[:len(b.bytes)+n]
		switch {
		case int64(len(b.bytes)) > h.options.MaxBodyBytes:
			return errTooLarge
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}

// errTooLarge says that a body goes on beyond the limit.
var errTooLarge = errors.New("the body is too large")

// ambiguous reports whether a proxy on the way may have seen the request end elsewhere: one with both a Content-Length and a
// Transfer-Encoding, or one of HTTP/1.0 with the latter. net/http chooses and forgets that there was a choice, so every request that
// could have been such a one is under suspicion. What follows on its connection is not read (RFC 9112, 6.1).
func ambiguous(r *http.Request) bool { return len(r.TransferEncoding) > 0 || !r.ProtoAtLeast(1, 1) }

// limitBody sets the deadline for the request's body. readBody lifts it; if the body is not read,
// it bounds how long net/http may wait for the rest before it gives up on the connection.
func (x *exchange) limitBody() {
	if x.r.Body == nil || x.r.Body == http.NoBody {
		return
	}
	x.bodyPending = true
	control := http.NewResponseController(x.w)
	// Not every writer has deadlines (tests' recorders have none); those of net/http do.
	_ = control.SetReadDeadline(x.options.Now().Add(x.options.BodyTimeout))
	// Deadlines stay on a connection: that of the last answer must not hit the "100 Continue" that the first read may cause.
	_ = control.SetWriteDeadline(time.Time{})
}

// readBody reads the request's body into the buffer, which is empty, and decompresses it. Every error is an *api.Error.
func (x *exchange) readBody(b *buffer) error {
	if x.r.Body == nil || x.r.Body == http.NoBody {
		x.hashPayload(nil)
		return nil
	}
	if x.r.ContentLength > x.options.MaxBodyBytes {
		return x.tooLarge()
	}
	err := b.fill(x.Handler, x.r.Body)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return api.RequestTimeout.New()
	}
	if err != nil {
		return x.badBody(err)
	}
	x.bodyPending = false
	// The deadline for the body must be gone before the action waits for messages: it would look as if the client were.
	_ = http.NewResponseController(x.w).SetReadDeadline(time.Time{})
	x.hashPayload(b.bytes)
	return x.decompress(b)
}

// badBody returns the error for a body that could not be read.
func (x *exchange) badBody(err error) error {
	if err == errTooLarge {
		return x.tooLarge()
	}
	if e := api.AsError(err); e != nil {
		return e
	}
	return api.MalformedInput.Newf("The request body could not be read to its end.")
}

// tooLarge returns the error for a body over the limit.
func (x *exchange) tooLarge() error {
	return api.RequestTooLarge.Newf("The request body is larger than the %d bytes that this server accepts.", x.options.MaxBodyBytes)
}

// decompress replaces a compressed body by its content. SQS knows no compression, but SDKs
// and proxies can be told to use it.
func (x *exchange) decompress(b *buffer) error {
	switch encoding := x.r.Header.Get("Content-Encoding"); strings.ToLower(encoding) {
	case "", "identity":
		return nil
	case "gzip":
	default:
		return api.MalformedInput.Newf("The Content-Encoding of the request is not supported. Send gzip or none.")
	}
	content := takeBuffer()
	defer content.giveBack()
	compressed, err := gzip.NewReader(bytes.NewReader(b.bytes))
	if err == nil {
		err = content.fill(x.Handler, compressed)
	}
	switch {
	case err == errTooLarge || api.AsError(err) != nil:
		return x.badBody(err)
	case err != nil:
		return api.MalformedInput.Newf("The request body is not valid gzip data.")
	}
	*b, *content = *content, *b
	return nil
}

package gateway

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/clock"
	"github.com/staunchmq/staunch/internal/sigv4"
)

// Options configure a Handler. Only SQS is required.
type Options struct {
	// SQS answers the requests, and STS those that ask who they are. Default of STS: none, its actions are refused.
	SQS api.SQS
	STS api.STS

	// Keys, if set, has the access keys that requests must be signed with; without an Authorizer unsigned requests
	// are then refused, and callers can use the queues of their own account only. Default: no signature is verified, and who clients say they are is believed.
	Keys Keys
	// Tokens, if set, opens session tokens. Default: there are no temporary credentials. Only with Keys.
	Tokens Tokens
	// KeyUsed, if set, hears of every lasting access key whose signature was right. It must not wait for anything.
	KeyUsed func(accessKeyID string)
	// ClockSkew is how far the clock of a signer may be off. Default: 15 minutes.
	ClockSkew time.Duration
	// SignedRegions are those that requests may be signed for. Default: any.
	SignedRegions []string
	// Authorizer, if set, is asked about every request to SQS, unsigned ones too, before it is answered. Default: see Keys.
	Authorizer Authorizer

	// Region and Account are those of callers who name none. Defaults: us-east-1, 000000000000.
	Region, Account string

	// PublicURL, if set, is what all queue URLs start with, such as "https://sqs.example.com".
	PublicURL string
	// QueueURLStyle says how queue URLs start otherwise: HostStyle (the default) or DomainStyle.
	QueueURLStyle string
	// Domain is the domain of DomainStyle, without a port: then the port is the one that was called.
	Domain string
	// TrustedProxies are the peers whose X-Forwarded-For, -Proto and -Host headers are believed. Default: none.
	TrustedProxies []netip.Prefix

	// Rates limit how many requests are taken. Default: any number.
	Rates Rates

	// Audit, if set, gets who did what: every denied request and every action that is not on messages, with AuditMessages these, too.
	Audit         Auditor
	AuditMessages bool

	// MaxBodyBytes bounds one request body, also after decompression. Default: 16 MiB, which
	// is ten messages of 1 MiB and their overhead, so that SQS's own limits are met first.
	MaxBodyBytes int64
	// MaxBufferedBytes bounds the memory of all bodies larger than 64 KiB that are being read or decoded. Beyond it
	// requests get ServiceUnavailable, which clients retry. Default: 512 MiB.
	MaxBufferedBytes int64
	// MaxAnswersBytes bounds the memory of all answers of more than 64 KiB of messages (Query: 32 KiB) that are being made or written. Beyond
	// it receives of such messages get fewer of them, or RequestThrottled. Default: 256 MiB; one answer may need 85 MiB.
	MaxAnswersBytes int64
	// BodyTimeout bounds the time to read a body. Default: 60 s.
	BodyTimeout time.Duration
	// AnswerTimeout bounds the time to write an answer. Default: 30 s.
	AnswerTimeout time.Duration

	// Logger gets internal failures and panics, and without Audit the requests that policies denied. Default: slog.Default().
	Logger *slog.Logger
	// Observe, if set, is called after every request. action is "Unknown" if the request named none that exists;
	// code is the query code of the error, "" on success.
	Observe func(action, code string, status int, seconds float64)
	// ObservePanic, if set, is called for every panic that was recovered.
	ObservePanic func()
	// NewRequestID returns a fresh UUID. Default: a random one.
	NewRequestID func() string
	// Now returns the time, for durations and for the deadlines of connections, which go by the
	// system's clock: a clock that tests turn does not belong here. Default: the system clock's.
	Now func() time.Time
}

// Styles of queue URLs.
const (
	// HostStyle builds queue URLs from the Host that the client called, so that they are reachable for it.
	HostStyle = "host"
	// DomainStyle builds them as AWS does: sqs.<region>.<domain>.
	DomainStyle = "domain"
)

// Handler serves the SQS API over HTTP. It is safe for concurrent use.
type Handler struct {
	options  Options
	verifier *sigv4.Verifier
	rates    *rates
	buffered atomic.Int64 // bytes of MaxBufferedBytes in use
	answers  *answers
}

// BufferedBytes returns how much of MaxBufferedBytes is in use.
func (h *Handler) BufferedBytes() int64 { return h.buffered.Load() }

// New returns a Handler. It starts nothing.
func New(o Options) *Handler {
	setDefault(&o.Region, "us-east-1")
	setDefault(&o.Account, "000000000000")
	setDefault(&o.QueueURLStyle, HostStyle)
	setDefault(&o.MaxBodyBytes, 16<<20)
	setDefault(&o.MaxBufferedBytes, 512<<20)
	setDefault(&o.MaxAnswersBytes, 256<<20)
	setDefault(&o.BodyTimeout, 60*time.Second)
	setDefault(&o.AnswerTimeout, 30*time.Second)
	setDefault(&o.Logger, slog.Default())
	if o.Observe == nil {
		o.Observe = func(string, string, int, float64) {}
	}
	if o.ObservePanic == nil {
		o.ObservePanic = func() {}
	}
	if o.NewRequestID == nil {
		o.NewRequestID = newRequestID
	}
	if o.Now == nil {
		o.Now = clock.System().Now
	}
	return &Handler{options: o, verifier: newVerifier(&o), rates: newRates(o.Rates), answers: newAnswers(o.MaxAnswersBytes)}
}

// setDefault sets an option that was left out.
func setDefault[T comparable](option *T, value T) {
	var zero T
	if *option == zero {
		*option = value
	}
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{Handler: h, w: w, r: r, began: h.options.Now(), requestID: h.options.NewRequestID(), protocol: xmlProtocol{}, api: api.SQSAPI}
	w.Header()["X-Amzn-Requestid"] = []string{x.requestID}
	defer x.recoverPanic()
	x.serve()
}

// exchange is one request and its answer.
type exchange struct {
	*Handler
	w         http.ResponseWriter
	r         *http.Request
	began     time.Time
	requestID string
	protocol  protocol    // how to answer; XML until it is known
	api       *api.API    // SQS until it is known
	action    *api.Action // nil until it is known
	// payloadHash is the SHA-256 of the body as it was sent, once it is read and if signatures are verified.
	payloadHash [32]byte
	// bodyPending is true while the request has a body that was not read to its end.
	bodyPending bool
	answered    bool
	room        *room // for the answer; nil until the caller is known

	// What the audit log is told: the input, nil until it is decoded; the credential as the client states it; who sent the request, nil
	// until that is known; and how it failed, if it did.
	in         any
	credential string
	from       *api.Caller
	failure    *api.Error
}

// serve takes the request through all steps.
func (x *exchange) serve() {
	x.limitBody()
	x.setDeaf(false)
	in, credential, err := x.decode()
	if err != nil {
		x.fail(err)
		return
	}
	x.in, x.credential = in, credential
	if url := x.action.QueueURL(in); url != nil && *url == "" && x.pathNamesQueue() {
		*url = x.r.URL.Path
	}
	from, err := x.authenticate(credential)
	if err != nil {
		x.fail(err)
		return
	}
	caller := x.caller(from)
	x.from = caller
	if err := x.admit(caller, in); err != nil {
		x.fail(err)
		return
	}
	defer x.room.hold(0)
	out, err := x.action.Invoke(x.r.Context(), x.service(), caller, in)
	if err != nil {
		x.fail(err)
		return
	}
	buf := takeBuffer()
	defer buf.giveBack()
	buf.bytes = slices.Grow(buf.bytes, int(x.room.expects()))
	buf.bytes = x.protocol.appendOutput(buf.bytes, x.action, out, x.requestID)
	if err := x.room.encoded(buf, x.action); err != nil {
		x.fail(err)
		return
	}
	x.answer(http.StatusOK, "", buf.bytes)
}

// admit refuses what the caller may not do, or does too often.
func (x *exchange) admit(c *api.Caller, in any) error {
	if err := x.admitCaller(c); err != nil {
		return err
	}
	if err := x.authorize(c, in); err != nil {
		return err
	}
	return x.admitQueue(c, in)
}

// service returns who answers the action.
func (x *exchange) service() any {
	if x.api == api.STSAPI {
		return x.options.STS
	}
	return x.options.SQS
}

// errNoAction is what decode returns for requests that do not look like API requests at all.
var errNoAction = errors.New("the request names no action")

// fail answers with an error, and logs it if its cause is in the server.
func (x *exchange) fail(err error) {
	if err == errNoAction {
		x.answerNoAction()
		return
	}
	e := api.AsError(err)
	switch {
	case e != nil:
	case x.r.Context().Err() != nil && errors.Is(err, x.r.Context().Err()):
		// The client is gone and will not read this, or the server stops and the client should try again.
		e = api.ServiceUnavailable.New()
	default:
		x.options.Logger.LogAttrs(context.WithoutCancel(x.r.Context()), slog.LevelError, "action failed",
			slog.String("request_id", x.requestID), slog.String("action", x.actionName()), slog.Any("error", err))
		e = api.InternalFailure.New()
	}
	x.failure = e
	buf := takeBuffer()
	defer buf.giveBack()
	buf.bytes = x.protocol.appendError(buf.bytes, e, x.requestID)
	x.w.Header()["X-Amzn-Query-Error"] = []string{e.Kind.QueryCode + ";" + e.Kind.Fault()}
	x.answer(e.Kind.Status, e.Kind.QueryCode, buf.bytes)
}

// recoverPanic turns a panic into InternalFailure.
func (x *exchange) recoverPanic() {
	p := recover()
	if p == nil {
		return
	}
	if p == http.ErrAbortHandler {
		panic(p)
	}
	x.options.ObservePanic()
	x.options.Logger.LogAttrs(context.WithoutCancel(x.r.Context()), slog.LevelError, "panic in a request",
		slog.String("request_id", x.requestID), slog.String("action", x.actionName()), slog.Any("panic", p), slog.String("stack", string(debug.Stack())))
	if x.answered {
		panic(http.ErrAbortHandler) // a broken answer must not look like a whole one
	}
	x.fail(api.InternalFailure.New())
}

// actionName returns the action's name for logs and metrics.
func (x *exchange) actionName() string {
	if x.action == nil {
		return "Unknown"
	}
	return x.action.Name
}

package gateway

import (
	"context"
	"log/slog"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/arn"
	"github.com/staunchmq/staunch/internal/audit"
)

// Auditor keeps the entries of the audit log.
type Auditor interface {
	// Record keeps an entry. It is called from many goroutines at once and must not keep e.
	Record(e *audit.Entry)
}

// audit writes down a request that is being answered: every one that was denied, and those that the audit log is to have. Without an
// audit log, the other log gets what policies denied.
func (x *exchange) audit(status int, code string) {
	if x.action == nil {
		return
	}
	denied := x.denied()
	if x.options.Audit == nil {
		if denied && x.failure.Denial != "" {
			x.logDenied()
		}
		return
	}
	if !denied && (x.from == nil || x.action.OnMessages() && !x.options.AuditMessages) {
		return // from nobody knows whom, as what cannot be read is
	}
	e := audit.Entry{
		Time: x.began, RequestID: x.requestID, Action: x.api.Service + ":" + x.action.Name, Resource: x.resource(), Status: status, Code: code,
		Decision: audit.Allowed,
	}
	if denied {
		e.Decision, e.Reason = audit.Denied, x.failure.Denial
	}
	x.setWho(&e)
	x.options.Audit.Record(&e)
}

// setWho fills in who sent the request, as far as that is known.
func (x *exchange) setWho(e *audit.Entry) {
	if c := x.from; c != nil {
		e.SourceIP, e.TLS, e.AccessKeyID, e.Principal = c.SourceIP, c.SecureTransport, c.AccessKeyID, c.Principal.ARN
		e.Verified = x.options.Keys != nil && !c.Principal.Anonymous()
		setDefault(&e.Principal, "anonymous")
		return
	}
	c := x.caller(sender{})
	e.SourceIP, e.TLS = c.SourceIP, c.SecureTransport
	e.AccessKeyID, _, _ = parseCredential(x.credential)
}

// denied tells whether the request failed because of who sent it.
func (x *exchange) denied() bool {
	if x.failure == nil {
		return false
	}
	switch x.failure.Kind {
	case api.AccessDenied, api.UnrecognizedClient, api.InvalidSignature, api.IncompleteSignature, api.MissingAuthenticationToken, api.ExpiredToken:
		return true
	}
	return x.failure.Denial != ""
}

// logDenied tells the log that policies denied the request.
func (x *exchange) logDenied() {
	principal := x.from.Principal.ARN
	setDefault(&principal, "anonymous")
	x.options.Logger.LogAttrs(context.WithoutCancel(x.r.Context()), slog.LevelInfo, "request denied",
		slog.String("request_id", x.requestID), slog.String("action", x.action.Name), slog.String("principal", principal),
		slog.String("resource", audit.Cut(x.resource(), audit.TextMax)), slog.String("source_ip", x.from.SourceIP),
		slog.String("reason", audit.Cut(x.failure.Denial, audit.ReasonMax)))
}

// resource returns the ARN of the queue that the request names, or that of the role and the name of its session; "" if it names none.
func (x *exchange) resource() string {
	if in, ok := x.in.(*api.AssumeRoleInput); ok {
		if in.RoleSessionName == "" {
			return in.RoleArn
		}
		return in.RoleArn + " session/" + in.RoleSessionName
	}
	c := x.from
	if c == nil {
		c = x.caller(sender{})
	}
	if q, ok := queueOf(x.action, c, x.in); ok {
		return q.String()
	}
	return ""
}

// queueOf returns the queue that an input is about: the one it names first. What no queue can be called names none.
func queueOf(a *api.Action, c *api.Caller, in any) (q arn.ARN, ok bool) {
	if in == nil {
		return arn.ARN{}, false
	}
	account := c.Account
	for i := range a.Input.Members {
		m := &a.Input.Members[i]
		if m.Name == "QueueName" {
			if name := memberText(m, in); name != "" && len(name) <= arn.NameMax {
				q, ok = arn.Queue(c.Region, account, name), true
			}
			continue
		}
		ref, named := queueNamed(m, in)
		switch {
		case !named:
		case m.Name == "QueueOwnerAWSAccountId":
			account = ref.Account
			q.Account = account
		case !ok:
			setDefault(&ref.Account, account)
			q, ok = arn.Queue(c.Region, ref.Account, ref.Name), true
			if ref.Region != "" && m.Name != "QueueUrl" {
				q.Region = ref.Region
			}
		}
	}
	return q, ok
}

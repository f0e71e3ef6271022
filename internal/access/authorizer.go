package access

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/catalog"
	"github.com/staunchmq/staunch/internal/clock"
	"github.com/staunchmq/staunch/internal/iam"
)

// Identities knows the policies of principals.
type Identities interface {
	// Policies returns the policies of a user and its groups, or of the role of a session; none for others. A policy that cannot
	// be read is [iam.Unreadable]. It is called for every request from many goroutines at once, and must not wait for anything.
	Policies(p api.Principal) []*iam.Policy
}

// Options are what an Authorizer is made of. All are required but Clock and Logger.
type Options struct {
	Catalog    *catalog.Catalog
	Identities Identities
	// Clock is the system's if nil.
	Clock clock.Clock
	// Logger hears of policies that cannot be read. It is slog.Default() if nil.
	Logger *slog.Logger
}

// Authorizer decides who may do what.
type Authorizer struct {
	catalog    *catalog.Catalog
	identities Identities
	clock      clock.Clock
	log        *slog.Logger
	queues     queuePolicies
	sessions   sessionPolicies
}

// New returns an Authorizer.
func New(o Options) *Authorizer {
	if o.Clock == nil {
		o.Clock = clock.System()
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return &Authorizer{catalog: o.Catalog, identities: o.Identities, clock: o.Clock, log: o.Logger, queues: queuePolicies{log: o.Logger}}
}

// Authorize returns nil if a caller may use an action with an input. The Denial of an *api.Error names the statement that decided. Other errors than *api.Error are internal, and it may not.
func (a *Authorizer) Authorize(ctx context.Context, c *api.Caller, action *api.Action, in any) error {
	principal, err := iam.ParsePrincipal(c.Principal.ARN, c.Principal.UserID)
	if err != nil {
		return fmt.Errorf("authorize %s: %w", action.Name, err)
	}
	v := a.catalog.View()
	var room [5]need
	list, err := needs(room[:0], v, c, action, in)
	if err != nil {
		if c.Principal.Anonymous() {
			return anonymousDenied(c)
		}
		return err
	}
	q := iam.Request{Principal: principal, Context: a.context(c)}
	p := iam.Policies{Identity: a.identities.Policies(c.Principal), Session: a.sessions.of(c.Principal.SessionPolicy)}
	for i := range list {
		n := &list[i]
		record := v.Lookup(n.queue)
		a.about(v, &q, &p, n, record)
		d := iam.Decide(&q, &p)
		if d.Allowed {
			continue
		}
		e := deniedError(c, in, &q, n, d, record != nil)
		e.Denial = denial(&q, d)
		return e
	}
	return nil
}

// denial says why a request was denied, and which statement did it, if one did.
func denial(q *iam.Request, d iam.Decision) string {
	text := fmt.Sprintf("%s on %s: %s", q.Action, q.Resource, d.Reason)
	if by := d.By.String(); by != "" {
		text += ": " + by
	}
	return text
}

// context is the circumstances of a request that do not depend on the queue.
func (a *Authorizer) context(c *api.Caller) iam.Context {
	address, _ := netip.ParseAddr(c.SourceIP)
	return iam.Context{
		Time:            a.clock.Now(),
		TokenIssued:     c.Principal.SessionIssued,
		SecureTransport: c.SecureTransport,
		SourceIP:        address,
		UserAgent:       bounded(c.UserAgent),
		Referer:         bounded(c.Referer),
		Region:          c.Region,
	}
}

// headerMax bounds the bytes of a header that policies see: matching a long one with many patterns takes time.
const headerMax = 2048

func bounded(header string) string { return header[:min(len(header), headerMax)] }

// about turns q and p to one need. record is the queue that it is for, nil if there is none.
func (a *Authorizer) about(v *catalog.View, q *iam.Request, p *iam.Policies, n *need, record *catalog.Queue) {
	q.Action, q.OwnerOnly, q.ResourceAccount = n.permission, n.ownerOnly, n.queue.Account
	q.Context.RequestTags, q.Context.TagKeys, q.Context.ResourceTags = n.tags, n.tagKeys, nil
	p.Resource = nil
	if record == nil {
		q.Resource = n.resource()
		return
	}
	g := a.queues.of(v, record)
	q.Resource, p.Resource = g.arn, g.policy
	q.Context.ResourceTags = record.Tags
}

// deniedError is the error for the client (reference/sqs.md 2.2, 11.3). In one's own account a queue that does not exist does not exist,
// whatever one may do with it; of other accounts nobody learns which queues there are.
func deniedError(c *api.Caller, in any, q *iam.Request, n *need, d iam.Decision, exists bool) *api.Error {
	_, byName := in.(*api.GetQueueUrlInput)
	_, create := in.(*api.CreateQueueInput)
	action := !create && !n.allQueues && !isMove(in)
	switch {
	case c.Principal.Anonymous():
		return anonymousDenied(c)
	case q.Principal.Account != n.queue.Account && byName,
		q.Principal.Account == n.queue.Account && action && !exists:
		return api.QueueDoesNotExist.New()
	}
	return api.AccessDenied.Newf("%s", d.DeniedText(q))
}

// isMove tells whether an input is that of an action on move tasks, which name queues by their ARN.
func isMove(in any) bool {
	switch in.(type) {
	case *api.StartMessageMoveTaskInput, *api.CancelMessageMoveTaskInput, *api.ListMessageMoveTasksInput:
		return true
	}
	return false
}

func anonymousDenied(c *api.Caller) *api.Error {
	return api.AccessDenied.Newf("Access to the resource %s/ is denied.", c.BaseURL)
}

package access

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/catalog"
	"github.com/staunchmq/staunch/internal/clock"
	"github.com/staunchmq/staunch/internal/iam"
	"github.com/staunchmq/staunch/internal/journal/memjournal"
	"github.com/staunchmq/staunch/internal/shard"
	"github.com/staunchmq/staunch/internal/sqs"
)

const (
	accountA = "111111111111"
	accountB = "222222222222"
	region   = "us-east-1"
	base     = "http://localhost:9324"

	rootA  = "arn:aws:iam::" + accountA + ":root"
	rootB  = "arn:aws:iam::" + accountB + ":root"
	aliceA = "arn:aws:iam::" + accountA + ":user/alice"
	aliceB = "arn:aws:iam::" + accountB + ":user/alice"
)

func queueURL(account, name string) string { return base + "/" + account + "/" + name }
func queueARN(account, name string) string {
	return "arn:aws:sqs:" + region + ":" + account + ":" + name
}

// identities has the policies of principals by their ARN.
type identities map[string][]*iam.Policy

func (i identities) Policies(p api.Principal) []*iam.Policy { return i[p.ARN] }

// harness is a service behind an Authorizer, over a shard with its journal in memory, in a bubble of testing/synctest.
type harness struct {
	t          *testing.T
	catalog    *catalog.Catalog
	service    *sqs.Service
	identities identities
	authorizer *Authorizer
	log        *bytes.Buffer
}

// inBubble runs a test.
func inBubble(t *testing.T, test func(t *testing.T, h *harness)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := &harness{t: t, catalog: catalog.New(), identities: identities{}, log: new(bytes.Buffer)}
		ctx, cancel := context.WithCancel(context.Background())
		s, err := shard.Open(ctx, shard.Options{Journal: memjournal.New(0), Clock: clock.System(), Definitions: h.catalog})
		if err != nil {
			t.Fatal(err)
		}
		h.catalog.Attach(s)
		h.service = sqs.New(sqs.Options{Catalog: h.catalog, Shards: []shard.Client{s}, Logger: slog.New(slog.DiscardHandler)})
		stopped := make(chan error, 2)
		serviceCtx, stopService := context.WithCancel(ctx)
		go func() { stopped <- s.Run(ctx) }()
		go func() { stopped <- h.service.Run(serviceCtx) }()
		<-h.service.Started()
		h.authorizer = New(Options{Catalog: h.catalog, Identities: h.identities, Logger: slog.New(slog.NewTextHandler(h.log, nil))})
		test(t, h)
		stopService()
		err = <-stopped
		cancel()
		if err := errors.Join(err, <-stopped); err != nil {
			t.Error(err)
		}
	})
}

// callerOf is who calls as a principal; an empty ARN is an anonymous caller.
func callerOf(arn string) *api.Caller {
	c := &api.Caller{Account: accountA, Region: region, BaseURL: base, SourceIP: "192.0.2.7", SecureTransport: true, UserAgent: "test", RequestID: "r-1"}
	if arn != "" {
		p, err := iam.ParsePrincipal(arn, "AIDATEST")
		if err != nil {
			panic(err)
		}
		c.Account, c.Principal = p.Account, api.Principal{Account: p.Account, ARN: arn, UserID: "AIDATEST"}
	}
	return c
}

// call does what the gateway does: it asks the authorizer, and then the service.
func (h *harness) call(c *api.Caller, action string, in any) (any, error) {
	a := api.ActionNamed(action)
	if err := h.authorizer.Authorize(h.t.Context(), c, a, in); err != nil {
		return nil, err
	}
	return a.Invoke(h.t.Context(), h.service, c, in)
}

// must is call for what has to succeed.
func (h *harness) must(principal, action string, in any) any {
	h.t.Helper()
	out, err := h.call(callerOf(principal), action, in)
	if err != nil {
		h.t.Fatalf("%s by %s: %v", action, principal, err)
	}
	return out
}

// create makes a queue as the root of an account.
func (h *harness) create(account, name string, attributes ...string) {
	h.t.Helper()
	in := &api.CreateQueueInput{QueueName: &name, Attributes: map[string]string{}}
	for i := 0; i < len(attributes); i += 2 {
		in.Attributes[attributes[i]] = attributes[i+1]
	}
	h.must("arn:aws:iam::"+account+":root", "CreateQueue", in)
}

// setPolicy sets the policy of a queue of accountA; "" removes it.
func (h *harness) setPolicy(name, statements string) {
	h.t.Helper()
	if statements != "" {
		statements = `{"Version":"2012-10-17","Statement":` + statements + `}`
	}
	h.must(rootA, "SetQueueAttributes", &api.SetQueueAttributesInput{QueueUrl: name, Attributes: map[string]string{"Policy": statements}})
}

// permit gives a principal an identity policy; "" takes it.
func (h *harness) permit(principal, statements string) {
	h.t.Helper()
	delete(h.identities, principal)
	if statements == "" {
		return
	}
	p, err := iam.Parse(`{"Version":"2012-10-17","Statement":`+statements+`}`, iam.IdentityPolicy)
	if err != nil {
		h.t.Fatal(err)
	}
	h.identities[principal] = []*iam.Policy{p.Named("identity")}
}

// outcome names an error: "" for none, or its query code.
func outcome(err error) string {
	e := api.AsError(err)
	switch {
	case err == nil:
		return ""
	case e == nil:
		return err.Error()
	}
	return e.Kind.QueryCode
}

const (
	denied   = "AccessDenied"
	notThere = "AWS.SimpleQueueService.NonExistentQueue"
)

// check compares how a call ends with what is wanted.
func (h *harness) check(what string, err error, want string) {
	h.t.Helper()
	if got := outcome(err); got != want {
		h.t.Errorf("%s: got %q (%v), want %q", what, got, err, want)
	}
}

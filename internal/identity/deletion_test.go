package identity_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/staunchmq/staunch/internal/catalog"
	"github.com/staunchmq/staunch/internal/iam"
	"github.com/staunchmq/staunch/internal/identity"
	"github.com/staunchmq/staunch/internal/queue"
)

// queue makes a queue with a policy.
func (f *fixture) queue(name, policy string) catalog.QueueID {
	f.Helper()
	var id catalog.QueueID
	must(f.T, f.catalog.Update(f.Context(), func(v *catalog.View) (catalog.Change, error) {
		id = catalog.QueueID(v.NextID())
		return catalog.CreateQueue{Queue: catalog.Queue{
			ID: id, Key: catalog.Key{Account: account, Region: "eu-west-1", Name: name}, Modified: 7,
			Attributes: catalog.Attributes{Policy: policy}, Partitions: []catalog.Partition{{ID: queue.ID(id + 1)}},
		}}, nil
	}))
	return id
}

func (f *fixture) role(name, trust string) *identity.Role {
	f.Helper()
	r, err := f.CreateRole(f.Context(), &identity.CreateRoleInput{Account: account, Role: name, TrustPolicy: trust})
	must(f.T, err)
	return r
}

// allows tells whether a queue's policy lets somebody of another account send, whose own policies do.
func (f *fixture) allows(id catalog.QueueID, arn, userID string) bool {
	f.Helper()
	who, err := iam.ParsePrincipal(arn, userID)
	must(f.T, err)
	policy, err := iam.Parse(f.catalog.View().Queue(id).Attributes.Policy, iam.ResourcePolicy)
	must(f.T, err)
	own, err := iam.Parse(allow, iam.IdentityPolicy)
	must(f.T, err)
	return iam.Decide(&iam.Request{Principal: who, Action: "sqs:sendmessage", Resource: "arn:aws:sqs:eu-west-1:999999999999:q", ResourceAccount: "999999999999"},
		&iam.Policies{Identity: []*iam.Policy{own}, Resource: policy}).Allowed
}

const queuePolicy = `{"Version":"2012-10-17", "Statement":[{"Effect":"Allow","Principal":{"AWS":%s},"Action":"sqs:*","Resource":"*"}]}`

// A policy does not pass from a user who is deleted to the next one of its name.
func TestPoliciesDoNotPassToTheNextUser(t *testing.T) {
	f := newFixture(t)
	ann := f.user("ann")
	id := f.queue("q", fmt.Sprintf(queuePolicy, `["`+ann.ARN+`", "arn:aws:iam::`+account+`:user/annabel"]`))
	role := f.role("deploy", strings.Replace(trust, `"*"`, `{"AWS":"`+ann.ARN+`"}`, 1))
	if !f.allows(id, ann.ARN, ann.ID) {
		t.Fatal("the user is not let in")
	}
	_, err := f.DeleteUser(t.Context(), &identity.DeleteUserInput{Account: account, User: "ann"})
	must(t, err)
	q := f.catalog.View().Queue(id)
	if want := fmt.Sprintf(queuePolicy, `["`+ann.ID+`", "arn:aws:iam::`+account+`:user/annabel"]`); q.Attributes.Policy != want || q.Modified != 7 {
		t.Errorf("the policy of the queue is %s", q.Attributes.Policy)
	}
	if got := f.catalog.View().Identities().Role(role.ID).TrustPolicy; !strings.Contains(got, `{"AWS":"`+ann.ID+`"}`) {
		t.Errorf("the trust policy is %s", got)
	}
	again := f.user("ann")
	if again.ARN != ann.ARN || f.allows(id, again.ARN, again.ID) {
		t.Error("another user of the name is let in")
	}
	if !f.allows(id, ann.ARN, ann.ID) {
		t.Error("the ID does not name who had it")
	}
	f.replay()
}

func TestPoliciesDoNotPassToTheNextRole(t *testing.T) {
	f := newFixture(t)
	role := f.role("deploy", trust)
	session := "arn:aws:sts::" + account + ":assumed-role/deploy/s1"
	byRole := f.queue("by-role", fmt.Sprintf(queuePolicy, `"`+role.ARN+`"`))
	bySession := f.queue("by-session", fmt.Sprintf(queuePolicy, `"`+session+`"`))
	for _, id := range []catalog.QueueID{byRole, bySession} {
		if !f.allows(id, session, role.ID+":s1") {
			t.Fatal("the session is not let in")
		}
	}
	_, err := f.DeleteRole(t.Context(), &identity.DeleteRoleInput{Account: account, Role: "deploy"})
	must(t, err)
	again := f.role("deploy", trust)
	for _, id := range []catalog.QueueID{byRole, bySession} {
		if f.allows(id, session, again.ID+":s1") || !f.allows(id, session, role.ID+":s1") {
			t.Errorf("the policy is %s", f.catalog.View().Queue(id).Attributes.Policy)
		}
	}
	if f.allows(bySession, session, role.ID+":s2") {
		t.Error("another session is let in")
	}
	f.replay()
}

// replay makes the catalog anew of what was written.
func (f *fixture) replay() {
	f.Helper()
	again := catalog.New()
	for _, change := range f.journal {
		must(f.T, again.Apply(change))
	}
	for q := range f.catalog.View().All() {
		if got := again.View().Queue(q.ID).Attributes.Policy; got != q.Attributes.Policy {
			f.Errorf("replayed, the policy of %s is %s", q.Name, got)
		}
	}
}

// A policy that is saved while a user is being deleted does not slip through, and a deletion that breaks off leaves a user who may do what it
// could.
func TestDeletionWhilePoliciesAreSaved(t *testing.T) {
	f := newFixture(t)
	ann := f.user("ann")
	policy := fmt.Sprintf(queuePolicy, `"`+ann.ARN+`"`)
	first := f.queue("first", policy)
	meanwhile := f.queue("meanwhile", "")
	fails, saves := errors.New("the disk is gone"), 0
	log := &hookedLog{fixture: f}
	f.catalog.Attach(log)
	log.before = func() error { return fails }
	if _, err := f.DeleteUser(t.Context(), &identity.DeleteUserInput{Account: account, User: "ann"}); !errors.Is(err, fails) {
		t.Fatalf("delete: %v", err)
	}
	if !f.allows(first, ann.ARN, ann.ID) {
		t.Error("a deletion that failed has taken rights away")
	}
	log.before = func() error {
		if saves++; saves == 2 { // after the barrier that follows a failure, and before the change of the first queue is there
			q := f.catalog.View().Queue(meanwhile)
			text := q.Attributes
			text.Policy = policy
			log.before = nil
			must(t, f.catalog.Apply(encoded(t, catalog.SetAttributes{ID: meanwhile, Attributes: text})))
		}
		return nil
	}
	_, err := f.DeleteUser(t.Context(), &identity.DeleteUserInput{Account: account, User: "ann"})
	must(t, err)
	for _, id := range []catalog.QueueID{first, meanwhile} {
		if got := f.catalog.View().Queue(id).Attributes.Policy; strings.Contains(got, ann.ARN) || !strings.Contains(got, ann.ID) {
			t.Errorf("the policy is %s", got)
		}
	}
	if saves < 2 {
		t.Error("nothing was saved meanwhile")
	}
}

// hookedLog calls before for each change that is to be written.
type hookedLog struct {
	*fixture
	before func() error
}

func (l *hookedLog) AppendDefinition(ctx context.Context, change []byte, grows bool) error {
	if l.before != nil {
		if err := l.before(); err != nil {
			return err
		}
	}
	return l.fixture.AppendDefinition(ctx, change, grows)
}

// encoded is a change as another catalog would write it.
func encoded(t *testing.T, change catalog.Change) []byte {
	t.Helper()
	c := catalog.New()
	var text []byte
	c.Attach(logFunc(func(data []byte) { text = data }))
	must(t, c.Update(t.Context(), func(*catalog.View) (catalog.Change, error) { return change, nil }))
	return text
}

type logFunc func([]byte)

func (l logFunc) AppendDefinition(_ context.Context, change []byte, _ bool) error {
	l(change)
	return nil
}

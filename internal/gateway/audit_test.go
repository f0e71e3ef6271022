package gateway

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/audit"
)

// entries keeps what an audit log is told.
type entries []audit.Entry

func (e *entries) Record(entry *audit.Entry) { *e = append(*e, *entry) }

func (e *entries) String() string {
	var b strings.Builder
	for _, x := range *e {
		fmt.Fprintf(&b, "%s %s by %s (%s, %v) from %s: %s %d %s %s\n", x.Action, x.Resource, x.Principal, x.AccessKeyID, x.Verified, x.SourceIP, x.Decision, x.Status, x.Code, x.Reason)
	}
	*e = nil
	return b.String()
}

func TestAuditedRequests(t *testing.T) {
	var log entries
	denied := api.QueueDoesNotExist.New()
	denied.Denial = "because"
	policies := authorizer(func(c *api.Caller, _ *api.Action, _ any) error {
		if c.Account == accountB {
			return denied
		}
		return nil
	})
	h := New(Options{SQS: fake(ok), STS: nil, Audit: &log, Authorizer: policies, Logger: slog.New(slog.DiscardHandler)})
	send := func(action, account, body string) string {
		r := jsonRequest(action, strings.NewReader(body))
		if account != "" {
			r.Header.Set("Authorization", signedAs(account))
		}
		record(h, r)
		return log.String()
	}
	for _, test := range []struct{ action, account, body, want string }{
		{"CreateQueue", accountA, `{"QueueName":"q"}`, "sqs:CreateQueue arn:aws:sqs:us-east-1:111111111111:q by arn:aws:iam::111111111111:root (111111111111, false) from 192.0.2.1: allowed 200  \n"},
		{"ListQueues", accountA, `{}`, "sqs:ListQueues  by arn:aws:iam::111111111111:root (111111111111, false) from 192.0.2.1: allowed 200  \n"},
		{"GetQueueUrl", accountA, `{"QueueName":"q","QueueOwnerAWSAccountId":"333333333333"}`, "sqs:GetQueueUrl arn:aws:sqs:us-east-1:333333333333:q by arn:aws:iam::111111111111:root (111111111111, false) from 192.0.2.1: allowed 200  \n"},
		{"StartMessageMoveTask", accountA, `{"SourceArn":"arn:aws:sqs:eu-west-1:111111111111:dead"}`, "sqs:StartMessageMoveTask arn:aws:sqs:eu-west-1:111111111111:dead by arn:aws:iam::111111111111:root (111111111111, false) from 192.0.2.1: allowed 200  \n"},
		{"SendMessage", accountA, `{"QueueUrl":"q","MessageBody":"b"}`, ""},
		{"SendMessage", accountB, `{"QueueUrl":"q","MessageBody":"b"}`, "sqs:SendMessage arn:aws:sqs:us-east-1:222222222222:q by arn:aws:iam::222222222222:root (222222222222, false) from 192.0.2.1: denied 400 AWS.SimpleQueueService.NonExistentQueue because\n"},
		{"PurgeQueue", "", `{"QueueUrl":"q"}`, "sqs:PurgeQueue arn:aws:sqs:us-east-1:000000000000:q by anonymous (, false) from 192.0.2.1: allowed 200  \n"},
		{"PurgeQueue", accountA, `{"QueueUrl":`, ""}, // nobody knows what was meant
		{"Nope", accountA, `{}`, ""},
	} {
		if got := send(test.action, test.account, test.body); got != test.want {
			t.Errorf("%s %s: got\n%swant\n%s", test.action, test.body, got, test.want)
		}
	}
	h.options.AuditMessages = true
	if got := send("DeleteMessageBatch", accountA, `{"QueueUrl":"q"}`); !strings.HasPrefix(got, "sqs:DeleteMessageBatch arn:aws:sqs:us-east-1:111111111111:q by ") {
		t.Errorf("got %s", got)
	}
}

// roles is an STS that lets nobody assume a role.
type roles struct{ api.STS }

func (roles) AssumeRole(context.Context, *api.Caller, *api.AssumeRoleInput) (*api.AssumeRoleOutput, error) {
	e := api.AccessDenied.New()
	e.Denial = "nobody trusts you"
	return nil, e
}

// TestAuditOfRoles names the role and the session, and why it was denied; without an audit log the other one does.
func TestAuditOfRoles(t *testing.T) {
	const role = "arn:aws:iam::111111111111:role/deploy"
	var entries entries
	var log bytes.Buffer
	h := New(Options{SQS: fake(ok), STS: roles{}, Audit: &entries, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	assume := func() {
		r := httptest.NewRequest("POST", "/", strings.NewReader("Action=AssumeRole&Version=2011-06-15&RoleSessionName=build-7&RoleArn="+role))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		expectError(t, record(h, r), 403, "AccessDenied")
	}
	assume()
	if got, want := entries.String(), "sts:AssumeRole "+role+" session/build-7 by anonymous (, false) from 192.0.2.1: denied 403 AccessDenied nobody trusts you\n"; got != want || log.Len() > 0 {
		t.Errorf("got  %swant %slog %s", got, want, &log)
	}
	h.options.Audit = nil
	assume()
	for _, part := range []string{`msg="request denied"`, "action=AssumeRole", `resource="` + role + ` session/build-7"`, `reason="nobody trusts you"`} {
		if strings.Count(log.String(), part) != 1 {
			t.Errorf("%s is not once in %s", part, &log)
		}
	}
}

// TestDenialsAreShortInTheLog: what a client sends does not make the log grow.
func TestDenialsAreShortInTheLog(t *testing.T) {
	var log bytes.Buffer
	h := New(Options{SQS: fake(ok), Logger: slog.New(slog.NewTextHandler(&log, nil)), Authorizer: authorizer(func(*api.Caller, *api.Action, any) error {
		e := api.AccessDenied.New()
		e.Denial = strings.Repeat("<", 1<<20)
		return e
	})})
	long := strings.Repeat("<", 1<<20)
	record(h, jsonRequest("SendMessage", strings.NewReader(`{"QueueUrl":"`+long+`"}`)))
	record(h, jsonRequest("CreateQueue", strings.NewReader(`{"QueueName":"`+long+`"}`)))
	if n := strings.Count(log.String(), "request denied"); n != 2 || log.Len() > 2*4096 {
		t.Errorf("%d lines with %d bytes", n, log.Len())
	}
}

// TestAuditOfWrongSignature has what the client claims, and says that it is a claim.
func TestAuditOfWrongSignature(t *testing.T) {
	var log entries
	h := New(Options{SQS: fake(ok), Audit: &log, Keys: noKeys{}})
	r := jsonRequest("SendMessage", strings.NewReader(`{"QueueUrl":"http://localhost/111111111111/q"}`))
	r.Header.Set("Authorization", signedAs("AKIAX"))
	r.Header.Set("X-Amz-Date", "20250101T000000Z")
	expectError(t, record(h, r), 403, "InvalidClientTokenId")
	if got, want := log.String(), "sqs:SendMessage arn:aws:sqs:us-east-1:111111111111:q by  (AKIAX, false) from 192.0.2.1: denied 403 InvalidClientTokenId \n"; got != want {
		t.Errorf("got  %swant %s", got, want)
	}
}

type noKeys struct{}

func (noKeys) AccessKey(string) (api.AccessKey, bool) { return api.AccessKey{}, false }

// TestDeniedRequestsAreLogged: without an audit log the other one says what policies denied.
func TestDeniedRequestsAreLogged(t *testing.T) {
	var log bytes.Buffer
	h := New(Options{SQS: fake(ok), Logger: slog.New(slog.NewTextHandler(&log, nil)), NewRequestID: func() string { return "r-1" }, Authorizer: authorizer(func(*api.Caller, *api.Action, any) error {
		e := api.AccessDenied.New()
		e.Denial = "statement 0 (Here)"
		return e
	})})
	w := record(h, jsonRequest("SendMessage", strings.NewReader(`{"QueueUrl":"q"}`)))
	if w.Code != http.StatusForbidden || strings.Contains(w.Body.String(), "Here") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	for _, part := range []string{`msg="request denied"`, "request_id=r-1", "action=SendMessage", "principal=anonymous", "resource=arn:aws:sqs:us-east-1:000000000000:q", "source_ip=192.0.2.1", `reason="statement 0 (Here)"`} {
		if !strings.Contains(log.String(), part) {
			t.Errorf("%s is not in %s", part, log.String())
		}
	}
}

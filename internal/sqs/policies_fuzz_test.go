package sqs

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/catalog"
)

var fuzzedQueue = catalog.Key{Account: "000000000000", Region: "us-east-1", Name: "q"}

// policySeeds are policies of all three kinds: right ones, and some that are nearly right.
var policySeeds = []string{
	``, `{}`, `null`, `[]`, `"x"`, `{"Version":"2012-10-17"}`,
	`{"Version":"2012-10-17","Id":"p","Statement":{"Effect":"Allow","Principal":"*","Action":"sqs:*","Resource":"*"}}`,
	`{"Version":"2008-10-17","Id":"p","Statement":[{"Sid":"a","Effect":"Allow","Principal":{"AWS":["111122223333","*"]},` +
		`"Action":["SQS:SendMessage"],"Resource":"arn:aws:sqs:us-east-1:000000000000:q","Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:sns:*:*:t"}}}]}`,
	`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","NotPrincipal":{"Service":"sns.amazonaws.com"},"NotAction":"sqs:Delete*","NotResource":"arn:aws:sqs:*:*:other?"},` +
		`{"Sid":"☃","Effect":"Deny","Principal":{"Federated":"f","CanonicalUser":["c"]},"Action":"*","Resource":["arn:aws:sqs:us-east-1:*:q*"]}]}`,
	`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Effect":"Deny","Principal":"*","Action":"sqs:*","Resource":"*"}]}`,
	`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"*"}]} x`,
	`{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead","maxReceiveCount":5}`,
	`{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:dead.fifo","maxReceiveCount":"1000"}`,
	`{"deadLetterTargetArn":"arn:aws:sns:us-east-1:000000000000:topic","maxReceiveCount":0}`,
	`{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:000000000000:d","maxReceiveCount":1e0}`,
	`{"redrivePermission":"allowAll"}`, `{"redrivePermission":"denyAll","sourceQueueArns":[]}`,
	`{"redrivePermission":"byQueue","sourceQueueArns":["arn:aws:sqs:us-east-1:000000000000:q","arn:aws:sqs:us-east-1:000000000000:r"]}`,
	`{"redrivePermission":"byQueue","sourceQueueArns":["\ud800"]}`,
}

// FuzzPolicies sets any text as each of the policies of a queue. What is refused is refused with an error of the API and changes nothing;
// what is accepted reads the same when it is read again.
func FuzzPolicies(f *testing.F) {
	for _, seed := range policySeeds {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		set(t, setPolicy, text, checkPolicy)
		set(t, setRedrivePolicy, text, checkRedrivePolicy)
		set(t, setRedriveAllowPolicy, text, checkRedriveAllowPolicy)
	})
}

// set sets an attribute and calls accepted if that was accepted.
func set(t *testing.T, setter func(*edit, string) error, text string, accepted func(t *testing.T, text string, e *edit)) {
	t.Helper()
	e := &edit{key: fuzzedQueue, attributes: defaultAttributes(false)}
	if err := setter(e, text); err != nil {
		var known *api.Error
		if !errors.As(err, &known) || known.Kind.Status >= 500 {
			t.Fatalf("%q: %v", text, err)
		}
		if diff := cmp.Diff(defaultAttributes(false), e.attributes); diff != "" {
			t.Fatalf("%q was refused, and changed:\n%s", text, diff)
		}
		return
	}
	accepted(t, text, e)
}

func checkPolicy(t *testing.T, text string, e *edit) {
	if e.attributes.Policy != text || len(text) > policyMax {
		t.Fatalf("a policy of %d bytes is kept as %q", len(text), e.attributes.Policy)
	}
	if text == "" {
		return
	}
	p, err := parsePolicy(text)
	if err != nil {
		t.Fatal(err)
	}
	// AddPermission and RemovePermission write it anew.
	encoded, err := p.encode()
	if err != nil {
		t.Fatalf("%q cannot be written: %v", text, err)
	}
	again, err := parsePolicy(encoded)
	if err != nil || again.Version != p.Version || len(again.Statement) != len(p.Statement) {
		t.Fatalf("%q, written anew %q: %v", text, encoded, err)
	}
	for i := range again.Statement {
		if again.Statement[i].sid != p.Statement[i].sid {
			t.Fatalf("%q, written anew %q: statement %d is another", text, encoded, i)
		}
	}
	if _, err := CheckPolicy(encoded, queueARN(fuzzedQueue)); err != nil && len(encoded) <= policyMax {
		t.Fatalf("%q, written anew %q: %v", text, encoded, err)
	}
}

func checkRedrivePolicy(t *testing.T, text string, e *edit) {
	shown := redriveText(e.attributes.Redrive)
	if (shown == "") != (text == "") {
		t.Fatalf("%q is shown as %q", text, shown)
	}
	again := &edit{key: fuzzedQueue}
	if err := setRedrivePolicy(again, shown); err != nil {
		t.Fatalf("%q is shown as %q, which is refused: %v", text, shown, err)
	}
	if diff := cmp.Diff(e.attributes.Redrive, again.attributes.Redrive); diff != "" {
		t.Fatalf("%q is shown as %q, which is another policy:\n%s", text, shown, diff)
	}
}

func checkRedriveAllowPolicy(t *testing.T, text string, e *edit) {
	if e.attributes.RedriveAllowPolicy != text {
		t.Fatalf("%q is kept as %q", text, e.attributes.RedriveAllowPolicy)
	}
	// Whatever it says, asking it is decided.
	err := checkRedriveAllowed("value", text, fuzzedQueue)
	var known *api.Error
	if err != nil && !errors.As(err, &known) {
		t.Fatalf("%q: %v", text, err)
	}
	if p, ok := parseRedriveAllowPolicy(text); text != "" && (!ok || (err == nil) != (p.Permission == redriveAllowAll) && p.Permission != redriveByQueue) {
		t.Fatalf("%q: %+v, asked: %v", text, p, err)
	}
}

package iam

import (
	"errors"
	"testing"
)

// Whatever is read as a policy can be decided by and explained, and a document is refused with a place and a text.
func FuzzPolicy(f *testing.F) {
	f.Add(byte(0), `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sqs:*","Resource":"arn:aws:sqs:*:*:${aws:username, 'x'}-*"}}`, "arn:aws:sqs:us-east-1:111111111111:alice-1")
	f.Fuzz(func(t *testing.T, kind byte, text, resource string) {
		p, err := Parse(text, Kind(kind%3))
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Text == "" {
				t.Fatalf("%v", err)
			}
			return
		}
		for _, principal := range []string{"", aliceOf(accountA), "arn:aws:sts::222222222222:assumed-role/r/s"} {
			q := request(t, principal)
			q.Resource, q.Context.UserAgent = resource, resource
			policies := &Policies{Identity: []*Policy{p}}
			if p.Kind == ResourcePolicy {
				policies = &Policies{Resource: p}
			}
			d := Decide(q, policies)
			if d.By.Policy != nil {
				if s := d.By.Statement(); s.Allow != d.Allowed {
					t.Errorf("%v by %v", d.Reason, d.By)
				}
				if !p.Trace(q)[d.By.Index].Applies {
					t.Errorf("%v does not apply", d.By)
				}
			}
			if d.Allowed && d.By.Policy == nil && d.Reason != AllowedByOwner {
				t.Errorf("allowed by nothing: %v", d.Reason)
			}
		}
		p.Warnings(nil)
	})
}

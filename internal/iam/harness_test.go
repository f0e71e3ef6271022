package iam

import (
	"net/netip"
	"strings"
	"testing"
	"time"
)

const (
	accountA = "111111111111"
	accountB = "222222222222"
	queueA   = "arn:aws:sqs:us-east-1:" + accountA + ":orders"
)

// mustParse reads a document, or a single statement of version 2012-10-17.
func mustParse(t testing.TB, kind Kind, text string) *Policy {
	t.Helper()
	if !strings.Contains(text, `"Statement"`) {
		text = `{"Version":"2012-10-17","Statement":` + text + `}`
	}
	p, err := Parse(text, kind)
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return p
}

func mustPrincipal(t testing.TB, arn, userID string) Principal {
	t.Helper()
	p, err := ParsePrincipal(arn, userID)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// aliceOf is a user of an account.
func aliceOf(account string) string { return "arn:aws:iam::" + account + ":user/alice" }

// request is one that sends to queueA.
func request(t testing.TB, principal string) *Request {
	return &Request{
		Principal:       mustPrincipal(t, principal, "AIDAALICE"),
		Action:          "sqs:sendmessage",
		Resource:        queueA,
		ResourceAccount: accountA,
		Context: Context{
			Time:            time.Date(2026, 11, 22, 12, 0, 0, 500_000_000, time.UTC),
			SecureTransport: true,
			SourceIP:        netip.MustParseAddr("192.0.2.7"),
			UserAgent:       "aws-cli/2.0",
			Region:          "us-east-1",
			RequestTags:     map[string]string{"team": "blue", "cost": "1"},
			TagKeys:         []string{"team", "cost"},
			ResourceTags:    map[string]string{"Team": "red", "empty": ""},
		},
	}
}

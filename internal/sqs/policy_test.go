package sqs

import "testing"

func TestMatchWildcards(t *testing.T) {
	const arn = "arn:aws:sqs:us-east-1:000000000000:orders"
	for _, tc := range []struct {
		pattern string
		want    bool
	}{
		{arn, true}, {"*", true}, {"arn:aws:sqs:*", true}, {"arn:aws:sqs:*:000000000000:ord?rs", true}, {"arn:*:orders", true}, {"**", true},
		{arn + "*", true}, {"*a*b*orders", false}, {arn + "?", false}, {"", false}, {"arn", false}, {"?", false}, {"*:order", false}, {"arn:aws:sns:*", false},
	} {
		if got := matchWildcards(tc.pattern, arn); got != tc.want {
			t.Errorf("%q: %v", tc.pattern, got)
		}
	}
}

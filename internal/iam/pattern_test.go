package iam

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestMatch(t *testing.T) {
	const arn = "arn:aws:sqs:us-east-1:000000000000:orders"
	for _, tc := range []struct {
		pattern, text string
		want          bool
	}{
		{arn, arn, true}, {"*", arn, true}, {"**", arn, true}, {"arn:aws:sqs:*", arn, true}, {"arn:aws:sqs:*:000000000000:ord?rs", arn, true},
		{"arn:*:orders", arn, true}, {arn + "*", arn, true}, {"*a*b*orders", arn, false}, {arn + "?", arn, false}, {"", arn, false}, {"arn", arn, false},
		{"?", arn, false}, {"*:order", arn, false}, {"arn:aws:sns:*", arn, false}, {"", "", true}, {"*", "", true}, {"?", "", false},
		{"?", "é", true}, {"??", "é", false}, {"*?", "é", true}, {"a?c", "aéc", true}, {"*?é*", "aé", true}, {"*?é*", "é", false},
		{"a*a", "a", false}, {"a*a", "aa", true}, {"*aa*aa", "aaa", false}, {"*ab?", "abab1", true}, {"*a?*b", "xaab", true},
	} {
		p, err := compilePattern(tc.pattern, syntax{wildcards: true})
		if err != nil {
			t.Fatal(err)
		}
		if got := matchText(p.text, tc.text); got != tc.want {
			t.Errorf("%q, %q: %v", tc.pattern, tc.text, got)
		}
	}
}

func TestMatchIsThatOfRegularExpressions(t *testing.T) {
	alphabet := rapid.SampledFrom([]rune("aab*?é:"))
	rapid.Check(t, func(t *rapid.T) {
		written := string(rapid.SliceOfN(alphabet, 0, 12).Draw(t, "pattern"))
		text := string(rapid.SliceOfN(alphabet, 0, 12).Draw(t, "text"))
		p, err := compilePattern(written, syntax{wildcards: true})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := matchText(p.text, text), naiveMatch(written, text); got != want {
			t.Errorf("%q, %q: %v", written, text, got)
		}
	})
}

// naiveMatch is matchText by a regular expression.
func naiveMatch(written, text string) bool {
	r := strings.NewReplacer(`\*`, "(?s:.*)", `\?`, "(?s:.)")
	return regexp.MustCompile(`\A` + r.Replace(regexp.QuoteMeta(written)) + `\z`).MatchString(text)
}

// Patterns for which a search that goes back takes longer than anybody waits.
func TestHostilePatternsEnd(t *testing.T) {
	text := strings.Repeat("a", 64<<10)
	for _, written := range []string{
		strings.Repeat("a*", 10_000) + "b",
		strings.Repeat("*a", 10_000) + "b",
		"*" + strings.Repeat("a", 20_000) + "b*",
		"*" + strings.Repeat("a", 62) + "?b*",
		strings.Repeat("*?", 10_000) + "b",
	} {
		p, err := compilePattern(written, syntax{wildcards: true})
		if err != nil {
			t.Fatal(err)
		}
		if matchText(p.text, text) {
			t.Errorf("%.20q matches", written)
		}
	}
}

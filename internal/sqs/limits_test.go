package sqs

import (
	"strings"
	"testing"
)

func TestIsMessageText(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		want       bool
	}{
		{"ASCII", "hello ~", true},
		{"tab, line feed, carriage return", "\t\n\r", true},
		{"NUL", "a\x00", false},
		{"backspace", "\x08", false},
		{"last control character", "\x1f", false},
		{"first printable character", "\x20", true},
		{"delete", "\x7f", true},
		{"first two-byte character", "\u0080", true},
		{"before the surrogates", "\ud7ff", true},
		{"a surrogate", "\xed\xa0\x80", false},
		{"after the surrogates", "\ue000", true},
		{"the replacement character itself", "\ufffd", true},
		{"U+FFFE", "\ufffe", false},
		{"U+FFFF", "\uffff", false},
		{"first supplementary character", "\U00010000", true},
		{"last character", "\U0010ffff", true},
		{"beyond the last", "\xf4\x90\x80\x80", false},
		{"not UTF-8", "\xff", false},
		{"a cut character", "\xe2\x82", false},
		{"overlong", "\xc0\x80", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := isMessageText(tc.text); got != tc.want {
				t.Errorf("%q: %v", tc.text, got)
			}
		})
	}
}

func TestIsID(t *testing.T) {
	for _, tc := range []struct {
		name, id string
		want     bool
	}{
		{"letters and digits", "aZ09", true},
		{"all punctuation", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", true},
		{"128", strings.Repeat("a", 128), true},
		{"129", strings.Repeat("a", 129), false},
		{"empty", "", false},
		{"a space", "a b", false},
		{"a control character", "a\n", false},
		{"not ASCII", "ä", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := isID(tc.id); got != tc.want {
				t.Errorf("%q: %v", tc.id, got)
			}
		})
	}
}

func TestIsNumber(t *testing.T) {
	digits38 := strings.Repeat("9", 38)
	for _, tc := range []struct {
		text string
		want bool
	}{
		{"0", true}, {"-0", true}, {"+1", true}, {"1.5", true}, {".5", true}, {"5.", true}, {"007", true}, {"1e5", true}, {"1E-5", true},
		{"0e999999", true},
		{digits38, true}, {digits38 + "0", true}, {"0.00" + digits38, true}, {digits38 + "9", false},
		{"1e126", true}, {"1e127", false}, {"9.9e126", true}, {"1e-128", true}, {"1e-129", false}, {"0.1e-128", false},
		{"10e125", true}, {"10e126", false},
		{"", false}, {"-", false}, {".", false}, {"e5", false}, {"1e", false}, {"1e+", false}, {"abc", false}, {"1 ", false}, {" 1", false},
		{"0x10", false}, {"1_000", false}, {"NaN", false}, {"Infinity", false}, {"1.2.3", false}, {"--1", false}, {"1e1.5", false}, {"1e9999999", false},
		{"١", false},
	} {
		if got := isNumber(tc.text); got != tc.want {
			t.Errorf("%q: %v", tc.text, got)
		}
	}
}

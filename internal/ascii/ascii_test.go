package ascii

import (
	"strings"
	"testing"
)

// TestEveryByteEverywhere puts each byte in each place of texts up to the length of four words, one more and a bit.
func TestEveryByteEverywhere(t *testing.T) {
	for length := 1; length <= 43; length++ {
		for at := range length {
			for c := range 256 {
				text := []byte(strings.Repeat("~", length))
				text[at] = byte(c)
				check(t, text)
			}
		}
	}
}

func FuzzPrefixes(f *testing.F) {
	f.Add([]byte(""))
	f.Add([]byte("plain text that is longer than a word"))
	f.Add([]byte("a \"quoted\" \\ and a tab\t, then ü"))
	f.Add([]byte("\x1f\x20\x7f\x80 \xff0123456789"))
	f.Fuzz(func(t *testing.T, text []byte) { check(t, text) })
}

// check compares with a loop over the bytes.
func check(t *testing.T, text []byte) {
	t.Helper()
	printable := 0
	for printable < len(text) && text[printable] >= 0x20 && text[printable] < 0x80 {
		printable++
	}
	verbatim := 0
	for verbatim < printable && text[verbatim] != '"' && text[verbatim] != '\\' {
		verbatim++
	}
	if n := Printable(string(text)); n != printable {
		t.Errorf("Printable(%q) = %d, want %d", text, n, printable)
	}
	if n := Verbatim(string(text)); n != verbatim {
		t.Errorf("Verbatim(%q) = %d, want %d", text, n, verbatim)
	}
}

func BenchmarkVerbatim(b *testing.B) {
	text := strings.Repeat("a", 1024)
	b.SetBytes(1024)
	for b.Loop() {
		if Verbatim(text) != len(text) {
			b.Fatal()
		}
	}
}

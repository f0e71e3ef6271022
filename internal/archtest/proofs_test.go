package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestProofsAreThere looks for every test that docs/proofs.md names, in the directory that stands before it.
func TestProofsAreThere(t *testing.T) {
	text, err := os.ReadFile("../../docs/proofs.md")
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`([a-z/]+)` ((?:(?:[Tt]est|Fuzz)[A-Z]\\w+(?:, )?)+)").FindAllStringSubmatch(string(text), -1)
	if len(named) < 20 {
		t.Fatalf("only %d directories with tests are named", len(named))
	}
	for _, n := range named {
		files, err := filepath.Glob(filepath.Join("../..", n[1], "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		var source strings.Builder
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			source.Write(b)
		}
		for test := range strings.SplitSeq(strings.Trim(n[2], ", "), ", ") {
			if !strings.Contains(source.String(), "func "+test+"(") {
				t.Errorf("docs/proofs.md: there is no %s in %s", test, n[1])
			}
		}
	}
}

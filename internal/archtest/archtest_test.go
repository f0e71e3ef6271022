package archtest_test

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/staunchmq/staunch/internal/archtest"
)

const root = "../.."

func policy(t *testing.T) *archtest.Policy {
	t.Helper()
	file, err := os.Open("deps.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	p, err := archtest.ParsePolicy(file)
	if err != nil {
		t.Fatalf("deps.txt: %v", err)
	}
	return p
}

func TestModuleKeepsItsRules(t *testing.T) {
	packages, err := archtest.ReadModule(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	for _, wrong := range policy(t).Check(packages) {
		t.Error(wrong)
	}
}

func TestEveryModuleIsExplained(t *testing.T) {
	page, err := os.ReadFile(root + "/docs/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.ReadFile(root + "/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	modules := policy(t).Modules()
	for line := range strings.Lines(string(file)) {
		if fields := strings.Fields(line); strings.HasPrefix(line, "\t") && len(fields) == 2 { // those of others are marked // indirect
			modules = append(modules, fields[0])
		}
	}
	for _, module := range modules {
		if !strings.Contains(string(page), "`"+module+"`") {
			t.Errorf("docs/dependencies.md does not say what %s is for", module)
		}
	}
}

// module returns a small module with these files.
func module(files map[string]string) fstest.MapFS {
	fsys := fstest.MapFS{"go.mod": {Data: []byte("module example.com/m\n\ngo 1.26\n")}}
	for name, content := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(content)}
	}
	return fsys
}

func TestCheck(t *testing.T) {
	tests := []struct {
		name   string
		policy string
		files  map[string]string
		want   []string
	}{
		{
			name:   "what is allowed",
			policy: "a: b example.org/x\nb:",
			files: map[string]string{
				"a/a.go": "// Package a.\npackage a\nimport (\n_ \"example.com/m/b\"\n_ \"example.org/x/y\"\n_ \"os\"\n)",
				"b/b.go": "// Package b.\npackage b",
			},
		},
		{
			name:   "imports that are not allowed",
			policy: "a: example.org/x\nb:",
			files: map[string]string{
				"a/a.go": "// Package a.\npackage a\nimport (\n_ \"example.com/m/b\"\n_ \"example.org/xy\"\n)",
				"b/b.go": "// Package b.\npackage b",
			},
			want: []string{
				"a/a.go:4: a may not import b. Turn the dependency round, or if the architecture should change, change the line of a in internal/archtest/deps.txt",
				"a/a.go:5: a may not import example.org/xy. Turn the dependency round, or if the architecture should change, change the line of a in internal/archtest/deps.txt",
				"a may import example.org/x and does not: take that out of internal/archtest/deps.txt",
			},
		},
		{
			name:   "what is allowed and not done",
			policy: "a: b example.org/x example.org/y\nb: a",
			files: map[string]string{
				"a/a.go":      "// Package a.\npackage a\nimport (\n_ \"example.com/m/b\"\n_ \"example.org/x/sub\"\n)",
				"a/a_test.go": "package a\nimport _ \"example.org/y\"",
				"b/b.go":      "// Package b.\npackage b",
			},
			want: []string{
				"a may import example.org/y and does not: take that out of internal/archtest/deps.txt",
				"b may import a and does not: take that out of internal/archtest/deps.txt",
			},
		},
		{
			name:  "package without a line",
			files: map[string]string{"a/a.go": "// Package a.\npackage a"},
			want:  []string{"a is not in internal/archtest/deps.txt: add a line that says what it may import"},
		},
		{
			name:   "package without a comment",
			policy: "a:",
			files:  map[string]string{"a/a.go": "package a", "a/a_test.go": "// Package a.\npackage a"},
			want:   []string{"a has no package comment: say what it is for and what it does not know"},
		},
		{
			name:   "comment in one of several files",
			policy: ".:",
			files:  map[string]string{"a.go": "package a", "doc.go": "// Package a.\npackage a"},
		},
		{
			name:   "import that must not be seen, through another package",
			policy: "a: b\nb: c\nc:\nnever a: net/...",
			files: map[string]string{
				"a/a.go": "// Package a.\npackage a\nimport _ \"example.com/m/b\"",
				"b/b.go": "// Package b.\npackage b\nimport _ \"example.com/m/c\"",
				"c/c.go": "// Package c.\npackage c\nimport _ \"net/http\"",
			},
			want: []string{"c/c.go:3: a must not see net/http, but does: a -> b -> c -> net/http"},
		},
		{
			name:   "the machine's clock",
			policy: "a:\nb:\ntime: b",
			files: map[string]string{
				"a/a.go": "// Package a.\npackage a\nimport \"time\"\nvar now = time.Now\nvar d time.Duration",
				"a/b.go": "package a\nimport t \"time\"\nfunc f() { t.Sleep(1) }",
				"b/b.go": "// Package b.\npackage b\nimport \"time\"\nvar now = time.Now",
			},
			want: []string{
				"a/a.go:4: time.Now reads the machine's clock: take the time as an argument or from a clock.Clock",
				"a/b.go:3: time.Sleep reads the machine's clock: take the time as an argument or from a clock.Clock",
			},
		},
		{
			name:   "what is not part of the module's program",
			policy: "a:",
			files: map[string]string{
				"a/a.go":            "// Package a.\npackage a",
				"a/a_test.go":       "package a\nimport _ \"example.org/x\"",
				"a/testdata/t.go":   "package t",
				"nested/go.mod":     "module example.com/n",
				"nested/n.go":       "package n",
				".cache/c.go":       "package c",
				"node_modules/n.go": "package n",
			},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p, err := archtest.ParsePolicy(strings.NewReader(test.policy))
			if err != nil {
				t.Fatal(err)
			}
			packages, err := archtest.ReadModule(module(test.files))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, p.Check(packages)); diff != "" {
				t.Errorf("Check differs (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPoliciesThatAreNotUnderstood(t *testing.T) {
	for text, want := range map[string]string{
		"a b":      "line 1: there is no colon",
		"\n: b":    "line 2: nothing stands before the colon",
		"a:\na: b": "line 2: a is there twice",
		"a b: c":   `line 1: "a b" is neither a package, never, nor time`,
	} {
		if _, err := archtest.ParsePolicy(strings.NewReader(text)); err == nil || err.Error() != want {
			t.Errorf("ParsePolicy(%q) = %v, want %q", text, err, want)
		}
	}
}

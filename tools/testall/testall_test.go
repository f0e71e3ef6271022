package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// counted feeds events to a counter and returns what it counted and printed.
func counted(events string) (result, string) {
	var printed strings.Builder
	c := newCounter(func(line string) { printed.WriteString(line + "\n") })
	for line := range strings.Lines(events) {
		c.line(strings.TrimSuffix(line, "\n"))
	}
	return c.total, printed.String()
}

func TestCounterCountsLeaves(t *testing.T) {
	got, printed := counted(`{"Action":"pass","Package":"p","Test":"TestA/x"}
{"Action":"pass","Package":"p","Test":"TestA/y"}
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"skip","Package":"p","Test":"TestB"}
{"Action":"pass","Package":"p","Test":"TestC"}
{"Action":"pass","Package":"p","Elapsed":1.23}
{"Action":"skip","Package":"without tests"}
`)
	if got.counts() != "3 passed, 0 failed, 1 skipped" {
		t.Errorf("counts() = %s", got.counts())
	}
	if want := "ok    p  3 passed, 0 failed, 1 skipped  1.2s\n"; printed != want {
		t.Errorf("printed %q, want %q", printed, want)
	}
}

func TestCounterShowsFailuresWhole(t *testing.T) {
	got, printed := counted(`{"Action":"output","Package":"p","Test":"TestA/x","Output":"    x is wrong\n"}
{"Action":"fail","Package":"p","Test":"TestA/x"}
{"Action":"output","Package":"p","Test":"TestA/y","Output":"    y is fine\n"}
{"Action":"pass","Package":"p","Test":"TestA/y"}
{"Action":"fail","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestB","Output":"    b is wrong\n"}
{"Action":"pass","Package":"p","Test":"TestB/z"}
{"Action":"fail","Package":"p","Test":"TestB"}
{"Action":"fail","Package":"p","Elapsed":0.1}
`)
	if got.counts() != "2 passed, 2 failed" {
		t.Errorf("counts() = %s", got.counts())
	}
	if diff := cmp.Diff([]string{"p TestA/x", "p TestB"}, got.failures); diff != "" {
		t.Errorf("failures differ (-want +got):\n%s", diff)
	}
	want := "FAIL  p  2 passed, 2 failed  100ms\n    x is wrong\n    b is wrong\n\n"
	if printed != want {
		t.Errorf("printed %q, want %q", printed, want)
	}
}

func TestCounterShowsWhatDidNotCompile(t *testing.T) {
	got, printed := counted(`{"ImportPath":"p","Action":"build-output","Output":"p.go:3: undefined: x\n"}
{"ImportPath":"p","Action":"build-fail"}
{"Action":"fail","Package":"p","Elapsed":0,"FailedBuild":"p"}
`)
	if got.counts() != "0 passed, 1 failed" || !strings.Contains(printed, "p.go:3: undefined: x") {
		t.Errorf("counts() = %s, printed %q", got.counts(), printed)
	}
}

func TestCounterNoticesAnEndOutsideTheTests(t *testing.T) {
	got, printed := counted(`{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Output":"found leaks\n"}
{"Action":"fail","Package":"p","Elapsed":0}
`)
	if got.counts() != "1 passed, 1 failed" || !strings.Contains(printed, "found leaks") {
		t.Errorf("counts() = %s, printed %q", got.counts(), printed)
	}
}

func TestCounterShowsWhatEndedTheProcess(t *testing.T) {
	got, printed := counted(`{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"output","Package":"p","Test":"TestB","Output":"disk lost\n"}
{"Action":"output","Package":"p","Output":"FAIL p 1s\n"}
{"Action":"fail","Package":"p","Elapsed":0}
`)
	if got.counts() != "1 passed, 1 failed" || !strings.Contains(printed, "disk lost") {
		t.Errorf("counts() = %s, printed %q", got.counts(), printed)
	}
}

func TestClientResult(t *testing.T) {
	for line, want := range map[string]string{
		"conformance python-query: 12 passed, 0 failed, 1 skipped": "12 passed, 0 failed, 1 skipped",
		"conformance go: 10 passed, 2 failed, 0 skipped":           "10 passed, 2 failed",
		"conformance js: 0 passed, 0 failed, 0 skipped":            "0 passed, 1 failed",
		"conformance: 22 passed, 2 failed, 1 skipped":              "0 passed, 0 failed", // the sum of the clients
		"  | conformance go: 1 passed":                             "0 passed, 0 failed",
	} {
		got := clientResult(line)
		if got.counts() != want {
			t.Errorf("clientResult(%q) = %s, want %s", line, got.counts(), want)
		}
	}
}

func TestChoose(t *testing.T) {
	all := steps("100x")
	if got, err := choose(all, nil); err != nil || len(got) != len(all) {
		t.Errorf("choose without names = %d steps, %v", len(got), err)
	}
	got, err := choose(all, []string{"race", "build"})
	if err != nil || len(got) != 2 || got[0].name != "build" || got[1].name != "race" {
		t.Errorf("choose = %v, %v", got, err)
	}
	if _, err := choose(all, []string{"none"}); err == nil {
		t.Error("choose accepts a step that does not exist")
	}
}

func TestStepThatRanNothingHasFailed(t *testing.T) {
	got := runStep(t.Context(), step{name: "s", limit: time.Minute, run: func(context.Context) result { return result{} }})
	if got.failed != 1 {
		t.Errorf("counts() = %s", got.counts())
	}
}

// database is a vulnerability database that answers the first requests, and refuses the others.
func database(t *testing.T, answers int32) string {
	var asked atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/index/db.json" || asked.Add(1) > answers {
			w.WriteHeader(http.StatusForbidden)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func TestVulncheck(t *testing.T) {
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer silent.Close()
	const skip = "0 passed, 0 failed, 1 skipped"
	for name, test := range map[string]struct{ database, script, want string }{
		"nothing found":                       {database(t, 9), "exit 0", "1 passed, 0 failed"},
		"something found":                     {database(t, 9), "exit 3", "0 passed, 1 failed"},
		"something found, then unreachable":   {database(t, 1), "exit 3", "0 passed, 1 failed"},
		"it fails by itself":                  {database(t, 9), "exit 1", "0 passed, 1 failed"},
		"the database goes away meanwhile":    {database(t, 1), "exit 1", skip},
		"the database refuses":                {database(t, 0), "exit 3", skip},
		"nobody is there":                     {closed.URL, "exit 3", skip},
		"the database does not answer at all": {silent.URL, "exit 3", skip},
	} {
		v := vulncheck{database: test.database, patience: 10 * time.Second, args: []string{"sh", "-c", test.script}}
		if test.database == silent.URL {
			v.patience = time.Millisecond
		}
		got := runStep(t.Context(), step{name: "vulncheck", limit: time.Minute, run: v.run})
		if got.counts() != test.want {
			t.Errorf("%s: %s, want %s", name, got.counts(), test.want)
		}
	}
}

func TestSettingsAreKeptFromTests(t *testing.T) {
	got := withoutSettings([]string{"HOME=/root", "STAUNCH_LISTEN=:1", "STAUNCH_CONFIG=x", "STAUNCH_CHAOS_KILLS=3"})
	if diff := cmp.Diff([]string{"HOME=/root", "STAUNCH_CHAOS_KILLS=3"}, got); diff != "" {
		t.Errorf("the environment differs (-want +got):\n%s", diff)
	}
}

// TestRandomTestsDoTheSame: a seed of one's own comes behind, and the last one counts.
func TestRandomTestsDoTheSame(t *testing.T) {
	expect := func(want string) {
		t.Helper()
		if out, err := command(t.Context(), "sh", "-c", "echo $RAPID_SEED").Output(); err != nil || string(out) != want+"\n" {
			t.Errorf("the seed is %q, %v; want %s", out, err, want)
		}
	}
	t.Setenv("RAPID_SEED", "") // restored at the end
	if err := os.Unsetenv("RAPID_SEED"); err != nil {
		t.Fatal(err)
	}
	expect("1")
	t.Setenv("RAPID_SEED", "7")
	expect("7")
}

func TestStepEndsWithItsTime(t *testing.T) {
	endless := checks(check{"endless", []string{"sh", "-c", "sleep 1000000 & wait"}})
	got := runStep(t.Context(), step{name: "s", limit: 50 * time.Millisecond, run: endless})
	if got.failed == 0 {
		t.Errorf("counts() = %s", got.counts())
	}
}

func TestRealGoTest(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"go.mod":    "module example.com/m\n\ngo 1.26\n",
		"m_test.go": "package m\nimport \"testing\"\nfunc TestGood(t *testing.T) {}\nfunc TestBad(t *testing.T) { t.Error(\"bad\") }\nfunc FuzzAny(f *testing.F) { f.Fuzz(func(*testing.T, string) {}) }\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	all := goTest(selection{patterns: []string{"./..."}})(t.Context())
	if all.counts() != "2 passed, 1 failed" {
		t.Errorf("go test: %s", all.counts())
	}
	fuzzed := fuzz("100x")(t.Context())
	if fuzzed.counts() != "1 passed, 0 failed" {
		t.Errorf("fuzz: %s", fuzzed.counts())
	}
	none := goTest(selection{patterns: []string{"./chaos/..."}})(t.Context())
	if none.passed != 0 {
		t.Errorf("packages that do not exist: %s", none.counts())
	}
}

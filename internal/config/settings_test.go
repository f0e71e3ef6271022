package config_test

import (
	"flag"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/staunchmq/staunch/internal/config"
)

var update = flag.Bool("update", false, "rewrite docs/configuration.md")

func TestPageIsCurrent(t *testing.T) {
	const path = "../../docs/configuration.md"
	page := config.Page()
	if *update {
		if err := os.WriteFile(path, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	current, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(page, string(current)); diff != "" {
		t.Errorf("docs/configuration.md is not that of the table; run `make docs` (-want +got):\n%s", diff)
	}
}

func TestDefaultsAreWrittenAsTheyArePrinted(t *testing.T) {
	c, _ := load(t, config.Sources{})
	for _, s := range config.Settings() {
		if got := s.Text(c); got != s.Default {
			t.Errorf("%s: the table says %q, the value prints as %q", s.Name, s.Default, got)
		}
	}
}

func TestValuesSurvivePrinting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seconds := rapid.IntRange(0, 3600).Draw(t, "seconds")
		size := rapid.Int64Range(1<<20, 256<<20).Draw(t, "size")
		first, _, err := config.Load(config.Sources{Flags: map[string]string{
			"recreate-delay": (time.Duration(seconds) * time.Second).String(),
			"max-body-bytes": rapid.SampledFrom([]func(int64) string{plain, kibibytes}).Draw(t, "form")(size),
		}})
		if err != nil {
			t.Fatal(err)
		}
		printed := make(map[string]string)
		for _, s := range config.Settings() {
			printed[s.Name] = s.Text(first)
		}
		again, _, err := config.Load(config.Sources{Flags: printed})
		if err != nil {
			t.Fatalf("what was printed is not accepted: %v", err)
		}
		if diff := cmp.Diff(first, again); diff != "" {
			t.Fatalf("the settings changed by printing and loading (-before +after):\n%s", diff)
		}
	})
}

func TestUnits(t *testing.T) {
	for text, want := range map[string]int64{
		"2097152": 2 << 20, "2MiB": 2 << 20, "2 MiB": 2 << 20, "2mib": 2 << 20, "2048KiB": 2 << 20,
		"2MB": 2_000_000, "2000kB": 2_000_000, "2097152B": 2 << 20,
	} {
		c, _ := load(t, config.Sources{Flags: map[string]string{"max-body-bytes": text}})
		if c.MaxBodyBytes != want {
			t.Errorf("max-body-bytes %s is %d, want %d", text, c.MaxBodyBytes, want)
		}
	}
	for text, want := range map[string]int{"0": 0, "10k": 10_000, "10K": 10_000, "99999": 99_999} {
		c, _ := load(t, config.Sources{Flags: map[string]string{"metrics-max-queues": text}})
		if c.MetricsMaxQueues != want {
			t.Errorf("metrics-max-queues %s is %d, want %d", text, c.MetricsMaxQueues, want)
		}
	}
}

func TestTrailingSlashOfPublicURL(t *testing.T) {
	c, _ := load(t, config.Sources{Flags: map[string]string{"public-url": "https://sqs.example.com/base/"}})
	if want := "https://sqs.example.com/base"; c.PublicURL != want {
		t.Errorf("PublicURL = %q, want %q", c.PublicURL, want)
	}
}

func TestShardCount(t *testing.T) {
	for _, test := range []struct{ shards, cores, want int }{
		{0, 2, 2}, {0, 0, 1}, {0, 128, 64}, {5, 2, 5}, {256, 2, 256},
	} {
		c := config.Config{Shards: test.shards}
		if got := c.ShardCount(test.cores); got != test.want {
			t.Errorf("ShardCount(%d) with shards=%d is %d, want %d", test.cores, test.shards, got, test.want)
		}
	}
}

func TestNearest(t *testing.T) {
	candidates := []string{"listen", "admin-listen", "data", "domain", "log-level", "log-format"}
	for word, want := range map[string]string{
		"listne": "listen", "lissten": "listen", "adminlisten": "admin-listen", "dta": "data",
		"format": "log-format", "level": "log-level", "main": "domain", "": "data",
	} {
		if got := config.Nearest(word, candidates); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", word, got, want)
		}
	}
}

func TestLocalURL(t *testing.T) {
	for address, want := range map[string]string{
		"127.0.0.1:9324":  "http://127.0.0.1:9324",
		"0.0.0.0:9324":    "http://127.0.0.1:9324",
		":9324":           "http://127.0.0.1:9324",
		"[::]:9324":       "http://127.0.0.1:9324",
		"[::1]:9324":      "http://[::1]:9324",
		"10.1.2.3:9324":   "http://10.1.2.3:9324",
		"sqs.example:443": "http://sqs.example:443",
	} {
		if got := config.LocalURL(address, false); got != want {
			t.Errorf("LocalURL(%q) = %q, want %q", address, got, want)
		}
	}
}

func TestLocalURLOverTLS(t *testing.T) {
	if got := config.LocalURL(":9324", true); got != "https://127.0.0.1:9324" {
		t.Error(got)
	}
}

func plain(bytes int64) string { return strconv.FormatInt(bytes, 10) }

func kibibytes(bytes int64) string { return strconv.FormatInt(bytes>>10, 10) + "KiB" }

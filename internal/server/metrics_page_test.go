package server_test

import (
	"crypto/tls"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestMetricsPageIsCurrent compares docs/operations/metrics.md with the scrape of a server that has everything there are metrics of:
// name, type, labels and help.
func TestMetricsPageIsCurrent(t *testing.T) {
	page, err := os.ReadFile("../../docs/operations/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for line := range strings.Lines(string(page)) {
		if cells := strings.Split(line, "|"); len(cells) == 7 && strings.HasPrefix(line, "| `staunch_") {
			for i := range cells {
				cells[i] = strings.ReplaceAll(strings.TrimSpace(cells[i]), "`", "")
			}
			if cells[4] == "" {
				t.Errorf("%s has no unit", cells[1])
			}
			want = append(want, strings.Join([]string{cells[1], cells[2], cells[3], cells[5]}, " | "))
		}
	}

	cert, key, trust := testCertificate(t)
	n, admin := startDebugNode(t, t.TempDir(), map[string]string{"tls-cert": cert, "tls-key": key, "admin-tls-cert": cert, "admin-tls-key": key})
	get(t, trust, strings.Replace(n.endpoint, "http:", "https:", 1)+"/?Action=CreateQueue&QueueName=q")
	got := metricsOf(get(t, trust, strings.Replace(admin, "http:", "https:", 1)+"/metrics"))
	if err := n.close(); err != nil {
		t.Error(err)
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("docs/operations/metrics.md differs from the scrape (-page +scrape):\n%s", diff)
	}
}

// get returns what a URL answers.
func get(t *testing.T, trust *tls.Config, url string) string {
	t.Helper()
	client := http.Client{Transport: &http.Transport{TLSClientConfig: trust, DisableKeepAlives: true}}
	answer, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%s: %v %s %s", url, err, answer.Status, body)
	}
	return string(body)
}

// metricsOf returns the metrics of Staunch in a scrape, each as "name | type | labels | help", sorted. Labels are sorted, too; le belongs to
// histograms.
func metricsOf(scrape string) []string {
	var metrics []string
	for _, head := range regexp.MustCompile(`(?m)^# HELP (staunch_\w+) (.*)\n# TYPE \w+ (\w+)\n.*?(?:\{(.*)\})? \S+$`).FindAllStringSubmatch(scrape, -1) {
		var labels []string
		for _, label := range regexp.MustCompile(`(\w+)="`).FindAllStringSubmatch(head[4], -1) {
			if label[1] != "le" {
				labels = append(labels, label[1])
			}
		}
		slices.Sort(labels)
		metrics = append(metrics, strings.Join([]string{head[1], head[3], strings.Join(labels, ", "), head[2]}, " | "))
	}
	slices.Sort(metrics)
	return metrics
}

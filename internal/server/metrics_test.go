package server

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/catalog"
	"github.com/staunchmq/staunch/internal/config"
	"github.com/staunchmq/staunch/internal/keyring"
	"github.com/staunchmq/staunch/internal/metrics"
)

// Each setting that bounds something is in docs/operations/limits.md, with metrics that there are.
func TestBoundsHaveMetrics(t *testing.T) {
	page, err := os.ReadFile("../../docs/operations/limits.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "## Settings and their metrics\n")
	table, _, _ = strings.Cut(table, "\n## ")
	documented := make(map[string]bool)
	for row := range strings.Lines(table) {
		if cells := strings.Split(row, "|"); len(cells) == 5 {
			for _, name := range regexp.MustCompile("`([a-z-]+)`").FindAllStringSubmatch(cells[1], -1) {
				documented[name[1]] = true
			}
		}
	}
	for _, s := range config.Settings() {
		bounds := strings.HasSuffix(s.Name, "-bytes") || strings.HasPrefix(s.Name, "max-") || strings.Contains(s.Name, "-max-") ||
			strings.HasPrefix(s.Name, "rate-") || strings.HasSuffix(s.Name, "-rate") || s.Name == "disk-reserve"
		if bounds && !documented[s.Name] {
			t.Errorf("%s is not in the table", s.Name)
		}
	}
	cfg, _, err := config.Load(config.Sources{Flags: map[string]string{
		"listen": "127.0.0.1:0", "admin-listen": "127.0.0.1:0", "data": t.TempDir(), "shards": "1",
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ready, ended := make(chan config.Addresses, 1), make(chan error, 1)
	go func() {
		ended <- Run(ctx, cfg, slog.New(slog.DiscardHandler), func(a config.Addresses) { ready <- a })
	}()
	resp, err := http.Get("http://" + (<-ready).Admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	scrape, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range regexp.MustCompile("staunch_[a-z_]+").FindAllString(string(page), -1) {
		if !strings.Contains(string(scrape), "# TYPE "+name+" ") && name != "staunch_api_requests_total" { // which needs a request
			t.Errorf("there is no metric %s", name)
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// A scrape shows the receives that wait while it is made, not those of the scrape before.
func TestFirstScrapeShowsWaitingReceives(t *testing.T) {
	cfg, _, err := config.Load(config.Sources{Flags: map[string]string{
		"listen": "127.0.0.1:0", "admin-listen": "127.0.0.1:0", "journal": "memory", "shards": "1",
	}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ready, ended := make(chan config.Addresses, 1), make(chan error, 1)
	go func() {
		ended <- Run(ctx, cfg, slog.New(slog.DiscardHandler), func(a config.Addresses) { ready <- a })
	}()
	at := <-ready
	get := func(url string) string {
		resp, err := http.Get(url)
		if err != nil {
			t.Error(err)
			return ""
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Error(err)
		}
		return string(body)
	}
	get("http://" + at.API + "/?Action=CreateQueue&QueueName=q")
	polled := make(chan string, 1)
	go func() { polled <- get("http://" + at.API + "/000000000000/q?Action=ReceiveMessage&WaitTimeSeconds=20") }()

	// The receive is on its way; nothing but the scrapes tells when it waits.
	const waiting = "staunch_waiting_receives{shard=\"0\"} 1\n"
	for !strings.Contains(get("http://"+at.Admin+"/metrics"), waiting) {
		select {
		case got := <-polled:
			t.Fatalf("no scrape showed the waiting receive, which got %s", got)
		default:
		}
	}
	get("http://" + at.API + "/000000000000/q?Action=SendMessage&MessageBody=m")
	if got := <-polled; !strings.Contains(got, "<Body>m</Body>") {
		t.Errorf("received %s", got)
	}
	if got := get("http://" + at.Admin + "/metrics"); strings.Contains(got, waiting) {
		t.Error("the first scrape after the answer still shows a waiting receive")
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// Queues of a shard that does not answer are unknown; those of the others have their counts.
func TestQueuesOfAShardThatDoesNotAnswerAreUnknown(t *testing.T) {
	cfg, _, err := config.Load(config.Sources{Flags: map[string]string{"admin-listen": "", "journal": "memory", "shards": "2"}})
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder // the handler writes one line at a time
	n, err := openNode(t.Context(), cfg, slog.New(slog.NewTextHandler(&log, nil)), metrics.New(metrics.Options{}), memoryStore(2), keyring.New(), nil)
	if err != nil {
		t.Fatal(err)
	}
	run := func(part func(context.Context) error) (stop func()) {
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- part(ctx) }()
		return func() {
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}
	}
	stopFirst, stopSecond := run(n.shards[0].Run), run(n.shards[1].Run)
	stopService := run(n.service.Run)
	<-n.service.Started()

	caller := &api.Caller{Principal: api.Root(cfg.Account), Account: cfg.Account, Region: cfg.Region, BaseURL: "http://localhost"}
	shardOf, shards := make(map[string]int), make(map[int]bool)
	for len(shards) < 2 {
		name, body := fmt.Sprintf("q%d", len(shardOf)), "m"
		created, err := n.service.CreateQueue(t.Context(), caller, &api.CreateQueueInput{QueueName: &name})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := n.service.SendMessage(t.Context(), caller, &api.SendMessageInput{QueueUrl: created.QueueUrl, MessageBody: &body}); err != nil {
			t.Fatal(err)
		}
		shard := n.catalog.View().Lookup(catalog.Key{Account: cfg.Account, Region: cfg.Region, Name: name}).Partitions[0].Shard
		shardOf[name], shards[shard] = shard, true
	}
	check := func(answers ...int) {
		t.Helper()
		seen := 0
		n.samples(func(s metrics.QueueSample) {
			seen++
			known := slices.Contains(answers, shardOf[s.Queue])
			if s.Unknown == known || known && s.Visible != 1 {
				t.Errorf("shards %v answer, and %s on shard %d has %+v", answers, s.Queue, shardOf[s.Queue], s)
			}
		})
		if seen != len(shardOf) {
			t.Errorf("%d samples of %d queues", seen, len(shardOf))
		}
	}
	check(0, 1)
	stopService()
	stopSecond()
	check(0)
	stopFirst()
	check()
	if !strings.Contains(log.String(), `level=WARN msg="a shard did not say its counts; its queues are not in this scrape of the metrics" shard=1 error=`) {
		t.Errorf("the log is %s", log.String())
	}
}

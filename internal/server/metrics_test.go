package server

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/staunchmq/staunch/internal/config"
)

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

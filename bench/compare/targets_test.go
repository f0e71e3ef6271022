package main

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/staunchmq/staunch/internal/loadgen"
)

// known returns a comparison of three rounds, in which these rivals had these rates in a cell.
func known(at cell, rates map[string][3]float64) *comparison {
	c := &comparison{Rounds: 3}
	for name, list := range rates {
		r := described{Name: name, Keeps: memory, Speaks: sqs}
		if name == "floor" {
			r.Yardstick = "a yardstick"
		}
		c.Rivals = append(c.Rivals, r)
		for i, rate := range list {
			result := &loadgen.Result{Phases: []loadgen.Phase{{Rate: rate}}}
			c.Results = append(c.Results, measured{Round: i + 1, Cell: at.String(), Rival: name, Result: result})
		}
	}
	return c
}

func TestRatiosAreTakenWithinARound(t *testing.T) {
	c := known(send32, map[string][3]float64{"a": {100, 30, 10}, "b": {50, 10, 10}})
	if got := c.ratios(send32, "a", send32, "b"); len(got) != 3 || median(got) != 2 {
		t.Errorf("ratios %v", got)
	}
	if got := c.ratios(send32, "a", send32, "none"); len(got) != 0 {
		t.Errorf("ratios to nothing: %v", got)
	}
}

func TestTargets(t *testing.T) {
	c := known(roundTrip, map[string][3]float64{
		"staunch": {80, 60, 70}, "floor": {100, 100, 100}, "slow": {1, 1, 1}, "fast": {40, 40, 40}, "silent": {0, 0, 0},
	})
	c.Idle = []idle{{Rival: "staunch", Resident: 50 << 20, CPU: 0.05, Start: 0.02}}
	c.Fsync = []fsyncTimes{{P50: 0.2, P99: 1}}
	rows := c.targets()
	for _, want := range []string{
		"| round-trip, 8+8 connections | >= 0.70 of the floor | 0.70 (0.60–0.80) | yes |",
		"| staunch, round-trip, 8+8 connections | >= 1.3 times the fastest memory-only server | 1.75 (1.50–2.00) times fast | yes |",
		"| staunch, round-trip, 8+8 connections | >= 5.0 times the fastest durable server | – | not measured |",
		"| send, 32 connections | >= 0.80 of the floor | – | not measured |",
		"| idle, one queue | < 40 MiB resident | 50.0 MiB | **no** |",
		"| idle, one queue | < 0.1 % of a core | 0.05 % | yes |",
		"| start, empty data directory, to the first answer | < 100 ms | 20 ms | yes |",
		"| long-poll, 200 messages/s, send to receive, p99 | <= raw fsync (1.00 ms) + 5 ms | – ms | not measured |",
	} {
		found := false
		for _, row := range rows {
			found = found || row.String() == want
		}
		if !found {
			t.Errorf("there is no row %s", want)
		}
	}
	if t.Failed() {
		for _, row := range rows {
			t.Log(row)
		}
	}
}

func TestWhatIsZeroIsNoFigure(t *testing.T) {
	c := known(send32, map[string][3]float64{"silent": {0, 0, 0}})
	if text := c.report(allCells); strings.Contains(text, "| silent | memory |") {
		t.Errorf("a server that did nothing has a figure:\n%s", text)
	}
}

func TestPlanLearns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := plan{began: time.Now()}
		p.add(4 * time.Minute)
		time.Sleep(2 * time.Minute)
		p.finish(time.Minute)
		if left := p.left(); left != 6*time.Minute {
			t.Errorf("a quarter took two minutes, and %v are left", left)
		}
	})
}

func TestQuoted(t *testing.T) {
	for text, want := range map[string]string{
		"reading https://proxy.example/m/@v/list: 403 Forbidden": "`reading …: 403 Forbidden`",
		"open /home/someone/.cache/x/y.jar: not there":           "`open …: not there`",
		"HTTP 500: `oh` and/or more":                             "`HTTP 500: 'oh' and/or more`",
	} {
		if got := quoted(text); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

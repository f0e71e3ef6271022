package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/staunchmq/staunch/internal/loadgen"
)

func rate(r *loadgen.Result) float64 { return r.Phases[0].Rate }

// delivery returns a percentile of the time from send to receive, in milliseconds.
func delivery(of func(loadgen.Operation) float64) func(*loadgen.Result) float64 {
	return func(r *loadgen.Result) float64 {
		for _, op := range r.Phases[0].Operations {
			if op.Name == "delivery" {
				return of(op)
			}
		}
		return 0
	}
}

func p50(op loadgen.Operation) float64 { return op.P50 }

func p99(op loadgen.Operation) float64 { return op.P99 }

// report returns the tables, in Markdown.
func (c *comparison) report(cells []cell) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Machine: %s, shared by server and load generator. ", c.Machine)
	if len(c.Fsync) > 0 {
		var x, y []float64
		for _, f := range c.Fsync {
			x, y = append(x, f.P50), append(y, f.P99)
		}
		fmt.Fprintf(&b, "A plain write of 4 KiB and fsync on its disk: p50 %.2f ms, p99 %.2f ms. ", median(x), median(y))
	}
	fmt.Fprintf(&b, "Bodies of 1,024 bytes; every request signed; rounds: %d, each server for %v in each, after %v of warm-up; medians, in brackets the lowest and the highest round. "+
		"%s, took %v.\n\n", c.Rounds, c.o.duration, c.o.warm, c.Began.Format("2006-01-02"), time.Since(c.Began).Round(time.Second))
	c.reportTargets(&b)
	c.reportRates(&b, cells)
	c.reportRatios(&b, cells, "staunch")
	c.reportRatios(&b, cells, "staunch-memory")
	c.reportLatency(&b, cells)
	c.reportCPU(&b, cells)
	c.reportIdle(&b)
	c.reportRivals(&b)
	return b.String()
}

func (c *comparison) reportTargets(b *strings.Builder) {
	if c.o.short {
		return
	}
	b.WriteString("**Targets**\n\n| scenario | target | figure | met |\n|---|---|---|---|\n")
	for _, row := range c.targets() {
		if row.known || c.o.only == "" {
			fmt.Fprintln(b, row)
		}
	}
	b.WriteString("\n")
}

// table writes a table of cells and rivals.
func (c *comparison) table(b *strings.Builder, title string, cells []cell, text func(cell cell, rival string) string) {
	fmt.Fprintf(b, "**%s**\n\n| | an answer means |", title)
	for _, cell := range cells {
		fmt.Fprintf(b, " %s |", cell)
	}
	b.WriteString("\n|---|---|" + strings.Repeat("---:|", len(cells)) + "\n")
	for _, r := range c.Rivals {
		row, some := fmt.Sprintf("| %s | %s |", r.Name, r.Keeps), false
		for _, cell := range cells {
			entry := text(cell, r.Name)
			row, some = row+" "+entry+" |", some || strings.Trim(entry, "–/ ") != ""
		}
		if some {
			fmt.Fprintln(b, row)
		}
	}
	b.WriteString("\n")
}

func throughput(cells []cell) []cell {
	return slices.DeleteFunc(slices.Clone(cells), func(c cell) bool { return c.rate > 0 })
}

func paced(cells []cell) []cell {
	return slices.DeleteFunc(slices.Clone(cells), func(c cell) bool { return c.rate == 0 })
}

func (c *comparison) reportRates(b *strings.Builder, cells []cell) {
	c.table(b, "Messages per second", throughput(cells), func(cell cell, rival string) string {
		return number("%.0f", median(c.figures(cell, rival, rate))) + c.footnote(cell, rival)
	})
}

// number writes a figure, and 0 as a dash: it was not measured.
func number(format string, v float64) string {
	if v == 0 {
		return "–"
	}
	return fmt.Sprintf(format, v)
}

// footnote marks what had a fault; reportRivals says which.
func (c *comparison) footnote(cell cell, rival string) string {
	for _, m := range c.Results {
		if m.Cell == cell.String() && m.Rival == rival && m.Fault != "" {
			return " (!)"
		}
	}
	return ""
}

func (c *comparison) reportRatios(b *strings.Builder, cells []cell, of string) {
	if !slices.ContainsFunc(c.Rivals, func(r described) bool { return r.Name == of }) || len(c.Rivals) == 1 {
		return // it was not measured, or nothing else was
	}
	c.table(b, of+" as a multiple of", throughput(cells), func(cell cell, rival string) string {
		if rival == of {
			return "–"
		}
		return spread("%.2f", c.ratios(cell, of, cell, rival))
	})
}

func (c *comparison) reportLatency(b *strings.Builder, cells []cell) {
	if cells = paced(cells); len(cells) == 0 {
		return
	}
	c.table(b, "Send to receive, p50 / p99 in milliseconds, receives waiting", cells, func(cell cell, rival string) string {
		x, y := median(c.figures(cell, rival, delivery(p50))), median(c.figures(cell, rival, delivery(p99)))
		return number("%.2f", x) + " / " + number("%.2f", y) + c.footnote(cell, rival)
	})
}

func (c *comparison) reportCPU(b *strings.Builder, cells []cell) {
	c.table(b, "CPU time per request in microseconds, server / load generator", throughput(cells), func(cell cell, rival string) string {
		server := median(c.figures(cell, rival, func(r *loadgen.Result) float64 { return r.Phases[0].CPU.ServerPerRequest }))
		client := median(c.figures(cell, rival, func(r *loadgen.Result) float64 { return r.Phases[0].CPU.ClientPerRequest }))
		return number("%.0f", server) + " / " + number("%.0f", client)
	})
}

// sqs is the protocol of those that can be compared.
const sqs = "SQS"

func (c *comparison) reportRivals(b *strings.Builder) {
	b.WriteString("| server | version | protocol | an answer means | |\n|---|---|---|---|---|\n")
	for _, r := range c.Rivals {
		what := r.Yardstick
		if r.Speaks != sqs {
			what = "context, no SQS"
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", r.Name, r.Version, r.Speaks, r.Keeps, what)
	}
	b.WriteString("\n`–`: not measured, because the server does not do it.\n\n")
	for _, r := range rivals() {
		if reason, ok := c.Skipped[r.name]; ok {
			fmt.Fprintf(b, "- %s was not measured: %s\n", r.name, quoted(reason))
		}
	}
	said := make(map[string]bool)
	for _, m := range c.Results {
		if key := m.Rival + m.Cell; m.Fault != "" && !said[key] {
			said[key] = true
			fmt.Fprintf(b, "- (!) %s, %s, round %d: %s\n", m.Rival, m.Cell, m.Round, quoted(m.Fault))
		}
	}
	for _, text := range c.Notes {
		fmt.Fprintf(b, "- %s\n", quoted(text))
	}
}

// places are those of this machine and of whom it asks: URLs, and paths of directories.
var places = regexp.MustCompile(`https?://[^\s]*[^\s:,.]|(?:/[\w.-]+){3,}`)

// quoted makes a text that may be anything, as servers' answers are, harmless in Markdown, and takes out what is of this machine alone.
func quoted(text string) string {
	text = places.ReplaceAllString(text, "…")
	return "`" + strings.ReplaceAll(fmt.Sprintf("%.300s", text), "`", "'") + "`"
}

// The part of docs/performance.md that this program writes.
const (
	docsBegin = "<!-- written by bench/compare: begin -->\n"
	docsEnd   = "<!-- written by bench/compare: end -->\n"
)

// writeDocs replaces that part, and writes the plots beside it.
func writeDocs(dir, report string, plots []chart) error {
	file := filepath.Join(dir, "performance.md")
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	before, rest, ok1 := strings.Cut(string(text), docsBegin)
	_, after, ok2 := strings.Cut(rest, docsEnd)
	if !ok1 || !ok2 {
		return fmt.Errorf("%s has no line %q, or none %q after it", file, docsBegin, docsEnd)
	}
	part := report
	for _, p := range plots {
		name := "performance-" + p.Name + ".svg"
		if err := os.WriteFile(filepath.Join(dir, name), []byte(p.svg()), 0o644); err != nil {
			return err
		}
		part += fmt.Sprintf("\n![%s](%s)\n", p.Title, name)
	}
	return os.WriteFile(file, []byte(before+docsBegin+"\n"+part+"\n"+docsEnd+after), 0o644)
}

package main

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
)

func TestChartIsWellFormed(t *testing.T) {
	for name, c := range map[string]chart{
		"empty":  {Title: "a < b", LogX: true},
		"point":  {Lines: []line{{Name: "one & only", Points: [][2]float64{{1, 5}}}}},
		"linear": {Lines: []line{{Name: "a", Points: [][2]float64{{0, 0}, {1000, 37}}}, {Name: "a p99", Dashed: true, Points: [][2]float64{{0, 1}, {1000, 60}}}}},
		"log":    {LogX: true, LogY: true, Lines: []line{{Name: "a", Points: [][2]float64{{1, 0.1}, {128, 40000}}}}},
	} {
		text := c.svg()
		if strings.Contains(text, "NaN") || strings.Contains(text, "Inf") || strings.Contains(text, "%!") {
			t.Errorf("%s has no numbers:\n%s", name, text)
		}
		for d := xml.NewDecoder(strings.NewReader(text)); ; {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v\n%s", name, err, text)
			}
		}
	}
}

func TestTicks(t *testing.T) {
	for _, span := range []float64{0.003, 1, 3.9, 4, 7, 39, 99, 512, 1e6} {
		if n := span / niceStep(span); n < 3.999 || n > 10.001 {
			t.Errorf("a span of %g has %g steps", span, n)
		}
	}
	a := axis{low: 1, high: 128, log: true, from: 0, to: 100}
	if got := a.ticks(); len(got) != 7 || got[0] != 1 || got[6] != 100 {
		t.Errorf("ticks of a logarithmic axis: %v", got)
	}
	if at := a.at(math.Sqrt(128)); math.Abs(at-50) > 1e-9 {
		t.Errorf("the middle is at %g", at)
	}
}

package main

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestProgressSaysHowFarAndHowLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var said strings.Builder
		p := tellProgress(&said, "fill", 400)
		for range 4 { // the first time is before anything is done: nothing can be said then
			time.Sleep(progressEvery + time.Millisecond)
			p.done.Add(100)
		}
		time.Sleep(progressEvery)
		p.end()
		want := []string{"  fill: 25 %, 10 a second, about 30s to go", "  fill: 50 %, 13 a second, about 15s to go", "  fill: 75 %, 15 a second, about 7s to go",
			"  fill: 100 %, 16 a second, about 0s to go", ""}
		if got := said.String(); got != strings.Join(want, "\n") {
			t.Errorf("it said\n%swant\n%s", got, strings.Join(want, "\n"))
		}
	})
}

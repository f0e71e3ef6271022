package cli

import (
	"io"

	"github.com/staunchmq/staunch/internal/loadgen"
)

// ShowAllProgress lets bars show each step, however soon after the one before it, and returns what ends that.
func ShowAllProgress() (end func()) {
	before := progressEvery
	progressEvery = 0
	return func() { progressEvery = before }
}

// ShowBenchProgress shows on w, as bench does, how far a run is at several moments, and its end.
func ShowBenchProgress(environ []string, w io.Writer, moments ...loadgen.Progress) {
	line := (&program{environ: environ, stderr: w}).benchProgress()
	for _, at := range moments {
		line.show(at)
	}
	line.clear()
}

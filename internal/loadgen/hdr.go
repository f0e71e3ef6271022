package loadgen

import (
	"fmt"
	"io"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// WriteHDR writes the times of all operations as a HdrHistogram log (version 1.3), one line each, tagged SCENARIO.PHASE.OPERATION; values are
// nanoseconds. The tools of hdrhistogram.org plot it. Results that were read from JSON have no histograms and write none.
func WriteHDR(w io.Writer, results []*Result) error {
	log := hdrhistogram.NewHistogramLogWriter(w)
	if err := log.OutputLogFormatVersion(); err != nil {
		return err
	}
	if err := log.OutputComment("[staunch bench; values in nanoseconds]"); err != nil {
		return err
	}
	if len(results) > 0 {
		if err := log.OutputStartTime(results[0].Started.UnixMilli()); err != nil {
			return err
		}
	}
	if err := log.OutputLegend(); err != nil {
		return err
	}
	for _, r := range results {
		for _, p := range r.Phases {
			for _, op := range p.Operations {
				if op.times == nil {
					continue
				}
				op.times.SetTag(fmt.Sprintf("%s.%s.%s", r.Scenario, p.Name, op.Name))
				op.times.SetStartTimeMs(op.began.UnixMilli())
				op.times.SetEndTimeMs(op.began.Add(op.took).UnixMilli())
				if err := log.OutputIntervalHistogram(op.times); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

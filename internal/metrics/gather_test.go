package metrics_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"github.com/staunchmq/staunch/internal/metrics"
)

// expect compares the named metrics with their text form.
func expect(t *testing.T, r *metrics.Registry, want string, names ...string) {
	t.Helper()
	families, err := r.Gatherer().Gather()
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for _, f := range families {
		if !slices.Contains(names, f.GetName()) {
			continue
		}
		if _, err := expfmt.MetricFamilyToText(&got, f); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(strings.TrimSpace(want), strings.TrimSpace(got.String())); diff != "" {
		t.Errorf("the metrics differ (-want +got):\n%s", diff)
	}
}

// family returns the metrics of one name.
func family(t *testing.T, r *metrics.Registry, name string) []*dto.Metric {
	t.Helper()
	families, err := r.Gatherer().Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()
		}
	}
	return nil
}

// observations returns how often a histogram was observed, over all its series.
func observations(t *testing.T, r *metrics.Registry, name string) (n uint64) {
	t.Helper()
	for _, m := range family(t, r, name) {
		n += m.GetHistogram().GetSampleCount()
	}
	return n
}

// value returns the sum of the counters that have a label with this value.
func value(t *testing.T, r *metrics.Registry, name, label string) (sum float64) {
	t.Helper()
	for _, m := range family(t, r, name) {
		for _, pair := range m.GetLabel() {
			if pair.GetValue() == label {
				sum += m.GetCounter().GetValue()
				break
			}
		}
	}
	return sum
}

package reload

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/staunchmq/staunch/internal/clock"
)

func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		looks := []struct {
			changed bool
			err     string
		}{{}, {changed: true}, {err: "half"}, {err: "half"}, {err: "gone"}, {err: "half"}, {changed: true}, {err: "half"}, {}}
		var said []string
		look := 0
		ctx, cancel := context.WithCancel(t.Context())
		began := time.Now()
		err := Run(ctx, Options{
			Clock: clock.System(), Every: time.Second,
			Look: func() (bool, error) {
				l := looks[look]
				if look++; look == len(looks) {
					cancel()
				}
				if l.err != "" {
					return false, errors.New(l.err)
				}
				return l.changed, nil
			},
			Changed: func() { said = append(said, "changed") },
			Failed:  func(err error) { said = append(said, err.Error()) },
		})
		if want := []string{"changed", "half", "gone", "half", "changed", "half"}; err != nil || !slices.Equal(said, want) {
			t.Errorf("said %q, %v; want %q", said, err, want)
		}
		if passed := time.Since(began); passed != time.Duration(len(looks))*time.Second {
			t.Errorf("%d looks in %v", look, passed)
		}
	})
}

package server

import (
	"context"
	"errors"
	"testing"

	"github.com/staunchmq/staunch/internal/admin"
	"github.com/staunchmq/staunch/internal/shard"
)

// plannedShard has in each pass what was planned.
type plannedShard struct {
	passes []shard.Rewritten
	err    error // of the pass after those
	passed int
}

func (*plannedShard) ID() uint32 { return 7 }

func (s *plannedShard) Rewrite(context.Context, shard.RewriteFunc) (shard.Rewritten, error) {
	s.passed++
	if s.passed > len(s.passes) {
		return shard.Rewritten{}, s.err
	}
	return s.passes[s.passed-1], nil
}

// A message can move to a shard that a pass has been at from one that it comes to: one pass without any says nothing.
func TestRewrapGoesOverShardsAgain(t *testing.T) {
	problem := errors.New("a problem")
	some := func(n ...int64) (passes []shard.Rewritten) {
		for _, n := range n {
			passes = append(passes, shard.Rewritten{Rewritten: n})
		}
		return passes
	}
	for _, tt := range []struct {
		name        string
		one, two    plannedShard
		passed      int // passes of the first shard
		want        admin.Rewrapped
		wantProblem string
	}{
		{"nothing", plannedShard{}, plannedShard{}, 2, admin.Rewrapped{}, ""},
		{"found in the first", plannedShard{passes: some(3)}, plannedShard{passes: some(4)}, 2, admin.Rewrapped{Rewrapped: 7}, ""},
		{"found in the second", plannedShard{passes: some(0, 1)}, plannedShard{}, 3, admin.Rewrapped{Rewrapped: 1}, ""},
		{"found in each", plannedShard{passes: some(5, 0, 1)}, plannedShard{passes: some(0, 1)}, 4, admin.Rewrapped{Rewrapped: 7}, ""},
		{"failed in the end",
			plannedShard{passes: []shard.Rewritten{{Rewritten: 1, Failed: 2, Err: problem}, {Failed: 1, Err: problem}}}, plannedShard{},
			2, admin.Rewrapped{Rewrapped: 1, Failed: 1, Problem: "a problem"}, ""},
		{"broke off", plannedShard{passes: some(1)}, plannedShard{passes: some(1), err: problem}, 2, admin.Rewrapped{Rewrapped: 2}, "shard 7: a problem"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := rewrapShards(t.Context(), []*plannedShard{&tt.one, &tt.two}, func() shard.RewriteFunc { return nil })
			text := ""
			if err != nil {
				text = err.Error()
			}
			if got != tt.want || text != tt.wantProblem || tt.one.passed != tt.passed {
				t.Errorf("%+v, %q after %d passes", got, text, tt.one.passed)
			}
		})
	}
}

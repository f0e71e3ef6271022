package shard

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/staunchmq/staunch/internal/queue"
)

// Bodies of moving messages are read up to 8 MiB at a time, whatever their number, and only those that are still on the same way.
func TestReadMovingInPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t)
		body := strings.Repeat("x", 1<<20)
		for i := range 14 {
			r.send(standard, body[:1<<20-i])
		}
		moves, err := r.BeginMove(r.ctx, standard, 100, other)
		if err != nil || len(moves) != 14 {
			t.Fatalf("%d moves, %v", len(moves), err)
		}
		if err := r.EndMove(r.ctx, standard, []queue.Ref{moves[0].Handle.Ref}, true); err != nil {
			t.Fatal(err)
		}
		if err := r.EndMove(r.ctx, standard, []queue.Ref{moves[1].Handle.Ref}, false); err != nil {
			t.Fatal(err)
		}
		elsewhere := slices.Clone(moves)
		elsewhere[2].Target = standard
		var sizes []int
		for left := elsewhere; len(left) > 0; {
			var page []MovingMessage
			if page, left, err = r.ReadMoving(r.ctx, standard, left); err != nil {
				t.Fatal(err)
			}
			if len(page)+len(left) == 11 && len(page) != 8 {
				t.Errorf("%d messages at once", len(page))
			}
			for _, m := range page {
				if cap(m.Content) > len(m.Content)+len(m.Content)/4 {
					t.Errorf("%d bytes held for a message of %d", cap(m.Content), len(m.Content))
				}
				sizes = append(sizes, 1<<20-len(m.Content))
			}
		}
		if !slices.Equal(sizes, []int{3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13}) {
			t.Errorf("read messages %v", sizes)
		}
		listed, err := r.Moving(r.ctx, standard, moves[3].Handle.Ref, 4)
		if err != nil || !slices.Equal(listed, moves[4:8]) {
			t.Errorf("listed %v, %v", listed, err)
		}
	})
}

// However many messages an EndMove or a Settle names, it comes to records of less than the largest size.
func TestNamesAreSplitAmongRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t)
		origins := make([]queue.Origin, 25_000)
		arrivals := make([]Arrival, len(origins))
		for i := range origins {
			origins[i] = queue.Origin{Partition: 1 << 60, Ref: queue.Ref{Record: 1<<60 + uint64(i)}}
			arrivals[i].Origin = origins[i]
		}
		if err := r.Arrive(r.ctx, standard, arrivals); err != nil {
			t.Fatal(err)
		}
		_, before := r.tail(t)
		if err := r.Settle(r.ctx, standard, origins); err != nil {
			t.Fatal(err)
		}
		if _, after := r.tail(t); after != before+3 {
			t.Errorf("%d origins were settled by %d records", len(origins), after-before)
		}
		if left, err := r.Unsettled(r.ctx, standard); err != nil || len(left) != 0 {
			t.Errorf("%d unsettled, %v", len(left), err)
		}
	})
}

func TestPartOfAMoveFails(t *testing.T) {
	for _, partly := range []bool{false, true} {
		parts := 0
		err := inParts(make([]queue.Ref, 15_000), nameTogether, func(part []queue.Ref) error {
			if parts++; parts == 1 && partly {
				return nil
			}
			return ErrDiskFull
		})
		if !errors.Is(err, ErrDiskFull) || errors.Is(err, ErrPartly) != partly {
			t.Errorf("partly %v: %v", partly, err)
		}
	}
}

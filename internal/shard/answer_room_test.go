package shard

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/staunchmq/staunch/internal/queue"
)

// fakeRoom is a Room that has room for fits messages now, and in the end if it is not short.
type fakeRoom struct {
	fits  int
	short bool
	taken []int // by each Take
	kept  int
}

func (r *fakeRoom) Free() int      { return 64 << 10 }
func (r *fakeRoom) Fits(n int) int { return min(n, r.fits) }
func (r *fakeRoom) Keep(bytes int) { r.kept = bytes }
func (r *fakeRoom) Take(_ context.Context, n int) bool {
	r.taken = append(r.taken, n)
	return !r.short
}

// TestReceiveHandsOutWhatThereIsRoomFor receives from ten messages of one size.
func TestReceiveHandsOutWhatThereIsRoomFor(t *testing.T) {
	const kib = 1 << 10
	for _, tc := range []struct {
		name    string
		size    int
		unknown bool // nothing was read of the partition before
		room    fakeRoom
		want    int // messages; 0: throttled
		taken   int // messages that room was taken for
	}{
		{"small messages, memory short", 6 * kib, false, fakeRoom{}, 10, 0},
		{"large messages", 100 * kib, false, fakeRoom{fits: 10}, 10, 10},
		{"large messages, room for three", 100 * kib, false, fakeRoom{fits: 3}, 3, 3},
		{"large messages, memory short", 100 * kib, false, fakeRoom{}, 0, 0},
		{"two of them are a small answer, memory short", 30 * kib, false, fakeRoom{}, 2, 0},
		{"nobody knows that they are large, and room comes", 100 * kib, true, fakeRoom{}, 10, 10},
		{"nobody knows that they are large, and no room comes", 100 * kib, true, fakeRoom{short: true}, 0, 10},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := run(t)
				for range 10 {
					r.send(standard, strings.Repeat("a", tc.size))
				}
				var before uint32
				if !tc.unknown {
					before = 1
					visible := time.Duration(0)
					if _, err := r.Receive(r.ctx, standard, ReceiveRequest{Max: 10, Visibility: &visible}); err != nil {
						t.Fatal(err)
					}
				}
				got, err := r.Receive(r.ctx, standard, ReceiveRequest{Max: 10, Room: &tc.room})
				if n := len(bodies(got)); n != tc.want || (tc.want == 0) != errors.Is(err, ErrOverloaded) {
					t.Errorf("%d messages, %v; want %d", n, err, tc.want)
				}
				if tc.taken > 0 && (len(tc.room.taken) != 1 || tc.room.taken[0] != tc.taken) || tc.taken == 0 && tc.room.taken != nil {
					t.Errorf("room was taken for %v messages, want %d", tc.room.taken, tc.taken)
				}
				if tc.taken > 0 && tc.want > 0 && tc.room.kept != tc.want*tc.size {
					t.Errorf("%d bytes were kept", tc.room.kept)
				}
				if len(tc.room.taken) > 0 && tc.want == 0 {
					before++ // they were put back
				}
				rest := r.receive(standard, 10)
				if n := len(rest.Messages); n != 10-tc.want {
					t.Errorf("%d messages are left, want %d", n, 10-tc.want)
				}
				for _, m := range rest.Messages {
					if m.Handle.Receives != before+1 {
						t.Errorf("a message that nobody got was received %d times before", m.Handle.Receives-1)
					}
				}
				// It is known now.
				if tc.room.short {
					if r.send(standard, "next"); r.throttled(&tc.room, 0) && len(tc.room.taken) > 1 {
						t.Error("messages were taken before there was room")
					}
				}
			})
		})
	}
}

// throttled receives with a room and reports whether that fails because there is none.
func (r *running) throttled(room Room, wait time.Duration) bool {
	r.t.Helper()
	got, err := r.Receive(r.ctx, standard, ReceiveRequest{Max: 10, Wait: wait, Room: room})
	if !errors.Is(err, ErrOverloaded) {
		r.t.Errorf("got %d messages, %v", len(bodies(got)), err)
	}
	return errors.Is(err, ErrOverloaded)
}

// TestReceiveThatFindsNoRoomPutsMessagesOfAGroupBack hides nothing of a FIFO queue.
func TestReceiveThatFindsNoRoomPutsMessagesOfAGroupBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t)
		first, second := "1"+strings.Repeat("a", 100<<10), "2"+strings.Repeat("a", 100<<10)
		r.send(fifo, first, second)
		if _, err := r.Receive(r.ctx, fifo, ReceiveRequest{Max: 10, Room: &fakeRoom{fits: 10, short: true}}); !errors.Is(err, ErrOverloaded) {
			t.Fatal(err)
		}
		if got := bodies(r.receive(fifo, 10)); len(got) != 2 || got[0] != first || got[1] != second {
			t.Errorf("%d messages, or in another order", len(got))
		}
	})
}

// TestLongPollsWithoutRoom lets two receives wait for large messages. They take no room as long as there is nothing; then the first is
// throttled, and the other goes on waiting.
func TestLongPollsWithoutRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t)
		large := strings.Repeat("a", 100<<10)
		r.send(standard, large)
		if _, err := r.Delete(r.ctx, standard, handles(r.receive(standard, 1))); err != nil {
			t.Fatal(err)
		}
		room := &fakeRoom{}
		poll := func() *call {
			return start(func() (*ReceiveResult, error) {
				return r.Receive(r.ctx, standard, ReceiveRequest{Max: 10, Wait: 20 * time.Second, Room: room})
			})
		}
		first, second := poll(), poll()
		if first.answered() || second.answered() || room.taken != nil {
			t.Fatal("they do not wait")
		}
		r.send(standard, large)
		synctest.Wait()
		if !first.answered() || !errors.Is(first.err, ErrOverloaded) || second.answered() {
			t.Errorf("first: %v, %v; second: %v", first.answered(), first.err, second.answered())
		}
		if r.throttled(room, 20*time.Second) && second.answered() {
			t.Error("a receive that was throttled has ended the wait of another")
		}
		room.fits = 10
		if again := poll(); len(bodies(again.result)) != 1 || again.result.Messages[0].Handle.Receives != 1 {
			t.Errorf("%v, %v", again.result, again.err)
		}
		r.send(standard, large)
		synctest.Wait()
		if len(bodies(second.result)) != 1 {
			t.Errorf("the second: %v, %v", second.result, second.err)
		}
	})
}

// TestClientThatGoesWhileItWaitsForRoom has its messages put back.
func TestClientThatGoesWhileItWaitsForRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t)
		r.send(standard, strings.Repeat("a", 100<<10))
		ctx, cancel := context.WithCancel(r.ctx)
		room := &cancelling{cancel: cancel}
		if _, err := r.Receive(ctx, standard, ReceiveRequest{Max: 10, Room: room}); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if got := r.receive(standard, 10); len(got.Messages) != 1 {
			t.Errorf("%d messages are visible", len(got.Messages))
		}
	})
}

// TestMessagesThatWereHandedOutMeanwhileAreNotPutBack lets another receive have the message while the first waits for room.
func TestMessagesThatWereHandedOutMeanwhileAreNotPutBack(t *testing.T) {
	second, none := time.Second, time.Duration(0)
	for _, tc := range []struct {
		name  string
		p     queue.ID
		first ReceiveRequest
		then  ReceiveRequest // after two seconds
	}{
		{"visibility timeout that has ended", standard, ReceiveRequest{Max: 1, Visibility: &second}, ReceiveRequest{Max: 1}},
		{"no visibility timeout", standard, ReceiveRequest{Max: 1, Visibility: &none}, ReceiveRequest{Max: 1}},
		{"FIFO queue", fifo, ReceiveRequest{Max: 1, Visibility: &second}, ReceiveRequest{Max: 1}},
		{"the same attempt", fifo, ReceiveRequest{Max: 1, Attempt: "a"}, ReceiveRequest{Max: 1, Attempt: "a"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := run(t)
				r.send(tc.p, strings.Repeat("a", 100<<10))
				tc.first.Room = outrun{func() {
					time.Sleep(2 * time.Second)
					if got, err := r.Receive(r.ctx, tc.p, tc.then); len(bodies(got)) != 1 {
						t.Errorf("the other receive has %d messages, %v", len(bodies(got)), err)
					}
				}}
				if _, err := r.Receive(r.ctx, tc.p, tc.first); !errors.Is(err, ErrOverloaded) {
					t.Error(err)
				}
				if got := r.receive(tc.p, 1); len(got.Messages) != 0 {
					t.Error("a message that somebody holds is visible")
				}
			})
		})
	}
}

// TestReceiveThatFindsNoRoomCounts: with one receive allowed the message is a dead letter then.
func TestReceiveThatFindsNoRoomCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := run(t)
		settings := standardSettings()
		settings.MaxReceives, settings.DeadLetter = 1, other
		if err := r.Configure(r.ctx, standard, settings); err != nil {
			t.Fatal(err)
		}
		r.send(standard, strings.Repeat("a", 100<<10))
		r.throttled(&fakeRoom{fits: 10, short: true}, 0)
		if got := r.receive(standard, 1); len(got.Messages) != 0 || len(got.Moves) != 1 {
			t.Errorf("%d messages and %d moves", len(got.Messages), len(got.Moves))
		}
	})
}

// outrun is a Room that is short; meanwhile something happens.
type outrun struct{ meanwhile func() }

func (outrun) Free() int      { return 64 << 10 }
func (outrun) Fits(n int) int { return n }
func (outrun) Keep(int)       {}
func (r outrun) Take(context.Context, int) bool {
	r.meanwhile()
	return false
}

// cancelling is a Room whose client hangs up.
type cancelling struct {
	fakeRoom
	cancel func()
}

func (r *cancelling) Fits(n int) int { return n }
func (r *cancelling) Take(context.Context, int) bool {
	r.cancel()
	return false
}

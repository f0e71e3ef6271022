package lifecycle_test

import (
	"context"
	"errors"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/staunchmq/staunch/internal/lifecycle"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errDisk = errors.New("disk is full")

// untilStopped is a part that does nothing but obey.
func untilStopped(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestWaitWithoutGoroutines(t *testing.T) {
	if err := lifecycle.New(t.Context()).Wait(); err != nil {
		t.Errorf("Wait() = %v", err)
	}
}

func TestNilErrorEndsOneGoroutineAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := lifecycle.New(t.Context())
		g.Go("short", func(context.Context) error { return nil })
		g.Go("long", untilStopped)
		synctest.Wait()
		if got := g.Running(); !slices.Equal(got, []string{"long"}) {
			t.Errorf("Running() = %q", got)
		}
		g.Stop()
		if err := g.Wait(); err != nil {
			t.Errorf("Wait() after Stop = %v", err)
		}
	})
}

func TestFirstErrorStopsTheOthersAndCarriesTheName(t *testing.T) {
	g := lifecycle.New(t.Context())
	g.Go("gateway", untilStopped)
	g.Go("shard 3", func(context.Context) error { return errDisk })
	err := g.Wait()
	if !errors.Is(err, errDisk) {
		t.Fatalf("Wait() = %v, want it to wrap %v", err, errDisk)
	}
	if got, want := err.Error(), "shard 3: disk is full"; got != want {
		t.Errorf("Wait() = %q, want %q", got, want)
	}
	if cause := context.Cause(g.Context()); !errors.Is(cause, errDisk) {
		t.Errorf("context.Cause = %v", cause)
	}
}

func TestErrorsDuringTheStopAreKept(t *testing.T) {
	g := lifecycle.New(t.Context())
	g.Go("first", func(context.Context) error { return errDisk })
	g.Go("second", func(ctx context.Context) error {
		<-ctx.Done()
		return io.ErrUnexpectedEOF
	})
	err := g.Wait()
	if got, want := err.Error(), "first: disk is full\nsecond: unexpected EOF"; got != want {
		t.Errorf("Wait() = %q, want %q", got, want)
	}
}

func TestEndOfTheParentIsNoFailure(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	g := lifecycle.New(ctx)
	g.Go("part", untilStopped)
	cancel()
	if err := g.Wait(); err != nil {
		t.Errorf("Wait() = %v", err)
	}
}

func TestCanceledWithoutAStopIsAFailure(t *testing.T) {
	g := lifecycle.New(t.Context())
	g.Go("part", func(context.Context) error { return context.Canceled })
	if err := g.Wait(); !errors.Is(err, context.Canceled) {
		t.Errorf("Wait() = %v, want the error of a part that gave up on its own", err)
	}
}

func TestPanicBecomesAnErrorWithItsStack(t *testing.T) {
	g := lifecycle.New(t.Context())
	g.Go("other", untilStopped)
	g.Go("loop", func(context.Context) error { panic(errDisk) })
	err := g.Wait()
	var p *lifecycle.PanicError
	if !errors.As(err, &p) || !errors.Is(err, errDisk) {
		t.Fatalf("Wait() = %v, want a PanicError that wraps %v", err, errDisk)
	}
	for _, want := range []string{"loop: panic: disk is full", "group_test.go"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %q:\n%v", want, err)
		}
	}
}

func TestGoexitIsAFailure(t *testing.T) {
	g := lifecycle.New(t.Context())
	g.Go("part", func(context.Context) error { runtime.Goexit(); return nil })
	if err := g.Wait(); err == nil || !strings.Contains(err.Error(), "part: ") {
		t.Errorf("Wait() = %v", err)
	}
}

func TestWaitContextNamesWhatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		g := lifecycle.New(t.Context())
		g.Go("quick", untilStopped)
		g.Go("stubborn", func(context.Context) error { <-release; return nil })
		g.Stop()
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		err := g.WaitContext(ctx)
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "still running: stubborn:") {
			t.Errorf("WaitContext() = %v", err)
		}
		close(release)
		if err := g.Wait(); err != nil {
			t.Errorf("Wait() = %v", err)
		}
	})
}

func TestGoroutinesMayStartMore(t *testing.T) {
	g := lifecycle.New(t.Context())
	done := make(chan struct{})
	g.Go("parent", func(context.Context) error {
		g.Go("child", func(context.Context) error { close(done); return nil })
		return nil
	})
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-done:
	default:
		t.Error("Wait returned before a goroutine that was started by another had ended")
	}
}

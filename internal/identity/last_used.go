package identity

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/staunchmq/staunch/internal/catalog"
	"github.com/staunchmq/staunch/internal/shard"
)

const (
	// useInterval is how exact the last use of a key is, and how often uses are written.
	useInterval = 15 * time.Minute

	// usesMax is how many uses one change holds: about 40 KiB.
	usesMax = 1000
)

// Used notes that a request was signed with a key, and well. It is cheap enough for every request; Run writes it later. Of a key that is
// not in the catalog nothing is noted.
func (d *Directory) Used(id string) {
	at := d.clock.Now().UnixMilli()
	if used, ok := d.used.Load(id); ok {
		used := used.(*atomic.Int64)
		if at-used.Load() >= useInterval.Milliseconds() {
			used.Store(at)
		}
		return
	}
	if d.now().of.Key(id) != nil {
		used := new(atomic.Int64)
		used.Store(at)
		d.used.LoadOrStore(id, used)
	}
}

// LastUsed returns when a request was last signed with a key since the start, to a quarter of an hour, in Unix ms; 0 for never.
func (d *Directory) LastUsed(id string) int64 {
	if used, ok := d.used.Load(id); ok {
		return used.(*atomic.Int64).Load()
	}
	return 0
}

// Run writes when keys were used, now and then and at its end, until ctx ends. It returns nil. What it has not written is lost with the
// process: at most a quarter of an hour.
func (d *Directory) Run(ctx context.Context) error {
	for {
		timer := d.clock.NewTimer(useInterval)
		select {
		case <-timer.C():
			d.flush(ctx)
		case <-ctx.Done():
			timer.Stop()
			d.flush(context.WithoutCancel(ctx))
			return nil
		}
	}
}

// flush writes the uses that the catalog does not have.
func (d *Directory) flush(ctx context.Context) {
	for more := true; more; {
		uses := make(map[string]int64)
		v := d.catalog.View()
		more = false
		d.used.Range(func(id, used any) bool {
			at := used.(*atomic.Int64).Load()
			switch {
			case v.Identities().Key(id.(string)) == nil:
				d.used.Delete(id)
			case at-v.KeyUsed(id.(string)) < useInterval.Milliseconds():
			default:
				uses[id.(string)] = at
			}
			more = len(uses) == usesMax
			return !more
		})
		if len(uses) == 0 {
			return
		}
		err := d.catalog.Update(ctx, func(*catalog.View) (catalog.Change, error) { return catalog.SetKeyUses{Uses: uses}, nil })
		switch {
		case errors.Is(err, shard.ErrDiskFull):
			return // until there is room
		case err != nil:
			d.log.Warn("the last uses of access keys were not written", "error", err)
			return
		}
	}
}

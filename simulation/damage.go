package simulation

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/staunchmq/staunch/internal/journal"
)

// tryDamage looks what a start would make of the disks if they were damaged, and sometimes leaves a damaged checkpoint for the start
// to deal with. What is tried is tried on copies.
func (w *world) tryDamage() {
	if !w.settings.damage {
		return
	}
	for _, d := range w.disks {
		switch w.rng.IntN(4) {
		case 0:
			w.damageRecord(d)
		case 1:
			w.damageCheckpoint(d)
		case 2:
			w.compareStates(d)
		}
	}
}

// flip returns b with one bit that is not what it was.
func (w *world) flip(b []byte) []byte {
	i := w.rng.IntN(len(b) * 8)
	b[i/8] ^= 1 << (i % 8)
	return b
}

// damageRecord damages a record that the start has to read: it must be named, and nothing be served.
func (w *world) damageRecord(d *disk) {
	ctx := context.Background()
	c := d.afterCrash()
	first, last, err := c.Tail(ctx)
	if err != nil {
		w.violate("damage", "tail of shard %d: %v", d.shard, err)
		return
	}
	if list, err := c.Checkpoints().List(ctx); err == nil && len(list) > 0 {
		first = max(first, list[0]+1)
	}
	if first > last {
		return
	}
	seq := first + journal.Seq(w.rng.IntN(int(last-first+1)))
	how := pick(w.rng, "bit", "bit", "gap", "torn")
	w.events["damaged record"]++
	w.tracef("damage: record %d of shard %d: %s", seq, d.shard, how)
	alter := map[string]func([]byte) []byte{
		"bit":  w.flip,
		"gap":  func([]byte) []byte { return nil },
		"torn": func(b []byte) []byte { return b[:w.rng.IntN(len(b))] },
	}
	if err := c.Alter(seq, alter[how]); err != nil {
		w.violate("damage", "alter record %d of shard %d: %v", seq, d.shard, err)
		return
	}
	_, err = w.stateOf(d.shard, c)
	var damaged *journal.DamagedError
	if !errors.As(err, &damaged) || damaged.Shard != uint32(d.shard) || damaged.Seq != seq {
		w.violate("damage", "record %d of shard %d is damaged (%s), and the start says: %v", seq, d.shard, how, err)
	}
}

// damageCheckpoint damages the newest checkpoint for good: the start must come to the same state without it.
func (w *world) damageCheckpoint(d *disk) {
	ctx := context.Background()
	list, err := d.Checkpoints().List(ctx)
	if err != nil || len(list) == 0 || d.damaged {
		return // with no checkpoint left, a journal that was trimmed cannot be read
	}
	d.damaged = true
	want, err := w.stateOf(d.shard, d.afterCrash())
	if err != nil {
		w.violate("start", "shard %d: %v", d.shard, err)
		return
	}
	w.events["damaged checkpoint"]++
	w.tracef("damage: checkpoint %d of shard %d", list[0], d.shard)
	if err := d.AlterCheckpoint(list[0], w.flip); err != nil {
		w.violate("damage", "alter checkpoint %d of shard %d: %v", list[0], d.shard, err)
		return
	}
	got, err := w.stateOf(d.shard, d.afterCrash())
	if err != nil {
		w.violate("damage", "checkpoint %d of shard %d is damaged, and the start fails: %v", list[0], d.shard, err)
		return
	}
	if !bytes.Equal(got, want) {
		w.violate("state", "without its checkpoint %d, shard %d comes to another state: %s", list[0], d.shard, difference(got, want))
	}
}

// compareStates compares what a start comes to with what all records come to that ever were.
func (w *world) compareStates(d *disk) {
	w.events["full replay"]++
	got, err := w.stateOf(d.shard, d.afterCrash())
	if err != nil {
		w.violate("start", "shard %d: %v", d.shard, err)
		return
	}
	whole, err := d.whole(context.Background())
	if err != nil {
		w.violate("state", "shard %d: put together all records: %v", d.shard, err)
		return
	}
	want, err := w.stateOf(d.shard, whole)
	if err != nil {
		w.violate("state", "shard %d: replay all records: %v", d.shard, err)
		return
	}
	if !bytes.Equal(got, want) {
		w.violate("state", "shard %d: checkpoint and tail come to another state than all records: %s", d.shard, difference(got, want))
	}
}

// difference says where two states are different.
func difference(got, want []byte) string {
	at := 0
	for at < min(len(got), len(want)) && got[at] == want[at] {
		at++
	}
	around := func(b []byte) []byte { return b[min(at, len(b)):min(at+16, len(b))] }
	return fmt.Sprintf("%d bytes instead of %d; at byte %d there is %x instead of %x", len(got), len(want), at, around(got), around(want))
}

package shard

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/staunchmq/staunch/internal/journal"
	"github.com/staunchmq/staunch/internal/journal/memjournal"
	"github.com/staunchmq/staunch/internal/queue"
)

// viewed is a journal in memory as a view. Nothing may be appended meanwhile.
type viewed struct {
	journal.Journal
	base        journal.Chain
	last        journal.Seq
	checkpoints []journal.Seq
	alter       func(seq journal.Seq, state []byte) []byte
}

func view(t testing.TB, j journal.Journal) *viewed {
	t.Helper()
	ctx := context.Background()
	first, last, err := j.Tail(ctx)
	if err != nil {
		t.Fatal(err)
	}
	v := &viewed{Journal: j, base: journal.ChainFrom(0, first), last: last}
	if v.checkpoints, err = j.Checkpoints().List(ctx); err != nil {
		t.Fatal(err)
	}
	return v
}

func (v *viewed) Base() journal.Chain { return v.base }

func (v *viewed) Last() journal.Seq { return v.last }

func (v *viewed) Checkpoints() []journal.Seq { return v.checkpoints }

func (v *viewed) Load(ctx context.Context, seq journal.Seq) (io.ReadCloser, error) {
	r, err := v.Journal.Checkpoints().Load(ctx, seq)
	if err != nil || v.alter == nil {
		return r, err
	}
	state, err := io.ReadAll(r)
	return io.NopCloser(bytes.NewReader(v.alter(seq, state))), err
}

func check(t testing.TB, v journal.ShardView) *Report {
	t.Helper()
	records := 0
	r, err := Check(context.Background(), 0, v, CheckOptions{
		Definitions: func() Definitions { return &definitionList{} },
		Content: func(content []byte) (string, error) {
			if string(content) == "unreadable" {
				return "", errors.New("it cannot be read")
			}
			return fmt.Sprintf("%d bytes", len(content)), nil
		},
		Progress: func(n int) { records += n },
	})
	if err != nil {
		t.Fatal(err)
	}
	if int64(records) != r.Records {
		t.Errorf("progress says %d records, the report %d", records, r.Records)
	}
	kinds := int64(0)
	for _, n := range r.Kinds {
		kinds += n
	}
	if r.Sound() && kinds != r.Messages {
		t.Errorf("%d messages, of kinds %v", r.Messages, r.Kinds)
	}
	return r
}

// written returns a journal that a shard has written, with checkpoints and trimmed records.
func written(t *testing.T, checkpointBytes int64, contents ...string) *memjournal.Journal {
	var j *memjournal.Journal
	synctest.Test(t, func(t *testing.T) {
		r := run(t, func(o *Options) { o.CheckpointBytes, o.Definitions = checkpointBytes, &definitionList{} })
		j = r.journal
		if err := r.AppendDefinition(r.ctx, []byte("one"), true); err != nil {
			t.Fatal(err)
		}
		for i := range 40 {
			r.send(standard, "a", fmt.Sprint("b", i))
			r.send(fifo, fmt.Sprint("c", i))
			time.Sleep(time.Second)
			for _, h := range handles(r.receive(standard, 2))[:1] {
				if _, err := r.Delete(r.ctx, standard, []queue.Handle{h}); err != nil {
					t.Fatal(err)
				}
			}
			r.receive(fifo, 1)
		}
		for _, c := range contents {
			r.send(other, c)
		}
		if _, err := r.BeginMove(r.ctx, standard, 2, other); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if err := r.stop(); err != nil {
			t.Fatal(err)
		}
	})
	return j.Open()
}

func TestCheckFindsASoundJournalSound(t *testing.T) {
	for _, bytes := range []int64{1 << 30, 2000, 300} {
		j := written(t, bytes, "plain")
		r := check(t, view(t, j))
		if !r.Sound() {
			t.Errorf("a checkpoint each %d bytes: %v %v", bytes, r.Damaged, r.BadCheckpoints)
		}
		if r.Partitions != 3 || r.Messages != 2*40-40+40+1 || r.Records == 0 || r.State == (journal.Sum{}) {
			t.Errorf("report %+v", r)
		}
		if (r.Checkpoints > 0) != (bytes < 1<<30) {
			t.Errorf("a checkpoint each %d bytes: %d checkpoints", bytes, r.Checkpoints)
		}
	}
}

func TestCheckFindsDamagedRecords(t *testing.T) {
	j := written(t, 1<<30)
	v := view(t, j)
	seq := v.last / 2
	if err := j.Alter(seq, func(rec []byte) []byte { rec[len(rec)-1] ^= 1; return rec }); err != nil {
		t.Fatal(err)
	}
	r := check(t, v)
	var d *journal.DamagedError
	if len(r.Damaged) != 1 || !errors.As(r.Damaged[0], &d) || d.Seq != seq || r.Sound() {
		t.Errorf("damaged: %v", r.Damaged)
	}
	if err := j.Alter(seq, func([]byte) []byte { return nil }); err != nil {
		t.Fatal(err)
	}
	if r = check(t, v); len(r.Damaged) != 1 || !errors.As(r.Damaged[0], &d) || d.Seq != seq {
		t.Errorf("missing: %v", r.Damaged)
	}
}

func TestCheckFindsContentThatCannotBeRead(t *testing.T) {
	r := check(t, view(t, written(t, 1<<30, "unreadable")))
	if len(r.Damaged) != 1 || !strings.Contains(r.Damaged[0].Error(), "it cannot be read") {
		t.Errorf("damaged: %v", r.Damaged)
	}
}

// TestCheckFindsWrongCheckpoints alters checkpoints whose hash is right.
func TestCheckFindsWrongCheckpoints(t *testing.T) {
	j := written(t, 2000)
	tests := []struct {
		name  string
		alter func(state []byte) []byte
		want  string
	}{
		{"hash of the record", func(b []byte) []byte { b[1] ^= 1; return b }, "it follows a record with hash"},
		{"cut off", func(b []byte) []byte { return b[:len(b)-1] }, "EOF"},
		{"one message less", func(b []byte) []byte {
			// A partition with its state from nothing: the last one, other, gets that of an empty one.
			return replacePartition(b, other, queue.New(other).AppendCheckpoint(nil))
		}, "another state of partition 3"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v := view(t, j)
			newest := v.checkpoints[0]
			v.alter = func(seq journal.Seq, state []byte) []byte {
				if seq == newest {
					return tt.alter(state)
				}
				return state
			}
			r := check(t, v)
			if len(r.BadCheckpoints) != 1 || !strings.Contains(r.BadCheckpoints[0].Error(), tt.want) {
				t.Errorf("bad checkpoints: %v", r.BadCheckpoints)
			}
			if len(r.Damaged) > 0 {
				t.Errorf("the older checkpoint and the records are sound: %v", r.Damaged)
			}
			if r.State != check(t, view(t, j)).State {
				t.Error("another state than with a sound checkpoint")
			}
		})
	}
}

// replacePartition returns a shard's checkpoint with another state of a partition, the last one.
func replacePartition(b []byte, id queue.ID, state []byte) []byte {
	d := bytes.NewReader(b)
	i := bytes.LastIndex(b, []byte{byte(id), 0, 0, 0, 0, 0, 0, 0}[:1])
	for ; i > 0; i-- {
		if b[i] == byte(id) && i+9 <= len(b) && binary.LittleEndian.Uint64(b[i+1:]) == uint64(d.Len()-i-9) {
			break
		}
	}
	b = binary.LittleEndian.AppendUint64(slices.Clone(b[:i+1]), uint64(len(state)))
	return append(b, state...)
}

func TestCheckNeedsAStateToBeginWith(t *testing.T) {
	v := view(t, written(t, 2000))
	if v.base.Seq() == 0 {
		t.Fatal("nothing was trimmed: the test shows nothing")
	}
	v.checkpoints = nil
	r := check(t, v)
	if len(r.Damaged) != 1 || !strings.Contains(r.Damaged[0].Error(), "no sound checkpoint") {
		t.Errorf("damaged: %v", r.Damaged)
	}
}

// TestCheckFindsMissingMessages lets a checkpoint name a message that no record has.
func TestCheckFindsMissingMessages(t *testing.T) {
	v := view(t, written(t, 2000))
	c := &checker{view: v, report: &Report{First: 5, Last: 9}, sent: map[journal.Seq][]sentRun{
		6: {{index: 2, count: 3, partition: 1}, {index: 7, count: 1, partition: 2}},
		8: {{index: 0, count: 3, partition: 1}, {index: 3, count: 2, partition: 1, kind: 1}, {index: 6, count: 1, partition: 1}},
	}, kinds: []string{"x", "y"}}
	c.report.Kinds = make(map[string]int64)
	tests := []struct {
		ref   queue.Ref
		count uint32
		want  string // "" if it is there
	}{
		{queue.Ref{Record: 6, Index: 2}, 3, ""},
		{queue.Ref{Record: 6, Index: 4}, 1, ""},
		{queue.Ref{Record: 6, Index: 1}, 1, "no message there"},
		{queue.Ref{Record: 6, Index: 4}, 2, "no message there"},
		{queue.Ref{Record: 6, Index: 9}, 1, "no message there"},
		{queue.Ref{Record: 7, Index: 0}, 1, "no message there"},
		{queue.Ref{Record: 6, Index: 7}, 1, "it is one of partition 2"},
		{queue.Ref{Record: 4, Index: 0}, 1, "its record is not there"},
		{queue.Ref{Record: 10, Index: 0}, 1, "its record is not there"},
		{queue.Ref{Record: 8, Index: 1}, 4, ""},
		{queue.Ref{Record: 8, Index: 1}, 5, "no message there"},
	}
	for _, tt := range tests {
		err := c.lookUp(1, tt.ref, tt.count)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%d messages from %v: %v, want %q", tt.count, tt.ref, err, tt.want)
		}
	}
	if c.report.Kinds["y"] != 4 {
		t.Errorf("kinds %v", c.report.Kinds)
	}
}

func TestCheckEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Check(ctx, 0, view(t, written(t, 1<<30)), CheckOptions{Definitions: func() Definitions { return &definitionList{} }})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Check: %v", err)
	}
}

package shard

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/staunchmq/staunch/internal/journal"
	"github.com/staunchmq/staunch/internal/queue"
)

// CheckOptions say how to check a shard.
type CheckOptions struct {
	// Definitions returns an empty state of the kind that the shard's journal carries; nil for a shard that carries none.
	Definitions func() Definitions
	// Secrets, if not nil, counts the secrets in the definitions by what they are encrypted with.
	Secrets func(Definitions) (map[string]int64, error)
	// Content, if not nil, is asked whether the content of a message can be read, and of which kind it is.
	Content func(content []byte) (kind string, err error)
	// Progress, if not nil, is called with 1 for each record that was read.
	Progress func(records int)
}

// Report is what a check of a shard found.
type Report struct {
	Shard       uint32      `json:"shard"`
	First       journal.Seq `json:"first"` // the oldest record; Last+1 if there is none
	Last        journal.Seq `json:"last"`
	Records     int64       `json:"records"` // that were read and are sound
	Bytes       int64       `json:"bytes"`   // of these
	Checkpoints int         `json:"checkpoints"`
	Partitions  int         `json:"partitions"`
	Messages    int64       `json:"messages"`
	// Kinds counts the messages by the kind of their content.
	Kinds map[string]int64 `json:"kinds,omitempty"`
	// Secrets counts the secrets in the definitions by what they are encrypted with.
	Secrets map[string]int64 `json:"secrets,omitempty"`
	// State is the hash of the state after Last, with all its partitions advanced to the log time; zero where there is none.
	State journal.Sum `json:"-"`

	// Damaged is what is wrong with the journal, and BadCheckpoints what is wrong with checkpoints; without the first, the second does
	// no harm yet: an older checkpoint or the whole journal replaces them.
	Damaged        []error `json:"-"`
	BadCheckpoints []error `json:"-"`
}

// Sound reports whether nothing is wrong.
func (r *Report) Sound() bool { return len(r.Damaged) == 0 && len(r.BadCheckpoints) == 0 }

// Check reads everything that v has and verifies it:
//
//   - each record by itself (CRC, number, shard) and that it follows the one before (hash, epoch, log time);
//   - that each change decodes and fits the state that it changes;
//   - each checkpoint: its hash, that it decodes, and that it is, byte for byte, the state that comes of the records up to it, as far
//     back as there are records or an older checkpoint;
//   - that each message of the state is in a record that is there, in a change that decodes and belongs to its partition.
//
// Together these say that what a server would start from, by any of its ways, is one and the same state. What is wrong is in the
// Report. The error says why the check itself could not go on: ctx ended, the disk failed, or a format is newer than this
// program.
func Check(ctx context.Context, shard uint32, v journal.ShardView, o CheckOptions) (*Report, error) {
	base := v.Base()
	c := &checker{view: v, options: o, sent: make(map[journal.Seq][]sentRun), saved: make(map[journal.Seq][]byte),
		report: &Report{Shard: shard, First: base.Seq() + 1, Last: v.Last(), Kinds: make(map[string]int64)}}
	if err := c.run(ctx); err != nil {
		return nil, fmt.Errorf("check shard %d: %w", shard, err)
	}
	return c.report, nil
}

type checker struct {
	view    journal.ShardView
	options CheckOptions
	report  *Report

	saved map[journal.Seq][]byte // the states of the checkpoints that are whole
	// state is what the records so far have led to. It is nil while nothing is known of what was before them.
	state *Shard
	sent  map[journal.Seq][]sentRun // by record
	// kinds are the kinds of contents that there are: few, and many runs have the same.
	kinds []string
}

// sentRun is a run of changes of one record that hold messages of one partition, with contents of one kind: the first message is ref, the
// others have the indexes after it.
type sentRun struct {
	index, count uint32
	partition    queue.ID
	ref          queue.Ref
	kind         int // in kinds
}

func (c *checker) run(ctx context.Context) error {
	if err := c.loadCheckpoints(ctx); err != nil {
		return err
	}
	base := c.view.Base()
	if base.Seq() == 0 {
		s, err := c.newState()
		if err != nil {
			return err
		}
		c.state = s
	}
	if err := c.reach(base.Seq()); err != nil {
		return err
	}
	err := c.view.Read(ctx, base.Seq()+1, c.record)
	if errors.Is(err, journal.ErrDamaged) {
		c.damaged(err)
		return nil // what comes behind it has no state to be judged by
	}
	if err != nil {
		return err
	}
	if c.state == nil {
		c.damaged(&journal.DamagedError{Shard: c.report.Shard, Seq: c.report.First, Reason: fmt.Sprintf(
			"the records before it were trimmed, and there is no sound checkpoint from record %d on", base.Seq())})
		return nil
	}
	return c.summarize(ctx)
}

func (c *checker) damaged(err error) { c.report.Damaged = append(c.report.Damaged, err) }

func (c *checker) badCheckpoint(err error) {
	c.report.BadCheckpoints = append(c.report.BadCheckpoints, err)
}

// newState returns the state before the first record.
func (c *checker) newState() (*Shard, error) {
	s := &Shard{options: Options{ID: c.report.Shard}}
	s.clear()
	if c.options.Definitions == nil {
		return s, nil
	}
	s.options.Definitions = c.options.Definitions()
	return s, s.options.Definitions.Restore(nil)
}

// loadCheckpoints reads all of them; the order is that of a View.
func (c *checker) loadCheckpoints(ctx context.Context) error {
	for _, seq := range c.view.Checkpoints() {
		c.report.Checkpoints++
		state, err := c.loadCheckpoint(ctx, seq)
		switch {
		case errors.Is(err, journal.ErrDamaged):
			c.badCheckpoint(err)
		case err != nil:
			return err
		default:
			c.saved[seq] = state
		}
	}
	return nil
}

func (c *checker) loadCheckpoint(ctx context.Context, seq journal.Seq) ([]byte, error) {
	r, err := c.view.Load(ctx, seq)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	state, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("read checkpoint %d: %w", seq, err)
	}
	return state, nil
}

// record takes in the next record.
func (c *checker) record(seq journal.Seq, rec []byte) error {
	c.report.Records++
	c.report.Bytes += int64(len(rec))
	if c.options.Progress != nil {
		c.options.Progress(1)
	}
	if err := c.decode(seq, rec); err != nil {
		return err
	}
	if c.state != nil {
		if err := c.state.replayRecord(rec); err != nil {
			return c.locate(seq, err)
		}
	}
	return c.reach(seq)
}

// locate makes what replaying a record returns a *journal.DamagedError, unless the record's format is newer.
func (c *checker) locate(seq journal.Seq, err error) error {
	var d *journal.DamagedError
	if errors.As(err, &d) || errors.Is(err, journal.ErrNewerFormat) {
		return err
	}
	return &journal.DamagedError{Shard: c.report.Shard, Seq: seq, Reason: err.Error()}
}

// decode decodes every change of a record and remembers where messages are.
func (c *checker) decode(seq journal.Seq, rec []byte) error {
	_, changes, err := journal.VerifyOne(c.report.Shard, seq, rec)
	if err != nil {
		return err
	}
	var runs []sentRun
	for i, data := range changes.All() {
		id, change, err := splitChange(data)
		if err != nil {
			return c.locate(seq, fmt.Errorf("change %d: %w", i, err))
		}
		if id == shardItself {
			continue // replaying decodes it
		}
		decoded, err := queue.DecodeChange(change)
		if err != nil {
			return c.locate(seq, fmt.Errorf("change %d: %w", i, err))
		}
		ref := queue.Ref{Record: uint64(seq), Index: uint32(i)}
		var content []byte
		switch decoded := decoded.(type) {
		case *queue.Sent:
			content = decoded.Message.Content
		case *queue.Copied:
			ref, content = decoded.Ref, decoded.Message.Content
		default:
			continue
		}
		kind, err := c.kind(content)
		if err != nil {
			return c.locate(seq, fmt.Errorf("change %d: %w", i, err))
		}
		run := sentRun{index: uint32(i), count: 1, partition: id, ref: ref, kind: kind}
		if n := len(runs); n > 0 && runs[n-1].continues(run) {
			runs[n-1].count++
			continue
		}
		runs = append(runs, run)
	}
	if runs != nil {
		c.sent[seq] = slices.Clip(runs)
	}
	return nil
}

// continues tells whether next can be a part of r.
func (r sentRun) continues(next sentRun) bool {
	return r.partition == next.partition && r.kind == next.kind && r.index+r.count == next.index &&
		r.ref.Record == next.ref.Record && r.ref.Index+r.count == next.ref.Index
}

// kind returns the number of a content's kind.
func (c *checker) kind(content []byte) (int, error) {
	if c.options.Content == nil {
		return 0, nil
	}
	kind, err := c.options.Content(content)
	if err != nil {
		return 0, err
	}
	n := slices.Index(c.kinds, kind)
	if n < 0 {
		n = len(c.kinds)
		c.kinds = append(c.kinds, kind)
	}
	return n, nil
}

// reach compares the state with the checkpoint at seq, if there is one, and goes on with the checkpoint's.
func (c *checker) reach(seq journal.Seq) error {
	data, ok := c.saved[seq]
	if !ok {
		return nil
	}
	delete(c.saved, seq)
	saved, err := c.newState()
	if err != nil {
		return err
	}
	if err := saved.restore(seq, data); err != nil {
		if errors.Is(err, journal.ErrNewerFormat) {
			return err
		}
		c.badCheckpoint(c.checkpointError(seq, err.Error()))
		return nil
	}
	if c.state != nil {
		if reason, err := c.state.differs(saved); err != nil {
			return err
		} else if reason != "" {
			c.badCheckpoint(c.checkpointError(seq, reason))
			return nil // the records are the truth
		}
	}
	c.state = saved
	return nil
}

func (c *checker) checkpointError(seq journal.Seq, reason string) error {
	return &journal.DamagedError{Shard: c.report.Shard, Seq: seq, Reason: "checkpoint: " + reason}
}

// settleAt brings the state to the given log time, which is not before its own, so that it has one encoding.
func (s *Shard) settleAt(logTime int64) {
	s.logTime = logTime
	for _, p := range s.partitions {
		p.Advance(logTime / int64(time.Millisecond))
	}
}

// differs says how the state that comes of the records differs from the one of a checkpoint at the same record, "" if it does not.
// Time may have moved on after the record, and a restart may have begun an epoch.
func (s *Shard) differs(saved *Shard) (string, error) {
	logTime := max(s.logTime, saved.logTime)
	s.settleAt(logTime)
	saved.settleAt(logTime)
	if saved.epoch < s.epoch {
		return fmt.Sprintf("it has epoch %d, the record has %d", saved.epoch, s.epoch), nil
	}
	s.epoch = saved.epoch
	replayed, err := s.appendState(nil)
	if err != nil {
		return "", err
	}
	restored, err := saved.appendState(nil)
	if err != nil || bytes.Equal(replayed, restored) {
		return "", err
	}
	reason := "the records before it give another state"
	switch {
	case s.lastHash != saved.lastHash:
		reason = fmt.Sprintf("it follows a record with hash %x, the record has %x", saved.lastHash[:], s.lastHash[:])
	default:
		if id, ok := s.differingPartition(saved); ok {
			reason += fmt.Sprintf(" of partition %d", id)
		}
	}
	return reason, nil
}

func (s *Shard) differingPartition(other *Shard) (queue.ID, bool) {
	ids := slices.Sorted(maps.Keys(s.partitions))
	for id := range other.partitions {
		if s.partitions[id] == nil {
			ids = append(ids, id)
		}
	}
	for _, id := range ids {
		a, b := s.partitions[id], other.partitions[id]
		if a == nil || b == nil || !bytes.Equal(a.AppendCheckpoint(nil), b.AppendCheckpoint(nil)) {
			return id, true
		}
	}
	return 0, false
}

// summarize counts what the state has and looks every message up.
func (c *checker) summarize(ctx context.Context) error {
	s := c.state
	s.settleAt(s.logTime)
	state, err := s.appendState(nil)
	if err != nil {
		return err
	}
	c.report.State = journal.Hash(state)
	if c.options.Secrets != nil && s.options.Definitions != nil {
		if c.report.Secrets, err = c.options.Secrets(s.options.Definitions); err != nil {
			c.damaged(c.locate(c.report.Last, err))
		}
	}
	c.report.Partitions = len(s.partitions)
	for _, id := range slices.Sorted(maps.Keys(s.partitions)) {
		p := s.partitions[id]
		c.report.Messages += p.Stats().MessageCount()
		for run := range p.Live() {
			if err := c.lookUp(id, run); err != nil {
				c.damaged(err)
				break // one for each partition is enough
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// lookUp checks that the records hold the messages of a run, and counts their kinds.
func (c *checker) lookUp(id queue.ID, run queue.Stored) error {
	seq := journal.Seq(run.At.Record)
	missing := func(format string, args ...any) error {
		return &journal.DamagedError{Shard: c.report.Shard, Seq: seq,
			Reason: fmt.Sprintf("message %v of partition %d: ", run.Ref, id) + fmt.Sprintf(format, args...)}
	}
	if seq < c.report.First || seq > c.report.Last {
		return missing("its record is not there")
	}
	runs := c.sent[seq]
	for run.Count > 0 {
		i, found := slices.BinarySearchFunc(runs, run.At.Index, func(r sentRun, index uint32) int { return cmp.Compare(r.index, index) })
		if !found {
			i--
		}
		if i < 0 || run.At.Index-runs[i].index >= runs[i].count {
			return missing("the record has no message there")
		}
		held := runs[i]
		skip := run.At.Index - held.index
		switch ref := (queue.Ref{Record: held.ref.Record, Index: held.ref.Index + skip}); {
		case held.partition != id:
			return missing("it is one of partition %d", held.partition)
		case ref != run.Ref:
			return missing("it is message %v", ref)
		}
		n := min(run.Count, held.count-skip)
		if len(c.kinds) > 0 {
			c.report.Kinds[c.kinds[held.kind]] += int64(n)
		}
		run.Ref.Index += n
		run.At.Index += n
		run.Count -= n
	}
	return nil
}

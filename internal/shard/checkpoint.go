package shard

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"runtime/debug"
	"slices"
	"time"

	"github.com/staunchmq/staunch/internal/journal"
	"github.com/staunchmq/staunch/internal/queue"
)

// Layouts of a shard's checkpoint: the state, and since the second the ledger behind it.
const (
	stateVersion       = 2
	stateVersionNoBook = 1
)

// reclaimEvery is how often a shard looks whether there is space to reclaim, though few records come.
const reclaimEvery = time.Minute

// reclaimShare: space is worth a checkpoint of its own when it is this part of the bytes that lie between two checkpoints.
const reclaimShare = 8

// checkpointDue reports whether enough has come since the last checkpoint, or enough has gone that the space is worth one: after a
// purge, or when a backlog has expired, few records may come for long. Then nothing more is decided until what is on its way
// has landed: the state of that moment is the checkpoint. Without that pause a busy shard would never have one.
func (s *Shard) checkpointDue() bool {
	if s.checkpointing {
		return false
	}
	return s.checkpointEarly || (s.reclaimable || s.rewriteWaits() || s.sinceCheckpoint >= s.options.CheckpointBytes) && !s.checkpointHeld
}

// lookWhatHasGone finds out, now and then, whether there is space to reclaim: most of the messages have gone since the last checkpoint,
// or the newest records are of messages that have gone. A checkpoint lets the records up to the one before it go, so it takes two until all of
// them have; without traffic a record is made for the second.
func (s *Shard) lookWhatHasGone() {
	now := s.options.Clock.Now()
	if !s.mayReclaim() || now.Before(s.reclaimAt) {
		return
	}
	s.reclaimAt = now.Add(reclaimEvery)
	s.reclaimable = s.cleaned || s.messages() < s.messagesKept/2 || s.mostlyGone()
	if s.reclaimable && s.last == s.checkpointSeq && s.building.builder.Changes() == 0 && !s.stuck() {
		s.building.mark()
	}
}

// mayReclaim reports whether it is worth to look what has gone.
func (s *Shard) mayReclaim() bool {
	return s.messagesKept > 0 || s.cleaned || s.notOffered() > s.options.CheckpointBytes/reclaimShare
}

// notOffered returns the bytes of the records that no checkpoint has let go yet.
func (s *Shard) notOffered() int64 { return s.sinceCheckpoint + s.lastInterval }

// mostlyGone reports whether checkpoints would give back enough: much was not offered yet, and most of the journal is not live.
func (s *Shard) mostlyGone() bool {
	worth := s.options.CheckpointBytes / reclaimShare
	return s.notOffered() > worth && s.ledger.bytes > 2*s.liveNow()+worth
}

// liveNow estimates how many bytes the messages have that there are.
func (s *Shard) liveNow() int64 { return int64(float64(s.messages()) * s.ledger.messageMean()) }

// messages returns how many messages there are, in all partitions.
func (s *Shard) messages() (n int64) {
	for _, p := range s.partitions {
		stats := p.Stats()
		n += stats.Visible + stats.InFlight + stats.Delayed
	}
	return n
}

// saved notes what the newest checkpoint holds.
func (s *Shard) saved() {
	s.sinceCheckpoint = 0
	s.messagesKept, s.reclaimable, s.cleaned = s.messages(), false, false
	s.reclaimAt = s.options.Clock.Now().Add(reclaimEvery)
}

// collection is the state as of a record while it is collected, and then while it is encoded and saved. It is collected bit by bit while
// the shard goes on: see queue.Snapshot.
type collection struct {
	seq         journal.Seq
	head        []byte
	definitions func() ([]byte, error) // nil without any
	partitions  []queue.ID             // in order
	snapshots   []*queue.Snapshot      // of the partitions
	collected   int                    // snapshots[:collected] are complete

	ledger ledger      // of the records up to seq
	before journal.Seq // the checkpoint before
	plans  bool        // cleaning may be planned
	scarce bool        // room is: the plan has to free much
	// rewrite is what a plan is to be made for; nil for none.
	rewrite *rewrite

	bytes   int64 // of records since the checkpoint before
	started time.Time
}

// maybeCheckpoint begins a checkpoint that is due when the state is that of the newest record.
func (s *Shard) maybeCheckpoint() {
	if !s.checkpointDue() || s.flights > 0 || s.building.builder.Changes() > 0 {
		return
	}
	c := s.snapshot()
	c.bytes, c.started = s.sinceCheckpoint, s.options.Clock.Now()
	s.collecting, s.checkpointing, s.checkpointEarly = c, true, false
	s.saved()
}

// snapshot begins to collect the state at the newest record. Nothing may be on its way.
func (s *Shard) snapshot() *collection {
	c := &collection{seq: s.last, partitions: slices.Sorted(maps.Keys(s.partitions)), ledger: s.ledger.clone(), before: s.checkpointSeq}
	c.plans, c.scarce = s.options.CleanRate >= 0 && s.cleaning == nil, s.room != journal.RoomForAll
	if s.rewriteWaits() {
		c.rewrite = s.rewriting
	}
	c.head = append(c.head, stateVersion)
	c.head = append(c.head, s.lastHash[:]...)
	c.head = binary.AppendUvarint(c.head, s.lastEpoch)
	c.head = binary.AppendVarint(c.head, s.logTime/int64(time.Millisecond))
	if s.options.Definitions != nil {
		c.definitions = s.options.Definitions.Checkpoint()
	}
	c.snapshots = make([]*queue.Snapshot, len(c.partitions))
	for i, id := range c.partitions {
		c.snapshots[i] = s.partitions[id].Snapshot()
	}
	return c
}

// collect collects more of the checkpoint that is being collected. When that is all, it is saved while the shard goes on.
func (s *Shard) collect() {
	c := s.collecting
	if c == nil || !c.collect(s.options.TurnMessagesMax) {
		return
	}
	s.collecting = nil
	s.saving.Go(func() {
		l := s.save(c)
		l.took = s.options.Clock.Now().Sub(c.started)
		s.tell(l)
	})
}

// collect collects up to so many entries and groups, and reports whether that was all. Each partition counts as one too.
func (c *collection) collect(max int) bool {
	for ; c.collected < len(c.snapshots) && max > 0; c.collected++ {
		left := c.snapshots[c.collected].Collect(max)
		if left == 0 {
			return false
		}
		max = left - 1
	}
	return c.collected == len(c.snapshots)
}

// append encodes what a checkpoint holds, when all is collected.
func (c *collection) append(b []byte) ([]byte, error) {
	b, err := c.appendState(b)
	if err != nil {
		return nil, err
	}
	return c.ledger.append(b), nil
}

// appendState encodes the state, of which all is collected.
func (c *collection) appendState(b []byte) ([]byte, error) {
	b = append(b, c.head...)
	var definitions []byte
	if c.definitions != nil {
		var err error
		if definitions, err = c.definitions(); err != nil {
			return nil, err
		}
	}
	b = binary.AppendUvarint(b, uint64(len(definitions)))
	b = append(b, definitions...)
	b = binary.AppendUvarint(b, uint64(len(c.partitions)))
	for i, id := range c.partitions {
		b = binary.AppendUvarint(b, uint64(id))
		b = binary.LittleEndian.AppendUint64(b, 0) // the length, known afterwards
		start := len(b)
		b = c.snapshots[i].Append(b)
		binary.LittleEndian.PutUint64(b[start-8:], uint64(len(b)-start))
	}
	return b, nil
}

// save encodes and stores a checkpoint, and plans what to clean.
func (s *Shard) save(c *collection) (l landing) {
	l = landing{checkpoint: true, seq: c.seq, bytes: c.bytes}
	defer func() {
		if v := recover(); v != nil {
			l.err = fmt.Errorf("encode a checkpoint: panic: %v\n%s", v, debug.Stack())
		}
	}()
	state, err := c.append(nil)
	if err != nil {
		l.err = fmt.Errorf("encode a checkpoint: %w", err)
		return l
	}
	v := c.survey()
	s.liveBytes.Store(v.bytes)
	switch {
	case c.rewrite != nil:
		l.cleaning = newCleaning(c.messages(), v.needed, c.seq, false)
		l.cleaning.rewrite = c.rewrite
	case c.plans:
		l.cleaning = c.plan(v, s.options.CheckpointBytes)
	}
	l.trimmed, l.err = s.saveCheckpoint(c.seq, v.needed, state)
	return l
}

// saveCheckpoint stores the state and removes the records that neither a message nor the checkpoint before this one needs: if
// this one should turn out to be damaged, that one and the records after it are there. It returns the newest record that was removed.
func (s *Shard) saveCheckpoint(seq, needed journal.Seq, state []byte) (trimmed journal.Seq, err error) {
	ctx := context.Background()
	err = s.options.Journal.Checkpoints().Save(ctx, seq, func(w io.Writer) error {
		_, err := w.Write(state)
		return err
	})
	if err != nil {
		return 0, err
	}
	list, err := s.options.Journal.Checkpoints().List(ctx)
	if err != nil {
		return 0, err
	}
	if len(list) < journal.CheckpointsKept {
		return 0, nil
	}
	upTo := min(needed-1, list[len(list)-1])
	first, _, err := s.options.Journal.Tail(ctx)
	if err != nil || upTo < first {
		return 0, err
	}
	return upTo, s.options.Journal.Trim(ctx, upTo)
}

func (s *Shard) checkpointed(l landing) {
	s.checkpointing = false
	pause := max(checkpointPauseMin, 10*l.took)
	if l.err != nil {
		s.log.Error("checkpoint failed; the journal stays whole", "record", uint64(l.seq), "error", l.err)
		s.sinceCheckpoint += l.bytes
		pause = max(pause, min(checkpointPauseMin<<s.checkpointFailures, checkpointPauseMax))
		s.checkpointFailures = min(s.checkpointFailures+1, 10)
		s.retryAfter = s.options.Clock.Now().Add(pause)
		s.endRewrite(errors.Join(ErrUnavailable, l.err))
	} else {
		s.checkpointFailures = 0
		if l.seq != s.checkpointSeq { // else it takes the place of the newest one
			s.checkpointSeq, s.lastInterval = l.seq, l.bytes
		}
		s.ledger.trim(l.trimmed)
		if c := l.cleaning; c != nil && s.cleaning == nil && (c.rewrite == nil || c.rewrite == s.rewriting) {
			s.cleaning = c
		}
		s.journalBytes.Store(s.ledger.bytes)
	}
	s.earlyAfter = s.options.Clock.Now().Add(pause)
}

// Between two checkpoints while room is scarce is at least the shorter time, and after those that fail, again and again, twice as
// much each time up to the longer.
const (
	checkpointPauseMin = time.Second
	checkpointPauseMax = 30 * time.Second
)

// loadCheckpoint restores the newest checkpoint that is whole. A damaged one is reported, and the one before it used, or else
// the whole journal.
func (s *Shard) loadCheckpoint(ctx context.Context) error {
	checkpoints := s.options.Journal.Checkpoints()
	list, err := checkpoints.List(ctx)
	if err != nil {
		return err
	}
	for i, seq := range list {
		state, err := s.readCheckpoint(ctx, seq)
		if err == nil {
			err = s.restore(seq, state)
		}
		if err == nil {
			s.saved()
			s.checkpointSeq = seq
			if len(s.ledger.blocks) == 0 {
				err = s.countRecords(ctx, seq)
			}
			var before journal.Seq
			if i+1 < len(list) {
				before = list[i+1]
			}
			s.lastInterval = s.ledger.bytesAfter(before)
			return err
		}
		if errors.Is(err, journal.ErrNewerFormat) || ctx.Err() != nil {
			return err
		}
		s.log.Error("a checkpoint is damaged; using an older one, or the whole journal", "checkpoint", uint64(seq), "error", err)
		s.clear()
	}
	if s.options.Definitions != nil {
		return s.options.Definitions.Restore(nil)
	}
	return nil
}

func (s *Shard) readCheckpoint(ctx context.Context, seq journal.Seq) ([]byte, error) {
	r, err := s.options.Journal.Checkpoints().Load(ctx, seq)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// State returns the shard's state as a checkpoint would hold it, brought to the time of the shard's clock. Two shards that have read the
// same records return the same bytes at the same time, whichever checkpoints they started from. It is for tests and for tools that look
// into a journal; it must not be called once Run was.
func (s *Shard) State() ([]byte, error) {
	s.tick()
	for _, p := range s.partitions {
		s.enter(p)
	}
	return s.appendState(nil)
}

// appendCheckpoint encodes what a checkpoint holds at the newest record. Nothing may be on its way, and no checkpoint be collected.
func (s *Shard) appendCheckpoint(b []byte) ([]byte, error) { return s.collectAll().append(b) }

// appendState encodes the shard's state at its newest record. Nothing may be on its way, and no checkpoint be collected.
func (s *Shard) appendState(b []byte) ([]byte, error) {
	return s.collectAll().appendState(b)
}

// collectAll returns the state at the newest record, all of it collected.
func (s *Shard) collectAll() *collection {
	c := s.snapshot()
	for !c.collect(math.MaxInt) {
	}
	return c
}

// restore is the inverse of appendCheckpoint.
func (s *Shard) restore(seq journal.Seq, state []byte) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("checkpoint %d: its state is not one that can be: %v", seq, v)
		}
	}()
	d := &decoder{Reader: bytes.NewReader(state)}
	version := d.byte()
	switch {
	case version > stateVersion:
		return fmt.Errorf("%w: checkpoint %d has version %d, this program knows up to %d", journal.ErrNewerFormat, seq, version, stateVersion)
	case version < stateVersionNoBook:
		return fmt.Errorf("checkpoint %d has the unknown version %d", seq, version)
	}
	s.last = seq
	copy(s.lastHash[:], d.next(uint64(len(s.lastHash))))
	s.lastEpoch = d.uvarint()
	logTime := d.varint()
	definitions := d.next(d.uvarint())
	for n := d.uvarint(); n > 0 && d.err == nil; n-- {
		id := queue.ID(d.uvarint())
		data := d.next(d.uint64())
		if d.err != nil {
			break
		}
		q, err := queue.DecodeCheckpoint(id, data)
		if err != nil {
			return err
		}
		s.newPartition(q)
	}
	if version != stateVersionNoBook {
		s.ledger = d.ledger()
	}
	switch {
	case d.err != nil:
		return fmt.Errorf("checkpoint %d: %w", seq, d.err)
	case d.Len() > 0:
		return fmt.Errorf("checkpoint %d: %d bytes left over", seq, d.Len())
	case s.options.Definitions != nil:
		err = s.options.Definitions.Restore(definitions)
	case len(definitions) > 0:
		err = fmt.Errorf("checkpoint %d: definitions in a shard that carries none", seq)
	}
	if err == nil {
		s.seen(logTime)
	}
	return err
}

// decoder reads a shard's checkpoint; the first error sticks.
type decoder struct {
	*bytes.Reader
	err error
}

func (d *decoder) keep(err error) { d.err = cmp.Or(d.err, err) }

func (d *decoder) byte() byte {
	b, err := d.ReadByte()
	d.keep(err)
	return b
}

func (d *decoder) uvarint() uint64 {
	v, err := binary.ReadUvarint(d)
	d.keep(err)
	return v
}

func (d *decoder) uint64() uint64 {
	if b := d.next(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (d *decoder) varint() int64 {
	v, err := binary.ReadVarint(d)
	d.keep(err)
	return v
}

func (d *decoder) next(n uint64) []byte {
	if n > uint64(d.Len()) {
		d.keep(io.ErrUnexpectedEOF)
		return nil
	}
	b := make([]byte, n)
	_, err := io.ReadFull(d, b)
	d.keep(err)
	return b
}

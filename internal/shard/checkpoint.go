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

// reclaimEvery is how often a shard looks whether most of its messages have gone since the last checkpoint.
const reclaimEvery = time.Minute

// checkpointDue reports whether enough has come since the last checkpoint, or enough has gone that the space is worth one: after a
// purge, or when a backlog has expired, few records may come for long. Then nothing more is decided until what is on its way
// has landed: the state of that moment is the checkpoint. Without that pause a busy shard would never have one.
func (s *Shard) checkpointDue() bool {
	if s.checkpointing {
		return false
	}
	return s.checkpointEarly || (s.reclaimable || s.sinceCheckpoint >= s.options.CheckpointBytes) && !s.checkpointHeld
}

// lookWhatHasGone finds out, now and then, whether there is space to reclaim.
func (s *Shard) lookWhatHasGone() {
	now := s.options.Clock.Now()
	if s.messagesKept == 0 || now.Before(s.reclaimAt) {
		return
	}
	s.reclaimAt = now.Add(reclaimEvery)
	s.reclaimable = s.cleaned || s.messages() < s.messagesKept/2
}

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

// maybeCheckpoint takes a checkpoint that is due when the state is that of the newest record. It is saved while the shard goes on.
func (s *Shard) maybeCheckpoint() error {
	if !s.checkpointDue() || s.flights > 0 || s.building.builder.Changes() > 0 {
		return nil
	}
	state, err := s.appendCheckpoint(make([]byte, 0, s.stateSize+s.stateSize/8))
	if err != nil {
		return fmt.Errorf("shard %d: encode a checkpoint: %w", s.options.ID, err)
	}
	s.stateSize = len(state)
	seq, live := s.last, s.survey()
	s.planCleaning(live)
	bytes, started := s.sinceCheckpoint, s.options.Clock.Now()
	s.checkpointing, s.checkpointEarly = true, false
	s.saved()
	s.saving.Go(func() {
		trimmed, err := s.saveCheckpoint(seq, live.needed, state)
		s.tell(landing{checkpoint: true, seq: seq, bytes: bytes, trimmed: trimmed, took: s.options.Clock.Now().Sub(started), err: err})
	})
	return nil
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
	} else {
		s.checkpointFailures = 0
		s.checkpointSeq = l.seq
		s.ledger.trim(l.trimmed)
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
	for _, seq := range list {
		state, err := s.readCheckpoint(ctx, seq)
		if err == nil {
			err = s.restore(seq, state)
		}
		if err == nil {
			s.saved()
			s.checkpointSeq = seq
			if len(s.ledger.blocks) == 0 {
				return s.countRecords(ctx, seq)
			}
			return nil
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

// appendCheckpoint encodes what a checkpoint holds.
func (s *Shard) appendCheckpoint(b []byte) ([]byte, error) {
	b, err := s.appendState(b)
	if err != nil {
		return nil, err
	}
	return s.ledger.append(b), nil
}

// appendState encodes the shard's state at its newest record. Nothing may be on its way.
func (s *Shard) appendState(b []byte) ([]byte, error) {
	b = append(b, stateVersion)
	b = append(b, s.lastHash[:]...)
	b = binary.AppendUvarint(b, s.lastEpoch)
	b = binary.AppendVarint(b, s.logTime/int64(time.Millisecond))
	var definitions []byte
	if s.options.Definitions != nil {
		var err error
		if definitions, err = s.options.Definitions.Checkpoint(); err != nil {
			return nil, err
		}
	}
	b = binary.AppendUvarint(b, uint64(len(definitions)))
	b = append(b, definitions...)
	b = binary.AppendUvarint(b, uint64(len(s.partitions)))
	for _, id := range slices.Sorted(maps.Keys(s.partitions)) {
		b = binary.AppendUvarint(b, uint64(id))
		b = binary.LittleEndian.AppendUint64(b, 0) // the length, known afterwards
		start := len(b)
		b = s.partitions[id].AppendCheckpoint(b)
		binary.LittleEndian.PutUint64(b[start-8:], uint64(len(b)-start))
	}
	return b, nil
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

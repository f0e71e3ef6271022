package queue

import (
	"bytes"
	"encoding/binary"
	"runtime"
	"testing"
)

// changes returns one change of each kind, with something in every field.
func changes() []Change {
	taken := []Taken{{Ref: Ref{Record: 7, Index: 3}, Group: "a", Receives: 2}, {Ref: Ref{Record: 1 << 40, Index: 1 << 31}, Receives: 1}}
	message := Message{
		ID: messageID("0123456789abcdef"), Group: "g", DeduplicationID: "d", Sent: 1_700_000_000_000, VisibleAt: 1_700_000_005_000,
		Receives: 3, FirstReceived: 1_700_000_001_000, Source: "arn:aws:sqs:eu-west-1:000000000000:q", Content: []byte("content"),
	}
	origin := Origin{Partition: 9, Ref: Ref{Record: 300, Index: 2}}
	return []Change{
		&Configured{Settings{FIFO: true, VisibilityTimeout: 30_000, Delay: 1, Retention: 2, DeduplicateByGroup: true, MaxReceives: 5, DeadLetter: 8}},
		&Sent{Message: message},
		&Sent{Message: message, Origin: &origin},
		&Received{Attempt: "try", Until: 1_700_000_030_000, Taken: taken},
		&ReceiveRepeated{Attempt: "try", Until: 1_700_000_030_000},
		&Deleted{Ref: Ref{Record: 300, Index: 2}},
		&VisibilityChanged{Ref: Ref{Record: 300, Index: 2}, Until: -1},
		&Purged{},
		&MoveBegun{Target: 4, Taken: taken},
		&MoveEnded{Moved: true, Refs: []Ref{{Record: 1}, {Record: 2, Index: 1}}},
		&Settled{Origins: []Origin{origin, {Partition: 1}}},
		&Copied{Ref: Ref{Record: 300, Index: 2}, Message: message},
	}
}

func TestChangesDecodeToWhatWasEncoded(t *testing.T) {
	for _, c := range changes() {
		data := c.Append(nil)
		decoded, err := DecodeChange(data)
		if err != nil {
			t.Fatalf("%T: %v", c, err)
		}
		if again := decoded.Append(nil); !bytes.Equal(again, data) {
			t.Errorf("%T: %x, was %x", c, again, data)
		}
		for n := range data {
			if _, err := DecodeChange(data[:n]); err == nil {
				t.Errorf("%T: %d of %d bytes were enough", c, n, len(data))
			}
		}
		if _, err := DecodeChange(append(data, 0)); err == nil {
			t.Errorf("%T: one byte too many went unnoticed", c)
		}
	}
}

// allocationMax bounds what decoding a change may allocate: a few times the data, whatever lengths they pretend.
func allocationMax(data []byte) uint64 { return 1<<16 + 16*uint64(len(data)) }

func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func FuzzDecodeChange(f *testing.F) {
	for _, c := range changes() {
		f.Add(c.Append(nil))
	}
	f.Add([]byte{kindReceived, 0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f})
	for _, list := range [][]byte{{kindReceived, 0, 0}, {kindMoveBegun, 0}, {kindMoveEnded, 0}, {kindSettled}} {
		f.Add(append(binary.AppendUvarint(list, 100_000), make([]byte, 100_000)...)) // a list of more elements than there is room for
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var c Change
		var err error
		if n := allocated(func() { c, err = DecodeChange(data) }); n > allocationMax(data) {
			t.Fatalf("%d bytes allocated for %d", n, len(data))
		}
		if err != nil {
			return
		}
		// Numbers can be written longer than need be, so it is the second encoding that must be the same.
		first := c.Append(nil)
		again, err := DecodeChange(first)
		if err != nil {
			t.Fatal(err)
		}
		if second := again.Append(nil); !bytes.Equal(first, second) || len(first) > len(data) {
			t.Fatalf("%x, encoded again %x", first, second)
		}
	})
}

func FuzzDecodeMessage(f *testing.F) {
	for _, c := range changes() {
		f.Add(c.Append(nil))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		at := Ref{Record: 1 << 40, Index: 7}
		ref, m, err := DecodeMessage(data, at)
		c, changeErr := DecodeChange(data)
		var again Change
		switch c := c.(type) {
		case *Sent:
			again = &Sent{Message: m, Origin: c.Origin}
			if ref != at {
				t.Fatalf("message %v at %v", ref, at)
			}
		case *Copied:
			again = &Copied{Ref: ref, Message: m}
		}
		if (err == nil) != (changeErr == nil && again != nil) || again != nil && !HoldsMessage(data) {
			t.Fatalf("message: %v; change: %v, %T", err, changeErr, c)
		}
		if err == nil && !bytes.Equal(again.Append(nil), c.Append(nil)) {
			t.Fatalf("message %+v, change %+v", m, c)
		}
	})
}

// savedPartitions returns checkpoints that have something in every part.
func savedPartitions(t testing.TB) (saved [][]byte) {
	t.Helper()
	for _, fifo := range []bool{false, true} {
		log := new(journal)
		log.at(1000)
		p := New(1)
		p.Advance(1000)
		p.Configure(1000, log, Settings{FIFO: fifo, VisibilityTimeout: 30_000, Retention: 60_000, MaxReceives: 3, DeadLetter: 2})
		saved = append(saved, p.AppendCheckpoint(nil))
		for i := range 12 {
			m := NewMessage{Message: Message{ID: MessageID{byte(i)}, Group: string(rune('a' + i%3)), DeduplicationID: string(rune('0' + i))}}
			if delay := int64(500); !fifo && i == 11 {
				m.Delay = &delay
			}
			p.Send(1000, log, m)
		}
		p.Arrive(1000, log, Origin{Partition: 3, Ref: Ref{Record: 1}}, Message{Group: "b", Sent: 990, Receives: 2, FirstReceived: 980})
		var none int64
		for _, o := range []ReceiveOptions{{Max: 2, Attempt: "try"}, {Max: 1, Visibility: &none}, {Max: 2}} {
			if _, err := p.Receive(1000, log, o); err != nil {
				t.Fatal(err)
			}
		}
		p.BeginMove(1000, log, 1, 2)
		saved = append(saved, p.AppendCheckpoint(nil))
		log.at(1001)
		for m := range p.Live() {
			for i := range m.Count {
				at := Ref{Record: m.At.Record, Index: m.At.Index + i}
				if at.Index%5 < 3 {
					p.Copy(1001, log, at, at, log.message(t, at))
				}
			}
		}
		saved = append(saved, p.AppendCheckpoint(nil))
	}
	return saved
}

func FuzzDecodeCheckpoint(f *testing.F) {
	for _, data := range savedPartitions(f) {
		f.Add(data)
		f.Add(data[:len(data)/2])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := DecodeCheckpoint(1, data)
		if err != nil {
			return
		}
		first := p.AppendCheckpoint(nil)
		again, err := DecodeCheckpoint(1, first)
		if err != nil {
			t.Fatal(err)
		}
		if second := again.AppendCheckpoint(nil); !bytes.Equal(first, second) || len(first) > len(data) {
			t.Fatalf("%x, encoded again %x", first, second)
		}
		p.Stats()
		p.Advance(p.now)
		allMoving(p)
	})
}

// TestDamagedCheckpointsAreRefused changes every byte of a checkpoint. Not every change can be noticed, but none may do harm.
func TestDamagedCheckpointsAreRefused(t *testing.T) {
	for _, data := range savedPartitions(t) {
		if n := allocated(func() { _, _ = DecodeCheckpoint(1, data) }); n > 1<<16+64*uint64(len(data)) {
			t.Errorf("%d bytes allocated for %d", n, len(data))
		}
		for i := range data {
			for _, b := range []byte{0, 1, 0x7f, 0x80, 0xff} {
				damaged := bytes.Clone(data)
				damaged[i] = b
				p, err := DecodeCheckpoint(1, damaged)
				if err != nil {
					continue
				}
				if again, err := DecodeCheckpoint(1, p.AppendCheckpoint(nil)); err != nil {
					t.Errorf("byte %d = %#x: %v", i, b, err)
				} else if diff := compare(p, again); diff != "" {
					t.Errorf("byte %d = %#x: %s", i, b, diff)
				}
			}
			if _, err := DecodeCheckpoint(1, data[:i]); err == nil {
				t.Errorf("%d of %d bytes were enough", i, len(data))
			}
		}
	}
}

package pebblejournal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/staunchmq/staunch/internal/clock"
	"github.com/staunchmq/staunch/internal/journal"
	"github.com/staunchmq/staunch/internal/journal/journaltest"
)

// stored is what could be read of shard 0.
type stored struct {
	records, checkpoints map[journal.Seq]string
	failures             []error // of what could not be
}

func (s stored) same(as stored) bool {
	return maps.Equal(s.records, as.records) && maps.Equal(s.checkpoints, as.checkpoints) && len(s.failures) == 0
}

// first and last are the numbers of the oldest and the newest record.
func (s stored) first() journal.Seq { return slices.Min(slices.Collect(maps.Keys(s.records))) }
func (s stored) last() journal.Seq  { return slices.Max(slices.Collect(maps.Keys(s.records))) }

func (s stored) String() string {
	return fmt.Sprintf("%d records, checkpoints %v, failures %v", len(s.records), slices.Sorted(maps.Keys(s.checkpoints)), s.failures)
}

// lookInto opens a store and all its journals, as a server does, and reads everything of shard 0. The error says why it cannot be opened.
func lookInto(o Options) (found stored, err error) {
	s, err := Open("data", o)
	if err != nil {
		return stored{}, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	for shard := range uint32(s.Shards()) {
		j, err := s.Journal(shard)
		if err != nil {
			return stored{}, err
		}
		if shard == 0 {
			found = readStored(j)
		}
	}
	return found, nil
}

// count is the number of records, and all that is wrong with them.
func count(found stored, err error) (int, error) {
	return len(found.records), errors.Join(err, errors.Join(found.failures...))
}

// readStored reads each record by itself, all of them in order, and the checkpoints.
func readStored(j journal.Journal) stored {
	ctx := context.Background()
	found := stored{records: map[journal.Seq]string{}, checkpoints: map[journal.Seq]string{}}
	fail := func(err error) { found.failures = append(found.failures, err) }
	first, last, err := j.Tail(ctx)
	if err != nil {
		fail(err)
	}
	for seq := first; seq <= last; seq++ {
		rec, err := j.Get(ctx, seq)
		if err != nil {
			fail(err)
			continue
		}
		found.records[seq] = string(rec)
	}
	err = j.Read(ctx, first, func(seq journal.Seq, rec []byte) error {
		if found.records[seq] != string(rec) {
			return fmt.Errorf("Get(%d) and Read differ", seq)
		}
		return nil
	})
	if err != nil {
		fail(err)
	}
	list, err := j.Checkpoints().List(ctx)
	if err != nil {
		fail(err)
	}
	for _, seq := range list {
		r, err := j.Checkpoints().Load(ctx, seq)
		if err != nil {
			fail(err)
			continue
		}
		text, err := io.ReadAll(r)
		if err = errors.Join(err, r.Close()); err != nil {
			fail(err)
		}
		found.checkpoints[seq] = string(text)
	}
	return found
}

// filesOf lists all files below dir.
func filesOf(t *testing.T, fs vfs.FS, dir string) (paths []string) {
	t.Helper()
	names, err := fs.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(names)
	for _, name := range names {
		p := fs.PathJoin(dir, name)
		info, err := fs.Stat(p)
		if err != nil {
			t.Fatal(err)
		}
		if info.IsDir() {
			paths = append(paths, filesOf(t, fs, p)...)
		} else {
			paths = append(paths, p)
		}
	}
	return paths
}

// copyOf returns a copy of a disk, all of it synced.
func copyOf(disk vfs.FS) *vfs.MemFS {
	return disk.(*vfs.MemFS).CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: 100, RNG: rand.New(rand.NewPCG(0, 0))})
}

// writerAfter writes the records behind rec, which has the number seq.
func writerAfter(shard uint32, seq journal.Seq, rec []byte) journaltest.Writer {
	w := journaltest.NewWriter(shard)
	w.Header.Seq, w.Header.Prev = seq, journal.Hash(rec)
	w.Header.LogTimeMS += int64(seq)
	return w
}

// agedDisk is a disk with a data directory.
type agedDisk struct {
	vfs.FS
	name string
	want stored // what is in it
}

// agedDisks are the directories of aged, and one that a crash left when the log had a record, a trim, and another record.
func agedDisks(t *testing.T) (o Options, disks []agedDisk) {
	t.Helper()
	o = small(t, nil)
	o.Shards, o.Logger = 2, slog.New(slog.DiscardHandler)
	closed, crashed, records := aged(t, o)
	const trim = 3
	trimmed := copyOf(crashed)
	o.FS = trimmed
	s := mustOpen(t, "data", o)
	j := mustJournal(t, s, 0)
	mustJournal(t, s, 1) // as a server does
	last := journal.Seq(records)
	rec, err := j.Get(t.Context(), last)
	if err != nil {
		t.Fatal(err)
	}
	w := writerAfter(0, last, rec)
	for range 2 {
		if err := j.Append(w.Next(t, "a record")).Wait(); err != nil {
			t.Fatal(err)
		}
		if err := j.Trim(t.Context(), trim); err != nil { // the second time there is nothing to do
			t.Fatal(err)
		}
	}
	disks = []agedDisk{{FS: closed, name: "closed"}, {FS: crashed, name: "crashed"}, {FS: trimmed.CrashClone(vfs.CrashCloneCfg{}), name: "trimmed"}}
	mustClose(t, s)
	for i, want := range []int{records, records, records + 2 - trim} {
		disk := &disks[i]
		o.FS = copyOf(disk.FS)
		found, err := lookInto(o)
		if err != nil || len(found.records) != want || len(found.checkpoints) < 2 || len(found.failures) > 0 {
			t.Fatalf("%s, without any damage: %v, %v", disk.name, found, err)
		}
		disk.want = found
	}
	return o, disks
}

// judge says what came of a damaged file: "right", "refused", or "told" when what cannot be read says so. Anything else fails the test.
// After a refusal with the file as it was, everything must be there: nothing was changed.
func judge(t *testing.T, o Options, disk *vfs.MemFS, file, what string, want stored, mend func()) string {
	t.Helper()
	o.FS = disk
	found, err := lookInto(o)
	located := func(err error) bool {
		return errors.Is(err, journal.ErrDamaged) && strings.Contains(err.Error(), "data/")
	}
	switch {
	case err != nil && located(err):
		mend()
		if found, err := lookInto(o); err != nil || !found.same(want) {
			t.Errorf("%s: %s: it was refused, and when it was mended there was %v, %v", file, what, found, err)
		}
		return "refused"
	case err != nil:
		t.Errorf("%s: %s: %v", file, what, err)
	case found.same(want):
		return "right"
	case len(found.failures) > 0:
		for _, err := range found.failures {
			if !located(err) {
				t.Errorf("%s: %s: %v", file, what, err)
			}
		}
		for seq, text := range found.records {
			if want.records[seq] != text {
				t.Errorf("%s: %s: record %d is another", file, what, seq)
			}
		}
		for seq, text := range found.checkpoints {
			if want.checkpoints[seq] != text {
				t.Errorf("%s: %s: checkpoint %d is another", file, what, seq)
			}
		}
		return "told"
	default:
		torn := maps.Clone(want.records)
		delete(torn, want.last())
		if isLog(file) && maps.Equal(found.records, torn) && maps.Equal(found.checkpoints, want.checkpoints) {
			return "torn" // see logcheck.go
		}
		t.Errorf("%s: %s: without a word there is %v", file, what, found)
	}
	return "WRONG"
}

// TestOneFlippedBitInEachFile flips bits all over every file of a data directory.
func TestOneFlippedBitInEachFile(t *testing.T) {
	o, disks := agedDisks(t)
	for _, disk := range disks {
		t.Run(disk.name, func(t *testing.T) {
			t.Parallel()
			for _, file := range filesOf(t, disk, "data") {
				const places = 16
				size := len(readFile(t, disk, file))
				outcomes := map[string]int{}
				for at := 0; at < size; at += 1 + size/places {
					damaged := copyOf(disk.FS)
					flip := func() {
						alterFile(t, damaged, file, func(b []byte) []byte { b[at] ^= 1 << (at % 8); return b })
					}
					flip()
					outcomes[judge(t, o, damaged, file, fmt.Sprintf("bit %d of byte %d", at%8, at), disk.want, flip)]++
				}
				t.Logf("%s, %d bytes: %v", file, size, outcomes)
			}
		})
	}
}

// TestMissingFile takes each file of a data directory away, but for the log in use: only TAILS knows of that, up to a moment before.
func TestMissingFile(t *testing.T) {
	o, disks := agedDisks(t)
	for _, disk := range disks {
		t.Run(disk.name, func(t *testing.T) {
			t.Parallel()
			inUse := newest(t, disk, isLog)
			for _, file := range filesOf(t, disk, "data") {
				if file == inUse || path.Base(file) == lockFile || path.Base(file) == formatFile || strings.HasSuffix(file, checkpointSuffix) {
					continue // the lock has nothing to say; without FORMAT it is another directory; a checkpoint need not be there
				}
				damaged := copyOf(disk.FS)
				before := readFile(t, damaged, file)
				if err := damaged.Remove(file); err != nil {
					t.Fatal(err)
				}
				mend := func() {
					err := writeFile(damaged, file, func(w io.Writer) error { _, err := w.Write(before); return err })
					if err != nil {
						t.Fatal(err)
					}
				}
				outcome := judge(t, o, damaged, file, "missing", disk.want, mend)
				if t.Logf("without %s: %s", file, outcome); outcome == "told" {
					t.Errorf("without %s it opens", file)
				}
			}
		})
	}
}

// hasty is a clock whose timers do not last.
type hasty struct{ clock.Clock }

func (h hasty) NewTimer(d time.Duration) clock.Timer {
	return h.Clock.NewTimer(min(d, time.Millisecond))
}

// aLife is what a store goes through in TestEachOperationFails, as far as it comes: it is opened and read; a record is appended, a
// checkpoint saved, the records up to upTo trimmed; it is closed. It returns what was acknowledged of that.
func aLife(o Options, rec []byte, upTo journal.Seq, want stored) (acked stored, trimmed journal.Seq, err error) {
	acked = stored{records: map[journal.Seq]string{}, checkpoints: map[journal.Seq]string{}}
	s, err := Open("data", o)
	if err != nil {
		return acked, 0, err
	}
	defer func() { _ = s.Close() }() // what it could not do is in the log
	var journals []journal.Journal
	for shard := range uint32(s.Shards()) {
		j, err := s.Journal(shard)
		if err != nil {
			return acked, 0, err
		}
		journals = append(journals, j)
	}
	j := journals[0]
	if found := readStored(j); len(found.failures) > 0 {
		err = errors.Join(found.failures...)
	} else if !found.same(want) {
		err = fmt.Errorf("%w: %v", errWrong, found)
	}
	last := want.last()
	if failed := j.Append(last, rec).Wait(); failed != nil {
		return acked, 0, errors.Join(err, failed)
	}
	acked.records[last+1] = string(rec)
	failed := j.Checkpoints().Save(context.Background(), last+1, func(w io.Writer) error { _, err := io.WriteString(w, "new"); return err })
	if failed == nil {
		acked.checkpoints[last+1] = "new"
	}
	if failed := j.Trim(context.Background(), upTo); failed != nil {
		return acked, 0, errors.Join(err, failed)
	}
	return acked, upTo, errors.Join(err, failed)
}

var errWrong = errors.New("without a word there is something else")

// TestEachOperationFails fails the operations on the disk one after the other, from the opening of a store to its closing: what is
// read is right or an error; what was acknowledged is there after a power failure, and all that was there before; and nobody is told
// that the data is damaged.
func TestEachOperationFails(t *testing.T) {
	o, disks := agedDisks(t)
	o.Clock = hasty{clock.System()}
	for _, disk := range disks {
		for _, fault := range []fault{
			{errorfs.OpIsRead, syscall.EIO, true},
			{errorfs.OpIsRead, syscall.EIO, false},
			{errorfs.OpIsWrite, syscall.EIO, true},
			{errorfs.OpIsWrite, syscall.EIO, false},
			{errorfs.OpIsWrite, syscall.ENOSPC, true},
		} {
			if disk.name == "closed" && !fault.once {
				continue // less happens there
			}
			t.Run(fmt.Sprintf("%s/kind=%d/%v/once=%v", disk.name, fault.kind, fault.err, fault.once), func(t *testing.T) {
				t.Parallel()
				eachOperation(t, o, disk, fault)
			})
		}
	}
}

// fault is how operations fail.
type fault struct {
	kind errorfs.OpReadWrite
	err  error
	once bool // only one of them does, not all from that one on
}

func eachOperation(t *testing.T, o Options, disk agedDisk, fault fault) {
	last := disk.want.last()
	w := writerAfter(0, last, []byte(disk.want.records[last]))
	_, rec := w.Next(t, "the next one")
	upTo := disk.want.first() + 1
	step := int32(1)
	if !fault.once {
		step = 3 // most operations are one of several of their kind
	}
	whole, told := 0, 0
	for n := int32(1); ; n += step {
		live := copyOf(disk.FS)
		fs, inject := faulty(live)
		var ops atomic.Int32
		var hit atomic.Pointer[errorfs.Op]
		inject.set(func(op errorfs.Op) error {
			if op.Kind.ReadOrWrite() != fault.kind || op.Kind == errorfs.OpGetDiskUsage || op.Kind == errorfs.OpLock {
				return nil
			}
			if i := ops.Add(1); i < n || i > n && fault.once {
				return nil
			}
			hit.CompareAndSwap(nil, &op)
			return fault.err
		})
		o.FS = fs
		acked, trimmed, err := aLife(o, rec, upTo, disk.want)
		inject.clear()
		if hit.Load() == nil {
			t.Logf("the last operation was before number %d: %d had no consequence, %d were told", n, whole, told)
			if whole == 0 || told == 0 {
				t.Error("the test has shown nothing")
			}
			return
		}
		what := fmt.Sprintf("operation %d, %v", n, *hit.Load())
		switch {
		case err == nil:
			whole++
		case errors.Is(err, fault.err) && !errors.Is(err, journal.ErrDamaged) && !errors.Is(err, errWrong):
			told++
		default:
			t.Errorf("%s: %v", what, err)
		}
		o.FS = live.CrashClone(vfs.CrashCloneCfg{})
		found, err := lookInto(o)
		if err != nil || len(found.failures) > 0 {
			t.Errorf("%s: after that: %v, %v", what, found, err)
			continue
		}
		for seq := disk.want.first(); seq <= last+1; seq++ {
			text, ok := found.records[seq]
			switch {
			case seq <= last && text == disk.want.records[seq], seq == last+1 && text == string(rec):
			case !ok && seq <= upTo: // it was asked to be trimmed
			case !ok && seq == last+1 && acked.records[seq] == "":
			default:
				t.Errorf("%s: after that record %d is %q", what, seq, text)
			}
		}
		if found.records[trimmed] != "" {
			t.Errorf("%s: record %d was trimmed, and is there", what, trimmed)
		}
		for seq, text := range acked.checkpoints {
			if found.checkpoints[seq] != text {
				t.Errorf("%s: checkpoint %d was saved, and there is %v", what, seq, found)
			}
		}
		if len(found.checkpoints) < journal.CheckpointsKept {
			t.Errorf("%s: after that there is %v", what, found)
		}
	}
}

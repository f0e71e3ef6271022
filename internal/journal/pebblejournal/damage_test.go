package pebblejournal

import (
	"errors"
	"fmt"
	iofs "io/fs"
	"log/slog"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/staunchmq/staunch/internal/clock"
	"github.com/staunchmq/staunch/internal/journal"
	"github.com/staunchmq/staunch/internal/journal/journaltest"
)

// aged returns a directory whose store has been opened and closed a few times, with records in table files and no log, and one as a
// crash after that left it, with records in the log too. Each has the given number of records in shard 0.
func aged(t *testing.T, o Options) (closed, crashed vfs.FS, records int) {
	t.Helper()
	disk := vfs.NewCrashableMem()
	o.FS = disk
	w := journaltest.NewWriter(0)
	const rounds, each = 3, 5
	for round := range rounds {
		s := mustOpen(t, "data", o)
		for shard := range uint32(s.Shards()) { // as a server does
			if j := mustJournal(t, s, shard); shard == 0 {
				for range each {
					if err := j.Append(w.Next(t, "a record")).Wait(); err != nil {
						t.Fatal(err)
					}
				}
				save(t, j, journal.Seq(each*(round+1)))
			}
		}
		if round == rounds-1 {
			crashed = disk.CrashClone(vfs.CrashCloneCfg{})
		}
		mustClose(t, s)
	}
	return disk, crashed, rounds * each
}

// viewAll reads shard 0 with a view, as those do who check or copy a directory that no server uses. It returns the number of records.
func viewAll(t *testing.T, o Options) (n int, err error) {
	t.Helper()
	v, err := OpenView("data", o)
	if err != nil {
		return 0, err
	}
	defer mustClose(t, v)
	s, err := v.Shard(t.Context(), 0)
	if err != nil {
		return 0, err
	}
	err = s.Read(t.Context(), 1, func(journal.Seq, []byte) error { n++; return nil })
	return n, err
}

// busy returns what a crash left of a store in which shard 0 has been idle since its records were put into a table file and their log
// was used again. No edit of the manifest has come after the one that has that table file.
func busy(t *testing.T, o Options) (crashed vfs.FS, records int) {
	t.Helper()
	disk := vfs.NewCrashableMem()
	fs, inject := faulty(disk)
	var mu sync.Mutex
	reused := false
	inject.set(func(op errorfs.Op) error {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case op.Kind == errorfs.OpReuseForWrite:
			reused = true
		case reused && crashed == nil && op.Kind == errorfs.OpCreate && strings.HasSuffix(op.Path, tableSuffix):
			crashed = disk.CrashClone(vfs.CrashCloneCfg{})
		}
		return nil
	})
	o.FS = fs
	s := mustOpen(t, "data", o)
	defer mustClose(t, s)
	idle, other := mustJournal(t, s, 0), mustJournal(t, s, 1)
	w := journaltest.NewWriter(0)
	for records = range 5 {
		if err := idle.Append(w.Next(t, "a record")).Wait(); err != nil {
			t.Fatal(err)
		}
	}
	w = journaltest.NewWriter(1)
	for range 1000 {
		if err := other.Append(w.Next(t, string(noise(10_000)))).Wait(); err != nil {
			t.Fatal(err)
		}
		mu.Lock()
		done := crashed != nil
		mu.Unlock()
		if done {
			return crashed, records + 1
		}
	}
	t.Fatal("no log was used again")
	return nil, 0
}

// TestDamagedManifest flips a bit of each byte of the manifest, and cuts it off at each: the records are all there, or the store says what is
// wrong and where.
func TestDamagedManifest(t *testing.T) {
	o := small(t, nil)
	o.Shards, o.Logger = 1, slog.New(slog.DiscardHandler)
	closed, crashed, records := aged(t, o)
	o.Shards = 2
	used, usedRecords := busy(t, o)
	for name, disk := range map[string]vfs.FS{"closed": closed, "crashed": crashed, "log used again": used} {
		t.Run(name, func(t *testing.T) {
			o, records, step := o, records, 1
			if o.Shards = 1; disk == used {
				o.Shards, records, step = 2, usedRecords, 5 // it is large, and a chunk is longer than that
			}
			manifest := newest(t, disk, func(name string) bool { return strings.HasPrefix(name, manifestPrefix) })
			size := len(readFile(t, disk, manifest))
			counts := map[string]int{}
			for at := 0; at < size; at += step {
				for what, damage := range map[string]func([]byte) []byte{
					"flipped": func(b []byte) []byte { b[at] ^= 0x10; return b },
					"cut off": func(b []byte) []byte { return b[:at] },
				} {
					fs := copyOf(disk)
					alterFile(t, fs, manifest, damage)
					o.FS = fs
					switch n, err := count(lookInto(o)); {
					case err == nil && n == records:
						counts[what+": right"]++
					case errors.Is(err, journal.ErrDamaged) && strings.Contains(err.Error(), "data/journal"):
						counts[what+": refused"]++
						if what != "flipped" {
							break
						}
						alterFile(t, fs, manifest, damage)
						if n, err := count(lookInto(o)); err != nil || n != records {
							t.Errorf("%s at byte %d of %d: it was refused, and when it was mended there were %d records of %d, %v", what, at, size, n, records, err)
						}
					default:
						t.Errorf("%s at byte %d of %d: %d records of %d, %v", what, at, size, n, records, err)
					}
					fs = copyOf(disk)
					alterFile(t, fs, manifest, damage)
					o.FS = fs
					if n, err := viewAll(t, o); (err != nil || n != records) && !errors.Is(err, journal.ErrDamaged) {
						t.Errorf("%s at byte %d of %d: a view has %d records of %d, %v", what, at, size, n, records, err)
					}
				}
			}
			t.Logf("%d bytes of %s: %v", size, path.Base(manifest), counts)
			if counts["flipped: refused"] == 0 {
				t.Error("the test has shown nothing")
			}
		})
	}
}

// newest returns the path of the file of its kind in data/journal that comes last.
func newest(t *testing.T, fs vfs.FS, kind func(name string) bool) (found string) {
	t.Helper()
	for _, name := range listed(t, fs, "data/journal") {
		if kind(name) {
			found = fs.PathJoin("data/journal", name)
		}
	}
	return found
}

// TAILS guards, and is not in the way: with damage in it, or without it, everything opens, and it is there again. A view tells of the damage.
func TestDamagedTailsAreMadeAgain(t *testing.T) {
	o := small(t, nil)
	o.Shards, o.Logger = 1, slog.New(slog.DiscardHandler)
	closed, _, records := aged(t, o)
	whole := string(readFile(t, closed, "data/"+tailsFile))
	if tails, err := parseTails("", whole, 1); err != nil || tails[0] != journal.Seq(records) {
		t.Fatalf("%q: %v, %v", whole, tails, err)
	}
	for at := range len(whole) + 1 {
		fs := copyOf(closed)
		if at == len(whole) {
			if err := fs.Remove("data/" + tailsFile); err != nil {
				t.Fatal(err)
			}
		} else {
			alterFile(t, fs, "data/"+tailsFile, func(b []byte) []byte { b[at] ^= 1; return b })
		}
		o.FS = fs
		v, err := OpenView("data", o)
		if err != nil {
			t.Fatalf("byte %d: %v", at, err)
		}
		damaged := v.DamagedFiles(t.Context())
		if is := len(damaged) == 1 && strings.HasPrefix(damaged[0].Error(), "data/TAILS is damaged: "); is == (at == len(whole)) {
			t.Fatalf("byte %d: damaged: %v", at, damaged)
		}
		mustClose(t, v)
		if n, err := count(lookInto(o)); err != nil || n != records {
			t.Fatalf("byte %d: %d records, %v", at, n, err)
		}
		if got := string(readFile(t, fs, "data/"+tailsFile)); got != whole {
			t.Fatalf("byte %d: it says %q then", at, got)
		}
	}
}

// TestTailsOfAllShardsAreNoted: as soon as all journals are open, and also of those that are not when the store is closed.
func TestTailsOfAllShardsAreNoted(t *testing.T) {
	disk := vfs.NewCrashableMem()
	o := small(t, disk)
	o.Shards = 2
	s := mustOpen(t, "data", o)
	writers := []journaltest.Writer{journaltest.NewWriter(0), journaltest.NewWriter(1)}
	for shard := range uint32(2) {
		fill(t, mustJournal(t, s, shard), &writers[shard], 3)
	}
	crashed := copyOf(disk)
	mustClose(t, s)
	o.FS = crashed
	wantTails := func(want ...journal.Seq) {
		t.Helper()
		if got := string(readFile(t, crashed, "data/"+tailsFile)); got != encodeTails(want) {
			t.Errorf("TAILS says %q, want %v", got, want)
		}
	}
	s = mustOpen(t, "data", o)
	mustJournal(t, s, 0)
	mustJournal(t, s, 1)
	wantTails(3, 3)
	mustClose(t, s)
	s = mustOpen(t, "data", o)
	fill(t, mustJournal(t, s, 0), &writers[0], 1)
	mustClose(t, s)
	wantTails(4, 3)
}

func TestJournalThatHasBecomeShorterIsRefused(t *testing.T) {
	o := small(t, vfs.NewMem())
	o.Shards = 1
	s := mustOpen(t, "data", o)
	w := journaltest.NewWriter(0)
	if err := mustJournal(t, s, 0).Append(w.Next(t, "a")).Wait(); err != nil {
		t.Fatal(err)
	}
	mustClose(t, s)
	alterFile(t, o.FS, "data/"+tailsFile, func([]byte) []byte { return []byte(encodeTails([]journal.Seq{3})) })
	_, err := count(lookInto(o))
	var damaged *journal.DamagedError
	if !errors.As(err, &damaged) || damaged.Seq != 2 || !strings.Contains(err.Error(), "to 3 were stored") {
		t.Errorf("Open: %v", err)
	}
}

// TestReadErrorsAreToldAndPass: a disk that cannot read for a while costs the reads of that time, and nothing else. Pebble itself
// reads nothing meanwhile: a read that meets another of the same file shares its error, even when the disk is well again by then.
func TestReadErrorsAreToldAndPass(t *testing.T) {
	fs, inject := faulty(vfs.NewMem())
	o := small(t, fs)
	o.CacheBytes, o.MemTableBytes = 1, 4<<20 // one flush, one table: nothing to compact
	s := mustOpen(t, "data", o)
	w := journaltest.NewWriter(0)
	j := mustJournal(t, s, 0)
	const records = 50
	for range records {
		if err := j.Append(w.Next(t, string(noise(20_000)))).Wait(); err != nil {
			t.Fatal(err)
		}
	}
	mustClose(t, s)
	s = mustOpen(t, "data", o)
	defer mustClose(t, s)
	j = mustJournal(t, s, 0)
	for !s.db.Metrics().Table.InitialStatsCollectionComplete { // it looks into every table after it was opened
		runtime.Gosched()
	}
	eio := errors.New("input/output error")
	inject.set(func(op errorfs.Op) error {
		if strings.HasSuffix(op.Path, tableSuffix) && op.Kind.ReadOrWrite() == errorfs.OpIsRead {
			return eio
		}
		return nil
	})
	failures := 0
	for seq := journal.Seq(1); seq <= records; seq++ {
		rec, err := j.Get(t.Context(), seq)
		switch {
		case err == nil: // it was in memory
			if _, _, err := journal.VerifyOne(0, seq, rec); err != nil {
				t.Error(err)
			}
		case errors.Is(err, eio) && strings.Contains(err.Error(), fmt.Sprintf("record %d of shard 0 in data", seq)):
			failures++
		default:
			t.Errorf("Get(%d): %v", seq, err)
		}
	}
	if failures == 0 {
		t.Error("the test has shown nothing")
	}
	if err := j.Read(t.Context(), 1, func(journal.Seq, []byte) error { return nil }); !errors.Is(err, eio) {
		t.Errorf("Read: %v", err)
	}
	if err := j.Append(w.Next(t, "goes on")).Wait(); err != nil {
		t.Error(err)
	}
	inject.clear()
	if err := j.Read(t.Context(), 1, func(journal.Seq, []byte) error { return nil }); err != nil {
		t.Errorf("Read when the disk is well again: %v", err)
	}
	if s.Err() != nil {
		t.Errorf("the store failed: %v", s.Err())
	}
}

// TestDamagedRecordIsNotReadAgainAtOnce: Pebble takes seconds for a damaged block, and receives ask again and again.
func TestDamagedRecordIsNotReadAgainAtOnce(t *testing.T) {
	o := small(t, nil)
	var lines syncBuffer
	o.Shards, o.Logger = 1, slog.New(slog.NewTextHandler(&lines, nil))
	closed, _, _ := aged(t, o)
	now := clock.NewManual(time.Unix(1_700_000_000, 0))
	fs, inject := faulty(copyOf(closed))
	o.FS, o.Clock = fs, now
	tables := slices.DeleteFunc(filesOf(t, closed, "data/journal"), func(file string) bool { return !strings.HasSuffix(file, tableSuffix) })
	alterFile(t, fs, tables[0], func(b []byte) []byte { b[20] ^= 1; return b })
	s := mustOpen(t, "data", o)
	defer mustClose(t, s)
	j := mustJournal(t, s, 0)
	for !s.db.Metrics().Table.InitialStatsCollectionComplete {
		runtime.Gosched()
	}
	reads := 0
	inject.set(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpFileReadAt {
			reads++
		}
		return nil
	})
	get := func() string {
		t.Helper()
		_, err := j.Get(t.Context(), 1)
		var damaged *journal.DamagedError
		if !errors.As(err, &damaged) || damaged.Seq != 1 {
			t.Fatalf("Get: %v", err)
		}
		return err.Error()
	}
	first := get()
	once := reads
	for range 10 {
		if again := get(); again != first {
			t.Errorf("%s, and then %s", first, again)
		}
	}
	if once == 0 || reads != once {
		t.Errorf("%d reads of tables for the first time, %d for all", once, reads)
	}
	if _, err := j.Get(t.Context(), 2); err == nil || reads == once { // in the same block
		t.Errorf("Get(2): %v", err)
	}
	wantLines := func(want int) {
		t.Helper()
		if n := strings.Count(lines.String(), "journal file is damaged"); n != want {
			t.Errorf("%d times the log says that a file is damaged, want %d:\n%s", n, want, lines.String())
		}
	}
	wantLines(1)
	now.Advance(recentAge)
	once = reads
	if get(); reads == once {
		t.Error("it is never read again")
	}
	wantLines(2)
	for seq := range journal.Seq(3 * recentMax) {
		j.(*Journal).damaged.add(seq, journal.ErrDamaged)
	}
	if n := len(j.(*Journal).damaged.entries); n > recentMax {
		t.Errorf("%d records are remembered", n)
	}
}

// TestTablesWithoutStatisticsAreReadSeldom lets the tables be unreadable of which Pebble wants to know more: it tries them again and again,
// but only as often as the clock is turned. What is new is written meanwhile.
func TestTablesWithoutStatisticsAreReadSeldom(t *testing.T) {
	fs, inject := faulty(vfs.NewMem())
	o := small(t, fs)
	o.Shards, o.MemTableBytes = 2, 4<<20 // one flush, one table: nothing to compact
	s := mustOpen(t, "data", o)
	const records = 5
	w := journaltest.NewWriter(0)
	fill(t, mustJournal(t, s, 0), &w, records)
	mustClose(t, s)
	var lines syncBuffer
	manual := clock.NewManual(time.Unix(1_700_000_000, 0))
	o.Clock, o.Logger = manual, slog.New(slog.NewTextHandler(&lines, nil))
	var opened atomic.Int32
	inject.set(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpOpen && strings.HasSuffix(op.Path, tableSuffix) {
			opened.Add(1)
			return syscall.EIO
		}
		return nil
	})
	s = mustOpen(t, "data", o)
	const rounds = 61 // a little more than recentAge
	for round := range int32(rounds) {
		due, ok := manual.Next()
		for ; !ok && opened.Load() < 2*rounds; due, ok = manual.Next() {
			runtime.Gosched()
		}
		if n := opened.Load(); n != round+1 {
			t.Fatalf("tables were opened %d times after %d pauses", n, round)
		}
		manual.Set(due)
	}
	if passed := manual.Now().Sub(time.Unix(1_700_000_000, 0)); passed != rounds*pauseMax {
		t.Errorf("the pauses are %v together", passed)
	}
	w = journaltest.NewWriter(1)
	fill(t, mustJournal(t, s, 1), &w, 1)
	mustClose(t, s)
	for _, line := range []string{"cannot write", "without a flush"} {
		if strings.Contains(lines.String(), line) {
			t.Errorf("the log says %q:\n%s", line, lines.String())
		}
	}
	if n := strings.Count(lines.String(), "cannot read the statistics"); n != 2 {
		t.Errorf("the log says %d times that the tables cannot be read:\n%s", n, lines.String())
	}
	inject.clear()
	if n, err := count(lookInto(o)); n != records || err != nil {
		t.Errorf("after that: %d records, %v", n, err)
	}
}

// TestStatisticsAreReadSeldomToTheEnd: Close waits for those who still read the store, which may be a backup of hours.
func TestStatisticsAreReadSeldomToTheEnd(t *testing.T) {
	fs, inject := faulty(vfs.NewMem())
	manual := clock.NewManual(time.Unix(1_700_000_000, 0))
	o := small(t, fs)
	o.Shards, o.MemTableBytes, o.Clock, o.Logger = 2, 4<<20, manual, nil
	s := mustOpen(t, "data", o)
	w := journaltest.NewWriter(0)
	fill(t, mustJournal(t, s, 0), &w, 5)
	mustClose(t, s)
	var tries atomic.Int32
	inject.set(func(op errorfs.Op) error {
		if job() == jobStatistics && strings.HasSuffix(op.Path, tableSuffix) {
			tries.Add(1)
			return syscall.EIO
		}
		return nil
	})
	s = mustOpen(t, "data", o)
	s.views.Add(1) // to take a View would be to wait for the table together with who collects statistics, and to fail, too
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	<-s.guard.closing
	for round := range int32(10) {
		due, ok := manual.Next()
		for ; !ok && tries.Load() < 100; due, ok = manual.Next() {
			runtime.Gosched()
		}
		if n := tries.Load(); n != round+1 {
			t.Errorf("statistics were read %d times after %d pauses", n, round)
			break
		}
		if round < 9 {
			manual.Set(due)
		}
	}
	s.views.Done()
	if err := <-closed; err != nil { // nobody turns the clock
		t.Error(err)
	}
}

func TestWhatTheFileSystemSaysIsNoDamage(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want bool
	}{
		{nil, false},
		{&iofs.PathError{Op: "read", Path: "x", Err: syscall.EIO}, false},
		{&iofs.PathError{Op: "open", Path: "x", Err: syscall.EACCES}, false},
		{readOnly{}.Remove("x"), false},
		{&iofs.PathError{Op: "close", Path: "x", Err: iofs.ErrClosed}, false},
		{&iofs.PathError{Op: "open", Path: "x", Err: syscall.ENOENT}, true},
		{fmt.Errorf("manifest: %w", pebble.ErrCorruption), true},
		{errors.New("unknown option"), true},
		{&journal.DamagedError{Store: "x"}, true},
	} {
		if got := openedDamaged("data", tt.err); errors.Is(got, journal.ErrDamaged) != tt.want || (got != nil) != tt.want {
			t.Errorf("%v: %v", tt.err, got)
		}
	}
}

package pebblejournal

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/staunchmq/staunch/internal/journal"
	"github.com/staunchmq/staunch/internal/journal/journaltest"
)

// TestTrimGivesSpaceBackWithoutRewriting keeps a backlog in every shard for a while, as queues that are written and drained do,
// and looks at what is on the disk and how often it was written; then it trims everything.
func TestTrimGivesSpaceBackWithoutRewriting(t *testing.T) {
	o := small(t, vfs.NewMem())
	o.MemTableBytes = 2 << 20
	s := mustOpen(t, "data", o)
	defer mustClose(t, s)
	const (
		records = 1500
		backlog = 500
		size    = 20_000
		step    = 20 // a memtable takes no more in all shards
	)
	ctx := context.Background()
	body := string(noise(size))
	journals := make([]journal.Journal, s.Shards())
	writers := make([]journaltest.Writer, s.Shards())
	for i := range journals {
		journals[i], writers[i] = mustJournal(t, s, uint32(i)), journaltest.NewWriter(uint32(i))
	}
	for n := 1; n <= records; n++ {
		for i, j := range journals {
			p := j.Append(writers[i].Next(t, body))
			if n%step != 0 {
				continue
			}
			if err := p.Wait(); err != nil {
				t.Fatal(err)
			}
			if n%100 == 0 && n > backlog {
				if err := j.Trim(ctx, journal.Seq(n-backlog)); err != nil {
					t.Fatal(err)
				}
			}
		}
		if n%step == 0 {
			flushAndSettle(t, s)
		}
	}
	wantDisk(t, s, 2*backlog*size*s.Shards())
	m := s.db.Metrics()
	in, written := m.WAL.BytesIn, m.WAL.BytesWritten
	for _, l := range m.Levels {
		written += l.TableBytesFlushed + l.TableBytesCompacted
	}
	// Log and flush are 2; what is flushed is moved.
	if amplification := float64(written) / float64(in); amplification > 2.25 {
		t.Errorf("every byte was written %.2f times\n%s", amplification, m)
	} else {
		t.Logf("every byte was written %.2f times", amplification)
	}
	for _, j := range journals {
		if err := j.Trim(ctx, records-1); err != nil {
			t.Fatal(err)
		}
	}
	wantDisk(t, s, 100*size)
}

// TestTablesAreCompressed looks at the size of the tables of bodies that compress, after some that do not. It counts what flushes write: a
// compaction may put both into one table, where it takes a while until the first are tried.
func TestTablesAreCompressed(t *testing.T) {
	s := mustOpen(t, "data", small(t, vfs.NewMem()))
	defer mustClose(t, s)
	j, w := mustJournal(t, s, 0), journaltest.NewWriter(0)
	const records, size = 100, 20_000
	before := uint64(0)
	for _, tc := range []struct {
		body string
		most uint64
	}{
		{string(noise(size)), records * size * 101 / 100},
		{strings.Repeat("body", size/4), records * size / 5},
	} {
		for range records {
			if err := j.Append(w.Next(t, tc.body)).Wait(); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.db.Flush(); err != nil {
			t.Fatal(err)
		}
		flushed := s.db.Metrics().Levels[0].TableBytesFlushed
		if n := flushed - before; n > tc.most || n == 0 {
			t.Errorf("%d bytes of %.4q… take %d, more than %d", records*size, tc.body, n, tc.most)
		}
		before = flushed
	}
}

// TestABacklogIsNotRewritten fills journals and trims nothing, as queues that nobody reads do, and looks at what compactions wrote beside
// what flushes did. A queue lies on one shard, so one busy shard beside others is what a deep backlog is.
func TestABacklogIsNotRewritten(t *testing.T) {
	for _, busy := range []int{1, 2} {
		t.Run(fmt.Sprintf("%d of 2 shards busy", busy), func(t *testing.T) {
			o := small(t, vfs.NewMem())
			o.Shards = 2
			o.MemTableBytes = tableBytesMin + 4<<20 // so that a flush does not fit into the smallest of table files
			s := mustOpen(t, "data", o)
			defer mustClose(t, s)
			journals := make([]journal.Journal, busy)
			writers := make([]journaltest.Writer, busy)
			for i := range journals {
				journals[i], writers[i] = mustJournal(t, s, uint32(i)), journaltest.NewWriter(uint32(i))
			}
			body := string(noise(1 << 20))
			written := func() (flushed, rewritten uint64) {
				for _, l := range s.db.Metrics().Levels {
					flushed += l.TableBytesFlushed
					rewritten += l.TableBytesCompacted
				}
				return flushed, rewritten
			}
			// Pebble's first memtables are small, and what comes of them is put together once.
			const first, flushes = 2, 5
			var flushed0, rewritten0 uint64
			for i := range first + flushes {
				if i == first {
					flushed0, rewritten0 = written()
				}
				for range tableBytesMin>>20 + 2 {
					for i, j := range journals {
						if err := j.Append(writers[i].Next(t, body[:len(body)/busy])).Wait(); err != nil {
							t.Fatal(err)
						}
					}
				}
				flushAndSettle(t, s)
			}
			flushed, rewritten := written()
			flushed, rewritten = flushed-flushed0, rewritten-rewritten0
			if flushed < flushes*tableBytesMin || rewritten > flushed/flushes {
				t.Errorf("%d bytes were flushed, and %d rewritten\n%s", flushed, rewritten, s.db.Metrics())
			}
		})
	}
}

// flushAndSettle flushes and waits until the new table files have been moved to where they stay.
func flushAndSettle(t *testing.T, s *Store) {
	t.Helper()
	if err := s.db.Flush(); err != nil {
		t.Fatal(err)
	}
	for m := s.db.Metrics(); m.Levels[0].TablesCount > 0 || m.Compact.NumInProgress > 0; m = s.db.Metrics() {
		time.Sleep(time.Millisecond)
	}
}

// wantDisk waits for table files of at most so many bytes.
func wantDisk(t *testing.T, s *Store, most int) {
	t.Helper()
	if err := s.db.Flush(); err != nil { // what flushDelay does later
		t.Fatal(err)
	}
	// Pebble deletes files in its own time. Until that is over the test would be killed.
	end, bounded := t.Deadline()
	for {
		st := s.Stats()
		if st.TableBytes <= uint64(most) {
			return
		}
		if bounded && time.Until(end) < 10*time.Second {
			t.Fatalf("%d bytes on disk, want at most %d\n%s", st.TableBytes, most, s.db.Metrics())
		}
		time.Sleep(10 * time.Millisecond)
	}
}

package journaltest

import (
	"testing"

	"github.com/staunchmq/staunch/internal/journal"
)

// Writer makes records that follow each other. It belongs to one goroutine. A copy goes on by itself.
type Writer struct {
	Header journal.Header // of the newest record; epoch and log time of the next are taken from here
}

// NewWriter returns a Writer whose first record has number 1.
func NewWriter(shard uint32) Writer {
	return Writer{Header: journal.Header{Shard: shard, Epoch: 1, LogTimeMS: 1_700_000_000_000}}
}

// Next returns the next record, with the given changes and one more millisecond of log time, and the number that Append must
// be told to expect.
func (w *Writer) Next(t testing.TB, changes ...string) (expect journal.Seq, rec []byte) {
	t.Helper()
	expect = w.Header.Seq
	w.Header.Seq++
	w.Header.LogTimeMS++
	b := journal.NewRecord(nil, w.Header)
	for _, c := range changes {
		b.Add([]byte(c))
	}
	rec, err := b.Seal()
	if err != nil {
		t.Fatalf("seal record %d: %v", w.Header.Seq, err)
	}
	w.Header.Prev = journal.Hash(rec)
	return expect, rec
}

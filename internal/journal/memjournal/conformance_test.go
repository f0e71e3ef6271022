package memjournal

import (
	"testing"

	"github.com/staunchmq/staunch/internal/journal"
	"github.com/staunchmq/staunch/internal/journal/journaltest"
)

type harness struct{ j *Journal }

func (h harness) Open() (journal.Journal, error) { return h.j.Open(), nil }

func (h harness) Alter(t *testing.T, seq journal.Seq, f func([]byte) []byte) {
	if err := h.j.Alter(seq, f); err != nil {
		t.Fatal(err)
	}
}

func (h harness) AlterCheckpoint(t *testing.T, seq journal.Seq, f func([]byte) []byte) {
	if err := h.j.AlterCheckpoint(seq, f); err != nil {
		t.Fatal(err)
	}
}

func TestConformance(t *testing.T) {
	journaltest.Run(t, func(*testing.T) journaltest.Harness { return harness{New(journaltest.Shard)} })
}

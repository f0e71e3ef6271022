package pebblejournal

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	iofs "io/fs"
	"strings"

	"github.com/staunchmq/staunch/internal/journal"
)

// Pebble takes damage at the end of its manifest for a write that a crash has cut off, as it does with its log. Then it forgets the
// newest table files, and deletes them; and if the log that held the same records is gone already, they are gone without a word.
// So the file TAILS notes, before any log is removed or used again, and when the store is closed, up to which record each
// journal was durable. A journal that ends before that has lost records.
//
//	staunch journal tails, do not edit
//	0 1234                              shard, number of its newest record
//	1 99
//	crc32c 0f3a1b2c
//
// It is a safety net: without it, or with one that is damaged, the journal opens all the same.
const (
	tailsFile  = "TAILS"
	tailsTitle = "staunch journal tails, do not edit"
)

// encodeTails is the content of TAILS.
func encodeTails(tails []journal.Seq) string {
	var b strings.Builder
	b.WriteString(tailsTitle + "\n")
	for shard, last := range tails {
		fmt.Fprintf(&b, "%d %d\n", shard, last)
	}
	return fmt.Sprintf("%scrc32c %08x\n", b.String(), crc32.Checksum([]byte(b.String()), crc32.MakeTable(crc32.Castagnoli)))
}

// parseTails is the inverse of encodeTails for so many shards.
func parseTails(path, text string, shards int) ([]journal.Seq, error) {
	damaged := &journal.DamagedError{Store: path, Reason: "its lines do not fit its checksum, or each other"}
	lines := strings.Split(text, "\n")
	if len(lines) != shards+3 {
		return nil, damaged
	}
	tails := make([]journal.Seq, shards)
	for shard := range tails {
		var n int
		if _, err := fmt.Sscanf(lines[shard+1], "%d %d", &n, &tails[shard]); err != nil || n != shard {
			return nil, damaged
		}
	}
	if encodeTails(tails) != text {
		return nil, damaged
	}
	return tails, nil
}

// loadTails reads TAILS into noted. That it is damaged is no error.
func (s *Store) loadTails() (damaged, err error) {
	s.noted = make([]journal.Seq, s.format.shards)
	path := s.fs.PathJoin(s.dir, tailsFile)
	f, err := s.fs.Open(path)
	if errors.Is(err, iofs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	defer func() { _ = f.Close() }() // read only
	text, err := io.ReadAll(io.LimitReader(f, 1<<20))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	tails, damaged := parseTails(path, string(text), s.format.shards)
	if damaged == nil {
		s.noted = tails
	}
	return damaged, nil
}

// noteTails makes TAILS durable if there is anything new to note. What fails is logged: the journals themselves are whole.
func (s *Store) noteTails() {
	s.noting.Lock()
	defer s.noting.Unlock()
	tails := make([]journal.Seq, len(s.noted))
	newer := false
	for shard := range tails {
		tails[shard] = max(s.noted[shard], journal.Seq(s.durables[shard].Load()))
		newer = newer || tails[shard] > s.noted[shard]
	}
	if !newer || s.Err() != nil {
		return
	}
	path := s.fs.PathJoin(s.dir, tailsFile)
	err := writeFile(s.fs, path, func(w io.Writer) error {
		_, err := io.WriteString(w, encodeTails(tails))
		return err
	})
	if err != nil {
		s.options.Logger.Warn("cannot note how far the journals go", "path", path, "error", err)
		return
	}
	s.noted = tails
}

// checkTail returns an error if a journal that ends at last was longer once.
func (s *Store) checkTail(shard uint32, last journal.Seq) error {
	s.noting.Lock()
	noted := s.noted[shard]
	s.noting.Unlock()
	if last >= noted {
		return nil
	}
	return &journal.DamagedError{Store: s.fs.PathJoin(s.dir, journalDir), Shard: shard, Seq: last + 1,
		Reason: fmt.Sprintf("the records from there to %d were stored and are missing", noted)}
}

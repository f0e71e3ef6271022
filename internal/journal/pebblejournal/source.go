package pebblejournal

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cockroachdb/pebble/v2"

	"github.com/staunchmq/staunch/internal/journal"
)

// source reads the records of one shard, verified, from the database or from a state of it.
type source struct {
	db    pebble.Reader
	dir   string // of the database, for errors
	shard uint32
}

func (s *Store) source(shard uint32, db pebble.Reader) source {
	return source{db: db, dir: s.fs.PathJoin(s.dir, journalDir), shard: shard}
}

// loadBase returns how the trimmed records ended.
func (s *source) loadBase() (journal.Chain, error) {
	value, err := s.load(markKey(s.shard))
	if errors.Is(err, pebble.ErrNotFound) {
		return journal.NewChain(s.shard), nil
	}
	if err != nil {
		return journal.Chain{}, s.readError(0, err)
	}
	chain, err := journal.ParseChain(s.shard, value)
	return chain, s.located(err)
}

// loadLast returns the newest record, number 0 if there is none.
func (s *source) loadLast() (last journal.Seq, rec []byte, err error) {
	it, err := s.db.NewIter(&pebble.IterOptions{LowerBound: key(s.shard, 1), UpperBound: shardEnd(s.shard)})
	if err != nil {
		return 0, nil, s.readError(0, err)
	}
	defer func() {
		if cerr := it.Close(); err == nil && cerr != nil {
			err = s.readError(last, cerr)
		}
	}()
	if !it.Last() {
		return 0, nil, nil // Close returns the error if there is one
	}
	last, ok := keySeq(it.Key())
	if !ok {
		return 0, nil, s.located(&journal.DamagedError{Shard: s.shard, Reason: fmt.Sprintf("unknown key %x", it.Key())})
	}
	value, err := it.ValueAndErr()
	if err != nil {
		return 0, nil, s.readError(last, err)
	}
	return last, slices.Clone(value), nil
}

// load returns a copy of the value of a key.
func (s *source) load(key []byte) ([]byte, error) {
	value, closer, err := s.db.Get(key)
	if err != nil {
		return nil, err
	}
	value = slices.Clone(value)
	return value, closer.Close()
}

// chainBefore returns the chain that record from continues, with what is known of the record before it.
func (s *source) chainBefore(from journal.Seq) (journal.Chain, error) {
	base, err := s.loadBase()
	if err != nil {
		return journal.Chain{}, err
	}
	if base.Seq() == from-1 {
		return base, nil
	}
	chain := journal.ChainFrom(s.shard, from-1)
	rec, err := s.load(key(s.shard, from-1))
	if err == nil {
		_, _, err = chain.Next(rec)
	}
	if err != nil { // that record was not asked for; reading it will tell
		return journal.ChainFrom(s.shard, from), nil
	}
	return chain, nil
}

func (s *source) readAll(ctx context.Context, it *pebble.Iterator, chain *journal.Chain, last journal.Seq,
	fn func(journal.Seq, []byte) error) error {
	for ok := it.First(); chain.Seq() < last; ok = it.Next() {
		if err := ctx.Err(); err != nil {
			return err
		}
		next := chain.Seq() + 1
		if !ok {
			if err := it.Error(); err != nil {
				return s.readError(next, err)
			}
			return s.located(chain.Missing(fmt.Sprintf("the record is missing, and all up to %d", last)))
		}
		if seq, ok := keySeq(it.Key()); !ok || seq != next {
			return s.located(chain.Missing(fmt.Sprintf("the record is missing, the next that is there is %d", seq)))
		}
		rec, err := it.ValueAndErr()
		if err != nil {
			return s.readError(next, err)
		}
		if _, _, err := chain.Next(rec); err != nil {
			return s.located(err)
		}
		if err := fn(next, rec); err != nil {
			return err
		}
	}
	return nil
}

// located fills in where a damaged record lies.
func (s *source) located(err error) error {
	return journal.At(s.dir, err)
}

// readError turns an error of Pebble's into one of ours.
func (s *source) readError(seq journal.Seq, err error) error {
	if pebble.IsCorruptionError(err) {
		return s.located(&journal.DamagedError{Shard: s.shard, Seq: seq, Reason: firstLine(err)})
	}
	return fmt.Errorf("read record %d of shard %d in %s: %w", seq, s.shard, s.dir, err)
}

// firstLine returns what an error of Pebble's says. More lines are about its parts.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

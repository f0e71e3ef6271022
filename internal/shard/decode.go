package shard

import (
	"encoding/binary"
	"fmt"

	"github.com/staunchmq/staunch/internal/journal"
	"github.com/staunchmq/staunch/internal/queue"
)

// StoredChange is a change of a record, for tools. One of Change, Dropped and Definition is set; where none is, log time moved on.
type StoredChange struct {
	Index     int
	LogTimeMS int64
	Partition queue.ID     // 0 for a change of the shard itself
	Change    queue.Change // of the partition

	Dropped    queue.ID // the partition that was removed
	Definition []byte   // a change of the Definitions
}

// DecodeRecord calls fn for each change of a record. What fn is given shares the record's memory.
func DecodeRecord(rec []byte, fn func(StoredChange) error) error {
	h, changes, err := journal.Parse(rec)
	if err != nil {
		return err
	}
	at := h.LogTimeMS
	for i, data := range changes.All() {
		c := StoredChange{Index: i, LogTimeMS: at}
		if err := c.decode(data); err != nil {
			return fmt.Errorf("change %d: %w", i, err)
		}
		at = c.LogTimeMS
		if err := fn(c); err != nil {
			return err
		}
	}
	return nil
}

func (c *StoredChange) decode(data []byte) (err error) {
	if c.Partition, data, err = splitChange(data); err != nil {
		return fmt.Errorf("%w: %w", journal.ErrDamaged, err)
	}
	if c.Partition != shardItself {
		c.Change, err = queue.DecodeChange(data)
		return err
	}
	if len(data) == 0 {
		return fmt.Errorf("%w: an empty change", journal.ErrDamaged)
	}
	kind, rest := data[0], data[1:]
	n := 1
	switch kind {
	case kindDropped:
		var id uint64
		id, n = binary.Uvarint(rest)
		c.Dropped = queue.ID(id)
	case kindDefinition:
		c.Definition = rest
	case kindTime:
		c.LogTimeMS, n = binary.Varint(rest)
	default:
		return fmt.Errorf("%w: unknown kind of change %d", journal.ErrNewerFormat, kind)
	}
	if n <= 0 {
		return fmt.Errorf("%w: a change of kind %d that ends early", journal.ErrDamaged, kind)
	}
	return nil
}

package pebblejournal

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/staunchmq/staunch/internal/clock"
	"github.com/staunchmq/staunch/internal/journal"
)

// spaceAge is how old an answer about the free space may be. A fast disk takes about 100 MB in that time, and space asks again when
// much was written.
const spaceAge = 100 * time.Millisecond

// space knows for which records the file system has room. It is asked for every record and by every turn of a shard, and asks the
// file system now and then.
//
//	free space   ≥ reserve        everything                  journal.RoomForAll
//	             ≥ reserve / 2    what frees space            journal.RoomToFree
//	             less             nothing                     journal.NoRoom
//
// It is a step up again only when there is an eighth more than that, so that it does not go to and fro.
type space struct {
	dir     string
	reserve uint64 // 0: there is always room
	clock   clock.Clock
	usage   func() (vfs.DiskUsage, error)
	changed func(room journal.Room, free uint64) // called once for each change

	looking sync.Mutex    // who has it asks the file system; nobody waits for it
	looked  atomic.Int64  // when, Unix ns; 0 before
	written atomic.Uint64 // bytes since the file system was asked
	room    atomic.Int32
	free    atomic.Uint64
}

// now returns what there is room for.
func (s *space) now() journal.Room {
	if s.reserve == 0 {
		return journal.RoomForAll
	}
	now := s.clock.Now()
	age := time.Duration(now.UnixNano() - s.looked.Load()) // below 0 when the clock was set back
	if (age < 0 || age >= spaceAge || s.written.Load() >= s.reserve/16) && s.looking.TryLock() {
		s.look(now)
		s.looking.Unlock()
	}
	return journal.Room(s.room.Load())
}

// look asks the file system.
func (s *space) look(now time.Time) {
	s.looked.Store(now.UnixNano())
	s.written.Store(0)
	u, err := s.usage()
	if err != nil {
		return // not known on this file system
	}
	s.free.Store(u.AvailBytes)
	before := journal.Room(s.room.Load())
	if room := s.judge(before, u.AvailBytes); room != before {
		s.room.Store(int32(room))
		s.changed(room, u.AvailBytes)
	}
}

func (s *space) judge(before journal.Room, free uint64) journal.Room {
	low, none := s.reserve, s.reserve/2
	if before >= journal.RoomToFree {
		low += low / 8
	}
	if before == journal.NoRoom {
		none += none / 8
	}
	switch {
	case free < none:
		return journal.NoRoom
	case free < low:
		return journal.RoomToFree
	default:
		return journal.RoomForAll
	}
}

// take returns ErrFull when there is no room for n more bytes.
func (s *space) take(n int) error {
	if s.now() == journal.NoRoom {
		return fmt.Errorf("%w: %s has %d bytes free, and nothing is written with less than %d",
			journal.ErrFull, s.dir, s.free.Load(), s.reserve/2)
	}
	s.written.Add(uint64(n))
	return nil
}

// roomChanged tells the log.
func (s *Store) roomChanged(room journal.Room, free uint64) {
	log := s.options.Logger.With("dir", s.dir, "free_bytes", free, "reserve_bytes", s.options.ReserveBytes)
	switch room {
	case journal.RoomForAll:
		log.Info("the disk has room again: everything is taken in")
	case journal.RoomToFree:
		log.Warn("the disk is nearly full: nothing new is taken in, receives and deletes go on")
	case journal.NoRoom:
		log.Error("the disk is full: nothing is taken in, not even receives and deletes, until somebody makes room")
	}
}

// Room says what the file system has space for, as of a moment ago: see journal.Spacious.
func (s *Store) Room() journal.Room { return s.space.now() }

// FreeBytes returns the space that is free for this process on the file system, as of now; 0 if that is not known.
func (s *Store) FreeBytes() uint64 {
	u, err := s.fs.GetDiskUsage(s.dir)
	if err != nil {
		return 0
	}
	return u.AvailBytes
}

// Room implements journal.Spacious.
func (j *Journal) Room() journal.Room { return j.store.Room() }

package journal

// Room is what a journal has space for.
type Room int

// A journal that runs out of space loses room in two steps, so that what frees space in the end still has some to work with.
const (
	// RoomForAll is enough for everything.
	RoomForAll Room = iota

	// RoomToFree is not enough to take in anything new. It is kept for what makes room: receives and deletes, trims and
	// checkpoints.
	RoomToFree

	// NoRoom is not enough for any record: Append fails with ErrFull.
	NoRoom
)

// Spacious is what a journal implements whose space can run out. Journals without it always have room for all.
type Spacious interface {
	// Room says what there is space for, as of a moment ago. It is cheap: owners ask before they decide anything. It is safe for
	// concurrent use.
	Room() Room
}

// RoomOf asks a journal, or a store, what it has room for.
func RoomOf(j any) Room {
	if s, ok := j.(Spacious); ok {
		return s.Room()
	}
	return RoomForAll
}

package journal

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// Seq is the number of a record in its journal. Numbers start at 1 and have no gaps; 0 means none.
type Seq uint64

// The errors that a caller decides by. Test for them with errors.Is: journals wrap them to say where and why.
var (
	// ErrConflict means that the record could not follow the expected one because another record is there already, in the
	// expected one's place or behind it. The record was not appended. The caller is no longer the owner, or an earlier append that ended in ErrUnknown did
	// happen: Get of the number tells which.
	ErrConflict = errors.New("journal: another record is already there")

	// ErrUnknown means that the append may or may not have happened, now or later. Nothing may be answered on the
	// strength of it. Either the same bytes are appended again with the same expectation, or the journal is opened again.
	ErrUnknown = errors.New("journal: not known whether the record was appended")

	// ErrFull means that there is no space. The record was not appended; the same append may be tried again later.
	ErrFull = errors.New("journal: no space left")

	// ErrInvalid means that what was handed to Append or Save cannot be right: a record that is malformed, of another shard, with
	// another number, or with an epoch or log time before that of the newest record. Nothing was stored. It is a defect of the caller, found before it could become damage.
	ErrInvalid = errors.New("journal: cannot be stored")

	// ErrDamaged means that stored data is not what was written. The error is a *DamagedError that says where.
	ErrDamaged = errors.New("journal: stored data is damaged")

	// ErrTrimmed means that the record was removed by Trim.
	ErrTrimmed = errors.New("journal: record was trimmed")

	// ErrNotFound means that there is no such record or checkpoint (yet).
	ErrNotFound = errors.New("journal: not found")

	// ErrClosed means that the journal or its store was closed before the call.
	ErrClosed = errors.New("journal: closed")

	// ErrNewerFormat means that the data was written in a format that this program does not know. Nothing was changed.
	ErrNewerFormat = errors.New("journal: data has a newer format than this program knows")

	// ErrLocked means that somebody else uses the data directory, or that the shard's journal is already open. Nothing
	// was changed.
	ErrLocked = errors.New("journal: already in use")
)

// DamagedError says which stored data is damaged and how that was seen. errors.Is(err, ErrDamaged) is true for it.
type DamagedError struct {
	Store  string // the file, directory or other place that holds the data; "" where the reporter does not know it
	Shard  uint32
	Seq    Seq    // number of the damaged or missing record, or of the checkpoint; 0 where it is something else
	Reason string // what was expected and what was found
}

func (e *DamagedError) Error() string {
	place := e.Store
	if place == "" {
		place = "journal"
	}
	if e.Seq == 0 {
		return fmt.Sprintf("%s is damaged: %s", place, e.Reason)
	}
	return fmt.Sprintf("%s is damaged at record %d of shard %d: %s", place, e.Seq, e.Shard, e.Reason)
}

// Unwrap returns ErrDamaged.
func (e *DamagedError) Unwrap() error { return ErrDamaged }

// Journal is the durable order of one shard's records. Implementations are linearizable.
//
// Tail, Read and Get see durable records only: a record becomes visible to them before its Pending's Wait returns nil and
// not before it would survive a crash.
type Journal interface {
	// Append starts making rec the record expect+1. The order is fixed when Append returns; Wait of the returned Pending
	// blocks until the record is durable (nil) or failed. It is a compare-and-append: it fails with ErrConflict when
	// the newest record is not number expect with the hash that rec has for it.
	//
	// Append is called from one goroutine, and may be called for the next number before the previous record is durable.
	// If record N fails, every record that was appended behind it fails too, with an error that wraps the same sentinel.
	// Once Wait of all of them has returned, an append is a new attempt.
	//
	// rec must be a sealed record (see Builder) of this journal's shard with number expect+1, and expect must not be
	// beyond the newest record; anything else is ErrInvalid. The journal may keep rec: the caller must not change it
	// afterwards. Append may block while the store is overloaded.
	//
	// Wait fails with ErrConflict, ErrUnknown, ErrFull, ErrInvalid or ErrClosed. After ErrUnknown a journal on a local
	// disk has failed for good: every later Append returns ErrUnknown too, until the store is opened again and tells
	// what is there.
	Append(expect Seq, rec []byte) Pending

	// Tail returns the numbers of the oldest and of the newest durable record. When there is none, first is last+1, and
	// last is the number of the newest record that ever was. In a cluster the answer may be stale.
	Tail(ctx context.Context) (first, last Seq, err error)

	// Read calls fn for each record from number from up to the newest that was durable when Read was called, in order.
	// Every record is verified, and so is its link to the one before it (see Chain); what does not fit is ErrDamaged,
	// and so is a gap: nothing is ever skipped. fn must not keep or change its slice. An error of fn ends Read and is
	// returned as it is.
	//
	// From may be last+1: then there is nothing to read and no error. Beyond that it is ErrNotFound, because a caller that
	// knows of a record that the journal does not have must not go on; before first it is ErrTrimmed.
	Read(ctx context.Context, from Seq, fn func(Seq, []byte) error) error

	// Get returns one record, verified by itself: CRC, shard and number, not the chain. The caller must not change it
	// and may keep it. It fails with ErrTrimmed, ErrNotFound or ErrDamaged. It is safe for concurrent use, also
	// with Append and Trim.
	Get(ctx context.Context, seq Seq) ([]byte, error)

	// Trim removes the records up to and including upTo, for good; trimming what is trimmed does nothing. Numbers go on
	// as if the records were there, also when all of them are removed. ErrNotFound when upTo is beyond the newest
	// durable record. The space comes back some time later.
	Trim(ctx context.Context, upTo Seq) error

	// Checkpoints returns the store of the shard's checkpoints. It lives as long as the journal.
	Checkpoints() Checkpoints

	// Close waits for the appends that were started and releases what the journal holds. Later calls fail with
	// ErrClosed. Closing twice does nothing.
	Close() error
}

// Store holds the journals of all shards of a node.
type Store interface {
	// Shards returns the number of shards. They are numbered from 0.
	Shards() int

	// Journal opens the journal of one shard. It belongs to one owner until it is closed; a store on a local disk refuses to
	// open it twice (ErrLocked). Damage at the end of the journal is ErrDamaged here already.
	Journal(shard uint32) (Journal, error)

	// Close closes the journals that are still open, and the store.
	Close() error
}

// Pending is an append that was started.
type Pending interface {
	// Wait blocks until the record and all before it are durable, and then returns nil, or until it is certain that it
	// cannot be said. It may be called any number of times, from any goroutine, and always returns the same.
	Wait() error
}

// CheckpointsKept is the number of checkpoints that are kept for a shard: the newest, and one to fall back to.
const CheckpointsKept = 2

// Checkpoints stores saved states of a shard. A checkpoint is a state after the record whose number it has. The newest
// two are kept. All methods are safe for concurrent use; Save calls for one shard follow one another.
type Checkpoints interface {
	// Save stores what write writes as the checkpoint at seq. It is durable, complete and hashed before it becomes
	// visible; when Save fails, or the process dies, nothing of it is ever listed. A checkpoint that is already there
	// with the same number is replaced. Then all but the newest two are removed.
	Save(ctx context.Context, seq Seq, write func(io.Writer) error) error

	// List returns the numbers of the stored checkpoints, newest first.
	List(ctx context.Context) ([]Seq, error)

	// Load returns the state that was saved at seq. The stored bytes are verified before the first one is handed out:
	// damage is a *DamagedError from Load, never a short or wrong read. The caller then tries the next older checkpoint, and
	// then a full replay. ErrNotFound when there is no such checkpoint. The reader must be closed.
	Load(ctx context.Context, seq Seq) (io.ReadCloser, error)
}

// Failed returns a Pending that has already failed with err.
func Failed(err error) Pending { return failed{err} }

type failed struct{ err error }

func (f failed) Wait() error { return f.err }

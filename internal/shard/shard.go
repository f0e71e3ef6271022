package shard

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidwall/btree"

	"github.com/staunchmq/staunch/internal/clock"
	"github.com/staunchmq/staunch/internal/journal"
	"github.com/staunchmq/staunch/internal/queue"
)

// Options are what a shard needs. Zero limits mean the defaults.
type Options struct {
	ID      uint32
	Journal journal.Journal
	Clock   clock.Clock
	Logger  *slog.Logger
	// Definitions is kept in this shard's journal; nil for a shard that carries none.
	Definitions Definitions

	// CheckpointBytes is how many bytes of records lie between two checkpoints. Default 64 MiB.
	CheckpointBytes int64
	// BodyCacheBytes bounds the newest records that are kept in memory for receives. Default 64 MiB.
	BodyCacheBytes int64
	// CleanRate is how many bytes a second are read and written to copy messages forward when they hold up the trimming of a journal that is
	// mostly not live any more; negative: none are. Default 32 MiB.
	CleanRate int64
	// TurnMessagesMax bounds how many messages the shard brings up to date in one go when their delays, timeouts or retention have
	// ended, and how many it collects for a checkpoint; then it looks after requests again. Default 2,000: a few milliseconds.
	TurnMessagesMax int
	// WaitingMax bounds the receives that wait at once; more are ErrOverloaded. Default 100,000.
	WaitingMax int
	// InboxBytesMax bounds what has come in and is not decided; more is ErrOverloaded, but one request is always taken in. Default
	// 64 MiB.
	InboxBytesMax int64

	// Observed is told of what happens; its functions may be nil.
	Observed Observer
}

// Observer is told of what happens in a shard, from its goroutines: the functions must not block.
type Observer struct {
	// Appended: a record of so many bytes was durable so long after it was handed to the journal.
	Appended func(bytes int, took time.Duration)
	// Cleaned: messages of so many bytes were copied forward.
	Cleaned func(bytes int64)
	// Panicked: a panic was caught; the shard has replayed its journal.
	Panicked func()
}

const (
	defaultCheckpointBytes = 64 << 20
	defaultBodyCacheBytes  = 64 << 20
	defaultCleanRate       = 32 << 20
	defaultTurnMessagesMax = 2_000
	defaultWaitingMax      = 100_000
	defaultInboxBytesMax   = 64 << 20
)

// Shard is one journal and the state that comes of it. Open replays; Run serves. It implements Client and DefinitionLog.
type Shard struct {
	options Options
	log     *slog.Logger
	cache   *recordCache
	reads   chan struct{} // holds one for each record that is being read; of readsMax
	waiting atomic.Int64
	// As of the newest record, and of the start or the newest checkpoint: see Usage.
	journalBytes, liveBytes atomic.Int64

	mu         sync.Mutex
	inbox      []request // guarded by mu, as all in this block
	inboxBytes int64     // of what has come in and is not decided
	landed     []landing // what the committer has to tell the loop
	closed     bool      // no more requests are taken in

	wake      chan struct{}
	committer chan *flight
	saving    sync.WaitGroup // the checkpoint that is being saved
	defineErr error          // why a definition could not be applied; belongs to the committer

	// Everything below belongs to the loop; Open runs before it.
	partitions map[queue.ID]*partition
	timers     *btree.BTreeG[*partition] // partitions with a deadline, by deadline
	waiters    *btree.BTreeG[*receive]   // parked receives by the end of their wait
	attempts   map[attemptKey]*receive   // those of waiters that have an attempt; of one at most one waits
	waiterSeq  uint64
	noWaits    bool // receives do not wait any more: the server is stopping
	// servable are partitions that may have something for their waiting receives. Invariant: when a request is decided, there are
	// none.
	servable []*partition
	// late are partitions for which more time has passed than was caught up on. behind are requests to them, in order of arrival;
	// they come before all in pending. Invariant: without late partitions there are none.
	late   []*partition
	behind []request
	// catchUpLeft is how much more of what time has brought may be done in this step.
	catchUpLeft int

	last      journal.Seq // number of the newest record handed to the journal
	lastHash  journal.Sum // and its hash
	lastEpoch uint64      // and its epoch
	epoch     uint64      // of the records that this owner makes
	logTime   int64       // Unix ns; never goes back
	ticked    time.Time   // when logTime was set
	building  *record
	pending   pendingRequests // taken from the inbox, not decided
	// decidedBytes are of requests that were decided and still count in inboxBytes.
	decidedBytes int64
	deciding     request // what a panic is blamed on
	panics       int     // turns in a row that panicked with nobody to blame
	flights      int     // records on their way
	// fullUntil is until when (Unix ms) what brings something new is refused because the disk was full; if nothingFits, all
	// changes are.
	fullUntil   int64
	nothingFits bool
	room        journal.Room // as of the beginning of the turn

	ledger   ledger    // what the records hold
	cleaning *cleaning // nil when there is nothing to clean
	cleaned  bool      // a plan was carried out since the last checkpoint, or dropped

	rewriting *rewrite // nil when nothing is to be rewritten

	sinceCheckpoint int64       // bytes of records
	lastInterval    int64       // bytes of records between the newest two checkpoints
	checkpointSeq   journal.Seq // the newest checkpoint
	checkpointing   bool
	collecting      *collection // the state that the checkpoint is made of, until all of it is collected
	// checkpointEarly and checkpointHeld are as of the beginning of the turn: one is due because room is scarce, and none is
	// because the last one failed a moment ago.
	checkpointEarly, checkpointHeld bool
	earlyAfter, retryAfter          time.Time
	checkpointFailures              int       // in a row
	messagesKept                    int64     // messages that the last checkpoint holds
	reclaimAt                       time.Time // when to look next whether there is space to reclaim
	reclaimable                     bool      // there is
}

// partition is a queue partition with what the shard keeps about it.
type partition struct {
	*queue.Partition
	waiters  waiterList
	deadline int64 // its place in timers
	timed    bool  // it is in timers
	servable bool  // it is in servable
	late     bool  // it is in late, and not in timers

	// largest is the size of the largest content that a receive has read. It may be used from any goroutine.
	largest atomic.Int64
}

// Open replays the shard's journal. It fails with journal.ErrDamaged where the journal is not what was written: then nothing is
// served, and nothing is changed.
func Open(ctx context.Context, o Options) (*Shard, error) {
	if o.CheckpointBytes <= 0 {
		o.CheckpointBytes = defaultCheckpointBytes
	}
	if o.BodyCacheBytes <= 0 {
		o.BodyCacheBytes = defaultBodyCacheBytes
	}
	if o.CleanRate == 0 {
		o.CleanRate = defaultCleanRate
	}
	if o.TurnMessagesMax <= 0 {
		o.TurnMessagesMax = defaultTurnMessagesMax
	}
	if o.WaitingMax <= 0 {
		o.WaitingMax = defaultWaitingMax
	}
	if o.InboxBytesMax <= 0 {
		o.InboxBytesMax = defaultInboxBytesMax
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Shard{
		options:   o,
		log:       o.Logger.With("shard", o.ID),
		cache:     newRecordCache(o.BodyCacheBytes),
		reads:     make(chan struct{}, readsMax),
		wake:      make(chan struct{}, 1),
		committer: make(chan *flight, flightsMax),
		ticked:    o.Clock.Now(),
	}
	if err := s.replay(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// ID returns the shard's number.
func (s *Shard) ID() uint32 { return s.options.ID }

// Usage is what a shard holds of what its Options bound.
type Usage struct {
	// JournalBytes is the size of the journal's records, and LiveBytes how much of it are messages that are still there, an estimate as of
	// the start or the newest checkpoint.
	JournalBytes, LiveBytes int64
	// BodyCacheBytes is what the body cache holds. Hits and Misses count the bodies that were read from it, and from the journal.
	BodyCacheBytes, BodyCacheHits, BodyCacheMisses int64
	// PendingBytes is what has come in and is not decided.
	PendingBytes int64
	// WaitingReceives is the number of receives that wait.
	WaitingReceives int64
}

// Usage returns what there is now. It may be called at any time.
func (s *Shard) Usage() Usage {
	u := s.cache.usage()
	u.JournalBytes, u.LiveBytes = s.journalBytes.Load(), s.liveBytes.Load()
	u.WaitingReceives = s.waiting.Load()
	s.mu.Lock()
	defer s.mu.Unlock()
	u.PendingBytes = s.inboxBytes
	return u
}

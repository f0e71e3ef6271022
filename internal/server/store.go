package server

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/staunchmq/staunch/internal/config"
	"github.com/staunchmq/staunch/internal/journal"
	"github.com/staunchmq/staunch/internal/journal/memjournal"
	"github.com/staunchmq/staunch/internal/journal/pebblejournal"
	"github.com/staunchmq/staunch/internal/metrics"
)

// store is where the journals of a node are.
type store = journal.Store

// openStore opens the data directory, or makes journals in memory.
func openStore(cfg *config.Config, log *slog.Logger, m *metrics.Registry) (store, error) {
	if cfg.Journal == config.MemoryJournal {
		return memoryStore(cfg.ShardCount(cores())), nil
	}
	s, err := pebblejournal.Open(cfg.Data, pebblejournal.Options{
		Shards:        cfg.Shards,
		DefaultShards: cfg.ShardCount(cores()),
		ReserveBytes:  cfg.DiskReserve,
		CacheBytes:    cfg.JournalCacheBytes,
		Logger:        log,
		Events: pebblejournal.Events{
			Synced: m.Fsync,
			DiskSlow: func(path string, running time.Duration) {
				log.Warn("the disk is slow", "file", path, "running", running)
			},
			Stalled: func(stalled bool) { log.Warn("writes to the data directory are stalled", "stalled", stalled) },
			Failed:  func(err error) { log.Error("the data directory has failed; the server stops", "error", err) },
		},
	})
	if err != nil {
		return nil, fmt.Errorf("%w (--data chooses the directory)", err)
	}
	m.CollectDisk(func() metrics.DiskSample {
		return metrics.DiskSample{FreeBytes: s.FreeBytes(), SendsRefused: s.Room() != journal.RoomForAll, CacheBytes: s.Stats().CacheBytes}
	})
	return s, nil
}

// roomNote says in words for people what a store has no room for; "" if there is room for everything.
func roomNote(st store) string {
	switch journal.RoomOf(st) {
	case journal.RoomToFree:
		return "the disk is nearly full: sends are refused, receives and deletes go on"
	case journal.NoRoom:
		return "the disk is full: sends, receives and deletes are refused until there is room"
	default:
		return ""
	}
}

// failed returns a channel that is closed when the store has failed for good; nil if it cannot.
func failed(st store) <-chan struct{} {
	if s, ok := st.(*pebblejournal.Store); ok {
		return s.Failed()
	}
	return nil
}

// memoryStore holds journals that are gone with the process.
type memoryStore int

func (s memoryStore) Shards() int { return int(s) }

func (s memoryStore) Journal(shard uint32) (journal.Journal, error) {
	return memjournal.New(shard), nil
}

func (s memoryStore) Close() error { return nil }

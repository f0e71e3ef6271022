package backup

import (
	"errors"
	"fmt"
	"time"

	"github.com/staunchmq/staunch/internal/journal"
)

// FormatVersion is the version of the backups that Write makes, and the newest that Open reads.
const FormatVersion = 1

const (
	headerName   = "BACKUP"
	manifestName = "MANIFEST"
	failedName   = "FAILED"

	partBytes   = 4 << 20
	jsonMax     = 4 << 20 // of BACKUP, MANIFEST and FAILED: 4096 shards take less than 1 MiB
	windowBytes = 4 << 20 // what a reader must hold in memory
)

var (
	// ErrIncomplete means that a backup ends before its MANIFEST: whoever wrote it was interrupted.
	ErrIncomplete = errors.New("the backup is not complete")

	// ErrFailed means that whoever wrote the backup could not go on, and says why.
	ErrFailed = errors.New("the backup was given up")
)

// Header is what a backup says at its beginning.
type Header struct {
	Format  int           `json:"format"`
	Created time.Time     `json:"created"`
	Program string        `json:"program"` // what wrote it, for people
	Shards  []ShardHeader `json:"shards"`

	// DamagedFiles says what is wrong with files that the source had in memory when the backup was made. Their content is in the
	// backup all the same.
	DamagedFiles []string `json:"damaged_files,omitempty"`
}

// Records returns the number of records that the backup has.
func (h *Header) Records() int64 {
	var n int64
	for _, s := range h.Shards {
		n += int64(s.Last - s.Trimmed)
	}
	return n
}

// ShardHeader says which records of a shard the backup has: those after Trimmed up to Last.
type ShardHeader struct {
	Trimmed     journal.Seq   `json:"trimmed"`
	Last        journal.Seq   `json:"last"`
	Checkpoints []journal.Seq `json:"checkpoints"` // newest first
}

// Manifest is what a backup says at its end.
type Manifest struct {
	Format int             `json:"format"`
	Shards []ShardManifest `json:"shards"`
	Hash   string          `json:"hash"` // of all entries before
}

// ShardManifest says what was written of one shard.
type ShardManifest struct {
	Last        journal.Seq          `json:"last"`
	Records     int64                `json:"records"`
	Bytes       int64                `json:"bytes"` // of the records
	Hash        string               `json:"hash"`  // of the last record, as the next one would have it; empty without records
	Checkpoints []CheckpointManifest `json:"checkpoints"`
}

// CheckpointManifest says what was written of a checkpoint.
type CheckpointManifest struct {
	Record  journal.Seq `json:"record"`
	Bytes   int64       `json:"bytes"`
	Hash    string      `json:"hash"`              // of the state
	Damaged string      `json:"damaged,omitempty"` // why it could not be read; then it is not in the backup
}

// failure is the content of FAILED.
type failure struct {
	Error   string `json:"error"`
	Damaged bool   `json:"damaged"` // the data that should have been written is damaged
}

func shardDir(shard uint32) string { return fmt.Sprintf("%04d", shard) }

func baseName(shard uint32) string { return shardDir(shard) + "/base" }

func checkpointDir(shard uint32, seq journal.Seq) string {
	return fmt.Sprintf("%s/checkpoint-%d", shardDir(shard), seq)
}

// damagedName is the entry that says what is wrong with a directory.
func damagedName(dir string) string { return dir + "/damaged" }

func recordsDir(shard uint32) string { return shardDir(shard) + "/records" }

func partName(dir string, part int) string { return fmt.Sprintf("%s/%08d", dir, part) }

package backup

import (
	"archive/tar"
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/zeebo/xxh3"

	"github.com/staunchmq/staunch/internal/journal"
)

// WriteOptions are what Write is told beside the data.
type WriteOptions struct {
	Created time.Time
	Program string // what writes, for people
	// DamagedFiles is for the Header.
	DamagedFiles []error
}

// Write writes everything that v holds to w. A backup that it cannot finish because v is damaged or cannot be read says so at its
// end, and Write returns the reason. Where a shard is damaged, it is noted, and the other shards follow: then it is no backup, but what a check
// needs. A damaged checkpoint is noted and left out, as long as the state can be had without it.
//
// Making w durable is the caller's to do.
func Write(ctx context.Context, w io.Writer, v journal.View, o WriteOptions) (*Manifest, error) {
	// One goroutine and the fastest level: the writer may be a server that is busy with something else.
	compressed, err := zstd.NewWriter(w, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
		zstd.WithWindowSize(windowBytes), zstd.WithEncoderCRC(true))
	if err != nil {
		return nil, fmt.Errorf("backup: compressor: %w", err)
	}
	b := &writer{tar: tar.NewWriter(compressed), hash: xxh3.New(), options: o, manifest: Manifest{Format: FormatVersion}}
	ended := b.writeAll(ctx, v)
	err = errors.Join(append(b.damage, ended)...)
	if err != nil && b.broken == nil {
		err = errors.Join(err, b.entryJSON(failedName, failure{Error: err.Error(), Damaged: ended == nil}))
	}
	if b.broken == nil {
		b.broken = b.tar.Close()
	}
	if cerr := compressed.Close(); err == nil {
		err = errors.Join(b.broken, cerr)
	}
	if err != nil {
		return nil, err
	}
	return &b.manifest, nil
}

type writer struct {
	tar      *tar.Writer
	hash     *xxh3.Hasher // of all entries so far
	options  WriteOptions
	manifest Manifest
	damage   []error // because of which it is no backup
	broken   error   // why nothing more can be written
}

func (b *writer) writeAll(ctx context.Context, v journal.View) error {
	header := Header{Format: FormatVersion, Created: b.options.Created.UTC().Truncate(time.Second), Program: b.options.Program}
	shards, lost := make([]journal.ShardView, v.Shards()), make([]error, v.Shards())
	for i := range shards {
		s, err := v.Shard(ctx, uint32(i))
		if errors.Is(err, journal.ErrDamaged) {
			lost[i] = err
			header.Shards = append(header.Shards, ShardHeader{})
			continue
		}
		if err != nil {
			return err
		}
		shards[i] = s
		base := s.Base()
		header.Shards = append(header.Shards, ShardHeader{Trimmed: base.Seq(), Last: s.Last(), Checkpoints: s.Checkpoints()})
	}
	for _, err := range b.options.DamagedFiles {
		header.DamagedFiles = append(header.DamagedFiles, err.Error())
	}
	if err := b.entryJSON(headerName, header); err != nil {
		return err
	}
	for i, s := range shards {
		err := lost[i]
		if err != nil {
			err = b.damaged(shardDir(uint32(i)), err)
		} else {
			err = b.shard(ctx, uint32(i), s)
		}
		if err != nil {
			return err
		}
	}
	if b.damage != nil {
		return nil
	}
	b.manifest.Hash = sum(b.hash)
	return b.entryJSON(manifestName, b.manifest)
}

func (b *writer) shard(ctx context.Context, shard uint32, v journal.ShardView) error {
	base := v.Base()
	if err := b.entry(baseName(shard), base.AppendTo(nil)); err != nil {
		return err
	}
	m := ShardManifest{Last: v.Last(), Checkpoints: []CheckpointManifest{}}
	whole := base.Seq() == 0
	var bad error
	for _, seq := range v.Checkpoints() {
		c, err := b.checkpoint(ctx, shard, seq, v)
		if err != nil {
			return err
		}
		if c.Damaged != "" {
			bad = errors.Join(bad, &journal.DamagedError{Shard: shard, Seq: seq, Reason: c.Damaged})
		}
		whole = whole || c.Damaged == "" && seq >= base.Seq()
		m.Checkpoints = append(m.Checkpoints, c)
	}
	if !whole {
		b.damage = append(b.damage, errors.Join(&journal.DamagedError{Shard: shard, Seq: base.Seq(), Reason: "there is no sound checkpoint to go on from"}, bad))
	}
	err := b.records(ctx, shard, v, &m)
	if errors.Is(err, journal.ErrDamaged) {
		err = b.damaged(recordsDir(shard), err)
	}
	if err != nil {
		return err
	}
	b.manifest.Shards = append(b.manifest.Shards, m)
	return nil
}

// damaged writes what is wrong with the rest of a directory.
func (b *writer) damaged(dir string, damage error) error {
	b.damage = append(b.damage, damage)
	return b.entry(damagedName(dir), []byte(damage.Error()))
}

// checkpoint writes a checkpoint, or that it is damaged.
func (b *writer) checkpoint(ctx context.Context, shard uint32, seq journal.Seq, v journal.ShardView) (CheckpointManifest, error) {
	m := CheckpointManifest{Record: seq}
	r, err := v.Load(ctx, seq)
	dir := checkpointDir(shard, seq)
	if errors.Is(err, journal.ErrDamaged) {
		m.Damaged = err.Error()
		return m, b.entry(damagedName(dir), []byte(m.Damaged))
	}
	if err != nil {
		return m, err
	}
	defer r.Close()
	hash := xxh3.New()
	parts := &partWriter{writer: b, dir: dir}
	m.Bytes, err = io.Copy(io.MultiWriter(parts, hash), contextReader{ctx, r})
	if err == nil {
		err = parts.close()
	}
	m.Hash = sum(hash)
	return m, err
}

func (b *writer) records(ctx context.Context, shard uint32, v journal.ShardView, m *ShardManifest) error {
	parts := &partWriter{writer: b, dir: recordsDir(shard)}
	base := v.Base()
	err := v.Read(ctx, base.Seq()+1, func(_ journal.Seq, rec []byte) error {
		m.Records++
		m.Bytes += int64(len(rec))
		hash := journal.Hash(rec)
		m.Hash = hex.EncodeToString(hash[:])
		if _, err := parts.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(rec)))); err != nil {
			return err
		}
		_, err := parts.Write(rec)
		return err
	})
	if err != nil && !errors.Is(err, journal.ErrDamaged) {
		return err
	}
	return errors.Join(err, parts.close()) // the records before the damage are for a check
}

func (b *writer) entryJSON(name string, content any) error {
	text, err := json.MarshalIndent(content, "", "  ")
	if err != nil {
		return fmt.Errorf("backup: %s: %w", name, err)
	}
	return b.entry(name, append(text, '\n'))
}

func (b *writer) entry(name string, content []byte) error {
	hashEntry(b.hash, name, content)
	err := b.tar.WriteHeader(&tar.Header{Name: name, Size: int64(len(content)), Mode: 0o600, ModTime: b.options.Created, Typeflag: tar.TypeReg})
	if err == nil {
		_, err = b.tar.Write(content)
	}
	if err != nil {
		b.broken = fmt.Errorf("write the backup: %w", err)
		return b.broken
	}
	return nil
}

func hashEntry(h *xxh3.Hasher, name string, content []byte) {
	_, _ = h.WriteString(name + "\x00") // never fails
	_, _ = h.Write(content)             // nor this
}

func sum(h *xxh3.Hasher) string {
	b := h.Sum128().Bytes()
	return hex.EncodeToString(b[:])
}

// partWriter cuts what is written into parts.
type partWriter struct {
	writer *writer
	dir    string
	part   int
	buf    []byte
}

func (p *partWriter) Write(b []byte) (int, error) {
	written := len(b)
	for len(b) > 0 {
		n := min(len(b), partBytes-len(p.buf))
		p.buf = append(p.buf, b[:n]...)
		b = b[n:]
		if len(p.buf) == partBytes {
			if err := p.close(); err != nil {
				return 0, err
			}
		}
	}
	return written, nil
}

// close writes what has not been written.
func (p *partWriter) close() error {
	if len(p.buf) == 0 {
		return nil
	}
	p.part++
	err := p.writer.entry(partName(p.dir, p.part), p.buf)
	p.buf = p.buf[:0]
	return err
}

// contextReader ends with ctx.
type contextReader struct {
	ctx context.Context // of one call
	r   io.Reader
}

func (c contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

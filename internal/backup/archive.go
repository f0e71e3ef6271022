package backup

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/zeebo/xxh3"

	"github.com/staunchmq/staunch/internal/journal"
)

// Archive is a backup that is being read. It implements journal.View, with the order of reading that a View asks for. What has been
// read is known to be whole, and to be what was written, when Finish has returned nil. An Archive belongs to one goroutine.
type Archive struct {
	name   string // for errors
	source *sourceReader
	zstd   *zstd.Decoder
	tar    *tar.Reader
	hash   *xxh3.Hasher // of all entries up to the present one

	header   Header
	manifest *Manifest // after the last entry
	entry    string    // name of the present entry
	content  []byte    // what of it has not been used
	buf      []byte    // the memory of content
	failed   error     // what FAILED says of damage, after that entry
	err      error     // why nothing more can be read
}

var _ journal.View = (*Archive)(nil)

// Open begins to read a backup from r; name is what errors call it.
func Open(name string, r io.Reader) (*Archive, error) {
	a := &Archive{name: name, source: &sourceReader{r: r}, hash: xxh3.New()}
	var err error
	if a.zstd, err = zstd.NewReader(a.source, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(windowBytes),
		zstd.WithDecoderLowmem(true)); err != nil {
		return nil, fmt.Errorf("backup: decompressor: %w", err)
	}
	a.tar = tar.NewReader(a.zstd)
	if err := a.open(); err != nil {
		a.zstd.Close()
		return nil, err
	}
	return a, nil
}

func (a *Archive) open() error {
	if err := a.next(); err != nil {
		if errors.Is(err, journal.ErrDamaged) {
			return fmt.Errorf("%s is not a backup: %w", a.name, err)
		}
		return err
	}
	if a.entry != headerName {
		return a.damaged("it does not begin with %s", headerName)
	}
	var version struct {
		Format int `json:"format"`
	}
	if err := json.Unmarshal(a.content, &version); err != nil {
		return a.damaged("%s: %v", headerName, err)
	}
	if version.Format > FormatVersion {
		return fmt.Errorf("%s: %w: it has format %d, this program knows up to %d; use the newer program",
			a.name, journal.ErrNewerFormat, version.Format, FormatVersion)
	}
	if err := json.Unmarshal(a.content, &a.header); err != nil || version.Format < 1 || len(a.header.Shards) == 0 {
		return a.damaged("%s says nothing that can be read", headerName)
	}
	for i, s := range a.header.Shards {
		if s.Trimmed > s.Last {
			return a.damaged("%s: the records of shard %d end before they begin", headerName, i)
		}
	}
	return a.next()
}

// Header returns what the backup says at its beginning.
func (a *Archive) Header() Header { return a.header }

// Shards implements journal.View.
func (a *Archive) Shards() int { return len(a.header.Shards) }

// Close implements journal.View. It does not close what the backup is read from.
func (a *Archive) Close() error {
	a.zstd.Close()
	return nil
}

// Finish reads what is left and verifies that the backup is whole, and as it was written.
func (a *Archive) Finish(ctx context.Context) (*Manifest, error) {
	for a.manifest == nil {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := a.next(); err != nil {
			return nil, err
		}
	}
	return a.manifest, nil
}

// next goes on to the next entry.
func (a *Archive) next() error {
	if a.err == nil {
		a.err = a.readEntry()
	}
	return a.err
}

func (a *Archive) readEntry() error {
	if a.failed != nil {
		return a.failed
	}
	h, err := a.tar.Next()
	if err != nil {
		return a.readError(err)
	}
	if h.Typeflag != tar.TypeReg || h.Size > max(partBytes, jsonMax) {
		return a.damaged("entry %q is none of a backup", h.Name)
	}
	content := bytes.NewBuffer(a.buf[:0])
	if _, err := io.Copy(content, a.tar); err != nil {
		return a.readError(err)
	}
	a.entry, a.content, a.buf = h.Name, content.Bytes(), content.Bytes()
	switch a.entry {
	case failedName:
		var f failure
		if err := json.Unmarshal(a.content, &f); err != nil {
			return a.damaged("%s: %v", failedName, err)
		}
		if f.Damaged { // all shards are there, or say why they are not
			a.failed = fmt.Errorf("%w: %w", ErrFailed, &journal.DamagedError{Store: a.name, Reason: f.Error})
			return nil
		}
		return fmt.Errorf("%w: %s", ErrFailed, f.Error)
	case manifestName:
		return a.readManifest()
	}
	hashEntry(a.hash, a.entry, a.content)
	return nil
}

func (a *Archive) readManifest() error {
	var m Manifest
	if err := json.Unmarshal(a.content, &m); err != nil {
		return a.damaged("%s: %v", manifestName, err)
	}
	if got := sum(a.hash); got != m.Hash {
		return a.damaged("its entries have the hash %s, %s says %s", got, manifestName, m.Hash)
	}
	if len(m.Shards) != len(a.header.Shards) {
		return a.damaged("%s and %s have another number of shards", headerName, manifestName)
	}
	for i, s := range m.Shards {
		h := a.header.Shards[i]
		if s.Last != h.Last || s.Records != int64(h.Last-h.Trimmed) {
			return a.damaged("%s announces records %d to %d of shard %d, %s has %d up to %d",
				headerName, h.Trimmed+1, h.Last, i, manifestName, s.Records, s.Last)
		}
	}
	if _, err := a.tar.Next(); err != io.EOF {
		return a.damaged("it goes on behind %s", manifestName)
	}
	if _, err := io.Copy(io.Discard, a.zstd); err != nil { // the checksum of the compression is at its end
		return a.readError(err)
	}
	a.manifest = &m
	return nil
}

// readError tells a backup that was cut off from one that is damaged, and from a source that cannot be read.
func (a *Archive) readError(err error) error {
	switch {
	case a.source.err != nil:
		return fmt.Errorf("read %s: %w", a.name, a.source.err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: %s ends after %d bytes, before its %s", ErrIncomplete, a.name, a.source.n, manifestName)
	default:
		return a.damaged("after %d bytes: %v", a.source.n, err)
	}
}

func (a *Archive) damaged(format string, args ...any) error {
	return &journal.DamagedError{Store: a.name, Reason: fmt.Sprintf(format, args...)}
}

// toldDamage is damage that whoever wrote the backup found, in its words.
type toldDamage string

func (d toldDamage) Error() string { return string(d) }

// Unwrap returns journal.ErrDamaged.
func (toldDamage) Unwrap() error { return journal.ErrDamaged }

// seek goes on until the present entry is name, or in the directory name. It stops behind the last entry of the shard.
func (a *Archive) seek(ctx context.Context, shard uint32, name string) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if a.err != nil {
			return a.err
		}
		if a.entry == name || strings.HasPrefix(a.entry, name+"/") {
			return nil
		}
		if a.manifest != nil || strings.SplitN(a.entry, "/", 2)[0] > shardDir(shard) {
			return a.damaged("%s is missing, or was read already", name)
		}
		if err := a.next(); err != nil {
			return err
		}
	}
}

// Shard implements journal.View.
func (a *Archive) Shard(ctx context.Context, shard uint32) (journal.ShardView, error) {
	if int64(shard) >= int64(len(a.header.Shards)) {
		return nil, fmt.Errorf("%w: shard %d of %d", journal.ErrNotFound, shard, len(a.header.Shards))
	}
	if err := a.seek(ctx, shard, shardDir(shard)); err != nil {
		return nil, err
	}
	switch a.entry {
	case baseName(shard):
	case damagedName(shardDir(shard)):
		return nil, toldDamage(a.content)
	default:
		return nil, a.damaged("%s is missing, or was read already", baseName(shard))
	}
	base, err := journal.ParseChain(shard, a.content)
	if err != nil {
		return nil, journal.At(a.name, err)
	}
	h := a.header.Shards[shard]
	if base.Seq() != h.Trimmed {
		return nil, a.damaged("%s says that shard %d begins behind record %d, its base is %d", headerName, shard, h.Trimmed, base.Seq())
	}
	return &archivedShard{archive: a, shard: shard, base: base, header: h}, nil
}

// archivedShard implements journal.ShardView.
type archivedShard struct {
	archive *Archive
	shard   uint32
	base    journal.Chain
	header  ShardHeader
}

// Base implements journal.ShardView.
func (s *archivedShard) Base() journal.Chain { return s.base }

// Last implements journal.ShardView.
func (s *archivedShard) Last() journal.Seq { return s.header.Last }

// Checkpoints implements journal.ShardView.
func (s *archivedShard) Checkpoints() []journal.Seq { return s.header.Checkpoints }

// Load implements journal.ShardView.
func (s *archivedShard) Load(ctx context.Context, seq journal.Seq) (io.ReadCloser, error) {
	a := s.archive
	dir := checkpointDir(s.shard, seq)
	if err := a.seek(ctx, s.shard, dir); err != nil {
		return nil, err
	}
	if a.entry == damagedName(dir) {
		return nil, toldDamage(a.content)
	}
	return io.NopCloser(contextReader{ctx, &partReader{archive: a, dir: dir}}), nil
}

// Read implements journal.ShardView.
func (s *archivedShard) Read(ctx context.Context, from journal.Seq, fn func(journal.Seq, []byte) error) error {
	if s.header.Last == s.base.Seq() {
		return ctx.Err()
	}
	a := s.archive
	dir := recordsDir(s.shard)
	if err := a.seek(ctx, s.shard, dir); err != nil {
		return err
	}
	chain := s.base
	parts := &partReader{archive: a, dir: dir}
	var rec []byte
	for chain.Seq() < s.header.Last {
		if err := ctx.Err(); err != nil {
			return err
		}
		var err error
		if rec, err = readRecord(parts, rec); err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				return journal.At(a.name, chain.Missing("the record is missing"))
			}
			return journal.At(a.name, err)
		}
		if _, _, err := chain.Next(rec); err != nil {
			return journal.At(a.name, err)
		}
		if chain.Seq() < from {
			continue
		}
		if err := fn(chain.Seq(), rec); err != nil {
			return err
		}
	}
	switch _, err := parts.Read(make([]byte, 1)); err {
	case io.EOF:
		return nil
	case nil:
		return a.damaged("shard %d has more records than it should", s.shard)
	default:
		return err
	}
}

// readRecord reads a record into the memory of buf.
func readRecord(r io.Reader, buf []byte) ([]byte, error) {
	var length [4]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, err
	}
	n := int(binary.LittleEndian.Uint32(length[:]))
	if n > journal.RecordBytesMax {
		return nil, &journal.DamagedError{Reason: fmt.Sprintf("a record of %d bytes", n)}
	}
	if cap(buf) < n {
		buf = make([]byte, n)
	}
	_, err := io.ReadFull(r, buf[:n])
	return buf[:n], err
}

// partReader reads the parts of a directory as one. The archive is at the first of them.
type partReader struct {
	archive *Archive
	dir     string
	part    int
}

func (p *partReader) Read(b []byte) (int, error) {
	a := p.archive
	for len(a.content) == 0 || p.part == 0 {
		if p.part > 0 {
			if err := a.next(); err != nil {
				return 0, err
			}
		}
		if a.entry == damagedName(p.dir) {
			return 0, toldDamage(a.content)
		}
		if a.manifest != nil || !strings.HasPrefix(a.entry, p.dir+"/") {
			return 0, io.EOF
		}
		p.part++
		if a.entry != partName(p.dir, p.part) {
			return 0, a.damaged("entry %q is in the place of %q", a.entry, partName(p.dir, p.part))
		}
	}
	n := copy(b, a.content)
	a.content = a.content[n:]
	return n, nil
}

// sourceReader counts what is read and keeps the error that is not the end.
type sourceReader struct {
	r   io.Reader
	n   int64
	err error
}

func (s *sourceReader) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.n += int64(n)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		s.err = err
	}
	return n, err
}

// ReadAll reads all records, each verified, to the end of the backup, and verifies it as Finish does. progress, if not nil, is called
// with 1 for each record.
func (a *Archive) ReadAll(ctx context.Context, progress func(records int)) (*Manifest, error) {
	for i := range uint32(a.Shards()) {
		s, err := a.Shard(ctx, i)
		if err != nil {
			return nil, err
		}
		err = s.Read(ctx, 0, func(journal.Seq, []byte) error {
			if progress != nil {
				progress(1)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return a.Finish(ctx)
}

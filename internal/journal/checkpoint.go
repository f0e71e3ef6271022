package journal

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/zeebo/xxh3"
)

// The checkpoint format; the table is in the package documentation.
const (
	checkpointMagic        = "STCK"
	checkpointVersion      = 1
	checkpointHeaderBytes  = 24
	checkpointTrailerBytes = 32

	// checkpointWindowBytes bounds what a reader of any checkpoint must hold in memory.
	checkpointWindowBytes = 4 << 20
)

// WriteCheckpoint writes to w, in the checkpoint format, the state that write writes. It is for implementations of
// Checkpoints; making the bytes durable is theirs to do.
func WriteCheckpoint(w io.Writer, shard uint32, seq Seq, write func(io.Writer) error) error {
	out := &hashingWriter{w: w, hash: xxh3.New()}
	header := make([]byte, 0, checkpointHeaderBytes)
	header = append(header, checkpointMagic...)
	header = binary.LittleEndian.AppendUint16(header, checkpointVersion)
	header = binary.LittleEndian.AppendUint16(header, 0)
	header = binary.LittleEndian.AppendUint32(header, shard)
	header = binary.LittleEndian.AppendUint32(header, 0)
	header = binary.LittleEndian.AppendUint64(header, uint64(seq))
	if _, err := out.Write(header); err != nil {
		return err
	}
	// One goroutine and the fastest level: the shard goes on serving while its checkpoint is written.
	enc, err := zstd.NewWriter(out, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
		zstd.WithWindowSize(checkpointWindowBytes), zstd.WithEncoderCRC(true))
	if err != nil {
		return fmt.Errorf("journal: checkpoint compressor: %w", err)
	}
	raw := &countingWriter{w: enc}
	if err := write(raw); err != nil {
		_ = enc.Close() // the checkpoint is abandoned; err says why
		return err
	}
	if err := enc.Close(); err != nil {
		return err
	}
	trailer := make([]byte, 0, checkpointTrailerBytes)
	trailer = binary.LittleEndian.AppendUint64(trailer, uint64(raw.n))
	trailer = binary.LittleEndian.AppendUint64(trailer, uint64(out.n))
	if _, err := out.Write(trailer); err != nil {
		return err
	}
	sum := Sum(out.hash.Sum128().Bytes())
	_, err = out.Write(sum[:])
	return err
}

// ReadCheckpoint verifies the size bytes of r as the checkpoint of shard at seq and returns a reader of the state. All bytes
// are read and hashed before it returns, so damage is an error here: a *DamagedError without a Store (see At), or ErrNewerFormat.
// Closing the reader does not close r. It is for implementations of Checkpoints.
func ReadCheckpoint(r io.ReaderAt, size int64, shard uint32, seq Seq) (io.ReadCloser, error) {
	damaged := func(format string, args ...any) (io.ReadCloser, error) {
		return nil, &DamagedError{Shard: shard, Seq: seq, Reason: "checkpoint: " + fmt.Sprintf(format, args...)}
	}
	const least = checkpointHeaderBytes + checkpointTrailerBytes
	if size < least {
		return damaged("%d bytes are too few", size)
	}
	hash := xxh3.New()
	hashed := size - int64(len(Sum{}))
	if _, err := io.Copy(hash, io.NewSectionReader(r, 0, hashed)); err != nil {
		return nil, fmt.Errorf("journal: read checkpoint %d of shard %d: %w", seq, shard, err)
	}
	var header [checkpointHeaderBytes]byte
	var trailer [checkpointTrailerBytes]byte
	if _, err := r.ReadAt(header[:], 0); err != nil {
		return nil, fmt.Errorf("journal: read checkpoint %d of shard %d: %w", seq, shard, err)
	}
	if _, err := r.ReadAt(trailer[:], size-checkpointTrailerBytes); err != nil && err != io.EOF {
		return nil, fmt.Errorf("journal: read checkpoint %d of shard %d: %w", seq, shard, err)
	}
	if got, want := Sum(hash.Sum128().Bytes()), Sum(trailer[16:]); got != want {
		return damaged("its hash is %x, its bytes give %x", want[:], got[:])
	}
	if string(header[:4]) != checkpointMagic {
		return damaged("it does not begin with the magic %q", checkpointMagic)
	}
	version, flags := binary.LittleEndian.Uint16(header[4:]), binary.LittleEndian.Uint16(header[6:])
	if version > checkpointVersion || flags != 0 {
		return nil, fmt.Errorf("%w: checkpoint %d of shard %d has version %d, flags %#x; this program knows up to %d",
			ErrNewerFormat, seq, shard, version, flags, checkpointVersion)
	}
	if s, n := binary.LittleEndian.Uint32(header[8:]), binary.LittleEndian.Uint64(header[16:]); s != shard || n != uint64(seq) {
		return damaged("it is that of shard %d at record %d", s, n)
	}
	if n := binary.LittleEndian.Uint64(trailer[8:]); n != uint64(size-checkpointTrailerBytes) {
		return damaged("%d bytes instead of %d", size, n+checkpointTrailerBytes)
	}
	dec, err := zstd.NewReader(io.NewSectionReader(r, checkpointHeaderBytes, size-least),
		zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(checkpointWindowBytes))
	if err != nil {
		return nil, fmt.Errorf("journal: checkpoint decompressor: %w", err)
	}
	return dec.IOReadCloser(), nil
}

// countingWriter counts the bytes that go through it.
type countingWriter struct {
	w io.Writer
	n int64
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}

// hashingWriter hashes and counts the bytes that go through it.
type hashingWriter struct {
	w    io.Writer
	hash *xxh3.Hasher
	n    int64
}

func (h *hashingWriter) Write(p []byte) (int, error) {
	// Hashed before they are written: a writer may use p as its scratch space (Pebble's files do).
	_, _ = h.hash.Write(p) // never fails
	n, err := h.w.Write(p)
	h.n += int64(n)
	return n, err
}

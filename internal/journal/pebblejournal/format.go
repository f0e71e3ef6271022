package pebblejournal

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	iofs "io/fs"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/staunchmq/staunch/internal/journal"
)

// FormatVersion is the version of the data directory's layout that this package writes. It covers the file FORMAT, the keys,
// and the version of Pebble's own format (pebbleFormat); each change of these is a new version.
const FormatVersion = 1

const (
	formatFile = "FORMAT"
	lockFile   = "LOCK"
	tmpSuffix  = ".tmp"
)

// ShardsMax bounds the number of shards. DESIGN section 5: about one for each core.
const ShardsMax = 4096

// format is the content of FORMAT:
//
//	staunch data directory, do not edit
//	format 1
//	shards 4
//	crc32c 0f3a1b2c
//
// Every later version keeps the first two lines, so that it is recognized.
type format struct {
	version int
	shards  int
}

const formatTitle = "staunch data directory, do not edit"

func (f format) String() string {
	text := fmt.Sprintf("%s\nformat %d\nshards %d\n", formatTitle, f.version, f.shards)
	return fmt.Sprintf("%scrc32c %08x\n", text, crc32.Checksum([]byte(text), crc32.MakeTable(crc32.Castagnoli)))
}

func parseFormat(path, text string) (format, error) {
	damaged := func(reason string) (format, error) {
		return format{}, &journal.DamagedError{Store: path, Reason: reason}
	}
	lines := strings.Split(text, "\n")
	if len(lines) < 2 || lines[0] != formatTitle {
		return damaged("it does not begin with \"" + formatTitle + "\"")
	}
	var f format
	var err error
	if f.version, err = number(lines[1], "format"); err != nil {
		return damaged(err.Error())
	}
	if f.version > FormatVersion {
		return format{}, fmt.Errorf("%s: %w: it has format %d, this program knows up to %d; use the newer program, nothing was changed",
			path, journal.ErrNewerFormat, f.version, FormatVersion)
	}
	if len(lines) < 3 {
		return damaged("it ends too early")
	}
	if f.shards, err = number(lines[2], "shards"); err != nil {
		return damaged(err.Error())
	}
	if f.version != FormatVersion || f.shards > ShardsMax || f.String() != text {
		return damaged("its lines do not fit its checksum")
	}
	return f, nil
}

// number parses a line that has a name and a positive number.
func number(line, name string) (int, error) {
	digits, ok := strings.CutPrefix(line, name+" ")
	n, err := strconv.Atoi(digits)
	if !ok || err != nil || n < 1 {
		return 0, fmt.Errorf("%q is not %q and a number", line, name)
	}
	return n, nil
}

// readFormat returns the format of the data directory. It writes nothing. A missing FORMAT is fs.ErrNotExist.
func readFormat(fs vfs.FS, dir string) (format, error) {
	path := fs.PathJoin(dir, formatFile)
	f, err := fs.Open(path)
	if err != nil {
		return format{}, err
	}
	defer func() { _ = f.Close() }() // read only
	const most = 4096
	text, err := io.ReadAll(io.LimitReader(f, most))
	if err != nil {
		return format{}, fmt.Errorf("read %s: %w", path, err)
	}
	return parseFormat(path, string(text))
}

// checkEmpty refuses a directory that has something else in it than the rest of a creation that did not get far.
func checkEmpty(fs vfs.FS, dir string) error {
	names, err := fs.List(dir)
	if errors.Is(err, iofs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("list %s: %w", dir, err)
	}
	if interrupted(names) {
		return fmt.Errorf("%s is the rest of a restore that was interrupted: restore into it again, or choose another directory", dir)
	}
	for _, name := range names {
		switch name {
		case lockFile, formatFile + tmpSuffix, "lost+found":
		default:
			return fmt.Errorf("%s is not a data directory and not empty (it has %q but no %s): choose another directory",
				dir, name, formatFile)
		}
	}
	return nil
}

// create makes a new data directory durable with the given number of shards.
func create(fs vfs.FS, dir string, shards int) (format, error) {
	f := format{version: FormatVersion, shards: shards}
	path := fs.PathJoin(dir, formatFile)
	err := syncDir(fs, fs.PathDir(dir)) // the directory itself may be new
	if err == nil {
		err = writeFile(fs, path, func(w io.Writer) error {
			_, err := io.WriteString(w, f.String())
			return err
		})
	}
	if err != nil {
		return format{}, fmt.Errorf("create %s: %w", path, err)
	}
	return f, nil
}

// lock takes the directory for this process.
func lock(fs vfs.FS, dir string) (io.Closer, error) {
	path := fs.PathJoin(dir, lockFile)
	l, err := fs.Lock(path)
	if err == nil {
		return l, nil
	}
	var perr *iofs.PathError
	if errors.As(err, &perr) { // the file cannot be opened; that is not somebody else's lock
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return nil, fmt.Errorf("%s: %w: another process has locked %s (%v); stop it, or choose another directory",
		dir, journal.ErrLocked, path, err)
}

// errNotDurable means that a file is in its place, and that nobody knows whether it is there after a power failure.
var errNotDurable = errors.New("its directory could not be synced")

// writeFile makes a file durable with what write writes, at once and completely: it is written beside its place, synced,
// renamed, and the directory is synced. On an error nothing has changed, but for errNotDurable.
func writeFile(fs vfs.FS, path string, write func(io.Writer) error) (err error) {
	tmp := path + tmpSuffix
	f, err := fs.Create(tmp, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = fs.Remove(tmp) // what remains is removed when the store is opened
		}
	}()
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	if err := fs.Rename(tmp, path); err != nil {
		return err
	}
	if err := syncDir(fs, fs.PathDir(path)); err != nil {
		return fmt.Errorf("%w: %w", errNotDurable, err)
	}
	return nil
}

func syncDir(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if cerr := d.Close(); err == nil {
		err = cerr
	}
	return err
}

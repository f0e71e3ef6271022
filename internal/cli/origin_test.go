package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"github.com/staunchmq/staunch/internal/backup"
	"github.com/staunchmq/staunch/internal/datadir"
	"github.com/staunchmq/staunch/internal/journal"
	"github.com/staunchmq/staunch/internal/keyring"
)

func TestStepsFitTheOrigin(t *testing.T) {
	damaged := &journal.DamagedError{Store: "x", Reason: "a flipped bit"}
	givenUp := fmt.Errorf("%w: input/output error", backup.ErrFailed)
	for _, test := range []struct {
		name string
		from origin
		err  error
		code int
		want string
	}{
		{"damaged directory", ofDirectory, damaged, exitFailed, "Stop the server and keep the directory"},
		{"damaged directory in a stream", ofDirectory, fmt.Errorf("%w: %w", backup.ErrFailed, damaged), exitFailed, "Stop the server and keep the directory"},
		{"damaged server", ofServer, fmt.Errorf("%w: %w", backup.ErrFailed, damaged), exitFailed, "Stop the server and keep the directory"},
		{"damaged backup", ofBackup, damaged, exitFailed, "This backup cannot be used"},
		{"damaged directory, where to read on", ofDirectory, damaged, exitFailed, "docs/operations/damage.md"},
		{"unreadable directory", ofDirectory, givenUp, exitFailed, "If the disk cannot be read"},
		{"server that could not go on", ofServer, givenUp, exitFailed, "Ask again"},
		{"backup of one that could not go on", ofBackup, givenUp, exitFailed, "This backup cannot be used"},
		{"answer that breaks off", ofServer, backup.ErrIncomplete, exitFailed, "Ask again"},
		{"backup that is cut off", ofBackup, backup.ErrIncomplete, exitFailed, "Make a new backup"},
		{"unreadable backup", ofBackup, syscall.EIO, exitFailed, "If the disk cannot be read"},
		{"newer program", ofServer, journal.ErrNewerFormat, exitFailed, "a newer one"},
		{"full disk", ofServer, &fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}, exitFailed, "Free some space"},
		{"files of somebody else", ofDirectory, &fs.PathError{Op: "open", Path: "x", Err: syscall.EACCES}, exitFailed, "the one that the server runs as"},
		{"interrupted", ofBackup, context.Canceled, exitInterrupted, "Nothing was changed"},
	} {
		var got *exitError
		if !errors.As(test.from.explain(fmt.Errorf("read: %w", test.err)), &got) || got.code != test.code || !strings.Contains(got.step, test.want) {
			t.Errorf("%s: exit code %d, %q; want %d, %q", test.name, got.code, got.step, test.code, test.want)
		}
	}
}

func TestRestoresSayWhatIsLeft(t *testing.T) {
	for _, test := range []struct {
		name string
		err  error
		code int
		want string
	}{
		{"interrupted", context.Canceled, exitInterrupted, "can be run again. What was written is removed again; an empty directory with a lock file stays"},
		{"interrupted while it reads back", fmt.Errorf("%w: %w", datadir.ErrReadBack, context.Canceled), exitInterrupted, "can be run again"},
		{"no room", journal.ErrFull, exitFailed, "more space: --data DIR. What was written is removed again"},
		{"disk full", &fs.PathError{Op: "mkdir", Path: "x", Err: syscall.ENOSPC}, exitFailed, "more space: --data DIR. What was written is removed again"},
		{"bad disk", fmt.Errorf("%w: %w", datadir.ErrReadBack, journal.ErrDamaged), exitFailed, "The backup is sound"},
		{"bad backup", journal.ErrDamaged, exitFailed, "This backup cannot be used"},
		{"something there", fs.ErrExist, exitUsage, "or is empty"},
	} {
		var got *exitError
		if !errors.As(restoreFailed(fmt.Errorf("restore: %w", test.err)), &got) || got.code != test.code || !strings.Contains(got.step, test.want) {
			t.Errorf("%s: exit code %d, %q; want %d, %q", test.name, got.code, got.step, test.code, test.want)
		}
	}
}

func TestStepsOfTheKeyring(t *testing.T) {
	eio := &fs.PathError{Op: "sync", Path: "x", Err: syscall.EIO}
	for _, test := range []struct {
		err  error
		want string
	}{
		{eio, "Nothing was changed."},
		{fmt.Errorf("x: %w: %w", keyring.ErrUnconfirmed, eio), "The file has the change."},
		{&fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}, "Nothing was changed. Free some space"},
		{&fs.PathError{Op: "open", Path: "x", Err: fs.ErrPermission}, "Nothing was changed. Run the command as the owner"},
		{fmt.Errorf("x: %w: %w", keyring.ErrNoLock, &fs.PathError{Op: "open", Path: "x", Err: fs.ErrPermission}), "Nothing was changed. Run the command as the owner"},
		{fmt.Errorf("x: %w: %w", keyring.ErrNoLock, syscall.EBADF), "Nothing was changed. On NFS"},
		{fmt.Errorf("x: %w", keyring.ErrBusy), "Nothing was changed. Run it again when that one has ended."},
		{fmt.Errorf("x: %w", context.Canceled), "Nothing was changed."},
	} {
		want := exitFailed
		if errors.Is(test.err, context.Canceled) {
			want = exitInterrupted
		}
		var got *exitError
		if err := keyringError(test.err); !errors.As(err, &got) || got.code != want || !strings.HasPrefix(got.step, test.want) {
			t.Errorf("%v: %+v, want %q", test.err, got, test.want)
		}
	}
}

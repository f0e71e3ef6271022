package cli

import (
	"context"
	"errors"
	"io/fs"
	"syscall"

	"github.com/staunchmq/staunch/internal/backup"
	"github.com/staunchmq/staunch/internal/journal"
)

// origin is what journals are read from. It decides what to do when that fails.
type origin struct {
	damaged    string // about damage
	files      string // about damaged files without which all records are there
	givenUp    string // about a stream whose writer could not go on
	incomplete string // about a stream that breaks off
	failed     string // about anything else
}

const (
	damagedStep = "Stop the server and keep the directory as it is: what is not damaged can still be read from it. Restore the newest backup that\n" +
		"`staunch backup verify FILE` finds sound: staunch restore FILE --data NEW. Then look at the disk. See docs/operations/damage.md."
	memoryStep = "Nothing is lost as long as the server runs: it has in memory what these files should hold, and a start might not find it.\n" +
		"Make a backup now: staunch backup create FILE. What to do then is in docs/operations/damage.md."
	tailsStep = "A start makes it again. But it is what shows that records are missing at the end of a journal: those that are there are sound, and\n" +
		"whether there were more this check cannot say. " + lookStep
	lookStep   = "Look at the disk: something changed a file that had been synced. See docs/operations/damage.md."
	diskStep   = "If the disk cannot be read, copy what can be read to another one first."
	againStep  = "Ask again. The log of the server says more."
	backupStep = "This backup cannot be used; the server and its data directory are not concerned. Use another backup, or make a new one:\n" +
		"staunch backup create FILE."
)

var (
	ofDirectory = origin{damaged: damagedStep, files: tailsStep, givenUp: diskStep, incomplete: diskStep, failed: diskStep}
	ofServer    = origin{damaged: damagedStep, files: memoryStep, givenUp: againStep, incomplete: againStep, failed: againStep}
	ofBackup    = origin{
		damaged: backupStep, givenUp: backupStep, failed: diskStep,
		incomplete: "What wrote it was interrupted. Make a new backup, or use an older one.",
	}
)

// explain gives an error from reading a journal or a backup its next step.
func (o origin) explain(err error) error {
	code, step := exitFailed, o.failed
	switch {
	case errors.Is(err, context.Canceled):
		return &exitError{code: exitInterrupted, step: "Nothing was changed.", err: errInterrupted}
	case errors.Is(err, journal.ErrNewerFormat):
		step = "Use the program that wrote it, or a newer one."
	case errors.Is(err, backup.ErrIncomplete):
		step = o.incomplete
	case errors.Is(err, journal.ErrDamaged):
		step = o.damaged
	case errors.Is(err, backup.ErrFailed):
		step = o.givenUp
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		step = "Free some space, or write to another disk. Nothing was left behind."
	case errors.Is(err, fs.ErrPermission):
		step = permissionStep
	}
	return &exitError{code: code, step: step, err: err}
}

// errInterrupted is the error, or the end of it, of everything that SIGINT or SIGTERM ended; what the libraries say then tells nobody more.
var errInterrupted = errors.New("interrupted")

// permissionStep is what to do about files of somebody else.
const permissionStep = "Run the command as a user who may: the one that the server runs as, or root."

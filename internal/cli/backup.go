package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/staunchmq/staunch/internal/backup"
	"github.com/staunchmq/staunch/internal/datadir"
	"github.com/staunchmq/staunch/internal/journal"
)

func (p *program) backupCommand() *cobra.Command {
	command := group("backup", "Make or verify a backup")
	command.AddCommand(p.backupCreateCommand(), p.backupVerifyCommand())
	return command
}

func (p *program) backupCreateCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "create FILE|DIR",
		Short: "Make a backup of a running server, or of a data directory",
		Long: `Make a backup of a running server: everything that it holds at one moment, over all shards. The server goes on serving. It is
asked through its admin interface, which is found by the same settings as serve uses, or by --url; it wants the admin token, which is
in the data directory of the settings or in --admin-token-file. With the flag --data, the backup is made of a data directory that no
server uses.

FILE must not exist. It appears when the backup is complete, verified and on disk, and not before; in a directory that exists,
the name is made of the time. A backup has everything: messages, and the secret that signs receipt handles. Keep it as safe as
the data directory.`,
		Args: cobra.ExactArgs(1),
	}
	flags := p.settingFlags(command, append(addressFlags, tokenFlags...)...)
	at := adminFlagsOf(command)
	command.RunE = func(command *cobra.Command, args []string) error {
		ctx, stop := interruptible(command.Context())
		defer stop()
		now := time.Now()
		file, err := backupPath(args[0], now)
		if err != nil {
			return err
		}
		stream, err := p.backupSource(ctx, command, flags, at, now)
		if err != nil {
			return err
		}
		defer stream.Close()
		return p.saveBackup(ctx, stream, file)
	}
	return command
}

// backupPath returns the file to write for an argument FILE|DIR.
func backupPath(arg string, now time.Time) (string, error) {
	if info, err := os.Stat(arg); err == nil && info.IsDir() {
		arg = filepath.Join(arg, "staunch-"+now.UTC().Format("20060102T150405Z")+".backup")
	}
	if _, err := os.Lstat(arg); !errors.Is(err, fs.ErrNotExist) {
		return "", &exitError{code: exitUsage, step: "Choose another name.", err: fmt.Errorf("%s is there already", arg)}
	}
	return arg, nil
}

// backupSource returns the backup of a data directory if the command line names one, else that of a server.
func (p *program) backupSource(ctx context.Context, command *cobra.Command, flags *settingFlags, at *adminFlags, now time.Time) (*stream, error) {
	_, offline := flags.given["data"]
	if offline {
		err := unused(command, "is for servers, and --data makes a backup of a directory that none uses: choose one",
			"url", "ca", "cert", "key", "admin-listen", "admin-tls-cert", "admin-tls-key", "admin-token-file")
		if err != nil {
			return nil, err
		}
	}
	cfg, _, err := p.load(flags)
	if err != nil {
		return nil, err
	}
	if offline {
		return directoryBackup(ctx, cfg.Data, now)
	}
	server, err := p.adminServer(cfg, at)
	if err != nil {
		return nil, err
	}
	return server.backup(ctx)
}

// stream is a backup that is being made elsewhere.
type stream struct {
	io.Reader
	name  string // for errors
	from  origin
	close func()
}

func (s *stream) Close() { s.close() }

// directoryBackup returns a stream with the backup of a data directory.
func directoryBackup(ctx context.Context, dir string, now time.Time) (*stream, error) {
	v, err := openDirectory(dir, "staunch backup create FILE, without --data")
	if err != nil {
		return nil, err
	}
	r, w := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, err := datadir.Backup(ctx, w, v, now, nil)
		if errors.Is(err, context.Canceled) {
			_ = w.CloseWithError(err)
			return
		}
		_ = w.Close() // the stream says itself whether it is whole
	}()
	return &stream{Reader: r, name: dir, from: ofDirectory, close: func() {
		_ = r.Close()
		<-done
		_ = v.Close()
	}}, nil
}

// saveBackup writes a backup to a file that appears when all of it is there, verified and on disk.
func (p *program) saveBackup(ctx context.Context, s *stream, file string) (err error) {
	dir := filepath.Dir(file)
	tmp, err := os.CreateTemp(dir, "."+filepath.Base(file)+".*.partial") // readable by its owner only
	if err != nil {
		return &exitError{code: exitFailed, step: "Choose a directory that exists and can be written to.", err: err}
	}
	defer func() {
		_ = tmp.Close()
		if err != nil {
			_ = os.Remove(tmp.Name())
		}
	}()
	a, err := backup.Open("the backup of "+s.name, io.TeeReader(s, tmp))
	if err != nil {
		return s.from.explain(err)
	}
	defer a.Close()
	header := a.Header()
	bar := p.progress(header.Records(), "backing up")
	m, err := a.ReadAll(ctx, bar.add)
	bar.close()
	if err != nil {
		return s.from.explain(err)
	}
	size, err := tmp.Seek(0, io.SeekCurrent)
	if err == nil {
		err = tmp.Sync()
	}
	if err == nil {
		err = os.Rename(tmp.Name(), file)
	}
	if err == nil {
		err = syncDirectory(dir)
	}
	if err != nil {
		return &exitError{code: exitFailed, step: "The backup was not kept. Is there space on the disk?", err: err}
	}
	p.warnOfDamage(header, m)
	_, err = fmt.Fprintf(p.stdout, "%s: %d records of %d shards, %d bytes\n", file, header.Records(), len(header.Shards), size)
	return err
}

// warnOfDamage says which files of the source were damaged, and which checkpoints are not in the backup because they were.
func (p *program) warnOfDamage(header backup.Header, m *backup.Manifest) {
	for _, text := range header.DamagedFiles {
		fmt.Fprintf(p.stderr, "warning: a file of the server is damaged or cannot be read; what it should hold is in the backup, which is whole: %s\n", text)
	}
	for i, s := range m.Shards {
		for _, c := range s.Checkpoints {
			if c.Damaged != "" {
				fmt.Fprintf(p.stderr, "warning: checkpoint %d of shard %d is damaged and not in the backup, which is whole without it: %s\n",
					c.Record, i, c.Damaged)
			}
		}
	}
}

func syncDirectory(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

func (p *program) backupVerifyCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "verify FILE",
		Short: "Read all of a backup and verify it",
		Long: `Read all of a backup and verify that it is whole, that it is what was written, and everything that "journal check" verifies in
a data directory. The exit code is 0 when all is sound, 1 when it is not.`,
		Args: cobra.ExactArgs(1),
	}
	form := outputFlag(command, "table", "json")
	command.RunE = func(command *cobra.Command, args []string) error {
		ctx, stop := interruptible(command.Context())
		defer stop()
		f, err := openFile(args[0])
		if err != nil {
			return err
		}
		defer f.Close()
		c, _, err := p.checkArchive(ctx, args[0], f, ofBackup)
		if err != nil {
			return err
		}
		return p.printCheck(c, *form)
	}
	return command
}

// checkArchive checks a backup. What its header says of its source is not looked at.
func (p *program) checkArchive(ctx context.Context, name string, r io.Reader, from origin) (checked, backup.Header, error) {
	a, err := backup.Open(name, r)
	if err != nil {
		return checked{}, backup.Header{}, from.explain(err)
	}
	defer a.Close()
	header := a.Header()
	bar := p.progress(header.Records(), "checking")
	reports, _, err := datadir.CheckBackup(ctx, a, bar.add)
	bar.close()
	if err != nil {
		return checked{}, header, from.explain(err)
	}
	return checked{name: name, from: from, reports: reports}, header, nil
}

func (p *program) restoreCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "restore FILE",
		Short: "Make a data directory out of a backup",
		Long: `Make the data directory --data out of a backup. It must not exist, or be empty. The backup is verified on the way, and what was
written is read back and compared; only then the directory becomes one that a server starts on. Interrupted, it can be run
again.

Whatever happened after the backup is not in it: messages that were deleted since then are delivered again.`,
		Args: cobra.ExactArgs(1),
	}
	flags := p.settingFlags(command, "data")
	command.RunE = func(command *cobra.Command, args []string) error {
		ctx, stop := interruptible(command.Context())
		defer stop()
		cfg, _, err := p.load(flags)
		if err != nil {
			return err
		}
		a, err := openBackup(args[0])
		if err != nil {
			return err
		}
		defer a.close()
		return p.restore(ctx, a.Archive, cfg.Data)
	}
	return command
}

func (p *program) restore(ctx context.Context, a *backup.Archive, dir string) error {
	header := a.Header()
	writing, checking := p.progress(header.Records(), "restoring"), (*progress)(nil)
	o := datadir.RestoreOptions{
		Logger:   slog.New(slog.DiscardHandler),
		Restored: writing.add,
		Checked: func(n int) {
			if checking == nil {
				writing.close()
				checking = p.progress(header.Records(), "reading back")
			}
			checking.add(n)
		},
	}
	reports, err := datadir.Restore(ctx, a, dir, o)
	writing.close()
	checking.close()
	if err != nil {
		return restoreFailed(err)
	}
	var messages int64
	for _, r := range reports {
		messages += r.Messages
	}
	_, err = fmt.Fprintf(p.stdout, "%s: %d records of %d shards, %d messages, as of %s\n",
		dir, header.Records(), len(header.Shards), messages, header.Created.Format(time.RFC3339))
	return err
}

// restoreFailed gives an error of a restore its next step.
func restoreFailed(err error) error {
	const left = " What was written is removed again; an empty directory with a lock file stays."
	code, step := exitFailed, ""
	switch {
	case errors.Is(err, context.Canceled):
		return &exitError{code: exitInterrupted, step: "The restore can be run again." + left, err: errInterrupted}
	case errors.Is(err, fs.ErrExist):
		code, step = exitUsage, "Restore into a directory that does not exist yet, or is empty: --data DIR."
	case errors.Is(err, journal.ErrFull), errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		step = "Choose a disk with more space: --data DIR." + left
	case errors.Is(err, datadir.ErrReadBack):
		step = "The backup is sound. Look at the disk that was restored to, or choose another: --data DIR." + left
	default:
		return ofBackup.explain(err)
	}
	return &exitError{code: code, step: step, err: err}
}

// openedBackup is a backup in a file.
type openedBackup struct {
	*backup.Archive
	close func()
}

func openBackup(name string) (*openedBackup, error) {
	f, err := openFile(name)
	if err != nil {
		return nil, err
	}
	a, err := backup.Open(name, f)
	if err != nil {
		_ = f.Close() // read only
		return nil, ofBackup.explain(err)
	}
	return &openedBackup{Archive: a, close: func() {
		_ = a.Close()
		_ = f.Close() // read only
	}}, nil
}

func openFile(name string) (*os.File, error) {
	f, err := os.Open(name)
	if err == nil {
		if info, serr := f.Stat(); serr == nil && info.IsDir() {
			_ = f.Close() // read only
			err = fmt.Errorf("%s is a directory", name)
		}
	}
	switch {
	case errors.Is(err, fs.ErrPermission):
		return nil, &exitError{code: exitUsage, step: "Run the command as a user who may read it: the one who made the backup, or root.", err: err}
	case err != nil:
		return nil, &exitError{code: exitUsage, step: "FILE is what `staunch backup create FILE` made.", err: err}
	}
	return f, nil
}

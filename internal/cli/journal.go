package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/staunchmq/staunch/internal/config"
	"github.com/staunchmq/staunch/internal/datadir"
	"github.com/staunchmq/staunch/internal/journal"
	"github.com/staunchmq/staunch/internal/shard"
)

func (p *program) journalCommand() *cobra.Command {
	command := group("journal", "Verify or list what is stored")
	command.AddCommand(p.journalCheckCommand(), p.journalDumpCommand())
	return command
}

func (p *program) journalCheckCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "check",
		Short: "Read everything that is stored and verify it",
		Long: `Read everything that a data directory holds and verify it: every record and its place in the chain, every checkpoint
and that it is the state that the records give, and that every message is where it should be. Nothing is changed. Messages that
are encrypted are not decrypted: they are counted by the key that they are encrypted with.

A directory that a server uses is read through that server, with --url: what it holds at the moment of the question is sent
to this command, which verifies it. The server goes on serving, and looks for damage in its log and its manifest, which it has in memory.
It wants the admin token, which is in --data or --admin-token-file.

The exit code is 0 when all is sound, 1 when something is damaged or cannot be read, 2 when there is nothing to check.`,
		Args: cobra.NoArgs,
	}
	form := outputFlag(command, "table", "json")
	flags := p.settingFlags(command, "data", "admin-token-file")
	at := adminFlagsOf(command)
	command.RunE = func(command *cobra.Command, _ []string) error {
		ctx, stop := interruptible(command.Context())
		defer stop()
		c, err := p.checkEither(ctx, flags, at, "staunch journal check --url "+defaultAdminURL)
		if err != nil {
			return err
		}
		return p.printCheck(c, *form)
	}
	return command
}

// checkEither checks what a server holds if at has its address, else the data directory of the settings; instead is what to do when a
// server uses that.
func (p *program) checkEither(ctx context.Context, flags *settingFlags, at *adminFlags, instead string) (checked, error) {
	if at.url == "" {
		if err := unused(at.command, "is for servers, with --url", "admin-token-file", "ca", "cert", "key"); err != nil {
			return checked{}, err
		}
	}
	cfg, _, err := p.load(flags)
	if err != nil {
		return checked{}, err
	}
	if at.url == "" {
		return p.checkDirectory(ctx, cfg.Data, instead)
	}
	server, err := p.adminServer(cfg, at)
	if err != nil {
		return checked{}, err
	}
	return p.checkServer(ctx, server)
}

// checked is what a check read, and what it found there.
type checked struct {
	name    string
	from    origin
	reports []*shard.Report
	files   []string // what is wrong with files that the reports do not need
}

func (p *program) checkDirectory(ctx context.Context, dir, instead string) (checked, error) {
	v, err := openDirectory(dir, instead)
	if err != nil {
		return checked{}, err
	}
	defer v.Close()
	records, err := datadir.Records(ctx, v)
	if err != nil {
		return checked{}, ofDirectory.explain(err)
	}
	bar := p.progress(records, "checking")
	reports, err := datadir.Check(ctx, v, bar.add)
	bar.close()
	if err != nil {
		return checked{}, ofDirectory.explain(err)
	}
	return checked{dir, ofDirectory, reports, texts(v.DamagedFiles(ctx))}, nil
}

func (p *program) checkServer(ctx context.Context, server *adminServer) (checked, error) {
	stream, err := server.backup(ctx)
	if err != nil {
		return checked{}, err
	}
	defer stream.Close()
	c, header, err := p.checkArchive(ctx, stream.name, stream, ofServer)
	c.files = header.DamagedFiles
	return c, err
}

// printCheck prints the reports, and returns what is wrong.
func (p *program) printCheck(c checked, form string) error {
	text, err := checkText(form, c.reports)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprint(p.stdout, text); err != nil {
		return err
	}
	return c.wrong()
}

// wrong returns what is wrong, nil if nothing is.
func (c checked) wrong() error {
	var damaged, badCheckpoints []string
	for _, r := range c.reports {
		damaged = append(damaged, texts(r.Damaged)...)
		badCheckpoints = append(badCheckpoints, texts(r.BadCheckpoints)...)
	}
	wrong := strings.Join(slices.Concat(damaged, c.files, badCheckpoints), "\n  ")
	switch {
	case len(damaged) > 0:
		return &exitError{code: exitFailed, step: c.from.damaged, err: fmt.Errorf("%s is damaged:\n  %s", c.name, wrong)}
	case len(c.files) > 0:
		return &exitError{code: exitFailed, step: c.from.files, err: fmt.Errorf("%s has files that are damaged or cannot be read:\n  %s", c.name, wrong)}
	case len(badCheckpoints) > 0:
		return &exitError{
			code: exitFailed,
			step: "The records are sound, so nothing is lost: a start takes an older checkpoint or the whole journal, and the next checkpoints\n" +
				"replace the damaged one. " + lookStep,
			err: fmt.Errorf("%s has damaged checkpoints:\n  %s", c.name, wrong),
		}
	}
	return nil
}

func texts(errs []error) []string {
	var t []string
	for _, err := range errs {
		t = append(t, err.Error())
	}
	return t
}

func checkText(form string, reports []*shard.Report) (string, error) {
	if form == "json" {
		type entry struct {
			*shard.Report
			Damaged        []string `json:"damaged,omitempty"`
			BadCheckpoints []string `json:"damaged_checkpoints,omitempty"`
		}
		entries := make([]entry, len(reports))
		for i, r := range reports {
			entries[i] = entry{r, texts(r.Damaged), texts(r.BadCheckpoints)}
		}
		text, err := json.MarshalIndent(entries, "", "  ")
		return string(text) + "\n", err
	}
	var b strings.Builder
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "SHARD\tFIRST\tLAST\tRECORDS\tBYTES\tCHECKPOINTS\tPARTITIONS\tMESSAGES\tFOUND")
	for _, r := range reports {
		found := "sound"
		switch {
		case len(r.Damaged) > 0:
			found = "DAMAGED"
		case len(r.BadCheckpoints) > 0:
			found = "DAMAGED CHECKPOINT"
		}
		fmt.Fprintf(table, "%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t%s\n",
			r.Shard, r.First, r.Last, r.Records, r.Bytes, r.Checkpoints, r.Partitions, r.Messages, found)
	}
	_ = table.Flush() // writes to memory
	for _, of := range []struct {
		what  string
		kinds map[string]int64
	}{{"messages", kinds(reports)}, {"secrets of access keys", secretKinds(reports)}} {
		for _, kind := range slices.Sorted(maps.Keys(of.kinds)) {
			fmt.Fprintf(&b, "%d %s are %s\n", of.kinds[kind], of.what, kind)
		}
	}
	return b.String(), nil
}

// kinds counts the messages of all shards by their kinds.
func kinds(reports []*shard.Report) map[string]int64 {
	return sum(reports, func(r *shard.Report) map[string]int64 { return r.Kinds })
}

// secretKinds counts the secrets by what they are encrypted with.
func secretKinds(reports []*shard.Report) map[string]int64 {
	return sum(reports, func(r *shard.Report) map[string]int64 { return r.Secrets })
}

func sum(reports []*shard.Report, counts func(*shard.Report) map[string]int64) map[string]int64 {
	total := make(map[string]int64)
	for _, r := range reports {
		for kind, count := range counts(r) {
			total[kind] += count
		}
	}
	return total
}

func (p *program) journalDumpCommand() *cobra.Command {
	o := datadir.DumpOptions{}
	var from, to uint64
	command := &cobra.Command{
		Use:   "dump",
		Short: "List the records of a data directory as JSON lines",
		Long: `List every change that the journals of a data directory hold, one line of JSON each: record and index (which name a message),
log time, shard, partition, kind and fields. No server may use the directory; of one that does, dump a backup.

Message bodies, attributes and senders are left out without --bodies; with it, those of messages that are encrypted stay
encrypted. Secrets are always left out.`,
		Args: cobra.NoArgs,
	}
	flags := p.settingFlags(command, "data")
	command.Flags().IntVar(&o.Shard, "shard", -1, "only this `number` of shard (default all)")
	command.Flags().Uint64Var(&from, "from", 0, "first `record` (default the oldest)")
	command.Flags().Uint64Var(&to, "to", 0, "last `record` (default the newest)")
	command.Flags().BoolVar(&o.Bodies, "bodies", false, "with bodies, attributes and senders, which may be private")
	file := command.Flags().String("backup", "", "list the records of this `file`, a backup, instead")
	command.Flags().Lookup("shard").DefValue = ""
	command.RunE = func(command *cobra.Command, _ []string) error {
		ctx, stop := interruptible(command.Context())
		defer stop()
		o.From, o.To = journal.Seq(from), journal.Seq(to)
		if to != 0 && to < from {
			return usage(command, "--to %d is before --from %d", to, from)
		}
		from := ofDirectory
		if *file != "" {
			from = ofBackup
			if err := unused(command, "is for data directories, not for a --backup", "data", "config"); err != nil {
				return err
			}
		}
		v, closer, err := p.dumped(flags, *file)
		if err != nil {
			return err
		}
		defer closer()
		if o.Shard < -1 || o.Shard >= v.Shards() {
			return usage(command, "there is no shard %d; there are shards 0 to %d", o.Shard, v.Shards()-1)
		}
		if err := datadir.Dump(ctx, p.stdout, v, o); err != nil {
			return from.explain(err)
		}
		return nil
	}
	return command
}

// dumped opens what dump lists.
func (p *program) dumped(flags *settingFlags, file string) (journal.View, func(), error) {
	if file != "" {
		a, err := openBackup(file)
		if err != nil {
			return nil, nil, err
		}
		return a, a.close, nil
	}
	cfg, _, err := p.load(flags)
	if err != nil {
		return nil, nil, err
	}
	v, err := openDirectory(cfg.Data, "staunch backup create FILE, then staunch journal dump --backup FILE")
	if err != nil {
		return nil, nil, err
	}
	return v, func() { _ = v.Close() }, nil
}

// openDirectory opens a data directory; instead is what to do when a server uses it.
func openDirectory(dir, instead string) (*datadir.Directory, error) {
	v, err := datadir.Open(dir, slog.New(slog.DiscardHandler))
	switch {
	case err == nil:
		return v, nil
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return nil, &exitError{code: exitUsage, step: "--data chooses the directory; `staunch config print` shows the one that serve would take.", err: err}
	case errors.Is(err, journal.ErrLocked):
		return nil, &exitError{code: exitUsage, step: "While a server uses it: " + instead, err: err}
	default:
		return nil, ofDirectory.explain(err)
	}
}

// defaultAdminURL is where a server without settings has its admin interface.
var defaultAdminURL = config.LocalURL("127.0.0.1:9325", false)

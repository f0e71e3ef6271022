package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/staunchmq/staunch/internal/config"
	"github.com/staunchmq/staunch/internal/loadgen"
)

// benchFlags are the flags of bench that are not options of the generator as they are.
type benchFlags struct {
	options    loadgen.Options
	attributes []string
	unsigned   bool
	hdr        string
	form       *string
}

func (p *program) benchCommand() *cobra.Command {
	names, whats := loadgen.Scenarios()
	var table strings.Builder
	for i := range names {
		fmt.Fprintf(&table, "  %-15s %s\n", names[i], whats[i])
	}
	command := &cobra.Command{
		Use:   "bench [SCENARIO...]",
		Short: "Measure and check a server, any that speaks SQS",
		Long: `Measure how many messages a server takes in and hands out, how long that takes, and what CPU time it costs, and check on
the way that nothing is lost, doubled, changed or out of order. The server can be any that speaks SQS, also AWS itself (which
charges for it). Scenarios, run one after the other:

` + table.String() + `
Without one: send send-batch receive-delete round-trip. Each creates a queue of its own and deletes it, or uses --queue, whose
other messages it leaves alone (they are received, and come back when their visibility timeout ends).

Requests are signed when there are keys: --access-key and --secret-key, or AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and
AWS_SESSION_TOKEN. Exit code 1: a request failed, or a check did.`,
		Args:      cobra.ArbitraryArgs,
		ValidArgs: names,
	}
	f := p.addBenchFlags(command)
	command.RunE = func(command *cobra.Command, args []string) error {
		if len(args) == 0 {
			args = []string{loadgen.Send, loadgen.SendBatch, loadgen.ReceiveDelete, loadgen.RoundTrip}
		}
		for _, name := range args {
			if !slices.Contains(names, name) {
				return usage(command, "there is no scenario %q; the nearest is %s", name, config.Nearest(name, names))
			}
		}
		return p.bench(command, f, args)
	}
	command.AddCommand(p.benchCompareCommand())
	return command
}

func (p *program) addBenchFlags(command *cobra.Command) *benchFlags {
	f := &benchFlags{}
	o, flags := &f.options, command.Flags()
	flags.StringVar(&o.Endpoint, "endpoint", "http://127.0.0.1:9324", "`URL` of the server")
	flags.StringVar(&o.Queue, "queue", "", "`name` or URL of a queue that is there, instead of one that is made")
	flags.StringArrayVar(&f.attributes, "attribute", nil, "`Name=Value` of an attribute of the queue that is made; more of them with more flags")
	flags.StringVar(&o.Protocol, "protocol", loadgen.JSON, "`protocol` of requests: json or query")
	flags.StringVar(&o.Keys.AccessKey, "access-key", p.variable("AWS_ACCESS_KEY_ID"), "access `key` to sign with (default $AWS_ACCESS_KEY_ID)")
	flags.StringVar(&o.Keys.SecretKey, "secret-key", "", "secret `key` to sign with (default $AWS_SECRET_ACCESS_KEY)")
	flags.BoolVar(&f.unsigned, "unsigned", false, "do not sign requests, whatever the environment has")
	flags.StringVar(&o.Region, "region", p.variable("AWS_REGION", "AWS_DEFAULT_REGION"), "`region` of signatures (default $AWS_REGION, else us-east-1)")
	flags.IntVarP(&o.Connections, "connections", "c", 0, "producers and consumers, each with a connection (default 32)")
	flags.IntVar(&o.Producers, "producers", 0, "producers (default: connections)")
	flags.IntVar(&o.Consumers, "consumers", 0, "consumers (default: connections; 1 in fan-in)")
	flags.IntVar(&o.Size, "size", 0, "`bytes` of a body, 36 to 1048576 (default 1024)")
	flags.IntVar(&o.Batch, "batch", 0, "messages of a request, 1 to 10 (default 10; send and long-poll always send one)")
	flags.IntVar(&o.Groups, "groups", 0, "message groups of fifo (default 64)")
	flags.IntVar(&o.Messages, "messages", 0, "messages that receive-delete and backlog send first (default 100000); send and send-batch end after so many")
	flags.IntVar(&o.Ahead, "ahead", 0, "messages that producers may be ahead of consumers when there is no rate (default: four requests of each producer)")
	flags.DurationVar(&o.Duration, "duration", 0, "how long to measure (default 10s)")
	flags.DurationVar(&o.WarmUp, "warm-up", 0, "how long to run before that")
	flags.Float64Var(&o.Rate, "rate", 0, "messages a `second` that are due in all, whatever the server does (default: as fast as it answers; 200 in long-poll)")
	flags.DurationVar(&o.Wait, "wait", 0, "WaitTimeSeconds of receives; 0s does not wait (default 1s; 20s in long-poll)")
	flags.DurationVar(&o.DrainTimeout, "drain-timeout", 0, "how long nothing may come before the rest counts as lost (default 10s)")
	flags.DurationVar(&o.DrainLimit, "drain-limit", 0, "how long receiving may go on after what is measured; what is left then is not checked (default: duration, and at least drain-timeout)")
	flags.Uint64Var(&o.Seed, "seed", 1, "`number` that decides bodies and the order of groups")
	flags.BoolVar(&o.NoVerify, "no-verify", false, "do not receive what send, send-batch and receive-delete leave in the queue")
	flags.BoolVar(&o.AllowDuplicates, "allow-duplicates", false, "messages that come twice are no violation, as in a standard queue of AWS")
	flags.IntVar(&o.ServerPID, "server-pid", 0, "`process` of the server on this machine, to read its CPU time and memory")
	flags.StringVar(&o.Admin, "admin", "", "`URL` of the admin interface of a Staunch server, to read the same from its metrics")
	flags.StringVar(&f.hdr, "hdr", "", "`file` for the histograms of all times (HdrHistogram log, nanoseconds)")
	f.form = outputFlag(command, "table", "json")
	return f
}

// variable returns the first of these environment variables that is not empty.
func (p *program) variable(names ...string) string {
	for _, name := range names {
		for _, entry := range p.environ {
			if value, found := strings.CutPrefix(entry, name+"="); found && value != "" {
				return value
			}
		}
	}
	return ""
}

func (p *program) bench(command *cobra.Command, f *benchFlags, scenarios []string) error {
	o, err := p.benchOptions(command, f)
	if err != nil {
		return usage(command, "%w", err)
	}
	for _, name := range scenarios { // all of them, before the first takes its time
		o.Scenario = name
		if err := o.Check(); err != nil {
			return usage(command, "%w", err)
		}
	}
	var histograms *os.File
	if f.hdr != "" {
		if histograms, err = os.Create(f.hdr); err != nil {
			return usage(command, "%w", err)
		}
		defer histograms.Close()
	}
	ctx, stop := interruptible(command.Context())
	defer stop()
	var results []*loadgen.Result
	var violations error
	for _, name := range scenarios {
		o.Scenario = name
		line := p.benchProgress()
		result, err := loadgen.Run(ctx, o, line.show)
		line.clear()
		if err != nil {
			return benchFailed(ctx, name, &o, err)
		}
		results = append(results, result)
		violations = errors.Join(violations, result.Violations())
		if *f.form == "table" {
			fmt.Fprint(p.stdout, benchTable(result))
		}
	}
	if *f.form == "json" {
		if err := p.printJSON(benchFile{results}); err != nil {
			return err
		}
	}
	if histograms != nil {
		if err := errors.Join(loadgen.WriteHDR(histograms, results), histograms.Close()); err != nil {
			return err
		}
	}
	if violations != nil {
		return &exitError{code: exitFailed, step: "The server broke a promise of SQS, or something else uses the queue. -o json has all counts.", err: violations}
	}
	return nil
}

// benchOptions makes the generator's options of what was asked for.
func (p *program) benchOptions(command *cobra.Command, f *benchFlags) (o loadgen.Options, err error) {
	if err := checkGiven(command, f); err != nil {
		return o, err
	}
	o = f.options
	o.Attributes = make(map[string]string)
	for _, text := range f.attributes {
		name, value, ok := strings.Cut(text, "=")
		if _, twice := o.Attributes[name]; twice || !ok {
			return o, fmt.Errorf("attribute is %q; it must be Name=Value, each name once", text)
		}
		o.Attributes[name] = value
	}
	o.ShortPoll = command.Flags().Changed("wait") && o.Wait == 0
	p.findKeys(command, f, &o)
	if command.Flags().Changed("region") && o.Keys.AccessKey == "" {
		return o, errors.New("region is of signatures, and there are no keys to sign with")
	}
	return o, nil
}

// notZero are the flags for which 0 stands for a default that it is not itself.
var notZero = []string{
	"connections", "producers", "consumers", "size", "batch", "groups", "messages", "ahead", "duration", "rate", "drain-timeout", "drain-limit", "server-pid",
}

// checkGiven refuses what was asked for and would not be done.
func checkGiven(command *cobra.Command, f *benchFlags) error {
	flags := command.Flags()
	for _, name := range notZero {
		if text := flags.Lookup(name).Value.String(); flags.Changed(name) && (text == "0" || text == "0s") {
			return fmt.Errorf("%s is %s; it must be more than 0", name, text)
		}
	}
	if f.unsigned && (flags.Changed("access-key") || flags.Changed("secret-key") || flags.Changed("region")) {
		return errors.New("unsigned requests have no keys and no region")
	}
	return nil
}

// findKeys takes the keys from the environment unless flags have them.
func (p *program) findKeys(command *cobra.Command, f *benchFlags, o *loadgen.Options) {
	switch {
	case f.unsigned:
		o.Keys = loadgen.Keys{}
	case !command.Flags().Changed("access-key"):
		o.Keys.SessionToken = p.variable("AWS_SESSION_TOKEN")
		fallthrough
	default:
		if o.Keys.SecretKey == "" {
			o.Keys.SecretKey = p.variable("AWS_SECRET_ACCESS_KEY")
		}
	}
}

func benchFailed(ctx context.Context, scenario string, o *loadgen.Options, err error) error {
	if ctx.Err() != nil {
		return &exitError{code: exitInterrupted, step: "Nothing was measured to its end.", err: fmt.Errorf("%s: %w", scenario, errInterrupted)}
	}
	step := "Does a server that speaks SQS listen at " + o.Endpoint + "?"
	var answered *loadgen.StatusError
	switch {
	case errors.Is(err, loadgen.ErrMeter):
		step = "--admin is the URL of the admin interface of a Staunch server, --server-pid is the process of the server on this machine. Both can be left out."
	case errors.As(err, &answered) && o.Queue != "":
		step = "Is there a queue " + o.Queue + ", and may these keys use it?"
	case errors.As(err, &answered):
		step = "The server is there; its answer or its log says why."
	}
	return &exitError{code: exitFailed, step: step, err: fmt.Errorf("%s: %w", scenario, err)}
}

// benchFile is the JSON form of results.
type benchFile struct {
	Results []*loadgen.Result `json:"results"`
}

func (p *program) printJSON(value any) error {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "%s\n", text)
	return err
}

// benchTable shows a result to people.
func benchTable(r *loadgen.Result) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, phase := range r.Phases {
		name := r.Scenario
		if phase.Name != name {
			name += ", " + phase.Name
		}
		fmt.Fprintf(&b, "%s: %.0f messages/s (%d in %.1f s), CPU per request: %s\n", name, phase.Rate, phase.Messages, phase.Seconds, benchCPU(phase.CPU))
		if phase.Unsent > 0 {
			fmt.Fprintf(&b, "  THE RATE WAS TOO HIGH: %d messages were due and not sent\n", phase.Unsent)
		}
		fmt.Fprintln(w, "\trequests\tmean ms\tp50\tp90\tp99\tp99.9\tmax\t")
		for _, op := range phase.Operations {
			fmt.Fprintf(w, "  %s\t%d\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t%.2f\t\n", op.Name, op.Requests, op.Mean, op.P50, op.P90, op.P99, op.P999, op.Max)
		}
		_ = w.Flush() // b cannot fail
	}
	c := r.Checks
	fmt.Fprintf(&b, "  checks: %d sent, %d received, %d deleted, %d left; %d lost, %d undeleted, %d duplicates, %d resurrected, %d disordered, %d damaged",
		c.Sent, c.Received, c.Deleted, c.Left, c.Lost, c.Undeleted, c.Duplicates, c.Resurrected, c.Disordered, c.Damaged)
	if c.Left > 0 {
		b.WriteString("; what is left was not checked (--drain-limit, --no-verify)")
	}
	if c.Foreign > 0 {
		fmt.Fprintf(&b, "; %d of others left alone", c.Foreign)
	}
	b.WriteString("\n\n")
	return b.String()
}

func benchCPU(c loadgen.CPU) string {
	server := "server unknown (--server-pid or --admin)"
	if c.ServerPerRequest > 0 {
		server = fmt.Sprintf("server %.1f us (%.2f cores, %d MiB resident)", c.ServerPerRequest, c.ServerCores, c.ServerResident>>20)
	}
	return fmt.Sprintf("%s, this program %.1f us (%.2f cores)", server, c.ClientPerRequest, c.ClientCores)
}

// progressLine is a line on a terminal that is written over and over. Elsewhere it says once when something begins that is not measured.
type progressLine struct {
	program  *program
	terminal bool
	said     string // phase
}

func (p *program) benchProgress() *progressLine {
	return &progressLine{program: p, terminal: p.redraws()}
}

func (l *progressLine) show(at loadgen.Progress) {
	if !l.terminal {
		if !at.Measured && at.Phase != l.said {
			fmt.Fprintf(l.program.stderr, "%s, %s (not measured)%s; %d sent, %d deleted\n", at.Scenario, at.Phase, remaining(at), at.Sent, at.Deleted)
			l.said = at.Phase
		}
		return
	}
	name := at.Scenario
	if at.Phase != name {
		name += ", " + at.Phase
	}
	text := fmt.Sprintf("%s: %.0f s%s, %.0f messages/s; %d sent, %d received, %d deleted",
		name, at.Elapsed.Seconds(), remaining(at), at.Rate, at.Sent, at.Received, at.Deleted)
	room := max(0, terminalWidth(l.program.stderr)-interruptRoom) // a line that goes on in the next one cannot be written over
	fmt.Fprintf(l.program.stderr, "\r%.*s%s", room, text, eraseToEnd)
}

// remaining says how far the phase is and how long it still takes, as far as that is known.
func remaining(at loadgen.Progress) (text string) {
	if at.Total > 0 {
		text = fmt.Sprintf(", %d %%", min(100, 100*at.Done/at.Total))
	}
	most := max(0, at.Most-at.Elapsed).Seconds()
	switch {
	case at.Done > 0 && at.Done < at.Total:
		about := at.Elapsed.Seconds() * float64(at.Total-at.Done) / float64(at.Done)
		if at.Most > 0 {
			about = min(about, most)
		}
		text += fmt.Sprintf(", about %.0f s to go", about)
	case at.Most > 0:
		text += fmt.Sprintf(", %.0f s to go at the most", most)
	}
	return text
}

// clear takes the line away.
func (l *progressLine) clear() {
	if l.terminal {
		fmt.Fprint(l.program.stderr, eraseLine)
	}
}

func (p *program) benchCompareCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "compare A.json B.json",
		Short: "Compare two results of bench -o json",
		Long: `Compare two files that were written by bench -o json: each figure that both have, and B as a multiple of A. Runs that were
made one after the other on a machine with other work differ by tens of per cent: compare several.`,
		Args: cobra.ExactArgs(2),
	}
	form := outputFlag(command, "table", "json")
	command.RunE = func(command *cobra.Command, args []string) error {
		var files [2]benchFile
		for i, name := range args {
			text, err := os.ReadFile(name)
			if err == nil {
				err = json.Unmarshal(text, &files[i])
			}
			if err == nil && len(files[i].Results) == 0 {
				err = errors.New("there are no results in it")
			}
			if err != nil {
				return usage(command, "%s: %w", name, err)
			}
		}
		ratios := loadgen.Compare(files[0].Results, files[1].Results)
		if len(ratios) == 0 {
			return usage(command, "%s and %s have no scenario in common", args[0], args[1])
		}
		if *form == "json" {
			return p.printJSON(struct {
				Ratios []loadgen.Ratio `json:"ratios"`
			}{ratios})
		}
		w := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "SCENARIO\tPHASE\tFIGURE\tA\tB\tB/A")
		for _, r := range ratios {
			fmt.Fprintf(w, "%s\t%s\t%s\t%.4g\t%.4g\t%.2f\n", r.Scenario, r.Phase, r.Figure, r.A, r.B, r.Ratio)
		}
		return w.Flush()
	}
	return command
}

package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/staunchmq/staunch/internal/config"
)

// settingFlags are the flags of settings that a command line gave.
type settingFlags struct {
	file  string
	given map[string]string
}

// settingFlags adds --config and a flag for each setting to command; with names, only for those.
func (p *program) settingFlags(command *cobra.Command, names ...string) *settingFlags {
	f := &settingFlags{given: make(map[string]string)}
	command.Flags().SortFlags = false // the table is in an order that tells something
	command.Flags().StringVar(&f.file, "config", "", "`file` with settings, in YAML (environment: STAUNCH_CONFIG)")
	only := make(map[string]bool)
	for _, name := range names {
		only[name] = true
	}
	for _, s := range config.Settings() {
		if len(names) > 0 && !only[s.Name] {
			continue
		}
		flag := command.Flags().VarPF(&settingValue{setting: s, given: f.given}, s.Name, "", summary(s))
		if s.Kind == "bool" {
			flag.NoOptDefVal = "true"
		}
		if s.Words != nil {
			complete := cobra.FixedCompletions(s.Words, cobra.ShellCompDirectiveNoFileComp)
			if err := command.RegisterFlagCompletionFunc(s.Name, complete); err != nil {
				panic(err) // the flag was added above
			}
		}
	}
	return f
}

// load returns the settings in effect.
func (p *program) load(f *settingFlags) (*config.Config, config.Origins, error) {
	return config.Load(config.Sources{File: f.file, Environ: p.environ, Flags: f.given, Client: true})
}

// loadServer is load for a server, and for who asks what a server would say.
func (p *program) loadServer(f *settingFlags) (*config.Config, config.Origins, error) {
	return config.Load(config.Sources{File: f.file, Environ: p.environ, Flags: f.given})
}

// summary is the help of a setting in one line: its first sentence, without the full stop, and its range where the
// kind of value does not say it all.
func summary(s config.Setting) string {
	first, _, _ := strings.Cut(s.Help, ". ")
	first = strings.TrimSuffix(first, ".")
	switch s.Kind {
	case "word", "count", "size", "duration":
		return fmt.Sprintf("%s (%s)", first, s.Range)
	default:
		return first
	}
}

// settingValue is the flag of one setting. It only keeps the text; config.Load judges it, so that the error is the
// same wherever a value comes from.
type settingValue struct {
	setting config.Setting
	given   map[string]string
}

// Set implements pflag.Value.
func (v *settingValue) Set(text string) error {
	v.given[v.setting.Name] = text
	return nil
}

// String implements pflag.Value.
func (v *settingValue) String() string {
	if text, ok := v.given[v.setting.Name]; ok {
		return text
	}
	return v.setting.Default
}

// Type implements pflag.Value.
func (v *settingValue) Type() string { return v.setting.Kind }

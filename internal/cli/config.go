package cli

import (
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/staunchmq/staunch/internal/config"
)

func (p *program) configCommand() *cobra.Command {
	command := group("config", "Show or check settings")
	command.AddCommand(p.configPrintCommand(), p.configValidateCommand())
	return command
}

func (p *program) configPrintCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "print",
		Short: "Show the settings in effect and where each came from",
		Long: `Show the settings that serve would have with the same flags, environment and file, and where each came from.
The output of -o yaml is a settings file.`,
		Args: cobra.NoArgs,
	}
	flags := p.settingFlags(command)
	form := outputFlag(command, "table", "json", "yaml")
	command.RunE = func(*cobra.Command, []string) error {
		cfg, origins, err := p.loadServer(flags)
		if err != nil {
			return err
		}
		text, err := printSettings(*form, cfg, origins)
		if err != nil {
			return err
		}
		_, err = fmt.Fprint(p.stdout, text)
		return err
	}
	return command
}

func printSettings(form string, cfg *config.Config, origins config.Origins) (string, error) {
	switch form {
	case "json":
		return settingsJSON(cfg, origins)
	case "yaml":
		return settingsYAML(cfg, origins)
	default:
		return settingsTable(cfg, origins), nil
	}
}

func settingsTable(cfg *config.Config, origins config.Origins) string {
	var b strings.Builder
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "SETTING\tVALUE\tFROM")
	for _, s := range config.Settings() {
		value := s.Text(cfg)
		if value == "" {
			value = `""`
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", s.Name, value, origins[s.Name])
	}
	_ = table.Flush() // writes to memory
	return b.String()
}

// settingsJSON returns one object: {"listen": {"value": "127.0.0.1:9324", "from": "default"}, ...}.
func settingsJSON(cfg *config.Config, origins config.Origins) (string, error) {
	type entry struct {
		Value any    `json:"value"`
		From  string `json:"from"`
	}
	entries := make(map[string]entry)
	for _, s := range config.Settings() {
		entries[s.Name] = entry{s.Value(cfg), origins[s.Name].String()}
	}
	text, err := json.MarshalIndent(entries, "", "  ")
	return string(text) + "\n", err
}

// settingsYAML returns a settings file with the origins as comments.
func settingsYAML(cfg *config.Config, origins config.Origins) (string, error) {
	root := &yaml.Node{Kind: yaml.MappingNode}
	for _, s := range config.Settings() {
		var value yaml.Node
		if err := value.Encode(s.Value(cfg)); err != nil {
			return "", err
		}
		value.LineComment = origins[s.Name].String()
		root.Content = append(root.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: s.Name}, &value)
	}
	text, err := yaml.Marshal(root)
	return string(text), err
}

func (p *program) configValidateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "validate FILE",
		Short: "Check a settings file",
		Long:  "Check a settings file alone, without flags and environment. All problems are shown at once.",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if _, _, err := config.Load(config.Sources{File: args[0]}); err != nil {
				return &exitError{
					code: exitFailed,
					step: "All settings: staunch serve --help, docs/configuration.md.",
					err:  fmt.Errorf("the file cannot be used:\n  %s", strings.ReplaceAll(err.Error(), "\n", "\n  ")),
				}
			}
			_, err := fmt.Fprintf(p.stdout, "%s is good\n", args[0])
			return err
		},
	}
}

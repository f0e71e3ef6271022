package cli

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/staunchmq/staunch/internal/version"
)

func (p *program) versionCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "version",
		Short: "Say which build this is",
		Args:  cobra.NoArgs,
	}
	form := outputFlag(command, "text", "json")
	command.RunE = func(*cobra.Command, []string) error {
		info := version.Read()
		if *form == "text" {
			_, err := fmt.Fprintf(p.stdout, "staunch %s\n", info)
			return err
		}
		text, err := json.MarshalIndent(info, "", "  ")
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(p.stdout, string(text))
		return err
	}
	return command
}

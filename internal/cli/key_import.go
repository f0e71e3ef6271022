package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/staunchmq/staunch/internal/identity"
)

func (p *program) keyImportCommand() *cobra.Command {
	command := &cobra.Command{
		Use:   "import FILE",
		Short: "Store the access keys of a credentials file",
		Long: `Store access keys that were made elsewhere. FILE, or standard input for -, has the form of ~/.aws/credentials:

  [worker]
  aws_access_key_id = AKIA2ZJ5QXYWK3VN7TBA
  aws_secret_access_key = ...

Each profile is a user of the account, who is created if there is none of the name; the profile "root" is the root of the account. A key
that the user has already gets the secret of the file, so an import can be repeated. All of the file is read before anything is stored.`,
		Example: "  staunch key import credentials\n  kubectl get secret keys -o jsonpath='{.data.credentials}' | base64 -d | staunch key import -",
		Args:    cobra.ExactArgs(1),
	}
	return p.identityCommand(command, func(c *identityCommand, args []string) error {
		text, err := readDocument(c.Command, args[0])
		if err != nil {
			return err
		}
		profiles, err := parseCredentials(text)
		if err != nil {
			return &exitError{code: exitUsage, step: fmt.Sprintf("Nothing was changed. Usage: %s --help.", c.CommandPath()), err: fmt.Errorf("%s: %w", args[0], err)}
		}
		stored := 0
		for _, profile := range profiles {
			in := &identity.ImportKeyInput{
				CreateKeyInput: identity.CreateKeyInput{Account: c.account, User: profile.name},
				ID:             profile.id, Secret: profile.secret, CreateUser: true,
			}
			if profile.name == rootName {
				in.User = ""
			}
			var key identity.Key
			if err := c.do("import-key", in, &key); err != nil {
				err = fmt.Errorf("profile %s: %w", profile.name, err)
				if stored > 0 {
					err = &exitError{code: exitFailed, step: "The profiles before it were stored. Correct the file and import it again.", err: err}
				}
				return err
			}
			stored++
			if err := c.say("%s has access key %s", profile.name, key.ID); err != nil {
				return err
			}
		}
		return nil
	}).Command
}

// profile is a section of a credentials file.
type profile struct{ name, id, secret string }

// parseCredentials reads the profiles of a credentials file. What it cannot use is an error, which says in which line.
func parseCredentials(text string) ([]*profile, error) {
	var profiles []*profile
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		if name, ok := strings.CutPrefix(line, "["); ok {
			name, ok = strings.CutSuffix(name, "]")
			if name = strings.TrimSpace(name); !ok || name == "" {
				return nil, fmt.Errorf("line %d is not a [profile]", i+1)
			}
			profiles = append(profiles, &profile{name: name})
			continue
		}
		if len(profiles) == 0 {
			return nil, fmt.Errorf("line %d stands before the first [profile]", i+1)
		}
		key, value, ok := strings.Cut(line, "=")
		field := profiles[len(profiles)-1].field(strings.TrimSpace(key))
		switch {
		case !ok:
			return nil, fmt.Errorf("line %d is not NAME = VALUE", i+1)
		case field == nil:
			return nil, fmt.Errorf("line %d: %s cannot be imported; only aws_access_key_id and aws_secret_access_key can", i+1, strings.TrimSpace(key))
		case *field != "":
			return nil, fmt.Errorf("line %d: %s is there twice", i+1, strings.TrimSpace(key))
		}
		*field = strings.TrimSpace(value)
	}
	for _, p := range profiles {
		if p.id == "" || p.secret == "" {
			return nil, fmt.Errorf("profile %s has no aws_access_key_id or no aws_secret_access_key", p.name)
		}
	}
	if len(profiles) == 0 {
		return nil, fmt.Errorf("there is no [profile] in it")
	}
	return profiles, nil
}

func (p *profile) field(key string) *string {
	switch strings.ToLower(key) {
	case "aws_access_key_id":
		return &p.id
	case "aws_secret_access_key":
		return &p.secret
	default:
		return nil
	}
}

package credentials

import (
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"regexp"
	"strings"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/arn"
)

// secretMin is the length of the shortest secret that is accepted. AWS's have 40 characters. A signature that somebody has
// seen lets them try secrets without asking the server, so short ones are no secrets.
const secretMin = 16

var (
	keyID    = regexp.MustCompile(`^[A-Za-z0-9_]{3,128}$`)
	userName = regexp.MustCompile(`^[A-Za-z0-9_+=,.@-]{1,64}$`) // as IAM's
)

// entry is one section of a file.
type entry struct {
	name, line                string
	id, secret, account, user string
}

// Parse reads access keys in the form of the package comment. account is the one of sections that name none. Errors name the line,
// and never have a secret in them.
func Parse(text, account string) (map[string]api.AccessKey, error) {
	keys := make(map[string]api.AccessKey)
	var current *entry
	finish := func() error {
		if current == nil {
			return nil
		}
		return current.addTo(keys)
	}
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		switch {
		case line == "", line[0] == '#', line[0] == ';':
		case line[0] == '[':
			if err := finish(); err != nil {
				return nil, err
			}
			if len(line) < 3 || line[len(line)-1] != ']' {
				return nil, fmt.Errorf("line %d: a section is a name in brackets, such as [default]", i+1)
			}
			current = &entry{name: line[1 : len(line)-1], line: fmt.Sprintf("line %d", i+1), account: account}
		case current == nil:
			return nil, fmt.Errorf("line %d: a section such as [default] must come first", i+1)
		default:
			if err := current.set(line); err != nil {
				return nil, fmt.Errorf("line %d: %w", i+1, err)
			}
		}
	}
	return keys, finish()
}

// set reads one line of a section.
func (e *entry) set(line string) error {
	name, value, ok := strings.Cut(line, "=")
	name, value = strings.TrimSpace(name), strings.TrimSpace(value)
	if !ok {
		return fmt.Errorf("want name = value")
	}
	field := map[string]*string{"aws_access_key_id": &e.id, "aws_secret_access_key": &e.secret, "account": &e.account, "user": &e.user}[name]
	switch {
	case field == nil && len(name) <= 40:
		return fmt.Errorf("unknown name %q; there are aws_access_key_id, aws_secret_access_key, account and user", name)
	case field == nil: // it may be a secret in the wrong place
		return fmt.Errorf("unknown name; there are aws_access_key_id, aws_secret_access_key, account and user")
	case value == "":
		return fmt.Errorf("%s has no value", name)
	}
	*field = value
	return nil
}

// addTo checks the section and adds its key.
func (e *entry) addTo(keys map[string]api.AccessKey) error {
	key, err := newKey(e.id, e.secret, e.account, e.user)
	if err != nil {
		return fmt.Errorf("%s: section [%s]: %w", e.line, e.name, err)
	}
	if _, twice := keys[e.id]; twice {
		return fmt.Errorf("%s: section [%s]: the access key id %s is there twice", e.line, e.name, e.id)
	}
	keys[e.id] = key
	return nil
}

func newKey(id, secret, account, user string) (api.AccessKey, error) {
	switch {
	case !keyID.MatchString(id):
		return api.AccessKey{}, fmt.Errorf("aws_access_key_id must be 3 to 128 letters, digits and underscores")
	case len(secret) < secretMin:
		return api.AccessKey{}, fmt.Errorf("aws_secret_access_key must have at least %d characters", secretMin)
	case !arn.ValidAccount(account):
		return api.AccessKey{}, fmt.Errorf("account must be 12 digits")
	case user == "":
		return api.AccessKey{Secret: secret, Principal: api.Root(account)}, nil
	case !userName.MatchString(user):
		return api.AccessKey{}, fmt.Errorf("user must be 1 to 64 letters, digits and any of _+=,.@-")
	}
	return api.AccessKey{Secret: secret, Principal: api.Principal{
		Account: account,
		ARN:     "arn:aws:iam::" + account + ":user/" + user,
		UserID:  uniqueID(account, user),
	}}, nil
}

// uniqueID makes a user's unique ID of the account and the name, since a file has no place for one: it is the same after every start.
func uniqueID(account, user string) string {
	hash := sha256.Sum256([]byte(account + "/" + user))
	return "AIDA" + base32.StdEncoding.EncodeToString(hash[:])[:17]
}

package credentials

import (
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/arn"
	"github.com/staunchmq/staunch/internal/iam"
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
	name, line                        string
	id, secret, account, user, policy string
}

// policyBytesMax is the size of the largest policy of a user. AWS: 10,240 for all inline policies of a role.
const policyBytesMax = 10 << 10

// parsed is what a file says.
type parsed struct {
	keys map[string]api.AccessKey
	// policies are those of users, by the unique IDs of these.
	policies map[string][]*iam.Policy
}

// parse reads access keys in the form of the package comment. account is the one of sections that name none. Errors name the line,
// and never have a secret in them.
func parse(text, account string) (*parsed, error) {
	p := &parsed{keys: make(map[string]api.AccessKey), policies: make(map[string][]*iam.Policy)}
	var current *entry
	finish := func() error {
		if current == nil {
			return nil
		}
		return current.addTo(p)
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
	return p, finish()
}

// set reads one line of a section.
func (e *entry) set(line string) error {
	name, value, ok := strings.Cut(line, "=")
	name, value = strings.TrimSpace(name), strings.TrimSpace(value)
	if !ok {
		return fmt.Errorf("want name = value")
	}
	field := map[string]*string{"aws_access_key_id": &e.id, "aws_secret_access_key": &e.secret, "account": &e.account, "user": &e.user, "policy": &e.policy}[name]
	switch {
	case field == nil && len(name) <= 40:
		return fmt.Errorf("unknown name %q; there are aws_access_key_id, aws_secret_access_key, account, user and policy", name)
	case field == nil: // it may be a secret in the wrong place
		return fmt.Errorf("unknown name; there are aws_access_key_id, aws_secret_access_key, account, user and policy")
	case value == "":
		return fmt.Errorf("%s has no value", name)
	}
	*field = value
	return nil
}

// addTo checks the section and adds its key.
func (e *entry) addTo(p *parsed) error {
	key, err := newKey(e.id, e.secret, e.account, e.user)
	if err == nil {
		err = e.addPolicy(p, key.Principal)
	}
	if _, twice := p.keys[e.id]; twice && err == nil {
		err = fmt.Errorf("the access key id %s is there twice", e.id)
	}
	if err != nil {
		return fmt.Errorf("%s: section [%s]: %w", e.line, e.name, err)
	}
	p.keys[e.id] = key
	return nil
}

// addPolicy gives the user of the section its policy, beside those of other sections of the user.
func (e *entry) addPolicy(p *parsed, user api.Principal) error {
	switch {
	case e.policy == "":
		return nil
	case e.user == "":
		return errors.New("a policy belongs to a user; the root of an account may do everything there")
	case len(e.policy) > policyBytesMax:
		return fmt.Errorf("the policy has %d bytes; at most %d are allowed", len(e.policy), policyBytesMax)
	}
	policy, err := iam.Parse(e.policy, iam.IdentityPolicy)
	if err != nil {
		return fmt.Errorf("the policy cannot be used: %w", err)
	}
	p.policies[user.UserID] = append(p.policies[user.UserID], policy.Named("policy in section ["+e.name+"] of the credentials file"))
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

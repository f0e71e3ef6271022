// Package credentials has access keys that are not kept in the catalog: those of a file, and one of the root that the environment
// names. They are for set-ups where the keys come from elsewhere, such as a Kubernetes secret. The file has the form of the
// AWS CLI's, with three more names:
//
//	[orders]
//	aws_access_key_id     = AKIAORDERS
//	aws_secret_access_key = wJalrXUtnFEMI/K7MDENG
//	account               = 111111111111
//	user                  = orders
//	policy                = {"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sqs:*","Resource":"*"}}
//
// account is left out for the server's own, and user for the root of the account. policy is what the user may do, on one line; the policies
// of all sections of a user add up. The names of the sections mean nothing. The file is read again when it changes, and a change counts
// when two looks in a row have found it: a file that is being written may end where a section of a user looks like one of the root.
package credentials

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/clock"
	"github.com/staunchmq/staunch/internal/iam"
	"github.com/staunchmq/staunch/internal/reload"
)

// readInterval is how often the file is looked at; a change takes two looks. Kubernetes itself takes about a minute to bring a changed secret
// into a container.
const readInterval = 2500 * time.Millisecond

// bytesMax bounds the file: some thousands of keys.
const bytesMax = 1 << 20

// Options say where the keys are.
type Options struct {
	// File is the path of a file of keys; "" if there is none.
	File string
	// RootID and RootSecret are an access key of the root of Account; "" if there is none.
	RootID, RootSecret string
	// Account is the account of sections that name none.
	Account string

	Clock  clock.Clock
	Logger *slog.Logger
}

// Set is the access keys. It is safe for concurrent use.
type Set struct {
	options Options
	text    string // of the file that was last taken over; used by Run only, after Open
	seen    string // of the file at the last look; as text
	parsed  atomic.Pointer[parsed]
}

// Open reads the keys.
func Open(o Options) (*Set, error) {
	s := &Set{options: o}
	if o.File == "" {
		return s, s.use("")
	}
	if info, err := os.Stat(o.File); err == nil && info.Mode().Perm()&0o077 != 0 {
		o.Logger.Warn("others on this machine can read the access keys; make it readable by its owner alone (chmod 600)", "credentials_file", o.File)
	}
	text, err := read(o.File)
	if err != nil {
		return nil, err
	}
	return s, s.use(text)
}

// AccessKey returns the access key with this id, false if there is none.
func (s *Set) AccessKey(id string) (api.AccessKey, bool) {
	key, ok := s.parsed.Load().keys[id]
	return key, ok
}

// Named returns the principal with an ARN who has a key here, false if there is none.
func (s *Set) Named(principalARN string) (api.Principal, bool) {
	for _, key := range s.parsed.Load().keys {
		if key.Principal.ARN == principalARN {
			return key.Principal, true
		}
	}
	return api.Principal{}, false
}

// Has tells whether a user with an ARN has a key here, or if it is the ARN of a root, anybody of that account.
func (s *Set) Has(arn string) bool {
	p, err := iam.ParsePrincipal(arn, "")
	isRoot := err == nil && p.Kind == iam.Root
	for _, key := range s.parsed.Load().keys {
		if key.Principal.ARN == arn || isRoot && key.Principal.Account == p.Account {
			return true
		}
	}
	return false
}

// Policies returns the policies of a user of the file, which must not be changed; none for others.
func (s *Set) Policies(p api.Principal) []*iam.Policy { return s.parsed.Load().policies[p.UserID] }

// Users returns the ARNs of the users of the file, in order: those with policies, and those without.
func (s *Set) Users() (with, without []string) {
	p := s.parsed.Load()
	for _, key := range p.keys {
		switch {
		case len(p.policies[key.Principal.UserID]) > 0:
			with = append(with, key.Principal.ARN)
		case key.Principal.UserID != key.Principal.Account:
			without = append(without, key.Principal.ARN)
		}
	}
	return sortedOnce(with), sortedOnce(without)
}

func sortedOnce(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}

// Len returns how many access keys there are.
func (s *Set) Len() int { return len(s.parsed.Load().keys) }

// Run reads the file again whenever it has changed, until ctx ends. A file that cannot be read or used is logged, and the
// keys stay as they were.
func (s *Set) Run(ctx context.Context) error {
	if s.options.File == "" {
		<-ctx.Done()
		return nil
	}
	return reload.Run(ctx, reload.Options{
		Clock: s.options.Clock, Every: readInterval, Look: s.reread,
		Changed: func() {
			s.options.Logger.Info("read the access keys again", "credentials_file", s.options.File, "keys", s.Len())
		},
		Failed: func(err error) { s.options.Logger.Error("the access keys stay as they were", "error", err) },
	})
}

// reread takes over the file if it has changed, and is what it was at the last look.
func (s *Set) reread() (changed bool, err error) {
	text, err := read(s.options.File)
	settled := text == s.seen
	s.seen = text
	if err != nil || text == s.text || !settled {
		return false, err
	}
	return true, s.use(text)
}

// use makes the keys of a file's text, with that of the root, the ones that count.
func (s *Set) use(text string) error {
	p, err := parse(text, s.options.Account)
	if err != nil {
		return fmt.Errorf("credentials file %s: %w", s.options.File, err)
	}
	if id := s.options.RootID; id != "" {
		root, err := newKey(id, s.options.RootSecret, s.options.Account, "")
		if err != nil {
			return fmt.Errorf("the access key of the root: %w", err)
		}
		if _, twice := p.keys[id]; twice {
			return fmt.Errorf("credentials file %s: access key %s is also that of the root (STAUNCH_ROOT_ACCESS_KEY_ID); an ID names one key", s.options.File, id)
		}
		p.keys[id] = root
	}
	if len(p.keys) == 0 {
		return fmt.Errorf("credentials file %s: there is no access key in it", s.options.File)
	}
	s.text = text
	s.parsed.Store(p)
	return nil
}

func read(path string) (string, error) {
	info, err := os.Stat(path)
	if err == nil && info.Size() > bytesMax {
		err = fmt.Errorf("it is larger than %d bytes", bytesMax)
	}
	var text []byte
	if err == nil {
		text, err = os.ReadFile(path)
	}
	if err != nil {
		return "", fmt.Errorf("credentials file %s: %w", path, err)
	}
	return string(text), nil
}

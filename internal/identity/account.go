package identity

import (
	"context"
	"slices"

	"github.com/staunchmq/staunch/internal/arn"
	"github.com/staunchmq/staunch/internal/catalog"
)

// Account is a tenant: what belongs to one is apart from what belongs to another.
type Account struct {
	ID      string `json:"id"` // 12 digits
	Name    string `json:"name,omitempty"`
	Created int64  `json:"created"` // Unix ms
}

// CreateAccountInput is the input of CreateAccount.
type CreateAccountInput struct {
	// ID is 12 digits; empty for random ones.
	ID string `json:"id,omitempty"`
	// Name can be used in place of the ID: 3 to 63 lower-case letters, digits and hyphens, not at the ends. Empty for none.
	Name string `json:"name,omitempty"`
}

// CreateAccount adds an account. Errors: Invalid, Exists, Limit.
func (s *Service) CreateAccount(ctx context.Context, in *CreateAccountInput) (*Account, error) {
	if in.ID != "" && !arn.ValidAccount(in.ID) {
		return nil, refuse(Invalid, "account ID %q: want 12 digits", in.ID)
	}
	if in.Name != "" && (len(in.Name) < 3 || len(in.Name) > 63 || !accountNameForm.MatchString(in.Name)) {
		return nil, refuse(Invalid, "account name %q: want 3 to 63 lower-case letters, digits and hyphens, not at the ends", in.Name)
	}
	if arn.ValidAccount(in.Name) {
		return nil, refuse(Invalid, "account name %q could be an ID", in.Name)
	}
	a := catalog.Account{ID: in.ID, Name: in.Name, Created: s.now()}
	err := s.update(ctx, func(ids *catalog.Identities) (catalog.Change, error) {
		count := 0
		for other := range ids.Accounts() {
			count++
			if other.ID == a.ID || a.Name != "" && other.Name == a.Name {
				return nil, refuse(Exists, "there is an account %s %s already", other.ID, other.Name)
			}
		}
		if count >= accountsMax {
			return nil, refuse(Limit, "there are %d accounts already", accountsMax)
		}
		for a.ID == "" || ids.Account(a.ID) != nil {
			var err error
			if a.ID, err = s.accountID(); err != nil {
				return nil, err
			}
		}
		return catalog.PutAccount{Account: a}, nil
	})
	if err != nil {
		return nil, err
	}
	return accountOf(&a), nil
}

// EnsureAccount adds an account if there is none with this ID.
func (s *Service) EnsureAccount(ctx context.Context, id string) error {
	if s.identities().Account(id) != nil {
		return nil
	}
	return s.update(ctx, func(ids *catalog.Identities) (catalog.Change, error) {
		if ids.Account(id) != nil {
			return nil, nil
		}
		return catalog.PutAccount{Account: catalog.Account{ID: id, Created: s.now()}}, nil
	})
}

// ListAccountsInput is the input of ListAccounts.
type ListAccountsInput struct{}

// ListAccountsOutput is all accounts in the order of their IDs.
type ListAccountsOutput struct {
	Accounts []*Account `json:"accounts"`
}

// ListAccounts lists all accounts.
func (s *Service) ListAccounts(context.Context, *ListAccountsInput) (*ListAccountsOutput, error) {
	out := &ListAccountsOutput{Accounts: []*Account{}}
	for a := range s.identities().Accounts() {
		out.Accounts = append(out.Accounts, accountOf(a))
	}
	return out, nil
}

// DeleteAccountInput is the input of DeleteAccount.
type DeleteAccountInput struct {
	Account string `json:"account"` // ID or name
}

// DeleteAccount removes an account with the keys of its root. Errors: NotFound; InUse if it has queues, users, groups or roles.
func (s *Service) DeleteAccount(ctx context.Context, in *DeleteAccountInput) (*Done, error) {
	return done(s.catalog.Update(ctx, func(v *catalog.View) (catalog.Change, error) {
		a, err := account(v.Identities(), in.Account)
		if err != nil {
			return nil, err
		}
		ids := v.Identities()
		for _, dependent := range []struct {
			name string
			any  bool
		}{
			{"queues", v.HasQueues(a.ID)}, {"users", !empty(ids.Users(a.ID))},
			{"groups", !empty(ids.Groups(a.ID))}, {"roles", !empty(ids.Roles(a.ID))},
		} {
			if dependent.any {
				return nil, refuse(InUse, "account %s has %s: delete them first", a.ID, dependent.name)
			}
		}
		return catalog.DeleteAccount{ID: a.ID}, nil
	}))
}

// Done is the output of operations that have nothing to tell.
type Done struct{}

func done(err error) (*Done, error) {
	if err != nil {
		return nil, err
	}
	return &Done{}, nil
}

func accountOf(a *catalog.Account) *Account {
	return &Account{ID: a.ID, Name: a.Name, Created: a.Created}
}

// account finds an account by its ID or name.
func account(ids *catalog.Identities, idOrName string) (*catalog.Account, error) {
	if a := ids.Account(idOrName); a != nil {
		return a, nil
	}
	for a := range ids.Accounts() {
		if a.Name != "" && a.Name == idOrName {
			return a, nil
		}
	}
	if idOrName == "" {
		return nil, refuse(Invalid, "the account is missing")
	}
	return nil, refuse(NotFound, "there is no account %s", idOrName)
}

func empty[V any](seq func(func(V) bool)) bool {
	for range seq {
		return false
	}
	return true
}

// full reports whether there are as many as there may be.
func full[V any](seq func(func(V) bool), most int) bool {
	return len(slices.Collect(seq)) >= most
}

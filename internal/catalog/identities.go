package catalog

import "strings"

// Account is a tenant. It owns queues, users, groups, roles and keys, and stands itself for its root, who may do everything in it.
// Records of identities in a View are shared and must not be changed; make a change with a copy.
type Account struct {
	ID      string `json:"id"` // 12 digits
	Name    string `json:"name,omitempty"`
	Created int64  `json:"created"` // Unix ms
	// RootKeyMade is true once there was an access key of the root, also after it was deleted.
	RootKeyMade bool `json:"root_key_made,omitempty"`
}

// User is who has access keys. Its ID is never that of another, also after it was deleted.
type User struct {
	ID      string `json:"id"` // AIDA...
	Account string `json:"account"`
	Name    string `json:"name"`
	Path    string `json:"path"`
	Created int64  `json:"created"` // Unix ms
	// Groups are the IDs of the groups that the user is in, ascending.
	Groups []string `json:"groups,omitempty"`
}

// Group gives its policies to all users in it.
type Group struct {
	ID      string `json:"id"` // AGPA...
	Account string `json:"account"`
	Name    string `json:"name"`
	Path    string `json:"path"`
	Created int64  `json:"created"` // Unix ms
}

// Role is who others become for a while, if its trust policy lets them.
type Role struct {
	ID                string `json:"id"` // AROA...
	Account           string `json:"account"`
	Name              string `json:"name"`
	Path              string `json:"path"`
	Created           int64  `json:"created"` // Unix ms
	TrustPolicy       string `json:"trust_policy"`
	SessionSecondsMax int64  `json:"session_seconds_max"`
}

// Policy is what a user, group or role may do. Its document is JSON as it was set.
type Policy struct {
	Owner    string `json:"owner"` // the ID of the user, group or role
	Name     string `json:"name"`
	Document string `json:"document"`
}

// AccessKey is a key of a user or of an account's root. The catalog cannot read its secret.
type AccessKey struct {
	ID      string `json:"id"`
	Account string `json:"account"`
	User    string `json:"user,omitempty"` // the ID of the user; empty for the root
	// Sealed is the secret access key, encrypted under a key that is not in the catalog.
	Sealed   []byte `json:"sealed"`
	Inactive bool   `json:"inactive,omitempty"`
	Created  int64  `json:"created"` // Unix ms
}

// Names of users, groups and roles are unique in their account without regard to case, as in IAM.
func scopedName(account, name string) string { return account + "/" + strings.ToLower(name) }

func (u *User) uniqueID() string  { return u.ID }
func (g *Group) uniqueID() string { return g.ID }
func (r *Role) uniqueID() string  { return r.ID }

func (u *User) inAccount() (account, name string)  { return u.Account, u.Name }
func (g *Group) inAccount() (account, name string) { return g.Account, g.Name }
func (r *Role) inAccount() (account, name string)  { return r.Account, r.Name }

// ownerName is the place of a policy or a key: those of one owner lie together.
func (p *Policy) ownerName() string         { return p.Owner + "/" + p.Name }
func (k *AccessKey) ownerID() string        { return keysOwner(k.Account, k.User) + k.ID }
func keysOwner(account, user string) string { return account + "/" + user + "/" }

package catalog

import (
	"fmt"

	"github.com/go-json-experiment/json"
)

// checkpoint is the whole catalog. Equal catalogs have equal checkpoints: all lists are in the order of their keys.
type checkpoint struct {
	Version int        `json:"version"`
	Next    uint64     `json:"next"`
	Secret  []byte     `json:"secret,omitempty"`
	Keyring string     `json:"keyring,omitempty"`
	Queues  []*Queue   `json:"queues"`
	Deleted []deletion `json:"deleted"`
	Tasks   []taskList `json:"tasks"`

	Accounts []*Account       `json:"accounts,omitempty"`
	Users    []*User          `json:"users,omitempty"`
	Groups   []*Group         `json:"groups,omitempty"`
	Roles    []*Role          `json:"roles,omitempty"`
	Policies []*Policy        `json:"policies,omitempty"`
	Keys     []*AccessKey     `json:"keys,omitempty"`
	KeyUses  map[string]int64 `json:"key_uses,omitempty"`
}

// taskList is the move tasks of one source queue, newest first.
type taskList struct {
	Source QueueID     `json:"source"`
	Tasks  []*MoveTask `json:"tasks"`
}

// Checkpoint implements shard.Definitions. The bytes depend on the state alone.
func (c *Catalog) Checkpoint() func() ([]byte, error) { return c.View().encode }

// encode returns the view as a checkpoint.
func (v *View) encode() ([]byte, error) {
	state := checkpoint{Version: formatVersion, Next: v.next, Secret: v.secret, Keyring: v.keyring, Deleted: v.deleted.Items()}
	v.byID.Scan(func(_ QueueID, q *Queue) bool {
		state.Queues = append(state.Queues, q)
		return true
	})
	v.tasks.Scan(func(source QueueID, tasks []*MoveTask) bool {
		state.Tasks = append(state.Tasks, taskList{source, tasks})
		return true
	})
	ids := v.identities
	state.Accounts, state.Policies, state.Keys = ids.accounts.Values(), ids.policies.Values(), ids.keys.Values()
	state.Users, state.Groups, state.Roles = ids.users.byID.Values(), ids.groups.byID.Values(), ids.roles.byID.Values()
	state.KeyUses = make(map[string]int64, v.keyUses.Len())
	v.keyUses.Scan(func(id string, at int64) bool {
		state.KeyUses[id] = at
		return true
	})
	data, err := json.Marshal(state, json.Deterministic(true))
	if err != nil {
		return nil, fmt.Errorf("encode the checkpoint of the catalog: %w", err)
	}
	return data, nil
}

// Restore implements shard.Definitions: the catalog becomes what the checkpoint says, or empty
// without one (nil). With an error it is unchanged.
func (c *Catalog) Restore(data []byte) error {
	if data == nil {
		c.view.Store(emptyView())
		return nil
	}
	// The version comes first, so that a newer format is named as such and not as unknown members.
	var version struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(data, &version); err != nil {
		return fmt.Errorf("decode the checkpoint of the catalog: %w", err)
	}
	if version.Version != formatVersion {
		return fmt.Errorf("the checkpoint of the catalog has format version %d; this program reads %d", version.Version, formatVersion)
	}
	var state checkpoint
	if err := json.Unmarshal(data, &state, json.RejectUnknownMembers(true)); err != nil {
		return fmt.Errorf("decode the checkpoint of the catalog: %w", err)
	}
	v := emptyView()
	for _, q := range state.Queues {
		v.put(q)
	}
	for _, d := range state.Deleted {
		v.rememberDeletion(d)
	}
	for _, l := range state.Tasks {
		if v.Queue(l.Source) == nil {
			return fmt.Errorf("the checkpoint of the catalog has move tasks of an unknown queue %d", l.Source)
		}
		v.tasks.Set(l.Source, l.Tasks)
	}
	if err := state.restoreIdentities(v); err != nil {
		return fmt.Errorf("the checkpoint of the catalog does not fit itself: %w", err)
	}
	v.next = max(v.next, state.Next)
	v.secret = state.Secret
	v.keyring = state.Keyring
	c.view.Store(v)
	return nil
}

// restoreIdentities puts the identities into an empty view, by the changes that make them: what they check holds for a checkpoint too.
func (state *checkpoint) restoreIdentities(v *View) error {
	var changes []Change
	for _, a := range state.Accounts {
		changes = append(changes, PutAccount{*a})
	}
	for _, g := range state.Groups {
		changes = append(changes, PutGroup{*g})
	}
	for _, u := range state.Users {
		changes = append(changes, PutUser{*u})
	}
	for _, r := range state.Roles {
		changes = append(changes, PutRole{Role: *r})
	}
	for _, p := range state.Policies {
		changes = append(changes, PutPolicy{*p})
	}
	for _, k := range state.Keys {
		changes = append(changes, PutAccessKey{*k})
	}
	changes = append(changes, SetKeyUses{state.KeyUses})
	for _, c := range changes {
		if err := c.apply(v); err != nil {
			return err
		}
	}
	return nil
}

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
	v.next = max(v.next, state.Next)
	v.secret = state.Secret
	v.keyring = state.Keyring
	c.view.Store(v)
	return nil
}

package catalog

import (
	"errors"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// formatVersion is the version of changes and checkpoints that this program writes, and the newest that it reads.
const formatVersion = 1

// A Change is one step of the definitions. It says what they are afterwards, not what was asked for.
type Change interface {
	// kind is the name of the change in the journal. It is never given to another change.
	kind() string
	// apply makes the change. An error means that the change does not fit the view, which is then unusable.
	apply(v *View) error
}

// SetSecret sets the secret for receipt handles.
type SetSecret struct {
	Secret []byte `json:"secret"`
}

// SetKeyring remembers which keyring the server encrypts with, by the id of a key of it; empty for the built-in one.
type SetKeyring struct {
	Key string `json:"key,omitempty"`
}

// CreateQueue adds a queue. Its IDs must be new, and its name free.
type CreateQueue struct {
	Queue Queue `json:"queue"`
}

// DeleteQueue removes a queue with its tags and move tasks, and remembers when its name became free.
type DeleteQueue struct {
	ID QueueID `json:"id"`
	// At is the time of the deletion in Unix ms. Names that were deleted before ForgetBefore are forgotten; this one too, if
	// At is before it.
	At           int64 `json:"at"`
	ForgetBefore int64 `json:"forget_before"`
}

// SetAttributes replaces all attributes of a queue.
type SetAttributes struct {
	ID         QueueID    `json:"id"`
	Attributes Attributes `json:"attributes"`
	Modified   int64      `json:"modified"` // Unix ms

	// Frees says that the attributes are not longer than they were, so that there is room for them on a disk that is nearly full.
	Frees bool `json:"-"`
}

// SetTags replaces all tags of a queue.
type SetTags struct {
	ID   QueueID           `json:"id"`
	Tags map[string]string `json:"tags,omitempty"`
}

// SetTask adds a message move task or, under the same ID, replaces it. Of the tasks that are over, the oldest beyond
// FinishedTasksMax go.
type SetTask struct {
	Task MoveTask `json:"task"`
}

// barrier changes nothing. When it is committed, everything appended before it is committed or never will be.
type barrier struct{}

func (SetSecret) kind() string     { return "set_secret" }
func (SetKeyring) kind() string    { return "set_keyring" }
func (CreateQueue) kind() string   { return "create_queue" }
func (DeleteQueue) kind() string   { return "delete_queue" }
func (SetAttributes) kind() string { return "set_attributes" }
func (SetTags) kind() string       { return "set_tags" }
func (SetTask) kind() string       { return "set_task" }
func (barrier) kind() string       { return "barrier" }

func (c SetSecret) apply(v *View) error {
	if len(c.Secret) == 0 {
		return errors.New("the secret is empty")
	}
	v.secret = c.Secret
	return nil
}

func (c SetKeyring) apply(v *View) error {
	v.keyring = c.Key
	return nil
}

func (c CreateQueue) apply(v *View) error {
	q := c.Queue
	switch {
	case uint64(q.ID) < v.next:
		return fmt.Errorf("queue ID %d was used before", q.ID)
	case len(q.Partitions) == 0:
		return fmt.Errorf("queue %d has no partition", q.ID)
	case v.Lookup(q.Key) != nil:
		return fmt.Errorf("there is a queue %s in account %s, region %s already", q.Name, q.Account, q.Region)
	}
	for i, p := range q.Partitions {
		if uint64(p.ID) != uint64(q.ID)+1+uint64(i) {
			return fmt.Errorf("partition %d of queue %d does not follow it", p.ID, q.ID)
		}
	}
	v.put(&q)
	v.forgetDeletion(q.Key)
	return nil
}

func (c DeleteQueue) apply(v *View) error {
	q := v.Queue(c.ID)
	if q == nil {
		return unknownQueue(c.ID)
	}
	v.remove(q)
	v.tasks.Delete(c.ID)
	v.rememberDeletion(deletion{q.Key, c.At})
	v.forgetDeletionsBefore(c.ForgetBefore)
	return nil
}

func (c SetAttributes) apply(v *View) error {
	q := v.Queue(c.ID)
	if q == nil {
		return unknownQueue(c.ID)
	}
	changed := *q
	changed.Attributes = c.Attributes
	changed.Modified = c.Modified
	v.put(&changed)
	return nil
}

func (c SetTags) apply(v *View) error {
	q := v.Queue(c.ID)
	if q == nil {
		return unknownQueue(c.ID)
	}
	changed := *q
	changed.Tags = c.Tags
	v.put(&changed)
	return nil
}

func (c SetTask) apply(v *View) error {
	if v.Queue(c.Task.Source) == nil {
		return unknownQueue(c.Task.Source)
	}
	v.tasks.Set(c.Task.Source, withTask(v.Tasks(c.Task.Source), &c.Task))
	return nil
}

func (barrier) apply(*View) error { return nil }

func unknownQueue(id QueueID) error { return fmt.Errorf("there is no queue %d", id) }

// decoders makes a change from its JSON, by kind.
var decoders = map[string]func(jsontext.Value) (Change, error){
	SetSecret{}.kind():     decodeAs[SetSecret],
	SetKeyring{}.kind():    decodeAs[SetKeyring],
	CreateQueue{}.kind():   decodeAs[CreateQueue],
	DeleteQueue{}.kind():   decodeAs[DeleteQueue],
	SetAttributes{}.kind(): decodeAs[SetAttributes],
	SetTags{}.kind():       decodeAs[SetTags],
	SetTask{}.kind():       decodeAs[SetTask],
	barrier{}.kind():       decodeAs[barrier],

	PutAccount{}.kind():      decodeAs[PutAccount],
	DeleteAccount{}.kind():   decodeAs[DeleteAccount],
	PutUser{}.kind():         decodeAs[PutUser],
	DeleteUser{}.kind():      decodeAs[DeleteUser],
	PutGroup{}.kind():        decodeAs[PutGroup],
	DeleteGroup{}.kind():     decodeAs[DeleteGroup],
	PutRole{}.kind():         decodeAs[PutRole],
	DeleteRole{}.kind():      decodeAs[DeleteRole],
	PutPolicy{}.kind():       decodeAs[PutPolicy],
	DeletePolicy{}.kind():    decodeAs[DeletePolicy],
	PutAccessKey{}.kind():    decodeAs[PutAccessKey],
	DeleteAccessKey{}.kind(): decodeAs[DeleteAccessKey],
	SetKeyUses{}.kind():      decodeAs[SetKeyUses],
}

func decodeAs[C Change](text jsontext.Value) (Change, error) {
	var c C
	err := json.Unmarshal(text, &c, json.RejectUnknownMembers(true))
	return c, err
}

// envelope is a change as the journal holds it.
type envelope struct {
	Version int            `json:"version"`
	Kind    string         `json:"kind"`
	Change  jsontext.Value `json:"change"`
}

func encodeChange(c Change) ([]byte, error) {
	text, err := json.Marshal(c, json.Deterministic(true))
	if err != nil {
		return nil, fmt.Errorf("encode change %s of the catalog: %w", c.kind(), err)
	}
	return json.Marshal(envelope{Version: formatVersion, Kind: c.kind(), Change: text})
}

// decodeChange reads a change. What this program does not know, a member included, is an error: passing over it would lose it.
func decodeChange(data []byte) (Change, error) {
	var e envelope
	if err := json.Unmarshal(data, &e, json.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("decode a change of the catalog: %w", err)
	}
	if e.Version != formatVersion {
		return nil, fmt.Errorf("a change of the catalog has format version %d; this program reads %d", e.Version, formatVersion)
	}
	decode, known := decoders[e.Kind]
	if !known {
		return nil, fmt.Errorf("unknown change %q of the catalog: it was written by another version of this program", e.Kind)
	}
	c, err := decode(e.Change)
	if err != nil {
		return nil, fmt.Errorf("decode change %s of the catalog: %w", e.Kind, err)
	}
	return c, nil
}

package datadir

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"

	"github.com/staunchmq/staunch/internal/catalog"
	"github.com/staunchmq/staunch/internal/journal"
	"github.com/staunchmq/staunch/internal/queue"
	"github.com/staunchmq/staunch/internal/shard"
	"github.com/staunchmq/staunch/internal/sqs"
)

// DumpOptions say what to list.
type DumpOptions struct {
	Shard    int         // -1: all
	From, To journal.Seq // 0: from the first, to the last
	Bodies   bool        // with bodies, attributes and senders of messages, which may be private
}

// Dump writes every change of the journals to w as one line of JSON. A change that cannot be read ends it, with the error.
func Dump(ctx context.Context, w io.Writer, v journal.View, o DumpOptions) error {
	buffered := bufio.NewWriter(w)
	d := &dumper{out: json.NewEncoder(buffered), options: o}
	d.out.SetEscapeHTML(false)
	for i := range v.Shards() {
		if o.Shard >= 0 && i != o.Shard {
			continue
		}
		s, err := v.Shard(ctx, uint32(i))
		if err == nil {
			err = d.shard(ctx, uint32(i), s)
		}
		if err != nil {
			return errors.Join(err, buffered.Flush())
		}
	}
	return buffered.Flush()
}

type dumper struct {
	out     *json.Encoder
	options DumpOptions
}

// errDone ends the reading of a shard.
var errDone = errors.New("done")

func (d *dumper) shard(ctx context.Context, id uint32, s journal.ShardView) error {
	err := s.Read(ctx, d.options.From, func(seq journal.Seq, rec []byte) error {
		if d.options.To != 0 && seq > d.options.To {
			return errDone
		}
		err := shard.DecodeRecord(rec, func(c shard.StoredChange) error { return d.change(id, seq, c) })
		if err != nil {
			return fmt.Errorf("record %d of shard %d: %w", seq, id, err)
		}
		return nil
	})
	if errors.Is(err, errDone) {
		return nil
	}
	return err
}

// line is one change. Fields depends on Kind.
type line struct {
	Record    journal.Seq `json:"record"`
	Index     int         `json:"index"`
	Time      string      `json:"time"`
	Shard     uint32      `json:"shard"`
	Partition queue.ID    `json:"partition,omitempty"`
	Kind      string      `json:"kind"`
	Fields    any         `json:"fields,omitempty"`
}

// fields are those of one change.
type fields map[string]any

func (d *dumper) change(id uint32, seq journal.Seq, c shard.StoredChange) error {
	l := line{Record: seq, Index: c.Index, Time: moment(c.LogTimeMS), Shard: id, Partition: c.Partition}
	switch {
	case c.Change != nil:
		var err error
		if l.Kind, l.Fields, err = d.queueChange(c.Change); err != nil {
			return err
		}
	case c.Definition != nil:
		kind, text, err := catalog.Describe(c.Definition)
		if err != nil {
			return err
		}
		l.Kind, l.Fields = "definition_"+kind, json.RawMessage(text)
	case c.Dropped != 0:
		l.Kind, l.Fields = "dropped", fields{"partition": c.Dropped}
	default:
		l.Kind = "time"
	}
	return d.out.Encode(l)
}

func (d *dumper) queueChange(c queue.Change) (kind string, f fields, err error) {
	switch c := c.(type) {
	case *queue.Configured:
		s := c.Settings
		return "configured", fields{"fifo": s.FIFO, "visibility_timeout_ms": s.VisibilityTimeout, "delay_ms": s.Delay,
			"retention_ms": s.Retention, "deduplicate_by_group": s.DeduplicateByGroup, "receives_max": s.MaxReceives,
			"dead_letter_partition": s.DeadLetter}, nil
	case *queue.Sent:
		f, err := d.sent(c)
		return "sent", f, err
	case *queue.Copied:
		f, err := d.message(&c.Message)
		f["message"] = c.Ref.String()
		return "copied", f, err
	case *queue.Received:
		return "received", fields{"attempt": c.Attempt, "until": moment(c.Until), "messages": taken(c.Taken)}, nil
	case *queue.ReceiveRepeated:
		return "receive_repeated", fields{"attempt": c.Attempt, "until": moment(c.Until)}, nil
	case *queue.Deleted:
		return "deleted", fields{"message": c.Ref.String()}, nil
	case *queue.VisibilityChanged:
		return "visibility_changed", fields{"message": c.Ref.String(), "until": moment(c.Until)}, nil
	case *queue.Purged:
		return "purged", nil, nil
	case *queue.MoveBegun:
		return "move_begun", fields{"target_partition": c.Target, "messages": taken(c.Taken)}, nil
	case *queue.MoveEnded:
		refs := make([]string, len(c.Refs))
		for i, r := range c.Refs {
			refs[i] = r.String()
		}
		return "move_ended", fields{"moved": c.Moved, "messages": refs}, nil
	case *queue.Settled:
		origins := make([]fields, len(c.Origins))
		for i, o := range c.Origins {
			origins[i] = origin(o)
		}
		return "settled", fields{"origins": origins}, nil
	default:
		return "", nil, fmt.Errorf("%w: a change of type %T", journal.ErrNewerFormat, c)
	}
}

func (d *dumper) sent(c *queue.Sent) (fields, error) {
	f, err := d.message(&c.Message)
	if c.Origin != nil {
		f["origin"] = origin(*c.Origin)
	}
	return f, err
}

func (d *dumper) message(m *queue.Message) (fields, error) {
	f := fields{"message_id": uuid.UUID(m.ID).String(), "sent": moment(m.Sent), "content_bytes": len(m.Content)}
	add := func(name string, is bool, value any) {
		if is {
			f[name] = value
		}
	}
	add("group", m.Group != "", m.Group)
	add("deduplication_id", m.DeduplicationID != "", m.DeduplicationID)
	add("visible_at", m.VisibleAt != 0, moment(m.VisibleAt))
	add("receives", m.Receives != 0, m.Receives)
	add("first_received", m.FirstReceived != 0, moment(m.FirstReceived))
	add("source", m.Source != "", m.Source)
	if !d.options.Bodies {
		return f, nil
	}
	stored, err := sqs.ReadStored(m.Content)
	f["content"] = stored
	return f, err
}

func taken(taken []queue.Taken) []fields {
	list := make([]fields, len(taken))
	for i, t := range taken {
		list[i] = fields{"message": t.Ref.String(), "receives": t.Receives}
		if t.Group != "" {
			list[i]["group"] = t.Group
		}
	}
	return list
}

func origin(o queue.Origin) fields {
	return fields{"partition": o.Partition, "message": o.Ref.String()}
}

// moment returns a time of the journal, in Unix ms, for people.
func moment(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z07:00") }

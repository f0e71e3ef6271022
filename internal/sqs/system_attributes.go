package sqs

import (
	"slices"
	"strconv"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/catalog"
	"github.com/staunchmq/staunch/internal/shard"
)

// systemAttribute is one row of the table of attributes that a receive can return (reference/sqs.md 6.5).
type systemAttribute struct {
	name string
	// value returns the text; empty if the message does not have the attribute.
	value func(q *catalog.Queue, m *shard.ReceivedMessage, c *content) string
}

var systemAttributes = []systemAttribute{
	{"SenderId", func(_ *catalog.Queue, _ *shard.ReceivedMessage, c *content) string { return c.SenderID }},
	{"SentTimestamp", func(_ *catalog.Queue, m *shard.ReceivedMessage, _ *content) string { return decimal(m.Sent) }},
	{"ApproximateReceiveCount", func(_ *catalog.Queue, m *shard.ReceivedMessage, _ *content) string {
		return decimal(int64(m.Handle.Receives))
	}},
	{"ApproximateFirstReceiveTimestamp", func(_ *catalog.Queue, m *shard.ReceivedMessage, _ *content) string {
		return decimal(m.FirstReceived)
	}},
	{"MessageGroupId", func(_ *catalog.Queue, m *shard.ReceivedMessage, _ *content) string { return m.Group }},
	{"MessageDeduplicationId", func(_ *catalog.Queue, m *shard.ReceivedMessage, c *content) string {
		return shownDeduplicationID(m.DeduplicationID, c)
	}},
	{"SequenceNumber", func(q *catalog.Queue, m *shard.ReceivedMessage, _ *content) string {
		if !q.Attributes.FIFO {
			return ""
		}
		return m.Handle.Ref.SequenceNumber()
	}},
	{traceHeader, func(_ *catalog.Queue, _ *shard.ReceivedMessage, c *content) string { return c.TraceHeader }},
	{"DeadLetterQueueSourceArn", func(_ *catalog.Queue, m *shard.ReceivedMessage, _ *content) string { return m.Source }},
}

func decimal(v int64) string { return strconv.FormatInt(v, 10) }

// systemAttributesWanted returns the rows of the attributes that a receive asks for. Names under AttributeNames, the older
// member, may also be those of queue attributes: its model lists them, and no message has them.
func systemAttributesWanted(c *api.Caller, in *api.ReceiveMessageInput) ([]systemAttribute, error) {
	for _, name := range in.AttributeNames {
		if !isSystemAttribute(name) && queueAttribute(name) == nil {
			return nil, unknownAttribute(name)
		}
	}
	for _, name := range in.MessageSystemAttributeNames {
		if !isSystemAttribute(name) {
			return nil, unknownAttribute(name)
		}
	}
	names := in.WantedSystemAttributes(c)
	if slices.Contains(names, all) {
		return systemAttributes, nil
	}
	var wanted []systemAttribute
	for _, row := range systemAttributes {
		if slices.Contains(names, row.name) {
			wanted = append(wanted, row)
		}
	}
	return wanted, nil
}

func isSystemAttribute(name string) bool {
	return name == all || slices.ContainsFunc(systemAttributes, func(row systemAttribute) bool { return row.name == name })
}

// systemAttributeValues is the wanted attributes as the API returns them; nil without any.
func systemAttributeValues(wanted []systemAttribute, q *catalog.Queue, m *shard.ReceivedMessage, c *content) map[string]string {
	if len(wanted) == 0 {
		return nil
	}
	values := make(map[string]string, len(wanted))
	for _, row := range wanted {
		if value := row.value(q, m, c); value != "" {
			values[row.name] = value
		}
	}
	if len(values) == 0 {
		return nil
	}
	return values
}

package sqs

import (
	"bytes"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/catalog"
	"github.com/staunchmq/staunch/internal/queue"
)

// all as an attribute name asks for every attribute.
const all = "All"

// attribute is one row of the table of queue attributes (reference/sqs.md 5.1).
type attribute struct {
	name string
	// fifoOnly attributes do not exist on standard queues; wrongType is the text for setting them there.
	fifoOnly  bool
	wrongType string
	// byNameOnly attributes are not part of All: they are ours and not AWS's.
	byNameOnly bool
	// counts marks the attributes whose text needs the state of the partition.
	counts bool

	// set checks a value and puts it in; nil if the attribute is read-only.
	set func(e *edit, value string) error
	// same tells whether two queues have the same value; nil if the attribute is read-only.
	same func(a, b *catalog.Attributes) bool
	// text returns the value as the API does, and false if the queue does not have the attribute.
	text func(q *catalog.Queue, st *state) (string, bool)
}

// edit is a change of the attributes of a queue under way.
type edit struct {
	key        catalog.Key
	attributes catalog.Attributes
	// given is the request's attributes.
	given map[string]string
}

// state is what attributes say about the messages of a queue.
type state struct {
	stats queue.Stats
	now   int64 // Unix ms
}

// defaultAttributes are those of a queue that is created without any.
func defaultAttributes(fifo bool) catalog.Attributes {
	return catalog.Attributes{
		FIFO:                         fifo,
		VisibilityTimeoutSeconds:     30,
		MessageSizeMax:               messageSizeMax,
		RetentionSeconds:             345_600,
		KMSDataKeyReusePeriodSeconds: kmsDefaultReuseSeconds,
		SQSManagedSSE:                true,
	}
}

const kmsDefaultReuseSeconds = 300

// queueAttributes is the table. Values are checked, and differences reported, in this order.
var queueAttributes = []*attribute{
	{name: "FifoQueue", fifoOnly: true, set: setFIFO,
		same: func(a, b *catalog.Attributes) bool { return a.FIFO == b.FIFO },
		text: func(*catalog.Queue, *state) (string, bool) { return "true", true }},
	number("VisibilityTimeout", 0, visibilitySecondsMax, func(a *catalog.Attributes) *int64 { return &a.VisibilityTimeoutSeconds }),
	number("DelaySeconds", 0, delaySecondsMax, func(a *catalog.Attributes) *int64 { return &a.DelaySeconds }),
	number("MaximumMessageSize", messageSizeAttribute, messageSizeMax, func(a *catalog.Attributes) *int64 { return &a.MessageSizeMax }),
	number("MessageRetentionPeriod", retentionSecondsMin, retentionSecondsMax, func(a *catalog.Attributes) *int64 { return &a.RetentionSeconds }),
	number("ReceiveMessageWaitTimeSeconds", 0, waitSecondsMax, func(a *catalog.Attributes) *int64 { return &a.ReceiveWaitSeconds }),
	{name: "Policy", set: setPolicy,
		same: func(a, b *catalog.Attributes) bool { return sameJSON(a.Policy, b.Policy) },
		text: func(q *catalog.Queue, _ *state) (string, bool) { return q.Attributes.Policy, q.Attributes.Policy != "" }},
	{name: "RedrivePolicy", set: setRedrivePolicy,
		same: func(a, b *catalog.Attributes) bool { return redriveText(a.Redrive) == redriveText(b.Redrive) },
		text: func(q *catalog.Queue, _ *state) (string, bool) {
			return redriveText(q.Attributes.Redrive), q.Attributes.Redrive != nil
		}},
	{name: "RedriveAllowPolicy", set: setRedriveAllowPolicy,
		same: func(a, b *catalog.Attributes) bool { return sameJSON(a.RedriveAllowPolicy, b.RedriveAllowPolicy) },
		text: func(q *catalog.Queue, _ *state) (string, bool) {
			return q.Attributes.RedriveAllowPolicy, q.Attributes.RedriveAllowPolicy != ""
		}},
	{name: "KmsMasterKeyId", set: setKMSKey,
		same: func(a, b *catalog.Attributes) bool { return a.KMSMasterKeyID == b.KMSMasterKeyID },
		text: func(q *catalog.Queue, _ *state) (string, bool) {
			return q.Attributes.KMSMasterKeyID, q.Attributes.KMSMasterKeyID != ""
		}},
	kmsReusePeriod(),
	boolean("SqsManagedSseEnabled", func(a *catalog.Attributes) *bool { return &a.SQSManagedSSE }),
	contentBasedDeduplication(),
	choice("DeduplicationScope", "queue", "messageGroup", "'messageGroup' | 'queue'", func(a *catalog.Attributes) *bool { return &a.DeduplicateByGroup }),
	choice("FifoThroughputLimit", "perQueue", "perMessageGroupId", "'perQueue' | 'perMessageGroupId'", func(a *catalog.Attributes) *bool { return &a.ThroughputPerGroup }),
	readOnly("QueueArn", func(q *catalog.Queue) string { return queueARN(q.Key) }),
	readOnly("CreatedTimestamp", func(q *catalog.Queue) string { return decimal(q.Created / 1000) }),
	readOnly("LastModifiedTimestamp", func(q *catalog.Queue) string { return decimal(q.Modified / 1000) }),
	count("ApproximateNumberOfMessages", func(st *state) int64 { return st.stats.Visible }),
	count("ApproximateNumberOfMessagesNotVisible", func(st *state) int64 { return st.stats.InFlight }),
	count("ApproximateNumberOfMessagesDelayed", func(st *state) int64 { return st.stats.Delayed }),
	oldestAge(),
}

// queueAttribute returns the row of this name, or nil. All is not in the table, but is a name all the same where names are read.
func queueAttribute(name string) *attribute {
	for _, row := range queueAttributes {
		if row.name == name {
			return row
		}
	}
	return nil
}

func unknownAttribute(name string) error {
	return api.InvalidAttributeName.Newf("Unknown Attribute %s.", name)
}

func invalidAttributeValue(name string) error {
	return api.InvalidAttributeValue.Newf("Invalid value for the parameter %s.", name)
}

// applyAttributes checks the attributes of a request and puts them into e: all or, with an error, nothing that counts. What
// depends on other queues is left to checkRedrive, and on other attributes to checkThroughput.
func (e *edit) applyAttributes() error {
	for _, name := range slices.Sorted(maps.Keys(e.given)) {
		row := queueAttribute(name)
		switch {
		case row == nil || row.set == nil:
			return unknownAttribute(name)
		case row.fifoOnly && !e.attributes.FIFO && row.wrongType != "":
			return api.InvalidAttributeName.Newf("%s", row.wrongType)
		case row.fifoOnly && !e.attributes.FIFO:
			return unknownAttribute(name)
		}
	}
	for _, row := range queueAttributes {
		if value, ok := e.given[row.name]; ok {
			if err := row.set(e, value); err != nil {
				return err
			}
		}
	}
	return e.settleEncryption()
}

// checkThroughput checks two attributes together, as the queue will have them.
func (e *edit) checkThroughput() error {
	if e.attributes.ThroughputPerGroup && !e.attributes.DeduplicateByGroup {
		return api.InvalidParameterValue.Newf("The perMessageGroupId value is allowed only when the value for DeduplicationScope is messageGroup")
	}
	return nil
}

// settleEncryption lets the two kinds of encryption exclude each other (reference/sqs.md 5.2).
func (e *edit) settleEncryption() error {
	_, sseGiven := e.given["SqsManagedSseEnabled"]
	switch {
	case e.attributes.KMSMasterKeyID == "":
		return nil
	case sseGiven && e.attributes.SQSManagedSSE:
		return api.InvalidAttributeName.Newf("You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE.")
	}
	e.attributes.SQSManagedSSE = false
	return nil
}

// number is a row whose value is a whole number between low and high.
func number(name string, low, high int64, field func(*catalog.Attributes) *int64) *attribute {
	return &attribute{
		name: name,
		set: func(e *edit, value string) error {
			v, ok := parseNumber(value)
			if !ok || v < low || v > high {
				return invalidAttributeValue(name)
			}
			*field(&e.attributes) = v
			return nil
		},
		same: func(a, b *catalog.Attributes) bool { return *field(a) == *field(b) },
		text: func(q *catalog.Queue, _ *state) (string, bool) { return decimal(*field(&q.Attributes)), true },
	}
}

// parseNumber reads decimal digits and nothing else.
func parseNumber(s string) (int64, bool) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	v, err := strconv.ParseInt(s, 10, 64)
	return v, err == nil
}

// boolean is a row whose value is true or false.
func boolean(name string, field func(*catalog.Attributes) *bool) *attribute {
	return &attribute{
		name: name,
		set: func(e *edit, value string) error {
			v, ok := parseBool(value)
			if !ok {
				return invalidAttributeValue(name)
			}
			*field(&e.attributes) = v
			return nil
		},
		same: func(a, b *catalog.Attributes) bool { return *field(a) == *field(b) },
		text: func(q *catalog.Queue, _ *state) (string, bool) {
			return strconv.FormatBool(*field(&q.Attributes)), true
		},
	}
}

// parseBool reads true or false in any case.
func parseBool(s string) (v, ok bool) {
	switch strings.ToLower(s) {
	case "true":
		return true, true
	case "false":
		return false, true
	}
	return false, false
}

// contentBasedDeduplication is a boolean of FIFO queues, with an error of its own.
func contentBasedDeduplication() *attribute {
	row := boolean("ContentBasedDeduplication", func(a *catalog.Attributes) *bool { return &a.ContentBasedDeduplication })
	row.fifoOnly = true
	set := row.set
	row.set = func(e *edit, value string) error {
		if set(e, value) != nil {
			return api.InvalidParameterValue.Newf("Valid values for ContentBasedDeduplication are 'true' | 'false'. Received %s", value)
		}
		return nil
	}
	return row
}

// choice is a row of FIFO queues whose value is one of two words, which valid lists as AWS does. The field says whether it is the
// second.
func choice(name, usual, other, valid string, field func(*catalog.Attributes) *bool) *attribute {
	return &attribute{
		name:      name,
		fifoOnly:  true,
		wrongType: "You can specify the " + name + " only when FifoQueue is set to true.",
		set: func(e *edit, value string) error {
			if value != usual && value != other {
				return api.InvalidParameterValue.Newf("Valid values for %s are %s. Received %s", name, valid, value)
			}
			*field(&e.attributes) = value == other
			return nil
		},
		same: func(a, b *catalog.Attributes) bool { return *field(a) == *field(b) },
		text: func(q *catalog.Queue, _ *state) (string, bool) {
			if *field(&q.Attributes) {
				return other, true
			}
			return usual, true
		},
	}
}

// readOnly is a row that the definition of the queue alone answers.
func readOnly(name string, value func(*catalog.Queue) string) *attribute {
	return &attribute{name: name, text: func(q *catalog.Queue, _ *state) (string, bool) { return value(q), true }}
}

// count is a row that counts messages.
func count(name string, value func(*state) int64) *attribute {
	return &attribute{name: name, counts: true, text: func(_ *catalog.Queue, st *state) (string, bool) { return decimal(value(st)), true }}
}

// oldestAge is the age of the oldest message in seconds, 0 without messages. AWS has it as a metric only.
func oldestAge() *attribute {
	row := count("ApproximateAgeOfOldestMessage", func(st *state) int64 {
		if st.stats.OldestSent == 0 {
			return 0
		}
		return max(0, st.now-st.stats.OldestSent) / 1000
	})
	row.byNameOnly = true
	return row
}

// setFIFO: the type of a queue is decided by its creation, so this can only repeat what is.
func setFIFO(_ *edit, value string) error {
	if v, ok := parseBool(value); !ok {
		return invalidAttributeValue("FifoQueue")
	} else if !v {
		return api.InvalidAttributeValue.Newf("Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported.")
	}
	return nil
}

// setKMSKey: without a key there is no reuse period either.
func setKMSKey(e *edit, value string) error {
	if len(value) > kmsKeyIDMax || !isMessageText(value) {
		return invalidAttributeValue("KmsMasterKeyId")
	}
	e.attributes.KMSMasterKeyID = value
	if value == "" {
		e.attributes.KMSDataKeyReusePeriodSeconds = kmsDefaultReuseSeconds
	}
	return nil
}

// kmsReusePeriod is a number that shows only with a key.
func kmsReusePeriod() *attribute {
	row := number("KmsDataKeyReusePeriodSeconds", reuseSecondsMin, reuseSecondsMax, func(a *catalog.Attributes) *int64 { return &a.KMSDataKeyReusePeriodSeconds })
	text := row.text
	row.text = func(q *catalog.Queue, st *state) (string, bool) {
		value, _ := text(q, st)
		return value, q.Attributes.KMSMasterKeyID != ""
	}
	return row
}

// sameJSON tells whether two texts are the same JSON, or both empty.
func sameJSON(a, b string) bool {
	if a == b {
		return true
	}
	x, y := jsontext.Value(a), jsontext.Value(b)
	return x.Canonicalize() == nil && y.Canonicalize() == nil && bytes.Equal(x, y)
}

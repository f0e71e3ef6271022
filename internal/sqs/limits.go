package sqs

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/staunchmq/staunch/internal/api"
	"github.com/staunchmq/staunch/internal/arn"
	"github.com/staunchmq/staunch/internal/ascii"
)

// Limits that AWS sets (reference/sqs.md 13).
const (
	messageSizeMax        = 1 << 20 // bytes; also of a batch in all
	messageSizeAttribute  = 1024    // bytes; the smallest MaximumMessageSize
	batchEntriesMax       = 10
	batchIDMax            = 80  // characters
	messageAttributesMax  = 10  // per message
	attributeNameMax      = 256 // characters
	attributeTypeMax      = 256 // bytes
	delaySecondsMax       = 900
	visibilitySecondsMax  = 43_200
	waitSecondsMax        = 20
	retentionSecondsMin   = 60
	retentionSecondsMax   = 1_209_600
	reuseSecondsMin       = 60
	reuseSecondsMax       = 86_400
	receiveMessagesMax    = 10
	maxReceiveCountMax    = 1000
	redriveAllowSourceMax = 10
	queueNameMax          = arn.NameMax
	idMax                 = 128  // message group, deduplication and attempt IDs
	receiptHandleMax      = 1024 // characters
	tagsMax               = 50
	tagKeyMax             = 128  // characters
	tagValueMax           = 256  // characters
	policyMax             = 8192 // bytes
	statementsMax         = 20
	principalsMax         = 50
	conditionsMax         = 10
	actionsMax            = 7
	listMax               = 1000 // results of ListQueues and ListDeadLetterSourceQueues
	listTasksMax          = 10
	activeTasksMax        = 100 // per account
	movesPerSecondMax     = 500
	moveTaskMax           = 36 * time.Hour
)

// Limits of our own, where AWS documents none but a server needs one.
const (
	traceHeaderMax = 8192 // bytes; an X-Ray header has a few hundred
	kmsKeyIDMax    = 2048 // bytes
)

// fifoSuffix ends the name of every FIFO queue.
const fifoSuffix = ".fifo"

// isNameByte tells whether c may be in a queue name, a batch entry's Id or a permission's label.
func isNameByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_'
}

// isName tells whether s is lengthMax or fewer alphanumeric characters, hyphens and underscores, and not empty.
func isName(s string, lengthMax int) bool {
	if s == "" || len(s) > lengthMax {
		return false
	}
	for i := range len(s) {
		if !isNameByte(s[i]) {
			return false
		}
	}
	return true
}

const (
	standardNameRule = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
	fifoNameRule     = "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with .fifo suffix and be 1 to 80 in length."
)

// checkQueueName checks the name of a queue of the given type (reference/sqs.md 3.1).
func checkQueueName(name *string, fifo bool) error {
	switch {
	case name == nil:
		return api.InvalidParameterValue.Newf("Value for parameter QueueName is invalid. Reason: Must specify a queue name.")
	case *name == "":
		return api.InvalidParameterValue.Newf("Queue name cannot be empty")
	case fifo:
		stem, hasSuffix := strings.CutSuffix(*name, fifoSuffix)
		if !hasSuffix || !isName(stem, queueNameMax-len(fifoSuffix)) {
			return api.InvalidParameterValue.Newf(fifoNameRule)
		}
	case !isName(*name, queueNameMax):
		return api.InvalidParameterValue.Newf(standardNameRule)
	}
	return nil
}

// isID tells whether s may be a message group ID, deduplication ID or receive request attempt ID: 1 to 128 ASCII letters, digits
// and punctuation characters.
func isID(s string) bool {
	if s == "" || len(s) > idMax {
		return false
	}
	for i := range len(s) {
		if s[i] < '!' || s[i] > '~' {
			return false
		}
	}
	return true
}

// isMessageText tells whether s is UTF-8 with nothing but the characters that SQS allows in a body (reference/sqs.md 6.1).
func isMessageText(s string) bool {
	for i := ascii.Printable(s); i < len(s); i += ascii.Printable(s[i:]) {
		c := s[i]
		if c < utf8.RuneSelf {
			if c < ' ' && c != '\t' && c != '\n' && c != '\r' {
				return false
			}
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 || r == 0xFFFE || r == 0xFFFF {
			return false
		}
		i += size
	}
	return true
}

// inRange tells whether v is absent, or between low and high, both included.
func inRange(v *int64, low, high int64) bool { return v == nil || *v >= low && *v <= high }

// seconds makes a duration of a number of seconds; nil stays nil.
func seconds(v *int64) *time.Duration {
	if v == nil {
		return nil
	}
	d := time.Duration(*v) * time.Second
	return &d
}

package sqs

import (
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/staunchmq/staunch/internal/api"
)

// checkTags checks tags to be set on the queue of this name (reference/sqs.md 4.18), but not how many it has in all then.
func checkTags(queueName string, tags map[string]string) error {
	if len(tags) > tagsMax {
		return tooManyTags(queueName)
	}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		value := tags[key]
		invalid := api.InvalidParameterValue.Newf
		switch n := utf8.RuneCountInString(key); {
		case n < 1 || n > tagKeyMax:
			return invalid("Tag keys must be between 1 and %d characters in length.", tagKeyMax)
		case !isTagText(key):
			return invalid("Tag keys may only contain unicode letters, digits, whitespace, or one of these symbols: _ . : / = + - @")
		case strings.HasPrefix(strings.ToLower(key), "aws:"):
			return invalid("Tag keys must not start with aws:, which is reserved.")
		case utf8.RuneCountInString(value) > tagValueMax:
			return invalid("Tag values must be between 0 and %d characters in length.", tagValueMax)
		case !isTagText(value):
			return invalid("Tag values may only contain unicode letters, digits, whitespace, or one of these symbols: _ . : / = + - @")
		}
	}
	return nil
}

func tooManyTags(queueName string) error {
	return api.InvalidParameterValue.Newf("Too many tags added for queue %s.", queueName)
}

// isTagText tells whether s is text that a tag can have.
func isTagText(s string) bool {
	if !isMessageText(s) {
		return false
	}
	for _, r := range s {
		if !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsNumber(r) && !unicode.IsSpace(r) && !strings.ContainsRune("_.:/=+-@", r) {
			return false
		}
	}
	return true
}
